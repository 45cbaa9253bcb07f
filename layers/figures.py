"""Every number that is shown, as of a date and as far as a person sees: page, table and map.

Whatever shows a number reads it here, so that no two places can disagree. A rate is never a
bare number: it carries its numerator, its denominator and what was counted (its basis).
The planner's tables (plans, targets, streets, coverage) are built from these in
``layers/programme.py``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import select

from geo.errors import NotFoundError
from layers import tables
from layers.catalogue import CLEARED_STATES, STATES
from layers.people import Person, visible
from layers.querying import Query, active_edition
from layers.stages import ORDER, STAGES, StageRow, late_stages
from layers.store import Row, Store

STAGE_PLACES = {stage: place for place, stage in enumerate(STAGES)}
#: The programme's reach: compounds built before this year.
PROGRAMME_BEFORE = 2000

BY_COMPOUNDS = "by number of compounds"
BY_STRUCTURES = "by number of structures"
BY_AREA = "by area"
BY_HOUSEHOLDS = "by households, area-weighted inside a compound, straight-line"


@dataclass(frozen=True)
class Rate:
    """A share that says what was divided by what, and what was counted."""

    numerator: float
    denominator: float
    basis: str

    @property
    def value(self) -> float | None:
        """The quotient, or None where there is nothing to divide by."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True)
class Totals:
    """Sums over compounds; a compound whose value is unknown adds nothing to that sum."""

    compounds: int = 0
    buildings: int = 0
    households: int = 0
    floor_area_m2: float = 0.0


def totals(rows: Iterable[Row]) -> Totals:
    """Return the sums over compounds."""
    rows = [row.properties for row in rows]

    def over(name: str) -> float:
        return sum(row[name] or 0 for row in rows)

    return Totals(len(rows), over("buildings"), over("households"), round(over("floor_area_m2"), 6))


@dataclass(frozen=True)
class StageCount:
    """How many compounds stand at a stage; of them finished with no successor begun, and late."""

    stage: str
    totals: Totals
    finished: int
    late: int


@dataclass(frozen=True)
class StateCount:
    """How many illegal structures are in a state ("" is unknown), and their area in m²."""

    state: str
    structures: int
    area_m2: float


@dataclass(frozen=True)
class Office:
    """A street office and how many compounds it answers for."""

    code: str
    name: str
    compounds: int = 0


@dataclass(frozen=True)
class Overview:
    """What the map's legend and filters show for a query."""

    on: date
    matched: Totals
    stages: tuple[StageCount, ...]
    structures: tuple[StateCount, ...]
    plan_years: tuple[int, ...]
    offices: tuple[Office, ...]
    facility_kinds: tuple[str, ...]


def overview(store: Store, person: Person, query: Query) -> Overview:
    """Return the counts of the compounds a query asks for, and of the structures beside them.

    The stages are counted without the query's own stage filter, so that the legend that is the
    filter still shows what the other stages hold.
    """
    sight = visible(person, "compounds")
    rows = list(store.rows(sight, replace(query, stage=None), shapes=False))
    matched = [row for row in rows if query.stage is None or row.properties["stage"] == query.stage]
    return Overview(
        query.on,
        totals(matched),
        tuple(_stage_count(stage, rows) for stage in STAGES),
        _states(store, person, _structures(query)),
        _plan_years(store),
        offices(store, person, query.on),
        _facility_kinds(store),
    )


def _stage_count(stage: str, rows: list[Row]) -> StageCount:
    here = [row for row in rows if row.properties["stage"] == stage]
    return StageCount(
        stage,
        totals(here),
        sum(row.standing["finished"] for row in here),
        sum(row.standing["late"] for row in here),
    )


def _structures(query: Query) -> Query:
    """Return the question for the structures that go with a question for compounds."""
    shared = {
        name: value
        for name, value in query.filters().items()
        if name in ("street_office", "plan_year", "stage", "built_before")
    }
    return Query(layer="illegal_structures", on=query.on, **shared)


def _states(store: Store, person: Person, query: Query) -> tuple[StateCount, ...]:
    counted = store.states(visible(person, "illegal_structures"), query)
    found = {state or "": StateCount(state or "", n, round(m2, 6)) for state, n, m2 in counted}
    return tuple(found[state] for state in (*STATES, "") if state in found)


def _plan_years(store: Store) -> tuple[int, ...]:
    c, p = tables.compounds.c, tables.year_plans.c
    years = select(c.plan_year).where(c.plan_year.is_not(None)).union(select(p.plan_year))
    return tuple(sorted(row["plan_year"] for row in store.frame(years)))


def _facility_kinds(store: Store) -> tuple[str, ...]:
    kind = tables.facilities.c.kind
    found = store.frame(select(kind).where(kind.is_not(None)).distinct().order_by(kind))
    return tuple(row["kind"] for row in found)


def offices(store: Store, person: Person, on: date) -> tuple[Office, ...]:
    """Return the street offices of the active edition with their number of compounds, by code."""
    counts: dict[str | None, int] = defaultdict(int)
    for row in store.rows(visible(person, "compounds"), Query(layer="compounds", on=on), shapes=False):
        counts[row.properties["street_office_code"]] += 1
    listed = store.rows(visible(person, "street_offices"), Query(layer="street_offices", on=on), shapes=False)
    return tuple(Office(row.code, row.properties["name"], counts[row.code]) for row in listed)


@dataclass(frozen=True)
class Share:
    """A street office's part of a compound."""

    code: str
    name: str
    area_m2: float
    share: float


@dataclass(frozen=True)
class StageDates:
    """Planned and actual dates of one stage, and whether it is late."""

    stage: str
    planned_start: date | None
    planned_finish: date | None
    actual_start: date | None
    actual_finish: date | None
    late: bool
    begun: bool
    finished: bool


@dataclass(frozen=True)
class Facts:
    """What the panel shows of one compound."""

    code: str
    properties: dict[str, object]
    standing: dict[str, bool]
    shares: tuple[Share, ...]
    outside: float
    stages: tuple[StageDates, ...]
    cleared: Rate
    cleared_area: Rate
    states: tuple[StateCount, ...]
    coverage: tuple[tuple[str, float], ...]
    bounds: tuple[float, float, float, float] = field(default=(0.0, 0.0, 0.0, 0.0))


def facts(store: Store, person: Person, code: str, on: date) -> Facts:
    """Return everything known of one compound; raise NotFoundError where there is none."""
    row = next(store.rows(visible(person, "compounds"), Query(layer="compounds", on=on, code=code)), None)
    if row is None:
        raise NotFoundError("No compound has the code %(code)s.", code=code)
    inside = Query(layer="illegal_structures", on=on, compound=code)
    states = _states(store, person, inside)
    c, f = tables.coverage.c, tables.compounds.c
    covered = store.frame(select(c.kind, c.share).where(c.code == code).order_by(c.kind))
    box = store.frame(select(f.west, f.south, f.east, f.north).where(f.code == code))[0]
    return Facts(
        code,
        row.properties,
        row.standing,
        compound_shares(store, [code]).get(code, ()),
        outside_shares(store, [code]).get(code, 1.0),
        _stage_dates(store, row, on),
        cleared(states),
        cleared_area(states),
        states,
        tuple((r["kind"], r["share"]) for r in covered),
        tuple(box.values()),
    )


def cleared(states: tuple[StateCount, ...]) -> Rate:
    """Return how many structures are cleared, of all of them."""
    done = sum(count.structures for count in states if count.state in CLEARED_STATES)
    return Rate(done, sum(count.structures for count in states), BY_STRUCTURES)


def cleared_area(states: tuple[StateCount, ...]) -> Rate:
    """Return the area of the cleared structures, of that of all of them."""
    done = sum(count.area_m2 for count in states if count.state in CLEARED_STATES)
    return Rate(round(done, 6), round(sum(count.area_m2 for count in states), 6), BY_AREA)


def compound_shares(store: Store, codes: list[str]) -> dict[str, tuple[Share, ...]]:
    """Return every street office's part of each compound, the largest first."""
    s, o = tables.shares.c, tables.street_offices.c
    wanted = (
        select(s.code, s.street_office_code, o.name, s.area_m2, s.share)
        .join(tables.street_offices, (o.code == s.street_office_code) & (o.edition_id == s.edition_id))
        .where(s.edition_id == active_edition(), s.code.in_(codes))
        .order_by(s.code, s.share.desc(), s.street_office_code)
    )
    found = defaultdict(list)
    for r in store.frame(wanted):
        found[r["code"]].append(Share(r["street_office_code"], r["name"], r["area_m2"], r["share"]))
    return {code: tuple(parts) for code, parts in found.items()}


def outside_shares(store: Store, codes: list[str]) -> dict[str, float]:
    """Return the share of each compound that no street office answers for."""
    a = tables.assignments.c
    mine = (a.layer == "compounds", a.code.in_(codes), a.edition_id == active_edition())
    return {row["code"]: row["outside"] for row in store.frame(select(a.code, a.outside).where(*mine))}


def _stage_dates(store: Store, compound: Row, on: date) -> tuple[StageDates, ...]:
    h, d = tables.stage_history, tables.plan_deadlines
    known = {row["stage"]: row for row in store.frame(select(h).where(h.c.code == compound.code))}
    year = compound.properties["plan_year"]
    deadlines = {r["stage"]: _day(r["due_on"]) for r in store.frame(select(d).where(d.c.plan_year == year))}
    reached = STAGE_PLACES[compound.properties["stage"]]
    found = []
    for stage in ORDER:
        row = known.get(stage, {})
        days = {name: _day(row.get(name)) for name in StageRow._fields[1:5]}
        whole = StageRow(stage, **days, reported=bool(row.get("reported")))
        finished = whole.actual_finish is not None and whole.actual_finish <= on
        begun = finished or whole.reported or (whole.actual_start is not None and whole.actual_start <= on)
        # As in querying: a plan's deadline binds the stages from the furthest one begun.
        missed = stage in deadlines and deadlines[stage] < on and not finished
        late = bool(late_stages([whole], on)) or (missed and STAGE_PLACES[stage] >= reached)
        found.append(StageDates(stage, **days, late=late, begun=begun, finished=finished))
    return tuple(found)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def by_office(rows: Iterable[Row]) -> dict[str | None, list[Row]]:
    """Return rows grouped by the street office that answers for them (None: nobody)."""
    found: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.properties["street_office_code"]].append(row)
    return found


def pre_programme(row: Row) -> bool:
    """Return whether a compound is one the programme is for (built before 2000)."""
    year = row.properties["built_year"]
    return year is not None and year < PROGRAMME_BEFORE


def standing_is(flag: str) -> Callable[[Row], bool]:
    """Return the question whether a compound's standing carries a flag."""
    return lambda row: row.standing[flag]
