"""One SQLite file takes the place of another, which is kept; nobody who has it open loses an edit."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from geo.errors import StoreBusyError
from layers.disk import sync

#: What SQLite keeps beside a file, and would apply to any other that gets its name.
_BESIDE = ("-wal", "-shm", "-journal")
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
#: The bytes that everybody locks who has the file open (https://sqlite.org/src/file/src/os_unix.c).
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510


def put_in_place(new: Path, path: Path, former: Path) -> bool:
    """Give ``path`` the contents of ``new``; return whether there was a file, which is ``former`` now.

    Both are SQLite files; ``new`` has no other beside it and may be used up. The one that is there is
    overwritten through SQLite itself, in one transaction: whoever opens it meanwhile waits, and
    sees the one or the other. A file that SQLite cannot read any more is moved aside instead, with
    all that lies beside it. Raises StoreBusyError where somebody has it open, sqlite3.Error or
    OSError where the disk cannot take it; nothing is changed then.
    """
    if path.exists():
        try:
            _overwrite(new, path, former)
            return True
        except sqlite3.DatabaseError as error:
            # The lower byte is the kind of error.
            kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if kind in _BUSY:
                raise _busy(path) from error
            if kind not in _DAMAGED:
                raise
    return _move_aside(new, path, former)


def _busy(path: Path) -> StoreBusyError:
    return StoreBusyError(
        "The store %(path)s is open in another process: stop that first. Nothing was restored.", path=path
    )


def _overwrite(new: Path, path: Path, former: Path) -> None:
    with _held(path) as live:
        try:
            with closing(sqlite3.connect(former)) as copy:
                live.backup(copy)
            sync(former)
            sync(former.parent)
            with closing(sqlite3.connect(f"{new.as_uri()}?mode=ro", uri=True)) as source:
                source.backup(live)
        except (OSError, sqlite3.Error):
            former.unlink(missing_ok=True)
            raise


@contextmanager
def _held(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file that nobody else has open, and let nobody open it until this ends."""
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as live:
        live.execute("PRAGMA synchronous=FULL")
        live.execute("PRAGMA locking_mode=EXCLUSIVE")
        live.execute("BEGIN EXCLUSIVE")
        live.execute("COMMIT")
        # Were this cut short with a rollback journal, nobody could look into the file without writing to it.
        live.execute("PRAGMA journal_mode=WAL")
        yield live


def _move_aside(new: Path, path: Path, former: Path) -> bool:
    there = path.exists()
    with _unlocked(path):
        for suffix in _BESIDE:
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                beside.rename(former.with_name(former.name + suffix))
        if there:
            os.link(path, former)
        new.replace(path)
        sync(path.parent)
    return there


@contextmanager
def _unlocked(path: Path) -> Iterator[None]:
    """Hold SQLite's own lock of a file (where there is one) that SQLite cannot read."""
    if not path.exists():
        yield
        return
    with path.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except OSError as error:
            raise _busy(path) from error
        yield
