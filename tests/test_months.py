from datetime import date, timedelta

import numpy as np
import pytest
from builders import put_district
from desk import Desk
from hypothesis import given
from hypothesis import strategies as st
from small_district import SUMMER, WINTER, fill

from layers.months import Days, days_of, month_ends, months, stood
from layers.people import OPERATOR, visible
from layers.querying import Query
from layers.stages import ORDER, STAGES, StageRow, late_stages, standing

SIGHT = visible(OPERATOR, "compounds")


@pytest.fixture
def filled(store, tmp_path):
    fill(Desk(store, tmp_path))
    return store


def of_day(store, on):
    """Return where the compounds stand on a day, by code, as the store says of that day."""
    rows = store.rows(SIGHT, Query(layer="compounds", on=on), shapes=False)
    return {r.code: (r.properties["stage"], r.standing["finished"], r.standing["late"]) for r in rows}


def by_code(days, on):
    """Return the same from the days of the compounds."""
    told, names = stood(days, on), list(STAGES)
    return {
        code: (names[stage], bool(finished), late > 0)
        for code, stage, finished, late in zip(days.codes, *told, strict=True)
    }


def test_on_every_day_the_months_say_what_the_store_says(filled):
    days = days_of(filled, OPERATOR, Query(layer="compounds", on=SUMMER))
    on = date(2021, 1, 1)
    while on < date(2023, 2, 1):
        assert by_code(days, on) == of_day(filled, on), on
        on += timedelta(days=19)


def test_the_sample_stands_where_the_store_says_month_by_month(sample_store):
    days = days_of(sample_store, OPERATOR, Query(layer="compounds", on=SUMMER))
    for end in months(sample_store, days, SUMMER).ends[::12]:
        assert by_code(days, end) == of_day(sample_store, end)


ANY_DAY = st.none() | st.integers(-3, 3).map(lambda n: SUMMER + timedelta(n))


@given(
    st.lists(
        st.builds(StageRow, st.sampled_from(ORDER), ANY_DAY, ANY_DAY, ANY_DAY, ANY_DAY, st.booleans()),
        unique_by=lambda row: row.stage,
    ),
    st.dictionaries(st.sampled_from(ORDER), st.integers(-3, 3).map(lambda n: SUMMER + timedelta(n))),
    ANY_DAY,
)
def test_any_rows_stand_where_the_stages_say(rows, deadlines, due):
    written = {row.stage: row for row in rows}

    def column(name):
        values = [getattr(written[s], name) if s in written else None for s in ORDER]
        return np.array([values], "datetime64[D]")

    dates = {n: column(n) for n in ("planned_start", "planned_finish", "actual_start", "actual_finish")}
    reported = np.array([[s in written and written[s].reported for s in ORDER]])
    limits = np.array([[deadlines.get(s) for s in ORDER]], "datetime64[D]")
    days = Days(
        ("K",),
        (2022,),
        **dates,
        reported=reported,
        deadlines=limits,
        due=np.array([due], "datetime64[D]"),
    )
    where = standing(rows, SUMMER)
    late = bool(late_stages(rows, SUMMER, deadlines)) or (due is not None and due < SUMMER and not where.done)
    assert by_code(days, SUMMER) == {"K": (where.stage, where.finished, late)}


def test_days_late_are_counted_from_the_first_date_that_was_not_kept(filled):
    def late(on):
        days = days_of(filled, OPERATOR, Query(layer="compounds", on=on))
        return {c: int(n) for c, n in zip(days.codes, stood(days, on).late_days, strict=True) if n}

    # K02's acceptance was planned for 31 May; the plan of 2022 sets 31 March for the survey, which
    # K09 has not begun (K05 and K10 are beyond it).
    assert late(SUMMER) == {"K02": 30, "K09": 91}
    # The plan of 2022 was due on 30 November, construction on 31 October.
    assert late(WINTER) == {"K02": 184, "K04": 31, "K05": 31, "K09": 245, "K10": 31}


def test_only_those_with_a_date_to_keep_are_dated(filled):
    days = days_of(filled, OPERATOR, Query(layer="compounds", on=SUMMER))
    undated = [code for code, dated in zip(days.codes, days.dated, strict=True) if not dated]
    assert undated == ["K06", "K07", "K08"]


def test_the_months_go_from_the_first_day_to_the_end_of_the_plans(filled):
    days = days_of(filled, OPERATOR, Query(layer="compounds", on=SUMMER))
    told = months(filled, days, SUMMER)
    assert (told.ends[0], told.ends[-1], len(told.ends)) == (date(2021, 1, 31), date(2022, 11, 30), 23)
    assert {sum(row) for row in told.counts} == {10}
    place = told.ends.index(SUMMER)
    at = of_day(filled, SUMMER).values()
    assert told.counts[place] == tuple(sum(s == stage for s, _, _ in at) for stage in STAGES)
    assert told.late[place] == 2
    assert [(plan.plan_year, plan.start, plan.due_on) for plan in told.plans] == [
        (2021, None, date(2021, 11, 30)),
        (2022, None, date(2022, 11, 30)),
        (2023, None, None),
    ]


def test_the_month_of_today_ends_today():
    ends = month_ends(date(2021, 12, 31), date(2022, 2, 1), date(2022, 1, 7))
    assert ends == (date(2021, 12, 31), date(2022, 1, 7), date(2022, 2, 28))


def test_a_filter_leaves_the_months_of_what_it_leaves(filled):
    asked = Query(layer="compounds", on=SUMMER, plan_year=2021)
    told = months(filled, days_of(filled, OPERATOR, asked), SUMMER)
    assert {sum(row) for row in told.counts} == {2}
    assert told.ends[-1] == SUMMER


def test_a_slip_of_the_pen_does_not_make_a_thousand_years(filled):
    with filled.writing(OPERATOR) as work:
        work.put_stages({"K06": [StageRow("survey", actual_start=date(1022, 3, 1))]})
    told = months(filled, days_of(filled, OPERATOR, Query(layer="compounds", on=SUMMER)), SUMMER)
    assert told.ends[0] == date(2012, 6, 30)


def test_nothing_is_told_in_one_month(store):
    put_district(store)
    days = days_of(store, OPERATOR, Query(layer="compounds", on=SUMMER, code="nothing"))
    told = months(store, days, SUMMER)
    assert (told.ends, told.counts, told.late) == ((SUMMER,), ((0,) * 8,), (0,))
