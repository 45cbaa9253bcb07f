"""Pictures of layers: after every edit the same as one that is read anew, from few rows."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import shapely
from desk import feature, point, square
from small_district import COMPOUNDS, OFFICES, STRUCTURES, SUMMER
from sqlalchemy import update
from tilereading import read

from geo import mvt, tilesets
from layers import cases, duty, pictures, progress, tables
from layers.catalogue import PUBLISHED_STATES
from layers.mapping import DEEPEST
from layers.people import OPERATOR, VISITOR, visible
from layers.querying import Query
from layers.stages import StageRow

Z, X, Y = 9, 422, 199  # the tile all of it lies in
ASKED = Query(layer="compounds", on=SUMMER)
LAYERS = ("compounds", "illegal_structures", "street_offices", "facilities")


def seen(desk, layer, person=OPERATOR, on=SUMMER):
    with desk.store.still() as still:
        return pictures.picture(still, visible(person, layer), Query(layer=layer, on=on))


def told(desk, layer, person=OPERATOR, **filters):
    """Return what the tile tells of a layer, by code."""
    with desk.store.still() as still:
        sight, asked = visible(person, layer), Query(layer=layer, on=SUMMER, **filters)
        drawn = pictures.picture(still, sight, asked)
        tile = drawn.tile(Z, X, Y, pictures.kept_rows(still, sight, asked, drawn))
    features = [feature for found in read(tile).values() for feature in found.features]
    return {feature.properties["code"]: feature.properties for feature in features}


def anew(desk):
    """Have every picture read from the store again."""
    pictures._pictures.clear()
    place = Path(desk.store.engine.url.database)
    for file in place.parent.glob("*.picture") if place.is_absolute() else ():
        file.unlink()


def check(desk):
    """Hold every picture that was kept to one read anew, tile by tile, byte by byte."""
    for layer in LAYERS:
        for person in (OPERATOR, VISITOR):
            kept = seen(desk, layer, person).tile(Z, X, Y)
            anew(desk)
            assert kept == seen(desk, layer, person).tile(Z, X, Y), (layer, person)


def test_it_tells_of_every_row_what_the_map_is_told(desk):
    found = told(desk, "compounds")
    assert sorted(found) == [row["properties"]["code"] for row in COMPOUNDS]
    one = {"code": "K01", "name": "一号院", "stage": "handover", "street_office_name": "A街道"}
    assert found["K01"] == one | {"finished": False, "late": False}
    assert "name" not in found["K02"] and "street_office_name" not in found["K09"]
    late = {
        row.code for row in desk.store.rows(visible(OPERATOR, "compounds"), ASKED) if row.standing["late"]
    }
    assert {code for code, row in found.items() if row["late"]} == late > set()
    assert told(desk, "illegal_structures")["S02"] == {"code": "S02", "state": "demolished", "area_m2": 20.5}
    assert set(told(desk, "facilities")) == {"school-1", "school-2", "clinic-1", "clinic-2", "market-1"}


@pytest.mark.parametrize("layer", LAYERS)
def test_columns_hold_what_rows_tell(desk, layer):
    for person in (OPERATOR, VISITOR):
        sight, query = visible(person, layer), Query(layer=layer, on=SUMMER)
        rows, found = list(desk.store.rows(sight, query)), desk.store.columns(sight, query)
        assert found.pop("wkb") == tuple(row.wkb for row in rows) > ()
        for name in ("finished", "done", "accepted", "late") if layer == "compounds" else ():
            assert list(map(bool, found.pop(name))) == [row.standing[name] for row in rows]
        assert found == {name: tuple(row.properties[name] for row in rows) for name in rows[0].properties}


def test_points_are_found_among_shapes_however_they_are_written():
    place, other = shapely.Point(117.5, 36.25), shapely.MultiPoint([(118.5, 37.25)])
    area = shapely.box(117, 36, 118, 37)
    written = [shapely.to_wkb(shape) for shape in (place, area, other, place)]
    written[3] = shapely.to_wkb(place, byte_order=0)
    rows, lonlat, shapes = pictures._drawn(written)
    assert rows.tolist() == [0, 2, 3]
    assert lonlat.tolist() == [[117.5, 36.25], [118.5, 37.25], [117.5, 36.25]]
    assert shapes.tolist() == [None, area, None, None]
    assert pictures._drawn(written[3:])[1].tolist() == pictures._drawn(written[:1])[1].tolist()
    assert [len(part) for part in pictures._drawn([])] == [0, 0, 0]


def test_a_visitor_is_shown_published_structures_only(desk):
    every, published = told(desk, "illegal_structures"), told(desk, "illegal_structures", VISITOR)
    assert len(every) == len(STRUCTURES)
    assert published == {code: row for code, row in every.items() if row.get("state") in PUBLISHED_STATES}
    assert 0 < len(published) < len(every)


@pytest.mark.parametrize(
    ("layer", "filters"),
    [
        ("compounds", {"plan_year": 2022}),
        ("compounds", {"stage": "construction"}),
        ("compounds", {"street_office": "A", "built_before": 1995}),
        ("illegal_structures", {"state": "found"}),
        ("illegal_structures", {"plan_year": 2022}),
        ("street_offices", {"without_sites": True}),
        ("facilities", {"kind": "school"}),
    ],
)
def test_filters_leave_what_the_store_says(desk, layer, filters):
    sight = visible(OPERATOR, layer)
    expected = {row.code for row in desk.store.rows(sight, Query(layer=layer, on=SUMMER, **filters))}
    assert set(told(desk, layer, **filters)) == expected
    assert expected


EDITS = {
    "a stage moves": lambda desk: move(desk, "K05", StageRow("construction", actual_start=date(2022, 5, 1))),
    "a structure is published": lambda desk: load(desk, "S03", 117.0052, 36.6045, "ordered"),
    "a structure is hidden": lambda desk: load(desk, "S05", 117.0054, 36.6045, "found"),
    "a structure moves": lambda desk: load(desk, "S01", 117.0151, 36.6045, "closed"),
    "a structure is new": lambda desk: load(desk, "S00", 117.0021, 36.6041, "ordered"),
    "two are new and one changes": lambda desk: [
        load(desk, "S99", 117.0021, 36.6041, "closed"),
        load(desk, "S98", 117.0022, 36.6041, "found"),
        load(desk, "S98", 117.0023, 36.6041, "closed"),
    ],
    "a compound moves": lambda desk: desk.load(
        "compounds", [feature(square(117.021, 36.604, 117.022, 36.605), code="K06", name="搬迁")]
    ),
    "a compound is new": lambda desk: desk.load(
        "compounds", [feature(square(117.023, 36.604, 117.0245, 36.605), code="A00", plan_year=2022)]
    ),
    "a person decides": lambda desk: cases.decide(desk.store, OPERATOR, "compounds", "K08", "A", "近"),
    "a deadline is set": lambda desk: progress.set_timetable(
        desk.store, OPERATOR, progress.Timetable((progress.Plan(2023, date(2022, 1, 1), ()),), None)
    ),
    "boundaries move": lambda desk: [
        desk.load(
            "street_offices",
            [feature(square(117, 36.6, 117.03, 36.61), code="A", name="甲街道"), *OFFICES[1:2]],
        ),
        duty.activate(desk.store, OPERATOR),
    ],
}


def load(desk, code, lon, lat, state):
    desk.load("illegal_structures", [feature(point(lon, lat), code=code, state=state, area_m2=3.25)])


def move(desk, code, *stages):
    with desk.store.writing(OPERATOR) as work:
        work.put_stages({code: stages})


@pytest.mark.parametrize("edit", EDITS)
def test_after_an_edit_it_is_what_is_read_anew(desk, edit):
    for layer in LAYERS:
        for person in (OPERATOR, VISITOR):
            seen(desk, layer, person)
    EDITS[edit](desk)
    check(desk)


def test_an_edit_reads_few_rows(desk, asked):
    before = {layer: seen(desk, layer) for layer in ("compounds", "illegal_structures")}
    load(desk, "S03", 117.0052, 36.6045, "ordered")
    asked.clear()
    after = seen(desk, "illegal_structures")
    assert after is not before["illegal_structures"]
    wholly = [text for text in asked if "FROM illegal_structures" in text and "WHERE" not in text]
    assert wholly == []
    again = seen(desk, "compounds")
    assert again.shapes is before["compounds"].shapes and again.told is before["compounds"].told
    asked.clear()
    assert seen(desk, "illegal_structures") is after
    assert not [text for text in asked if "illegal_structures." in text]


def test_who_still_reads_the_state_before_gets_it(desk):
    with desk.store.still() as before:
        sight, query = visible(OPERATOR, "illegal_structures"), Query(layer="illegal_structures", on=SUMMER)
        old = pictures.picture(before, sight, query)
        load(desk, "S03", 117.0052, 36.6045, "ordered")
        assert told(desk, "illegal_structures")["S03"]["state"] == "ordered"
        assert pictures.picture(before, sight, query) is old


def test_rows_that_changed_without_a_word_are_read_anew(desk):
    told(desk, "compounds")
    with desk.store.writing(OPERATOR) as work:
        table = tables.compounds
        work.connection.execute(update(table).where(table.c.code == "K01").values(name="换名"))
        work.bump("compounds")
    assert told(desk, "compounds")["K01"]["name"] == "换名"


def test_of_another_day_it_tells_that_day(desk):
    now, then = (seen(desk, "compounds", on=on) for on in (SUMMER, date(2021, 1, 1)))
    stages = [p.told.named["stage"].values for p in (now, then)]
    assert "handover" in stages[0] and "handover" not in stages[1]
    assert seen(desk, "facilities", on=date(2021, 1, 1)) is seen(desk, "facilities")


def test_an_empty_layer_has_a_picture(store):
    with store.still() as still:
        for layer in LAYERS:
            query = Query(layer=layer, on=SUMMER)
            assert pictures.picture(still, visible(OPERATOR, layer), query).tile(Z, X, Y) == b""


def test_one_zoom_shows_one_kind_in_all_its_tiles(desk, monkeypatch):
    """Nobody sees where one tile ends and the next begins; the deepest zoom is told tile by tile."""
    monkeypatch.setattr(mvt, "FEW", 5)
    for i in range(6):  # close together, and one by itself three kilometres away
        load(desk, f"Y{i}", 117.0031 + i * 1e-5, 36.6045, "found" if i % 2 else "closed")
    load(desk, "Y9", 117.0331, 36.6045, "closed")
    with desk.store.still() as still:
        sight = visible(OPERATOR, "illegal_structures")
        query = Query(layer="illegal_structures", on=SUMMER)
        drawn, few = pictures.picture(still, sight, query), replace(query, state="closed")
        kept = pictures.kept_rows(still, sight, few, drawn)
        assert 5 < drawn.count(kept) < drawn.count()

        def kinds(z, keep=None):
            """Return of every tile of a zoom how many features have a code, and how many are counted."""
            lon, lat = np.array([117.0, 117.04]), np.array([36.61, 36.6])
            (west, east), (north, south) = (a >> np.uint32(32 - z) for a in tilesets.world(lon, lat))
            tiles = [
                drawn.tile(z, x, y, keep) for x in range(west, east + 1) for y in range(north, south + 1)
            ]
            found = [list(read(tile).values())[0].features for tile in tiles if tile]
            return [
                (sum("code" in f.properties for f in some), sum(f.properties.get("count", 0) for f in some))
                for some in found
            ]

        together = kinds(14)
        assert len(together) > 1 and all(codes == 0 for codes, _ in together)
        assert kinds(14, kept) != together and all(count == 0 for _, count in kinds(14, kept))
        deepest = kinds(DEEPEST)
        assert any(codes and not count for codes, count in deepest)
        assert any(count and not codes for codes, count in deepest)
