"""Sheets taken away: every formula of the workbook is worked out here, and equals its value."""

import csv
import io
import re
import zipfile
from datetime import date, datetime

import openpyxl
import pytest
from desk import Desk, feature, square
from flask_babel import force_locale
from openpyxl.utils import range_boundaries
from small_district import SUMMER, WINTER, fill

from layers import open_store, spreadsheet, tabulating
from layers.contents import PLANS
from layers.figures import Rate
from layers.people import OPERATOR
from layers.periods import period_ending
from layers.sheets import is_number
from layers.writing import plain_text
from webmap import sheetwords

#: Names a sheet program would take for formulas.
FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    '=HYPERLINK("http://example.invalid")',
    '=cmd|" /C calc"!A0',
)


@pytest.fixture(scope="module")
def district(tmp_path_factory):
    """The small district, with compounds of the year's plan whose names would be formulas."""
    folder = tmp_path_factory.mktemp("small")
    store = open_store(f"sqlite:///{folder / 'district.db'}")
    desk = Desk(store, folder)
    fill(desk)
    west = [117.001 + place / 1000 for place in range(len(FORMULAS))]
    named = [
        feature(square(x, 36.601, x + 0.0005, 36.602), code=f"={n}", name=name, plan_year=2022)
        for n, (x, name) in enumerate(zip(west, FORMULAS, strict=True))
    ]
    desk.load("compounds", named)
    yield store
    store.close()


@pytest.fixture
def printed(district, make_app):
    """Print a sheet of the small district."""
    app = make_app(district)

    def make(name, on=SUMMER, language="zh"):
        sheet = tabulating.sheet(district, OPERATOR, name, period_ending("quarter", on))
        with app.test_request_context(), force_locale(language):
            # Said while the language is known: the words are looked up when the file is written.
            value = sheetwords.printed(sheet, district.district())
            return value, spreadsheet.workbook(value), spreadsheet.comma_separated(value)

    return make


def opened(workbook, values):
    return openpyxl.load_workbook(io.BytesIO(workbook), data_only=values).worksheets[0]


class Calculator:
    """Works out the few functions our formulas use, over the cells of a worksheet."""

    def __init__(self, page):
        self.page = page

    def value(self, address):
        """Return what a cell comes to; a formula in it is worked out first."""
        known = self.page[address].value
        return self.result(known[1:]) if isinstance(known, str) and known.startswith("=") else known

    def cells(self, reference):
        left, top, right, bottom = range_boundaries(reference)
        return [
            self.value(self.page.cell(row, column).coordinate)
            for row in range(top, bottom + 1)
            for column in range(left, right + 1)
        ]

    def result(self, formula):
        """Return what a formula comes to: SUM leaves texts out, as sheet programs do."""
        text = re.sub(r"SUM\(([^()]*)\)", lambda found: f"({self.total(found[1])!r})", formula)
        if found := re.fullmatch(r'IF\((.+?)([=<])([\d.]+),"(.)",(.+)\)', text):
            compared = self.plain(found[1])
            true = compared == float(found[3]) if found[2] == "=" else compared < float(found[3])
            return found[4] if true else self.plain(found[5])
        return self.plain(text)

    def total(self, references):
        every = [value for reference in references.split(",") for value in self.cells(reference)]
        return float(sum(value for value in every if isinstance(value, int | float)))

    def plain(self, text):
        """Return a number, a text in quotes, or a sum or quotient of numbers and cells."""
        if text.startswith('"'):
            return text.strip('"')
        known = re.sub(r"\b[A-Z]+\d+\b", lambda found: repr(self.value(found[0]) or 0), text)
        assert re.fullmatch(r"(ABS)?[-\d.e()/+ ]+", known), text
        return eval(known, {"ABS": abs, "__builtins__": {}})


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("on", [SUMMER, WINTER])
def test_every_formula_comes_to_its_value(printed, name, on):
    told, workbook, _ = printed(name, on)
    live, written = opened(workbook, values=False), opened(workbook, values=True)
    formulas = [c.coordinate for row in live.iter_rows() for c in row if c.data_type == "f"]
    # The totals, at least, and their checks.
    assert len(formulas) >= 2 * sum(c.counted for c in told.sheet.columns if told.sheet.lines) - 4
    calculator = Calculator(live)
    for address in formulas:
        assert calculator.value(address) == pytest.approx(written[address].value), address
    checks = [written[a].value for a in formulas if written[a].value in ("✓", "✗")]
    assert checks and set(checks) == {"✓"}


def test_the_cells_are_those_of_the_sheet(printed):
    told, workbook, _ = printed("progress")
    page, first = opened(workbook, values=True), 8
    for place, line in enumerate(told.sheet.every):
        assert page.cell(first + place, 1).value == told.names[place]
        for column in told.sheet.columns:
            value, found = (
                line.cells[column.code].value,
                page.cell(first + place, told.sheet.numbers[column.code] + 1).value,
            )
            if is_number(value):
                assert found == value
            elif isinstance(value, Rate):
                assert found == ("—" if value.value is None else pytest.approx(value.value))
            else:
                assert found == "未填报"
    assert [page.cell(7, n).value for n in (2, 3, 4)] == [1, 2, 3]


def test_no_name_is_taken_for_a_formula(printed):
    told, workbook, text = printed("compounds")
    live = opened(workbook, values=False)
    names = {row[0].value: row[0].data_type for row in live.iter_rows(min_row=8)}
    assert {names[name] for name in FORMULAS} == {"s"}
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    assert {f"'{name}" for name in FORMULAS} <= {row[1] for row in rows if len(row) > 1}
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t"))] == []
    assert {row[0] for row in rows if len(row) > 1} >= {"'=0", "K03"}
    assert (plain_text("-"), plain_text("\t=1")) == ("'-", "'\t=1")
    # Within a cell's text nothing is changed; the mark is not part of what the workbook holds.
    assert "'=1+1" not in names


def test_the_bytes_repeat_and_know_no_clock(printed):
    for name in PLANS:
        assert printed(name)[1:] == printed(name)[1:]
    workbook = printed("progress")[1]
    told = openpyxl.load_workbook(io.BytesIO(workbook)).properties
    assert (told.created, told.modified) == (datetime(2022, 6, 30),) * 2
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_date_is_a_date_and_a_stage_a_word(printed):
    told, workbook, text = printed("compounds")
    page = opened(workbook, values=True)
    row = next(r for r in page.iter_rows(min_row=8) if r[0].value == "K03")
    numbers = told.sheet.numbers
    assert row[numbers["begun_on"]].value == datetime(2022, 5, 10)
    assert row[numbers["stage"]].value == "施工"
    line = next(r for r in csv.reader(io.StringIO(text.decode("utf-8-sig"))) if r[:1] == ["K03"])
    assert line[1 + numbers["begun_on"]] == "2022-05-10"
    assert line[1 + numbers["built"]] == "1995"


def test_csv_opens_in_sheet_programs(printed):
    told, _, text = printed("progress", language="en")
    assert text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    assert rows[0][:4] == ["", "Street office", "Compounds planned", "Households planned"]
    assert rows[0][4] == "Works begun before the period"
    total = next(row for row in rows if row[:2] == ["", "Total"])
    assert total[2 : 2 + 5] == ["11", "690", "0", "1", "1"]
    assert [row for row in rows if row and row[0] == "Period: quarter from 1 Apr 2022 to 30 Jun 2022"]
    assert date.fromisoformat("2022-06-30") == told.sheet.period.end
