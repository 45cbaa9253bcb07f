"""Editions of the street offices: what a new one would move, and ``flask activate`` and ``compare``."""

from pathlib import Path

import click
from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask_babel import gettext

from geo.errors import ConflictError, FormatError, NotFoundError, RequestError
from layers import duty, moved, moving, writing
from layers.moving import Comparison, Total
from layers.people import OPERATOR, require
from webmap import access, casemap, forms, wording, words
from webmap.access import store
from webmap.commands import Command, Option, step, tell
from webmap.words import layer_label

blueprint = Blueprint("editions", __name__, cli_group=None)

#: How a comparison is written, by the ending of the file's name.
WRITTEN = {".csv": moved.as_csv, ".geojson": moved.as_geojson, ".json": moved.as_geojson}


#: So many moves are listed and drawn on the page; the files hold all of them.
LISTED, DRAWN = 200, 3000


@blueprint.get("/editions")
def page() -> str:
    """Return all editions, and what the newest one that waits would move."""
    access.check_arguments("lang")
    require(access.person(), "compare")
    district = store().district()
    if district.bounds is None:
        return render_template("districtmap_empty.html", district=district)
    return _page(None)


@blueprint.get("/editions/<int:edition_id>")
def edition(edition_id: int) -> str:
    """Return all editions, and what this one would move."""
    access.check_arguments("lang")
    require(access.person(), "compare")
    return _page(edition_id)


def _page(edition_id: int | None, error: RequestError | None = None) -> str:
    listed = moving.editions(store(), access.person())
    try:
        found = _compared(edition_id)
    except NotFoundError:
        # Without a number it is asked whether one waits, and none is an answer.
        if edition_id is not None:
            raise
        found = None
    shown = {} if found is None else _shown(found)
    return render_template(
        "editions.html",
        district=store().district(),
        editions=listed,
        found=found,
        error=None if error is None else words.told(error),
        **shown,
    )


def _compared(edition_id: int | None) -> Comparison:
    """Return the comparison; worked out once for as long as nothing is written."""
    known = (store().entries(), edition_id, access.person().role)
    kept = current_app.extensions.get("guatu_comparison")
    if kept is None or kept[0] != known:
        kept = known, moving.compare(store(), access.person(), edition_id)
        current_app.extensions["guatu_comparison"] = kept
    return kept[1]


def _shown(found: Comparison) -> dict:
    """Return what the page draws of a comparison."""
    totals = found.totals()
    looks = casemap.looks(total.coming.code for total in totals if total.coming.code)
    return {
        "totals": totals,
        "matrices": _matrices(totals),
        "looks": looks,
        "moves": found.moves[:LISTED],
        "picture": _picture(found, looks) if 0 < len(found.moves) <= DRAWN else None,
    }


def _matrices(totals: tuple[Total, ...]) -> list[dict]:
    """Return a table of from × to for the compounds, their floor area, structures and facilities."""
    former = list(dict.fromkeys(total.former for total in totals))
    coming = sorted({total.coming for total in totals}, key=lambda side: (side.code is None, side.code or ""))
    by_pair = {(total.former, total.coming): total for total in totals}
    measures = [
        ("compounds", words.layer_label("compounds"), words.number, lambda t: t.sites["compounds"]),
        (
            "area",
            words.field_label("compounds", "floor_area_m2"),
            words.small_area,
            lambda t: t.floor_area_m2,
        ),
        *(
            (layer, words.layer_label(layer), words.number, lambda t, layer=layer: t.sites[layer])
            for layer in ("illegal_structures", "facilities")
        ),
    ]
    return [
        {
            "name": name,
            "label": label,
            "coming": coming,
            "rows": [(f, [of(by_pair[f, c]) if (f, c) in by_pair else 0 for c in coming]) for f in former],
            "said": said,
        }
        for name, label, said, of in measures
    ]


def _picture(found: Comparison, looks: dict) -> str:
    person = access.person()
    offices = moving.outlines(store(), person, found.edition_id)
    former = [ground for *_, ground in moving.outlines(store(), person, found.active_id)]
    return casemap.moves_svg(
        [ground for *_, ground in offices] + former,
        offices,
        former,
        [(move.coming.code, move.wkb) for move in found.moves],
        looks,
        gettext("Map of what moves: %(count)s sites", count=len(found.moves)),
    )


@blueprint.get("/editions/<int:edition_id>/moves.<ending>")
def moves(edition_id: int, ending: str) -> Response:
    """Return the list of what an edition would move as CSV or GeoJSON."""
    access.check_arguments("lang")
    if f".{ending}" not in WRITTEN or ending == "json":
        raise NotFoundError("A comparison is written to csv or geojson, not to %(ending)s.", ending=ending)
    require(access.person(), "compare")
    kind = "text/csv" if ending == "csv" else "application/geo+json"
    response = Response(WRITTEN[f".{ending}"](_compared(edition_id)), mimetype=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="edition-{edition_id}.{ending}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.post("/editions/<int:edition_id>/activation")
def make_active(edition_id: int) -> Response | tuple[str, int]:
    """Make an edition the active one, instead of the one that was compared with it."""
    access.check_arguments("lang")
    forms.check()
    person, instead_of = access.person(), request.form.get("instead_of", "")
    require(person, "activate")
    try:
        if not request.form.get("confirmed") or not instead_of.isdecimal():
            raise RequestError("Tick that you have looked at what moves.")
        duty.activate(store(), person, edition_id, instead_of=int(instead_of))
    except NotFoundError:
        raise
    except RequestError as error:
        return _page(None, error), 409 if isinstance(error, ConflictError) else 400
    return redirect(url_for(".page"), 303)


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
