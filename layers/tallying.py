"""The cells of a statistics sheet, each counted from rows whose codes it keeps."""

import math
from collections.abc import Iterable

from layers.figures import Rate
from layers.periods import Period
from layers.reached import Record, Site
from layers.sheets import (
    COUNT,
    DECIMALS,
    NOT_REPORTED,
    TOTAL,
    Cell,
    Column,
    Item,
    Line,
    Plan,
    Value,
    is_number,
)


def lines_of(
    plan: Plan, named: Iterable[tuple[str, str, tuple[Item, ...]]], every: tuple[Item, ...], period: Period
) -> tuple[tuple[Line, ...], Line]:
    """Return the lines of (code, name, items), and the total of every item."""
    one = plan.rows == "compounds"
    lines = tuple(Line(code, name, _cells(plan, items, period, one)) for code, name, items in named)
    return lines, Line(TOTAL, "", _cells(plan, every, period, False))


def layer_of(item: Item) -> str:
    """Return the layer an item is a row of."""
    return "compounds" if isinstance(item, Site) else "illegal_structures"


def of_record(record: Record) -> tuple[Item, ...]:
    """Return all that a record holds: its compounds, then its structures."""
    return (*record.sites, *record.structures)


def _cells(plan: Plan, items: tuple[Item, ...], period: Period, one: bool) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    known: dict[str, set[str]] = {}
    for column in plan.columns:
        if column.rate:
            over, under = column.rate
            cells[column.code] = Cell(_rate(column, cells[over].value, cells[under].value))
            if _measures_differ(plan, column) and known[over] != known[under]:
                cells[column.code] = Cell(None)
        elif column.told:
            cells[column.code] = Cell(column.told(items[0]) if one else "")
        elif column.who is None:
            cells[column.code] = Cell(NOT_REPORTED)
        else:
            chosen = [i for i in items if layer_of(i) == column.layer and column.who(i, period)]
            cells[column.code] = Cell(_measured(column, chosen), tuple(item.row.code for item in chosen))
            known[column.code] = {i.row.code for i in chosen if _knows(i, column)}
    return cells


def _knows(item: Item, column: Column) -> bool:
    return column.measure == COUNT or item.row.properties[column.measure] is not None


def _measures_differ(plan: Plan, rate: Column) -> bool:
    """Whether two fields are divided: both must be known of the same rows, else the rate is not known."""
    return len({column.measure for column in plan.columns if column.code in rate.rate}) > 1


def _measured(column: Column, chosen: list[Item]) -> Value:
    if column.measure == COUNT:
        return len(chosen)
    values = [item.row.properties[column.measure] for item in chosen]
    known = [value for value in values if value is not None]
    if chosen and not known:
        return NOT_REPORTED if column.reported else None
    return sum(known) if all(isinstance(v, int) for v in known) else round(math.fsum(known), DECIMALS)


def _rate(column: Column, over: Value, under: Value) -> Value:
    for value in (over, under):
        if not is_number(value):
            return value
    return Rate(over, under, column.basis)
