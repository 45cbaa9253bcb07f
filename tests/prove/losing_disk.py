"""A disk that loses power: SQLite on files of which only what was synced is sure to be there after.

The files are real, and SQLite sees all it has written, as it would of the system's cache. Beside
them is kept what has reached the disk, and which writes since the last sync may or may not have:
at the cut each of their sectors is there or not by chance, and so is each file made or removed.
"""

from contextlib import suppress
from pathlib import Path
from random import Random

import apsw

SECTOR = 512
VFS_NAME = "losing"


class PowerCut(Exception):
    """The power is gone: nothing more can be read or written."""


class _Image:
    """What of one file has reached the disk, and what may have."""

    def __init__(self, content: bytes = b"", durable: bool = False) -> None:
        self.content = bytearray(content)
        self.durable = durable
        self.written = 0
        self.pending: list[tuple[int, bytes | None]] = []

    def sync(self) -> None:
        for offset, data in self.pending:
            self._apply(offset, data)
        self.pending.clear()
        self.durable = True

    def cut(self, random: Random) -> bytes | None:
        """Return what is left of the file, None where not even its name is."""
        if not self.durable and random.random() < 0.5:
            return None
        for offset, data in self.pending:
            if data is None and random.random() < 0.5:
                self._apply(offset, None)
            for start in range(0, len(data or b""), SECTOR):
                if random.random() < 0.5:
                    self._apply(offset + start, data[start : start + SECTOR])
        return bytes(self.content)

    def _apply(self, offset: int, data: bytes | None) -> None:
        if data is None:
            del self.content[offset:]
            return
        if len(self.content) < offset:
            self.content.extend(bytes(offset - len(self.content)))
        self.content[offset : offset + len(data)] = data


class LosingDisk(apsw.VFS):
    """SQLite's file system with a power supply: after ``limit`` writes and syncs it is cut."""

    def __init__(self) -> None:
        self.images: dict[str, _Image] = {}
        self.limit = self.done = self.syncs = 0
        super().__init__(VFS_NAME, "", maxpathname=512)

    def start(self, files: dict[Path, bytes], limit: int) -> None:
        """Begin with these files on the disk, and with power for so many writes and syncs."""
        self.images = {str(path): _Image(content, durable=True) for path, content in files.items()}
        for path, content in files.items():
            path.write_bytes(content)
        self.limit, self.done = limit, 0

    def cut(self, random: Random) -> dict[str, bytes]:
        """Return what is on the disk after the cut, by the path of each file."""
        left = {name: image.cut(random) for name, image in self.images.items()}
        return {name: content for name, content in left.items() if content is not None}

    @property
    def dead(self) -> bool:
        """Whether the power is gone."""
        return self.done >= self.limit

    def use(self) -> None:
        """Count one more write or sync; raise where the power ends at it."""
        self.done += 1
        if self.dead:
            raise PowerCut

    def xOpen(self, name, flags):  # noqa: N802
        """Open a file of which is known what has reached the disk."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return _File(self, path, name, flags)

    def xDelete(self, name, sync_folder):  # noqa: N802
        """Remove a file; until its folder is synced it may come back."""
        self.use()
        super().xDelete(name, sync_folder)
        if sync_folder:
            self.images.pop(name, None)
        elif name in self.images:
            self.images[name].durable = False


class _File(apsw.VFSFile):
    def __init__(self, disk: LosingDisk, path: str | None, name, flags) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        # A temporary file has no name, and nobody looks for it after the cut.
        self._image = _Image() if path is None else disk.images.setdefault(path, _Image())

    def xWrite(self, data, offset):  # noqa: N802
        self._image.pending.append((offset, bytes(data)))
        self._image.written += 1
        self._disk.use()
        super().xWrite(data, offset)

    def xTruncate(self, size):  # noqa: N802
        self._image.pending.append((size, None))
        self._disk.use()
        super().xTruncate(size)

    def xSync(self, flags):  # noqa: N802
        self._disk.use()
        super().xSync(flags)
        self._image.sync()
        self._disk.syncs += 1


class Connection(apsw.Connection):
    """What SQLAlchemy asks of a connection to SQLite, on the losing disk."""

    isolation_level = None

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), vfs=VFS_NAME)

    def cursor(self) -> "Cursor":
        """Return a new cursor."""
        return Cursor(super().cursor(), self)

    def close(self, force: bool = True) -> None:
        """Close the file, on whatever is left of the disk."""
        with suppress(PowerCut, apsw.Error):
            super().close(force)

    def create_function(self, name: str, arguments: int, function, **_more: object) -> None:
        """Let SQL call a function."""
        self.create_scalar_function(name, function, arguments)

    def commit(self) -> None:
        """Commit the open transaction, if any."""
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        """Roll back the open transaction, if any."""
        if self.in_transaction:
            self.execute("ROLLBACK")


class Cursor:
    """What SQLAlchemy asks of a cursor: it takes all rows at once."""

    arraysize = 1

    def __init__(self, cursor: apsw.Cursor, connection: Connection) -> None:
        self._cursor, self._connection = cursor, connection
        self._rows: list[tuple] = []
        self.description = None
        self._reads = True
        self.rowcount = -1
        cursor.exec_trace = self._describe

    def _describe(self, cursor: apsw.Cursor, _statement: str, _values: object) -> bool:
        # Afterwards a statement without rows can no longer say what its columns are.
        told, self._reads = cursor.get_description(), cursor.is_readonly
        self.description = [(name, *(None,) * 6) for name, _ in told] or None
        return True

    @property
    def lastrowid(self) -> int:
        """The number of the row inserted last."""
        return self._connection.last_insert_rowid()

    def execute(self, statement: str, values: object = ()) -> None:
        """Run one statement to its end."""
        self.description, self._reads = None, True
        self._rows = list(self._cursor.execute(statement, values))
        self.rowcount = -1 if self._reads else self._connection.changes()

    def executemany(self, statement: str, many: object) -> None:
        """Run one statement with many values."""
        for values in many:
            self.execute(statement, values)

    def fetchone(self) -> tuple | None:
        """Return the next row."""
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[tuple]:
        """Return the next rows."""
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[tuple]:
        """Return all rows that are left."""
        return self.fetchmany(len(self._rows))

    def close(self) -> None:
        """Let go of the statement."""
        self._rows = []
        self._cursor.close(True)
