"""Backups: the whole of a store, its originals and its history's anchor, in one folder each.

A backup is made beside the others under a name that is none, read again in full, and then
given its name at once: what has the name of a backup was whole when it got it.
"""

import fcntl
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from sqlalchemy import func, select

from geo.errors import StoreBusyError, StoreError
from layers import manifest as manifests
from layers import tables
from layers.copying import contents, copy_store
from layers.disk import FileDigest, copy_whole, digest_of, sync
from layers.embedded import copy_file, open_embedded, open_unchanging
from layers.inspecting import check_backup, check_files, missing_originals, schema_of
from layers.manifest import DATABASE, ORIGINALS, Anchor, Manifest
from layers.originals import kept_originals
from layers.people import Person, require
from layers.store import Store
from layers.turns import BESIDE

_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}")
_PARTIAL, _REMOVED = ".partial-", ".removed-"
_KINDS = {"sqlite": "embedded", "postgresql": "postgis"}


class Backup(NamedTuple):
    """A backup that was made: its folder and manifest, and what became of those before it.

    ``removed`` are the names of older ones that were not to be kept, ``damaged`` of those that
    were found not to be whole any more and left alone.
    """

    folder: Path
    manifest: Manifest
    removed: tuple[str, ...]
    damaged: tuple[str, ...]


def back_up(
    store: Store, person: Person, files: Path, folder: Path, *, keep: int = 0, incomplete: bool = False
) -> Backup:
    """Make a backup of a store, whoever else writes to it meanwhile, in a folder of its own.

    Args:
        store: of either kind.
        person: who asks.
        files: the folder of originals.
        folder: where the backups lie.
        keep: how many whole backups of this store stay, this one with them (0: all); older ones
            are removed after this one was read again and found whole.
        incomplete: make it even where originals that the store names are missing or altered;
            the manifest names them.

    Raises:
        StoreError: the store is empty or its history broken, an original is missing, or the
            folder cannot be written; then there is no new backup, and the old ones are as they were.
        StoreBusyError: another backup is being made there.
        PermissionError_: this person may not.
    """
    require(person, "back_up")
    with _writing_to(folder), _alone(folder):
        partial = Path(mkdtemp(prefix=_PARTIAL, dir=folder))
        try:
            made = _make(store, files, partial, _newest(folder), incomplete)
            place = folder / f"{_stamp(made.at)}-{made.anchor.hash[:8]}"
            partial.rename(place)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync(folder)
        return Backup(place, made, *_keep_newest(place, made.identity, keep))


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    """Say in one line why a backup cannot be written."""
    try:
        yield
    except (OSError, sqlite3.Error, StoreError) as error:
        # The copy of a shared store is a store as well: of a file that cannot be written.
        found = getattr(error.__cause__, "orig", None) if isinstance(error, StoreError) else error
        if not isinstance(found, OSError | sqlite3.Error):
            raise
        raise StoreError(
            "No backup can be made in %(folder)s: %(reason)s.",
            folder=folder,
            reason=getattr(found, "strerror", None) or found,
        ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only one who makes backups in a folder, and remove what was left half done there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreBusyError("Another backup is being made in %(folder)s.", folder=folder) from error
        for left in (*folder.glob(f"{_PARTIAL}*"), *folder.glob(f"{_REMOVED}*")):
            shutil.rmtree(left)
        yield


def _stamp(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def _make(store: Store, files: Path, folder: Path, before: Path | None, incomplete: bool) -> Manifest:
    """Fill the folder of a new backup, check all of it, and return its manifest."""
    at = datetime.now(UTC).isoformat(timespec="microseconds")
    _copy_database(store, folder / DATABASE)
    # After the store: an original is kept before the store names it.
    copied = _copy_originals(files, folder, before)
    with closing(open_unchanging(folder / DATABASE)) as copy:
        missing = missing_originals(copy, folder / ORIGINALS)
        if missing and not incomplete:
            raise StoreError(
                "Originals that the store names are missing or altered in %(files)s: %(missing)s. "
                "With --incomplete the backup is made without them.",
                files=files,
                missing=", ".join(missing),
            )
        made = _describe(copy, at, _KINDS[store.engine.dialect.name], missing)
    made.files.update({DATABASE: digest_of(folder / DATABASE), **copied})
    manifests.write(made, folder)
    for path in (folder, *folder.rglob("*")):
        sync(path)
    return check_backup(folder)


def _copy_database(store: Store, path: Path) -> None:
    """Copy the store into one file, which needs no other beside it."""
    if store.entries() == 0:
        raise StoreError("The store is empty: there is nothing to back up.")
    if _KINDS[store.engine.dialect.name] == "embedded":
        copy_file(store, path)
    else:
        # Nobody else opens this file, so that it may lie on a network share.
        with closing(open_embedded(f"sqlite:///{path.absolute()}", mounts="")) as copy:
            copy_store(store, copy)
        for end in BESIDE:
            path.with_name(path.name + end).unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE")


def _copy_originals(files: Path, folder: Path, before: Path | None) -> dict[str, FileDigest]:
    """Copy the originals; one that the backup before holds as well is linked to from there."""
    known = manifests.read(before).files if before else {}
    copied = {}
    for place in kept_originals(files):
        name = f"{ORIGINALS}/{place}"
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        there = digest_of(files / place)
        if known.get(name) != there or not _link(before / name, target, there):
            there = copy_whole(files / place, target)
        copied[name] = there
    return copied


def _link(source: Path, target: Path, wanted: FileDigest) -> bool:
    """Return whether ``target`` is now another name of ``source``, which holds what is wanted."""
    try:
        if digest_of(source) == wanted:
            os.link(source, target)
            return True
    except OSError:
        pass
    return False


def _describe(copy: Store, at: str, kind: str, missing: tuple[str, ...]) -> Manifest:
    identity = copy.identity()
    with copy.reading() as connection:
        held = contents(connection)
        seq = connection.scalar(select(func.max(tables.history.c.seq)))
        anchor, schema = Anchor(seq, held.head), schema_of(connection)
    return Manifest(at, kind, identity, schema, anchor, held.digests, {}, missing)


def _backups(folder: Path) -> list[Path]:
    """Return what has the name of a backup, the newest first."""
    named = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted((path for path in named if path.is_dir() and not path.is_symlink()), reverse=True)


def _newest(folder: Path) -> Path | None:
    """Return the newest backup that says what it holds, None where there is none."""
    for path in _backups(folder):
        try:
            manifests.read(path)
        except StoreError:
            continue
        return path
    return None


def _keep_newest(newest: Path, identity: str, keep: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Remove all but so many whole backups of a store; return the names (removed, not whole)."""
    whole, removed, damaged = 1, [], []
    for path in _backups(newest.parent) if keep else ():
        try:
            known = manifests.read(path)
            if path == newest or known.identity != identity:
                continue
            if whole >= keep:
                _remove(path)
                removed.append(path.name)
                continue
            check_files(path, known)
            whole += 1
        except StoreError:
            damaged.append(path.name)
    return tuple(removed), tuple(damaged)


def _remove(backup: Path) -> None:
    """Remove a backup; were this cut short, what is left has not the name of one."""
    gone = backup.with_name(_REMOVED + backup.name)
    backup.rename(gone)
    sync(backup.parent)
    shutil.rmtree(gone)
