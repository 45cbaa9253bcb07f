"""What only the shared store promises: its server, its connections, its shapes, its migrations."""

import os
import signal
import socket
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
import shapely
from builders import put, put_district, square, told
from cluster import Cluster, find_programs
from sqlalchemy import text
from test_processes import LOAD, await_writers, check_places, count, python

from geo.errors import StoreError
from layers import open_store, tables
from layers.people import OPERATOR
from layers.postgis import open_postgis
from layers.store import Store, verify_history

pytestmark = pytest.mark.postgis


@pytest.fixture
def store_url(shared_url):
    """The address of a shared store: nothing here is asked of another kind."""
    return shared_url


@pytest.fixture
def bare_url(cluster):
    """The address of a database with PostGIS and nothing else."""
    address = cluster.create()
    yield address
    cluster.drop(address)


def refused(url: str, **options: object) -> str:
    """Return, in one line and without the password, why a store cannot be opened."""
    with pytest.raises(StoreError) as error:
        open_postgis(url, **options)
    said = str(error.value)
    assert "\n" not in said and "s3cret" not in said and "s3cret" not in repr(error.value.values)
    return said


# Opening.


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:",
        "postgresql://",
        "postgresql+psycopg://guatu:s3cret@localhost",
        "postgresql+psycopg://guatu:s3cret@localhost:port/district",
        "postgresql+psycopg:guatu:s3cret@localhost/district",
        "postgresql+asyncpg://guatu:s3cret@localhost/district",
        "mysql://guatu:s3cret@localhost/district",
    ],
)
def test_what_is_no_address_of_a_store_is_refused_without_its_password(url):
    with pytest.raises(StoreError, match="is no store: write .*postgresql") as error:
        open_store(url)
    assert "s3cret" not in str(error.value).replace("postgresql+psycopg:guatu:s3cret@localhost/district", "")


def test_a_server_that_is_not_there_is_said_to_be_so():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = refused(f"postgresql+psycopg://guatu:s3cret@127.0.0.1:{port}/district")
    assert said.startswith(f"The store postgresql+psycopg://guatu:***@127.0.0.1:{port}/district cannot be op")
    assert "refused" in said


def test_a_wrong_password_and_a_missing_database_are_said_to_be_so(cluster, bare_url):
    name = cluster.name_in(bare_url)
    wrong = cluster.address(name, user="guest:not-s3cret")
    assert "authentication failed" in refused(wrong)
    assert 'database "nowhere" does not exist' in refused(cluster.address("nowhere"))
    assert "invalid connection option" in refused(f"{wrong}&nonsense=1&password=s3cret")


def test_a_role_that_may_not_make_tables_is_told_so(cluster, bare_url):
    said = refused(cluster.address(cluster.name_in(bare_url), user="guest:s3cret"))
    assert "holds no store yet and the role guest may not make one: run flask migrate" in said


def test_a_database_without_postgis_is_told_what_to_install(cluster):
    address = cluster.create("template0")
    said = refused(address)
    assert "has no PostGIS" in said and "CREATE EXTENSION postgis" in said
    cluster.drop(address)


def test_a_database_that_is_not_in_utf8_is_refused(cluster):
    address = cluster.address("latin")
    with closing(cluster.connect("postgres")) as connection:
        connection.execute(
            "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc"
        )
    assert "is not in UTF8" in refused(address)
    cluster.drop(address)


@pytest.mark.parametrize("table", ["alembic_version (version_num text)", "roads (name text)"])
def test_a_database_of_another_program_is_refused_and_left_as_it_was(cluster, bare_url, table):
    with closing(cluster.connect(cluster.name_in(bare_url))) as connection:
        connection.execute(f"CREATE TABLE {table}")
        assert "tables of another program" in refused(bare_url)
        names = connection.execute("SELECT relname FROM pg_class WHERE relname IN ('history', 'compounds')")
        assert names.fetchall() == []


def test_a_store_opened_again_is_not_changed(store, store_url):
    put_district(store)
    before = told(store)
    with closing(open_store(store_url)) as again:
        assert told(again) == before
    with closing(open_store(store_url.replace("postgresql+psycopg", "postgresql"))) as again:
        assert told(again) == before


# Connections.


def test_a_read_sees_one_state_and_cannot_write_and_a_write_is_on_disk_when_acknowledged(store):
    def asked(connection) -> list:
        names = ("transaction_isolation", "transaction_read_only", "synchronous_commit", "lock_timeout")
        return [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]

    with store.reading() as connection:
        assert asked(connection) == ["repeatable read", "on", "on", "0"]
    with store.writing(OPERATOR) as work:
        assert asked(work.connection) == ["read committed", "off", "on", "10s"]
    with pytest.raises(StoreError, match="read-only transaction"), store.reading() as connection:
        connection.execute(text("DELETE FROM settings"))


def test_a_server_that_acknowledges_too_early_is_not_taken_at_its_word(cluster, store, store_url):
    with closing(cluster.connect("postgres")) as connection:
        connection.execute(f"ALTER DATABASE {cluster.name_in(store_url)} SET synchronous_commit = off")
    with closing(open_store(store_url)) as again, again.writing(OPERATOR) as work:
        assert work.connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


def test_a_store_whose_connections_the_server_has_dropped_works_on(cluster, store, store_url):
    store.district()
    with closing(cluster.connect("postgres")) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (cluster.name_in(store_url),),
        )
    with store.writing(OPERATOR) as work:
        work.set("name_en", "still")
    assert store.district().name_en == "still"


@pytest.fixture
def crashing():
    """A server that a test may bring down: no other test is on it."""
    started = Cluster(find_programs())
    yield started
    started.stop()


def test_a_server_that_crashes_while_a_district_is_loaded_loses_no_load_that_was_acknowledged(crashing):
    address, committed = crashing.create(), 0
    open_store(address).close()
    for cycle in range(2):
        arguments = (address, Path(__file__).parent, committed)
        process = python(LOAD, *arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        said = [process.stdout.readline() for _ in range(3)]
        time.sleep(0.017 * (cycle + 1))
        # A part of the server that is killed takes down all of it: it starts anew from its log.
        os.kill(_writer(crashing, address), signal.SIGKILL)
        # Between two loads the writer finds a new connection and goes on, if the server is quick.
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)
        process.kill()
        said += process.stdout.read().splitlines()
        process.stdout.close()
        process.wait(60)
        with closing(_opened(address)) as again:
            await_writers(again)
            loads, rows, entries = (count(again, t) for t in (tables.loads, tables.compounds, tables.history))
            assert (rows, entries) == (50 * loads, loads)
            # Every load that was acknowledged is there, and at most one more.
            assert loads - 1 <= int(said[-1]) + 1 <= loads
            assert verify_history(again) is None
            check_places(again, rows)
        committed = loads
    assert committed >= 6


def _writer(cluster: Cluster, address: str) -> int:
    """Return the process of the server that serves the only client of a database."""
    asked = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    with closing(cluster.connect("postgres")) as connection:
        return connection.execute(asked, (cluster.name_in(address),)).fetchone()[0]


def _opened(address: str) -> Store:
    """Open a store as soon as its server is up again."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return open_store(address)
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


# Shapes.


def test_the_shape_follows_the_wkb_and_is_found_by_its_index(store):
    with store.writing(OPERATOR) as work:
        put(work, "facilities", *({"code": f"F{i}"} for i in range(1, 301)))
        row = work.features("facilities")["F7"]
        moved = {"wkb": square(900).wkb, "code": "F7"}
        work.update_feature("facilities", row["fid"], row["version"], moved)
    asked = "SELECT code FROM facilities WHERE ST_Intersects(shape, ST_GeomFromText('{}', 4490))"
    at = [asked.format(shapely.Point(square(i).centroid).wkt) for i in (7, 8, 900)]
    with store.reading() as connection:
        assert [connection.execute(text(step)).scalars().all() for step in at] == [[], ["F8"], ["F7"]]
        assert connection.scalar(text("SELECT bool_and(ST_AsBinary(shape) = wkb) FROM facilities"))
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = connection.execute(text("EXPLAIN " + at[0])).scalars().all()
    assert any("facilities_shape" in line for line in plan)


def test_what_is_no_shape_in_the_plane_is_refused(store):
    for wkb in (b"", b"\x01\x02", shapely.Point(117, 36.6, 5).wkb):
        with pytest.raises(StoreError), store.writing(OPERATOR) as work:
            load_id = work.open_load("facilities", "0" * 64, {})
            box = dict.fromkeys(tables.BOX, 0.0)
            work.insert(
                tables.facilities,
                [{"version": 1, "load_id": load_id, "row": 1, "code": "F1", "wkb": wkb, **box}],
            )


def test_the_history_cannot_be_emptied(store):
    put_district(store)
    before = told(store)
    for step in ("TRUNCATE history", "TRUNCATE loads, history CASCADE"):
        with pytest.raises(StoreError, match="append-only"), store.writing(OPERATOR) as work:
            work.connection.execute(text(step))
    assert told(store) == before


# Migrations.


def test_a_store_is_migrated_and_a_newer_one_is_refused_and_left_as_it_was(store, store_url, future):
    put_district(store)
    before = told(store)
    with closing(open_postgis(store_url, migrations=future())) as again:
        assert told(again) == before
        assert "more" in again.frame(text("SELECT * FROM settings"))[0]
        assert verify_history(again) is None
    assert "was written by a newer Guatu" in refused(store_url)
    assert told(store) == before


def test_a_migration_that_fails_leaves_the_store_as_it_was(store, store_url, future):
    put_district(store)
    before = told(store)
    assert "nowhere" in refused(store_url, migrations=future('op.execute("DELETE FROM nowhere")'))
    with closing(open_store(store_url)) as again:
        assert told(again) == before
        assert "more" not in again.frame(text("SELECT * FROM settings"))[0]
