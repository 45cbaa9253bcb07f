"""The assessment of the street offices: ranking, points with their evidence, and what changed."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext

from layers import marks, marksheet
from layers.districts import district_of
from layers.figures import Rate
from layers.marks import Assessment, Mark
from layers.people import visible
from layers.printing import Printed
from layers.scores import Grade, Item, Named, score_sheet_named, score_sheets
from layers.sheets import NOT_REPORTED, proven
from webmap import access, sheetfiles, sheetwords, words
from webmap.assets import CHECKOUT
from webmap.commands import data_folder

blueprint = Blueprint("assessment", __name__)

USUAL_SCORES = "quarterly"


def folders() -> tuple[Path, ...]:
    """Return where score sheets are: the district's own before those that come with us."""
    return data_folder("scores"), CHECKOUT / "data" / "seed" / "scores"


def _assessed() -> Assessment:
    access.check_arguments("scores", "period", "on", "lang")
    scores = score_sheet_named(request.args.get("scores") or USUAL_SCORES, folders())
    return marks.assessment(access.still(), access.person(), scores, sheetfiles.asked_period())


@blueprint.get("/assessment")
def page() -> str:
    """Return the ranking of the street offices, or what to do first where there is nothing to assess."""
    district = district_of(access.still())
    if district.bounds is None:
        return render_template("districtmap_empty.html", district=district)
    found = _assessed()
    return render_template(
        "assessment.html",
        district=district,
        found=found,
        named=named,
        bounds=_bounds,
        evidence=_evidence,
        is_rate=lambda value: isinstance(value, Rate),
        place=marksheet.place_said,
        missing=marksheet.not_assessed(found.results),
        known=tuple(score_sheets(folders())),
        forms=tuple(sheetfiles.FORMS),
        NOT_REPORTED=NOT_REPORTED,
        **sheetfiles.shared(found.period),
    )


@blueprint.get("/assessment.<any(xlsx, csv, pdf):form>")
def file(form: str) -> Response:
    """Send the assessment as a file."""
    found = _assessed()
    kind = visible(access.person(), "illegal_structures").kind
    return sheetfiles.answer(_printed(found), f"assessment-{found.scores.code}", form, kind)


def named(name: Named) -> str:
    """Return a name of a score sheet in the reader's language."""
    return name.title if words.language() == "zh" else name.label


def _printed(found: Assessment) -> Printed:
    sheet = proven(marksheet.sheet_of(found))
    district = district_of(access.still())
    told = sheetwords.printed(sheet, district, named(found.scores.name))
    names = (*told.names[:-1], gettext("The district as a whole"))
    return replace(told, names=names, notes=tuple(_notes(found)), word=_word)


def _word(value: object) -> str:
    return named(value) if isinstance(value, Named) else sheetwords.word(value)


def _notes(found: Assessment) -> Iterable[str]:
    yield gettext("Score: points won of the points assessed, of 100; what is not reported counts for nobody.")
    yield gettext("Places are given from %(count)s points assessed on.", count=found.scores.ranked_from)
    for grade in found.scores.grades:
        yield f"{named(grade.name)}: {_bounds(grade, grade is found.scores.grades[0])}"


def _bounds(grade: Grade, best: bool) -> str:
    """Return the scores of a grade: 85 ≤ score < 95."""
    score = gettext("score")
    return f"{grade.low} ≤ {score} {'≤' if best else '<'} {grade.high}"


def _evidence(mark: Mark, code: str) -> str | None:
    """Return the address of the rows a mark rests on; None where it rests on none."""
    item: Item = mark.item
    if item.figure is None or not isinstance(mark.value, Rate):
        return None
    asked = {name: request.args[name] for name in ("period", "on") if request.args.get(name)}
    name, column = item.figure
    row = {"row": code} if code else {}
    return url_for("statistics.rows", name=name, column=column, **row, **asked)
