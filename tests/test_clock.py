"""The history never goes backwards, whatever the clocks of the machines do."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from geo.errors import PermissionError_, StoreError
from layers import tables
from layers.clock import TOLERANCE, moment, now
from layers.history import entry_hash
from layers.people import OPERATOR, VISITOR
from layers.progress import accept_clock
from layers.store import verify_history

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(
    lambda day: day.replace(tzinfo=UTC).isoformat(timespec="microseconds")
)


def at(later: timedelta) -> str:
    """Return the moment that is so much later than now."""
    return (datetime.now(UTC) + later).isoformat(timespec="microseconds")


def entries(store) -> list[dict]:
    return store.frame(select(tables.history).order_by(tables.history.c.seq))


def write_by_a_clock_that_is_ahead(store, later: timedelta) -> str:
    """Append a whole entry of a moment to come, as a machine with a wrong clock does; return it."""
    with store.writing(OPERATOR) as work:
        work.set("name_en", "first")
    (first,) = entries(store)
    entry = {**first, "seq": 2, "at": at(later), "previous": first["hash"]}
    entry["hash"] = entry_hash(entry)
    with store.writing(OPERATOR) as work:
        work.connection.execute(insert(tables.history), entry)
    return entry["at"]


@given(last=MOMENTS, here=MOMENTS)
def test_a_moment_is_now_or_a_little_later_and_never_before_the_last(last, here):
    ahead = datetime.fromisoformat(last) - datetime.fromisoformat(here)
    if ahead > TOLERANCE:
        with pytest.raises(StoreError) as refused:
            moment(last, here)
        assert last in str(refused.value) and here in str(refused.value)
    else:
        assert moment(last, here) == max(last, here)


def test_the_first_entry_is_of_now():
    here = now()
    assert moment(None, here) == here


def test_a_clock_that_is_a_little_behind_keeps_the_order(store):
    last = write_by_a_clock_that_is_ahead(store, TOLERANCE / 2)
    with store.writing(OPERATOR) as work:
        work.set("name_en", "second")
        load = work.open_load("compounds", "0" * 64, {})
    assert [entry["at"] for entry in entries(store)][1:] == [last, last]
    assert store.frame(select(tables.loads.c.at)) == [{"at": last}] and load == 1
    assert verify_history(store) is None


def test_a_clock_that_was_set_back_is_refused_and_nothing_is_written(store):
    last = write_by_a_clock_that_is_ahead(store, timedelta(days=1))
    with (
        pytest.raises(StoreError, match="The clock of this machine says") as refused,
        store.writing(OPERATOR) as work,
    ):
        work.set("name_en", "second")
    assert last in str(refused.value)
    assert store.district().name_en == "first"
    assert len(entries(store)) == 2


def test_who_says_that_the_clock_is_right_goes_on_and_that_is_in_the_history(store):
    last = write_by_a_clock_that_is_ahead(store, timedelta(days=1))
    before = now()
    assert accept_clock(store, OPERATOR)
    with store.writing(OPERATOR) as work:
        work.set("name_en", "second")
    accepted, written = entries(store)[2:]
    assert (accepted["action"], accepted["subject"]) == ("accept_clock", "history")
    assert accepted["before"] == f'{{"at":"{last}"}}'
    assert before <= accepted["at"] <= written["at"] <= now()
    assert verify_history(store) is None


def test_a_clock_that_is_not_behind_needs_no_word(store):
    assert not accept_clock(store, OPERATOR)
    assert entries(store) == []


def test_a_visitor_may_not_say_so(store):
    with pytest.raises(PermissionError_):
        accept_clock(store, VISITOR)


def test_all_of_one_transaction_is_of_one_moment(store):
    with store.writing(OPERATOR) as work:
        for number in range(5):
            work.set("name_en", str(number))
    assert len({entry["at"] for entry in entries(store)}) == 1
    assert [entry["seq"] for entry in entries(store)] == [1, 2, 3, 4, 5]
