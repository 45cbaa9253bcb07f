"""Keeping the record safe: ``flask copy-store``, ``flask accept-clock``. No pages."""

from contextlib import closing

import click
from flask import Blueprint

from layers import open_store
from layers.copying import copy_store
from layers.people import OPERATOR
from layers.progress import accept_clock
from webmap.access import store
from webmap.commands import Command, tell

blueprint = Blueprint("keeping", __name__, cli_group=None)


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


@blueprint.cli.command("accept-clock", cls=Command)
def accept() -> None:
    """Go on by this machine's clock although the last entry of the history is later."""
    if accept_clock(store(), OPERATOR):
        tell("The history goes on by this machine's clock; that is written in it.")
    else:
        tell("The clock is not behind the history: nothing was changed.")
