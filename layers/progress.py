"""The programme's timetable: year plans with their deadlines, targets, the reference date.

Stage moves, works, notices and supervision will come in here: rule, permission, write, history.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import delete, select

from geo.errors import FileError, FormatError
from layers import tables
from layers.people import Person, require
from layers.stages import ORDER
from layers.store import Store
from layers.values import YEARS
from layers.work import Work


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

    Raises FileError when it cannot be opened and FormatError, saying what, when it is not so.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(
            "%(file)s cannot be read: %(reason)s.", file=path.name, reason=error.strerror
        ) from error
    try:
        content = tomllib.loads(content.decode("utf-8-sig"))
        plans = tuple(_plan(int(year), plan) for year, plan in content.get("plan", {}).items())
        named = content.get("target")
        targets = None if named is None else tuple(Target(_day(t, "by"), _share(t)) for t in named)
        _refuse_twice([plan.plan_year for plan in plans] + [target.by for target in targets or ()])
    except (ValueError, TypeError, AttributeError) as error:
        raise FormatError("%(file)s is no timetable: %(reason)s.", file=path.name, reason=error) from error
    if not plans and not targets:
        raise FormatError("%(file)s is no timetable: it holds neither a plan nor a target.", file=path.name)
    return Timetable(plans, targets)


def _plan(year: int, plan: Mapping) -> Plan:
    if year not in YEARS:
        raise ValueError(f"{year} is no year such as 2022")
    deadlines = []
    for stage in plan:
        if stage == "due_on":
            continue
        if stage not in ORDER:
            raise ValueError(f"no stage is called {stage}")
        deadlines.append((stage, _day(plan, stage)))
    return Plan(year, _day(plan, "due_on"), tuple(deadlines))


def _day(values: Mapping, name: str) -> date:
    value = values.get(name)
    if type(value) is not date:
        raise ValueError(f"{name} is {_told(value)}, not a date such as 2022-11-30")
    return value


def _share(values: Mapping) -> float:
    value = values.get("share")
    if type(value) not in (int, float) or not 0 < value <= 1:
        raise ValueError(f"share is {_told(value)}, not a share between 0 and 1")
    return float(value)


def _told(value: object) -> str:
    return "missing" if value is None else repr(value)


def _refuse_twice(named: list[int | date]) -> None:
    for name in named:
        if named.count(name) > 1:
            raise ValueError(f"{name} stands there twice")


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
