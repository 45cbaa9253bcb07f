"""Statistics sheets (统计表): columns, rows and cells that can be traced, and the checks that prove them.

A sheet is a value. Page, workbook, CSV and PDF are made of the same one, so that they cannot
disagree. A cell knows the codes of the rows it was counted from; a check is worked out from the
cells alone, so that a wrong count is found by whoever reads the sheet, in whatever form.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from geo.errors import CheckError, NotFoundError
from layers.figures import Rate
from layers.periods import Period
from layers.reached import Site, Structure

#: What a column counts when it does not sum up a field.
COUNT = ""
#: The code of the row that stands for the district in all.
TOTAL = ""
#: Sums of areas and money are exact to here.
DECIMALS = 6


class Absent(Enum):
    """What stands where nobody has reported a figure yet (未填报): neither nought nor unknown."""

    NOT_REPORTED = "not reported"


NOT_REPORTED = Absent.NOT_REPORTED
Item = Site | Structure
Value = int | float | str | Rate | Absent | None


@dataclass(frozen=True)
class Column:
    """One column: what it is called, its unit, and which rows it counts or what it sums up of them.

    ``text`` is the key of the heading, ``part`` that of the time within it. ``who`` chooses the
    rows of ``layer``; ``measure`` names the field that is summed up. ``rate`` names the columns
    that are divided, ``told`` tells something of a row that is no figure. A column with none
    of these waits to be reported. ``names``, Chinese and English, stand for the key where a data
    file names the column.
    """

    code: str
    text: str
    unit: str = "个"
    part: str = ""
    layer: str = "compounds"
    who: Callable[[Item, Period], bool] | None = None
    measure: str = COUNT
    reported: bool = False
    rate: tuple[str, str] | None = None
    basis: str = ""
    told: Callable[[Site], object] | None = None
    names: tuple[str, str] | None = None

    @property
    def counted(self) -> bool:
        """Whether it is made of rows that can be listed."""
        return self.who is not None


@dataclass(frozen=True)
class Sum:
    """The law that one column is the sum of others, in every row; ``live``: a workbook adds them up."""

    whole: str
    parts: tuple[str, ...]
    live: bool = False


@dataclass(frozen=True)
class Plan:
    """How a sheet is made: its name, what its rows stand for, its columns and their laws."""

    name: str
    rows: str
    columns: tuple[Column, ...]
    laws: tuple[Sum, ...] = ()

    @property
    def layers(self) -> frozenset[str]:
        """The layers whose rows the sheet counts."""
        return frozenset(column.layer for column in self.columns if column.counted)


@dataclass(frozen=True)
class Cell:
    """One value, and the codes of the rows it is made of (None: it is made of none)."""

    value: Value
    codes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Line:
    """One row: its code, its name and its cells by column."""

    code: str
    name: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Failure:
    """A cell that breaks a law: its row and column, what it says, and what it should say."""

    row: str
    column: str
    found: Value
    expected: Value


@dataclass(frozen=True)
class Check:
    """A law as it is printed: its kind (sum, rate, rows), its columns by number, and who breaks it."""

    kind: str
    whole: int
    parts: tuple[int, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def formula(self) -> str:
        """The law by the numbers of the columns: ``5 = 3 + 4``, ``8 = 5 ÷ 1``."""
        return f"{self.whole} = {(' ÷ ' if self.kind == 'rate' else ' + ').join(map(str, self.parts))}"


@dataclass(frozen=True)
class Trace:
    """The rows a cell is made of; ``counted`` are those above the line, where the cell is a rate."""

    column: Column
    line: Line
    cell: Cell
    layer: str
    measure: str
    codes: tuple[str, ...]
    counted: frozenset[str] | None


@dataclass(frozen=True)
class Sheet:
    """A sheet as of the end of a period: lines, and the total of all that the lines part among them."""

    plan: Plan
    period: Period
    lines: tuple[Line, ...]
    total: Line
    published_only: bool
    revision: int = field(default=0)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in order; they are numbered from 1."""
        return self.plan.columns

    @property
    def plan_year(self) -> int:
        """The year whose plan the sheet is about."""
        return self.period.end.year

    @cached_property
    def every(self) -> tuple[Line, ...]:
        """The lines, and the total."""
        return (*self.lines, self.total)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each column (栏次) by its code."""
        return {column.code: place for place, column in enumerate(self.columns, 1)}

    def column(self, code: str) -> Column:
        """Return a column; raise NotFoundError where there is none."""
        for column in self.columns:
            if column.code == code:
                return column
        raise NotFoundError("The sheet has no column %(column)s.", column=code)

    def line(self, code: str) -> Line:
        """Return a row; raise NotFoundError where there is none."""
        for line in self.every:
            if line.code == code:
                return line
        raise NotFoundError("The sheet has no row %(row)s.", row=code)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Every law of the sheet, worked out from its cells: sums, rates, then the total of the rows."""
        sums = [self._sum_check(law) for law in self.plan.laws]
        rates = [self._rate_check(column) for column in self.columns if column.rate]
        rows = [self._rows_check()] if any(column.counted for column in self.columns) else []
        return (*sums, *rates, *rows)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The cells that break a law."""
        return tuple(failure for check in self.checks for failure in check.failures)

    def _sum_check(self, law: Sum) -> Check:
        broken = []
        for line in self.every:
            found = line.cells[law.whole].value
            expected = _added(line.cells[part].value for part in law.parts)
            if not _same(found, expected):
                broken.append(Failure(line.code, law.whole, found, expected))
        return Check(
            "sum", self.numbers[law.whole], tuple(self.numbers[part] for part in law.parts), tuple(broken)
        )

    def _rate_check(self, column: Column) -> Check:
        over, under = column.rate
        broken = []
        for line in self.every:
            found = line.cells[column.code].value
            parts = [line.cells[name].value for name in (over, under)]
            if isinstance(found, Rate) and not _same_rate(found, *parts):
                expected = Rate(*(part if is_number(part) else 0 for part in parts), column.basis)
                broken.append(Failure(line.code, column.code, found, expected))
        numbers = self.numbers[over], self.numbers[under]
        return Check("rate", self.numbers[column.code], numbers, tuple(broken))

    def _rows_check(self) -> Check:
        broken = []
        for column in self.columns:
            if column.counted:
                found = self.total.cells[column.code].value
                expected = _added(line.cells[column.code].value for line in self.lines)
                if not _same(found, expected):
                    broken.append(Failure(TOTAL, column.code, found, expected))
        return Check("rows", 0, (), tuple(broken))

    def trace(self, column: str, row: str) -> Trace:
        """Return the rows that make a cell.

        Raises:
            NotFoundError: there is no such cell, or it is made of no rows.
        """
        told, line = self.column(column), self.line(row)
        cell = line.cells[column]
        if told.rate:
            over, under = (line.cells[name].codes for name in told.rate)
            below = self.column(told.rate[1])
            return Trace(told, line, cell, below.layer, below.measure, under or (), frozenset(over or ()))
        if cell.codes is None:
            raise NotFoundError("Nothing has been reported for this cell yet.")
        return Trace(told, line, cell, told.layer, told.measure, cell.codes, None)


def proven(sheet: Sheet) -> Sheet:
    """Return the sheet; raise CheckError, naming the first cell, where a law of it is broken."""
    for check in sheet.checks:
        for failure in check.failures:
            raise CheckError(
                "The sheet contradicts itself in column %(column)s, row %(row)s: it says %(found)s where "
                "%(expected)s is right. Nothing was written.",
                column=sheet.numbers[failure.column],
                row=failure.row or "∑",
                found=_said(failure.found),
                expected=_said(failure.expected),
            )
    return sheet


def is_number(value: object) -> bool:
    """Return whether a cell's value can be added."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _added(values: Iterable[Value]) -> float:
    return math.fsum(value for value in values if is_number(value))


def _same(found: Value, expected: float) -> bool:
    return math.isclose(found if is_number(found) else 0, expected, rel_tol=1e-12, abs_tol=10.0**-DECIMALS)


def _same_rate(found: Rate, over: Value, under: Value) -> bool:
    """A quotient is right when it divides what stands in the two columns."""
    if not (is_number(over) and is_number(under)):
        return False
    right = Rate(over, under, found.basis).value
    if (found.numerator, found.denominator) != (over, under):
        return False
    return found.value is right or math.isclose(found.value, right, rel_tol=1e-12)


def _said(value: Value) -> str:
    if isinstance(value, Rate):
        return f"{value.numerator:g} ÷ {value.denominator:g}"
    return f"{value:,.6f}".rstrip("0").rstrip(".") if is_number(value) else "—"
