"""A backup becomes the store again: all of it is checked before anything is replaced."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from geo.errors import StoreError
from layers.address import address_shown
from layers.copying import copy_store
from layers.disk import copy_whole, digest_of, sync
from layers.embedded import file_of, identity_at, open_embedded
from layers.epoch import renew_in
from layers.inspecting import check_backup
from layers.manifest import DATABASE, ORIGINALS, Manifest
from layers.people import Person, require
from layers.swap import put_in_place


class Restored(NamedTuple):
    """What a restore did.

    ``former`` is the file that the former store is kept in, None where there was none;
    ``originals`` how many files were put back.
    """

    manifest: Manifest
    former: Path | None
    originals: int


def restore(backup: Path, url: str, person: Person, files: Path) -> Restored:
    """Put a backup in the place of the store at ``url``, and its originals back where they lay.

    An embedded store that is there is kept beside, as ``district.db.before-restore-TIME``; a
    shared one must be an empty database. Originals are added to the folder ``files`` where they
    are missing or not whole; none is removed.

    Raises:
        StoreError: the backup is damaged or of another district, the database is not empty, or
            the disk cannot take it; the store is then as it was.
        StoreBusyError: another process has the embedded store open; nothing was changed.
        PermissionError_: this person may not.
    """
    require(person, "restore")
    manifest = check_backup(backup)
    with _reasons(url):
        if url.startswith("sqlite:"):
            return _into_file(backup, manifest, file_of(url), files)
        return _into_database(backup, manifest, url, files)


@contextmanager
def _reasons(url: str) -> Iterator[None]:
    """Say in one line why a backup cannot be put back."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            "The store %(url)s cannot be restored: %(reason)s.",
            url=address_shown(url),
            reason=getattr(error, "strerror", None) or error,
        ) from error


def _into_file(backup: Path, manifest: Manifest, path: Path, files: Path) -> Restored:
    there = identity_at(path)
    if there not in ("", manifest.identity):
        raise StoreError(
            "The backup %(backup)s is of another district than the store %(path)s: move that away first.",
            backup=backup,
            path=path,
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{path.name}-restoring-", dir=path.parent) as folder:
        new = _taken(backup, DATABASE, Path(folder) / DATABASE, manifest)
        renew_in(new)
        added = _put_originals(backup, manifest, files)
        former = path.with_name(f"{path.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
        kept = put_in_place(new, path, former)
    return Restored(manifest, former if kept else None, added)


def _into_database(backup: Path, manifest: Manifest, url: str, files: Path) -> Restored:
    # Imported only where it is asked for, as the door does: the embedded store needs no driver.
    from layers.postgis import open_postgis

    with TemporaryDirectory() as folder:
        new = _taken(backup, DATABASE, Path(folder) / DATABASE, manifest)
        with closing(open_postgis(url)) as target, closing(open_embedded(f"sqlite:///{new}")) as source:
            if target.entries():
                raise StoreError(
                    "The database %(url)s is not empty: a backup is restored into an empty one.",
                    url=address_shown(url),
                )
            added = _put_originals(backup, manifest, files)
            copy_store(source, target)
    return Restored(manifest, None, added)


def _taken(backup: Path, name: str, target: Path, manifest: Manifest) -> Path:
    """Copy a file of a backup, and check once more what arrived."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if copy_whole(backup / name, target) != manifest.files[name]:
        raise StoreError(
            "The backup %(backup)s is not whole: %(file)s was cut or altered.", backup=backup, file=name
        )
    return target


def _put_originals(backup: Path, manifest: Manifest, files: Path) -> int:
    """Put back what is missing or not whole; return how many files that were."""
    added = 0
    for name, wanted in manifest.files.items():
        target = files / name.removeprefix(f"{ORIGINALS}/")
        if name == DATABASE or (target.is_file() and digest_of(target) == wanted):
            continue
        _taken(backup, name, target, manifest)
        sync(target.parent)
        added += 1
    return added
