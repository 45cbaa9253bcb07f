from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.catalogue import LAYERS
from layers.stages import NOT_BEGUN, ORDER, STAGES, StageRow, Standing, late_stages, standing

ON = date(2022, 6, 30)
DAYS = st.none() | st.integers(-3, 3).map(lambda days: ON + timedelta(days))
ROWS = st.lists(
    st.builds(StageRow, st.sampled_from(ORDER), DAYS, DAYS, DAYS, DAYS, st.booleans()),
    unique_by=lambda row: row.stage,
)


def test_the_stages_are_in_the_order_of_the_trade():
    assert ORDER == ("survey", "demolition", "design", "tender", "construction", "acceptance", "handover")
    assert list(STAGES) == [NOT_BEGUN, *ORDER]
    assert [s.title for s in STAGES.values()] == [
        "未启动",
        "调查摸底",
        "拆违拆临",
        "方案设计",
        "招投标",
        "施工",
        "综合验收",
        "长效管理",
    ]


def test_no_two_stages_look_alike_in_colour_or_in_black_and_white():
    assert len({s.colour for s in STAGES.values()}) == len({s.pattern for s in STAGES.values()}) == 8


def test_the_catalogue_calls_the_stages_the_same():
    choices = LAYERS["compounds"].field("stage").choices
    assert choices == {code: stage.title for code, stage in STAGES.items()}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], Standing("not_begun", False, False, False)),
        ([StageRow("survey", planned_start=date(2020, 1, 1))], Standing("not_begun", False, False, False)),
        ([StageRow("survey", actual_start=ON)], Standing("survey", False, False, False)),
        ([StageRow("survey", actual_start=date(2022, 7, 1))], Standing("not_begun", False, False, False)),
        ([StageRow("survey", actual_finish=ON)], Standing("survey", True, False, False)),
        ([StageRow("survey", reported=True)], Standing("survey", False, False, False)),
        ([StageRow("construction", actual_finish=ON)], Standing("construction", True, True, False)),
        ([StageRow("construction", actual_start=ON)], Standing("construction", False, False, False)),
        ([StageRow("acceptance", actual_start=ON)], Standing("acceptance", False, True, False)),
        ([StageRow("acceptance", actual_finish=ON)], Standing("acceptance", True, True, True)),
        ([StageRow("handover", actual_start=ON)], Standing("handover", False, True, True)),
        ([StageRow("handover", actual_finish=ON)], Standing("handover", True, True, True)),
    ],
)
def test_where_a_compound_stands(rows, expected):
    assert standing(rows, ON) == expected


def test_stages_overlap_and_the_furthest_begun_is_shown():
    rows = [StageRow("design", actual_finish=ON), StageRow("demolition", actual_start=ON)]
    assert standing(rows, ON) == Standing("design", True, False, False)
    assert standing([*rows, StageRow("tender", actual_start=ON)], ON) == Standing(
        "tender", False, False, False
    )


def test_a_stage_is_late_from_the_day_after_its_planned_finish():
    row = StageRow("survey", planned_finish=ON)
    assert late_stages([row], ON) == ()
    assert late_stages([row], ON + timedelta(1)) == ("survey",)
    assert late_stages([row._replace(actual_finish=ON + timedelta(1))], ON + timedelta(1)) == ()
    assert late_stages([row._replace(actual_finish=ON + timedelta(2))], ON + timedelta(1)) == ("survey",)


def test_what_lies_behind_a_compound_is_late_no_more():
    survey = StageRow("survey", planned_finish=ON - timedelta(9))
    acceptance = StageRow("acceptance", planned_finish=ON - timedelta(9))
    built = StageRow("construction", actual_finish=ON - timedelta(1))
    assert late_stages([survey, acceptance], ON) == ("survey", "acceptance")
    assert late_stages([survey, acceptance, built], ON) == ("acceptance",)
    assert late_stages([survey, acceptance, StageRow("handover", reported=True)], ON) == ()


def test_late_stages_come_in_order():
    rows = [StageRow(stage, planned_finish=date(2022, 1, 1)) for stage in reversed(ORDER)]
    assert late_stages(rows, ON) == ORDER


@given(ROWS)
def test_accepted_implies_done_and_both_imply_construction_is_behind(rows):
    found = standing(rows, ON)
    assert found.done or not found.accepted
    assert not found.done or found.stage in ORDER[ORDER.index("construction") :]
    assert not (found.finished and found.stage == NOT_BEGUN)


@given(ROWS, st.integers(0, 6))
def test_a_compound_never_goes_back_as_days_pass(rows, later):
    first, then = standing(rows, ON), standing(rows, ON + timedelta(later))
    places = list(STAGES)
    assert places.index(first.stage) <= places.index(then.stage)
    assert first.done <= then.done
    assert first.accepted <= then.accepted


@given(ROWS, st.randoms())
def test_the_order_of_the_rows_says_nothing(rows, chance):
    mixed = rows[:]
    chance.shuffle(mixed)
    assert standing(mixed, ON) == standing(rows, ON)
    assert late_stages(mixed, ON) == late_stages(rows, ON)


@given(ROWS)
def test_a_finished_stage_is_not_late(rows):
    late = late_stages(rows, ON)
    assert not [r for r in rows if r.stage in late and r.actual_finish is not None and r.actual_finish <= ON]
