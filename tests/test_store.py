"""What the store promises. Each test opens its store by ``open_again``: the door, not the dialect."""

import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from builders import DAY, codes, feature, put, put_district, square, told
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, func, insert, select, text, update

from geo.errors import Finding, StoreBusyError, StoreError
from layers import open_store, tables
from layers.embedded import MIGRATIONS, open_embedded, refuse_network_share
from layers.people import OPERATOR, Person, visible
from layers.querying import Query
from layers.stages import StageRow
from layers.store import GENESIS, entry_hash, verify_history

ROOT = Path(__file__).resolve().parents[1]
OURS = sorted(tables.metadata.tables)
KEPT = [HealthCheck.function_scoped_fixture]

#: Adds one to a counter, so often; each time in a transaction of its own.
COUNT = """
import sys
from sqlalchemy import select
from layers import open_store, tables
from layers.people import OPERATOR
store = open_store(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with store.writing(OPERATOR) as work:
        known = work.connection.scalar(select(tables.settings.c.value).where(tables.settings.c.key == "n"))
        work.set("n", str(int(known or 0) + 1))
store.close()
"""

#: Loads fifty compounds at a time, for ever, and says so after each commit.
LOAD = """
import sys
sys.path.insert(0, sys.argv[2])
from builders import put
from layers import open_store
from layers.people import OPERATOR
store = open_store(sys.argv[1])
for i in range(int(sys.argv[3]), 10**6):
    with store.writing(OPERATOR) as work:
        put(work, "compounds", *({"code": f"{i}-{j}"} for j in range(50)))
        work.log("load", "compounds", code=str(i))
    print(i, flush=True)
"""


def python(script: str, *arguments: object, **options) -> subprocess.Popen:
    """Start a second process of the program."""
    command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, **options)


def shell(url: str) -> sqlite3.Connection:
    """Open the store's file as SQLite's own shell would; the caller closes it."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def count(store, table) -> int:
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


# The schema.


def _ours(thing, name, kind, reflected, other):
    return not (kind == "table" and reflected and other is None and "_box" in name)


def test_the_migrations_build_the_tables_that_the_program_describes(store):
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _ours})
        assert compare_metadata(context, tables.metadata) == []


def _described(connection: sqlite3.Connection, table: str) -> dict:
    def ask(pragma: str, name: str) -> list[tuple]:
        return [tuple(row) for row in connection.execute(f"PRAGMA {pragma}('{name}')")]

    indexes = [(row[2], row[3], [c[2] for c in ask("index_info", row[1])]) for row in ask("index_list", table)]
    (made,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return {"checks": sorted(re.findall(r"CHECK \(.*\)", made)),
            "columns": sorted(row[1:] for row in ask("table_info", table)),
            "keys": sorted(row[2:5] for row in ask("foreign_key_list", table)),
            "indexes": sorted(indexes),
            "strict": [row[5] for row in ask("table_list", table)]}


def test_the_migrations_build_what_sqlite_would_build_from_the_description(store_url, store, tmp_path):
    other = open_embedded(f"sqlite:///{tmp_path / 'other.db'}")
    with other.writing(OPERATOR) as work:
        for table in reversed(OURS):
            work.connection.execute(text(f'DROP TABLE "{table}"'))
        tables.metadata.create_all(work.connection)
    other.close()
    with closing(shell(store_url)) as migrated, closing(shell(f"sqlite:///{tmp_path / 'other.db'}")) as made:
        for table in OURS:
            assert _described(migrated, table) == _described(made, table), table
            assert _described(migrated, table)["strict"] == [1]


@pytest.mark.parametrize(
    ("table", "values", "said"),
    [
        ("settings", "'a', x'00'", "cannot store BLOB value in TEXT"),
        ("revisions", "'compounds', 'many'", "cannot store TEXT value in INTEGER"),
        ("targets", "'2023-12-31', 'most'", "cannot store TEXT value in REAL"),
        ("backdrop", "1, 'road', null, 'POINT(1 1)'", "cannot store TEXT value in BLOB"),
        ("year_plans", "2022, null", "NOT NULL"),
        ("plan_deadlines", "1999, 'survey', '1999-03-31'", "FOREIGN KEY"),
        ("editions", "1, 1, 'local', 'asleep', null", "CHECK"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(store, table, values, said):
    with pytest.raises(StoreError, match=said), store.writing(OPERATOR) as work:
        work.connection.execute(text(f"INSERT INTO {table} VALUES ({values})"))
    assert count(store, tables.metadata.tables[table]) == 0


def test_a_row_without_code_or_with_a_code_that_is_there_is_refused(store):
    for rows in ([{"code": None}], [{"code": "C1"}, {"code": "C1"}]):
        with pytest.raises(StoreError, match="NOT NULL|UNIQUE"), store.writing(OPERATOR) as work:
            put(work, "compounds", *rows)
    assert count(store, tables.compounds) == count(store, tables.loads) == 0


def test_the_connections_keep_the_promises_of_the_embedded_store(store):
    def asked(connection) -> list:
        names = ("journal_mode", "synchronous", "foreign_keys", "cell_size_check")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    found = []

    def look() -> None:
        with store.reading() as connection:
            found.append(asked(connection))
        with store.writing(OPERATOR) as work:
            found.append(asked(work.connection))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["wal", 2, 1, 1]] * 4


# The boxes.

STEP = st.tuples(st.sampled_from(["put", "move", "drop"]), st.integers(0, 4), st.integers(-5000, 5000))


@settings(suppress_health_check=KEPT, max_examples=40)
@given(steps=st.lists(STEP, max_size=20), layer=st.sampled_from(sorted(tables.FEATURES)))
def test_every_row_lies_in_its_box_of_the_rtree_whatever_is_done(store, steps, layer):
    table = tables.FEATURES[layer]
    edition = {"edition_id": 1, "name": ""} if layer == "street_offices" else {}
    with store.writing(OPERATOR) as work:
        load_id = work.open_load(layer, "0" * 64, {})
        work.insert(tables.editions, [{"id": 1, "load_id": load_id, "code_list": "local", "state": "waiting"}])
        for what, number, place in steps:
            row = feature(load_id, 1, {"code": str(number), "shape": square(place, side=0.00013), **edition})
            if what == "put" and work.connection.execute(select(table).where(table.c.code == str(number))).first():
                what = "move"
            step = {"put": insert(table), "move": update(table).where(table.c.code == str(number)),
                    "drop": delete(table).where(table.c.code == str(number))}[what]
            work.connection.execute(step if what == "drop" else step.values(row))
        rows = work.connection.execute(select(table.c.fid, *(table.c[side] for side in tables.BOX))).all()
        boxes = {box[0]: box[1:] for box in work.connection.execute(text(f"SELECT * FROM {layer}_box"))}
        work.discard()
    assert boxes.keys() == {row.fid for row in rows}
    for fid, west, south, east, north in rows:
        around = boxes[fid]
        assert around[0] <= west and east <= around[1] and around[2] <= south and north <= around[3]
        assert around == pytest.approx((west, east, south, north), abs=2e-5)


def test_the_rtree_is_right_after_an_edit_from_sqlites_own_shell(store, store_url):
    with store.writing(OPERATOR) as work:
        put(work, "facilities", {"code": "F1"}, {"code": "F2"})
    with closing(shell(store_url)) as connection:
        connection.execute("UPDATE facilities SET fid = 7, west = 1, south = 2, east = 3, north = 4 WHERE code = 'F1'")
        connection.execute("DELETE FROM facilities WHERE code = 'F2'")
        assert connection.execute("SELECT * FROM facilities_box").fetchall() == [(7, 1.0, 3.0, 2.0, 4.0)]


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
        "INSERT OR REPLACE INTO history SELECT 2, at, 'nobody', action, subject, code, load_id, before, after, "
        "previous, 'x' FROM history WHERE seq = 2",
        "INSERT OR REPLACE INTO history SELECT 99, at, 'nobody', action, subject, code, load_id, before, after, "
        "previous, hash FROM history WHERE seq = 2",
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
EDIT = st.tuples(st.just("edit"), st.integers(1, 11), st.sampled_from((*TEXTS, "load_id", "seq")),
                 st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3) | st.none())
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
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name GLOB 'history_no_*'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
    entries = written.frame(select(tables.history).order_by(tables.history.c.seq))
    altered = _tampered(entries, how)
    assume(altered != entries)
    must = {c.name for c in tables.history.columns if not c.nullable}
    assume(all(entry[name] is not None for entry in altered for name in must))
    with closing(shell(f"sqlite:///{copy}")) as connection:
        connection.execute("DELETE FROM history")
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO history VALUES ({marks})", [[e[c] for c in COLUMNS] for e in altered])
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
            heads.append(opened.frame(select(tables.history.c.hash).order_by(tables.history.c.seq))[-1]["hash"])
    assert heads[0] != heads[1]


# All or nothing.


def test_a_write_that_fails_leaves_nothing(store):
    put_district(store)
    before = told(store)
    with pytest.raises(ZeroDivisionError), store.writing(OPERATOR) as work:
        put(work, "compounds", {"code": "C9"})
        work.put_stages({"C9": [StageRow("survey", reported=True)]})
        work.set("name_en", "Other")
        1 / 0  # noqa: B018
    assert told(store) == before


def test_a_write_that_is_discarded_leaves_nothing_and_the_next_one_is_whole(store):
    put_district(store)
    before = told(store)
    with store.writing(OPERATOR) as work:
        put(work, "compounds", {"code": "C9"})
        work.set("name_en", "Other")
        work.discard()
    assert told(store) == before
    with store.writing(OPERATOR) as work:
        work.set("name_en", "Other")
    assert store.district().name_en == "Other"
    assert verify_history(store) is None


def test_a_row_that_somebody_else_changed_meanwhile_is_not_overwritten(store):
    with store.writing(OPERATOR) as work:
        put(work, "compounds", {"code": "C1", "name": "first"})
        row = work.features("compounds")["C1"]
        work.update_feature("compounds", row["fid"], row["version"], {"code": "C1", "name": "second"})
    with pytest.raises(StoreError, match="Row C1 was changed by somebody else"), store.writing(OPERATOR) as work:
        work.update_feature("compounds", row["fid"], row["version"], {"code": "C1", "name": "third"})
    (kept,) = store.frame(select(tables.compounds))
    assert (kept["name"], kept["version"]) == ("second", row["version"] + 1)


def test_threads_and_processes_that_write_at_once_lose_nothing(store, store_url):
    def add() -> None:
        for _ in range(10):
            with store.writing(OPERATOR) as work:
                s = tables.settings.c
                known = work.connection.scalar(select(s.value).where(s.key == "n"))
                work.set("n", str(int(known or 0) + 1))

    other = python(COUNT, store_url, 10)
    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait(60) == 0
    assert store.frame(select(tables.settings)) == [{"key": "n", "value": "30"}]
    entries = store.frame(select(tables.history).order_by(tables.history.c.seq))
    assert [int(e["after"].strip('"')) for e in entries] == list(range(1, 31))
    assert store.revision("settings") == 30
    assert verify_history(store) is None


def test_a_reader_sees_one_state_while_a_writer_commits(store):
    with store.writing(OPERATOR) as work:
        put(work, "facilities", *({"code": f"{i:05}", "name": "old"} for i in range(2500)))
    sight, query = visible(OPERATOR, "facilities"), Query(layer="facilities", on=DAY)
    rows = store.rows(sight, query)
    names = [next(rows).properties["name"]]
    with store.writing(OPERATOR) as work:
        work.connection.execute(update(tables.facilities).values(name="new"))
        work.connection.execute(delete(tables.facilities).where(tables.facilities.c.code > "02000"))
    names += [row.properties["name"] for row in rows]
    assert names == ["old"] * 2500
    assert {row.properties["name"] for row in store.rows(sight, query)} == {"new"}
    assert store.count(sight, query) == 2001


def test_a_reader_never_waits_for_a_writer(store):
    with store.writing(OPERATOR) as work:
        work.set("name_en", "new")
        assert store.district().name_en == ""
    assert store.district().name_en == "new"


def test_a_store_that_stays_busy_is_said_to_be_so(store, store_url):
    store.close()

    @event.listens_for(store.engine, "connect")
    def _impatient(connection, _record):
        connection.execute("PRAGMA busy_timeout=50")

    with closing(shell(store_url)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="^Another process is writing to the store"), store.writing(OPERATOR):
            pass
        other.execute("ROLLBACK")
    with store.writing(OPERATOR) as work:
        work.set("name_en", "then")
    assert store.district().name_en == "then"


def test_a_second_process_opens_and_writes_while_the_first_serves(store, store_url):
    with store.reading() as connection:
        connection.execute(select(tables.settings)).all()
        assert python(COUNT, store_url, 1).wait(60) == 0
    assert store.frame(select(tables.settings)) == [{"key": "n", "value": "1"}]


def test_four_processes_that_open_a_missing_store_at_once_all_get_it(store_url, tmp_path):
    go = "import sys, time, pathlib\nwhile not pathlib.Path(sys.argv[3]).exists(): time.sleep(0.005)\n"
    loaded = COUNT.replace("store = open", f"\n{go}\nstore = open")
    processes = [python(loaded, store_url, 1, tmp_path / "go", stderr=subprocess.PIPE) for _ in range(4)]
    time.sleep(2)
    (tmp_path / "go").touch()
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    with closing(open_store(store_url)) as store:
        assert store.frame(select(tables.settings)) == [{"key": "n", "value": "4"}]
        with store.reading() as connection:
            assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1


def test_a_process_that_is_killed_while_it_loads_leaves_all_or_nothing_of_each_load(store_url):
    open_store(store_url).close()
    committed = 0
    for cycle in range(3):
        process = python(LOAD, store_url, Path(__file__).parent, committed, stdout=subprocess.PIPE)
        said = [process.stdout.readline() for _ in range(3)]
        time.sleep(0.013 * (cycle + 1))
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().splitlines()
        process.stdout.close()
        assert process.wait(60) == -signal.SIGKILL
        with closing(open_store(store_url)) as store:
            loads, rows, entries = (count(store, t) for t in (tables.loads, tables.compounds, tables.history))
            assert (rows, entries) == (50 * loads, loads)
            # Every load that was acknowledged is there, and at most one more.
            assert loads - 1 <= int(said[-1]) + 1 <= loads
            assert verify_history(store) is None
            assert store.revision("compounds") == loads
            with store.reading() as connection:
                assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
                assert connection.execute(text("SELECT count(*) FROM compounds_box")).scalar() == rows
        committed = loads
    assert committed >= 9


# What is read.


def test_a_new_store_knows_nothing_and_its_day_is_today(store):
    district = store.district()
    assert (district.name_zh, district.name_en, district.invented, district.bounds) == ("", "", False, None)
    assert date.today() >= district.reference_date >= date.fromordinal(date.today().toordinal() - 1)
    assert store.revision(*tables.FEATURES) == 0
    assert list(store.backdrop()) == []
    assert [codes(store, layer) for layer in tables.FEATURES] == [[], [], [], []]


def test_the_district_is_told_from_the_active_edition(store):
    put_district(store)
    district = store.district()
    assert (district.name_zh, district.name_en, district.reference_date) == ("示例区", "Sample", DAY)
    assert district.bounds == (*square(1).bounds[:2], *square(3).bounds[2:])


def test_a_revision_grows_with_each_change_of_its_layer_only(store):
    with store.writing(OPERATOR) as work:
        put(work, "compounds", {"code": "C1"})
    one = store.revision("compounds"), store.revision("facilities"), store.revision("compounds", "facilities")
    assert one == (1, 0, 1)
    with store.writing(OPERATOR) as work:
        work.bump("facilities", "compounds")
    assert (store.revision("compounds"), store.revision("compounds", "facilities")) == (2, 3)


def test_stages_are_written_with_before_and_after_and_the_same_again_changes_nothing(store):
    rows = {"C1": [StageRow("survey", None, DAY), StageRow("design", reported=True)]}
    with store.writing(OPERATOR) as work:
        assert work.put_stages(rows) == 2
    before = told(store)
    with store.writing(OPERATOR) as work:
        assert work.put_stages(rows) == 0
    assert told(store) == before
    with store.writing(OPERATOR) as work:
        assert work.put_stages({"C1": [StageRow("survey", None, DAY, DAY, DAY)]}) == 1
    last = store.frame(select(tables.history).order_by(tables.history.c.seq))[-1]
    assert (last["action"], last["code"]) == ("move", "C1")
    assert '"actual_finish":null' in last["before"] and '"actual_finish":"2022-06-30"' in last["after"]
    assert count(store, tables.stage_history) == 2


def test_a_load_keeps_its_receipt_findings_and_the_rows_set_aside(store):
    found = Finding(2, "geometry", "empty", "set_aside", "POINT EMPTY")
    with store.writing(OPERATOR) as work:
        load_id = work.open_load("compounds", "a" * 64, {"crs": None})
        work.close_load(load_id, {"read": 2}, [found], [{"row": 2, "original": "{}", "geometry": None}])
    (load,) = store.frame(select(tables.loads))
    assert (load["person"], load["options"], load["receipt"]) == ("bureau:operator", '{"crs":null}', '{"read":2}')
    (row,) = store.frame(select(tables.findings))
    assert Finding(*(row[name] for name in Finding._fields)) == found
    assert store.frame(select(tables.set_aside)) == [
        {"load_id": load_id, "row": 2, "original": "{}", "geometry": None}]


# Opening.


@pytest.mark.parametrize(
    "url",
    ["", "district.db", "sqlite:", "sqlite:x", "sqlite://", "sqlite:///", "sqlite:///relative.db",
     "sqlite:///:memory:", "sqlite:////tmp/x.db?mode=ro", "sqlite+pysqlite:////tmp/x.db", "oracle://a/b"],
)
def test_what_is_no_address_of_a_store_is_refused(url):
    with pytest.raises(StoreError, match="is no store: write sqlite:////absolute/path/district.db"):
        open_store(url)


def test_a_missing_store_is_made_with_its_folders(tmp_path):
    place = tmp_path / "区 里" / "a%b#c" / "district.db"
    with closing(open_store(f"sqlite:///{place}")) as store:
        assert store.revision("compounds") == 0
    assert place.exists()
    assert list(tmp_path.rglob("*.before-*")) == []


def test_a_store_opened_again_is_not_changed(store_url):
    with closing(open_store(store_url)) as store:
        put_district(store)
        before = told(store)
    with closing(open_store(store_url)) as store:
        assert told(store) == before


@pytest.mark.parametrize("content", ["foreign", "alembic", "text", "folder"])
def test_a_file_that_is_no_store_of_ours_is_refused_and_left_as_it_was(tmp_path, content):
    place = tmp_path / "district.db"
    if content == "folder":
        place.mkdir()
    elif content == "text":
        place.write_text("code,name\nC1,Plum Yard\n" * 100)
    else:
        with closing(sqlite3.connect(place)) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)" if content == "alembic"
                               else "CREATE TABLE roads (name TEXT)")
            connection.commit()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    with pytest.raises(StoreError) as refused:
        open_store(f"sqlite:///{place}")
    assert str(place) in str(refused.value) and "\n" not in str(refused.value)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before


@pytest.mark.parametrize("place", ["/proc/district.db", "/proc/nowhere/district.db", "{tmp}/file/district.db"])
def test_a_folder_that_cannot_be_written_is_refused_in_one_line(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as refused:
        open_store("sqlite:///" + place.format(tmp=tmp_path))
    assert "\n" not in str(refused.value)


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
//nas/share /mnt/share cifs rw 0 0
nas:/home /mnt/with\\040space nfs4 rw 0 0
nas:/数据 /mnt/数据 nfs rw 0 0
/dev/sdb1 /mnt/share/local ext4 rw 0 0
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/mnt/share/district.db", "cifs"),
        ("/mnt/share/deep/er/district.db", "cifs"),
        ("/mnt/with space/district.db", "nfs4"),
        ("/mnt/数据/district.db", "nfs"),
        ("/mnt/share/local/district.db", None),
        ("/mnt/shared/district.db", None),
        ("/home/district.db", None),
    ],
)
def test_a_network_share_is_refused_with_its_kind(place, kind):
    if kind is None:
        refuse_network_share(Path(place), MOUNTS)
    else:
        with pytest.raises(StoreError, match=rf"network share \({kind}\)"):
            refuse_network_share(Path(place), MOUNTS)


def test_a_whole_machine_on_a_share_and_a_link_into_one_are_refused(tmp_path):
    with pytest.raises(StoreError, match=r"\(nfs\)"):
        refuse_network_share(Path("/a/district.db"), "nas:/ / nfs rw 0 0")
    (tmp_path / "share").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "share")
    mounts = f"/dev/sda1 / ext4 rw 0 0\nnas:/x {tmp_path / 'share'} 9p rw 0 0\n"
    with pytest.raises(StoreError, match=r"\(9p\)"):
        open_embedded(f"sqlite:///{tmp_path / 'link' / 'district.db'}", mounts=mounts)
    assert list((tmp_path / "share").iterdir()) == []


# Migrations.

NEXT = """
from alembic import op
import sqlalchemy as sa

revision = "next"
down_revision = {down!r}


def upgrade():
    op.add_column("settings", sa.Column("more", sa.Text()))
    {then}
"""


@pytest.fixture
def future(tmp_path):
    """Return a folder of migrations that goes one step further than ours."""

    def make(then: str = "pass") -> Path:
        folder = tmp_path / "mig%rations"
        shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        down = max(p.name for p in (MIGRATIONS / "versions").glob("*.py")).split("_")[0]
        (folder / "versions" / "next.py").write_text(NEXT.format(down=down, then=then))
        return folder

    return make


def test_a_copy_is_taken_before_a_store_is_migrated(store_url, tmp_path, future):
    with closing(open_store(store_url)) as store:
        put_district(store)
        before = told(store)
    with closing(open_embedded(store_url, migrations=future())) as store:
        assert told(store) == before
        assert "more" in store.frame(text("SELECT * FROM settings"))[0]
    copy = tmp_path / "district.db.before-next"
    with closing(open_store(f"sqlite:///{copy}")) as store:
        assert told(store) == before
        assert verify_history(store) is None
        assert "more" not in store.frame(text("SELECT * FROM settings"))[0]


def test_a_migration_that_fails_leaves_the_store_as_it_was(store_url, future):
    with closing(open_store(store_url)) as store:
        put_district(store)
        before = told(store)
    with pytest.raises(StoreError, match="no such table: nowhere"):
        open_embedded(store_url, migrations=future('op.execute("DELETE FROM nowhere")'))
    with closing(open_store(store_url)) as store:
        assert told(store) == before
        assert "more" not in store.frame(text("SELECT * FROM settings"))[0]


def test_a_store_of_a_newer_program_is_refused_and_left_as_it_was(store_url, tmp_path, future):
    open_embedded(store_url, migrations=future()).close()
    before = (tmp_path / "district.db").read_bytes()
    with pytest.raises(StoreError, match="was written by a newer Guatu"):
        open_store(store_url)
    assert (tmp_path / "district.db").read_bytes() == before
    assert not list(tmp_path.glob("*.before-*"))


