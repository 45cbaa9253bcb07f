"""Editions of the street offices: what a new one would move, and ``flask activate`` and ``compare``."""

from pathlib import Path

import click
from flask import Blueprint

from geo.errors import FormatError
from layers import duty, moving, writing
from layers.people import OPERATOR
from webmap import wording, words
from webmap.access import store
from webmap.commands import Command, Option, step, tell
from webmap.words import layer_label

blueprint = Blueprint("editions", __name__, cli_group=None)

#: How a comparison is written, by the ending of the file's name.
WRITTEN = {".csv": moving.as_csv, ".geojson": moving.as_geojson, ".json": moving.as_geojson}


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


@blueprint.cli.command("compare", cls=Command)
@click.argument("edition", type=int, required=False)
@click.option(
    "--to",
    "file",
    cls=Option,
    type=click.Path(path_type=Path, readable=False),
    help="Write the list of what moves to this .csv or .geojson file.",
)
def compare(edition: int | None, file: Path | None) -> None:
    """Show what an edition of the street offices would move, and write nothing to the store.

    By default it is the newest edition that waits.
    """
    if file is not None and file.suffix.lower() not in WRITTEN:
        raise FormatError("%(file)s: a comparison is written to .csv or .geojson.", file=file.name)
    found = moving.compare(store(), OPERATOR, edition)
    _print_comparison(found)
    if file is not None:
        size = writing.publish(file, WRITTEN[file.suffix.lower()](found))
        tell("%(file)s: %(count)s rows, %(size)s bytes", file=file.name, count=len(found.moves), size=size)


def _print_comparison(found: moving.Comparison) -> None:
    tell(
        "Edition %(coming)s beside edition %(active)s, which is active:",
        coming=found.edition_id,
        active=found.active_id,
    )
    if not found.same_code_list:
        tell(
            "The code lists differ (%(active)s, %(coming)s): a code does not mean the same office in both.",
            active=found.code_lists[0],
            coming=found.code_lists[1],
        )
    for side in found.appearing:
        tell("new: %(office)s", office=wording.office_named(*side))
    for side in found.leaving:
        tell("gone: %(office)s", office=wording.office_named(*side))
    for layer, count in found.sites.items():
        moved = sum(move.layer == layer for move in found.moves)
        tell("%(layer)s: %(moved)s of %(count)s move", layer=layer_label(layer), moved=moved, count=count)
    for total in found.totals():
        tell(
            "%(former)s → %(coming)s: %(compounds)s (%(area)s), %(structures)s, %(facilities)s",
            former=wording.office_named(*total.former),
            coming=wording.office_named(*total.coming),
            compounds=words.compounds(total.sites["compounds"]),
            area=words.area(total.floor_area_m2),
            structures=words.structures(total.sites["illegal_structures"]),
            facilities=words.facilities(total.sites["facilities"]),
        )
