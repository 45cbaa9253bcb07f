"""What only the embedded store promises: its file, its settings, its boxes, its migrations."""

import re
import shutil
import sqlite3
import sys
import threading
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from builders import DAY, feature, put, put_district, square, told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from geo.errors import StoreError
from layers import embedded, open_store, tables
from layers.driving import translated
from layers.embedded import open_embedded
from layers.people import OPERATOR, visible
from layers.querying import Query, select_rows
from layers.store import verify_history

OURS = sorted(tables.metadata.tables)
#: What the queue of the writers leaves beside the store.
LOCKS = {"district.db-next", "district.db-turn"}
KEPT = [HealthCheck.function_scoped_fixture]


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """The address of an embedded store that is not there yet: nothing here is asked of another kind."""
    return f"sqlite:///{tmp_path / 'district.db'}"


def shell(url: str) -> sqlite3.Connection:
    """Open the store's file as SQLite's own shell would; the caller closes it."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _described(connection: sqlite3.Connection, table: str) -> dict:
    def ask(pragma: str, name: str) -> list[tuple]:
        return [tuple(row) for row in connection.execute(f"PRAGMA {pragma}('{name}')")]

    indexes = [
        (row[2], row[3], [c[2] for c in ask("index_info", row[1])]) for row in ask("index_list", table)
    ]
    (made,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return {
        "checks": sorted(re.findall(r"CHECK \(.*\)", made)),
        "columns": sorted(row[1:] for row in ask("table_info", table)),
        "keys": sorted(row[2:5] for row in ask("foreign_key_list", table)),
        "indexes": sorted(indexes),
        "strict": [row[5] for row in ask("table_list", table)],
    }


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


def test_bytes_are_no_text(store):
    with (
        pytest.raises(StoreError, match="cannot store BLOB value in TEXT"),
        store.writing(OPERATOR) as work,
    ):
        work.connection.execute(text("INSERT INTO settings VALUES ('a', x'00')"))


# The boxes.

STEP = st.tuples(st.sampled_from(["put", "move", "drop"]), st.integers(0, 4), st.integers(-5000, 5000))
# Nearer to nought than 1e-45 degrees SQLite's own rounding is not outwards.
DEGREES = st.integers(-18 * 10**9, 18 * 10**9).map(lambda n: n / 10**8) | st.floats(117.0, 117.001)
LOADS = st.lists(st.lists(st.tuples(DEGREES, DEGREES, DEGREES, DEGREES), max_size=120), max_size=3)


def columns(shapes: list[tuple], begin: int, load_id: int) -> dict[str, list]:
    """Return rows with these boxes, whatever their shape."""
    sides = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in shapes]
    found = {side: [box[i] for box in sides] for i, side in enumerate(tables.BOX)}
    many = len(shapes)
    same = {"version": [1] * many, "load_id": [load_id] * many, "row": [1] * many, "wkb": [b""] * many}
    return {"code": [str(begin + i) for i in range(many)], **same, **found}


def refuse_wrong_tree(connection, layer: str) -> None:
    """Fail unless the R*Tree is sound and holds each row's box, rounded outwards by a hair."""
    assert connection.exec_driver_sql(f"SELECT rtreecheck('{layer}_box')").scalar() == "ok"
    rows = {
        row[0]: row[1:]
        for row in connection.exec_driver_sql(f"SELECT fid, west, east, south, north FROM {layer}")
    }
    boxes = {row[0]: row[1:] for row in connection.exec_driver_sql(f"SELECT * FROM {layer}_box")}
    assert boxes.keys() == rows.keys()
    for fid, (west, east, south, north) in rows.items():
        around = boxes[fid]
        assert around[0] <= west and east <= around[1] and around[2] <= south and north <= around[3]
        assert around == pytest.approx(rows[fid], abs=5e-5)


@settings(suppress_health_check=KEPT, max_examples=40)
@given(loads=LOADS, gone=st.sets(st.integers(1, 200)))
def test_a_tree_that_was_packed_is_the_tree_of_the_rows_and_grows_on(store, loads, gone):
    with pytest.MonkeyPatch.context() as patch, store.writing(OPERATOR) as work:
        patch.setattr(embedded, "PACKED_FROM", 1)
        load_id, begin = work.open_load("facilities", "0" * 64, {}), 0
        for shapes in loads:
            if shapes:
                work.insert_columns(tables.facilities, columns(shapes, begin, load_id))
            begin += len(shapes)
            refuse_wrong_tree(work.connection, "facilities")
        work.connection.execute(delete(tables.facilities).where(tables.facilities.c.fid.in_(gone)))
        work.insert(tables.facilities, [feature(load_id, 1, {"code": "last"})])
        work.connection.execute(update(tables.facilities).values(west=1.0, east=1.5, south=2.0, north=2.5))
        refuse_wrong_tree(work.connection, "facilities")
        work.discard()


def test_a_large_load_that_fails_leaves_the_trigger_and_the_tree_as_they_were(store):
    shapes = [(117.0 + i / 1e4, 36.0, 117.1 + i / 1e4, 36.1) for i in range(embedded.PACKED_FROM)]
    with store.writing(OPERATOR) as work:
        put(work, "facilities", {"code": "F1"})

    def made() -> list:
        with store.reading() as connection:
            refuse_wrong_tree(connection, "facilities")
            known = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master")
            return sorted(known.all(), key=str)

    def load(work) -> None:
        work.insert_columns(tables.facilities, columns(shapes, 0, work.open_load("facilities", "0" * 64, {})))

    before = made()
    with pytest.raises(StoreError, match="UNIQUE"), store.writing(OPERATOR) as work:
        load(work)
        load(work)
    assert made() == before
    with store.writing(OPERATOR) as work:
        load(work)
    assert made() == before
    with store.writing(OPERATOR) as work:
        put(work, "facilities", {"code": "F2"})
        assert work.connection.exec_driver_sql("SELECT count(*) FROM facilities_box").scalar() == 2 + len(
            shapes
        )
        refuse_wrong_tree(work.connection, "facilities")


@settings(suppress_health_check=KEPT, max_examples=40)
@given(steps=st.lists(STEP, max_size=20), layer=st.sampled_from(sorted(tables.FEATURES)))
def test_every_row_lies_in_its_box_of_the_rtree_whatever_is_done(store, steps, layer):
    table = tables.FEATURES[layer]
    edition = {"edition_id": 1, "name": ""} if layer == "street_offices" else {}
    with store.writing(OPERATOR) as work:
        load_id = work.open_load(layer, "0" * 64, {})
        work.insert(
            tables.editions, [{"id": 1, "load_id": load_id, "code_list": "local", "state": "waiting"}]
        )
        for what, number, place in steps:
            row = feature(load_id, 1, {"code": str(number), "shape": square(place, side=0.00013), **edition})
            if (
                what == "put"
                and work.connection.execute(select(table).where(table.c.code == str(number))).first()
            ):
                what = "move"
            step = {
                "put": insert(table),
                "move": update(table).where(table.c.code == str(number)),
                "drop": delete(table).where(table.c.code == str(number)),
            }[what]
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
        connection.execute(
            "UPDATE facilities SET fid = 7, west = 1, south = 2, east = 3, north = 4 WHERE code = 'F1'"
        )
        connection.execute("DELETE FROM facilities WHERE code = 'F2'")
        assert connection.execute("SELECT * FROM facilities_box").fetchall() == [(7, 1.0, 3.0, 2.0, 4.0)]


def test_a_page_asks_the_rtree_and_the_stages_of_its_own_rows_only(store):
    query = Query(layer="compounds", on=DAY, box=(117.0, 36.0, 117.1, 37.0), stage="survey", limit=100)
    asked = select_rows(visible(OPERATOR, "compounds"), query)
    told, values = translated(store.engine.dialect, *asked)
    with store.reading() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}", values)]
    assert any(step.startswith("SCAN compounds_box VIRTUAL TABLE INDEX 2:") for step in plan)
    assert not [step for step in plan if step.startswith(("SCAN compounds ", "SCAN stage_history"))]


# The history.


@pytest.mark.parametrize(
    "step",
    [
        "UPDATE history SET person = 'nobody' WHERE seq = 2",
        "DELETE FROM history",
        "INSERT OR REPLACE INTO history SELECT 2, at, 'nobody', action, subject, code, load_id, before, "
        "after, previous, 'x' FROM history WHERE seq = 2",
        "INSERT OR REPLACE INTO history SELECT 99, at, 'nobody', action, subject, code, load_id, before, "
        "after, previous, hash FROM history WHERE seq = 2",
    ],
)
def test_sqlites_own_shell_cannot_alter_the_history_either(store, store_url, step):
    put_district(store)
    before = told(store)
    with closing(shell(store_url)) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(step)
    assert told(store) == before


# Opening.


@pytest.mark.parametrize(
    "url",
    [
        "",
        "district.db",
        "sqlite:",
        "sqlite:x",
        "sqlite://",
        "sqlite:///",
        "sqlite:///relative.db",
        "sqlite:///:memory:",
        "sqlite:////tmp/x.db?mode=ro",
        "sqlite+pysqlite:////tmp/x.db",
        "oracle://a/b",
    ],
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


def test_the_state_is_read_again_after_every_write_and_only_then(store_url, asked):
    with closing(open_store(store_url)) as store, closing(open_store(store_url)) as other:

        def revision() -> int:
            return store.state().of(["compounds"])[2]

        put_district(store)
        for writer in (store, other) * 3:
            before = revision()
            asked.clear()
            assert [revision() for _ in range(3)] == [before] * 3 and asked == []
            with writer.writing(OPERATOR) as work:
                work.bump("compounds")
                # What is not written yet nobody sees.
                assert revision() == before
            assert revision() == before + 1
        with closing(shell(store_url)) as connection:
            connection.execute("UPDATE settings SET value = '2022-09-01' WHERE key = 'reference_date'")
        assert store.state().day == date(2022, 9, 1)


def test_who_asks_for_the_state_holds_back_no_checkpoint(store_url):
    with closing(open_store(store_url)) as store:
        put_district(store)
        assert store.state() == store.state()
        with closing(shell(store_url)) as connection:
            busy, in_log, moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert (busy, in_log, moved) == (0, 0, 0)


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
            connection.execute(
                "CREATE TABLE alembic_version (version_num TEXT)"
                if content == "alembic"
                else "CREATE TABLE roads (name TEXT)"
            )
            connection.commit()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    with pytest.raises(StoreError) as refused:
        open_store(f"sqlite:///{place}")
    assert str(place) in str(refused.value) and "\n" not in str(refused.value)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before


@pytest.mark.parametrize(
    "place", ["/proc/district.db", "/proc/nowhere/district.db", "{tmp}/file/district.db"]
)
def test_a_folder_that_cannot_be_written_is_refused_in_one_line(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as refused:
        open_store("sqlite:///" + place.format(tmp=tmp_path))
    assert "\n" not in str(refused.value)


READ_ONLY = "22 1 8:3 / / ro - iso9660 /dev/sr0 ro"


@pytest.fixture
def read_only(tmp_path):
    """Open the store of the test as if it lay on a disk that nobody can write to."""
    return partial(open_embedded, f"sqlite:///{tmp_path / 'district.db'}", mounts=READ_ONLY)


def test_a_store_on_a_read_only_disk_can_be_read_but_not_written_and_nothing_is_put_beside_it(
    store_url, tmp_path, read_only
):
    with closing(open_store(store_url)) as store:
        put_district(store)
        before = told(store)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if "-" not in path.name}
    for path in tmp_path.glob("district.db-*"):
        path.unlink()
    with closing(read_only()) as store:
        assert told(store) == before
        assert verify_history(store) is None
        with (
            pytest.raises(StoreError, match="^The store cannot be written: its file or its folder is"),
            store.writing(OPERATOR) as work,
        ):
            work.set("name_en", "other")
        assert told(store) == before
    left = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.name not in LOCKS}
    assert left == files


def test_a_store_whose_newest_edits_cannot_be_seen_is_refused(store_url, tmp_path, read_only):
    with closing(open_store(store_url)) as store:
        put_district(store)
        for name in ("district.db", "district.db-wal"):
            shutil.copyfile(tmp_path / name, tmp_path / f"copy-{name}")
    for name in ("district.db", "district.db-wal"):
        (tmp_path / f"copy-{name}").rename(tmp_path / name)
    with pytest.raises(StoreError, match="newest edits of the store .* are still in district.db-wal"):
        read_only()


def test_a_store_of_an_older_program_on_a_read_only_disk_is_refused(store_url, read_only, future):
    open_store(store_url).close()
    with pytest.raises(StoreError, match="was written by an older Guatu and cannot be brought up to date"):
        read_only(migrations=future())


# Migrations.


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


def test_a_writer_does_not_wait_long_behind_threads_that_compute(store_url):
    before = sys.getswitchinterval()
    try:
        for usual, expected in ((0.005, 0.0001), (0.00005, 0.00005)):
            sys.setswitchinterval(usual)
            with closing(open_store(store_url)):
                assert sys.getswitchinterval() == pytest.approx(expected, abs=2e-6)
    finally:
        sys.setswitchinterval(before)
