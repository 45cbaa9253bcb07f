"""Layers go out as GeoJSON: a route that streams, and ``flask export`` that replaces a file."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import click
from flask import Blueprint, Response, request

from geo.errors import FormatError
from layers import writing
from layers.catalogue import LAYERS, layer_named
from layers.people import OPERATOR, Sight, visible
from layers.querying import NONE, Query
from layers.store import Store
from webmap import access
from webmap.access import store
from webmap.commands import Command, Option, tell

blueprint = Blueprint("downloads", __name__, cli_group=None)


@contextmanager
def collected(source: Store, sight: Sight, query: Query) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Open what the query asks for, as far as it may be seen: how many rows, and all as GeoJSON.

    Number and rows are of one state of the store. The pieces are made as they are taken, so
    that memory does not grow; a filter that cannot be is refused before the first one.
    """
    with source.reading() as connection:
        matched = source.count(sight, query, connection)
        found = source.rows(sight, query, connection=connection)
        rows = ((row.code, row.properties, row.wkb) for row in found)
        yield matched, writing.feature_collection(rows, matched=matched)


@blueprint.get("/export/<layer>.geojson")
def export(layer: str) -> Response:
    """Stream a layer with the map's filters, never cut; private fields are left out."""
    query = access.query(layer_named(layer).name)
    sight = visible(access.person(), layer)
    known = access.tag(sight.kind, *LAYERS)
    if request.if_none_match.contains_weak(known):
        return access.tagged(Response(status=304), known)
    opened = ExitStack()
    _, pieces = opened.enter_context(collected(store(), sight, query))
    response = Response(pieces, mimetype="application/geo+json")
    response.call_on_close(opened.close)
    # Otherwise Werkzeug gathers all of it, only to know how long it is.
    response.implicit_sequence_conversion = False
    response.headers["Content-Disposition"] = f'attachment; filename="{layer}.geojson"'
    return access.tagged(response, known)


@blueprint.cli.command("export", cls=Command)
@click.argument("layer")
@click.argument("file", type=click.Path(path_type=Path))
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
    on = day.date() if day else store().district().reference_date
    year = access.year(plan_year) if plan_year not in (None, NONE) else plan_year
    query = Query(
        layer=layer_named(layer).name, on=on, plan_year=year, street_office=street_office, stage=stage
    )
    sight = visible(OPERATOR, layer, private=private)
    with collected(store(), sight, query) as (count, pieces):
        size = writing.publish(file, pieces)
    tell("%(file)s: %(count)s features, %(size)s bytes", file=file.name, count=count, size=size)
