"""The task matrix of the wall: compounds down, the seven stages across, each with its planned finish.

横标定时限、纵标定任务: the deadlines stand above the columns, the tasks under their headings, and each
cell says by a sign, not only by colour, whether the stage is finished, late or under way.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from flask_babel import gettext

from layers import figures
from layers import wall as walls
from layers.stages import ORDER
from layers.wall import TO_COME, Cell, Group, Task, Wall
from webmap import palette, sheetdrawing, typeface, words
from webmap.sheetlayout import POINT_MM, Layout
from webmap.typesetting import Files


class Heading(NamedTuple):
    """What stands above a group of the matrix: its name, and what it sums up to."""

    name: str
    counted: str


def matrix(
    form: Layout, headings: Sequence[Heading], groups: Sequence[Group], wall: Wall, files: Files
) -> dict | None:
    """Return the matrix as the template sets it, or None where there is no task."""
    if not groups:
        return None
    widths, size = form.columns, form.letters
    year = wall.plan.plan_year if wall.plan else None
    return files.once(("matrix", form), lambda: _head(form, wall)) | {
        "groups": [
            heading._asdict() | {"rows": [_row(task, widths, size, year) for task in group.tasks]}
            for heading, group in zip(headings, groups, strict=True)
        ],
        "totals": _totals([task for group in groups for task in group.tasks]),
    }


def _head(form: Layout, wall: Wall) -> dict:
    """Return what of a matrix is the same on all pages of a form: measures, headings and marks."""
    widths, size = form.columns, form.letters
    heading = min(fitted_size(words.stage_label(stage), widths[4] * 0.9, size) for stage in ORDER)
    return {
        "box": form.matrix._asdict() if form.matrix else None,
        "widths": widths,
        "line": form.line,
        "size": size,
        "heads": [
            gettext("No."),
            words.field_label("compounds", "name"),
            f"{words.field_label('compounds', 'floor_area_m2')} ({gettext('m²')})",
            words.field_label("compounds", "households"),
        ],
        "stages": [
            {
                "label": words.stage_label(stage),
                "size": heading,
                "colour": palette.stage_colour(stage),
                "tint": sheetdrawing.pale(palette.stage_colour(stage), 0.4),
                "due": _deadline(wall, stage),
            }
            for stage in ORDER
        ],
        "title": gettext("Tasks by deadline: planned finish of each stage"),
        "marks": {"done": gettext("finished"), "late": gettext("late"), "under_way": gettext("under way")},
    }


def _deadline(wall: Wall, stage: str) -> str:
    """Return by when the plan wants a stage finished; construction by the plan's own day."""
    if not wall.plan:
        return ""
    known = dict(wall.plan.deadlines)
    if wall.plan.due_on:
        known.setdefault("construction", wall.plan.due_on)
    return f"≤ {short_day(known[stage], wall.plan.plan_year)}" if stage in known else ""


def short_day(day: date | None, year: int | None) -> str:
    """Return a day as the matrix writes it: month and day, with the year where it is another.

    >>> short_day(date(2022, 3, 31), 2022), short_day(date(2023, 8, 1), 2022), short_day(None, 2022)
    ('3/31', '23/8/1', '–')
    """
    if day is None:
        return "–"
    said = f"{day.month}/{day.day}"
    return said if day.year == year else f"{day.year % 100:02}/{said}"


def _row(task: Task, widths: Sequence[float], size: float, year: int | None) -> dict:
    known = task.row.properties
    name, name_size = fitted(typeface.printable(task.name), widths[1] * 0.93, size)
    # Days are told within the year of the compound's own plan, under whose heading it stands.
    return {
        "number": str(task.number),
        "late": task.row.standing["late"],
        "name": name,
        "name_size": name_size,
        "facts": [_number(known["floor_area_m2"]), _number(known["households"])],
        "cells": [_cell(cell, widths[4], size, task.plan_year or year) for cell in task.cells],
    }


def _cell(cell: Cell, room: float, size: float, year: int | None) -> dict:
    """Return a cell of the matrix: its sign, its day, and the size at which both fit."""
    day = short_day(cell.planned, year)
    sign = 0.0 if cell.mark == TO_COME else 1.06 * size * POINT_MM
    return {"mark": cell.mark, "day": day, "size": fitted_size(day, room * 0.94 - sign, size * 0.92)}


def _number(value: float | None) -> str:
    return "–" if value is None else words.number(value)


def fitted_size(text: str, room: float, size: float) -> float:
    """Return the size at which a text fits a room (millimetres), at most ``size`` (points)."""
    return round(min(size, room / max(typeface.bold_ems(text) * POINT_MM, 1e-9)), 2)


def fitted(text: str, room: float, size: float) -> tuple[str, float]:
    """Return a text and its size that fit a room: smaller down to two thirds, then cut with an ellipsis."""
    least = size * 0.66
    if fitted_size(text, room, size) >= least:
        return text, fitted_size(text, room, size)
    while text and typeface.bold_ems(f"{text}…") * least * POINT_MM > room:
        text = text[:-1]
    return f"{text}…", round(least, 2)


def _totals(tasks: Sequence[Task]) -> dict:
    """Return the last line of the matrix: sums, and how many have finished each stage."""
    sums = figures.totals(task.row for task in tasks)
    rates = walls.finished(tasks)
    return {
        "label": gettext("Total"),
        "number": words.number(sums.compounds),
        "facts": [_number(sums.floor_area_m2), _number(sums.households)],
        "rates": [f"{rates[stage].numerator:,}/{rates[stage].denominator:,}" for stage in ORDER],
    }
