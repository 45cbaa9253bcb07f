"""What hangs on the wall: the compounds of a plan with the dates of every stage, and the ground around.

Built from the same rows as map and tables (``layers.figures``), read in one state of the store.
On the wall stand the deadlines across and the tasks down (横标定时限、纵标定任务); the map beside
them shows the same compounds by the same numbers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import NamedTuple

import shapely
from sqlalchemy import select

from geo.errors import NotFoundError
from layers import figures, tables
from layers.facts import StageDates, stage_dates
from layers.figures import BY_COMPOUNDS, Rate, StageCount, Totals, stage_counts, totals
from layers.people import Person, visible
from layers.programme import YearPlan, plan_shown, year_plans
from layers.querying import Query
from layers.stages import ORDER
from layers.store import District, Row, Store

#: What a stage's cell of the task matrix says.
DONE, LATE, UNDER_WAY, TO_COME = "done", "late", "under_way", "to_come"
#: Whose changes change a sheet.
RESTS_ON = ("compounds", "street_offices", "illegal_structures", "facilities", "backdrop", "settings")


class Cell(NamedTuple):
    """A stage of a compound in the matrix: when it is to be finished, and how it stands."""

    stage: str
    mark: str
    planned: date | None
    actual: date | None


@dataclass(frozen=True)
class Task:
    """A compound on the wall: its row, its number on the sheet, its stages and its shape in degrees."""

    number: int
    row: Row
    cells: tuple[Cell, ...]
    shape: shapely.Geometry

    @property
    def name(self) -> str:
        """Its name, or its code where it has none."""
        return self.row.properties["name"] or self.row.code

    @property
    def office(self) -> str | None:
        """The code of the street office that answers for it (None: nobody)."""
        return self.row.properties["street_office_code"]

    @property
    def plan_year(self) -> int | None:
        """The year whose plan it is in."""
        return self.row.properties["plan_year"]


class Precinct(NamedTuple):
    """A street office: code, name, and its ground in degrees."""

    code: str
    name: str
    shape: shapely.Geometry


class Group(NamedTuple):
    """Tasks under one heading of the matrix: of a street office, or of a year's plan (None: none)."""

    key: str | int | None
    name: str
    tasks: tuple[Task, ...]
    totals: Totals


@dataclass(frozen=True)
class Wall:
    """Everything the sheets show as of a date, as far as a person sees it.

    ``tasks`` are all compounds: first those of ``plan``, by street office, numbered from 1; then
    the others in the same order. ``counts`` and ``planned`` say how many stand at each stage: of
    all, and of those in the plan.
    """

    district: District
    on: date
    revision: int
    plan: YearPlan | None
    precincts: tuple[Precinct, ...]
    tasks: tuple[Task, ...]
    all: Totals
    counts: tuple[StageCount, ...]
    planned: tuple[StageCount, ...]
    backdrop: tuple[tuple[str, shapely.Geometry], ...]

    @property
    def in_plan(self) -> tuple[Task, ...]:
        """The tasks of the plan, in the order of their numbers."""
        return tuple(t for t in self.tasks if self.plan and t.plan_year == self.plan.plan_year)


def wall(store: Store, person: Person, on: date) -> Wall:
    """Return what the sheets show as of a date, as far as the person sees it."""
    with store.still() as store:
        if store.district().bounds is None:
            raise NotFoundError("There is no street office yet: nothing can be drawn.")
        rows = list(store.rows(visible(person, "compounds"), Query(layer="compounds", on=on)))
        plan = plan_shown(year_plans(store, rows), on.year)
        rows.sort(key=lambda row: _order(row, plan))
        chosen = [row for row in rows if plan and row.properties["plan_year"] == plan.plan_year]
        return Wall(
            store.district(),
            on,
            store.revision("compounds", "street_offices", "facilities"),
            plan,
            _precincts(store, person, on),
            _tasks(store, rows, on),
            totals(rows),
            stage_counts(rows),
            stage_counts(chosen),
            _backdrop(store),
        )


def _backdrop(store: Store) -> tuple[tuple[str, shapely.Geometry], ...]:
    b = tables.backdrop.c
    with store.reading() as connection:
        found = connection.execute(select(b.kind, b.wkb).order_by(b.fid)).all()
    return tuple(zip((kind for kind, _ in found), _shapes(wkb for _, wkb in found), strict=True))


def _order(row: Row, plan: YearPlan | None) -> tuple:
    """Put the plan's compounds first, and in both parts each street office's together, nobody's last."""
    office = row.properties["street_office_code"]
    return (not plan or row.properties["plan_year"] != plan.plan_year, office is None, office, row.code)


def _shapes(found: Iterable[bytes]) -> Sequence[shapely.Geometry]:
    return shapely.from_wkb(list(found))


def _precincts(store: Store, person: Person, on: date) -> tuple[Precinct, ...]:
    found = list(store.rows(visible(person, "street_offices"), Query(layer="street_offices", on=on)))
    shapes = _shapes(row.wkb for row in found)
    return tuple(Precinct(row.code, row.properties["name"], s) for row, s in zip(found, shapes, strict=True))


def _tasks(store: Store, rows: Sequence[Row], on: date) -> tuple[Task, ...]:
    dates, shapes = stage_dates(store, rows, on), _shapes(row.wkb for row in rows)
    return tuple(
        Task(number, row, tuple(cell(dated, row) for dated in dates[row.code]), shape)
        for number, (row, shape) in enumerate(zip(rows, shapes, strict=True), 1)
    )


def cell(dated: StageDates, row: Row) -> Cell:
    """Return what the matrix says of one stage of a compound.

    Construction that must be finished (acceptance has begun), and acceptance that must be (the
    handover has), count as done here as they do in every rate.
    """
    implied = {"construction": row.standing["done"], "acceptance": row.standing["accepted"]}
    if dated.finished or implied.get(dated.stage):
        mark = DONE
    elif dated.late:
        mark = LATE
    else:
        mark = UNDER_WAY if dated.begun else TO_COME
    return Cell(dated.stage, mark, dated.planned_finish, dated.actual_finish if dated.finished else None)


def by_office(wall: Wall, tasks: Iterable[Task]) -> tuple[Group, ...]:
    """Return tasks, as they are in order, under the street offices that answer for them."""
    names = {precinct.code: precinct.name for precinct in wall.precincts}
    found = ((code, tuple(part)) for code, part in groupby(tasks, key=lambda task: task.office))
    return tuple(Group(code, names.get(code, ""), part, totals(t.row for t in part)) for code, part in found)


def by_year(tasks: Iterable[Task], year: int | None) -> tuple[Group, ...]:
    """Return tasks under the years of their plans: first ``year``, then the others backwards, then none."""
    parts: dict[int | None, list[Task]] = {}
    for task in tasks:
        parts.setdefault(task.plan_year, []).append(task)
    order = sorted(parts, key=lambda key: (key != year, key is None, -(key or 0)))
    return tuple(Group(key, "", tuple(parts[key]), totals(t.row for t in parts[key])) for key in order)


def finished(tasks: Sequence[Task]) -> dict[str, Rate]:
    """Return, stage by stage, how many of the tasks have finished it."""
    done = {stage: sum(t.cells[place].mark == DONE for t in tasks) for place, stage in enumerate(ORDER)}
    return {stage: Rate(count, len(tasks), BY_COMPOUNDS) for stage, count in done.items()}


def task(wall: Wall, code: str) -> Task:
    """Return the compound of a code; raise NotFoundError where there is none."""
    for one in wall.tasks:
        if one.row.code == code:
            return one
    raise NotFoundError("No compound has the code %(code)s.", code=code)


class Structures(NamedTuple):
    """The illegal structures inside a compound, as far as they are seen, with their places in degrees."""

    rows: tuple[Row, ...]
    shapes: tuple[shapely.Geometry, ...]
    cleared: Rate
    cleared_area: Rate


def structures(store: Store, person: Person, code: str, on: date) -> Structures:
    """Return the illegal structures that lie in a compound, in order of code."""
    asked = Query(layer="illegal_structures", on=on, compound=code)
    rows = tuple(store.rows(visible(person, "illegal_structures"), asked))
    states = figures.state_counts(store, person, asked)
    shapes = tuple(_shapes(row.wkb for row in rows))
    return Structures(rows, shapes, figures.cleared(states), figures.cleared_area(states))
