"""What a waiting edition would move from whom to whom: told beforehand, and then it is so."""

import csv
import io
import json

import pytest
import shapely
from desk import Desk, feature, point, square
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.errors import NotFoundError, PermissionError_, RequestError
from layers import cases, duty, moved, moving, open_store, tables
from layers.moving import Side
from layers.people import OPERATOR, VISITOR, Person


def office(code, west, east, name="解放路街道"):
    return feature(square(west, 36.60, east, 36.61), code=code, name=name)


def compound(code, west, east, **properties):
    return feature(square(west, 36.604, east, 36.605), code=code, **properties)


FIRST = [office("a", 117.00, 117.01), office("b", 117.01, 117.02), office("c", 117.02, 117.03, "c街道")]
#: a gives K and M to b, c goes and leaves L to nobody, d takes N; a and b have one name.
SECOND = [office("a", 117.00, 117.005), office("b", 117.005, 117.02), office("d", 117.04, 117.05, "d街道")]
COMPOUNDS = [
    compound("J", 117.001, 117.002, floor_area_m2=1000),
    compound("K", 117.007, 117.008, floor_area_m2=2000.5, name="和平小区"),
    compound("L", 117.021, 117.022, floor_area_m2=4000),
    compound("M", 117.006, 117.007),
    compound("N", 117.041, 117.042, floor_area_m2=8000),
]
STRUCTURES = [
    feature(point(117.0075, 36.6045), code="S", state="found"),
    feature(point(117.0076, 36.6045), code="T", state="ordered"),
]
FACILITIES = [feature(point(117.0215, 36.6045), code="F", kind="park")]
A, B, C, D, NOBODY = (
    Side("a", "解放路街道"),
    Side("b", "解放路街道"),
    Side("c", "c街道"),
    Side("d", "d街道"),
    Side(None, None),
)


@pytest.fixture
def desk(store, tmp_path):
    desk = Desk(store, tmp_path)
    desk.load("street_offices", FIRST)
    desk.load("compounds", COMPOUNDS)
    desk.load("illegal_structures", STRUCTURES)
    desk.load("facilities", FACILITIES)
    return desk


@pytest.fixture
def waiting(desk):
    desk.load("street_offices", SECOND)
    return desk


def pairs(comparison):
    return {(m.layer, m.code): (m.former, m.coming) for m in comparison.moves}


def test_what_moves_is_told_beforehand_and_nothing_is_written(waiting):
    before = waiting.everything()
    found = moving.compare(waiting.store, OPERATOR)
    assert pairs(found) == {
        ("compounds", "K"): (A, B),
        ("compounds", "L"): (C, NOBODY),
        ("compounds", "M"): (A, B),
        ("compounds", "N"): (NOBODY, D),
        ("illegal_structures", "S"): (A, B),
        ("illegal_structures", "T"): (A, B),
        ("facilities", "F"): (C, NOBODY),
    }
    assert (found.edition_id, found.active_id, found.same_code_list) == (2, 1, True)
    assert (found.appearing, found.leaving) == ((D,), (C,))
    assert found.sites == {"compounds": 5, "illegal_structures": 2, "facilities": 1}
    assert waiting.everything() == before


def test_the_totals_say_from_whom_to_whom_by_code_not_by_name(waiting):
    totals = moving.compare(waiting.store, OPERATOR).totals()
    told = [(t.former, t.coming, tuple(t.sites.values()), t.floor_area_m2, t.unknown) for t in totals]
    assert told == [
        (A, B, (2, 2, 0), 2000.5, 1),
        (C, NOBODY, (1, 0, 1), 4000.0, 0),
        (NOBODY, D, (1, 0, 0), 8000.0, 0),
    ]


def test_activating_does_what_was_told(waiting):
    told = moving.compare(waiting.store, OPERATOR)
    done = duty.activate(waiting.store, OPERATOR)
    counts = {layer: sum(m.layer == layer for m in told.moves) for layer in duty.SITES}
    assert done == (told.edition_id, counts)
    now = {(r["layer"], r["code"]): r["street_office_code"] for r in waiting.rows(tables.assignments)}
    for key, (_, coming) in pairs(told).items():
        assert now[key] == coming.code


def test_the_way_back_is_compared_by_number(waiting):
    duty.activate(waiting.store, OPERATOR)
    back = moving.compare(waiting.store, OPERATOR, 1)
    assert pairs(back)["compounds", "K"] == (B, A)
    with pytest.raises(RequestError, match="Edition 2 of the street offices is active already"):
        moving.compare(waiting.store, OPERATOR, 2)
    with pytest.raises(NotFoundError, match="No newer edition"):
        moving.compare(waiting.store, OPERATOR)
    with pytest.raises(NotFoundError, match="has the number 9"):
        moving.compare(waiting.store, OPERATOR, 9)


def test_without_an_active_edition_there_is_nothing_to_compare(store):
    with pytest.raises(NotFoundError):
        moving.compare(store, OPERATOR)


def test_shares_border_and_decisions_are_those_after_activating(desk):
    desk.load("compounds", [compound("P", 117.008, 117.011)])
    cases.decide(desk.store, OPERATOR, "compounds", "P", "a", "x")
    cases.decide(desk.store, OPERATOR, "compounds", "L", "c", "x")
    desk.load("street_offices", [office("a", 117.00, 117.009), office("b", 117.009, 117.02)])
    found = {m.code: m for m in moving.compare(desk.store, OPERATOR).moves if m.layer == "compounds"}
    # P was decided upon and stays with a; of L the office decided upon is gone.
    assert sorted(found) == ["L"]
    assert (found["L"].former, found["L"].coming, found["L"].review) == (C, NOBODY, True)
    assert (found["L"].share_from, found["L"].share_to) == (pytest.approx(1.0), 0.0)
    assert [r["state"] for r in desk.rows(tables.decisions)] == ["decided", "decided"]
    duty.activate(desk.store, OPERATOR)
    assert [r["state"] for r in desk.rows(tables.decisions)] == ["review", "review"]


def test_another_code_list_makes_every_office_another_one(desk):
    codes = {"a": "370102001000", "b": "370102002000", "c": "370102003000"}
    rows = [
        feature(row["geometry"], code=codes[row["properties"]["code"]], name=row["properties"]["name"])
        for row in FIRST
    ]
    desk.load("street_offices", rows, code_list="nbs-2023")
    found = moving.compare(desk.store, OPERATOR)
    assert (found.code_lists, found.same_code_list) == (("local", "nbs-2023"), False)
    assert {m.code for m in found.moves if m.layer == "compounds"} == {"J", "K", "L", "M"}


def test_the_same_codes_of_another_list_are_other_offices_too(desk):
    twelve = [feature(row["geometry"], code=f"37010200{i}000", name="x") for i, row in enumerate(FIRST, 1)]
    desk.load("street_offices", twelve, code_list="nbs-2023")
    duty.activate(desk.store, OPERATOR)
    desk.load("street_offices", twelve, code_list="mca-2023")
    found = moving.compare(desk.store, OPERATOR)
    assert len(found.moves) == 4 + 2 + 1
    assert all(move.former == move.coming for move in found.moves)


def test_who_may_compare_and_what_is_unpublished(waiting):
    for person in (VISITOR, Person("street_office", "a", "a")):
        with pytest.raises(PermissionError_):
            moving.compare(waiting.store, person)
    planner = moving.compare(waiting.store, Person("planner"))
    assert ("illegal_structures", "S") in pairs(planner)


def test_it_is_exported_as_geojson_with_shapes(waiting):
    told = json.loads(b"".join(moved.as_geojson(moving.compare(waiting.store, OPERATOR))))
    assert (told["edition"], told["active_edition"], told["numberMatched"]) == (2, 1, 7)
    k = next(f for f in told["features"] if f["id"] == "compounds/K")
    assert shapely.geometry.shape(k["geometry"]).bounds == (117.007, 36.604, 117.008, 36.605)
    assert k["properties"] == {
        "layer": "compounds",
        "code": "K",
        "name": "和平小区",
        "from_code": "a",
        "from_name": "解放路街道",
        "to_code": "b",
        "to_name": "解放路街道",
        "floor_area_m2": 2000.5,
        "share_from": pytest.approx(1.0),
        "share_to": pytest.approx(1.0),
        "border": False,
        "review": False,
    }


def test_it_is_exported_as_csv_that_no_spreadsheet_runs(waiting):
    waiting.load("compounds", [compound("=1+1", 117.0061, 117.0062, name='@x,"y"')])
    told = b"".join(moved.as_csv(moving.compare(waiting.store, OPERATOR))).decode("utf-8-sig")
    rows = {row["code"]: row for row in csv.DictReader(io.StringIO(told))}
    assert list(rows["K"]) == list(moved.COLUMNS)
    assert (rows["K"]["from_code"], rows["K"]["to_code"], rows["K"]["floor_area_m2"]) == ("a", "b", "2000.5")
    assert (rows["L"]["to_code"], rows["L"]["to_name"]) == ("", "")
    assert rows["'=1+1"]["name"] == '\'@x,"y"'


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(1, 19), other=st.integers(1, 19))
def test_the_moves_are_what_two_assignments_differ_in(store_of_hypothesis, cut, other):
    """Whatever line is drawn between two offices, the comparison tells what activating does."""
    desk = store_of_hypothesis()
    for place in (cut, other):
        line = 117.0 + place / 1000
        desk.load("street_offices", [office("a", 117.0, line), office("b", line, 117.02)])
        if not desk.rows(tables.compounds):
            desk.load(
                "compounds", [compound(f"{i:02}", 117 + i / 1000, 117 + (i + 1) / 1000) for i in range(20)]
            )
    if cut == other:
        return
    told = {m.code for m in moving.compare(desk.store, OPERATOR).moves}
    assert told == {f"{i:02}" for i in range(min(cut, other), max(cut, other))}
    assert duty.activate(desk.store, OPERATOR).moved["compounds"] == len(told)


@pytest.fixture
def store_of_hypothesis(new_url, tmp_path):
    opened = []

    def make():
        opened.append(open_store(new_url(empty=True)))
        return Desk(opened[-1], tmp_path)

    yield make
    for store in opened:
        store.close()
