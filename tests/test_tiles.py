"""Tiles over HTTP: who may see what, tags, filters, the tile after an edit, and the same from both stores."""

import gzip
from collections import Counter

import pytest
from desk import feature, point
from small_district import COMPOUNDS, SUMMER
from sqlalchemy import update
from tilereading import read

from geo import mvt
from layers import classes, tables
from layers.catalogue import PUBLISHED_STATES
from layers.people import OPERATOR, visible
from layers.querying import Query

PLACE = "9/422/199"  # the tile all of the small district lies in
LAYERS = ("compounds", "illegal_structures", "street_offices", "facilities")


@pytest.fixture
def client(make_app, desk):
    return make_app(desk.store, LOCAL_ROLE="bureau").test_client()


@pytest.fixture
def visitor(make_app, desk):
    return make_app(desk.store).test_client()


def told(answer):
    """Return what an answer's tile tells, by code."""
    assert (answer.status_code, answer.mimetype) == (200, "application/vnd.mapbox-vector-tile")
    features = [feature for found in read(answer.data).values() for feature in found.features]
    return {feature.properties["code"]: feature.properties for feature in features}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_tile_tells_what_the_geojson_tells(client, layer):
    found = told(client.get(f"/tiles/{layer}/{PLACE}.mvt"))
    features = client.get(f"/map/{layer}.geojson").get_json(force=True)["features"]
    known = {
        f["properties"]["code"]: {name: value for name, value in f["properties"].items() if value is not None}
        for f in features
    }
    for code, properties in found.items():
        shared = properties.keys() - {"small"}
        assert {name: properties[name] for name in shared} == {name: known[code][name] for name in shared}
        assert known[code].keys() - shared <= {"compounds", "label_at"}
    assert found.keys() == known.keys()


def test_filters_are_those_of_the_map(client):
    for asked in ("plan_year=2022", "stage=construction", "street_office=A", "on=2021-01-01", "text=一号"):
        found = told(client.get(f"/tiles/compounds/{PLACE}.mvt?{asked}"))
        features = client.get(f"/map/compounds.geojson?{asked}").get_json(force=True)["features"]
        assert {code: row["stage"] for code, row in found.items()} == {
            f["properties"]["code"]: f["properties"]["stage"] for f in features
        }
        assert len(found) > 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tiles/compounds/9/422/199.mvt?colour=red", 400),
        ("/tiles/compounds/9/422/199.mvt?state=found", 400),
        ("/tiles/compounds/9/422/199.mvt?street_office=Z", 400),
        ("/tiles/compounds/9/512/199.mvt", 400),
        ("/tiles/compounds/17/0/0.mvt", 400),
        ("/tiles/nothing/9/422/199.mvt", 404),
        ("/tiles/nothing.json", 404),
        ("/tiles/compounds.json?colour=red", 400),
        ("/tiles/compounds/9/422/199.mvt?as_of=today", 400),
        ("/tiles/facilities/9/422/199.mvt?colour=stage", 400),
    ],
)
def test_what_cannot_be_asked_is_told(client, path, status):
    assert client.get(path).status_code == status


def test_a_visitor_is_told_of_published_structures_only(client, visitor):
    path = f"/tiles/illegal_structures/{PLACE}.mvt"
    every, published = told(client.get(path)), told(visitor.get(path))
    assert published == {code: row for code, row in every.items() if row.get("state") in PUBLISHED_STATES}
    assert 0 < len(published) < len(every)
    # Nothing that was kept for the one comes to the other, whoever asks first.
    assert told(client.get(path)) == every and told(visitor.get(path)) == published
    assert visitor.get(f"{path}?state=found").status_code == 204


def test_a_visitor_is_not_told_that_an_unpublished_structure_changed(desk, client, visitor):
    path = f"/tiles/illegal_structures/{PLACE}.mvt"
    tags = [asker.get(path).headers["ETag"] for asker in (client, visitor)]
    desk.load("illegal_structures", [feature(point(117.0052, 36.6045), code="S03", state="verified")])
    answers = [
        asker.get(path, headers={"If-None-Match": tag})
        for asker, tag in zip((client, visitor), tags, strict=True)
    ]
    assert [answer.status_code for answer in answers] == [200, 304]
    assert told(answers[0])["S03"]["state"] == "verified"


def test_an_edit_is_in_the_very_next_tile(desk, client):
    path = f"/tiles/compounds/{PLACE}.mvt"
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    changed = {**COMPOUNDS[0]["properties"], "name": "<img src=x onerror=alert(1)>"}
    desk.load("compounds", [{**COMPOUNDS[0], "properties": changed}])
    answer = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert told(answer)["K01"]["name"] == "<img src=x onerror=alert(1)>"
    assert {name: answer.headers[name] for name in ("Cache-Control", "Vary")} == {
        "Cache-Control": "private, no-cache",
        "Vary": "Cookie, Accept-Encoding",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_tile_is_sent_compressed_to_those_who_read_that(client):
    path = f"/tiles/compounds/{PLACE}.mvt"
    plain, packed = client.get(path), client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data


def test_where_nothing_lies_there_is_no_content(client):
    answer = client.get("/tiles/compounds/9/0/0.mvt")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "ETag" in answer.headers


def test_a_layer_is_described_by_tilejson(client):
    found = client.get("/tiles/compounds.json?plan_year=2022&lang=en").json
    assert found["tilejson"] == "3.0.0"
    assert found["tiles"] == ["http://localhost/tiles/compounds/{z}/{x}/{y}.mvt?plan_year=2022&lang=en"]
    assert (found["minzoom"], found["maxzoom"], found["bounds"]) == (0, 16, [117.0, 36.6, 117.03, 36.61])
    (layer,) = found["vector_layers"]
    assert layer["id"] == "compounds"
    assert layer["fields"]["stage"] == "Stage"
    tile = read(client.get(f"/tiles/compounds/{PLACE}.mvt").data)["compounds"]
    assert set().union(*(f.properties for f in tile.features)) - {"small"} <= layer["fields"].keys()


def test_from_afar_they_are_counted_by_state(client, desk):
    places = [(117 + i % 100 / 5000, 36.6 + i // 100 / 5000) for i in range(4000)]
    states = ["found", "ordered", "closed", "demolished"]
    many = [feature(point(*at), code=f"Z{i:04}", state=states[i % 4]) for i, at in enumerate(places)]
    desk.load("illegal_structures", many)
    features = read(client.get("/tiles/illegal_structures/6/52/24.mvt").data)["illegal_structures"].features
    counted = {state: sum(f.properties.get(f"count_{state}", 0) for f in features) for state in states}
    sight, store = visible(OPERATOR, "illegal_structures"), desk.store
    for state, number in counted.items():
        assert number == store.count(sight, Query(layer="illegal_structures", on=SUMMER, state=state)) > 1000
    assert sum(f.properties["count"] for f in features) == 4012


@pytest.mark.parametrize("asked", ["", "plan_year=2022", "stage=construction"])
@pytest.mark.parametrize("colouring", classes.COLOURINGS)
def test_from_afar_compounds_are_counted_by_any_classes_on_any_day(client, monkeypatch, colouring, asked):
    monkeypatch.setattr(mvt, "FEW", 0)
    told = client.get(f"/map/classes.json?colour={colouring}&on=2021-12-31").json
    whole = client.get(f"/map/compounds.geojson?{asked}").get_json(force=True)["features"]
    known = Counter(told["classes"][told["of"][f["id"]]] for f in whole)
    address = f"/tiles/compounds/6/52/24.mvt?colour={colouring}&as_of=2021-12-31&{asked}"
    counted = Counter()
    for cell in read(client.get(address).data)["compounds"].features:
        counts = {n: v for n, v in cell.properties.items() if n.startswith("count_")}
        assert sum(counts.values()) == cell.properties["count"]
        counted.update({name.removeprefix("count_"): value for name, value in counts.items()})
    assert counted == known and counted
    assert client.get(f"/tiles/compounds.json?colour={colouring}").status_code == 200


def test_a_visitor_counts_what_a_visitor_sees(client, visitor, monkeypatch):
    monkeypatch.setattr(mvt, "FEW", 0)
    address = "/tiles/compounds/6/52/24.mvt?colour=cleared"
    answers = [who.get(address) for who in (client, visitor)]
    counted = [
        sum(f.properties.get("count_no_structures", 0) for f in read(answer.data)["compounds"].features)
        for answer in answers
    ]
    assert counted == [5, 6]
    assert answers[0].headers["ETag"] != answers[1].headers["ETag"]


def test_the_same_tiles_come_from_both_stores(client, request, desk):
    """Kept between the two runs of this test: what the first store gave the second gives too."""
    tiles = {layer: client.get(f"/tiles/{layer}/{PLACE}.mvt").data for layer in LAYERS}
    before = request.config.stash.setdefault(_TILES, tiles)
    assert tiles == before


_TILES = pytest.StashKey[dict[str, bytes]]()


def test_a_renamed_row_without_history_is_seen_too(client, desk):
    path = f"/tiles/compounds/{PLACE}.mvt"
    client.get(path)
    table = tables.compounds
    with desk.store.writing(OPERATOR) as work:
        work.connection.execute(update(table).where(table.c.code == "K02").values(name="改名"))
        work.bump("compounds")
    assert told(client.get(path))["K02"]["name"] == "改名"
