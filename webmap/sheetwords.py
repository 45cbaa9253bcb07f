"""A statistics sheet in the reader's language: titles, headings, names of rows, notes and checks."""

from datetime import date

from flask_babel import gettext

from layers.figures import Rate
from layers.headings import COLUMN_TEXTS, SHEET_TEXTS, TIME_TEXTS
from layers.periods import Period
from layers.printing import Heading, Printed
from layers.querying import NONE
from layers.sheets import NOT_REPORTED, Check, Column, Line, Sheet, Value
from layers.stages import Stage
from layers.store import District
from webmap import words

#: What the periods are called.
PERIOD_TEXTS = {"month": "month", "quarter": "quarter", "year": "year"}


def title_of(name: str) -> str:
    """Return what a sheet is called."""
    return gettext(SHEET_TEXTS[name])


def heading_text(column: Column) -> str:
    """Return what a column is called."""
    if column.names:
        return column.names[0 if words.language() == "zh" else 1]
    if column.code.startswith("at_"):
        return words.stage_label(column.code.removeprefix("at_"))
    return gettext(COLUMN_TEXTS[column.text])


def period_named(period: Period) -> str:
    """Return a period with its first and last day: quarter, 1 Apr 2022 – 30 Jun 2022."""
    return gettext(
        "%(kind)s from %(start)s to %(end)s",
        kind=gettext(PERIOD_TEXTS[period.kind]),
        start=words.day(period.start),
        end=words.day(period.end),
    )


def district_name(district: District) -> str:
    """Return the district's name in the reader's language, with a word where it has none."""
    name = district.name_zh if words.language() == "zh" else district.name_en
    return name or district.name_zh or gettext("District")


def row_name(sheet: Sheet, line: Line) -> str:
    """Return what a row is called: the total, who has none, or its own name."""
    if line is sheet.total:
        return gettext("Total")
    if line.code == NONE and not line.name:
        batches = sheet.plan.rows == "batches"
        return gettext("without a batch") if batches else gettext("without a street office")
    return line.name or line.code


def word(value: Value) -> str:
    """Return a value that is no number in words: not reported, unknown, a date, a stage, a rate."""
    if value is NOT_REPORTED:
        return gettext("not reported")
    if value is None:
        return gettext("unknown")
    if isinstance(value, date):
        return words.day(value)
    if isinstance(value, Stage):
        return words.stage_label(value.code)
    return words.percent(value.value) if isinstance(value, Rate) else str(value)


def law_text(sheet: Sheet, check: Check) -> str:
    """Return a check as it is printed: column 5 = 3 + 4."""
    if check.kind == "rows":
        return gettext("Total = sum of the rows, in every column")
    if check.kind == "sum":
        return gettext("Columns: %(law)s", law=check.formula)
    basis = next(c.basis for c in sheet.columns if sheet.numbers[c.code] == check.whole)
    return gettext("Columns: %(law)s, %(basis)s", law=check.formula, basis=gettext(basis))


def printed(sheet: Sheet, district: District, title: str = "") -> Printed:
    """Return a sheet in the reader's language; ``title`` names one that is none of the statistics'."""
    return Printed(
        sheet,
        f"{district_name(district)} · {title or title_of(sheet.plan.name)}",
        _about(sheet),
        _first(sheet),
        tuple(_heading(sheet, column) for column in sheet.columns),
        tuple(row_name(sheet, line) for line in sheet.every),
        tuple((law_text(sheet, check), not check.failures) for check in sheet.checks),
        _notes(sheet),
        word,
        gettext("The district, counted apart"),
        gettext("Check"),
    )


def _first(sheet: Sheet) -> str:
    if sheet.plan.rows == "batches":
        return words.field_label("illegal_structures", "batch")
    return words.field_label("compounds", "name" if sheet.plan.rows == "compounds" else "street_office_name")


def _heading(sheet: Sheet, column: Column) -> Heading:
    law = ""
    if column.rate:
        over, under = (sheet.numbers[name] for name in column.rate)
        law = gettext("%(over)s ÷ %(under)s, %(basis)s", over=over, under=under, basis=gettext(column.basis))
    part = gettext(TIME_TEXTS[column.part]) if column.part else ""
    unit = words.unit(column.unit) if column.unit else ""
    return Heading(sheet.numbers[column.code], heading_text(column), part, unit, law)


def _about(sheet: Sheet) -> tuple[str, ...]:
    return (
        gettext("Period: %(period)s", period=period_named(sheet.period)),
        gettext("Source: the district's own record, revision %(revision)s.", revision=sheet.revision),
    )


def _notes(sheet: Sheet) -> tuple[str, ...]:
    notes = [
        gettext("Plan of %(year)s", year=sheet.plan_year),
        gettext(
            "Compounds are counted where they belong at the end of the period; unknown values add nothing."
        ),
    ]
    if sheet.published_only and any(column.layer == "illegal_structures" for column in sheet.columns):
        notes.append(gettext("Illegal structures: published cases only."))
    return tuple(notes)
