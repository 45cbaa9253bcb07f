"""The planner's tables of a small district, worked out by hand (see small_district.py), at two dates."""

from dataclasses import replace
from datetime import date

import pytest
from desk import Desk, feature, square
from small_district import SUMMER, WINTER

from layers import progress
from layers.figures import BY_COMPOUNDS, Office, Rate, Totals
from layers.people import OPERATOR, VISITOR
from layers.programme import Site, StreetRow, TargetRow, YearPlan, planning
from layers.stages import STAGES, StageRow

NOTHING = Totals()


def stages(**known):
    return {stage: known.get(stage, NOTHING) for stage in STAGES}


def compounds(numerator, denominator):
    return Rate(numerator, denominator, BY_COMPOUNDS)


A = StreetRow(
    code="A",
    name="A街道",
    totals=Totals(4, 10, 500, 47000.5),  # K01 to K04
    stages=stages(
        survey=Totals(1, 1, 50, 5000.0),
        construction=Totals(2, 7, 350, 32000.5),
        handover=Totals(1, 2, 100, 10000.0),
    ),
    finished=2,  # K02 K04
    late=1,  # K02
    planned=Totals(2, 5, 250, 25000.0),  # K03 K04
    done=Totals(2, 5, 250, 22000.5),  # K01 K02
    accepted=Totals(1, 2, 100, 10000.0),  # K01
    pre2000=4,
    pre2000_done=2,
    border=0,
)
B = StreetRow(
    code="B",
    name="B街道",
    totals=Totals(5, 15, 880, 85000.25),  # K05 K06 K07 K08 K10
    stages=stages(
        not_begun=Totals(3, 8, 520, 49000.0),
        demolition=Totals(1, 5, 300, 30000.0),
        design=Totals(1, 2, 60, 6000.25),
    ),
    finished=0,
    late=0,
    planned=Totals(2, 7, 360, 36000.25),  # K05 K10
    done=NOTHING,
    accepted=NOTHING,
    pre2000=3,  # K05 K06 K08
    pre2000_done=0,
    border=1,  # K08
)
C = StreetRow("C", "C街道", NOTHING, stages(), 0, 0, NOTHING, NOTHING, NOTHING, 0, 0, 0)
NOBODY = StreetRow(
    code="none",
    name="",
    totals=Totals(1, 1, 80, 8000.0),  # K09
    stages=stages(not_begun=Totals(1, 1, 80, 8000.0)),
    finished=0,
    late=1,
    planned=Totals(1, 1, 80, 8000.0),
    done=NOTHING,
    accepted=NOTHING,
    pre2000=1,
    pre2000_done=0,
    border=0,
)
TOTAL = StreetRow(
    code="",
    name="",
    totals=Totals(10, 26, 1460, 140000.75),
    stages=stages(
        not_begun=Totals(4, 9, 600, 57000.0),
        survey=Totals(1, 1, 50, 5000.0),
        demolition=Totals(1, 5, 300, 30000.0),
        design=Totals(1, 2, 60, 6000.25),
        construction=Totals(2, 7, 350, 32000.5),
        handover=Totals(1, 2, 100, 10000.0),
    ),
    finished=2,
    late=2,
    planned=Totals(5, 13, 690, 69000.25),
    done=Totals(2, 5, 250, 22000.5),
    accepted=Totals(1, 2, 100, 10000.0),
    pre2000=8,
    pre2000_done=2,
    border=1,
)
DEADLINES = (("survey", date(2022, 3, 31)), ("construction", date(2022, 10, 31)))
PLANS = (
    YearPlan(
        2021, date(2021, 11, 30), (), Totals(2, 5, 250, 22000.5), compounds(2, 2), compounds(1, 2), late=1
    ),
    YearPlan(
        2022,
        date(2022, 11, 30),
        DEADLINES,
        Totals(5, 13, 690, 69000.25),
        compounds(0, 5),
        compounds(0, 5),
        late=1,
    ),
    YearPlan(2023, None, (), Totals(1, None, None, None), compounds(0, 1), compounds(0, 1), late=0),
)
#: 80 % of 8 compounds are 7. Done K01 K02; planned in time besides K03 K04 K05 K08 K09; K06 in no plan.
TARGETS = (
    TargetRow(date(2023, 12, 31), 0.8, compounds(2, 8), compounds(1, 8), compounds(7, 8), needed=7, short=0),
    TargetRow(date(2025, 12, 31), 1.0, compounds(2, 8), compounds(1, 8), compounds(7, 8), needed=8, short=1),
)


@pytest.mark.parametrize("person", [VISITOR, OPERATOR], ids=lambda person: person.role)
def test_the_tables_in_summer(small, person):
    found = planning(small, person, SUMMER)
    assert (found.on, found.plan_year) == (SUMMER, 2022)
    assert found.streets == (A, B, C, NOBODY)
    assert found.total == TOTAL
    assert found.plans == PLANS
    assert found.plan == PLANS[1]
    assert found.targets == TARGETS
    assert found.streets_without_sites == (Office("C", "C街道", 0),)
    assert found.without_street == (Site("K09", "K09", 8000.0, 1992, 80),)
    assert found.no_plan == (Site("K06", "K06", 40000.0, 1999, 400),)


def test_the_tables_in_winter(small):
    found = planning(small, OPERATOR, WINTER)
    a, b, c, nobody = found.streets
    built = Totals(1, 4, 200, 20000.0)  # K03
    assert a == replace(
        A,
        stages=stages(
            survey=Totals(1, 1, 50, 5000.0),
            construction=built,
            acceptance=Totals(1, 3, 150, 12000.5),  # K02
            handover=Totals(1, 2, 100, 10000.0),
        ),
        finished=2,  # K03 K04
        late=2,  # K02 K04
        done=Totals(3, 9, 450, 42000.5),  # K01 K02 K03
        pre2000_done=3,
    )
    assert b == replace(B, late=2)  # K05 K10
    assert (c, nobody) == (C, NOBODY)
    assert (found.total.finished, found.total.late, found.total.pre2000_done) == (2, 5, 3)
    assert found.total.done == Totals(3, 9, 450, 42000.5)
    assert found.plans == (
        PLANS[0],
        replace(PLANS[1], done=compounds(1, 5), late=4),
        PLANS[2],
    )
    assert found.targets == tuple(replace(target, done=compounds(3, 8)) for target in TARGETS)
    assert found.without_street == planning(small, OPERATOR, SUMMER).without_street


def test_a_plan_helps_a_target_only_until_its_day_has_passed(small):
    until = planning(small, OPERATOR, date(2023, 12, 31)).targets[0]
    after = planning(small, OPERATOR, date(2024, 1, 1)).targets[0]
    assert (until.planned.numerator, until.short) == (7, 0)
    assert (after.planned, after.short) == (after.done, 7 - after.done.numerator)


def test_the_compounds_across_a_border(small):
    (crossing,) = planning(small, VISITOR, SUMMER).crossing
    assert (crossing.code, crossing.name) == ("K08", "K08")
    assert [(share.code, share.name) for share in crossing.shares] == [("B", "B街道"), ("A", "A街道")]
    assert [share.share for share in crossing.shares] == pytest.approx([0.75, 0.25], rel=1e-9)
    assert crossing.outside == pytest.approx(0, abs=1e-9)


def test_a_year_without_a_plan(small):
    found = planning(small, OPERATOR, date(2030, 1, 1))
    assert found.plan == YearPlan(2030, None, (), NOTHING, compounds(0, 0), compounds(0, 0), 0)
    assert found.plan.done.value is None
    assert found.plans[1].plan_year == 2022


def test_the_streets_add_up_to_the_total(small):
    for on in (SUMMER, WINTER, date(2021, 1, 1)):
        found = planning(small, VISITOR, on)
        for name in ("finished", "late", "pre2000", "pre2000_done", "border"):
            assert sum(getattr(street, name) for street in found.streets) == getattr(found.total, name)
        for name in ("totals", "planned", "done", "accepted"):
            counted = [getattr(street, name) for street in found.streets]
            for part in ("compounds", "buildings", "households", "floor_area_m2"):
                assert sum(getattr(c, part) for c in counted) == getattr(getattr(found.total, name), part)
        for street in (*found.streets, found.total):
            assert sum(t.compounds for t in street.stages.values()) == street.totals.compounds


# Targets


@pytest.fixture
def desk(store, tmp_path):
    return Desk(store, tmp_path)


def old_compounds(count, plan_year=None):
    """A row of compounds from before 2000."""
    return [
        feature(
            square(117 + n / 1000, 36.6, 117 + (n + 0.5) / 1000, 36.601),
            code=f"K{n:03d}",
            built_year=1999,
            plan_year=plan_year,
        )
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "share", "needed"),
    # 0.28 × 25 is 7.000000000000001 in binary; 80 % of 26 are 20.8, so 21.
    [(25, 0.28, 7), (25, 0.8, 20), (26, 0.8, 21), (1, 0.01, 1), (3, 1.0, 3)],
)
def test_the_least_number_that_meets_a_target(desk, count, share, needed):
    desk.load("compounds", old_compounds(count))
    progress.set_timetable(desk.store, OPERATOR, progress.Timetable((), (progress.Target(SUMMER, share),)))
    (target,) = planning(desk.store, OPERATOR, SUMMER).targets
    assert (target.needed, target.short) == (needed, needed)


def test_what_is_planned_counts_until_the_day_of_the_target(desk):
    desk.load("compounds", old_compounds(4, 2022))
    with desk.store.writing(OPERATOR) as work:
        work.put_stages({"K000": [StageRow("construction", actual_finish=date(2022, 1, 1))]})
    plans = (progress.Plan(2022, date(2022, 11, 30)),)
    targets = tuple(progress.Target(date(2022, 11, day), 0.9) for day in (29, 30))
    progress.set_timetable(desk.store, OPERATOR, progress.Timetable(plans, targets))
    day_before, day_itself = planning(desk.store, OPERATOR, SUMMER).targets
    assert (day_before.planned, day_before.needed, day_before.short) == (compounds(1, 4), 4, 3)
    assert (day_itself.planned, day_itself.needed, day_itself.short) == (compounds(4, 4), 4, 0)


def test_an_empty_store_has_empty_tables(store):
    found = planning(store, VISITOR, SUMMER)
    assert found.streets == found.plans == found.targets == found.crossing == ()
    assert found.total == StreetRow("", "", NOTHING, stages(), 0, 0, NOTHING, NOTHING, NOTHING, 0, 0, 0)
