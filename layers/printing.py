"""A sheet put into words: the value that page, workbook, CSV and PDF are all written from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from layers.figures import Rate
from layers.sheets import Column, Sheet, Value, is_number


@dataclass(frozen=True)
class Heading:
    """One column's heading: its number, text, time within it, unit, and how it is worked out."""

    number: int
    text: str
    part: str
    unit: str
    law: str


@dataclass(frozen=True)
class Printed:
    """A sheet in one language.

    ``names`` are those of ``sheet.every``; ``checks`` the laws as they are printed, each with
    whether it holds; ``word`` says a value that is no number.
    """

    sheet: Sheet
    title: str
    about: tuple[str, ...]
    first: str
    headings: tuple[Heading, ...]
    names: tuple[str, ...]
    checks: tuple[tuple[str, bool], ...]
    notes: tuple[str, ...]
    word: Callable[[Value], str]
    apart: str
    check: str

    @cached_property
    def decimals(self) -> dict[str, int]:
        """How many decimals each column is written with: none where all its values are whole."""
        return {column.code: self._decimals(column) for column in self.sheet.columns}

    def _decimals(self, column: Column) -> int:
        values = [line.cells[column.code].value for line in self.sheet.every]
        return 0 if all(float(value).is_integer() for value in values if is_number(value)) else 2

    def groups(self) -> Iterator[tuple[str, list[Heading]]]:
        """Yield the headings that stand beside each other under one text, with it."""
        for text, headings in groupby(self.headings, key=lambda heading: heading.text):
            yield text, list(headings)

    def said(self, column: Column, value: Value) -> str:
        """Return a value as it is printed in a column."""
        if is_number(value) and not column.told:
            return f"{value:,.{self.decimals[column.code]}f}"
        if column.told and value is None:
            return "—"
        if isinstance(value, Rate) and value.value is not None and column.unit != "%":
            return f"{100 * value.value:,.2f}"
        return self.word(value)


def number_of(value: Value) -> float | None:
    """Return the number a cell holds, that of a rate too; None where it holds none."""
    if isinstance(value, Rate):
        return value.value
    return value if is_number(value) else None
