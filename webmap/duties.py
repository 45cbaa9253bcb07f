"""Who answers for what: ``flask assign`` and ``flask activate``; border cases will come in here."""

from collections.abc import Mapping
from pathlib import Path

import click
from flask import Blueprint
from flask_babel import gettext

from geo.errors import RequestError
from layers import duty
from layers.people import OPERATOR
from webmap.access import store
from webmap.commands import Command, Option, data_folder, step, tell
from webmap.words import layer_label

blueprint = Blueprint("duties", __name__, cli_group=None)


@blueprint.cli.command("assign", cls=Command)
@click.option(
    "--engine",
    cls=Option,
    type=click.Choice(["process", "dask"]),
    default="process",
    help="Who works it out: this process, or dask's workers.",
)
@click.option(
    "--scheduler", cls=Option, help="The address of a dask scheduler; without it this machine works."
)
@click.option(
    "--partitions",
    cls=Option,
    type=click.Path(path_type=Path),
    help="Assign the sites of this folder of GeoParquet partitions, not those of the store.",
)
def assign(engine: str, scheduler: str | None, partitions: Path | None) -> None:
    """Assign every site to its street office anew and say how many answers changed."""
    if engine == "dask":
        _assign_with_dask(scheduler, partitions)
    elif scheduler or partitions:
        raise RequestError("A scheduler and partitions are for --engine dask.")
    else:
        _tell_changed(duty.assign_all(store(), OPERATOR, step))


def _tell_changed(changed: Mapping[str, int]) -> None:
    for layer, count in changed.items():
        tell("%(layer)s: %(count)s changed", layer=layer_label(layer), count=count)


def _assign_with_dask(scheduler: str | None, folder: Path | None) -> None:
    try:
        from layers import batching  # with it comes dask, which not everybody installs
    except ModuleNotFoundError as error:
        raise RequestError("dask is not installed: run make dask first.") from error
    with batching.workers(scheduler) as client:
        if folder is None:
            engine = batching.Engine(client, data_folder("partitions"), _tell_progress)
            _tell_changed(duty.assign_all(store(), OPERATOR, step, engine))
            return
        done = batching.assign_folder(
            client,
            folder,
            batching.offices_for(folder, store()),
            say=step,
            progress=_tell_progress,
        )
    for layer, receipts in done.items():
        count = sum(receipt.rows for receipt in receipts)
        tell("%(layer)s: %(count)s assigned", layer=layer_label(layer), count=count)


def _tell_progress(done: int, total: int) -> None:
    click.echo("· " + gettext("%(done)s of %(total)s partitions", done=done, total=total), err=True)


@blueprint.cli.command("activate", cls=Command)
@click.argument("edition", type=int, required=False)
def activate(edition: int | None) -> None:
    """Make an edition of the street offices the active one (by default the newest that waits)."""
    first = store().district().bounds is None
    done = duty.activate(store(), OPERATOR, edition, step)
    tell("Edition %(edition)s of the street offices is active.", edition=done.edition_id)
    for layer, count in done.moved.items():
        if first:
            tell("%(layer)s: %(count)s assigned", layer=layer_label(layer), count=count)
        else:
            tell("%(layer)s: %(count)s moved", layer=layer_label(layer), count=count)
