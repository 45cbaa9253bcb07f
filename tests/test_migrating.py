"""The shared store is brought to a newer schema while others read, and no reader waits for it long."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from builders import put_district, square, told
from sqlalchemy import Connection, make_url, text

from geo.errors import StoreBusyError, StoreError
from layers import open_store
from layers.indexing import make_indexes, missing_indexes
from layers.people import OPERATOR
from layers.postgis import LOCK_WAIT_MS, open_postgis
from layers.schema import MIGRATIONS, upgrade
from layers.session import make_engine
from layers.store import Store, verify_history

pytestmark = pytest.mark.postgis

#: No statement of a reader may wait longer for a lock than this, or the server ends it with an error.
READER_WAITS_MS = 5 * LOCK_WAIT_MS


@pytest.fixture
def store_url(cluster, migrated):
    """The address of an empty shared store: nothing here is asked of another kind."""
    address = cluster.create(migrated)
    yield address
    cluster.drop(address)


@contextmanager
def readers(url: str) -> Iterator[list[int]]:
    """Read every table again and again, as newcomers do; the number of rounds, and errors, are told."""
    rounds, ended, failed = [0], threading.Event(), []

    def read() -> None:
        try:
            with closing(open_store(f"{url}&options=-c%20lock_timeout%3D{READER_WAITS_MS}")) as store:
                while not ended.is_set():
                    told(store)
                    rounds[0] += 1
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while not rounds[0] and thread.is_alive():
        time.sleep(0.01)
    try:
        yield rounds
    finally:
        ended.set()
        thread.join()
        assert failed == []


def in_a_thread(action, *arguments, **options) -> tuple[threading.Thread, list]:
    """Start an action beside this one; what it returns or raises is put into the list."""
    result: list[object] = []

    def act() -> None:
        try:
            result.append(action(*arguments, **options))
        except StoreError as error:
            result.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    return thread, result


# What a step may do.

#: Locks that keep readers or writers from a table.
_KEEPING_OTHERS = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
_PLACES = "SELECT relname, pg_relation_filenode(oid) FROM pg_class WHERE relkind = 'r'"
_SCANS = "SELECT relname, seq_scan FROM pg_stat_xact_user_tables"
_HELD = f"""
SELECT relation::regclass::text FROM pg_locks
WHERE pid = pg_backend_pid() AND locktype = 'relation' AND mode IN {_KEEPING_OTHERS}
"""


def put_anything(connection: Connection) -> None:
    """Put a row into every table, whatever its columns are."""
    of_type = {"bigint": 1, "double precision": 1.0, "bytea": square(1).wkb, "text": "former"}
    asked = "SELECT table_name, column_name, data_type FROM information_schema.columns " + (
        "WHERE table_schema = 'public' AND is_generated = 'NEVER' AND data_type = ANY(:types)"
    )
    columns = defaultdict(dict)
    for table, column, kind in connection.execute(text(asked), {"types": list(of_type)}):
        columns[table][column] = "decided" if (table, column) == ("decisions", "state") else of_type[kind]
    connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no foreign key is asked
    for table, values in columns.items():
        if table in names_of_tables(connection) - {"alembic_version"}:
            into = ", ".join(f'"{name}"' for name in values)
            places = ", ".join(f":{name}" for name in values)
            connection.execute(text(f'INSERT INTO "{table}" ({into}) VALUES ({places})'), values)
    connection.exec_driver_sql("SET LOCAL session_replication_role = origin")


def names_of_tables(connection: Connection) -> set[str]:
    return set(connection.scalars(text("SELECT tablename FROM pg_tables WHERE tableowner = current_user")))


def kept_from_others(url: str, folder: Path, step: str) -> set[str]:
    """Take one step, and return the tables that it writes or reads through while others must wait.

    Those are the ones that it wrote anew, and those that it scanned under a lock that keeps
    readers or writers out: how long they wait then grows with the rows.
    """
    scripts = ScriptDirectory(str(folder))
    engine = make_engine(make_url(url))
    with engine.connect().execution_options(guatu_write=True) as connection:
        upgrade(connection, scripts, scripts.get_revision(step).down_revision)
        put_anything(connection)
        connection.commit()
        before, scans = (dict(connection.execute(text(asked)).all()) for asked in (_PLACES, _SCANS))
        upgrade(connection, scripts, step)
        after, more = (dict(connection.execute(text(asked)).all()) for asked in (_PLACES, _SCANS))
        held = set(connection.scalars(text(_HELD)))
    engine.dispose()
    rewritten = {name for name, place in before.items() if after.get(name, place) != place}
    scanned = {name for name, times in more.items() if times > scans.get(name, 0)}
    return rewritten | (scanned & held & set(before))


def test_no_step_keeps_a_table_from_others_for_as_long_as_its_rows_take(cluster):
    steps = [script for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions() if script.down_revision]
    for step in steps:
        address = cluster.create()
        assert kept_from_others(address, MIGRATIONS, step.revision) == set(), step.doc
        cluster.drop(address)


@pytest.mark.parametrize(
    "then",
    [
        "pass",
        'op.add_column("history", sa.Column("place", sa.Text(), server_default="here"))',
        'op.create_table("notes", sa.Column("load_id", sa.BigInteger(), sa.ForeignKey("loads.id")))',
        'from layers.schema import index; index("by_name", "compounds", ["name"])',
        "op.execute(\"UPDATE compounds SET name = 'other'\")",
        'op.drop_column("compounds", "name")',
    ],
)
def test_a_step_that_others_can_work_beside_is_let_pass(cluster, future, then):
    address = cluster.create()
    assert kept_from_others(address, future(then), "next") == set()
    cluster.drop(address)


@pytest.mark.parametrize(
    "then",
    [
        'op.alter_column("compounds", "name", type_=sa.LargeBinary(), postgresql_using="name::bytea")',
        'op.add_column("compounds", sa.Column("at", sa.Text(), server_default=sa.text("clock_timestamp()")))',
        'op.alter_column("compounds", "name", nullable=False)',
        'op.create_check_constraint("some", "compounds", "households > 0")',
        'op.create_index("by_name", "compounds", ["name"])',
        'op.create_unique_constraint("one", "compounds", ["name"])',
        'op.create_foreign_key("to", "compounds", "compounds", ["name"], ["code"])',
        'op.add_column("compounds", sa.Column("x", sa.Text())); op.execute("UPDATE compounds SET x = name")',
    ],
)
def test_a_step_that_others_would_have_to_wait_for_is_found(cluster, future, then):
    address = cluster.create()
    assert kept_from_others(address, future(then), "next") == {"compounds"}
    cluster.drop(address)


# While others read.


def waiting(connection: psycopg.Connection) -> bool:
    """Return whether somebody waits for a table, to have it alone."""
    asked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
    return connection.execute(asked).fetchone()[0] > 0


def test_readers_old_and_new_go_on_while_a_migration_waits(cluster, store, store_url, future):
    put_district(store)
    before, seen, begun = told(store), 0, 0
    with closing(cluster.connect(cluster.name_in(store_url))) as watch, readers(store_url) as rounds:
        with store.still() as still:
            assert still.district().name_en == "Sample"
            thread, result = in_a_thread(open_postgis, store_url, migrations=future(), patience_s=60)
            while seen < 3 or rounds[0] < begun + 5:
                if waiting(watch):
                    seen, begun = seen + 1, rounds[0]
                time.sleep(LOCK_WAIT_MS / 1000 / 4)
            assert result == []
            assert told(still) == before
        thread.join()
    with closing(result[0]) as migrated:
        assert migrated.schema() == "next"
        assert told(migrated) == before
        assert verify_history(migrated) is None


def test_a_migration_that_finds_no_moment_is_given_up_and_changes_nothing(store, store_url, future):
    put_district(store)
    before = told(store)
    with store.still() as still:
        still.district()
        with pytest.raises(StoreBusyError, match="The tables of the store could not be changed"):
            open_postgis(store_url, migrations=future(), patience_s=0.5)
    assert store.schema() != "next"
    assert told(store) == before


# Indexes.

INDEX = "assignments_by_office"


def index_of(store: Store) -> list[tuple]:
    """Return the number of the index and whether it is valid; nothing where it is not there."""
    asked = "SELECT indexrelid, indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(text(asked), {"name": INDEX})]


def missing(store: Store) -> list[str]:
    with store.reading() as connection:
        return [index.name for index in missing_indexes(connection)]


def drop_index(cluster, url: str) -> None:
    with closing(cluster.connect(cluster.name_in(url))) as connection:
        connection.execute(f"DROP INDEX {INDEX}")


def test_an_index_is_made_while_others_write_and_read(cluster, store, store_url):
    put_district(store)
    drop_index(cluster, store_url)
    assert missing(store) == store.unfinished() == [INDEX]
    with store.still() as still:
        still.district()
        with store.writing(OPERATOR) as work:
            work.set("name_en", "begun before")
            thread, result = in_a_thread(make_indexes, store.engine, 60.0)
            time.sleep(0.3)
            assert result == []
        with store.writing(OPERATOR) as work:
            work.set("name_en", "while it waits")
        assert still.district().name_en == "Sample"
    thread.join()
    assert result == [[]]
    assert [valid for _, valid in index_of(store)] == [True]
    assert store.district().name_en == "while it waits"


def test_an_index_that_a_crash_left_half_made_is_made_anew(cluster, store, store_url):
    put_district(store)
    drop_index(cluster, store_url)
    building = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%%'"
    with store.still() as still:
        still.district()
        thread, result = in_a_thread(open_store, store_url)
        with closing(cluster.connect(cluster.name_in(store_url))) as connection:
            while not connection.execute(building).fetchall():
                time.sleep(0.02)
        thread.join()
        assert "terminat" in str(result)
    half = index_of(store)
    assert [valid for _, valid in half] == [False]
    assert missing(store) == [INDEX]
    with closing(open_store(store_url)) as again:
        assert again.unfinished() == []
    ((number, valid),) = index_of(store)
    assert valid and number != half[0][0]


def test_a_store_whose_index_cannot_be_made_now_is_opened_and_migrate_says_so(
    cluster, store, store_url, make_app
):
    put_district(store)
    drop_index(cluster, store_url)
    app = make_app(STORE=store_url, CLI_LANGUAGE="en")
    run = app.test_cli_runner()
    with store.still() as still:
        still.district()
        app.extensions["guatu"] = open_store(store_url, patience_s=0.1)
        done = run.invoke(args=["migrate"])
        assert (done.exit_code, done.stdout) == (1, "")
        assert f"others kept the store too busy to make {INDEX}: run flask migrate again" in done.stderr
    app.extensions.pop("guatu").close()
    assert run.invoke(args=["migrate"]).stdout == f"The tables have schema {store.schema()}, the newest.\n"


def test_four_who_open_at_once_make_each_index_once(cluster, store, store_url):
    drop_index(cluster, store_url)
    threads = [in_a_thread(open_store, store_url) for _ in range(4)]
    for thread, _ in threads:
        thread.join()
    for _, (opened,) in threads:
        assert opened.unfinished() == []
        opened.close()


def test_an_index_of_a_step_is_made_at_once_where_there_is_no_row(store, store_url, future):
    folder = future('from layers.schema import index; index("by_name", "compounds", ["name"])')
    with closing(open_postgis(store_url, migrations=folder)) as again:
        assert again.frame(text("SELECT indexname FROM pg_indexes WHERE indexname = 'by_name'"))


def test_an_index_that_is_a_promise_is_refused(store_url, future):
    folder = future('from layers.schema import index; index("one", "compounds", ["name"], unique=True)')
    with pytest.raises(ValueError, match="made as a constraint"):
        open_postgis(store_url, migrations=folder)
