"""Every number that is shown, as of a date and as far as a person sees: page, table and map.

Whatever shows a number reads it here, so that no two places can disagree. A rate is never a
bare number: it carries its numerator, its denominator and what was counted (its basis).
What is known of one compound is in ``layers/facts.py``; the planner's tables (plans, targets,
streets, coverage) are built from these in ``layers/programme.py``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select

from layers import tables
from layers.catalogue import CLEARED_STATES, STATES
from layers.kept import Kept
from layers.people import Person, Sight, visible
from layers.querying import RESTS_ON, Query
from layers.stages import STAGES
from layers.store import Row, Store

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
    """Sums over compounds; a compound whose value is unknown adds nothing to that sum.

    A sum of which every part is unknown is None: unknown, not zero.
    """

    compounds: int = 0
    buildings: int | None = 0
    households: int | None = 0
    floor_area_m2: float | None = 0.0


def totals(rows: Iterable[Row]) -> Totals:
    """Return the sums over compounds."""
    rows = [row.properties for row in rows]

    def over(name: str) -> float | None:
        known = [row[name] for row in rows if row[name] is not None]
        return sum(known) if known or not rows else None

    area = over("floor_area_m2")
    return Totals(len(rows), over("buildings"), over("households"), None if area is None else round(area, 6))


@dataclass(frozen=True)
class StageCount:
    """How many compounds stand at a stage; of them finished with no successor begun, and late."""

    stage: str
    totals: Totals
    finished: int
    late: int


@dataclass(frozen=True)
class StateCount:
    """How many illegal structures are in a state ("" is unknown), and their area (None: unknown)."""

    state: str
    structures: int
    area_m2: float | None


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
    with store.still() as store:
        sight = visible(person, "compounds")
        rows = list(store.rows(sight, replace(query, stage=None), shapes=False))
        matched = [row for row in rows if query.stage is None or row.properties["stage"] == query.stage]
        return Overview(
            query.on,
            totals(matched),
            stage_counts(rows),
            state_counts(store, person, query.beside("illegal_structures")),
            _plan_years(store),
            offices(store, person, query.on),
            _facility_kinds(store),
        )


def stage_counts(rows: Sequence[Row]) -> tuple[StageCount, ...]:
    """Return how many of some compounds stand at each stage, in order."""
    return tuple(_stage_count(stage, rows) for stage in STAGES)


def _stage_count(stage: str, rows: Sequence[Row]) -> StageCount:
    here = [row for row in rows if row.properties["stage"] == stage]
    return StageCount(
        stage,
        totals(here),
        sum(row.standing["finished"] for row in here),
        sum(row.standing["late"] for row in here),
    )


def state_counts(store: Store, person: Person, query: Query) -> tuple[StateCount, ...]:
    """Return how many structures that a question asks for are in each state, as far as may be seen."""
    counted = store.states(visible(person, "illegal_structures"), query)
    found = {
        state or "": StateCount(state or "", n, None if m2 is None else round(m2, 6))
        for state, n, m2 in counted
    }
    return tuple(found[state] for state in (*STATES, "") if state in found)


def cleared(states: tuple[StateCount, ...]) -> Rate:
    """Return how many structures are cleared, of all of them."""
    done = sum(count.structures for count in states if count.state in CLEARED_STATES)
    return Rate(done, sum(count.structures for count in states), BY_STRUCTURES)


def cleared_area(states: tuple[StateCount, ...]) -> Rate:
    """Return the area of the cleared structures, of that of all of them."""
    known = {count.state: count.area_m2 or 0.0 for count in states}
    done = sum(area for state, area in known.items() if state in CLEARED_STATES)
    return Rate(round(done, 6), round(sum(known.values()), 6), BY_AREA)


def _plan_years(store: Store) -> tuple[int, ...]:
    c, p = tables.compounds.c, tables.year_plans.c
    years = select(c.plan_year).where(c.plan_year.is_not(None)).union(select(p.plan_year))
    return tuple(sorted(row["plan_year"] for row in store.frame(years)))


def _facility_kinds(store: Store) -> tuple[str, ...]:
    kind = tables.facilities.c.kind
    found = store.frame(select(kind).where(kind.is_not(None)).distinct().order_by(kind))
    return tuple(row["kind"] for row in found)


#: The street offices that were asked for last.
_offices: Kept[tuple[Office, ...]] = Kept(8)


def offices(store: Store, person: Person, on: date) -> tuple[Office, ...]:
    """Return the street offices of the active edition with their number of compounds, by code."""
    with store.still() as still:
        asked = (visible(person, "compounds"), visible(person, "street_offices"), on)
        return _offices.of(still, RESTS_ON["street_offices"], asked, lambda: _counted(still, *asked))


def _counted(still: Store, compounds: Sight, street_offices: Sight, on: date) -> tuple[Office, ...]:
    counts: dict[str | None, int] = defaultdict(int)
    for row in still.rows(compounds, Query(layer="compounds", on=on), shapes=False):
        counts[row.properties["street_office_code"]] += 1
    listed = still.rows(street_offices, Query(layer="street_offices", on=on), shapes=False)
    return tuple(Office(row.code, row.properties["name"], counts[row.code]) for row in listed)


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
