"""The programme's timetable: year plans with their deadlines, targets, the reference date.

Stage moves, works, notices and supervision will come in here: rule, permission, write, history.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import delete, select

from geo.errors import RulesError
from layers import tables, tomlfiles
from layers.people import Person, require
from layers.stages import ORDER
from layers.store import Store
from layers.tomlfiles import Part
from layers.values import YEARS
from layers.work import Work

_EXAMPLE = "data/seed/timetable.toml"


@dataclass(frozen=True)
class Plan:
    """One year's plan: when all of it is due, and the deadlines of single stages."""

    plan_year: int
    due_on: date
    deadlines: tuple[tuple[str, date], ...] = ()


@dataclass(frozen=True)
class Target:
    """The share of the pre-2000 compounds that must be done by a day."""

    by: date
    share: float


@dataclass(frozen=True)
class Timetable:
    """Year plans, and the targets of the district; targets None says nothing of them."""

    plans: tuple[Plan, ...]
    targets: tuple[Target, ...] | None = None


def read_timetable(path: Path) -> Timetable:
    """Return the plans and targets of a TOML file; see data/seed/timetable.toml for its form.

    Raises RulesError when it cannot be opened and, saying where and what, when it is not so.
    """
    top = tomlfiles.read(path, _EXAMPLE)
    top.only("plan", "target")
    plans = tuple(_plan(top.part("plan"), year) for year in top.part("plan").values)
    parts = top.parts("target")
    targets = tuple(Target(t.day("by"), float(t.number("share", 0, 1, above=True))) for t in parts)
    tomlfiles.refuse_twice([target.by for target in targets], "by", parts)
    if not plans and not targets:
        raise RulesError("%(file)s is no timetable: it holds neither a plan nor a target.", file=path.name)
    return Timetable(plans, targets if "target" in top else None)


def _plan(plans: Part, year: str) -> Plan:
    if not (year.isascii() and year.isdigit() and len(year) == 4 and int(year) in YEARS):
        raise RulesError("%(file)s, line %(line)s: %(key)s is no year such as 2022.", **plans.at(year))
    part = plans.part(year)
    part.only("due_on", *ORDER)
    deadlines = tuple((stage, part.day(stage)) for stage in part.values if stage != "due_on")
    return Plan(int(year), part.day("due_on"), deadlines)


def set_timetable(store: Store, person: Person, timetable: Timetable) -> bool:
    """Replace the plans of the years named, and all targets where the timetable has any.

    Returns whether anything changed.
    """
    require(person, "plan")
    with store.writing(person) as work:
        return write_timetable(work, timetable)


def write_timetable(work: Work, timetable: Timetable) -> bool:
    """Do ``set_timetable`` inside a transaction that is already open."""
    years = [plan.plan_year for plan in timetable.plans]
    before = _written(work, years)
    y, d, t = tables.year_plans, tables.plan_deadlines, tables.targets
    after = {
        "plans": [{"plan_year": p.plan_year, "due_on": p.due_on.isoformat()} for p in timetable.plans],
        "deadlines": [
            {"plan_year": p.plan_year, "stage": stage, "due_on": day.isoformat()}
            for p in timetable.plans
            for stage, day in p.deadlines
        ],
        "targets": before["targets"]
        if timetable.targets is None
        else [{"by": x.by.isoformat(), "share": x.share} for x in timetable.targets],
    }
    after = {name: sorted(rows, key=lambda r: tuple(r.values())) for name, rows in after.items()}
    if after == before:
        return False
    work.connection.execute(delete(d).where(d.c.plan_year.in_(years)))
    work.connection.execute(delete(y).where(y.c.plan_year.in_(years)))
    work.connection.execute(delete(t))
    for written, name in ((y, "plans"), (d, "deadlines"), (t, "targets")):
        work.insert(written, after[name])
    work.log("plan", "year_plans", before=before, after=after)
    work.bump("year_plans", "compounds")
    return True


def _written(work: Work, years: list[int]) -> dict[str, list[dict]]:
    y, d, t = tables.year_plans, tables.plan_deadlines, tables.targets
    asked = {
        "plans": select(y).where(y.c.plan_year.in_(years)),
        "deadlines": select(d).where(d.c.plan_year.in_(years)),
        "targets": select(t),
    }
    found = {n: [dict(r) for r in work.connection.execute(s).mappings()] for n, s in asked.items()}
    return {name: sorted(rows, key=lambda r: tuple(r.values())) for name, rows in found.items()}


def describe(
    store: Store,
    person: Person,
    *,
    name_zh: str | None = None,
    name_en: str | None = None,
    reference_date: date | None = None,
    approval: str | None = None,
    mark: str | None = None,
) -> None:
    """Set the district's names, reference date and what the map's foot tells; what is None stays as it is."""
    require(person, "describe")
    day = None if reference_date is None else reference_date.isoformat()
    with store.writing(person) as work:
        told = {
            "name_zh": name_zh,
            "name_en": name_en,
            "reference_date": day,
            "approval": approval,
            "mark": mark,
        }
        for key, value in told.items():
            if value is not None:
                work.set(key, value)


def accept_clock(store: Store, person: Person) -> bool:
    """Go on by this machine's clock, which is right, though the history's last entry is later.

    The way on after an entry was written while a clock was far ahead; it is in the history itself.
    Returns whether the last entry was later.
    """
    require(person, "describe")
    with store.writing(person) as work:
        return work.accept_clock()
