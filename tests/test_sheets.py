"""The statistics sheets of the small district, worked out by hand (see small_district.py), and their laws."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_district import SUMMER, WINTER

from geo.errors import CheckError, NotFoundError, RequestError
from layers import tabulating
from layers.contents import PLANS
from layers.figures import BY_COMPOUNDS, BY_STRUCTURES, Rate
from layers.people import OPERATOR, VISITOR
from layers.periods import MONTHS, period_ending
from layers.querying import NONE
from layers.reached import ALWAYS, Record, record, site, structure
from layers.sheets import NOT_REPORTED, Cell, Sheet, proven
from layers.stages import ORDER, StageRow, standing
from layers.store import Row


def made(store, name, on=SUMMER, kind="quarter", person=OPERATOR) -> Sheet:
    return tabulating.sheet(store, person, name, period_ending(kind, on))


def values(sheet: Sheet, *columns: str) -> dict[str, list]:
    """Return the values of some columns by row; those of the total under ""."""
    return {line.code: [line.cells[column].value for column in columns] for line in sheet.every}


def test_the_annual_plan(small):
    # In the plan of 2022: K03, K04 in A, K05, K10 in B, K09 nobody's.
    columns = ("planned", "planned_buildings", "planned_households", "planned_area")
    assert values(made(small, "plan"), *columns) == {
        "A": [2, 4 + 1, 200 + 50, 20000 + 5000],
        "B": [2, 5 + 2, 300 + 60, 30000 + 6000.25],
        "C": [0, 0, 0, 0],
        NONE: [1, 1, 80, 8000],
        "": [5, 13, 690, 69000.25],
    }
    # 1995 and 1978; 1999 and unknown; 1992.
    ages = ("before_1980", "before_1990", "before_2000", "since_2000", "built_unknown")
    assert values(made(small, "plan"), *ages) == {
        "A": [1, 0, 1, 0, 0],
        "B": [0, 0, 1, 0, 1],
        "C": [0, 0, 0, 0, 0],
        NONE: [0, 0, 1, 0, 0],
        "": [1, 0, 3, 0, 1],
    }


def test_what_nobody_reported_is_said_to_be_so(small):
    total = made(small, "plan").total.cells
    for column in ("investment", "funds", "funds_rate", "added", "removed"):
        assert total[column].value is NOT_REPORTED
    assert made(small, "plan").line("C").cells["investment"].value == 0
    assert made(small, "progress").total.cells["quantities"] == Cell(NOT_REPORTED)


def test_progress_in_the_second_quarter(small):
    # K03's works began on 10 May; nothing of the plan is done. K09 missed the survey's deadline.
    found = made(small, "progress")
    columns = ("planned", "started_opening", "started_during", "started", "done", "accepted", "late")
    assert values(found, *columns) == {
        "A": [2, 0, 1, 1, 0, 0, 0],
        "B": [2, 0, 0, 0, 0, 0, 0],
        "C": [0, 0, 0, 0, 0, 0, 0],
        NONE: [1, 0, 0, 0, 0, 0, 1],
        "": [5, 0, 1, 1, 0, 0, 1],
    }
    assert values(found, "start_rate") == {
        "A": [Rate(1, 2, BY_COMPOUNDS)],
        "B": [Rate(0, 2, BY_COMPOUNDS)],
        "C": [Rate(0, 0, BY_COMPOUNDS)],
        NONE: [Rate(0, 1, BY_COMPOUNDS)],
        "": [Rate(1, 5, BY_COMPOUNDS)],
    }
    assert values(found, "started_households_during")[""] == [200]


def test_progress_the_day_after_the_plan_was_due(small):
    # K03 was done on 15 October, in the quarter; the other four are late.
    columns = ("started_opening", "started_during", "started", "done_opening", "done_during", "done", "late")
    found = values(made(small, "progress", WINTER), *columns)
    assert found[""] == [1, 0, 1, 0, 1, 1, 4]
    assert found["A"] == [1, 0, 1, 0, 1, 1, 1]
    year = values(made(small, "progress", WINTER, "year"), *columns)
    assert year[""] == [0, 1, 1, 0, 1, 1, 4]
    month = values(made(small, "progress", WINTER, "month"), *columns)
    assert month[""] == [1, 0, 1, 1, 0, 1, 4]


def test_the_effect_counts_every_plan(small):
    # Before 2000: K01 to K04 in A, K05, K06, K08 in B, K09 nobody's. K01 and K02 were done in 2021.
    found = made(small, "effect")
    columns = ("old", "old_done_opening", "old_done_during", "old_done", "done_households", "done_area")
    assert values(found, *columns) == {
        "A": [4, 2, 0, 2, 250, 22000.5],
        "B": [3, 0, 0, 0, 0, 0],
        "C": [0, 0, 0, 0, 0, 0],
        NONE: [1, 0, 0, 0, 0, 0],
        "": [8, 2, 0, 2, 250, 22000.5],
    }


def test_the_stages_and_the_facts(small):
    stages = made(small, "stages").total.cells
    assert {name: stages[name].value for name in stages if stages[name].value} == {
        "planned": 5,
        "at_not_begun": 1,  # K09
        "at_survey": 1,  # K04
        "at_demolition": 1,  # K05
        "at_design": 1,  # K10
        "at_construction": 1,  # K03
    }
    facts = values(made(small, "facts"), "every", "buildings", "households", "area", "never_planned")
    assert facts[""] == [10, 26, 1460, 140000.75, 2]
    # K08 is the only compound of B of which nothing is known; it adds nothing.
    assert facts["B"] == [5, 5 + 6 + 2 + 2, 300 + 400 + 120 + 60, 85000.25, 2]


def test_the_structures_by_street_office(small):
    # No day is known of any of them: they count on every day, so nothing happened in the period.
    columns = ("ledger_opening", "ledger_during", "ledger", "cleared", "standing", "cleared_area")
    assert values(made(small, "demolition"), *columns) == {
        "A": [7, 0, 7, 4, 3, 10 + 20.5 + 13 + 6],  # S01 to S06, S12
        "B": [3, 0, 3, 0, 3, 0],  # S07, S08, S11
        "C": [1, 0, 1, 0, 1, 0],  # S10
        NONE: [1, 0, 1, 0, 1, 0],  # S09
        "": [12, 0, 12, 4, 8, 49.5],
    }
    rates = values(made(small, "demolition"), "cleared_rate", "ledger_area")
    assert rates[""] == [Rate(4, 12, BY_STRUCTURES), 98.5]


def test_a_visitor_is_told_of_published_structures_only(small):
    found = made(small, "demolition", person=VISITOR)
    # S03, S04, S10 and S11 are not published.
    assert (found.published_only, values(found, "ledger", "ledger_area")[""]) == (True, [8, 81.5])
    hidden = {"S03", "S04", "S10", "S11"}
    assert not any(hidden & set(cell.codes or ()) for line in found.every for cell in line.cells.values())


def test_the_compounds_one_by_one(small):
    found = made(small, "compounds")
    columns = ("households", "started", "ledger", "cleared", "begun_on")
    assert values(found, *columns) == {
        "K03": [200, 1, 5, 2, date(2022, 5, 10)],  # S03 to S06, and S12 as its file says
        "K04": [50, 0, 0, 0, None],
        "K05": [300, 0, 2, 0, None],
        "K09": [80, 0, 1, 0, None],
        "K10": [60, 0, 0, 0, None],
        "": [690, 1, 8, 2, ""],
    }


@pytest.mark.parametrize("name", PLANS)
def test_every_cell_leads_to_exactly_its_rows(small, name):
    found = record(small, OPERATOR, SUMMER)
    rows = {item.row.code: item.row.properties for item in (*found.sites, *found.structures)}
    sheet = made(small, name)
    for line in sheet.every:
        for column in sheet.columns:
            value = line.cells[column.code].value
            if column.told or value is NOT_REPORTED:
                continue
            trace = sheet.trace(column.code, line.code)
            told = [rows[code] for code in trace.codes]
            assert len(set(trace.codes)) == len(told)
            if column.rate:
                amounts = _amount(column_of(sheet, column.rate[0]), [rows[code] for code in trace.counted])
                assert value.numerator == amounts
                assert value.denominator == _amount(column_of(sheet, column.rate[1]), told)
            else:
                assert value == _amount(column, told)


def column_of(sheet, code):
    return next(column for column in sheet.columns if column.code == code)


def _amount(column, told):
    """Return what a column says of rows: their number, or the sum of what is known."""
    known = (
        [row[column.measure] for row in told if row[column.measure] is not None] if column.measure else told
    )
    return (sum(known) if known or not told else None) if column.measure else len(told)


def test_the_rows_of_a_cell(small):
    period = period_ending("quarter", SUMMER)
    found = tabulating.traced(small, OPERATOR, "progress", period, "start_rate", "A")
    assert [row.code for row in found.rows] == ["K03", "K04"]
    assert (found.trace.counted, found.trace.cell.value.value) == (frozenset({"K03"}), 0.5)
    found = tabulating.traced(small, OPERATOR, "demolition", period, "cleared", "")
    assert [row.code for row in found.rows] == ["S01", "S02", "S06", "S12"]
    assert tabulating.traced(small, VISITOR, "demolition", period, "standing", "C").rows == ()


def test_a_cell_that_is_not_there_is_an_error(small):
    period = period_ending("quarter", SUMMER)
    for column, row in (("nothing", ""), ("planned", "nobody"), ("added", "A")):
        with pytest.raises(NotFoundError):
            tabulating.traced(small, OPERATOR, "plan", period, column, row)
    with pytest.raises(NotFoundError, match="plan, progress, stages"):
        tabulating.sheet(small, OPERATOR, "budget", period)


# Periods


def test_periods_follow_each_other():
    for kind, months in MONTHS.items():
        period = period_ending(kind, date(2022, 12, 31))
        assert period.start == date(2022, 13 - months, 1)
        assert period.before.end == period.opening == period.start - timedelta(days=1)
    with pytest.raises(RequestError, match="week"):
        period_ending("week", SUMMER)


# Laws

DAYS = st.one_of(st.none(), st.dates(date(2021, 1, 1), date(2023, 12, 31)))
STAGE_ROWS = st.lists(
    st.builds(StageRow, st.sampled_from(ORDER), DAYS, DAYS, DAYS, DAYS, st.booleans()),
    unique_by=lambda row: row.stage,
)
COMPOUND = st.fixed_dictionaries(
    {
        "plan_year": st.sampled_from([None, 2021, 2022]),
        "built_year": st.one_of(st.none(), st.integers(1950, 2010)),
        "street_office_code": st.sampled_from([None, "A", "B"]),
        "street_office_name": st.none(),
        "name": st.none(),
        "management": st.sampled_from([None, "x"]),
        "owners_committee": st.sampled_from([None, True, False]),
        **{
            name: st.one_of(st.none(), st.integers(0, 500))
            for name in ("buildings", "entrances", "households")
        },
        **{
            name: st.one_of(st.none(), st.floats(0, 1e6).map(lambda x: round(x, 2)))
            for name in ("floor_area_m2", "land_area_m2", "investment_wan_yuan", "invested_wan_yuan")
            + ("funds_wan_yuan",)
        },
    }
)
ISO = DAYS.map(lambda day: day and day.isoformat())
STRUCTURE = st.fixed_dictionaries(
    {
        "state": st.sampled_from([None, "found", "ordered", "demolished", "closed", "rebuilt"]),
        "area_m2": st.one_of(st.none(), st.floats(0, 900).map(lambda x: round(x, 1))),
        "found_on": ISO,
        "demolished_on": ISO,
        "due_on": ISO,
        "batch": st.sampled_from([None, "2021-1", "2022-1"]),
        "street_office_code": st.sampled_from([None, "A", "B"]),
        "compound_code": st.sampled_from([None, "K0", "K1"]),
    }
)


def record_of(compounds, structures, on) -> Record:
    """Return a record as the store would tell it: where a compound stands follows from its stages."""
    sites = []
    for number, (properties, stages) in enumerate(compounds):
        stood = standing(stages, on)
        flags = {"finished": stood.finished, "done": stood.done, "accepted": stood.accepted, "late": False}
        row = Row(f"K{number}", {**properties, "stage": stood.stage}, None, flags)
        sites.append(site(row, stages))
    listed = [structure(Row(f"S{n}", properties, None, {})) for n, properties in enumerate(structures)]
    return Record(on, tuple(sites), tuple(listed), False)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(COMPOUND, STAGE_ROWS), max_size=6),
    st.lists(STRUCTURE, max_size=6),
    st.sampled_from(sorted(MONTHS)),
    st.dates(date(2021, 1, 1), date(2023, 12, 31)),
)
def test_no_district_breaks_a_law(compounds, structures, kind, on):
    known, period = record_of(compounds, structures, on), period_ending(kind, on)
    for plan in PLANS.values():
        sheet = tabulating.sheet_of(plan, known, [("A", "甲"), ("B", "乙")], period)
        assert sheet.failures == ()
        for column in sheet.columns:
            if column.counted and not column.measure:
                parts = [line.cells[column.code].value for line in sheet.lines]
                assert sum(parts) == sheet.total.cells[column.code].value
        for line in sheet.every:
            for law in plan.laws:
                amounts = [line.cells[name].value for name in (law.whole, *law.parts)]
                whole, *parts = [0 if not isinstance(a, int | float) else a for a in amounts]
                assert whole == pytest.approx(sum(parts), abs=1e-6)


def broken(sheet: Sheet, row: str, column: str, value: object) -> Sheet:
    """Return the sheet with one cell changed."""

    def changed(line):
        return replace(line, cells={**line.cells, column: replace(line.cells[column], value=value)})

    if row == "":
        return replace(sheet, total=changed(sheet.total))
    return replace(sheet, lines=tuple(changed(x) if x.code == row else x for x in sheet.lines))


@pytest.mark.parametrize(
    ("row", "column", "value", "kinds"),
    [
        ("A", "started_opening", 1, {"sum", "rows"}),
        ("A", "started", 2, {"sum", "rate", "rows"}),
        ("", "planned", 6, {"sum", "rate", "rows"}),
        ("", "late", 2, {"sum", "rows"}),
        ("B", "start_rate", Rate(1, 2, BY_COMPOUNDS), {"rate"}),
        ("B", "planned_households", 360.5, {"rows"}),
    ],
)
def test_a_wrong_cell_is_found(small, row, column, value, kinds):
    right = made(small, "progress")
    assert proven(right) is right
    wrong = broken(right, row, column, value)
    assert {check.kind for check in wrong.checks if check.failures} == kinds
    with pytest.raises(CheckError, match="contradicts itself in column"):
        proven(wrong)


def test_a_standing_that_its_stages_deny_is_found():
    # As if the store's SQL and the rule for one compound had come apart.
    row = Row(
        "K0",
        {
            "stage": "construction",
            "plan_year": 2022,
            "street_office_code": "A",
            "households": 5,
            "investment_wan_yuan": 1.0,
            "invested_wan_yuan": 1.0,
            "name": None,
        },
        None,
        {"done": True, "accepted": False, "late": False, "finished": False},
    )
    known = Record(SUMMER, (site(row, [StageRow("construction", actual_start=SUMMER)]),), (), False)
    period = period_ending("quarter", SUMMER)
    sheet = tabulating.sheet_of(PLANS["progress"], known, [("A", "甲")], period)
    assert {(f.row, f.column, f.found, f.expected) for f in sheet.failures} == {
        ("A", "done", 1, 0),
        ("", "done", 1, 0),
    }


def test_a_stage_reported_without_a_day_counts_on_every_day():
    row = Row("K0", {}, None, {})
    assert site(row, [StageRow("construction", reported=True)]).started == ALWAYS
    assert site(row, [StageRow("design", reported=True)]).started is None
    late = site(row, [StageRow("handover", actual_start=WINTER), StageRow("acceptance", actual_start=SUMMER)])
    assert (late.started, late.done, late.accepted) == (SUMMER, SUMMER, WINTER)


def test_the_sample_district_says_what_the_brief_says(sample_store):
    period = period_ending("quarter", date(2022, 6, 30))
    sheets = tabulating.sheets(sample_store, OPERATOR, period)
    assert list(sheets) == list(PLANS)
    assert [sheet.failures for sheet in sheets.values()] == [()] * len(PLANS)
    plan = sheets["plan"].total.cells
    assert (plan["planned"].value, plan["planned_area"].value) == (27, 1_070_000.0)
    assert {sheets[name].total.cells["planned"].value for name in ("plan", "progress", "stages")} == {27}
    assert sheets["compounds"].total.cells["every"].value == len(sheets["compounds"].lines) == 27
    for code in ("ledger", "cleared_area", "cleared_rate"):
        assert sheets["demolition"].total.cells[code].value == sheets["batches"].total.cells[code].value
