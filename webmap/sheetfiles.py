"""Sheets as files: workbook, CSV and PDF of what is printed, under the tag by which they are known."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from flask import Response, request

from layers import spreadsheet
from layers.figures import Rate
from layers.periods import MONTHS, Period, period_ending
from layers.printing import Printed
from layers.sheets import Column, Line, is_number
from webmap import access, sheetwords, typesetting, words

USUAL_PERIOD = "quarter"
#: Whose changes change a sheet.
_RESTS_ON = ("compounds", "street_offices", "illegal_structures", "year_plans", "settings")
#: More columns than these need the larger paper.
_ON_A4 = 12


def _portable(printed: Printed) -> bytes:
    """Return the sheet as PDF."""
    files = {"sheet.json": typesetting.data(_told(printed))}
    return typesetting.typeset(typesetting.source("sheet.typ"), files, printed.sheet.period.end)


class Form(NamedTuple):
    """A form a sheet can be taken away in: its type, and what makes it."""

    mimetype: str
    write: Callable[[Printed], bytes]


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "xlsx": Form(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", spreadsheet.workbook
        ),
        "csv": Form("text/csv", spreadsheet.comma_separated),
        "pdf": Form("application/pdf", _portable),
    }
)


def asked_period() -> Period:
    """Return the period that is asked for (``?period=quarter&on=2022-06-30``), else the usual one."""
    return period_ending(request.args.get("period") or USUAL_PERIOD, access.reference_date())


def answer(printed: Printed, name: str, form: str, kind: str) -> Response:
    """Return a printed sheet as a file under its tag; ``kind`` names who may see it."""
    period = printed.sheet.period
    known = f"{access.tag(kind, *_RESTS_ON)}-{period.kind}-{words.language()}-{name}.{form}"
    response = Response(FORMS[form].write(printed), mimetype=FORMS[form].mimetype)
    filename = f"{name}-{period.kind}-{period.end.isoformat()}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return access.tagged(response, known)


def shared(period: Period) -> dict[str, object]:
    """Return what the pages about sheets have in common."""
    asked = {name: request.args[name] for name in ("period", "on") if request.args.get(name)}
    return {
        "on": period.end,
        "period": period,
        "period_named": sheetwords.period_named(period),
        "periods": sheetwords.PERIOD_TEXTS,
        "kinds": tuple(MONTHS),
        "asked": asked,
    }


def _told(printed: Printed) -> dict[str, object]:
    """Return a printed sheet as the data that ``sheet.typ`` sets."""
    made = printed.sheet

    def cell(column: Column, line: Line) -> dict[str, object]:
        value = line.cells[column.code].value
        return {"text": printed.said(column, value), "number": is_number(value) or isinstance(value, Rate)}

    return {
        "title": printed.title,
        "about": list(printed.about),
        "first": printed.first,
        "groups": [
            {"text": text, "span": len(headings), "parts": [h.part for h in headings]}
            for text, headings in printed.groups()
        ],
        "units": [heading.unit for heading in printed.headings],
        "rows": [
            {"name": name, "cells": [cell(column, line) for column in made.columns]}
            for name, line in zip(printed.names, made.every, strict=True)
        ],
        "checks": [{"text": text, "right": right} for text, right in printed.checks],
        "notes": list(printed.notes),
        "paper": "a4" if len(made.columns) <= _ON_A4 else "a3",
        "language": words.language(),
    }
