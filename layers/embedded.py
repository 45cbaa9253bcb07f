"""The embedded store: one SQLite file of our own, opened by one SQLite library only.

WAL and ``synchronous=FULL`` keep every acknowledged commit through a power cut (with NORMAL
231 of 300 simulated cuts lost some). A write waits for its turn and begins with BEGIN
IMMEDIATE, so that it never fails half way. GDAL never opens this file: when it closes one it
drops the locks SQLite holds on it in the same process.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

import numpy
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.pool import NullPool

from geo.errors import StoreError
from layers import driving
from layers.address import address_shown
from layers.boxes import teach_intersects
from layers.disks import is_writable, reading_uri, refuse_network_share, system_mounts
from layers.people import OPERATOR
from layers.rtree import ROOT, neighbours, pack
from layers.schema import MIGRATIONS, is_known, is_ours, upgrade
from layers.store import State, Store, state_in
from layers.tables import BOX, FEATURES
from layers.turns import Turns
from layers.work import Columns, insert_columns

_NO_FILES = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cell_size_check=ON",
    # KiB that a connection keeps of the file; SQLite's own 2 MB hold hardly more than one page's way.
    "PRAGMA cache_size=-32768",
)
#: After each of its dozen questions a writer waits for Python's lock so long at most behind each thread that
#: computes in its process, while others wait for the turn; Python's own 5 ms are ten edits.
_SWITCH_S = 0.0001
#: A wait so short is not counted: to tell SQLite of another patience takes longer than a small question.
_HARDLY_S = 0.05
#: A load at least so large, and as large as what is there, has its R*Tree packed instead of grown.
PACKED_FROM = 2000


class EmbeddedStore(Store):
    """One district's record in one SQLite file, before which those who write queue."""

    is_near = True

    def __init__(self, engine: Engine, path: Path, patience_s: float) -> None:
        super().__init__(engine)
        self._turns = Turns(path)
        self._patience_s = patience_s
        self._watching = Lock()
        self._watcher: Connection | None = None
        self._seen: tuple[int, State] | None = None
        self._idle: list[Connection] = []

    def close(self) -> None:
        """Let go of every connection, and of the place in the queue."""
        with self._watching:
            self._end_watching()
        while self._idle:
            self._idle.pop().close()
        super().close()
        self._turns.close()

    @property
    def lent(self) -> int:
        """How many connections somebody reads or writes with at this moment."""
        return super().lent - len(self._idle) - (self._watcher is not None)

    def state(self) -> State:
        """Return what an answer is known by; the rows that tell it are read after a write only.

        SQLite numbers the states of a file: a connection that is told the number it was told before
        would read what it read before, whoever may write, in this process or in another.
        """
        with self._watching:
            try:
                if self._watcher is None:
                    self._watcher = self.engine.connect()
                if self._seen is None or self._seen[0] != _number(self._watcher):
                    _run(self._watcher, "BEGIN")
                    self._seen = _number(self._watcher), state_in(self._watcher)
                    _run(self._watcher, "COMMIT")
                return self._seen[1]
            except (DatabaseError, sqlite3.Error):
                self._end_watching()
        return super().state()  # which says what is wrong

    def _end_watching(self) -> None:
        watcher, self._watcher, self._seen = self._watcher, None, None
        if watcher is not None:
            watcher.close()

    # What SQLAlchemy does around a connection and a transaction takes longer than SQLite a small question.

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._lent() as connection:
            _run(connection, "BEGIN")
            yield connection
            self._undo(connection)

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._turns.taken(self._patience_s) as left_s, self._lent() as connection:
            _begin_write(connection, left_s, self._patience_s)
            # SQLAlchemy is told: who finds none open, as Alembic does, begins and commits one of its own.
            with connection.begin():
                yield connection

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        """Lend a connection that nobody uses; after an error its transaction is rolled back."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self.engine.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _undo(self, connection: Connection) -> None:
        # After some errors SQLite has done so by itself.
        if connection.connection.driver_connection.in_transaction:
            _run(connection, "ROLLBACK")
        # And what SQLAlchemy took for a transaction of its own when it was asked something.
        connection.rollback()

    def put(self, connection: Connection, table: Table, columns: Columns) -> None:
        """Insert many rows, given as columns; the R*Tree of a layer that at least doubles is packed anew.

        Its trigger rests meanwhile. All of this belongs to the open transaction: nobody sees the
        layer without its tree, and a failure brings back both as they were.
        """
        many = len(next(iter(columns.values())))
        if table.name not in FEATURES or many < PACKED_FROM or many < _held(connection, table.name):
            insert_columns(connection, table, columns)
            return
        begin = connection.exec_driver_sql(f"SELECT coalesce(max(fid), 0) + 1 FROM {table.name}").scalar()
        # What no row of the load has need not be said of each.
        told = {n: of for n, of in columns.items() if of[0] is not None or of.count(None) < many}
        sides = numpy.array([columns[side] for side in BOX], float).T
        # Neighbours lie in one page of the file: a box is read with a few pages, not one a row.
        order = neighbours(sides)
        with _resting(connection, f"{table.name}_box_insert"):
            # Nobody else writes: SQLite numbers the rows from there on, one by one.
            insert_columns(connection, table, told, order.tolist())
        _pack_places(connection, table.name, numpy.arange(begin, begin + many), sides[order])


def _held(connection: Connection, layer: str) -> int:
    return connection.exec_driver_sql(f"SELECT count(*) FROM {layer}_box_rowid").scalar()


@contextmanager
def _resting(connection: Connection, trigger: str) -> Iterator[None]:
    """Let a trigger rest; it is back, word for word, when this ends."""
    run = connection.exec_driver_sql
    made = run("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", (trigger,)).scalar()
    run(f"DROP TRIGGER {trigger}")
    yield
    run(made)


def _pack_places(connection: Connection, layer: str, fids: numpy.ndarray, sides: numpy.ndarray) -> None:
    """Write a layer's R*Tree with these rows besides those in it, into the tables where SQLite keeps it."""
    cursor, places = connection.connection.cursor(), f"{layer}_box"
    if _held(connection, layer):
        indexed = f"fid IN (SELECT rowid FROM {places}_rowid)"
        known = cursor.execute(f"SELECT fid, {', '.join(BOX)} FROM {layer} WHERE {indexed}").fetchall()
        fids = numpy.concatenate([fids, [row[0] for row in known]])
        sides = numpy.concatenate([sides, [row[1:] for row in known]])
    (node_bytes,) = cursor.execute(f"SELECT length(data) FROM {places}_node WHERE nodeno = {ROOT}").fetchone()
    for name, rows in pack(fids, sides, node_bytes)._asdict().items():
        table = f"{places}_{name.removesuffix('s')}"
        cursor.execute(f"DELETE FROM {table}")
        cursor.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)


def _into_wal(connection: sqlite3.Connection, patience_s: float) -> None:
    """Put the file into WAL mode; while another process does so SQLite says "locked" without waiting."""
    until = monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > until:
                raise
            sleep(0.01)


def open_embedded(
    url: str,
    *,
    patience_s: float = 10.0,
    make: bool = True,
    mounts: str | None = None,
    migrations: Path = MIGRATIONS,
) -> Store:
    """Return the store in the SQLite file of ``url``, created or migrated where it needs to be.

    ``url`` is ``sqlite:////absolute/path``. A writer waits at most ``patience_s`` seconds for its
    turn; without ``make`` a missing store is an error. ``mounts`` is the text of the machine's
    mount table (by default read from the system), ``migrations`` the folder of the steps to the
    newest schema. What may not be written can be read. Raises StoreError, with the reason, for a
    file on a network share, in a folder that cannot be written, of a newer Guatu, or that is no
    store of ours; it is then left untouched.
    """
    sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_S))
    mounts = system_mounts() if mounts is None else mounts
    path = file_of(url, mounts)
    scripts = ScriptDirectory(str(migrations))
    found = _inspect(path, mounts, scripts)
    if found is None:
        _make_folder(path, make)
    store = EmbeddedStore(_engine(path, mounts, patience_s), path, patience_s)
    try:
        if found != scripts.get_current_head():
            _migrate(store, path, mounts, found, scripts)
    except BaseException:
        store.close()
        raise
    return store


def _make_folder(path: Path, make: bool) -> None:
    if not make:
        raise StoreError("There is no store at %(url)s.", url=path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            "The folder of the store %(path)s cannot be made: %(reason)s.", path=path, reason=error.strerror
        ) from error


def file_of(url: str, mounts: str | None = None) -> Path:
    """Return the file of the store at ``url``; it need not be there.

    ``mounts`` is as for ``open_embedded``. Raises StoreError for an address of another kind and
    for a file on a network share.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = URL.create("")
    path = Path(parsed.database or "")
    if parsed.drivername != "sqlite" or parsed.query or not path.is_absolute():
        raise StoreError(
            "%(url)s is no store: write sqlite:////absolute/path/district.db.", url=address_shown(url)
        )
    refuse_network_share(path, system_mounts() if mounts is None else mounts)
    return path


def _connect(address: str, patience_s: float) -> sqlite3.Connection:
    return sqlite3.connect(
        address, uri=True, timeout=patience_s, isolation_level=None, check_same_thread=False
    )


def _engine(path: Path, mounts: str, patience_s: float) -> Engine:
    writable = is_writable(path, mounts)
    address = path.as_uri() if writable else reading_uri(path, mounts)
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        creator=lambda: _connect(address, patience_s),
        pool_size=16,
        max_overflow=16,
    )

    @event.listens_for(engine, "connect")
    def _settings(connection: sqlite3.Connection, _record: object) -> None:
        if writable:
            _into_wal(connection, patience_s)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        teach_intersects(connection)

    return engine


def _begin_write(connection: Connection, left_s: float, patience_s: float) -> None:
    """Begin to write, waiting hardly longer than what the queue has left of the patience."""
    if patience_s - left_s < _HARDLY_S:
        _run(connection, "BEGIN IMMEDIATE")
        return
    _run(connection, f"PRAGMA busy_timeout={round(left_s * 1000)}")
    try:
        _run(connection, "BEGIN IMMEDIATE")
    finally:
        _run(connection, f"PRAGMA busy_timeout={round(patience_s * 1000)}")


def _number(connection: Connection) -> int:
    """Return the number that SQLite gives the state of the file which a connection sees."""
    cursor = connection.connection.driver_connection.cursor()
    return cursor.execute("PRAGMA data_version").fetchone()[0]


def _run(connection: Connection, step: str) -> None:
    """Run a step without what SQLAlchemy does around each: that takes longer than the step."""
    try:
        connection.connection.driver_connection.execute(step)
    except sqlite3.Error as error:
        raise driving.wrapped(connection, step, error) from error


def _inspect(path: Path, mounts: str, scripts: ScriptDirectory) -> str | None:
    """Return the schema version of the store at ``path``, None where there is none yet.

    The file is only read: one that is not ours must not be changed, not even to WAL.
    """
    if not path.exists():
        return None
    try:
        address = reading_uri(path, mounts)
        with closing(sqlite3.connect(address, uri=True, timeout=10)) as connection:
            found = _version(connection, path)
    except sqlite3.DatabaseError as error:
        # SQLite needs two files beside the store, and may not make them.
        if error.sqlite_errorcode & 0xFF in _NO_FILES and not is_writable(path, mounts):
            raise StoreError(
                "The store %(path)s cannot be read: its folder is read-only, and nobody who may write "
                "to it has it open. Make the folder writable, or move the store to a read-only disk.",
                path=path,
            ) from error
        raise StoreError("The store %(path)s cannot be read: %(reason)s.", path=path, reason=error) from error
    if found is not None and not is_known(found, scripts):
        raise StoreError("The store %(path)s was written by a newer Guatu than this one.", path=path)
    return found


def identity_at(path: Path) -> str:
    """Return the identity of the store in a file (see ``Store.identity``), without changing the file.

    It is empty where there is no store, an empty one, or one that is too damaged to tell. Raises
    StoreError for a database of another program.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            if _version(connection, path) is None:
                return ""
            first = connection.execute("SELECT hash FROM history ORDER BY seq LIMIT 1").fetchone()
            return first[0][:8] if first else ""
    except sqlite3.DatabaseError:
        return ""


def _version(connection: sqlite3.Connection, path: Path) -> str | None:
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if names and not is_ours(names):
        raise StoreError(
            "%(path)s is an SQLite database of another program, not a store of Guatu.", path=path
        )
    return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0] if names else None


def _migrate(store: Store, path: Path, mounts: str, found: str | None, scripts: ScriptDirectory) -> None:
    """Bring the file to the newest schema in one transaction, after a copy of what was there."""
    head = scripts.get_current_head()
    if found is not None and not is_writable(path, mounts):
        raise StoreError(
            "The store %(path)s was written by an older Guatu and cannot be brought up to date: "
            "it is read-only.",
            path=path,
        )
    if found is not None:
        copy_file(store, path.with_name(f"{path.name}.before-{head}"))
    with store.writing(OPERATOR) as work:
        # Another process may have been quicker while this one waited for the lock.
        if _version(work.connection.connection.driver_connection, path) != head:
            upgrade(work.connection, scripts)


def copy_file(store: Store, target: Path) -> None:
    """Copy the whole embedded store with SQLite's own backup, which is right under load as well."""
    with store.reading() as connection, closing(sqlite3.connect(target)) as copy:
        connection.connection.driver_connection.backup(copy)


def open_unchanging(path: Path) -> Store:
    """Return the store in a file that nobody writes: it can be read only, and nothing is locked.

    The file is neither made nor migrated, and what stands in a WAL beside it is not seen.
    """

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, check_same_thread=False)

    return Store(create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True))
