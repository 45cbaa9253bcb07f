from collections import Counter

import pytest
from desk import Desk
from hypothesis import given
from hypothesis import strategies as st
from small_district import SUMMER, WINTER, fill
from sqlalchemy import update

from geo.errors import RequestError
from layers import classes, tables
from layers.facts import compound_facts
from layers.figures import Rate, overview
from layers.people import OPERATOR, VISITOR
from layers.querying import Query


@pytest.fixture
def filled(store, tmp_path):
    fill(Desk(store, tmp_path))
    return store


def asked(on=SUMMER, **filters):
    return Query(layer="compounds", on=on, **filters)


def of(store, colouring, on=SUMMER, person=OPERATOR, **filters):
    return classes.classed(store, person, asked(on, **filters), colouring).of


def test_lateness_is_told_by_the_days_since_the_first_date_missed(filled):
    found = of(filled, "lateness")
    assert {code: c for code, c in found.items() if c != "in_time"} == {
        "K02": "late_30",
        "K09": "late_180",
        **dict.fromkeys(("K06", "K07", "K08"), "none"),
    }
    winter = of(filled, "lateness", WINTER)
    assert {code for code, c in winter.items() if c.startswith("late")} == {"K02", "K04", "K05", "K09", "K10"}
    assert (winter["K09"], winter["K04"]) == ("late_more", "late_90")


@pytest.mark.parametrize("colouring", classes.COLOURINGS)
def test_the_legend_counts_each_compound_in_one_class(filled, colouring):
    counts = classes.class_counts(filled, OPERATOR, asked(), colouring)
    assert sum(count.totals.compounds for count in counts) == 10
    assert sum(count.late for count in counts) == 2
    found = Counter(of(filled, colouring).values())
    assert {count.code: count.totals.compounds for count in counts} == found


def test_stages_are_counted_as_the_overview_counts_them(sample_store):
    told = overview(sample_store, OPERATOR, asked(plan_year=2022))
    counts = classes.class_counts(sample_store, OPERATOR, asked(plan_year=2022), "stage")
    assert {c.code: (c.totals, c.late) for c in counts} == {
        s.stage: (s.totals, s.late) for s in told.stages if s.totals.compounds
    }


@pytest.mark.parametrize(
    ("colouring", "filters"),
    [
        ("street_office", {"street_office": "A"}),
        ("plan_year", {"plan_year": 2022}),
        ("stage", {"stage": "survey"}),
    ],
)
def test_the_filter_that_the_legend_is_leaves_it_its_counts(filled, colouring, filters):
    everything = classes.class_counts(filled, OPERATOR, asked(), colouring)
    assert classes.class_counts(filled, OPERATOR, asked(**filters), colouring) == everything
    narrowed = classes.class_counts(filled, OPERATOR, asked(built_before=1990, **filters), colouring)
    assert sum(c.totals.compounds for c in narrowed) == 3


@pytest.mark.parametrize("colouring", ["lateness", "cleared", "cleared_area", "work_categories"])
@pytest.mark.parametrize("person", [OPERATOR, VISITOR], ids=["bureau", "visitor"])
def test_a_class_is_asked_for_as_a_filter_on_any_day(filled, colouring, person):
    for on in (SUMMER, WINTER):
        found = of(filled, colouring, on, person)
        everything = classes.class_counts(filled, person, asked(on), colouring)
        for name in set(found.values()):
            with filled.still() as still:
                wanted = classes.among(still, person, colouring, name, on)
            assert of(filled, colouring, on, person, **{colouring: wanted}) == {
                code: c for code, c in found.items() if c == name
            }
            left = asked(on, **{colouring: wanted})
            assert classes.class_counts(filled, person, left, colouring) == everything


@pytest.mark.parametrize("colouring", ["lateness", "cleared", "cleared_area"])
def test_a_class_that_there_is_not_is_refused(filled, colouring):
    with filled.still() as still, pytest.raises(RequestError, match="No class is called x"):
        classes.among(still, OPERATOR, colouring, "x", SUMMER)


def test_street_offices_years_and_those_without(filled):
    assert Counter(of(filled, "street_office").values()) == {"A": 4, "B": 5, "none": 1}
    assert Counter(of(filled, "plan_year").values()) == {"2021": 2, "2022": 5, "2023": 1, "none": 2}


def test_what_is_cleared_is_told_by_number_and_by_area(filled):
    number, area = of(filled, "cleared"), of(filled, "cleared_area")
    assert {code: c for code, c in number.items() if c != "no_structures"} == {
        "K01": "cleared_all",
        "K03": "cleared_some",
        "K05": "cleared_nothing",
        "K07": "cleared_nothing",
        "K09": "cleared_nothing",
    }
    assert {code: area[code] for code in ("K01", "K03", "K05", "K02")} == {
        "K01": "cleared_all",
        "K03": "cleared_some",
        "K05": "cleared_nothing",
        "K02": "no_structures",
    }


def test_an_area_that_nobody_knows_is_unknown_and_not_nothing(filled):
    s = tables.illegal_structures
    with filled.writing(OPERATOR) as work:
        work.connection.execute(update(s).where(s.c.code.in_(("S07", "S08"))).values(area_m2=None))
    assert of(filled, "cleared_area")["K05"] == "area_unknown"
    assert of(filled, "cleared")["K05"] == "cleared_nothing"


@pytest.mark.parametrize("person", [OPERATOR, VISITOR], ids=["bureau", "visitor"])
def test_the_panel_says_the_same_of_what_is_cleared(filled, person):
    known = classes.clearings(filled, person, SUMMER)
    for number in range(1, 11):
        code = f"K{number:02d}"
        facts = compound_facts(filled, person, code, SUMMER)
        clearing = known.get(code)
        told = (Rate(0, 0, ""), Rate(0, 0, "")) if clearing is None else (clearing.number, clearing.area)
        for rate, fact in zip(told, (facts.cleared, facts.cleared_area), strict=True):
            assert (rate.numerator, rate.denominator) == (fact.numerator, fact.denominator)


def test_a_visitor_learns_nothing_of_cases_that_are_not_published(filled):
    # Of the five structures of K03 two are found and verified only; K07's has no state.
    assert classes.clearings(filled, VISITOR, SUMMER)["K03"].number == Rate(2, 3, "by number of structures")
    assert of(filled, "cleared", person=VISITOR)["K03"] == "cleared_50"
    assert of(filled, "cleared", person=VISITOR)["K07"] == "no_structures"


@given(st.integers(1, 10**6), st.data())
def test_only_the_whole_is_all_and_only_nothing_is_nothing(whole, data):
    part = data.draw(st.integers(0, whole))
    found = classes.cleared_class(Rate(part, whole, ""))
    assert (found == "cleared_all") == (part == whole)
    assert (found == "cleared_nothing") == (part == 0)
    if found == "cleared_80":
        assert 0.8 <= part / whole < 1
    if found == "cleared_some":
        assert part / whole < 0.5


@given(st.sets(st.sampled_from(classes.CATEGORIES), min_size=1).map(list), st.sampled_from("、，,；;/ +"))
def test_a_set_of_categories_is_one_however_it_is_written(named, between):
    written = classes.category_set(between.join(named))
    assert written == classes.category_set(between.join(reversed(named)))
    assert written == classes.category_set(between.join(name.removesuffix("类") for name in named))
    assert set(written.split("、")) == set(named)


def test_categories_of_another_vocabulary_keep_their_names(filled):
    c = tables.compounds
    texts = {"K01": "安防，环卫消防", "K02": "提升类/基础类", "K03": "基础类", "K04": " "}
    with filled.writing(OPERATOR) as work:
        for code, text in texts.items():
            work.connection.execute(update(c).where(c.c.code == code).values(work_categories=text))
    found = of(filled, "work_categories")
    assert [found[code] for code in texts] == ["安防、环卫消防", "基础类、提升类", "基础类", "none"]
    assert classes.category_sets(filled) == ("基础类", "基础类、提升类", "安防、环卫消防")


def test_a_colouring_that_is_not_there_is_refused(filled):
    with pytest.raises(RequestError, match="no colouring red"):
        classes.classed(filled, OPERATOR, asked(), "red")
