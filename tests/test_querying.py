from datetime import date, timedelta

import pytest
from builders import DAY, codes, put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import literal, select

from geo.errors import RequestError
from layers import tables
from layers.people import OPERATOR, VISITOR, Person, visible
from layers.querying import FILTERS, Among, Query, select_rows
from layers.stages import ORDER, StageRow, late_stages, standing
from layers.standings import standings

DAYS = st.none() | st.integers(-3, 3).map(lambda days: DAY + timedelta(days))
HISTORY = st.lists(
    st.builds(StageRow, st.sampled_from(ORDER), DAYS, DAYS, DAYS, DAYS, st.booleans()),
    unique_by=lambda row: row.stage,
)
DISTRICT = st.lists(st.tuples(st.sampled_from([None, 2021, 2022]), HISTORY), min_size=1, max_size=6)
PLAN = st.tuples(
    st.integers(-3, 3).map(lambda days: DAY + timedelta(days)),
    st.dictionaries(st.sampled_from(ORDER), st.integers(-3, 3).map(lambda days: DAY + timedelta(days))),
)


def is_late(year, rows, plans, on):
    """Say in Python what the column ``late`` says in SQL."""
    stands = standing(rows, on)
    due, deadlines = plans.get(year, (date.max, {}))
    return bool(late_stages(rows, on, deadlines) or (due < on and not stands.done))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(district=DISTRICT, plans=st.dictionaries(st.sampled_from([2021, 2022]), PLAN), on=st.integers(-4, 4))
def test_a_compound_stands_in_sql_where_it_stands_in_python(store, district, plans, on):
    on = DAY + timedelta(on)
    compounds = {f"C{i}": content for i, content in enumerate(district)}
    with store.writing(OPERATOR) as work:
        put(work, "compounds", *({"code": code, "plan_year": year} for code, (year, _) in compounds.items()))
        work.put_stages({code: rows for code, (_, rows) in compounds.items()})
        work.insert(
            tables.year_plans, [{"plan_year": y, "due_on": d.isoformat()} for y, (d, _) in plans.items()]
        )
        work.insert(
            tables.plan_deadlines,
            [
                {"plan_year": y, "stage": s, "due_on": d.isoformat()}
                for y, (_, deadlines) in plans.items()
                for s, d in deadlines.items()
            ],
        )
        asked = select_rows(visible(OPERATOR, "compounds"), Query(layer="compounds", on=on), shapes=False)
        shown = {row["code"]: row for row in work.connection.execute(*asked).mappings()}
        page = select_rows(visible(OPERATOR, "compounds"), Query(layer="compounds", on=on, limit=100))
        paged = {row["code"]: row for row in work.connection.execute(*page).mappings()}
        late = select_rows(visible(OPERATOR, "compounds"), Query(layer="compounds", on=on, late=True))
        found = {row["code"] for row in work.connection.execute(*late).mappings()}
        stands = standings(literal(on.isoformat())).c
        overdue = dict(work.connection.execute(select(stands.code, stands.overdue)).all())
        work.discard()
    assert {code: {**row, "wkb": None} for code, row in paged.items()} == {
        code: {**row, "wkb": None} for code, row in shown.items()
    }
    for code, (year, rows) in compounds.items():
        row = shown[code]
        assert (row["stage"], row["finished"], row["done"], row["accepted"]) == standing(rows, on)
        assert overdue.get(code, 0) == bool(late_stages(rows, on))
        assert row["late"] == is_late(year, rows, plans, on) == (code in found)


@pytest.mark.parametrize(
    ("layer", "filters", "expected"),
    [
        ("street_offices", {}, "A B C"),
        ("street_offices", {"street_office": "B"}, "B"),
        ("street_offices", {"street_office": "none"}, ""),
        ("street_offices", {"without_sites": True}, "C"),
        ("street_offices", {"without_sites": False}, "A B"),
        ("street_offices", {"code": "C"}, "C"),
        ("street_offices", {"text": "office"}, "A B C"),
        ("street_offices", {"text": "office c"}, "C"),
        ("compounds", {}, "C1 C2 C3 C4"),
        ("compounds", {"plan_year": 2022}, "C1 C2"),
        ("compounds", {"plan_year": 1999}, ""),
        ("compounds", {"plan_year": "none"}, "C4"),
        ("compounds", {"outside_plan": 2022}, "C3 C4"),
        ("compounds", {"outside_plan": 1999}, "C1 C2 C3 C4"),
        ("compounds", {"outside_plan": 2022, "stage": "not_begun"}, "C3"),
        ("compounds", {"street_office": "A"}, "C1 C3"),
        ("compounds", {"street_office": "C"}, ""),
        ("compounds", {"street_office": "none"}, "C4"),
        ("compounds", {"stage": "construction"}, "C1 C2"),
        ("compounds", {"stage": "not_begun"}, "C3"),
        ("compounds", {"stage": "survey"}, "C4"),
        ("compounds", {"stage": "survey", "on": date(2022, 2, 1)}, "C1 C4"),
        ("compounds", {"built_before": 2000}, "C1 C2"),
        ("compounds", {"built_before": 1999}, "C1"),
        ("compounds", {"uncovered": "clinic"}, "C2 C3 C4"),
        ("compounds", {"uncovered": "school"}, "C1 C2 C3 C4"),
        ("compounds", {"border": True}, "C2"),
        ("compounds", {"border": False}, "C1 C3 C4"),
        ("compounds", {"code": "C3"}, "C3"),
        ("compounds", {"text": "杏花"}, "C2"),
        ("compounds", {"text": "pLUM"}, "C1"),
        ("compounds", {"text": "c4"}, "C4"),
        ("compounds", {"late": True}, ""),
        ("compounds", {"late": False}, "C1 C2 C3 C4"),
        ("compounds", {"work_category": "基础类"}, ""),
        ("compounds", {"lateness": Among("late_30", frozenset({"C4", "C1"}))}, "C1 C4"),
        ("compounds", {"cleared": Among("cleared_all", frozenset({"C2", "gone", '"], "'}))}, "C2"),
        ("compounds", {"cleared_area": Among("cleared_all", frozenset())}, ""),
        ("compounds", {"work_categories": Among("基础类", frozenset({"C3"})), "border": True}, ""),
        ("compounds", {"plan_year": 2022, "street_office": "A", "stage": "construction"}, "C1"),
        ("compounds", {"plan_year": 2022, "street_office": "A", "stage": "survey"}, ""),
        ("illegal_structures", {}, "S1 S2 S3 S4"),
        ("illegal_structures", {"plan_year": 2022}, "S1 S2 S3"),
        ("illegal_structures", {"plan_year": 2021}, ""),
        ("illegal_structures", {"plan_year": "none"}, ""),
        ("illegal_structures", {"outside_plan": 2022}, ""),
        ("illegal_structures", {"outside_plan": 2021}, "S1 S2 S3"),
        ("illegal_structures", {"built_before": 1990}, "S1 S2"),
        ("illegal_structures", {"stage": "construction"}, "S1 S2 S3"),
        ("illegal_structures", {"stage": "survey"}, ""),
        ("illegal_structures", {"late": True}, ""),
        ("illegal_structures", {"late": False}, "S1 S2 S3"),
        ("illegal_structures", {"work_category": "基础类"}, ""),
        ("illegal_structures", {"uncovered": "clinic"}, "S3"),
        ("illegal_structures", {"lateness": Among("late_30", frozenset({"C1", "C4"}))}, "S1 S2"),
        ("illegal_structures", {"cleared": Among("cleared_all", frozenset({"C2"}))}, "S3"),
        ("illegal_structures", {"cleared_area": Among("cleared_all", frozenset())}, ""),
        ("illegal_structures", {"work_categories": Among("基础类", frozenset({"C1", "C2"}))}, "S1 S2 S3"),
        ("illegal_structures", {"compound_border": True}, "S3"),
        ("illegal_structures", {"compound_border": False}, "S1 S2"),
        ("illegal_structures", {"compound_text": "杏花"}, "S3"),
        ("illegal_structures", {"compound_text": "plum", "text": "s2"}, "S2"),
        ("illegal_structures", {"street_office": "A"}, "S1 S2"),
        ("illegal_structures", {"street_office": "none"}, "S4"),
        ("illegal_structures", {"border": True}, "S2"),
        ("illegal_structures", {"state": "ordered"}, "S2"),
        ("illegal_structures", {"compound": "C1"}, "S1 S2"),
        ("illegal_structures", {"compound": "C1", "state": "found"}, "S1"),
        # A file may name a compound that nobody has on record yet: that is no mistake of the asker.
        ("illegal_structures", {"compound": "C9"}, ""),
        ("illegal_structures", {"code": "S4"}, "S4"),
        ("illegal_structures", {"text": "s"}, "S1 S2 S3 S4"),
        ("facilities", {}, "F1 F2"),
        ("facilities", {"street_office": "B"}, "F2"),
        ("facilities", {"kind": "clinic"}, "F1"),
        ("facilities", {"code": "F2"}, "F2"),
        ("facilities", {"text": "school"}, "F2"),
    ],
)
def test_a_filter_finds_its_rows(district, layer, filters, expected):
    found = codes(district, layer, **filters)
    assert found == expected.split()
    query = Query(**{"layer": layer, "on": DAY, **filters})
    assert district.count(visible(OPERATOR, layer), query) == len(found)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        *(("基础类", ["a", "b", "c", "d"]), ("基础", ["a", "b", "c", "d"]), ("提升类", ["b", "e"])),
        *(("环卫", ["d"]), ("环", []), ("基", []), ("类", []), ("%", ["f"]), ("_", []), (",", [])),
    ],
)
def test_a_work_category_is_found_whole_among_others(store, asked, expected):
    texts = {"a": "基础类", "b": "基础类、提升类", "c": "完善，基础", "d": "安防/环卫 基础", "e": "提升类"}
    rows = [{"code": code, "work_categories": text} for code, text in {**texts, "f": "%", "g": None}.items()]
    with store.writing(OPERATOR) as work:
        put(work, "compounds", *rows)
    assert codes(store, "compounds", work_category=asked) == expected


def test_compounds_are_looked_for_by_address_and_community_too(store):
    told = {"a": ("泉城路1号", None), "b": (None, "泉城社区"), "c": ("文化路", None)}
    rows = [{"code": c, "address": address, "community": place} for c, (address, place) in told.items()]
    with store.writing(OPERATOR) as work:
        put(work, "compounds", *rows)
    assert codes(store, "compounds", text="泉城") == ["a", "b"]


def test_every_filter_of_every_layer_has_been_tried():
    marks = test_a_filter_finds_its_rows.pytestmark[0].args[1]
    tried = {(layer, name) for layer, filters, _ in marks for name in filters if name != "on"}
    assert tried == {(layer, name) for layer, names in FILTERS.items() for name in names}


@pytest.mark.parametrize(
    ("layer", "filters"),
    [
        (layer, {name: value})
        for layer in FILTERS
        for name, value in {
            "plan_year": 2022,
            "street_office": "A",
            "stage": "survey",
            "built_before": 2000,
            "uncovered": "clinic",
            "border": True,
            "without_sites": True,
            "state": "ordered",
            "compound": "C1",
            "compound_text": "C1",
            "compound_border": True,
            "lateness": Among("late_30", frozenset()),
            "kind": "clinic",
        }.items()
        if name not in FILTERS[layer]
    ],
)
def test_a_filter_the_layer_does_not_have_is_an_error_and_never_every_row(layer, filters):
    with pytest.raises(RequestError, match=f"{layer} has no filter {next(iter(filters))}"):
        Query(layer=layer, on=DAY, **filters)


@pytest.mark.parametrize(
    ("layer", "filters", "said"),
    [
        ("compounds", {"stage": "finished"}, "No stage is called finished"),
        ("illegal_structures", {"state": "gone"}, "No state is called gone"),
        ("compounds", {"uncovered": "zoo"}, "No facility is of the kind zoo"),
        ("facilities", {"kind": "zoo"}, "No facility is of the kind zoo"),
        ("compounds", {"street_office": "Q"}, "No street office has the code Q"),
        ("compounds", {"street_office": "Z"}, "No street office has the code Z"),
        ("compounds", {"street_office": ""}, "No street office has the code"),
    ],
)
def test_a_value_nobody_has_heard_of_is_an_error(district, layer, filters, said):
    for ask in (
        codes,
        lambda store, layer, **f: store.count(visible(OPERATOR, layer), Query(layer=layer, on=DAY, **f)),
    ):
        with pytest.raises(RequestError, match=said):
            ask(district, layer, **filters)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("%", ["C1"]), ("_", ["C1"]), ("100%_Y", ["C1"]), ("/", []), ("\\", []), ("'", []), ("' OR 1=1 --", [])],
)
def test_what_is_searched_for_is_taken_literally(district, text, expected):
    assert codes(district, "compounds", text=text) == expected


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"state": "found"},
        {"code": "S1"},
        {"compound": "C1"},
        {"text": "S1"},
        {"street_office": "A"},
        {"plan_year": 2022},
        {"border": False},
        {"compound_border": False},
        {"compound_text": "C"},
        {"cleared": Among("cleared_all", frozenset({"C1", "C2"}))},
    ],
)
@pytest.mark.parametrize("role", ["visitor", "street_office"])
def test_no_filter_shows_a_visitor_an_unpublished_case(district, role, filters):
    sight = visible(Person(role), "illegal_structures")
    every = codes(district, "illegal_structures", **filters)
    seen = codes(district, "illegal_structures", sight, **filters)
    assert seen == [code for code in every if code in ("S2", "S3")]
    assert district.count(sight, Query(layer="illegal_structures", on=DAY, **filters)) == len(seen)


def test_a_visitor_who_asks_for_found_cases_gets_none(district):
    assert codes(district, "illegal_structures", visible(VISITOR, "illegal_structures"), state="found") == []


def test_a_row_holds_the_fields_of_the_sight_and_nothing_else(district):
    for layer in FILTERS:
        sight = visible(VISITOR, layer)
        for row in district.rows(sight, Query(layer=layer, on=DAY)):
            assert set(row.properties) == set(sight.fields)
    seen = [
        row.properties
        for row in district.rows(
            visible(OPERATOR, "compounds", private=True), Query(layer="compounds", on=DAY, code="C1")
        )
    ]
    assert seen[0]["contact"] == "Li"


def test_a_row_says_who_answers_for_it_where_it_stands_and_what_shape_it_has(district):
    asked = Query(layer="compounds", on=DAY, code="C2")
    (row,) = district.rows(visible(VISITOR, "compounds"), asked)
    p = row.properties
    assert (p["street_office_code"], p["street_office_name"], p["street_office_share"]) == (
        "B",
        "Office B",
        0.6,
    )
    assert p["border"] is True and p["owners_committee"] is None
    assert p["stage"] == "construction"
    assert row.standing == {"finished": True, "done": True, "accepted": False, "late": False}
    assert isinstance(row.wkb, bytes)
    (bare,) = district.rows(visible(VISITOR, "compounds"), asked, shapes=False)
    assert bare == row._replace(wkb=None)


@pytest.mark.parametrize(
    "asked",
    [{"built_before": "none"}, {"plan_year": "soon"}, {"text": "\0"}, {"code": "a\nb"}, {"text": "x" * 101}],
)
def test_a_value_that_no_row_can_have_is_refused(asked):
    with pytest.raises(RequestError):
        Query(layer="compounds", on=DAY, **asked)


def test_a_structure_is_shown_in_the_compound_it_was_placed_in(district):
    sight = visible(OPERATOR, "illegal_structures")
    rows = district.rows(sight, Query(layer="illegal_structures", on=DAY))
    assert {r.code: r.properties["compound_code"] for r in rows} == {
        "S1": "C1",
        "S2": "C1",
        "S3": "C2",
        "S4": None,
    }
