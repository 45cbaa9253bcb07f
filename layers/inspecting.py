"""Whether a backup still holds all that its manifest says."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DatabaseError

from geo.errors import StoreError
from layers import manifest as manifests
from layers import tables
from layers.copying import contents
from layers.disk import digest_of
from layers.embedded import open_unchanging
from layers.manifest import DATABASE, ORIGINALS, Anchor, Manifest
from layers.originals import is_whole
from layers.schema import MIGRATIONS, is_known
from layers.store import Store, read_history


def check_backup(folder: Path, *, migrations: Path = MIGRATIONS) -> Manifest:
    """Return the manifest of a backup after all that it says was found to be so.

    That is: its own sha256; size and sha256 of every file; the database's integrity; each table's
    digest (where the tables are those of this program: a backup of an older one has other
    columns); the history's chain and its anchor; every original that the store names.
    ``migrations`` is the folder of the steps to the newest schema.
    Raises StoreError, which names what is wrong.
    """
    known = manifests.read(folder)
    check_files(folder, known)
    scripts = ScriptDirectory(str(migrations))
    if not is_known(known.schema, scripts):
        raise StoreError("The backup %(backup)s was made by a newer Guatu than this one.", backup=folder)
    with _reading(folder), closing(open_unchanging(folder / DATABASE)) as copy:
        _check_database(copy, known, folder, current=known.schema == scripts.get_current_head())
        if missing_originals(copy, folder / ORIGINALS) != known.missing:
            raise StoreError(
                "The originals in the backup %(backup)s are not those that its store names.", backup=folder
            )
    return known


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Say of which backup it is that the database cannot be read."""
    try:
        yield
    except StoreError as error:
        if isinstance(error.__cause__, DatabaseError):
            raise _damaged(folder) from error
        raise


def check_files(folder: Path, known: Manifest) -> None:
    """Raise StoreError where a file of a backup is missing, cut or altered."""
    for name in {DATABASE, *known.files}:
        path = folder / name
        if name not in known.files or path.is_symlink() or not path.is_file():
            raise StoreError(
                "The backup %(backup)s is not whole: %(file)s is missing.", backup=folder, file=name
            )
        wanted = known.files[name]
        if path.stat().st_size != wanted.size or digest_of(path) != wanted:
            raise StoreError(
                "The backup %(backup)s is not whole: %(file)s was cut or altered.", backup=folder, file=name
            )


def _check_database(copy: Store, known: Manifest, folder: Path, *, current: bool) -> None:
    """Raise StoreError where the database of a backup is not as its manifest says."""
    with copy.reading() as connection:
        if connection.scalar(text("PRAGMA integrity_check")) != "ok" or schema_of(connection) != known.schema:
            raise _damaged(folder)
    chain = read_history(copy)
    whole = chain.broken is None and Anchor(chain.length, chain.head) == known.anchor
    if not whole or copy.identity() != known.identity:
        raise StoreError("The history in the backup %(backup)s was altered.", backup=folder)
    if not current:
        return
    with copy.reading() as connection:
        differs = set(contents(connection).digests.items()) ^ set(known.digests.items())
    if differs:
        raise StoreError(
            "The table %(table)s in the backup %(backup)s was altered.", table=min(differs)[0], backup=folder
        )


def _damaged(folder: Path) -> StoreError:
    return StoreError("The database in the backup %(backup)s is damaged.", backup=folder)


def schema_of(connection: Connection) -> str:
    """Return the version of a store's tables."""
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def missing_originals(store: Store, files: Path) -> tuple[str, ...]:
    """Return the sha256 of the originals that the store names and that are not whole in ``files``."""
    named = select(tables.loads.c.sha256).distinct().order_by(tables.loads.c.sha256)
    return tuple(row["sha256"] for row in store.frame(named) if not is_whole(files, row["sha256"]))


def anchor_of(source: str) -> str:
    """Return the hash of a history's entry from a text: the hash itself, or the path of a backup.

    >>> anchor_of("ab" * 32) == "ab" * 32
    True
    """
    if re.fullmatch(r"[0-9a-f]{64}", source):
        return source
    return manifests.read(Path(source)).anchor.hash
