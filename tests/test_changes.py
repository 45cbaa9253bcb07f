from datetime import date

import pytest
from desk import Desk
from small_district import SUMMER, WINTER, fill

from layers.changes import changes
from layers.figures import overview
from layers.people import OPERATOR
from layers.querying import Query
from layers.stages import STAGES


@pytest.fixture
def filled(store, tmp_path):
    fill(Desk(store, tmp_path))
    return store


def asked(on, **filters):
    return Query(layer="compounds", on=on, **filters)


def test_what_changed_from_summer_to_winter(filled):
    told = changes(filled, OPERATOR, asked(SUMMER), WINTER)
    # K02 began its acceptance in July; K03's works were finished in October.
    assert (told.moved_on.compounds, told.moved_back.compounds) == (1, 0)
    assert (told.done.compounds, told.done.floor_area_m2) == (1, 20000)
    assert told.accepted.compounds == 0
    # K04, K05 and K10 missed the ends of their plan; K02 and K09 were late before.
    assert (told.late.compounds, told.late_no_more.compounds) == (3, 0)
    assert (told.late_before, told.late_after) == (2, 5)
    moved = {s.stage: s.more for s in told.stages if s.more}
    assert moved == {"construction": -1, "acceptance": 1}


def test_the_earlier_day_comes_first_whichever_is_asked_for(filled):
    told = changes(filled, OPERATOR, asked(WINTER), SUMMER)
    assert told == changes(filled, OPERATOR, asked(SUMMER), WINTER)
    assert (told.earlier, told.later) == (SUMMER, WINTER)


def test_between_a_day_and_itself_nothing_changes(filled):
    told = changes(filled, OPERATOR, asked(SUMMER), SUMMER)
    parts = (told.moved_on, told.moved_back, told.done, told.accepted, told.late, told.late_no_more)
    assert {part.compounds for part in parts} == {0}
    assert {stage.more for stage in told.stages} == {0}


@pytest.mark.parametrize("filters", [{}, {"plan_year": 2022}, {"plan_year": 2022, "stage": "survey"}])
def test_the_sides_are_those_of_the_map_on_each_day(sample_store, filters):
    days = date(2021, 9, 30), date(2022, 6, 30)
    told = changes(sample_store, OPERATOR, asked(days[1], **filters), days[0])
    for on, side in zip(days, ("before", "after"), strict=True):
        figures = overview(sample_store, OPERATOR, asked(on, **filters))
        assert {s.stage: getattr(s, side) for s in told.stages} == {
            s.stage: s.totals.compounds for s in figures.stages
        }
        assert getattr(told, f"late_{side}") == sum(s.late for s in figures.stages)
    assert [s.stage for s in told.stages] == list(STAGES)
    assert sum(s.more for s in told.stages) == 0
