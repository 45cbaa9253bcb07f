"""The course of a year's plan: how many stages should be finished by each day, and how many are (S-curve).

A stage should be finished by its own planned finish, else by the deadline its year's plan sets
for it; one with neither is in no plan and is counted apart.
"""

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from layers import tables
from layers.people import Person
from layers.reached import Site, record
from layers.stages import ORDER
from layers.store import Store


@dataclass(frozen=True)
class Course:
    """Finished stages of the compounds of a plan at the ends of months, as planned and as they are.

    ``actual`` ends on the day of the record; ``whole`` is the number of all stages of all compounds
    of the plan, ``undated`` how many of them no plan gives a day.
    """

    plan_year: int
    on: date
    days: tuple[date, ...]
    planned: tuple[int, ...]
    actual: tuple[int | None, ...]
    whole: int
    undated: int

    @property
    def today(self) -> tuple[int, int]:
        """How many stages should be finished on the day of the record, and how many are."""
        place = self.days.index(self.on)
        return self.planned[place], self.actual[place] or 0


def course(store: Store, person: Person, on: date) -> Course:
    """Return the course of the plan of the year a day lies in, as far as the person sees the compounds."""
    with store.still() as store:
        d = tables.plan_deadlines
        asked = select(d.c.stage, d.c.due_on).where(d.c.plan_year == on.year)
        deadlines = {row["stage"]: date.fromisoformat(row["due_on"]) for row in store.frame(asked)}
        sites = record(store, person, on, ("compounds",)).sites
    return course_of((site for site in sites if site.row.properties["plan_year"] == on.year), deadlines, on)


def course_of(sites: Iterable[Site], deadlines: Mapping[str, date], on: date) -> Course:
    """Return the course of the plan these compounds are in."""
    every = [site.stage(stage) for site in sites for stage in ORDER]
    planned = [row.planned_finish or deadlines.get(row.stage) for row in every]
    finished = [row.actual_finish for row in every]
    known = [day for day in planned if day is not None]
    days = _days(on, max([day for day in known if day.year <= on.year + 1], default=on))
    return Course(
        on.year,
        on,
        days,
        tuple(_by(known, day) for day in days),
        tuple(_by(finished, day) if day <= on else None for day in days),
        len(every),
        len(every) - len(known),
    )


def _by(reached: Iterable[date | None], day: date) -> int:
    return sum(one is not None and one <= day for one in reached)


def _days(on: date, last: date) -> tuple[date, ...]:
    """Return the ends of months from before the year of a day to the last day planned, and the day itself."""
    months = 12 if last.year == on.year else 12 + last.month
    ends = {date(on.year - 1, 12, 31), on}
    for month in range(months):
        year, number = on.year + month // 12, month % 12 + 1
        ends.add(date(year, number, calendar.monthrange(year, number)[1]))
    return tuple(sorted(ends))
