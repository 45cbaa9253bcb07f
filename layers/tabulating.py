"""Sheets made of what is on record: by street office, by batch, or compound by compound."""

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from geo.errors import NotFoundError
from layers import figures
from layers.contents import PLANS
from layers.people import Person, visible
from layers.periods import Period
from layers.querying import NONE
from layers.reached import Record, record
from layers.sheets import Item, Plan, Sheet, Trace
from layers.store import Row, Store
from layers.tables import PUBLISHED_STRUCTURES
from layers.tallying import layer_of, lines_of, of_record


def plan_named(name: str) -> Plan:
    """Return how a sheet is made; raise NotFoundError, naming all, where there is no such sheet."""
    if name not in PLANS:
        raise NotFoundError(
            "No sheet is called %(sheet)s; the sheets are %(sheets)s.", sheet=name, sheets=", ".join(PLANS)
        )
    return PLANS[name]


def revision_of(store: Store, person: Person) -> int:
    """Return what grows with every change of anything the sheets rest on, as far as the person sees it."""
    published = visible(person, "illegal_structures").states is not None
    structures = PUBLISHED_STRUCTURES if published else "illegal_structures"
    return store.revision("compounds", "street_offices", structures, "year_plans")


def sheet(store: Store, person: Person, name: str, period: Period) -> Sheet:
    """Return a sheet as of the end of a period, as far as the person sees the rows.

    Raises:
        NotFoundError: there is no such sheet.
    """
    plan = plan_named(name)
    with store.still() as store:
        found = record(store, person, period.end, plan.layers)
        return sheet_of(plan, found, _offices(store, person, period), period, revision_of(store, person))


def sheets(
    store: Store, person: Person, period: Period, names: Collection[str] = tuple(PLANS)
) -> dict[str, Sheet]:
    """Return sheets by name as of the end of a period, as far as the person sees the rows."""
    plans = {name: plan_named(name) for name in names}
    with store.still() as store:
        layers = frozenset().union(*(plan.layers for plan in plans.values()))
        found, offices = record(store, person, period.end, layers), _offices(store, person, period)
        revision = revision_of(store, person)
        return {name: sheet_of(plan, found, offices, period, revision) for name, plan in plans.items()}


class Traced(NamedTuple):
    """A sheet, the trace of one of its cells, and the rows of that trace."""

    sheet: Sheet
    trace: Trace
    rows: tuple[Row, ...]


def traced(store: Store, person: Person, name: str, period: Period, column: str, row: str) -> Traced:
    """Return exactly the rows that make a cell, as far as the person sees them.

    Raises:
        NotFoundError: there is no such sheet or cell, or nothing to list.
    """
    plan = plan_named(name)
    with store.still() as store:
        found = record(store, person, period.end, plan.layers)
        made = sheet_of(plan, found, _offices(store, person, period), period, revision_of(store, person))
    trace = made.trace(column, row)
    wanted = set(trace.codes)
    items = found.sites if trace.layer == "compounds" else found.structures
    return Traced(made, trace, tuple(item.row for item in items if item.row.code in wanted))


def sheet_of(
    plan: Plan, found: Record, offices: Iterable[tuple[str, str]], period: Period, revision: int = 0
) -> Sheet:
    """Return a sheet of what is on record, with a line for each of the street offices (code, name)."""
    named, every = _ROWS[plan.rows](found, tuple(offices), period, plan.layers)
    lines, total = lines_of(plan, named, every, period)
    return Sheet(plan, period, lines, total, found.published_only, revision)


def _offices(store: Store, person: Person, period: Period) -> list[tuple[str, str]]:
    return [(office.code, office.name) for office in figures.offices(store, person, period.end)]


Named = list[tuple[str, str, tuple[Item, ...]]]


def _grouped(items: Iterable[Item], of: Callable[[Item], str | None]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(of(item) or NONE, []).append(item)
    return found


def _by_street(
    found: Record, offices: tuple[tuple[str, str], ...], period: Period, layers: frozenset[str]
) -> tuple[Named, tuple[Item, ...]]:
    every = tuple(item for item in of_record(found) if layer_of(item) in layers)
    groups = _grouped(every, lambda item: item.row.properties["street_office_code"])
    nobody = [(NONE, "")] if groups.get(NONE) else []
    return [(code, name, tuple(groups.get(code, ()))) for code, name in (*offices, *nobody)], every


def _by_batch(found: Record, *_) -> tuple[Named, tuple[Item, ...]]:
    groups = _grouped(found.structures, lambda item: item.row.properties["batch"])
    named = sorted(code for code in groups if code != NONE) + ([NONE] if NONE in groups else [])
    return [(code, "" if code == NONE else code, tuple(groups[code])) for code in named], found.structures


def _by_compound(found: Record, offices: object, period: Period, *_) -> tuple[Named, tuple[Item, ...]]:
    planned = [site for site in found.sites if site.row.properties["plan_year"] == period.end.year]
    inside = _grouped(found.structures, lambda item: item.row.properties["compound_code"])
    named = [
        (site.row.code, site.row.properties["name"] or site.row.code, (site, *inside.get(site.row.code, ())))
        for site in planned
    ]
    return named, tuple(item for _, _, items in named for item in items)


_ROWS: Mapping[str, Callable] = MappingProxyType(
    {"streets": _by_street, "batches": _by_batch, "compounds": _by_compound}
)
