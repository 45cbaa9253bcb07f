"""What hangs on the wall, of the small district worked out by hand (see small_district.py)."""

from datetime import date

import pytest
from small_district import SUMMER, WINTER

from geo.errors import NotFoundError
from layers import figures, programme, wall
from layers.figures import BY_COMPOUNDS, Rate, Totals
from layers.people import OPERATOR, VISITOR
from layers.querying import Query
from layers.stages import ORDER
from layers.wall import DONE, LATE, TO_COME, UNDER_WAY


@pytest.fixture(scope="module")
def summer(small):
    return wall.wall(small, OPERATOR, SUMMER)


def marks(found, code):
    return {cell.stage: cell.mark for cell in wall.task(found, code).cells if cell.mark != TO_COME}


def test_the_plan_comes_first_by_street_office_and_nobody_s_last(summer):
    assert [(t.number, t.row.code) for t in summer.in_plan] == [
        (1, "K03"),
        (2, "K04"),
        (3, "K05"),
        (4, "K10"),
        (5, "K09"),
    ]
    assert [t.row.code for t in summer.tasks[5:]] == ["K01", "K02", "K06", "K07", "K08"]
    assert [t.name for t in summer.tasks[:2]] == ["K03", "K04"]
    assert wall.task(summer, "K01").name == "一号院"


def test_each_cell_says_how_its_stage_stands(summer, small):
    assert marks(summer, "K03") == {"survey": DONE, "construction": UNDER_WAY}
    assert marks(summer, "K04") == {"survey": DONE}
    # The deadline of the survey says nothing of a compound that has gone beyond it.
    assert marks(summer, "K05") == {"survey": UNDER_WAY, "demolition": UNDER_WAY}
    assert marks(summer, "K09") == {"survey": LATE}
    assert marks(summer, "K10") == {"design": UNDER_WAY}
    # Accepted by its handover; the construction before is finished by its date.
    assert marks(summer, "K01")["acceptance"] == DONE
    winter = wall.wall(small, OPERATOR, WINTER)
    assert marks(winter, "K03")["construction"] == DONE


def test_a_cell_tells_its_dates(summer):
    (construction,) = (c for c in wall.task(summer, "K03").cells if c.stage == "construction")
    assert construction == ("construction", UNDER_WAY, date(2022, 9, 30), None)
    assert wall.task(summer, "K03").cells[0] == ("survey", DONE, None, date(2022, 3, 30))
    assert [cell.stage for cell in wall.task(summer, "K06").cells] == list(ORDER)


def test_a_compound_is_late_where_one_of_its_stages_is(small):
    for day in (SUMMER, WINTER, date(2023, 6, 1)):
        for task in wall.wall(small, OPERATOR, day).tasks:
            assert task.row.standing["late"] == any(cell.mark == LATE for cell in task.cells), task.row.code


def test_the_numbers_are_those_of_map_and_table(small):
    for day in (SUMMER, WINTER):
        found = wall.wall(small, VISITOR, day)
        whole = figures.overview(small, VISITOR, Query(layer="compounds", on=day))
        part = figures.overview(small, VISITOR, Query(layer="compounds", on=day, plan_year=2022))
        assert (found.all, found.counts) == (whole.matched, whole.stages)
        assert (found.plan.planned, found.planned) == (part.matched, part.stages)
        assert found.plan == programme.planning(small, VISITOR, day).plan


def test_tasks_stand_under_their_street_offices(summer):
    groups = wall.by_office(summer, summer.in_plan)
    assert [(g.key, g.name, len(g.tasks)) for g in groups] == [
        ("A", "A街道", 2),
        ("B", "B街道", 2),
        (None, "", 1),
    ]
    assert groups[0].totals == Totals(2, 5, 250, 25000.0)
    assert sum(g.totals.floor_area_m2 for g in groups) == summer.plan.planned.floor_area_m2


def test_tasks_stand_under_their_years(summer):
    groups = wall.by_year(summer.tasks, 2022)
    assert [(g.key, [t.row.code for t in g.tasks]) for g in groups] == [
        (2022, ["K03", "K04", "K05", "K10", "K09"]),
        (2023, ["K08"]),
        (2021, ["K01", "K02"]),
        (None, ["K06", "K07"]),
    ]


def test_the_last_line_counts_who_has_finished_each_stage(summer):
    finished = wall.finished(summer.in_plan)
    assert finished["survey"] == Rate(2, 5, BY_COMPOUNDS)
    assert (
        finished["construction"]
        == Rate(summer.plan.done.numerator, 5, BY_COMPOUNDS)
        == Rate(0, 5, BY_COMPOUNDS)
    )


def test_construction_is_counted_as_the_rate_of_what_is_done_counts_it(small):
    for day in (SUMMER, WINTER):
        found = wall.wall(small, OPERATOR, day)
        rates = wall.finished(found.in_plan)
        assert (rates["construction"], rates["acceptance"]) == (found.plan.done, found.plan.accepted)


def test_the_structures_inside_are_those_that_may_be_seen(small):
    every = wall.structures(small, OPERATOR, "K03", SUMMER)
    public = wall.structures(small, VISITOR, "K03", SUMMER)
    assert [row.code for row in every.rows] == ["S03", "S04", "S05", "S06", "S12"]
    assert [row.code for row in public.rows] == ["S05", "S06", "S12"]
    assert (every.cleared.numerator, every.cleared.denominator) == (2, 5)
    assert (public.cleared_area.numerator, public.cleared_area.denominator) == (19.0, 30.0)
    assert all("person" not in row.properties for row in every.rows)
    assert [shape.geom_type for shape in public.shapes] == ["Point"] * 3


def test_what_is_not_there_is_an_error(summer, store):
    with pytest.raises(NotFoundError, match="No compound has the code X"):
        wall.task(summer, "X")
    with pytest.raises(NotFoundError, match="no street office yet"):
        wall.wall(store, OPERATOR, SUMMER)
