"""Layers go out as GeoJSON: a route that streams, and ``flask export`` that replaces a file."""

from datetime import datetime
from pathlib import Path

import click
from flask import Blueprint, Response

from geo.errors import FormatError
from layers import writing
from layers.catalogue import layer_named
from layers.people import OPERATOR, visible
from layers.querying import NONE, Query
from webmap import access, streams
from webmap.access import store
from webmap.commands import Command, Option, tell

blueprint = Blueprint("downloads", __name__, cli_group=None)


@blueprint.get("/export/<layer>.geojson")
def export(layer: str) -> Response:
    """Stream a layer with the map's filters, never cut; private fields are left out."""
    query = access.query(layer_named(layer).name)
    sight = visible(access.person(), layer)
    known = access.tag_of(query, sight)
    response = streams.answer(known, lambda still: streams.collected(still, sight, query).pieces)
    if response.status_code == 200:
        response.headers["Content-Disposition"] = f'attachment; filename="{layer}.geojson"'
    return response


@blueprint.cli.command("export", cls=Command)
@click.argument("layer")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--plan-year", cls=Option, help="Only the compounds of this year's plan (none: of no plan).")
@click.option("--street-office", cls=Option, help="Only what this street office answers for (none: nobody).")
@click.option("--stage", cls=Option, help="Only the compounds at this stage.")
@click.option(
    "--on",
    "day",
    cls=Option,
    type=click.DateTime(["%Y-%m-%d"]),
    help="As of this day (by default the reference date).",
)
@click.option("--private", cls=Option, is_flag=True, help="With the private fields.")
def export_file(
    layer: str,
    file: Path,
    plan_year: str | None,
    street_office: str | None,
    stage: str | None,
    day: datetime | None,
    private: bool,
) -> None:
    """Write a layer to a GeoJSON file, which is replaced as a whole or not at all."""
    if file.suffix.lower() not in (".geojson", ".json"):
        raise FormatError("%(file)s: an export is GeoJSON; name it .geojson.", file=file.name)
    sight = visible(OPERATOR, layer_named(layer).name, private=private)
    year = access.year(plan_year) if plan_year not in (None, NONE) else plan_year
    with store().still() as still:
        on = day.date() if day else still.day()
        query = Query(layer=layer, on=on, plan_year=year, street_office=street_office, stage=stage)
        count, pieces = streams.collected(still, sight, query)
        size = writing.publish(file, pieces)
    tell("%(file)s: %(count)s features, %(size)s bytes", file=file.name, count=count, size=size)
