"""Files come in: ``flask load`` and ``flask sample``; upload pages will come in here."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click
from flask import Blueprint
from flask_babel import gettext, ngettext

from geo.errors import Finding, RequestError
from layers import intake, sample
from layers.catalogue import layer_named
from layers.intake import Receipt, Request
from layers.people import OPERATOR
from webmap.access import store
from webmap.commands import Command, Option, data_folder, step, tell
from webmap.words import field_label, finding_text, layer_label

blueprint = Blueprint("uploads", __name__, cli_group=None)


@blueprint.cli.command("load", cls=Command)
@click.argument("layer")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--field",
    "fields",
    cls=Option,
    multiple=True,
    metavar="OUR=THEIRS",
    help="Which heading of the file brings a field of ours; may be given several times.",
)
@click.option(
    "--crs", cls=Option, metavar="EPSG:N", help="The coordinate system, where the file does not say."
)
@click.option("--layer-name", cls=Option, help="Which layer of a GeoPackage that holds several.")
@click.option("--encoding", cls=Option, help="The file's encoding, where it is not recognised.")
@click.option(
    "--code-list", cls=Option, default="local", help="The list the street offices' codes come from."
)
@click.option("--dry-run", cls=Option, is_flag=True, help="Show the receipt, but write nothing.")
def load(layer: str, file: Path, fields: tuple[str, ...], **options: object) -> None:
    """Load a file into a layer and print the receipt.

    The layers are street_offices, compounds, illegal_structures and facilities; the file is
    GeoJSON, GeoPackage, a shapefile (plain or zipped) or CSV with lon and lat.
    """
    layer_named(layer)
    request = Request(layer, file, fields=_pairs(fields), **options)
    print_receipt(intake.take_in(store(), request, OPERATOR, data_folder("files"), step))


def _pairs(fields: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in fields:
        ours, equals, theirs = (part.strip() for part in text.partition("="))
        if not equals or not ours or not theirs:
            raise RequestError("--field takes OUR=THEIRS, not %(text)s.", text=text)
        if ours in pairs:
            raise RequestError("--field names %(field)s twice.", field=ours)
        pairs[ours] = theirs
    return pairs


def print_receipt(receipt: Receipt) -> None:
    """Print what became of a file, and the findings by row."""
    tell("%(file)s → %(layer)s", file=receipt.file, layer=layer_label(receipt.layer))
    tell(
        "read %(read)s = stored %(stored)s + set aside %(set_aside)s",
        read=receipt.read,
        stored=receipt.stored,
        set_aside=receipt.set_aside,
    )
    tell(
        "new %(inserted)s, changed %(updated)s, unchanged %(unchanged)s",
        inserted=receipt.inserted,
        updated=receipt.updated,
        unchanged=receipt.unchanged,
    )
    tell("coordinate system %(crs)s, sha256 %(sha256)s", crs=receipt.crs, sha256=receipt.sha256)
    if receipt.unmapped:
        tell("kept but not mapped: %(headings)s", headings=", ".join(receipt.unmapped))
    for line in finding_lines(receipt):
        click.echo(line)
    if receipt.edition is not None and receipt.edition_state == "active":
        tell("Edition %(edition)s of the street offices is active.", edition=receipt.edition)
    elif receipt.edition is not None:
        tell("Edition %(edition)s of the street offices waits for: flask activate", edition=receipt.edition)
    if receipt.repeated:
        tell("This file was loaded before (load %(load_id)s): nothing changed.", load_id=receipt.load_id)
    elif receipt.dry_run:
        tell("Nothing was written (--dry-run).")
    else:
        tell("Receipt %(load_id)s was written.", load_id=receipt.load_id)


def finding_lines(receipt: Receipt) -> Iterator[str]:
    """Yield a line a finding; runs of rows with the same finding share one."""

    def kind(pair: tuple[int, Finding]) -> tuple:
        place, f = pair
        return f.row - place, f.field, f.code, f.severity, f.detail

    by_kind = sorted(receipt.findings, key=lambda f: (f.field, f.code, f.detail, f.row))
    runs = [[f for _, f in run] for _, run in groupby(enumerate(by_kind), kind)]
    for run in sorted(runs, key=lambda run: (run[0].row, run[0].field)):
        yield _finding_line(receipt.layer, run[0], run[-1].row)


def _finding_line(layer: str, finding: Finding, last: int) -> str:
    if finding.row == 0:
        where = gettext("file")
    elif finding.row == last:
        where = gettext("row %(row)s", row=finding.row)
    else:
        where = ngettext(
            "rows %(first)s–%(last)s", "rows %(first)s–%(last)s", 2, first=finding.row, last=last
        )
    known = {field.name for field in layer_named(layer).fields}
    field = field_label(layer, finding.field) if finding.field in known else gettext("geometry")
    return f"  {where} · {field} · {finding_text(layer, finding)}"


@blueprint.cli.command("sample", cls=Command)
@click.option("--if-empty", cls=Option, is_flag=True, help="Only if the store is empty; else do nothing.")
def make_sample(if_empty: bool) -> None:
    """Load the sample district, which is invented, into an empty store."""
    if if_empty and not sample.takes_sample(store()):
        return
    sample.load_sample(store(), OPERATOR, data_folder(), step)
    district = store().district()
    tell(
        "%(name)s is in the store; its reference date is %(day)s.",
        name=gettext("The sample district (invented)"),
        day=district.reference_date.isoformat(),
    )
