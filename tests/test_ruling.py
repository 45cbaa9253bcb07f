"""The thresholds of the assignment: settings of the district, with history; one place of defaults."""

import pytest
from desk import Desk, feature, point, square
from sqlalchemy import select

from geo.errors import PermissionError_, RequestError
from geo.locate import GEOD
from layers import duty, tables
from layers.people import OPERATOR, VISITOR
from layers.ruling import FARTHEST_M, Rule, rule

OFFICES = [
    feature(square(west, 36.60, west + 0.01, 36.61), code=code, name=code)
    for code, west in (("a", 117.00), ("b", 117.01))
]


@pytest.fixture
def desk(store, tmp_path):
    return Desk(store, tmp_path)


def told(desk, layer, *names):
    a = tables.assignments.c
    rows = desk.store.frame(select(tables.assignments).where(a.layer == layer).order_by(a.code))
    return {row["code"]: tuple(row[name] for name in names) for row in rows}


def test_what_nobody_set_is_the_default(store):
    with store.reading() as connection:
        assert rule(connection) == Rule(0.01, 0.0, 0.0, 0.0)


def test_a_threshold_is_a_setting_with_history_and_assigns_anew(desk):
    desk.load("street_offices", OFFICES)
    desk.load("compounds", [feature(square(117.008, 36.604, 117.011, 36.605), code="K")])
    assert told(desk, "compounds", "border", "border_reason") == {"K": (1, "several_offices")}
    assert duty.set_rule(desk.store, OPERATOR, border_above=0.4) == Rule(border_above=0.4)
    assert told(desk, "compounds", "border", "border_reason") == {"K": (0, None)}
    duty.set_rule(desk.store, OPERATOR, main_share_below=0.7)
    assert told(desk, "compounds", "border", "border_reason") == {"K": (1, "low_share")}
    assert duty.set_rule(desk.store, OPERATOR) == Rule(border_above=0.4, main_share_below=0.7)
    h = tables.history.c
    entries = desk.store.frame(
        select(h.code, h.before, h.after).where(h.action == "describe").order_by(h.seq)
    )
    assert [tuple(entry.values()) for entry in entries] == [
        ("border_above", None, '"0.4"'),
        ("main_share_below", None, '"0.7"'),
    ]


def test_a_point_in_no_office_is_answered_for_only_within_the_tolerance(desk):
    desk.load("street_offices", OFFICES)
    near, far = GEOD.fwd(117.02, 36.605, 90, 4.0)[0], GEOD.fwd(117.02, 36.605, 90, 400.0)[0]
    desk.load(
        "illegal_structures", [feature(point(near, 36.605), code="S"), feature(point(far, 36.605), code="T")]
    )
    names = (
        "street_office_code",
        "computed",
        "method",
        "nearest_code",
        "nearest_m",
        "share",
        "outside",
        "border",
    )
    metres = [pytest.approx(m, abs=1e-4) for m in (4.0, 400.0)]
    nobody = {code: (None, None, "none", "b", m, 0.0, 1.0, 0) for code, m in zip("ST", metres, strict=True)}
    assert told(desk, "illegal_structures", *names) == nobody
    duty.set_rule(desk.store, OPERATOR, tolerance_m=5)
    nearest = ("b", "b", "nearest", "b", metres[0], 0.0, 1.0, 0)
    assert told(desk, "illegal_structures", *names) == nobody | {"S": nearest}


def test_a_point_near_a_boundary_is_a_border_case_within_the_set_distance(desk):
    desk.load("street_offices", OFFICES)
    west = GEOD.fwd(117.01, 36.605, 270, 3.0)[0]
    places = {
        "near": (west, 36.605),
        "on": (117.01, 36.605),
        "rim": (117.005, 36.60),
        "in": (117.005, 36.605),
    }
    desk.load("facilities", [feature(point(*place), code=code) for code, place in places.items()])
    names = ("street_office_code", "border", "border_reason", "candidates")
    plain = ("a", 0, None, None)
    on = ("a", 1, "several_candidates", '["a","b"]')
    rim = ("a", 1, "on_edge", '["a"]')
    assert told(desk, "facilities", *names) == {"in": plain, "near": plain, "on": on, "rim": rim}
    duty.set_rule(desk.store, OPERATOR, edge_m=3.1)
    near = ("a", 1, "near_edge", None)
    assert told(desk, "facilities", *names) == {"in": plain, "near": near, "on": on, "rim": rim}
    duty.set_rule(desk.store, OPERATOR, edge_m=2.9)
    assert told(desk, "facilities", *names)["near"] == plain


@pytest.mark.parametrize("name", ["border_above", "main_share_below", "edge_m", "tolerance_m"])
def test_what_can_be_no_threshold_is_refused_and_changes_nothing(desk, name):
    before = desk.everything()
    for value in (-0.1, FARTHEST_M + 1, float("nan"), float("inf")):
        with pytest.raises(RequestError, match=f"{name} lies between 0 and"):
            duty.set_rule(desk.store, OPERATOR, **{name: value})
    with pytest.raises(PermissionError_):
        duty.set_rule(desk.store, VISITOR, **{name: 0.5})
    assert desk.everything() == before
