"""How far the programme has come in a small district, worked out by hand (see small_district.py)."""

from datetime import date

import pytest
from small_district import SUMMER, WINTER

from layers.figures import BY_COMPOUNDS, Rate, Totals
from layers.people import OPERATOR, VISITOR
from layers.plancoverage import MEASURES, PARTS, forecast, plan_coverage, year_before
from layers.programme import planning

NOTHING = Totals()


def parts(done=NOTHING, under_way=NOTHING, planned=NOTHING, not_planned=NOTHING):
    return dict(zip(PARTS, (done, under_way, planned, not_planned), strict=True))


@pytest.mark.parametrize("person", [VISITOR, OPERATOR], ids=lambda person: person.role)
def test_every_pre_2000_compound_is_in_one_part(small_on_each, person):
    found = plan_coverage(small_on_each, person, SUMMER)
    a, b, c, nobody = found.streets
    # A: K01 and K02 are built; K03 is being built, K04 surveyed.
    assert a.parts == parts(done=Totals(2, 5, 250, 22000.5), under_way=Totals(2, 5, 250, 25000.0))
    # B: at K05 demolition has begun, K08 (all unknown) is planned for 2023, K06 in no plan.
    assert b.parts == parts(
        under_way=Totals(1, 5, 300, 30000.0),
        planned=Totals(1, None, None, None),
        not_planned=Totals(1, 6, 400, 40000.0),
    )
    assert (c.whole, c.parts) == (NOTHING, parts())
    assert (nobody.code, nobody.parts) == ("none", parts(planned=Totals(1, 1, 80, 8000.0)))
    # K07 is of 2005 and the year of K10 unknown: neither is one the programme is for.
    assert found.total.whole == Totals(8, 22, 1280, 125000.5)
    told = {name: (rate.numerator, rate.denominator) for name, rate in found.total.done.items()}
    assert told == {
        "compounds": (2, 8),
        "buildings": (5, 22),
        "households": (250, 1280),
        "floor_area_m2": (22000.5, 125000.5),
    }
    assert {name: rate.basis for name, rate in found.total.done.items()} == MEASURES


def test_the_forecasts_in_summer(small_on_each):
    first, second = plan_coverage(small_on_each, OPERATOR, SUMMER).forecasts
    # K01 (30 October 2021) and K02 (20 November 2021) became done in the 365 days before: 2 of 12 months.
    assert (first.since, first.finished, first.per_month) == (date(2021, 6, 30), 2, 2 / 12)
    # 80 % of 8 are 7: 5 more take 5 · 365 / 2 = 912.5, so 913 days; 549 days are left: 5 / 549 · 30.4375.
    assert (first.needed, first.remaining, first.reached_on) == (7, 5, date(2024, 12, 29))
    assert (first.in_time, first.needed_per_month) == (False, 0.277209)
    # 6 more take 1095 days; 1280 are left: 6 / 1280 · 30.4375.
    assert (second.needed, second.remaining, second.reached_on) == (8, 6, date(2025, 6, 29))
    assert (second.in_time, second.needed_per_month) == (True, 0.142676)


def test_the_forecasts_in_winter(small_on_each):
    # K03 alone became done since 1 December 2021: 4 more take 4 · 365 days.
    first = plan_coverage(small_on_each, OPERATOR, WINTER).forecasts[0]
    assert (first.finished, first.done, first.remaining) == (1, Rate(3, 8, BY_COMPOUNDS), 4)
    assert first.reached_on == date(2026, 11, 30)


def told(row, measure):
    """Return what is told of a row by a measure: what became done in a year, then by target left and when."""
    finished = {one.finished for one in row.forecasts[measure]}
    return (*finished, *((one.needed, one.remaining, one.reached_on) for one in row.forecasts[measure]))


def test_every_street_office_is_held_against_the_same_shares_by_every_measure(small_on_each):
    found = plan_coverage(small_on_each, OPERATOR, SUMMER)
    a, b, c, nobody = found.streets
    # A has 4 compounds, K01 and K02 done, both in the year before; 80 % of 4 are 3.2, so 4: 2 more take
    # 2 · 365 / 2 days.
    assert told(a, "compounds") == (2, (4, 2, date(2023, 6, 30)), (4, 2, date(2023, 6, 30)))
    # 5 of 10 buildings: 3 more, then 5, take 3 · 365 / 5 = 219 and 365 days.
    assert told(a, "buildings") == (5, (8, 3, date(2023, 2, 4)), (10, 5, date(2023, 6, 30)))
    assert told(a, "households") == (250, (400, 150, date(2023, 2, 4)), (500, 250, date(2023, 6, 30)))
    # 22000.5 of 47000.5 m²: 80 % are 37600.4; 15599.9 · 365 / 22000.5 = 258.8, 25000 · 365 / 22000.5 = 414.8.
    assert told(a, "floor_area_m2") == (
        22000.5,
        (37600.4, 15599.9, date(2023, 3, 16)),
        (47000.5, 25000.0, date(2023, 8, 19)),
    )
    # B has finished nothing; C has nothing to do; of K09, which nobody answers for, nothing is done.
    assert told(b, "compounds") == (0, (3, 3, None), (3, 3, None))
    assert {one.done.denominator for row in c.forecasts.values() for one in row} == {0}
    assert told(nobody, "households") == (0, (64, 64, None), (80, 80, None))
    # The district: 22000.5 of 125000.5 m²; 77999.9 · 365 / 22000.5 = 1294.06 days.
    assert told(found.total, "floor_area_m2")[:2] == (22000.5, (100000.4, 77999.9, date(2026, 1, 15)))
    assert found.forecasts == found.total.forecasts["compounds"]
    assert {m: row[0].done.basis for m, row in found.total.forecasts.items()} == MEASURES


def test_before_anything_was_done_no_day_is_told(small_on_each):
    first = plan_coverage(small_on_each, OPERATOR, date(2020, 1, 1)).forecasts[0]
    assert (first.finished, first.reached_on, first.in_time) == (0, None, False)


@pytest.mark.parametrize(
    ("done", "finished", "on", "reached", "in_time", "asked"),
    [
        (192, 0, date(2022, 6, 30), date(2022, 6, 30), True, None),
        (191, 0, date(2022, 6, 30), None, False, pytest.approx(30.4375 / 549, abs=1e-6)),
        (191, 365, date(2022, 6, 30), date(2022, 7, 1), True, pytest.approx(30.4375 / 549, abs=1e-6)),
        (191, 365, date(2023, 12, 31), date(2024, 1, 1), False, None),
        (0, 1, date(9998, 12, 31), None, False, None),
    ],
)
def test_a_pace_is_taken_to_go_on_evenly(done, finished, on, reached, in_time, asked):
    found = forecast(date(2023, 12, 31), 0.8, Rate(done, 240, BY_COMPOUNDS), 192, finished, on)
    assert (found.reached_on, found.in_time, found.needed_per_month) == (reached, in_time, asked)


def test_a_leap_day_has_a_day_a_year_before():
    assert [year_before(date(2024, 2, d)) for d in (28, 29)] == [date(2023, 2, 28)] * 2


@pytest.mark.parametrize("on", ["2019-06-30", "2022-06-30", "2024-12-01"])
def test_in_the_sample_the_parts_are_the_whole_and_the_streets_the_district(sample_store, on):
    found = plan_coverage(sample_store, OPERATOR, date.fromisoformat(on))
    assert found.total.whole.compounds == 240
    for row in (*found.streets, found.total):
        assert sum(part.compounds for part in row.parts.values()) == row.whole.compounds
        assert sum(p.households or 0 for p in row.parts.values()) == (row.whole.households or 0)
    for measure in MEASURES:
        by_street = [row.forecasts[measure][0].finished for row in found.streets]
        assert sum(by_street) == pytest.approx(found.total.forecasts[measure][0].finished, abs=1e-6)
    for part in PARTS:
        for measure in MEASURES:
            by_street = sum(getattr(row.parts[part], measure) or 0 for row in found.streets)
            assert by_street == pytest.approx(getattr(found.total.parts[part], measure) or 0, abs=1e-6)


def test_the_sample_is_short_of_its_first_target_as_the_brief_has_it(sample_store):
    on = date(2022, 6, 30)
    found, plan = plan_coverage(sample_store, VISITOR, on), planning(sample_store, VISITOR, on)
    assert [(f.needed, f.done) for f in found.forecasts] == [(t.needed, t.done) for t in plan.targets]
    assert [f.needed for f in found.forecasts] == [192, 240]
    # 190 of 240, 79.2 %, are done or in a plan that is due by the end of 2023; 18 more in that of 2024.
    assert (plan.targets[0].planned.numerator, found.total.parts["not_planned"].compounds) == (190, 32)
