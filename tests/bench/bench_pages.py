"""A page of 100 rows by box and attribute: the file beside PostGIS and beside the same SQL on bare sqlite3.

Every page is compared with the other store's, and with what shapely finds by looking at every row.
"""

import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import filling
import inputs
import numpy
import shapely
from sqlalchemy import select

from layers import driving, open_store
from layers.boxes import box_values, teach_intersects
from layers.people import OPERATOR, visible
from layers.querying import Query, select_rows
from layers.store import Row, Store
from layers.tables import FEATURES

DAY = date(2022, 6, 30)
PAGES = 60


class Case(NamedTuple):
    """A kind of question: rows of a layer in boxes of so many degrees, with a value of a field."""

    layer: str
    degrees: float
    field: str
    value: str | int

    def queries(self, store: Store) -> list[Query]:
        """Return questions around rows that are there."""
        f = FEATURES[self.layer].c
        with store.reading() as connection:
            corners = connection.execute(select(f.west, f.south).order_by(f.fid)).all()
        half, chance = self.degrees / 2, random.Random(5)
        around = (chance.choice(corners) for _ in range(PAGES))
        boxes = [(x - half, y - half, x + half, y + half) for x, y in around]
        asked = {"layer": self.layer, "on": DAY, "limit": 100, self.field: self.value}
        return [Query(**asked, box=box) for box in boxes]


CITY = (
    Case("illegal_structures", 0.02, "state", "ordered"),
    Case("illegal_structures", 0.04, "state", "ordered"),
    Case("facilities", 0.06, "kind", "school"),
    Case("compounds", 0.2, "plan_year", 2022),
    Case("compounds", 0.2, "stage", "design"),
)
DISTRICT = (
    Case("illegal_structures", 0.04, "state", "ordered"),
    Case("compounds", 0.1, "plan_year", 2022),
    Case("compounds", 0.1, "stage", "design"),
)
COUNTRY = (Case("compounds", 0.8, "plan_year", 2022), Case("compounds", 0.8, "stage", "design"))


def main() -> None:
    """Ask both stores for pages, at the size the command line names and of a nation with the city."""
    given = inputs.inputs()
    on = filling.server()
    if on is None:
        sys.exit("PostGIS is not installed: there is nothing to compare with")
    headings = ("layer, box, attribute", "rows", "of", "ms", "bare ms", "PostGIS ms", "/ bare", "≤ 1.5")
    rows = []
    try:
        for name, data, cases in _sizes(given):
            with tempfile.TemporaryDirectory() as folder:
                file = filling.filled_file(Path(folder), data, name)
                shared = filling.filled_database(on, data)
                rows += [(f"{name} {row[0]}", *row[1:]) for row in _compared(file, shared, cases)]
    finally:
        on.stop()
    title = f"Pages of at most 100 rows, {PAGES} of each kind, all warm: medians"
    inputs.table(title, (*headings, "PostGIS /", "≥ 3"), rows)


def _sizes(given: inputs.Inputs) -> list[tuple]:
    if given.size == "city":
        return [("city", given, CITY), ("nation", None, COUNTRY)]
    return [(given.size, given, DISTRICT)]


def _compared(file: str, shared: str, cases: tuple[Case, ...]) -> list[tuple]:
    path = file.removeprefix("sqlite:///")
    with (
        closing(open_store(file)) as store,
        closing(open_store(shared)) as other,
        closing(sqlite3.connect(path, isolation_level=None)) as bare,
    ):
        # What the store sets for itself, so that only the door is between the two.
        bare.execute("PRAGMA cache_size=-32768")
        teach_intersects(bare)
        return [_case(case, store, other, bare) for case in cases]


def _case(case: Case, store: Store, other: Store, bare: sqlite3.Connection) -> tuple:
    sight, times, found = visible(OPERATOR, case.layer), {}, []
    right = _brute_force(case, store)
    for number, query in enumerate(case.queries(store)):
        text, values = driving.translated(store.engine.dialect, *select_rows(sight, query))
        contenders = {
            "store": lambda query=query: list(store.rows(sight, query)),
            "bare": lambda text=text, values=values: bare.execute(text, values).fetchall(),
            "postgis": lambda query=query: list(other.rows(sight, query)),
        }
        answers = _timed(contenders, number, times)
        _refuse_wrong(answers, right(query))
        found.append((len(answers["store"]), store.count(sight, query)))
    ms = {name: median(taken) * 1000 for name, taken in times.items()}
    ours, theirs = ms["store"] / ms["bare"], ms["postgis"] / ms["store"]
    many = [int(median(column)) for column in zip(*found, strict=True)]
    what = f"{case.layer} {case.degrees}° {case.field}"
    met = ["yes" if goal else "NO" for goal in (ours <= 1.5, theirs >= 3)]
    return what, *many, ms["store"], ms["bare"], ms["postgis"], ours, met[0], theirs, met[1]


def _timed(contenders: dict[str, Callable], number: int, times: dict[str, list]) -> dict[str, list]:
    """Let each answer twice, another beginning each time, and note the second: all have seen the rows."""
    names, answers = list(contenders), {}
    first = number % len(names)
    for turn in range(2):
        for name in names[first:] + names[:first]:
            answers.pop(name, None)  # to throw the last answer away is no part of this one
            began = perf_counter()
            answers[name] = contenders[name]()
            if turn:
                times.setdefault(name, []).append(perf_counter() - began)
    return answers


def _brute_force(case: Case, store: Store) -> Callable[[Query], list[str]]:
    """Return what tells the codes of a page by looking at the shape of every row that has the value."""
    query = Query(layer=case.layer, on=DAY, **{case.field: case.value})
    rows = list(store.rows(visible(OPERATOR, case.layer), query))
    codes, shapes = numpy.array([row.code for row in rows]), shapely.from_wkb([row.wkb for row in rows])

    def right(query: Query) -> list[str]:
        box = shapely.from_wkb(box_values(query.box)["box"])
        return sorted(codes[shapely.intersects(shapes, box)].tolist())[: query.limit]

    return right


def _refuse_wrong(answers: dict[str, list], right: list[str]) -> None:
    ours: list[Row] = answers["store"]
    assert ours == answers["postgis"], "the two stores differ"
    assert [row.code for row in ours] == [row[0] for row in answers["bare"]], "the bare connection differs"
    assert [row.code for row in ours] == right, "looking at every row finds others"


if __name__ == "__main__":
    main()
