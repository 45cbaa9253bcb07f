"""The embedded store: one SQLite file of our own, opened by one SQLite library only.

WAL and ``synchronous=FULL`` keep every acknowledged commit through a power cut (with NORMAL
231 of 300 simulated cuts lost some). A write begins with BEGIN IMMEDIATE, so that it waits
for its turn instead of failing half way. GDAL never opens this file: when it closes one it
drops the locks SQLite holds on it in the same process.
"""

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep

import numpy
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from geo.errors import StoreError
from layers.address import address_shown
from layers.boxes import teach_intersects
from layers.people import OPERATOR
from layers.rtree import ROOT, neighbours, pack
from layers.schema import MIGRATIONS, is_known, is_ours, upgrade
from layers.store import Store
from layers.tables import BOX, FEATURES
from layers.work import Columns, insert_columns

#: File systems on which SQLite's WAL does not work or its locks do not hold.
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre"}
    | {"fuse.sshfs", "fuse.davfs", "davfs", "fuse.rclone", "ncpfs", "vboxsf", "fuse.vmhgfs-fuse", "drvfs"}
)
_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cell_size_check=ON",
    # KiB that a connection keeps of the file; SQLite's own 2 MB hold hardly more than one page's way.
    "PRAGMA cache_size=-32768",
)


#: A load at least so large, and as large as what is there, has its R*Tree packed instead of grown.
PACKED_FROM = 2000


class EmbeddedStore(Store):
    """One district's record in a file of its own."""

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
        told = {name: values for name, values in columns.items() if values.count(None) < many}
        sides = numpy.array([columns[side] for side in BOX], float).T
        # Neighbours lie in one page of the file: a box is read with a few pages, not one a row.
        order = neighbours(sides)
        beside = {name: _in_order(values, order) for name, values in told.items()}
        numbered = {"fid": range(begin, begin + many), **beside}
        with _resting(connection, f"{table.name}_box_insert"):
            insert_columns(connection, table, numbered)
        _pack_places(connection, table.name, numpy.arange(begin, begin + many), sides[order])


def _in_order(values: Sequence, order: numpy.ndarray) -> list:
    """Return values in another order; numbers go through an array, which need not visit each of them."""
    if type(values[0]) in (int, float):
        numbers = numpy.array(values)
        if numbers.dtype.kind in "if":
            return numbers[order].tolist()
    return [values[i] for i in order.tolist()]


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
    newest schema. Raises StoreError, with the reason, for a file on a network share, in a folder
    that cannot be written, of a newer Guatu, or that is no store of ours; it is then left untouched.
    """
    path = _path(url)
    refuse_network_share(path, _mounts() if mounts is None else mounts)
    scripts = ScriptDirectory(str(migrations))
    found = _inspect(path, scripts)
    if found is None:
        _make_folder(path, make)
    store = EmbeddedStore(_engine(path, patience_s))
    try:
        if found != scripts.get_current_head():
            _migrate(store, path, found, scripts)
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


def _path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = URL.create("")
    path = Path(parsed.database or "")
    if parsed.drivername != "sqlite" or parsed.query or not path.is_absolute():
        raise StoreError(
            "%(url)s is no store: write sqlite:////absolute/path/district.db.", url=address_shown(url)
        )
    return path


def _mounts() -> str:
    table = Path("/proc/self/mounts")
    return table.read_text(encoding="utf-8", errors="replace") if table.exists() else ""


def refuse_network_share(path: Path, mounts: str) -> None:
    """Raise StoreError when ``path`` lies on a network file system of the mount table."""
    place = os.path.realpath(path)
    best = ("", "")
    for line in mounts.splitlines():
        parts = line.split()
        if len(parts) < 3:
            continue
        # The table writes a space in a name as \040.
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), parts[1])
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, parts[2])
    if best[1] in NETWORK_FILE_SYSTEMS:
        raise StoreError(
            "The store %(path)s lies on a network share (%(kind)s), where edits can be lost: "
            "put it on a disk of this machine.",
            path=path,
            kind=best[1],
        )


def _engine(path: Path, patience_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"timeout": patience_s, "isolation_level": None, "check_same_thread": False},
        pool_size=16,
        max_overflow=16,
    )

    @event.listens_for(engine, "connect")
    def _settings(connection: sqlite3.Connection, _record: object) -> None:
        _into_wal(connection, patience_s)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        teach_intersects(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("guatu_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _inspect(path: Path, scripts: ScriptDirectory) -> str | None:
    """Return the schema version of the store at ``path``, None where there is none yet.

    The file is only read: one that is not ours must not be changed, not even to WAL.
    """
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            found = _version(connection, path)
    except sqlite3.DatabaseError as error:
        raise StoreError("The store %(path)s cannot be read: %(reason)s.", path=path, reason=error) from error
    if found is not None and not is_known(found, scripts):
        raise StoreError("The store %(path)s was written by a newer Guatu than this one.", path=path)
    return found


def _version(connection: sqlite3.Connection, path: Path) -> str | None:
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if names and not is_ours(names):
        raise StoreError(
            "%(path)s is an SQLite database of another program, not a store of Guatu.", path=path
        )
    return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0] if names else None


def _migrate(store: Store, path: Path, found: str | None, scripts: ScriptDirectory) -> None:
    """Bring the file to the newest schema in one transaction, after a copy of what was there."""
    head = scripts.get_current_head()
    if found is not None:
        _copy(store, path.with_name(f"{path.name}.before-{head}"))
    with store.writing(OPERATOR) as work:
        # Another process may have been quicker while this one waited for the lock.
        if _version(work.connection.connection.driver_connection, path) != head:
            upgrade(work.connection, scripts)


def _copy(store: Store, target: Path) -> None:
    """Copy the whole store with SQLite's own backup, which is right under load as well."""
    with store.reading() as connection, closing(sqlite3.connect(target)) as copy:
        connection.connection.driver_connection.backup(copy)
