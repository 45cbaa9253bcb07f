"""Score sheets: files that prove themselves, points to the hundredth, places, and what changed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_district import SUMMER, WINTER

from geo.errors import NotFoundError, RulesError
from layers import marks, marksheet, tabulating
from layers.figures import BY_COMPOUNDS, Rate
from layers.marks import Entry, points_of
from layers.people import OPERATOR
from layers.periods import period_ending
from layers.scores import (
    Grade,
    Item,
    Named,
    Step,
    prove_cover,
    read_score_sheet,
    score_sheet_named,
    score_sheets,
)
from layers.sheets import NOT_REPORTED, proven

SEED = Path(__file__).resolve().parent.parent / "data" / "seed" / "scores"
TEXT = (SEED / "quarterly.toml").read_text(encoding="utf-8")
GROUP = Named("组", "Group")


@pytest.fixture(scope="module")
def scores():
    return read_score_sheet(SEED / "quarterly.toml")


def item(weight, steps=()):
    return Item("x", GROUP, GROUP, Decimal(weight), ("progress", "start_rate"), "", tuple(steps))


def test_the_seed_is_a_score_sheet(scores):
    assert sum(one.weight for one in scores.items) == 100
    assert [(g.low, g.high, g.name.label) for g in scores.grades] == [
        (95, 100, "Excellent"),
        (85, 95, "Good"),
        (75, 85, "Sufficient"),
        (0, 75, "Insufficient"),
    ]


@given(st.integers(0, 10_000))
def test_every_score_falls_into_one_grade(scores, hundredths):
    score = Decimal(hundredths) / 100
    best = scores.grades[0]
    holding = [g for g in scores.grades if g.low <= score < g.high or (g is best and score == g.high)]
    assert holding == [scores.grade(score)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("from = 85\nto = 95", "from = 85\nto = 94.9", "86: no grade holds what lies from 94.9 to 95"),
        ("from = 85\nto = 95", "from = 84\nto = 95", "86: more than one grade holds .* from 84 to 85"),
        ("from = 95\nto = 100", "from = 95\nto = 99", "86: the last grade ends at 99, not at 100"),
        ("from = 0\nto = 75", "from = 1\nto = 75", "86: no grade holds what lies from 0 to 1"),
        ("from = 85\nto = 95", "from = 95\nto = 85", "86: the grade from 95 to 85 holds nothing"),
        ("from = 0.5, to = 0.7", "from = 0.6, to = 0.7", "47: no step holds what lies from 0.5 to 0.6"),
        ("points = 15 }", "points = 16 }", "47: write a number from 0 to 15 for points, not 16"),
        ("to = 1.0, points", "to = 2.0, points", "47: write a number from 0 to 1 for to, not 2.0"),
        ("weight = 15", "weight = 16", "21: each weight together must make 100, not 101"),
        ("weight = 15", "weight = 0", "21: write a number from 0 to 100 for weight, not 0"),
        ("progress/start_rate", "progress/started", "22: progress/started is no rate of a sheet"),
        ("progress/start_rate", "compounds/cleared_rate", "22: compounds/cleared_rate is no rate"),
        ('code = "done"', 'code = "started"', "25: the code started stands there twice"),
        ("ranked_from = 50", "ranked_from = 101", "14: write a number from 0 to 100 for ranked_from"),
        ("ranked_from = 50", "", "for ranked_from, not –"),
        ('title = "季度考核"', 'titel = "季度考核"', "11: nothing is called titel here"),
        ("weight = 10", "weight = true", "write a number from 0 to 100 for weight, not True"),
        ('entered = "问卷，附统计"', "", "either a figure or what is entered"),
        ('["综合", "General"]', '"综合"', "write group as a list such as"),
        ("[[grade]]", "[[grade]", "86: this is no TOML"),
    ],
)
def test_a_score_sheet_that_is_wrong_is_refused_with_line_key_and_mend(tmp_path, old, new, said):
    assert old in TEXT
    path = tmp_path / "wrong.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulesError, match=rf"^wrong\.toml, line .*{said}"):
        read_score_sheet(path)


def test_a_file_of_the_district_stands_for_the_one_that_came_with_us(tmp_path):
    (tmp_path / "quarterly.toml").write_text(TEXT.replace("季度考核", "本市考核"), encoding="utf-8")
    (tmp_path / "yearly.toml").write_text(TEXT, encoding="utf-8")
    assert list(score_sheets((tmp_path, SEED))) == ["quarterly", "yearly"]
    assert score_sheet_named("quarterly", (tmp_path, SEED)).name.title == "本市考核"
    assert score_sheet_named("quarterly", (SEED,)).name.title == "季度考核"
    with pytest.raises(NotFoundError, match="quarterly"):
        score_sheet_named("monthly", (SEED,))
    with pytest.raises(RulesError, match="cannot be read"):
        read_score_sheet(tmp_path / "none.toml")


@given(st.lists(st.integers(0, 20), min_size=2, max_size=12, unique=True))
def test_intervals_that_follow_each_other_cover_and_one_less_does_not(bounds):
    ends = [Decimal(bound) for bound in sorted({0, 100, *bounds})]
    intervals = list(zip(ends, ends[1:], strict=False))
    at = {"file": "x.toml", "line": 1, "key": "grade"}
    prove_cover(intervals, Decimal(100), at)
    for place in range(len(intervals)):
        with pytest.raises(RulesError, match=r"^x\.toml, line 1: .*grade"):
            prove_cover(intervals[:place] + intervals[place + 1 :], Decimal(100), at)


# Points


@pytest.mark.parametrize(
    ("weight", "rate", "points"),
    [
        (15, (2, 3), "10.00"),
        (15, (1, 7), "2.14"),  # 2.142857
        (10, (1, 8), "1.25"),
        (1, (1, 200), "0.01"),  # 0.005: a half goes up
        (10, (2272, 10978), "2.07"),  # 2.0696
    ],
)
def test_points_are_rounded_to_the_hundredth(weight, rate, points):
    assert points_of(item(weight), Rate(*rate, BY_COMPOUNDS)) == Decimal(points)


def test_nothing_to_divide_by_is_no_nought():
    assert points_of(item(15), Rate(0, 0, BY_COMPOUNDS)) is None


def test_a_step_begins_with_its_lower_bound():
    steps = [
        Step(Decimal(low), Decimal(high), Decimal(p)) for low, high, p in (("0", "0.5", 0), ("0.5", "1", 8))
    ]
    told = [points_of(item(10, steps), Rate(n, 1000, BY_COMPOUNDS)) for n in (0, 499, 500, 501, 1000)]
    assert told == [0, 0, 8, 8, 8]


@given(st.integers(1, 100), st.integers(0, 500), st.integers(1, 500))
def test_points_lie_within_half_a_hundredth(weight, over, under):
    rate = Rate(min(over, under), under, BY_COMPOUNDS)
    exact = Fraction(weight) * Fraction(rate.numerator, rate.denominator)
    assert abs(Fraction(points_of(item(weight), rate)) - exact) <= Fraction(1, 200)


# The small district


def test_the_assessment_of_the_small_district(small, scores):
    # At the end of June, of the plan of 2022: A has K03 (works begun) and K04, both on time; B has
    # K05 and K10, on time, none begun. Of the structures A has cleared 4 of 7, B none of 3, C none
    # of 1. Nobody reports money. C has no compound, so it is assessed by its structures alone.
    found = marks.assessment(small, OPERATOR, scores, period_ending("quarter", SUMMER))
    told = {r.code: [m.points for m in r.marks] for r in found.results}
    assert told == {
        "A": [Decimal("7.50"), 0, Decimal("15.00"), 5, None, None, None, None],
        "B": [0, 0, Decimal("15.00"), 0, None, None, None, None],
        "C": [None, None, None, 0, None, None, None, None],
    }
    rows = [(r.code, r.won, r.possible, r.score, r.place, r.tied) for r in found.results]
    assert rows == [
        ("A", Decimal("27.50"), 60, Decimal("45.83"), 1, False),  # 100 × 27.5 ÷ 60
        ("B", Decimal("15.00"), 60, Decimal("25.00"), 2, False),
        ("C", 0, 15, 0, None, False),
    ]
    assert found.results[0].grade.name.label == "Insufficient"
    assert not found.results[0].whole
    # In March nothing was begun; K03 and K04 were on time too.
    assert (found.changes["A"].score, found.changes["A"].place) == (Decimal("12.50"), 0)
    assert found.changes["A"].points["started"] == Decimal("7.50")
    assert found.changes["B"].score == 0
    # The district: 1 of 5 begun, 4 of 5 on time, 4 of 12 cleared.
    assert [m.points for m in found.district.marks][:4] == [3, 0, 12, 0]


def test_the_assessment_in_winter_knows_what_was_done(small, scores):
    found = marks.assessment(small, OPERATOR, scores, period_ending("quarter", WINTER))
    first = next(r for r in found.results if r.code == "A")
    # K03 is done and on time, K04 is late.
    assert [m.points for m in first.marks][:3] == [Decimal("7.50"), Decimal("7.50"), Decimal("7.50")]


def test_ties_share_a_place_and_the_next_is_left_out(small, scores):
    sheets = tabulating.sheets(small, OPERATOR, period_ending("quarter", SUMMER))
    given_ = {
        (office, "safety"): Entry(Decimal(points), "photo") for office, points in (("B", 10), ("C", 10))
    }
    alone = replace(
        scores, items=tuple(i for i in scores.items if i.code == "safety"), ranked_from=Decimal(10)
    )
    found = marks.results(alone, sheets, given_)
    assert [(r.code, r.score, r.place, r.tied) for r in found] == [
        ("B", 100, 1, True),
        ("C", 100, 1, True),
        ("A", None, None, False),
    ]
    assert found[0].grade.name.label == "Excellent"
    entered = {**given_, ("A", "safety"): Entry(Decimal("9.5"), "photo")}
    assert [(r.code, r.place) for r in marks.results(alone, sheets, entered)] == [
        ("B", 1),
        ("C", 1),
        ("A", 3),
    ]
    assert marks.results(alone, sheets, entered)[2].grade.name.label == "Excellent"  # 95 exactly


def test_the_assessment_is_a_sheet_that_proves_itself(small, scores):
    found = marks.assessment(small, OPERATOR, scores, period_ending("quarter", SUMMER))
    sheet = proven(marksheet.sheet_of(found))
    cells = sheet.line("A").cells
    assert (cells["place"].value, cells["won"].value, cells["possible"].value) == ("1", 27.5, 60)
    assert cells["safety"].value is NOT_REPORTED
    assert [check.formula for check in sheet.checks] == ["10 = 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9", "12 = 10 ÷ 11"]
    assert marksheet.not_assessed(found.results) == ("invested", "mechanism", "safety", "satisfaction")
    assert isinstance(found.results[0].grade, Grade)
    assert found.period.end == date(2022, 6, 30)
