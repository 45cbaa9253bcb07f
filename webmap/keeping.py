"""Keeping the record safe: ``flask backup``, ``restore``, ``verify``, ``copy-store``, ``accept-clock``."""

from contextlib import closing
from pathlib import Path

import click
from flask import Blueprint, current_app

from geo.errors import StoreError
from layers import open_store
from layers.backup import back_up
from layers.copying import copy_store
from layers.history import GENESIS
from layers.inspecting import anchor_of
from layers.people import OPERATOR
from layers.progress import accept_clock
from layers.restore import restore
from layers.store import read_history
from webmap.access import store
from webmap.commands import Command, Option, data_folder, tell

blueprint = Blueprint("keeping", __name__, cli_group=None)
_FOLDER = click.Path(path_type=Path, file_okay=False, readable=False)


@blueprint.cli.command("copy-store", cls=Command)
@click.argument("source")
@click.argument("target")
def copy(source: str, target: str) -> None:
    """Copy a whole store into another, empty one: from a file to PostGIS, or back."""
    with closing(open_store(source, make=False)) as reading, closing(open_store(target)) as writing:
        copied = copy_store(reading, writing)
    tell(
        "Copied: %(rows)s rows, the same in both stores. The history ends with %(head)s.",
        rows=copied.rows,
        head=copied.head,
    )


@blueprint.cli.command("backup", cls=Command)
@click.argument("folder", type=_FOLDER, required=False)
@click.option(
    "--keep",
    cls=Option,
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="Keep the N newest whole backups, and remove older ones.",
)
@click.option(
    "--incomplete", cls=Option, is_flag=True, help="Make it even where originals of loads are missing."
)
def backup(folder: Path | None, keep: int | None, incomplete: bool) -> None:
    """Make a backup of the store and its originals, while others work, in a folder of its own.

    It lies in FOLDER (else in the data folder, under backups) and was read again in full when it
    gets its name. What the last line shows belongs on paper: it proves the history later.
    """
    place = (folder or data_folder("backups")).absolute()
    with closing(open_store(current_app.config["STORE"], make=False)) as source:
        made = back_up(source, OPERATOR, data_folder("files"), place, keep=keep or 0, incomplete=incomplete)
    if made.manifest.missing:
        tell("Originals that are missing in it: %(missing)s", missing=", ".join(made.manifest.missing))
    for name in made.removed:
        tell("Removed, being older than those to keep: %(name)s", name=name)
    for name in made.damaged:
        tell("Not whole any more, and left alone: %(name)s", name=name)
    tell("The backup is whole: %(folder)s", folder=made.folder)
    anchor = made.manifest.anchor
    tell("The history ends with entry %(seq)s: %(hash)s", seq=anchor.seq, hash=anchor.hash)


@blueprint.cli.command("restore", cls=Command)
@click.argument("backup", type=_FOLDER)
@click.option("--store", "url", cls=Option, metavar="URL", help="Where to restore to, if not GUATU_STORE.")
def put_back(backup: Path, url: str | None) -> None:
    """Check a backup in full, then put it in the place of the store.

    A store in a file is kept beside the new one; a PostGIS database must be empty. Stop the
    program first. Originals that are missing are put back, none is removed.
    """
    done = restore(backup, url or current_app.config["STORE"], OPERATOR, data_folder("files"))
    if done.former:
        tell("The former store is kept as %(path)s", path=done.former)
    tell("Originals put back: %(count)s", count=done.originals)
    anchor = done.manifest.anchor
    tell(
        "The backup of %(at)s is restored. The history ends with entry %(seq)s: %(hash)s",
        at=done.manifest.at,
        seq=anchor.seq,
        hash=anchor.hash,
    )


@blueprint.cli.command("verify", cls=Command)
@click.option(
    "--anchor",
    cls=Option,
    metavar="BACKUP|HASH",
    help="An entry the history must contain: the last one of a backup, or the one with this hash.",
)
def verify(anchor: str | None) -> None:
    """Read the history from its first entry and say whether it is whole."""
    wanted = anchor_of(anchor) if anchor else GENESIS
    chain = read_history(store(), wanted)
    if chain.broken is not None:
        raise StoreError("The history is broken at entry %(entry)s: it was altered.", entry=chain.broken)
    if not chain.anchored:
        raise StoreError(
            "The history does not contain the entry %(hash)s: its end was cut off, or it was written anew.",
            hash=wanted,
        )
    tell("The history is whole: %(entries)s entries.", entries=chain.length)
    if anchor:
        tell("It contains the entry %(hash)s.", hash=wanted)


@blueprint.cli.command("accept-clock", cls=Command)
def accept() -> None:
    """Go on by this machine's clock although the last entry of the history is later."""
    if accept_clock(store(), OPERATOR):
        tell("The history goes on by this machine's clock; that is written in it.")
    else:
        tell("The clock is not behind the history: nothing was changed.")
