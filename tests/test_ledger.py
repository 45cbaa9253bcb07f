"""Illegal structures on a day: map, legend, panel, list, wall and sheet tell the same of it."""

from collections import Counter
from contextlib import closing
from datetime import date, timedelta

import pytest
from desk import Desk, feature, point, square
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers import classes, figures, needs, open_store, tabulating, wall
from layers.catalogue import CLEARED_STATES, STATES
from layers.facts import compound_facts
from layers.people import OPERATOR, VISITOR, visible
from layers.periods import period_ending
from layers.pictures import picture
from layers.querying import Query
from layers.reached import structure

#: (state, found, demolished): what the ledger holds of K1, whose structures have 10 m² each.
LEDGER = {
    "A": ("demolished", "2022-01-10", "2022-05-20"),
    "B": ("closed", "2022-02-10", "2022-03-31"),
    "C": ("rebuilt", "2022-01-10", "2022-04-30"),
    "D": ("found", "2022-06-15", None),
    "E": ("deferred", None, None),
    "F": ("demolished", None, None),
    # Wrong as it is, it still stands: only what is cleared can have been cleared on a day.
    "G": ("verified", "2022-01-01", "2022-01-02"),
}
MARCH, JUNE, DECEMBER = date(2022, 3, 31), date(2022, 6, 30), date(2021, 12, 31)


def fill(store, folder, ledger):
    desk = Desk(store, folder)
    desk.load("street_offices", [feature(square(117.0, 36.6, 117.1, 36.7), code="A", name="甲街道")])
    plot = square(117.01, 36.61, 117.02, 36.62)
    desk.load("compounds", [feature(plot, code="K1", name="一号院", built_year=1990)])
    told = [
        feature(
            point(117.011 + n / 10000, 36.615),
            code=code,
            state=state,
            found_on=found,
            demolished_on=demolished,
            area_m2=10,
        )
        for n, (code, (state, found, demolished)) in enumerate(ledger.items())
    ]
    desk.load("illegal_structures", told)


@pytest.fixture
def ledger(store, tmp_path):
    """A store with one compound and the ledger above, on SQLite and on PostGIS."""
    fill(store, tmp_path, LEDGER)
    return store


def counted(store, on, person=OPERATOR, **filters):
    states = figures.state_counts(store, person, Query(layer="illegal_structures", on=on, **filters))
    return {count.state: count.structures for count in states}


def test_each_day_has_its_own_ledger(ledger):
    # Without a date: E and F. A, B and C are found by then; of these B is down on the last of March.
    assert counted(ledger, DECEMBER) == {"demolished": 1, "deferred": 1}
    assert counted(ledger, MARCH) == {
        "verified": 1,
        "ordered": 2,
        "demolished": 1,
        "deferred": 1,
        "closed": 1,
    }
    assert counted(ledger, MARCH - timedelta(1)) == {
        "verified": 1,
        "ordered": 3,
        "demolished": 1,
        "deferred": 1,
    }
    assert counted(ledger, JUNE) == {
        "found": 1,
        "verified": 1,
        "demolished": 2,
        "deferred": 1,
        "rebuilt": 1,
        "closed": 1,
    }


def test_what_stood_is_seen_by_whoever_sees_it_now(ledger):
    # A, B, C, E and F are published today, so they are on the days before.
    assert counted(ledger, MARCH, VISITOR) == {"ordered": 2, "demolished": 1, "deferred": 1, "closed": 1}


def test_the_filter_asks_for_the_state_of_the_day(ledger):
    asked = Query(layer="illegal_structures", on=MARCH, state="ordered")
    rows = ledger.rows(visible(OPERATOR, "illegal_structures"), asked, shapes=False)
    assert {row.code: row.properties["state"] for row in rows} == {"A": "ordered", "C": "ordered"}
    assert ledger.count(visible(OPERATOR, "illegal_structures"), asked) == 2
    assert counted(ledger, MARCH, state="demolished") == {"demolished": 1}
    assert counted(ledger, JUNE, state="ordered") == {}


@pytest.mark.parametrize("on", [DECEMBER, MARCH, JUNE])
def test_all_that_tell_of_a_day_agree(ledger, on):
    states = counted(ledger, on)
    whole, gone = sum(states.values()), sum(states.get(state, 0) for state in CLEARED_STATES)
    facts = compound_facts(ledger, OPERATOR, "K1", on)
    assert (facts.cleared.numerator, facts.cleared.denominator) == (gone, whole)
    sheet = tabulating.sheet(ledger, OPERATOR, "demolition", period_ending("quarter", on)).total.cells
    assert (sheet["ledger"].value, sheet["cleared"].value) == (whole, gone)
    assert sheet["ledger_area"].value == facts.cleared_area.denominator == 10.0 * whole
    of = classes.clearings(ledger, OPERATOR, on)["K1"]
    assert (of.number, of.area) == (facts.cleared, facts.cleared_area)
    needy = needs.needs(ledger, OPERATOR, on).listed
    assert [one.structures for one in needy] == [whole - gone]
    hung = wall.structures(ledger, OPERATOR, "K1", on)
    assert (hung.cleared, len(hung.rows)) == (facts.cleared, whole)
    with ledger.still() as still:
        seen = visible(OPERATOR, "illegal_structures")
        drawn = picture(still, seen, Query(layer="illegal_structures", on=on))
        column = next(column for column in drawn.told.columns if column.name == "state")
        assert Counter(column.values[place] for place in column.index) == states


_days = st.none() | st.dates(date(2022, 1, 1), date(2022, 1, 6))
_cases = st.dictionaries(
    st.sampled_from("ABCDEFGH"),
    st.tuples(st.none() | st.sampled_from(STATES), _days, _days),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(_cases)
def test_the_store_says_of_each_day_what_the_rows_say(tmp_path_factory, cases):
    folder = tmp_path_factory.mktemp("ledger")
    told = {
        code: (state, found and found.isoformat(), gone and gone.isoformat())
        for code, (state, found, gone) in cases.items()
    }
    with closing(open_store(f"sqlite:///{folder / 'district.db'}")) as store:
        fill(store, folder, told)
        last = Query(layer="illegal_structures", on=date.max)
        rows = [structure(row) for row in store.rows(visible(OPERATOR, "illegal_structures"), last)]
        for day in (date(2022, 1, 1) + timedelta(n) for n in range(-1, 7)):
            found = figures.state_counts(store, OPERATOR, Query(layer="illegal_structures", on=day))
            listed = [one for one in rows if one.listed <= day]
            cleared = sum(one.cleared is not None and one.cleared <= day for one in listed)
            rate = figures.cleared(found)
            assert (rate.numerator, rate.denominator) == (cleared, len(listed))
