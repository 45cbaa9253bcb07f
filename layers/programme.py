"""The programme by street office: sites by street office, the year's plan, the targets.

Built from the same rows as the map (``layers.figures``), so that both say the same.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from layers import figures, tables
from layers.figures import BY_COMPOUNDS, Office, Rate, Totals, pre_programme, totals
from layers.lookup import Share, compound_shares, outside_shares
from layers.people import Person, visible
from layers.querying import NONE, Query
from layers.stages import STAGES
from layers.store import Row, Store

NO_OFFICE = Office(NONE, "")


@dataclass(frozen=True)
class StreetRow:
    """One street office's line; the total's code is "" and its name is empty."""

    code: str
    name: str
    totals: Totals
    stages: dict[str, Totals]
    finished: int
    late: int
    planned: Totals
    done: Totals
    accepted: Totals
    pre2000: int
    pre2000_done: int
    border: int


@dataclass(frozen=True)
class YearPlan:
    """One year's plan: what is in it, when it is due, how much of it is done, accepted, late."""

    plan_year: int
    due_on: date | None
    deadlines: tuple[tuple[str, date], ...]
    planned: Totals
    done: Rate
    accepted: Rate
    late: int


@dataclass(frozen=True)
class TargetRow:
    """A target against what is reached: done, accepted, and done or still to come in time.

    ``planned`` counts what is done and, until ``by`` has passed, what is in a plan that is due
    by then; ``needed`` is the least number of compounds that meets the target; ``short`` how
    many of them ``planned`` lacks.
    """

    by: date
    share: float
    done: Rate
    accepted: Rate
    planned: Rate
    needed: int
    short: int


@dataclass(frozen=True)
class Site:
    """A compound on a list."""

    code: str
    name: str
    floor_area_m2: float | None
    built_year: int | None = None
    households: int | None = None


@dataclass(frozen=True)
class Crossing:
    """A compound on a border, with every street office's part of it and the part of nobody."""

    code: str
    name: str
    shares: tuple[Share, ...]
    outside: float


@dataclass(frozen=True)
class Planning:
    """The planner's page."""

    on: date
    plan_year: int
    streets: tuple[StreetRow, ...]
    total: StreetRow
    plan: YearPlan
    plans: tuple[YearPlan, ...]
    targets: tuple[TargetRow, ...]
    streets_without_sites: tuple[Office, ...]
    without_street: tuple[Site, ...]
    crossing: tuple[Crossing, ...]
    no_plan: tuple[Site, ...]


def planning(store: Store, person: Person, on: date) -> Planning:
    """Return the planner's tables as of a date, as far as the person sees the compounds."""
    with store.still() as store:
        return _planning(store, person, on)


def _planning(store: Store, person: Person, on: date) -> Planning:
    rows = list(store.rows(visible(person, "compounds"), Query(layer="compounds", on=on), shapes=False))
    listed = figures.offices(store, person, on)
    answered = figures.by_office(rows)
    plans = year_plans(store, rows)
    nobody = [NO_OFFICE] if answered.get(None) else []
    return Planning(
        on,
        on.year,
        tuple(_street(o, answered[None if o is NO_OFFICE else o.code], on) for o in (*listed, *nobody)),
        _street(Office("", ""), rows, on),
        next((p for p in plans if p.plan_year == on.year), _plan(on.year, None, (), [])),
        plans,
        _targets(store, rows, plans, on),
        tuple(office for office in listed if not office.compounds),
        tuple(_site(row) for row in answered.get(None, ())),
        _crossing(store, rows, on),
        tuple(_site(row) for row in rows if pre_programme(row) and row.properties["plan_year"] is None),
    )


def plan_shown(plans: Sequence[YearPlan], year: int) -> YearPlan | None:
    """Return the plan that is shown of a year: the year's, else the last before it, else the first to come.

    None where there is no plan at all.
    """
    begun = [plan for plan in plans if plan.plan_year <= year]
    return next(iter(begun[-1:] or plans[:1]), None)


def _street(office: Office, rows: list[Row], on: date) -> StreetRow:
    pre = [row for row in rows if pre_programme(row)]
    return StreetRow(
        office.code,
        office.name,
        totals(rows),
        {stage: totals(r for r in rows if r.properties["stage"] == stage) for stage in STAGES},
        sum(row.standing["finished"] for row in rows),
        sum(row.standing["late"] for row in rows),
        totals(row for row in rows if row.properties["plan_year"] == on.year),
        totals(row for row in rows if row.standing["done"]),
        totals(row for row in rows if row.standing["accepted"]),
        len(pre),
        sum(row.standing["done"] for row in pre),
        sum(bool(row.properties["border"]) for row in rows),
    )


def _rate(rows: list[Row], wanted: Callable[[Row], bool]) -> Rate:
    return Rate(sum(map(wanted, rows)), len(rows), BY_COMPOUNDS)


def year_plans(store: Store, rows: list[Row]) -> tuple[YearPlan, ...]:
    """Return the plan of each year, of the compounds that a person sees (``rows``: all of them)."""
    y, d = tables.year_plans, tables.plan_deadlines
    due = {r["plan_year"]: date.fromisoformat(r["due_on"]) for r in store.frame(select(y))}
    deadlines: dict[int, list] = {}
    for r in store.frame(select(d).order_by(d.c.due_on, d.c.stage)):
        deadlines.setdefault(r["plan_year"], []).append((r["stage"], date.fromisoformat(r["due_on"])))
    years = sorted({*due, *(r.properties["plan_year"] for r in rows if r.properties["plan_year"])})
    return tuple(
        _plan(
            year,
            due.get(year),
            tuple(deadlines.get(year, ())),
            [row for row in rows if row.properties["plan_year"] == year],
        )
        for year in years
    )


def _plan(year: int, due_on: date | None, deadlines: tuple, rows: list[Row]) -> YearPlan:
    return YearPlan(
        year,
        due_on,
        deadlines,
        totals(rows),
        _rate(rows, figures.standing_is("done")),
        _rate(rows, figures.standing_is("accepted")),
        sum(row.standing["late"] for row in rows),
    )


def needed(share: float, whole: float) -> float:
    """Return the least that is a share of a whole: of a number of things, so many whole ones.

    >>> needed(0.8, 240), needed(0.8, 8), needed(0.8, 125000.5)
    (192, 7, 100000.4)
    """
    # Without the dust of binary fractions: 80 % of 240 is 192, not 193.
    exact = round(share * whole, 6)
    return math.ceil(exact) if isinstance(whole, int) else exact


def target_rows(store: Store, rows: list[Row], on: date) -> tuple[TargetRow, ...]:
    """Return each target, in order of its day, against the pre-2000 ones of some compounds."""
    return _targets(store, rows, year_plans(store, rows), on)


def _targets(store: Store, rows: list[Row], plans: tuple[YearPlan, ...], on: date) -> tuple[TargetRow, ...]:
    """Hold the pre-2000 compounds against each target."""
    pre = [row for row in rows if pre_programme(row)]
    due = {plan.plan_year: plan.due_on or date(plan.plan_year, 12, 31) for plan in plans}
    t = tables.targets
    found = []
    for r in store.frame(select(t).order_by(t.c.by)):
        by = date.fromisoformat(r["by"])

        def in_time(row: Row, by: date = by) -> bool:
            year = row.properties["plan_year"]
            return row.standing["done"] or (year is not None and due[year] <= by and on <= by)

        planned = _rate(pre, in_time)
        least = needed(r["share"], len(pre))
        found.append(
            TargetRow(
                by,
                r["share"],
                _rate(pre, figures.standing_is("done")),
                _rate(pre, figures.standing_is("accepted")),
                planned,
                least,
                max(0, least - int(planned.numerator)),
            )
        )
    return tuple(found)


def _site(row: Row) -> Site:
    p = row.properties
    return Site(row.code, p["name"] or row.code, p["floor_area_m2"], p["built_year"], p["households"])


def _crossing(store: Store, rows: list[Row], on: date) -> tuple[Crossing, ...]:
    border = [row for row in rows if row.properties["border"]]
    codes = [row.code for row in border]
    shares, outside = compound_shares(store, codes, on), outside_shares(store, codes, on)
    return tuple(
        Crossing(
            row.code,
            row.properties["name"] or row.code,
            shares.get(row.code, ()),
            outside[row.code],
        )
        for row in border
    )
