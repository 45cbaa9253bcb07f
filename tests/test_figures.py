"""Every number of a small district, worked out by hand (see small_district.py), at two dates."""

from dataclasses import replace
from datetime import date

import pytest
from small_district import SUMMER, WINTER

from geo.errors import NotFoundError
from geo.locate import GEOD
from layers import figures
from layers.catalogue import PUBLISHED_STATES
from layers.facts import StageDates, compound_facts
from layers.figures import (
    BY_AREA,
    BY_STRUCTURES,
    Office,
    Rate,
    StageCount,
    StateCount,
    Totals,
    overview,
)
from layers.people import OPERATOR, VISITOR
from layers.querying import Query
from layers.stages import ORDER

NOTHING = Totals()


def seen(store, person=OPERATOR, on=SUMMER, **filters):
    return overview(store, person, Query(layer="compounds", on=on, **filters))


#: What the bureau sees: 12 structures, 98.5 m² and one area unknown.
STATES = (
    StateCount("found", 2, 8.0),  # S03 5 + S10 3
    StateCount("verified", 1, 7.0),
    StateCount("ordered", 2, 15.0),  # S05 11 + S09 4
    StateCount("demolished", 2, 33.5),  # S02 20.5 + S06 13
    StateCount("deferred", 1, 17.0),
    StateCount("rebuilt", 1, None),
    StateCount("closed", 2, 16.0),  # S01 10 + S12 6
    StateCount("", 1, 2.0),
)


def test_the_overview_in_summer(small):
    found = seen(small)
    assert found.on == SUMMER
    assert found.matched == Totals(10, 26, 1460, 140000.75)
    assert found.stages == (
        StageCount("not_begun", Totals(4, 9, 600, 57000.0), 0, 1),  # K06 K07 K08 K09; K09 missed the survey
        StageCount("survey", Totals(1, 1, 50, 5000.0), 1, 0),  # K04 ✓
        StageCount("demolition", Totals(1, 5, 300, 30000.0), 0, 0),  # K05
        StageCount("design", Totals(1, 2, 60, 6000.25), 0, 0),  # K10
        StageCount("tender", NOTHING, 0, 0),
        StageCount("construction", Totals(2, 7, 350, 32000.5), 1, 1),  # K02 ✓ late, K03
        StageCount("acceptance", NOTHING, 0, 0),
        StageCount("handover", Totals(1, 2, 100, 10000.0), 0, 0),  # K01
    )
    assert found.structures == STATES
    assert found.plan_years == (2021, 2022, 2023)
    assert found.offices == (Office("A", "A街道", 4), Office("B", "B街道", 5), Office("C", "C街道", 0))
    assert found.facility_kinds == ("clinic", "market", "school")


def test_the_overview_in_winter(small):
    found = seen(small, on=WINTER)
    assert found.matched == Totals(10, 26, 1460, 140000.75)
    assert found.stages == (
        StageCount("not_begun", Totals(4, 9, 600, 57000.0), 0, 1),
        StageCount("survey", Totals(1, 1, 50, 5000.0), 1, 1),  # K04 ✓, its construction is overdue
        StageCount("demolition", Totals(1, 5, 300, 30000.0), 0, 1),
        StageCount("design", Totals(1, 2, 60, 6000.25), 0, 1),
        StageCount("tender", NOTHING, 0, 0),
        StageCount("construction", Totals(1, 4, 200, 20000.0), 1, 0),  # K03 ✓
        StageCount("acceptance", Totals(1, 3, 150, 12000.5), 0, 1),  # K02
        StageCount("handover", Totals(1, 2, 100, 10000.0), 0, 0),
    )
    assert found.structures == STATES


@pytest.mark.parametrize(
    ("day", "late"),
    [
        (date(2022, 3, 31), 0),  # the surveys of K05 and K09 are due today
        (date(2022, 4, 1), 2),
        (date(2022, 4, 15), 1),  # K05 is past its survey: demolition begins
        (date(2022, 5, 31), 1),  # K02's acceptance is due today
        (date(2022, 6, 1), 2),
        (date(2022, 10, 1), 3),  # K03 builds on after 30 September
        (date(2022, 10, 15), 2),  # and finishes
        (date(2022, 11, 1), 5),  # K04, K05 and K10 should have been built by 31 October
        (date(2023, 1, 1), 5),
    ],
)
def test_late_begins_the_day_after(small, day, late):
    assert sum(stage.late for stage in seen(small, on=day).stages) == late


def test_a_filter_by_stage_leaves_the_other_stages_counted(small):
    found = seen(small, stage="construction")
    assert found.matched == Totals(2, 7, 350, 32000.5)
    assert found.stages == seen(small).stages
    # The structures of K03: S12 lies elsewhere, but its file says so.
    assert found.structures == (
        StateCount("found", 1, 5.0),
        StateCount("verified", 1, 7.0),
        StateCount("ordered", 1, 11.0),
        StateCount("demolished", 1, 13.0),
        StateCount("closed", 1, 6.0),
    )


@pytest.mark.parametrize(
    ("filters", "matched", "structures"),
    [
        ({"street_office": "A"}, Totals(4, 10, 500, 47000.5), 7),
        ({"street_office": "B"}, Totals(5, 15, 880, 85000.25), 3),
        ({"street_office": "C"}, NOTHING, 1),
        ({"street_office": "none"}, Totals(1, 1, 80, 8000.0), 1),
        ({"plan_year": 2022}, Totals(5, 13, 690, 69000.25), 8),
        ({"plan_year": "none"}, Totals(2, 8, 520, 49000.0), 1),
        ({"outside_plan": 2022}, Totals(5, 13, 770, 71000.5), 3),
        ({"built_before": 2000}, Totals(8, 22, 1280, 125000.5), 10),
        ({"built_before": 2000, "plan_year": "none"}, Totals(1, 6, 400, 40000.0), 0),
        ({"border": True}, Totals(1, None, None, None), 0),
        ({"uncovered": "school"}, Totals(6, 16, 960, 93000.25), 4),
        ({"uncovered": "market"}, Totals(10, 26, 1460, 140000.75), 11),
        ({"street_office": "A", "plan_year": 2022, "stage": "survey"}, Totals(1, 1, 50, 5000.0), 0),
    ],
)
def test_filters(small, filters, matched, structures):
    found = seen(small, **filters)
    assert found.matched == matched
    assert sum(state.structures for state in found.structures) == structures


def test_a_visitor_sees_the_same_compounds_and_the_published_structures(small):
    found = seen(small, VISITOR)
    published = tuple(state for state in STATES if state.state in PUBLISHED_STATES)
    assert sum(state.structures for state in published) == 8
    assert found == replace(seen(small), structures=published)


# One compound


def test_the_facts_of_a_compound(small):
    found = compound_facts(small, OPERATOR, "K03", SUMMER)
    told = ("name", "plan_year", "built_year", "households", "floor_area_m2", "stage", "street_office_name")
    assert [found.properties[name] for name in told] == [
        None, 2022, 1995, 200, 20000.0, "construction", "A街道"
    ]  # fmt: skip
    assert found.standing == {"finished": False, "done": False, "accepted": False, "late": False}
    assert [(s.code, s.name, s.share) for s in found.shares] == [("A", "A街道", 1.0)]
    assert found.outside == 0.0
    assert found.cleared == Rate(2, 5, BY_STRUCTURES)  # S06 S12 of S03 S04 S05 S06 S12
    assert found.cleared_area == Rate(19.0, 42.0, BY_AREA)  # 13 + 6 of 5 + 7 + 11 + 13 + 6
    assert found.cleared.value == 0.4
    assert found.coverage == (("clinic", 0.0), ("school", 1.0))
    assert found.bounds == (117.005, 36.604, 117.006, 36.605)


def test_the_facts_as_a_visitor(small):
    found = compound_facts(small, VISITOR, "K03", SUMMER)
    assert found.cleared == Rate(2, 3, BY_STRUCTURES)  # S06 S12 of S05 S06 S12
    assert found.cleared_area == Rate(19.0, 30.0, BY_AREA)
    same = compound_facts(small, OPERATOR, "K03", SUMMER)
    hidden = {name: getattr(same, name) for name in ("cleared", "cleared_area", "states")}
    assert replace(found, **hidden) == same


def test_a_rate_of_nothing_has_no_value(small):
    found = compound_facts(small, OPERATOR, "K06", SUMMER)
    assert (found.cleared, found.cleared.value) == (Rate(0, 0, BY_STRUCTURES), None)
    found = compound_facts(small, OPERATOR, "K05", SUMMER)
    assert (found.cleared.value, found.cleared_area) == (0.0, Rate(0.0, 17.0, BY_AREA))


def test_the_stages_of_a_compound(small):
    found = {s.stage: s for s in compound_facts(small, OPERATOR, "K02", SUMMER).stages}
    assert tuple(found) == ORDER
    empty = StageDates("survey", None, None, None, None, False, False, False)
    assert found["survey"] == empty
    built = (date(2021, 5, 1), date(2021, 11, 20))
    assert found["construction"] == StageDates("construction", None, None, *built, False, True, True)
    accepted = StageDates("acceptance", None, date(2022, 5, 31), date(2022, 7, 10), None, True, False, False)
    assert found["acceptance"] == accepted
    later = {s.stage: s for s in compound_facts(small, OPERATOR, "K02", WINTER).stages}
    assert later["acceptance"] == replace(accepted, begun=True)
    (design,) = (s for s in compound_facts(small, OPERATOR, "K10", date(2000, 1, 1)).stages if s.begun)
    assert design == replace(empty, stage="design", begun=True)


def test_the_shares_and_the_coverage_across_a_border(small):
    found = compound_facts(small, VISITOR, "K08", SUMMER)
    assert [(s.code, s.name) for s in found.shares] == [("B", "B街道"), ("A", "A街道")]
    assert [s.share for s in found.shares] == pytest.approx([0.75, 0.25], rel=1e-9)
    assert found.shares[0].area_m2 == pytest.approx(3 * found.shares[1].area_m2, rel=1e-9)
    assert found.outside == pytest.approx(0, abs=1e-9)
    assert found.properties["border"] is True
    # The circle of 500 m cuts the strip of 111 m that runs to the east: the chord, averaged over
    # the strip, is r - h² / 24 r from the middle. (K08 lies between these two distances.)
    near, far = (GEOD.inv(117.0045, 36.6045, lon, 36.6045)[2] for lon in (117.009, 117.013))
    height = GEOD.inv(117.01, 36.604, 117.01, 36.605)[2]
    share = (500 - height**2 / (24 * 500) - near) / (far - near)
    assert dict(found.coverage) == {"clinic": 0.0, "school": pytest.approx(share, abs=1e-3)}


def test_nothing_is_known_of_other_codes(small):
    with pytest.raises(NotFoundError, match="No compound has the code S01"):
        compound_facts(small, OPERATOR, "S01", SUMMER)


def test_an_empty_store_has_no_figures(store):
    found = seen(store)
    assert (found.matched, found.structures, found.offices, found.plan_years) == (NOTHING, (), (), ())
    assert {count.totals for count in found.stages} == {NOTHING}
    assert figures.Rate(0, 0, BY_AREA).value is None
