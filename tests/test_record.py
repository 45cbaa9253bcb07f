"""The assignment as a record: who answered on any day, with every share, and what replaced it."""

from datetime import date

import pytest
import shapely
from clock import Clock
from desk import Desk, feature, point, square
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from geo.errors import NotFoundError
from layers import duty, figures, lookup, programme, progress, tables
from layers.facts import compound_facts
from layers.people import OPERATOR, VISITOR, Person, visible
from layers.querying import Query
from layers.store import verify_history
from layers.validity import end_of, past_day

SITES = ("compounds", "illegal_structures", "facilities")
#: The record of these tests begins on the first day; something changes on each of the others.
JANUARY, MARCH, MAY, JULY = (date(2024, month, 1) for month in (1, 3, 5, 7))
BEFORE, FEBRUARY, APRIL, JUNE, TODAY = (
    date(2023, 12, 31),
    date(2024, 2, 1),
    date(2024, 4, 1),
    date(2024, 6, 1),
    date(2024, 8, 1),
)


def office(code, west, east, name=None):
    return feature(square(west, 36.60, east, 36.61), code=code, name=name or f"{code}街道")


def compound(code, west, east, **properties):
    return feature(square(west, 36.604, east, 36.605), code=code, **properties)


#: a | b | c from the west; in March a and b meet 300 m further west and c is gone.
FIRST = [office("a", 117.00, 117.01), office("b", 117.01, 117.02), office("c", 117.02, 117.03)]
SECOND = [office("a", 117.00, 117.007), office("b", 117.007, 117.02, name="新街道")]


@pytest.fixture
def desk(store, tmp_path):
    return Desk(store, tmp_path)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def told(desk, clock):
    """A record of half a year: loaded in January, another edition in March, the first again in May.

    In July K moves into b, for good.
    """
    clock.set("2024-01-01T08:00")
    desk.load("street_offices", FIRST)
    desk.load("compounds", [compound("K", 117.006, 117.0095), compound("L", 117.021, 117.022)])
    desk.load("illegal_structures", [feature(point(117.0085, 36.6045), code="S", state="found")])
    clock.set("2024-03-01T08:00")
    desk.load("street_offices", SECOND)
    duty.activate(desk.store, OPERATOR)
    clock.set("2024-05-01T23:59")
    duty.activate(desk.store, OPERATOR, 1)
    clock.set("2024-07-01T00:00")
    desk.load("compounds", [compound("K", 117.011, 117.0145)])
    return desk


def layer_on(desk, layer, day, person=OPERATOR, **filters):
    query = Query(layer=layer, on=day, **filters)
    rows = desk.store.rows(visible(person, layer), query, shapes=False)
    names = ("street_office_code", "street_office_name")
    return {row.code: tuple(row.properties[name] for name in names) for row in rows}


def test_a_whole_layer_shows_who_answered_at_the_end_of_the_day(told):
    k, gone = ("a", "a街道"), (None, None)
    first = {"K": k, "L": ("c", "c街道")}
    second = {"K": ("b", "新街道"), "L": gone}
    assert [layer_on(told, "compounds", day) for day in (JANUARY, FEBRUARY, date(2024, 2, 29))] == [first] * 3
    assert [layer_on(told, "compounds", day) for day in (MARCH, APRIL, date(2024, 4, 30))] == [second] * 3
    assert [layer_on(told, "compounds", day) for day in (MAY, JUNE, date(2024, 6, 30))] == [first] * 3
    moved = {"K": ("b", "b街道"), "L": ("c", "c街道")}
    assert [layer_on(told, "compounds", day) for day in (JULY, TODAY, date.max)] == [moved] * 3
    assert layer_on(told, "illegal_structures", APRIL) == {"S": ("b", "新街道")}
    assert layer_on(told, "illegal_structures", JUNE) == {"S": ("a", "a街道")}


def test_filters_and_street_offices_follow_the_day(told):
    assert list(layer_on(told, "compounds", APRIL, street_office="b")) == ["K"]
    assert list(layer_on(told, "compounds", APRIL, street_office="none")) == ["L"]
    assert list(layer_on(told, "compounds", FEBRUARY, street_office="a")) == ["K"]
    assert list(layer_on(told, "compounds", APRIL, border=True)) == ["K"]
    assert list(layer_on(told, "compounds", FEBRUARY, border=True)) == []

    def offices(day, **filters):
        query = Query(layer="street_offices", on=day, **filters)
        return [row.code for row in told.store.rows(visible(OPERATOR, "street_offices"), query)]

    assert (offices(FEBRUARY), offices(APRIL), offices(TODAY)) == (
        ["a", "b", "c"],
        ["a", "b"],
        ["a", "b", "c"],
    )
    assert (offices(FEBRUARY, without_sites=True), offices(APRIL, without_sites=True)) == (["b"], ["a"])
    assert offices(TODAY, without_sites=True) == ["a"]
    found = {o.code: o.compounds for o in figures.offices(told.store, OPERATOR, APRIL)}
    assert found == {"a": 0, "b": 1}
    with pytest.raises(Exception, match="No street office has the code c"):
        layer_on(told, "compounds", APRIL, street_office="c")


def test_before_the_record_a_layer_shows_the_first_answer_and_the_record_says_there_is_none(told):
    assert layer_on(told, "compounds", BEFORE) == layer_on(told, "compounds", JANUARY)
    assert lookup.answer_on(told.store, OPERATOR, "compounds", "K", BEFORE) is None


def test_who_answered_on_a_day_is_told_with_shares_and_edition(told):
    found = {day: lookup.answer_on(told.store, OPERATOR, "compounds", "K", day) for day in (FEBRUARY, APRIL)}
    near = pytest.approx
    now, then = found[FEBRUARY], found[APRIL]
    assert (now.street_office_code, now.edition_id, now.method, now.share) == ("a", 1, "containment", 1.0)
    assert (now.at[:10], now.until[:10]) == ("2024-01-01", "2024-03-01")
    assert (then.street_office_code, then.street_office_name, then.edition_id) == ("b", "新街道", 2)
    assert [(s.code, s.name, s.share) for s in then.shares] == [
        ("b", "新街道", near(25 / 35)),
        ("a", "a街道", near(10 / 35)),
    ]
    assert then.reasons == ("several_offices",)
    facts = compound_facts(told.store, OPERATOR, "K", APRIL)
    assert facts.shares == then.shares
    assert [s.code for s in compound_facts(told.store, OPERATOR, "K", TODAY).shares] == ["b"]
    crossing = programme.planning(told.store, OPERATOR, APRIL).crossing
    assert [(c.code, c.shares) for c in crossing] == [("K", then.shares)]


def test_the_answers_of_a_site_follow_each_other_without_a_gap(told):
    found = lookup.answers(told.store, OPERATOR, "compounds", "K")
    assert [a.street_office_code for a in found] == ["b", "a", "b", "a"]
    assert [a.until for a in found] == [None, *(a.at for a in found[:-1])]
    for answer in found:
        total = sum(s.share for s in answer.shares) - answer.claimed_twice + answer.outside
        assert total == pytest.approx(1.0, abs=1e-9)


def test_every_step_is_in_the_history(told):
    steps = lookup.steps(told.store, OPERATOR, "compounds", "K")
    assert [(s.at[:10], s.action, s.person) for s in steps] == [
        ("2024-07-01", "assign", "bureau:operator"),
        ("2024-05-01", "move", "bureau:operator"),
        ("2024-03-01", "move", "bureau:operator"),
    ]
    assert (steps[2].before, steps[2].after) == ("a", "b")
    assert verify_history(told.store) is None


def test_a_day_since_which_nothing_changed_is_asked_the_short_way(told):
    with told.store.reading() as connection:
        days = (BEFORE, JANUARY, APRIL, JUNE, JULY, TODAY)
        assert [past_day(connection, day) for day in days] == [*days[:4], None, None]


def test_on_the_reference_date_and_later_it_is_shown_what_holds_now(told):
    progress.describe(told.store, OPERATOR, reference_date=APRIL)
    now = {"K": ("b", "b街道"), "L": ("c", "c街道")}
    assert [layer_on(told, "compounds", day) for day in (APRIL, JUNE, TODAY)] == [now] * 3
    assert [s.code for s in compound_facts(told.store, OPERATOR, "K", APRIL).shares] == ["b"]
    assert layer_on(told, "compounds", FEBRUARY) == {"K": ("a", "a街道"), "L": ("c", "c街道")}
    assert lookup.answer_on(told.store, OPERATOR, "compounds", "K", APRIL).edition_id == 2


def test_a_new_record_has_no_former_state(desk, clock):
    clock.set("2024-01-01T08:00")
    desk.load("street_offices", FIRST)
    desk.load("compounds", [compound("K", 117.006, 117.0095)])
    assert desk.rows(tables.former_assignments) == []
    with desk.store.reading() as connection:
        assert past_day(connection, BEFORE) is None
    assert layer_on(desk, "compounds", BEFORE) == {"K": ("a", "a街道")}
    duty.assign_all(desk.store, OPERATOR)
    assert desk.rows(tables.former_assignments) == desk.rows(tables.former_shares) == []


def test_an_answer_that_was_replaced_in_its_own_transaction_never_held(desk, clock):
    desk.load("street_offices", FIRST)
    desk.load("compounds", [compound("K", 117.006, 117.0095)])
    with desk.store.writing(OPERATOR) as work:
        work.connection.execute(update(tables.assignments).values(at=work.at, border=1))
        duty.assign_sites(work)
    assert desk.rows(tables.former_assignments) == []
    assert [row["border"] for row in desk.rows(tables.assignments)] == [0]


def test_shares_alone_make_another_answer(desk, clock):
    """K: a 50 %, b and c the rest. Only the line between b and c moves."""
    clock.set("2024-01-01T08:00")
    desk.load(
        "street_offices",
        [office("a", 117.0, 117.01), office("b", 117.01, 117.016), office("c", 117.016, 117.03)],
    )
    desk.load("compounds", [compound("K", 117.0, 117.02)])
    before = [(s.code, s.share) for s in lookup.answers(desk.store, OPERATOR, "compounds", "K")[0].shares]
    clock.set("2024-03-01T08:00")
    with desk.store.writing(OPERATOR) as work:
        line = {"b": square(117.01, 36.6, 117.014, 36.61), "c": square(117.014, 36.6, 117.03, 36.61)}
        for code, shape in line.items():
            o = tables.street_offices
            wkb = shapely.from_geojson(str(shape).replace("'", '"')).wkb
            work.connection.execute(update(o).where(o.c.code == code).values(wkb=wkb))
        assert duty.assign_sites(work)["compounds"] == 1
    now, then = lookup.answers(desk.store, OPERATOR, "compounds", "K")
    assert [(s.code, s.share) for s in then.shares] == before
    assert [(s.code, s.share) for s in now.shares] == [
        ("a", pytest.approx(0.5)),
        ("c", pytest.approx(0.3)),
        ("b", pytest.approx(0.2)),
    ]


def test_a_visitor_sees_neither_who_nor_why_nor_what_is_unpublished(told):
    assert lookup.answers(told.store, VISITOR, "compounds", "K")[0].person is None
    assert {step.person for step in lookup.steps(told.store, VISITOR, "compounds", "K")} == {None}
    for person in (VISITOR, Person("street_office", "a", "a")):
        for ask in (lookup.answers, lookup.steps):
            with pytest.raises(NotFoundError, match="illegal_structures has no row with the code S"):
                ask(told.store, person, "illegal_structures", "S")
    for layer, code in (("compounds", "X"), ("street_offices", "a")):
        with pytest.raises(NotFoundError):
            lookup.answers(told.store, OPERATOR, layer, code)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_the_end_of_a_day_sorts_among_the_times_of_the_record(one, other):
    for time in ("00:00:00.000000", "23:59:59.999999"):
        assert (f"{other.isoformat()}T{time}+00:00" < end_of(one)) == (other <= one)
