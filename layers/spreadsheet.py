"""A printed sheet as a workbook whose formulas are live, and as CSV that sheet programs open.

Neither knows a clock: the same sheet gives the same bytes. A text out of the record is written
as text, whatever it begins with.
"""

import csv
import io
from datetime import UTC, date, datetime, time

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from layers.printing import Heading, Printed, number_of
from layers.sheets import Column, Line, Sum
from layers.writing import plain_text

#: The first row of headings, and how many there are.
_HEAD, _HEADS = 3, 4
_RIGHT, _WRONG = "✓", "✗"
_EXACT = "0.000001"


def workbook(printed: Printed) -> bytes:
    """Return the sheet as XLSX: ends of periods, rates, totals and checks are formulas with their values."""
    stream = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(stream, {"in_memory": True, **options})
    made_on = datetime.combine(printed.sheet.period.end, time(), UTC).replace(tzinfo=None)
    book.set_properties({"title": printed.title, "created": made_on, "author": "", "comments": ""})
    _Writer(book, printed).write()
    book.close()
    return stream.getvalue()


class _Writer:
    """One worksheet while it is written; rows and columns count from 0."""

    def __init__(self, book: xlsxwriter.Workbook, printed: Printed) -> None:
        self.printed, self.sheet = printed, printed.sheet
        self.page = book.add_worksheet(plain_text(printed.title)[:31])
        self.top = _HEAD + _HEADS
        self.last = self.top + len(self.sheet.lines) - 1
        self.laws = self.sheet.plan.laws
        edge = {"border": 1, "border_color": "#b9b3a6", "font_name": "Microsoft YaHei", "font_size": 10}
        self.title = book.add_format({**edge, "border": 0, "bold": True, "font_size": 16})
        self.note = book.add_format({"font_size": 9, "font_color": "#55606b", "font_name": "Microsoft YaHei"})
        head = {**edge, "bg_color": "#efeadf", "align": "center", "valign": "vcenter", "text_wrap": True}
        self.head = book.add_format(head)
        self.text = book.add_format({**edge, "align": "right"})
        self.name = book.add_format(edge)
        sums = {"bold": True, "bg_color": "#f6f1e6"}
        self.numbers = {
            (kind, total): book.add_format({**edge, "num_format": code, **(sums if total else {})})
            for kind, code in ((0, "#,##0"), (2, "#,##0.00"), ("%", "0.00%"), ("day", "yyyy-mm-dd"))
            for total in (False, True)
        }
        self.sum_name = book.add_format({**edge, **sums})

    def write(self) -> None:
        self._headings()
        for place, (line, name) in enumerate(zip(self.sheet.every, self.printed.names, strict=True)):
            self._line(self.top + place, line, name)
        self._counted_apart(self.last + 2)
        self._notes(self.last + 5)
        self.page.set_column(0, 0, 22)
        self.page.set_column(1, len(self.sheet.columns), 12)
        self.page.freeze_panes(self.top, 1)
        self.page.set_landscape()
        self.page.set_paper(8 if len(self.sheet.columns) > 12 else 9)
        self.page.fit_to_pages(1, 0)
        self.page.repeat_rows(_HEAD, self.top - 1)

    def _headings(self) -> None:
        page, printed = self.page, self.printed
        page.write_string(0, 0, printed.title, self.title)
        for place, text in enumerate(printed.about[:2]):
            page.write_string(1 + place, 0, text, self.note)
        page.merge_range(_HEAD, 0, self.top - 2, 0, "", self.head)
        page.write_string(_HEAD, 0, printed.first, self.head)
        page.write_string(self.top - 1, 0, "", self.head)
        for heading in printed.headings:
            for row, text in enumerate((heading.text, heading.part, heading.unit)):
                page.write_string(_HEAD + row, heading.number, text, self.head)
            page.write_number(self.top - 1, heading.number, heading.number, self.head)
        for place, check in enumerate(self.sheet.checks[: len(self.laws)]):
            page.write_string(self.top - 1, self._check_column(place), check.formula, self.head)
        page.set_row(_HEAD, 42)

    def _check_column(self, place: int) -> int:
        return len(self.sheet.columns) + 2 + place

    def _line(self, row: int, line: Line, name: str) -> None:
        total = line is self.sheet.total
        self.page.write_string(row, 0, name, self.sum_name if total else self.name)
        for column in self.sheet.columns:
            self._cell(row, line, column, total)
        for place, law in enumerate(self.laws):
            parts = ",".join(self._at(row, part) for part in law.parts)
            formula = self._agrees(f"SUM({self._at(row, law.whole)})", f"SUM({parts})")
            right = not any(f.row == line.code for f in self.sheet.checks[place].failures)
            self._formula(row, self._check_column(place), formula, self.text, _RIGHT if right else _WRONG)

    def _cell(self, row: int, line: Line, column: Column, total: bool) -> None:
        place, value = self.sheet.numbers[column.code], line.cells[column.code].value
        number = number_of(value)
        kind = "%" if column.rate else self.printed.decimals[column.code]
        shape = self.numbers[kind, total]
        if isinstance(value, date):
            moment = datetime.combine(value, time())
            self.page.write_datetime(row, place, moment, self.numbers["day", total])
        elif column.rate and not isinstance(value, str) and hasattr(value, "basis"):
            over, under = (self._at(row, name) for name in column.rate)
            whole, shape = ("", shape) if column.unit == "%" else ("100*", self.numbers[2, total])
            formula = f'=IF(SUM({under})=0,"—",{whole}SUM({over})/SUM({under}))'
            scaled = "—" if number is None else number * (100 if whole else 1)
            self._formula(row, place, formula, shape, scaled)
        elif number is None or column.told:
            self.page.write_string(row, place, self.printed.said(column, value), self.text)
        elif total and column.counted:
            rows = f"{self._at(self.top, column.code)}:{self._at(self.last, column.code)}"
            self._formula(row, place, f"=SUM({rows})" if self.sheet.lines else "=0", shape, number)
        elif (flow := self._flow(column)) is not None:
            parts = ",".join(self._at(row, part) for part in flow.parts)
            self._formula(row, place, f"=SUM({parts})", shape, number)
        else:
            self.page.write_number(row, place, number, shape)

    def _flow(self, column: Column) -> Sum | None:
        """Return the law by which a column is worked out: the end of a period, a sum of points."""
        return next((law for law in self.laws if law.live and law.whole == column.code), None)

    def _counted_apart(self, row: int) -> None:
        """Write the district as it was counted on its own, and whether the sum of the rows is that."""
        if not any(column.counted for column in self.sheet.columns):
            return
        self.page.write_string(row, 0, self.printed.apart, self.name)
        self.page.write_string(row + 1, 0, self.printed.check, self.name)
        wrong = {f.column for f in self.sheet.checks[-1].failures}
        for column in self.sheet.columns:
            number = number_of(self.sheet.total.cells[column.code].value)
            if number is None or not column.counted:
                continue
            place = self.sheet.numbers[column.code]
            shape = self.numbers[self.printed.decimals[column.code], False]
            self.page.write_number(row, place, number, shape)
            above, own = xl_rowcol_to_cell(row - 1, place), xl_rowcol_to_cell(row, place)
            said = _WRONG if column.code in wrong else _RIGHT
            self._formula(row + 1, place, self._agrees(above, own), self.text, said)

    def _notes(self, row: int) -> None:
        laws = [f"{_RIGHT if right else _WRONG} {text}" for text, right in self.printed.checks]
        for place, text in enumerate((*self.printed.about[2:], *self.printed.notes, *laws)):
            self.page.write_string(row + place, 0, text, self.note)

    def _at(self, row: int, column: str) -> str:
        return xl_rowcol_to_cell(row, self.sheet.numbers[column])

    def _agrees(self, one: str, other: str) -> str:
        return f'=IF(ABS({one}-{other})<{_EXACT},"{_RIGHT}","{_WRONG}")'

    def _formula(self, row: int, column: int, formula: str, shape: object, value: object) -> None:
        self.page.write_formula(row, column, formula, shape, value)


def comma_separated(printed: Printed) -> bytes:
    """Return the sheet as CSV in UTF-8 with the mark by which sheet programs know it.

    One line of headings, a line a row, the total; after an empty line what is to be known of it.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    headings = [_one_line(heading) for heading in printed.headings]
    writer.writerow(["", printed.first, *headings])
    for line, name in zip(printed.sheet.every, printed.names, strict=True):
        cells = [_plain(printed, column, line.cells[column.code].value) for column in printed.sheet.columns]
        writer.writerow([plain_text(line.code), plain_text(name), *cells])
    writer.writerow([])
    laws = [f"{_RIGHT if right else _WRONG} {text}" for text, right in printed.checks]
    for text in (printed.title, *printed.about, *printed.notes, *laws):
        writer.writerow([plain_text(text)])
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def _one_line(heading: Heading) -> str:
    unit = f"({heading.unit})" if heading.unit else ""
    return " ".join(filter(None, (heading.text, heading.part, unit)))


def _plain(printed: Printed, column: Column, value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    number = number_of(value)
    if number is None or column.told:
        return plain_text(printed.said(column, value))
    return round(number * (1 if column.unit == "%" else 100), 6) if column.rate else number
