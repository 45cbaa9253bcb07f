"""Who answers for what: written when data change, moved by editions, and no more than must be.

The street offices are squares of a hundredth of a degree in one row, so that the shares of a
compound between the same two parallels are the ratios of its widths.
"""

import json
import math
from pathlib import Path

import pytest
from desk import Desk, feature, point, square
from sqlalchemy import delete

from geo.errors import NotFoundError, PermissionError_, RequestError
from geo.locate import GEOD
from layers import duty, tables
from layers.people import OPERATOR, VISITOR
from layers.store import verify_history

SOUTH, NORTH = 36.60, 36.61


def office(code, west, east):
    return feature(square(west, SOUTH, east, NORTH), code=code, name=f"{code}街道")


def compound(code, west, east, **properties):
    return feature(square(west, 36.604, east, 36.605), code=code, **properties)


#: a | b | c, from the west; a and b share the meridian 117.01 exactly.
OFFICES = [office("b", 117.01, 117.02), office("a", 117.00, 117.01), office("c", 117.02, 117.03)]


@pytest.fixture
def desk(store, tmp_path):
    return Desk(store, tmp_path)


def answers(desk, layer, *columns):
    """Return what is written of each site of a layer under the active edition, by code."""
    (active,) = [e["id"] for e in desk.rows(tables.editions) if e["state"] == "active"]
    rows = [r for r in desk.rows(tables.assignments) if (r["layer"], r["edition_id"]) == (layer, active)]
    columns = columns or ("street_office_code", "share", "outside", "border", "method")
    return {row["code"]: tuple(row[name] for name in columns) for row in rows}


def offices_of(desk, layer):
    return {code: office for code, (office,) in answers(desk, layer, "street_office_code").items()}


# Points


def test_points_inside_on_an_edge_on_a_corner_and_outside(desk):
    desk.load("street_offices", OFFICES)
    places = {
        "inside": (117.005, 36.605),
        "edge-a-b": (117.01, 36.605),
        "corner-b-c": (117.02, 36.61),
        "outer-edge": (117.03, 36.605),
        "outside": (117.04, 36.605),
    }
    rows = [feature(point(*place), code=code) for code, place in places.items()]
    desk.load("illegal_structures", rows)
    inside, nowhere = (1.0, 0.0, 0, "containment"), (None, 0.0, 1.0, 0, "none")
    assert answers(desk, "illegal_structures") == {
        "inside": ("a", *inside),
        "edge-a-b": ("a", 1.0, 0.0, 1, "containment"),
        "corner-b-c": ("b", 1.0, 0.0, 1, "containment"),
        "outer-edge": ("c", 1.0, 0.0, 1, "containment"),
        "outside": nowhere,
    }
    assert desk.rows(tables.shares) == []


def test_a_facility_with_an_area_lies_where_its_inner_point_does(desk):
    desk.load("street_offices", OFFICES)
    ring = square(117.0101, 36.6001, 117.0199, 36.6099)["coordinates"]
    hole = square(117.011, 36.601, 117.0199, 36.609)["coordinates"][0][::-1]
    ground = feature({"type": "Polygon", "coordinates": [*ring, hole]}, code="park")
    desk.load("facilities", [ground, feature(point(117.025, 36.605), code="school")])
    assert offices_of(desk, "facilities") == {"park": "b", "school": "c"}


# Compounds


def test_compounds_keep_every_share(desk):
    desk.load("street_offices", OFFICES)
    rows = [
        compound("inside", 117.001, 117.002),
        compound("three", 117.009, 117.025),  # 1 : 10 : 5 of 16
        compound("halves", 117.0195, 117.0205),  # 1 : 1
        compound("half-out", 117.029, 117.031),  # 1 : 1 of nobody
        compound("out", 117.04, 117.05),
        compound("a-hair", 117.010, 117.0201),  # 100 : 1
        compound("a-hand", 117.010, 117.0202),  # 100 : 2
    ]
    desk.load("compounds", rows)
    near = pytest.approx
    assert answers(desk, "compounds") == {
        "inside": ("a", 1.0, 0.0, 0, "containment"),
        "three": ("b", near(10 / 16), near(0, abs=1e-9), 1, "largest_share"),
        "halves": ("b", near(0.5), near(0, abs=1e-9), 1, "largest_share"),
        "half-out": ("c", near(0.5), near(0.5), 0, "largest_share"),
        "out": (None, 0.0, 1.0, 0, "none"),
        "a-hair": ("b", near(100 / 101), near(0, abs=1e-9), 0, "largest_share"),
        "a-hand": ("b", near(100 / 102), near(0, abs=1e-9), 1, "largest_share"),
    }
    shares = {(r["code"], r["street_office_code"]): r["share"] for r in desk.rows(tables.shares)}
    assert {key: value for key, value in shares.items() if key[0] in ("three", "halves")} == {
        ("three", "a"): near(1 / 16),
        ("three", "b"): near(10 / 16),
        ("three", "c"): near(5 / 16),
        ("halves", "b"): near(0.5),
        ("halves", "c"): near(0.5),
    }
    total = {code: sum(v for (c, _), v in shares.items() if c == code) for code, _ in shares}
    assert total == {code: near(0.5 if code == "half-out" else 1.0) for code in total}
    assert "out" not in total


def test_what_two_offices_claim_is_written_down(desk):
    desk.load("street_offices", [office("a", 117.00, 117.02), office("b", 117.01, 117.03)])
    desk.load("compounds", [compound("X", 117.008, 117.018)])  # a holds all of it, b 8 of 10 as well
    assert answers(desk, "compounds", "street_office_code", "share", "claimed_twice", "border") == {
        "X": ("a", 1.0, pytest.approx(0.8), 1)
    }


def test_without_street_offices_nobody_answers_and_nothing_fails(desk):
    desk.load("compounds", [compound("X", 117.001, 117.002)])
    desk.load("illegal_structures", [feature(point(117.0015, 36.6045), code="S")])
    assert desk.rows(tables.assignments) == []
    assert desk.rows(tables.places, "code", "compound_code") == [{"code": "S", "compound_code": "X"}]
    assert duty.assign_all(desk.store, OPERATOR) == dict.fromkeys(duty.SITES, 0)


def test_a_structure_belongs_to_the_compound_its_file_names_else_to_the_one_around_it(desk):
    desk.load("compounds", [compound("X", 117.001, 117.002), compound("Y", 117.003, 117.004)])
    inside = point(117.0015, 36.6045)
    desk.load("illegal_structures", [feature(inside, code="N"), feature(inside, code="S", compound_code="Y")])
    placed = {"N": "X", "S": "Y"}
    assert {r["code"]: r["compound_code"] for r in desk.rows(tables.places)} == placed
    desk.load("illegal_structures", [feature(inside, code="N", compound_code="Y")])
    assert {r["code"]: r["compound_code"] for r in desk.rows(tables.places)} == placed | {"N": "Y"}
    duty.assign_all(desk.store, OPERATOR)
    assert {r["code"]: r["compound_code"] for r in desk.rows(tables.places)} == placed | {"N": "Y"}


# Editions


SITES = {
    "compounds": [compound("K", 117.001, 117.002), compound("L", 117.008, 117.009)],
    "illegal_structures": [feature(point(x, 36.6045), code=f"S{x}") for x in (117.0015, 117.0085, 117.04)],
    "facilities": [feature(point(117.0095, 36.605), code="F")],
}
#: The meridian between a and b moves 300 m to the west; b's name changes; c is gone.
MOVED = [office("a", 117.00, 117.007), office("b", 117.007, 117.02)]


def test_an_activated_edition_moves_the_sites_and_says_so(desk):
    desk.load("street_offices", OFFICES)
    for layer, rows in SITES.items():
        desk.load(layer, rows)
    before = {layer: answers(desk, layer) for layer in SITES}
    desk.load("street_offices", MOVED)
    assert {layer: answers(desk, layer) for layer in SITES} == before
    revision = desk.store.revision("street_offices")
    assert duty.activate(desk.store, OPERATOR) == (
        2,
        {"compounds": 1, "illegal_structures": 1, "facilities": 1},
    )
    assert desk.store.revision("street_offices") > revision
    assert offices_of(desk, "compounds") == {"K": "a", "L": "b"}
    assert offices_of(desk, "illegal_structures") == {"S117.0015": "a", "S117.0085": "b", "S117.04": None}
    assert offices_of(desk, "facilities") == {"F": "b"}
    assert [e["state"] for e in desk.rows(tables.editions)] == ["former", "active"]


def test_a_former_edition_can_be_made_active_again(desk):
    desk.load("street_offices", OFFICES)
    desk.load("street_offices", MOVED)
    desk.load("compounds", SITES["compounds"])
    former = answers(desk, "compounds")
    shares = desk.rows(tables.shares)
    duty.activate(desk.store, OPERATOR)
    kept = desk.rows(tables.former_shares, "code", "street_office_code", "area_m2", "share")
    assert kept == [{name: row[name] for name in kept[0]} for row in shares]
    # What is loaded meanwhile must be answered for by the former edition as well.
    desk.load("compounds", [compound("M", 117.025, 117.026)])
    assert offices_of(desk, "compounds") == {"K": "a", "L": "b", "M": None}
    done = duty.activate(desk.store, OPERATOR, 1)
    assert (done.edition_id, done.moved["compounds"]) == (1, 2)
    assert answers(desk, "compounds") == {**former, "M": ("c", 1.0, 0.0, 0, "containment")}
    activated = [e for e in desk.rows(tables.history) if e["action"] == "activate"]
    assert [(e["before"], e["after"]) for e in activated] == [(None, "1"), ("1", "2"), ("2", "1")]
    assert verify_history(desk.store) is None


def test_an_edition_that_was_passed_over_is_gone_back_to_by_its_number_only(desk):
    for east in (117.02, 117.03, 117.04):
        desk.load("street_offices", [office("a", 117.0, east)])
    assert duty.activate(desk.store, OPERATOR).edition_id == 3
    with pytest.raises(NotFoundError, match="No newer edition"):
        duty.activate(desk.store, OPERATOR)
    assert duty.activate(desk.store, OPERATOR, 2).edition_id == 2


def test_what_cannot_be_activated(desk):
    with pytest.raises(NotFoundError, match="No newer edition of the street offices waits"):
        duty.activate(desk.store, OPERATOR)
    desk.load("street_offices", OFFICES)
    before = desk.everything()
    with pytest.raises(RequestError, match="Edition 1 of the street offices is active already"):
        duty.activate(desk.store, OPERATOR, 1)
    for number in (0, 2, -1):
        with pytest.raises(NotFoundError, match=f"has the number {number}"):
            duty.activate(desk.store, OPERATOR, number)
    with pytest.raises(PermissionError_):
        duty.activate(desk.store, VISITOR, 1)
    with pytest.raises(PermissionError_):
        duty.assign_all(desk.store, VISITOR)
    assert desk.everything() == before


# No more than must be


def test_only_what_changed_is_worked_out_anew(desk):
    desk.load("street_offices", OFFICES)
    for layer, rows in SITES.items():
        desk.load(layer, rows)
    at = answers(desk, "compounds", "at")
    others = {layer: answers(desk, layer, "at") for layer in ("illegal_structures", "facilities")}
    # K moves to b, L only changes a field, N is new.
    rows = [
        compound("K", 117.011, 117.012),
        compound("L", 117.008, 117.009, name="李"),
        compound("N", 117.0, 117.001),
    ]
    desk.load("compounds", rows)
    now = answers(desk, "compounds", "at")
    assert {code for code in now if now[code] != at.get(code)} == {"K", "N"}
    assert {layer: answers(desk, layer, "at") for layer in others} == others
    moved = [e for e in desk.rows(tables.history) if e["action"] == "assign" and e["code"] is not None]
    assert [(e["subject"], e["code"]) for e in moved] == [("compounds", "K")]
    before, after = json.loads(moved[0]["before"]), json.loads(moved[0]["after"])
    assert (before["street_office_code"], after["street_office_code"]) == ("a", "b")


def test_assigning_again_changes_nothing(desk):
    desk.load("street_offices", OFFICES)
    for layer, rows in SITES.items():
        desk.load(layer, rows)
    desk.load("facilities", [facility("park", 117.0015, 36.6045, 100)])
    before, revision = desk.everything(), desk.store.revision(*tables.FEATURES)
    assert duty.assign_all(desk.store, OPERATOR) == dict.fromkeys(duty.SITES, 0)
    assert desk.store.revision(*tables.FEATURES) == revision
    assert desk.everything() == before


def test_a_changed_row_counts_once(desk):
    desk.load("compounds", SITES["compounds"])
    desk.load("illegal_structures", SITES["illegal_structures"])
    desk.load("street_offices", OFFICES)
    with desk.store.writing(OPERATOR) as work:
        for table in (tables.assignments, tables.places, tables.shares):
            work.connection.execute(table.delete())
    # Every structure gets an answer again, two of them a compound besides: three rows, not five.
    counts = duty.assign_all(desk.store, OPERATOR)
    assert counts == {"compounds": 2, "illegal_structures": 3, "facilities": 0}


# Structures in compounds


def test_structures_are_placed_in_compounds_whichever_comes_first(desk):
    rows = [feature(point(117.0015, 36.6045), code="S"), feature(point(117.0045, 36.6045), code="T")]
    desk.load("illegal_structures", rows)
    assert desk.rows(tables.places) == []
    desk.load("compounds", [compound("K", 117.001, 117.002)])
    assert desk.rows(tables.places) == [{"code": "S", "compound_code": "K"}]
    desk.load("illegal_structures", [feature(point(117.0016, 36.6045), code="U")])
    desk.load("compounds", [compound("K", 117.004, 117.005)])
    assert desk.rows(tables.places) == [{"code": "T", "compound_code": "K"}]
    desk.load("illegal_structures", [feature(point(117.0099, 36.6045), code="T")])
    assert desk.rows(tables.places) == []


# Coverage

#: A corner in the district, and a square of this side in metres to the north-east of it.
CORNER, SIDE = (117.012, 36.602), 200.0


def facility(code, lon, lat, radius, kind="school"):
    return feature(point(lon, lat), code=code, kind=kind, radius_m=radius)


def metric_square(code="K"):
    east, north = GEOD.fwd(*CORNER, 90, SIDE)[0], GEOD.fwd(*CORNER, 0, SIDE)[1]
    return feature(square(*CORNER, east, north), code=code)


def covered(desk):
    return {(row["code"], row["kind"]): row["share"] for row in desk.rows(tables.coverage)}


def test_a_corner_in_the_middle_of_a_circle_is_a_quarter_of_it(desk):
    desk.load("facilities", [facility("F", *CORNER, SIDE)])
    assert covered(desk) == {}
    desk.load("compounds", [metric_square()])
    # A quarter of the circle (π r² / 4) lies in the square of side r: π / 4 of the square.
    assert covered(desk) == {("K", "school"): pytest.approx(math.pi / 4, abs=2e-4)}


def test_half_a_circle_two_circles_and_none(desk):
    desk.load("compounds", [metric_square()])
    middle = GEOD.fwd(*CORNER, 90, SIDE / 2)[:2]
    far = GEOD.fwd(*CORNER, 270, 5000)[:2]
    rows = [
        facility("half", *middle, SIDE / 2, "clinic"),  # half a circle: (π (s/2)² / 2) / s² = π / 8
        facility("half-again", *middle, SIDE / 2, "clinic"),  # the same place serves nobody twice
        facility("whole", *middle, 3 * SIDE, "market"),
        facility("none", *far, SIDE, "park"),
        facility("no-radius", *middle, None, "kindergarten"),
        facility("no-kind", *middle, SIDE, None),
    ]
    desk.load("facilities", rows)
    assert covered(desk) == {
        ("K", "clinic"): pytest.approx(math.pi / 8, abs=2e-4),
        ("K", "market"): 1.0,
        ("K", "park"): 0.0,
    }


def test_coverage_follows_the_facilities_and_the_compounds(desk):
    desk.load("compounds", [metric_square()])
    desk.load("facilities", [facility("F", *CORNER, SIDE)])
    revision = desk.store.revision("compounds")
    desk.load("facilities", [facility("F", *CORNER, SIDE / 2)])
    # A quarter of a circle of half the radius: a quarter of π / 4.
    assert covered(desk) == {("K", "school"): pytest.approx(math.pi / 16, abs=2e-4)}
    assert desk.store.revision("compounds") > revision
    desk.load("facilities", [facility("F", *CORNER, 10 * SIDE, "clinic")])
    assert covered(desk) == {("K", "clinic"): 1.0}
    away = feature(square(117.05, 36.602, 117.051, 36.603), code="K")
    desk.load("compounds", [away])
    assert covered(desk) == {("K", "clinic"): 0.0}
    desk.load("facilities", [facility("F", *CORNER, None, "clinic")])
    assert covered(desk) == {}


def test_a_facility_that_only_changes_its_name_changes_no_coverage(desk):
    desk.load("compounds", [metric_square()])
    desk.load("facilities", [facility("F", *CORNER, SIDE)])
    revision, steps = desk.store.revision("compounds"), []
    rows = [feature(point(*CORNER), code="F", kind="school", radius_m=SIDE, name="实验小学")]
    desk.load("facilities", rows, steps.append)
    assert steps == ["read", "check", "store"]
    assert desk.store.revision("compounds") == revision


# Many points are looked up in a grid


def test_a_grid_writes_what_the_plain_way_writes(desk, monkeypatch):
    desk.load("street_offices", OFFICES)
    desk.load("compounds", [compound("X", 117.001, 117.004), compound("Y", 117.008, 117.013)])
    spots = [(117 + i / 1000, 36.6 + j / 2000) for i in range(-1, 32) for j in range(-1, 22)]
    desk.load(
        "illegal_structures", [feature(point(*at), code=f"S{n}", state="found") for n, at in enumerate(spots)]
    )
    plain = assigned_anew(desk)
    assert len(plain[1]) > 10
    monkeypatch.setattr(duty, "MANY", 1)
    database = Path(desk.store.engine.url.database)
    files = [Path(f"{database}.{layer}.grid") for layer in ("street_offices", "compounds")]
    # The two compounds were looked up in the one over the offices when they were loaded.
    assert [file.exists() for file in files] == [database.is_absolute(), False]
    assert duty.assign_all(desk.store, OPERATOR) == {"compounds": 0, "illegal_structures": 0, "facilities": 0}
    # Beside a store that is a file; a database on a server has no such place.
    assert [file.exists() for file in files] == [database.is_absolute()] * 2
    told = assigned_anew(desk)
    assert [without_time(rows) for rows in told] == [without_time(rows) for rows in plain]


def assigned_anew(desk):
    """Return who answers and where structures lie, as it is worked out when nothing is on record."""
    with desk.store.writing(OPERATOR) as work:
        for table in (tables.assignments, tables.places):
            work.connection.execute(delete(table))
    duty.assign_all(desk.store, OPERATOR)
    return [desk.rows(table) for table in (tables.assignments, tables.places)]


def without_time(rows):
    return [{name: value for name, value in row.items() if name != "at"} for row in rows]
