"""The wall's sheets to be printed: a page to choose them on, their PDFs, and ``flask wallmap``."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import click
from flask import Blueprint, Response, render_template, request
from flask_babel import force_locale, gettext

from geo.errors import FormatError, RequestError
from layers import wall as walls
from layers import writing
from layers.districts import district_of
from layers.people import OPERATOR, visible
from webmap import access, compoundsheet, sheetlayout, wallsheet, words
from webmap.access import store
from webmap.commands import Command, Option, tell
from webmap.sheetlayout import ORIENTATIONS, SIZES
from webmap.wallsheet import Paper

blueprint = Blueprint("wallmap", __name__, cli_group=None)

#: What each sheet is printed on unless asked otherwise.
USUAL = {
    "district": Paper("A0", "landscape"),
    "atlas": Paper("A3", "landscape"),
    "compound": Paper("A4", "portrait"),
}

#: How paper is held.
ORIENTATION_TEXTS = {"landscape": "landscape", "portrait": "portrait"}


@blueprint.app_template_filter()
def orientation_label(orientation: str) -> str:
    """Return how paper is held, in the reader's language."""
    return gettext(ORIENTATION_TEXTS[orientation])


@blueprint.get("/wallmap")
def page() -> str:
    """Return the page on which sheet, size and day are chosen."""
    access.check_arguments("on", "lang")
    still, on = access.still(), access.reference_date()
    district = district_of(still)
    if district.bounds is None:
        return render_template("districtmap_empty.html", district=district)
    wall = walls.wall(still, access.person(), on)
    return render_template(
        "wallmap.html",
        district=district,
        on=on,
        wall=wall,
        groups=walls.by_office(wall, wall.in_plan),
        parts=wallsheet.atlas_parts(wall),
        sizes=SIZES,
        orientations=ORIENTATIONS,
        usual=USUAL,
    )


@blueprint.get("/wallmap/district.pdf")
def district() -> Response:
    """Return the sheet of the district."""
    return _answer("district", wallsheet.district_pdf)


@blueprint.get("/wallmap/atlas.pdf")
def atlas() -> Response:
    """Return the atlas, a page a street office."""
    return _answer("atlas", wallsheet.atlas_pdf)


@blueprint.get("/wallmap/compounds/<path:code>.pdf")
def compound(code: str) -> Response:
    """Return the sheet of one compound."""
    return _answer("compound", compoundsheet.compound_pdf, code)


def _answer(sheet: str, make: Callable[..., bytes], *codes: str) -> Response:
    access.check_arguments("size", "orientation", "on", "lang")
    paper, person, on = _paper(sheet), access.person(), access.reference_date()
    kind = visible(person, "illegal_structures").kind
    known = f"{access.tag(kind, *walls.RESTS_ON)}-{words.language()}"
    if request.if_none_match.contains_weak(known):
        return access.tagged(Response(status=304), known)
    pdf = make(access.still(), person, on, paper, *codes)
    response = access.tagged(Response(pdf, mimetype="application/pdf"), known)
    name = f"guatu-{sheet}-{on.isoformat()}-{paper.size}.pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _paper(sheet: str) -> Paper:
    """Return the paper that is asked for; raise RequestError where there is no such paper."""
    usual = USUAL[sheet]
    asked = Paper(
        request.args.get("size") or usual.size, request.args.get("orientation") or usual.orientation
    )
    sheetlayout.paper(*asked)
    return asked


@blueprint.cli.command("wallmap", cls=Command)
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.argument("code", required=False)
@click.option("--sheet", cls=Option, type=click.Choice(list(USUAL)), default="district", help="Which sheet.")
@click.option("--size", cls=Option, type=click.Choice(list(SIZES)), help="The size of the paper.")
@click.option(
    "--orientation", cls=Option, type=click.Choice(list(ORIENTATIONS)), help="How the paper is held."
)
@click.option(
    "--on",
    "day",
    cls=Option,
    type=click.DateTime(["%Y-%m-%d"]),
    help="As of this day (by default the reference date).",
)
@click.option("--lang", cls=Option, type=click.Choice(list(words.LANGUAGES)), help="The sheet's language.")
def wallmap(
    file: Path,
    code: str | None,
    sheet: str,
    size: str | None,
    orientation: str | None,
    day: datetime | None,
    lang: str | None,
) -> None:
    """Write a sheet for the wall to a PDF file: of the district, an atlas, or of the compound CODE."""
    if file.suffix.lower() != ".pdf":
        raise FormatError("%(file)s: a sheet is PDF; name it .pdf.", file=file.name)
    if (code is None) == (sheet == "compound"):
        raise RequestError("A code is given with --sheet compound, and only with it.")
    make = {
        "district": wallsheet.district_pdf,
        "atlas": wallsheet.atlas_pdf,
        "compound": compoundsheet.compound_pdf,
    }
    paper = Paper(size or USUAL[sheet].size, orientation or USUAL[sheet].orientation)
    with ExitStack() as stack:
        if lang:
            stack.enter_context(force_locale(lang))
        still = stack.enter_context(store().still())
        on = day.date() if day else still.day()
        pdf = make[sheet](still, OPERATOR, on, paper, *([code] if code else []))
    size_written = writing.publish(file, [pdf])
    tell("%(file)s: %(size)s bytes", file=file.name, size=size_written)
