"""Statistics sheets: their list, each as a page with traceable cells, and as XLSX, CSV and PDF."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click
from flask import Blueprint, Response, render_template, request, url_for

from geo.errors import FormatError
from layers import tabulating, writing
from layers.contents import PLANS
from layers.districts import district_of
from layers.figures import Rate
from layers.people import OPERATOR, Person, visible
from layers.periods import Period, period_ending
from layers.sheets import Column, Line, Sheet, proven
from layers.store import Store
from webmap import access, sheetfiles, sheetwords, words
from webmap.access import store
from webmap.commands import Command, Option, tell

blueprint = Blueprint("statistics", __name__, cli_group=None)


@blueprint.get("/sheets")
def page() -> str:
    """Return the list of the sheets, or what to do first where there is nothing to count."""
    access.check_arguments("period", "on", "lang")
    district = district_of(access.still())
    if district.bounds is None:
        return render_template("districtmap_empty.html", district=district)
    period = sheetfiles.asked_period()
    sheets = tuple(tabulating.sheets(access.still(), access.person(), period).values())
    return render_template(
        "statistics_list.html",
        district=district,
        sheets=sheets,
        forms=tuple(sheetfiles.FORMS),
        title_of=sheetwords.title_of,
        **sheetfiles.shared(period),
    )


@blueprint.get("/sheets/<name>")
def sheet(name: str) -> str:
    """Return one sheet: every cell leads to the rows it is made of, every check is told."""
    access.check_arguments("period", "on", "lang")
    period = sheetfiles.asked_period()
    made, district = _sheet(name, period), district_of(access.still())
    failures = made.failures
    return render_template(
        "statistics.html",
        district=district,
        sheet=made,
        printed=sheetwords.printed(made, district),
        title=sheetwords.title_of(name),
        wrong={(failure.row, failure.column) for failure in failures},
        failures=failures,
        forms=tuple(sheetfiles.FORMS),
        is_rate=lambda value: isinstance(value, Rate),
        trace=_trace_address(made),
        row_name=sheetwords.row_name,
        names=tuple(PLANS),
        title_of=sheetwords.title_of,
        **sheetfiles.shared(period),
    )


@blueprint.get("/sheets/<name>/rows")
def rows(name: str) -> str:
    """Return exactly the compounds or structures that one cell of a sheet is made of."""
    access.check_arguments("column", "row", "period", "on", "lang")
    period, asked = sheetfiles.asked_period(), request.args
    found = tabulating.traced(
        access.still(), access.person(), name, period, asked.get("column", ""), asked.get("row", "")
    )
    made, trace = found.sheet, found.trace
    district = district_of(access.still())
    return render_template(
        "statistics_rows.html",
        district=district,
        found=found,
        title=sheetwords.title_of(name),
        heading=sheetwords.heading_text(trace.column),
        row=sheetwords.row_name(made, trace.line),
        said=sheetwords.printed(made, district).said(trace.column, trace.cell.value),
        measured=_measured(found),
        is_rate=isinstance(trace.cell.value, Rate),
        **sheetfiles.shared(period),
    )


@blueprint.get("/sheets/<name>.<any(xlsx, csv, pdf):form>")
def file(name: str, form: str) -> Response:
    """Send a sheet as a file; one that contradicts itself is refused."""
    access.check_arguments("period", "on", "lang")
    period = sheetfiles.asked_period()
    made = proven(_sheet(name, period))
    kind = visible(access.person(), "illegal_structures").kind
    return sheetfiles.answer(sheetwords.printed(made, district_of(access.still())), name, form, kind)


@blueprint.cli.command("sheet", cls=Command)
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--period", "kind", cls=Option, default=sheetfiles.USUAL_PERIOD, help="month, quarter or year.")
@click.option(
    "--on",
    "day",
    cls=Option,
    type=click.DateTime(["%Y-%m-%d"]),
    help="As of this day (by default the reference date).",
)
def sheet_file(name: str, file: Path, kind: str, day: datetime | None) -> None:
    """Write a statistics sheet to an XLSX, CSV or PDF file, which is replaced as a whole or not at all."""
    form = file.suffix.lower().removeprefix(".")
    if form not in sheetfiles.FORMS:
        raise FormatError("%(file)s: a sheet is .xlsx, .csv or .pdf.", file=file.name)
    with store().still() as still:
        district = district_of(still)
        period = period_ending(kind, day.date() if day else district.reference_date)
        made = proven(tabulating.sheet(still, OPERATOR, name, period))
    size = writing.publish(file, [sheetfiles.FORMS[form].write(sheetwords.printed(made, district))])
    tell("%(file)s: %(title)s, %(size)s bytes", file=file.name, title=sheetwords.title_of(name), size=size)


def _sheet(name: str, period: Period) -> Sheet:
    still: Store = access.still()
    person: Person = access.person()
    return tabulating.sheet(still, person, name, period)


def _trace_address(sheet: Sheet) -> Callable[[Column, Line], str | None]:
    """Return what gives the address of the rows a cell is made of; None where it is made of none."""
    asked = {name: request.args[name] for name in ("period", "on") if request.args.get(name)}

    def trace(column: Column, line: Line) -> str | None:
        told = line.cells[column.code]
        if told.codes is None and not isinstance(told.value, Rate):
            return None
        arguments = {"column": column.code, **({"row": line.code} if line.code else {}), **asked}
        return url_for("statistics.rows", name=sheet.plan.name, **arguments)

    return trace


def _measured(found: tabulating.Traced) -> str:
    """Return what the field that is summed up is called; nothing where rows are counted."""
    return words.field_label(found.trace.layer, found.trace.measure) if found.trace.measure else ""
