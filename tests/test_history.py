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
from layers.store import verify_history
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


def test_a_tail_that_was_cut_off_shows_only_in_the_head_kept_elsewhere(written):
    """The chain cannot know what came after its end: that takes the last hash, kept outside."""
    head = written.frame(select(tables.history).order_by(tables.history.c.seq))[-1]["hash"]
    with written.writing(OPERATOR) as work:
        work.discard()
        without_guards(work)
        work.connection.execute(delete(tables.history).where(tables.history.c.seq > 9))
        assert read_chain(entries_of(work)).broken is None
        assert entries_of(work)[-1]["hash"] != head
