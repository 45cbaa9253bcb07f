"""Every change is written down, and whoever alters what is written is found out."""

import pytest
from builders import told, without_guards
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from geo.errors import StoreError
from layers import tables
from layers.history import GENESIS, entry_hash, read_chain
from layers.people import OPERATOR, Person
from layers.stages import StageRow
from layers.store import read_history, verify_history
from layers.work import Work

KEPT = [HealthCheck.function_scoped_fixture]


def entries_of(work: Work) -> list[dict]:
    """Return the history as an open transaction sees it."""
    found = work.connection.execute(select(tables.history).order_by(tables.history.c.seq))
    return [dict(row) for row in found.mappings()]


# The history.


@pytest.fixture
def written(store):
    """A store whose history has a dozen entries of every shape."""
    with store.writing(OPERATOR) as work:
        work.log("load", "compounds", load_id=1, after={"rows": 2, "名称": "杏花里"})
        work.log_all([("update", "compounds", f"C{i}", 1, {"n": i}, {"n": i + 1}) for i in range(5)])
    with store.writing(Person("bureau", None, "Li")) as work:
        work.log("activate", "editions", code="1", before=None, after=1)
        work.set("name_en", "Sample")
        work.set("name_en", "Other")
        work.put_stages({"C1": [StageRow("survey", reported=True), StageRow("design")]})
    return store


@pytest.mark.parametrize(
    "step",
    [
        "UPDATE history SET person = 'nobody' WHERE seq = 2",
        "DELETE FROM history WHERE seq = 2",
        "DELETE FROM history",
        "INSERT INTO history SELECT 2, at, 'nobody', action, subject, code, load_id, before, "
        "after, previous, 'x' FROM history WHERE seq = 3 "
        "ON CONFLICT (seq) DO UPDATE SET person = 'nobody'",
        "INSERT INTO history SELECT 99, at, 'nobody', action, subject, code, load_id, before, "
        "after, previous, hash FROM history WHERE seq = 2 "
        "ON CONFLICT (hash) DO UPDATE SET person = 'nobody'",
    ],
)
def test_the_history_can_only_grow(written, step):
    before = told(written)
    with pytest.raises(StoreError, match="append-only"), written.writing(OPERATOR) as work:
        work.connection.execute(text(step))
    assert told(written) == before


def test_each_entry_says_who_did_what_and_is_bound_to_the_one_before(written):
    entries = written.frame(select(tables.history).order_by(tables.history.c.seq))
    assert [e["seq"] for e in entries] == list(range(1, 12))
    assert [e["previous"] for e in entries] == [GENESIS, *(e["hash"] for e in entries[:-1])]
    assert all(e["hash"] == entry_hash(e) for e in entries)
    assert {e["person"] for e in entries} == {"bureau:operator", "bureau:Li"}
    assert (entries[1]["code"], entries[1]["before"], entries[1]["after"]) == ("C0", '{"n":0}', '{"n":1}')
    assert entries[0]["after"] == '{"rows":2,"名称":"杏花里"}'
    assert verify_history(written) is None


def test_an_empty_history_is_whole(store):
    assert verify_history(store) is None


TEXTS = ("at", "person", "action", "subject", "code", "before", "after", "previous", "hash")
EDIT = st.tuples(
    st.just("edit"),
    st.integers(1, 11),
    st.sampled_from((*TEXTS, "load_id", "seq")),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3) | st.none(),
)
DROP = st.tuples(st.just("drop"), st.integers(1, 10))
SWAP = st.tuples(st.just("swap"), st.integers(1, 11), st.integers(1, 11))


def _tampered(entries: list[dict], how: tuple) -> list[dict]:
    changed = {entry["seq"]: dict(entry) for entry in entries}
    if how[0] == "drop":
        del changed[how[1]]
    elif how[0] == "swap":
        one, other = changed[how[1]], changed[how[2]]
        changed[how[1]], changed[how[2]] = {**other, "seq": how[1]}, {**one, "seq": how[2]}
    elif how[2] in ("load_id", "seq"):
        changed[how[1]][how[2]] = 100 + len(how[3] or "")
    else:
        changed[how[1]][how[2]] = how[3]
    return list(changed.values())


@settings(suppress_health_check=KEPT, max_examples=100)
@given(how=EDIT | DROP | SWAP)
def test_whoever_alters_the_history_is_found_out(written, how):
    entries = written.frame(select(tables.history).order_by(tables.history.c.seq))
    altered = _tampered(entries, how)
    assume(altered != entries)
    must = {c.name for c in tables.history.columns if not c.nullable}
    assume(all(entry[name] is not None for entry in altered for name in must))
    with written.writing(OPERATOR) as work:
        work.discard()
        without_guards(work)
        work.connection.execute(delete(tables.history))
        work.insert(tables.history, altered)
        assert read_chain(entries_of(work)).broken is not None
    assert verify_history(written) is None


CUT = st.tuples(st.just("cut"), st.integers(1, 11))
ANEW = st.tuples(st.just("anew"), EDIT | DROP | SWAP)


def _anew(entries: list[dict]) -> list[dict]:
    """Return the entries numbered and bound anew, as somebody who knows how could."""
    previous, bound = GENESIS, []
    for seq, entry in enumerate(entries, 1):
        changed = {**entry, "seq": seq, "previous": previous}
        previous = changed["hash"] = entry_hash(changed)
        bound.append(changed)
    return bound


def _altered(entries: list[dict], how: tuple) -> list[dict]:
    if how[0] == "cut":
        return entries[: -how[1]]
    return _anew(_tampered(entries, how[1])) if how[0] == "anew" else _tampered(entries, how)


@pytest.fixture(scope="module")
def entries():
    """A history of eleven entries."""
    made = [
        {"at": f"2022-06-30T00:00:{i:02}", "person": "bureau:Li", "action": "update", "subject": "compounds"}
        | {"code": f"C{i}", "load_id": i, "before": f"{i}", "after": None}
        for i in range(11)
    ]
    return _anew(made)


@settings(max_examples=1000)
@given(how=EDIT | DROP | SWAP | CUT | ANEW)
def test_with_the_anchor_every_tampering_is_found(entries, how):
    """Edited, deleted, reordered, cut off at the end, or all written anew with hashes that fit."""
    altered = _altered(entries, how)
    # Numbers and hashes that are written anew come out as they were.
    assume(altered != entries)
    anchor = entries[-1]["hash"]
    chain = read_chain(altered, anchor)
    assert chain.broken is not None or not chain.anchored
    if how[0] in ("cut", "anew"):
        assert chain.broken is None
    whole = read_chain(entries, anchor)
    assert whole == (11, anchor, None, True)


def test_the_anchor_may_be_any_entry_and_the_history_may_go_on(entries):
    for entry in entries:
        assert read_chain(entries, entry["hash"]).anchored
    assert not read_chain(entries, "f" * 64).anchored
    assert not read_chain([], entries[0]["hash"]).anchored
    assert read_chain([]) == (0, GENESIS, None, True)


def test_a_history_is_read_one_entry_at_a_time(entries):
    """The first break ends the reading."""
    taken = []

    def stream():
        for entry in [*entries[:3], *entries[4:]]:
            taken.append(entry["seq"])
            yield entry

    assert read_chain(stream()).broken == 5
    assert taken == [1, 2, 3, 5]


def test_a_tail_that_was_cut_off_shows_only_by_an_anchor_kept_elsewhere(written):
    head = read_history(written).head
    assert read_history(written, head).anchored
    with written.writing(OPERATOR) as work:
        without_guards(work)
        work.connection.execute(delete(tables.history).where(tables.history.c.seq > 9))
    assert verify_history(written) is None
    assert read_history(written, head) == (9, entries_head(written), None, False)


def entries_head(store) -> str:
    return store.frame(select(tables.history).order_by(tables.history.c.seq))[-1]["hash"]
