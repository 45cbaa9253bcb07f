"""Every change is written down, and whoever alters what is written is found out."""

import sqlite3
from contextlib import closing

import pytest
from builders import told
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from geo.errors import StoreError
from layers import open_store, tables
from layers.history import GENESIS, entry_hash
from layers.people import OPERATOR, Person
from layers.stages import StageRow
from layers.store import verify_history

KEPT = [HealthCheck.function_scoped_fixture]


def shell(url: str) -> sqlite3.Connection:
    """Open the store's file as SQLite's own shell would; the caller closes it."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


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
        "INSERT OR REPLACE INTO history SELECT 2, at, 'nobody', action, subject, code, load_id, before, "
        "after, previous, 'x' FROM history WHERE seq = 2",
        "INSERT OR REPLACE INTO history SELECT 99, at, 'nobody', action, subject, code, load_id, before, "
        "after, previous, hash FROM history WHERE seq = 2",
    ],
)
def test_the_history_can_only_grow(written, store_url, step):
    before = told(written)
    with pytest.raises(StoreError, match="append-only"), written.writing(OPERATOR) as work:
        work.connection.execute(text(step))
    with closing(shell(store_url)) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(step)
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
COLUMNS = [column.name for column in tables.history.columns]


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
def test_whoever_alters_the_history_is_found_out(written, tmp_path, how):
    # In a copy without its guards, as somebody with the file in hand could make it.
    copy = tmp_path / "copy.db"
    if not copy.exists():
        with closing(shell(str(written.engine.url))) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        with closing(shell(f"sqlite:///{copy}")) as connection:
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE name GLOB 'history_no_*'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
    entries = written.frame(select(tables.history).order_by(tables.history.c.seq))
    altered = _tampered(entries, how)
    assume(altered != entries)
    must = {c.name for c in tables.history.columns if not c.nullable}
    assume(all(entry[name] is not None for entry in altered for name in must))
    with closing(shell(f"sqlite:///{copy}")) as connection:
        connection.execute("DELETE FROM history")
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(
            f"INSERT INTO history VALUES ({marks})", [[e[c] for c in COLUMNS] for e in altered]
        )
    with closing(open_store(f"sqlite:///{copy}")) as opened:
        assert verify_history(opened) is not None


def test_a_tail_that_was_cut_off_shows_only_in_the_head_kept_elsewhere(written, tmp_path):
    """The chain cannot know what came after its end: that takes the last hash, kept outside."""
    heads = []
    for last in (11, 9):
        copy = tmp_path / f"{last}.db"
        with closing(shell(str(written.engine.url))) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        with closing(shell(f"sqlite:///{copy}")) as connection:
            connection.execute("DROP TRIGGER history_no_delete")
            connection.execute("DELETE FROM history WHERE seq > ?", (last,))
        with closing(open_store(f"sqlite:///{copy}")) as opened:
            assert verify_history(opened) is None
            heads.append(
                opened.frame(select(tables.history.c.hash).order_by(tables.history.c.seq))[-1]["hash"]
            )
    assert heads[0] != heads[1]
