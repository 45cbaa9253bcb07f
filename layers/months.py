"""Where many compounds stand on many days at once, as arrays: ``stages`` says the same of the rows of one.

From the days themselves: when stages began and were finished, were to be, and must be by the
year's plan. A test holds them together with what the store says of each single day.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import select

from layers import tables
from layers.people import Person, visible
from layers.querying import Query
from layers.stages import ORDER, STAGES
from layers.store import Store
from layers.validity import past_day

#: So many months are told at most before and after the day of the record: a slip of the pen
#: (a stage that began in 1022) must not make a track of a thousand years.
MOST_BEFORE, MOST_AFTER = 120, 36
_DAY = "datetime64[D]"
_NEVER = np.datetime64("9999-12-31", "D")
_ACCEPTANCE = ORDER.index("acceptance")
_CONSTRUCTION = ORDER.index("construction")


@dataclass(frozen=True)
class Days:
    """The days of compounds, in order of their codes; NaT is unknown or not yet.

    ``planned_finish``, ``actual_start``, ``actual_finish``, ``reported`` and ``deadlines`` (what the
    plan of its year sets for a stage) have a row a compound and a column a stage of ORDER; ``due``
    is when the whole plan of its year must be done.
    """

    codes: tuple[str, ...]
    plan_years: tuple[int | None, ...]
    planned_start: np.ndarray
    planned_finish: np.ndarray
    actual_start: np.ndarray
    actual_finish: np.ndarray
    reported: np.ndarray
    deadlines: np.ndarray
    due: np.ndarray

    @property
    def dated(self) -> np.ndarray:
        """Whether anything says by when: without it nothing can be late."""
        planned = ~np.isnat(self.planned_finish) | ~np.isnat(self.deadlines)
        return planned.any(axis=1) | ~np.isnat(self.due)


class Stood(NamedTuple):
    """Where compounds stood on a day: place of the stage in STAGES, its flags, days late (0: not)."""

    stage: np.ndarray
    finished: np.ndarray
    late_days: np.ndarray


def days_of(store: Store, person: Person, query: Query) -> Days:
    """Return the days of the compounds a query asks for, as far as the person sees them."""
    with store.still() as store:
        rows = store.rows(visible(person, "compounds"), query, shapes=False)
        known = {row.code: row.properties["plan_year"] for row in rows}
        stages, due, deadlines = _written(store)
    place = {code: i for i, code in enumerate(known)}
    found = {name: np.full((len(known), len(ORDER)), "NaT", _DAY) for name in _NAMES}
    reported = np.zeros((len(known), len(ORDER)), bool)
    mine = [row for row in stages if row[0] in place]
    at = ([place[row[0]] for row in mine], [row[1] - 1 for row in mine])
    for column, name in enumerate(_NAMES, 3):
        found[name][at] = np.array([row[column] for row in mine], _DAY)
    reported[at] = [bool(row[2]) for row in mine]
    by_plan = np.array([[deadlines.get((y, s)) for s in ORDER] for y in known.values()], _DAY)
    whole = np.array([due.get(year) for year in known.values()], _DAY)
    shape = (len(known), len(ORDER))
    return Days(
        tuple(known),
        tuple(known.values()),
        **found,
        reported=reported,
        deadlines=by_plan.reshape(shape),
        due=whole,
    )


_NAMES = ("planned_start", "planned_finish", "actual_start", "actual_finish")


def _written(store: Store) -> tuple[list[tuple], dict[int, str], dict[tuple[int, str], str]]:
    h, y, d = tables.stage_history.c, tables.year_plans.c, tables.plan_deadlines.c
    with store.reading() as connection:
        asked = select(h.code, h.position, h.reported, *(h[name] for name in _NAMES))
        stages = [tuple(row) for row in connection.execute(asked)]
        due = {row.plan_year: row.due_on for row in connection.execute(select(y.plan_year, y.due_on))}
        set_by = connection.execute(select(d.plan_year, d.stage, d.due_on))
        return stages, due, {(row.plan_year, row.stage): row.due_on for row in set_by}


def stood(days: Days, on: date) -> Stood:
    """Return where compounds stood on a day.

    Days late are counted from the first day that has passed and was not kept: the planned finish of
    a stage, a deadline of the year's plan, or the end of the plan.
    """
    day = np.datetime64(on, "D")
    over = days.actual_finish <= day
    begun = (days.actual_start <= day) | over | days.reported
    position = np.where(begun, np.arange(1, len(ORDER) + 1), 0).max(axis=1, initial=0)
    finished = (position > 0) & over[np.arange(len(position)), position - 1]
    done = over[:, _CONSTRUCTION] | (position > _ACCEPTANCE)
    accepted = over[:, _ACCEPTANCE] | (position > _ACCEPTANCE + 1)
    behind = np.zeros(over.shape, bool)
    behind[:, :_ACCEPTANCE] = done[:, None]
    behind[:, _ACCEPTANCE] = accepted
    overdue = (days.planned_finish < day) & ~over & ~behind
    ahead = np.arange(1, len(ORDER) + 1) >= position[:, None]
    missed = (days.deadlines < day) & ~over & ahead
    first = np.minimum(
        np.where(overdue, days.planned_finish, _NEVER).min(axis=1, initial=_NEVER),
        np.where(missed, days.deadlines, _NEVER).min(axis=1, initial=_NEVER),
    )
    first = np.minimum(first, np.where((days.due < day) & ~done, days.due, _NEVER))
    late = np.where(first < day, (day - first).astype(int), 0)
    return Stood(position.astype(np.int8), finished, late)


class PlanMark(NamedTuple):
    """When a year's plan begins (its first planned start, None: unknown) and must be done."""

    plan_year: int
    start: date | None
    due_on: date | None


@dataclass(frozen=True)
class Months:
    """What the record says at the end of each month: how many compounds stood at each stage, and late.

    ``ends`` are the last days of the months, but for the month of ``today`` (the record's own day),
    which is told as of that day. ``counts`` has a row a month and a column a stage of STAGES.
    ``settled`` says that who answers for what is the same on all of these days.
    """

    today: date
    ends: tuple[date, ...]
    counts: tuple[tuple[int, ...], ...]
    late: tuple[int, ...]
    plans: tuple[PlanMark, ...]
    settled: bool


def months(store: Store, days: Days, today: date) -> Months:
    """Return the months of the compounds of ``days``, from their first day to the end of their plans."""
    plans = _marks(store, days)
    ends = month_ends(_first(days, today), _last(plans, today), today)
    at = [stood(days, end) for end in ends]
    counts = tuple(tuple(np.bincount(s.stage, minlength=len(STAGES)).tolist()) for s in at)
    late = tuple(int((s.late_days > 0).sum()) for s in at)
    with store.reading() as connection:
        settled = past_day(connection, ends[0]) is None
    return Months(today, ends, counts, late, plans, settled)


def _first(days: Days, today: date) -> date:
    known = [column[~np.isnat(column)] for column in (days.actual_start, days.actual_finish)]
    first = min((column.min().astype(date) for column in known if column.size), default=today)
    return max(first, _months_on(today, -MOST_BEFORE))


def _last(plans: Iterable[PlanMark], today: date) -> date:
    last = max((plan.due_on for plan in plans if plan.due_on), default=today)
    return min(max(last, today), _months_on(today, MOST_AFTER))


def _marks(store: Store, days: Days) -> tuple[PlanMark, ...]:
    y = tables.year_plans.c
    due = {row["plan_year"]: date.fromisoformat(row["due_on"]) for row in store.frame(select(y))}
    years = np.array([year or 0 for year in days.plan_years], int)
    found = []
    for year in sorted({*years.tolist()} - {0}):
        starts = days.planned_start[years == year]
        starts = starts[~np.isnat(starts)]
        found.append(PlanMark(year, starts.min().astype(date) if starts.size else None, due.get(year)))
    return tuple(found)


def month_ends(first: date, last: date, today: date) -> tuple[date, ...]:
    """Return the last days of the months from that of ``first`` to that of ``last``.

    >>> [day.isoformat() for day in month_ends(date(2022, 1, 5), date(2022, 3, 31), date(2022, 3, 10))]
    ['2022-01-31', '2022-02-28', '2022-03-10']
    """
    found, month = [], first.replace(day=1)
    while month <= last:
        end = _months_on(month, 1) - timedelta(days=1)
        found.append(today if (today.year, today.month) == (end.year, end.month) else end)
        month = _months_on(month, 1)
    return tuple(found)


def _months_on(day: date, months: int) -> date:
    """Return the first of the month so many months after that of a day."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
