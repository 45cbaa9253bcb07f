"""The needy compounds outside the year's plan, ranked, each with its reasons.

A compound is on the list when it was built before 2000, its works have not begun and the plan of
the year that is shown does not hold it. How much each reason counts is the city's own
(``layers/standards.py``).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from layers import ledger, tables
from layers.catalogue import CLEARED_STATES, STATES
from layers.figures import PROGRAMME_BEFORE
from layers.people import Person, visible
from layers.querying import Query
from layers.stages import NOT_BEGUN
from layers.standards import REASONS, Standards, standards
from layers.store import Row, Store

#: The states of a structure that still stands; one of unknown state is not counted.
STANDING_STATES = tuple(state for state in STATES if state not in CLEARED_STATES)


@dataclass(frozen=True)
class Needy:
    """A compound on the list: what is known of its reasons, and the points each of them gives.

    ``missing`` names the kinds of facilities of which too little of it is within reach;
    ``structures`` counts the illegal structures that still stand in it, as far as the reader
    sees them. ``score`` is the sum of the ``points``.
    """

    code: str
    name: str
    street_office_code: str | None
    street_office_name: str | None
    plan_year: int | None
    built_year: int
    age: int
    missing: tuple[str, ...]
    structures: int
    households: int | None
    floor_area_m2: float | None
    points: dict[str, float]
    score: float


@dataclass(frozen=True)
class Needs:
    """The list as of a day, the neediest first, and by which standards it was ranked.

    ``published_only`` says that the reader sees published structures only, so that the list of
    somebody who sees all may be ranked otherwise.
    """

    on: date
    plan_year: int
    standards: Standards
    published_only: bool
    listed: tuple[Needy, ...]

    @property
    def filters(self) -> dict[str, object]:
        """The filters (``querying.Query``) by which map and export show exactly these compounds."""
        return outside(self.plan_year)


def outside(year: int) -> dict[str, object]:
    """Return the filters for the compounds built before 2000, not begun, that a year's plan does not hold."""
    return {"built_before": PROGRAMME_BEFORE, "stage": NOT_BEGUN, "outside_plan": year}


def needs(store: Store, person: Person, on: date) -> Needs:
    """Return the needy compounds outside the plan of a day's year, as far as the person sees."""
    with store.still() as store:
        asked = Query(layer="compounds", on=on, **outside(on.year))
        rows = list(store.rows(visible(person, "compounds"), asked, shapes=False))
        known = standards(store)
        missing, structures = _missing(store, known), _structures(store, person, on)
        listed = [_needy(row, known, missing[row.code], structures.get(row.code, 0), on) for row in rows]
        listed.sort(key=lambda needy: (-needy.score, needy.code))
        published = visible(person, "illegal_structures").states is not None
        return Needs(on, on.year, known, published, tuple(listed))


def _needy(row: Row, known: Standards, missing: Iterable[str], structures: int, on: date) -> Needy:
    p, missing = row.properties, tuple(sorted(missing))
    values = {
        "age": on.year - p["built_year"],
        "facilities": len(missing),
        "structures": structures,
        "households": p["households"],
    }
    points = {reason: round(known.need[reason].points(values[reason]), 6) for reason in REASONS}
    return Needy(
        row.code,
        p["name"] or row.code,
        p["street_office_code"],
        p["street_office_name"],
        p["plan_year"],
        p["built_year"],
        values["age"],
        missing,
        structures,
        p["households"],
        p["floor_area_m2"],
        points,
        round(sum(points.values()), 6),
    )


def _missing(store: Store, known: Standards) -> dict[str, list[str]]:
    """Return the kinds of which less than the city asks is within reach, by compound."""
    c = tables.coverage.c
    found: dict[str, list[str]] = defaultdict(list)
    for row in store.frame(select(c.code, c.kind).where(c.share < known.missing_below)):
        found[row["code"]].append(row["kind"])
    return found


def _structures(store: Store, person: Person, on: date) -> dict[str, int]:
    """Return how many structures still stood in each compound on a day, as far as the person sees them."""
    s, p = tables.illegal_structures, tables.places
    sight = visible(person, "illegal_structures")
    day = on.isoformat()
    seen = [] if sight.states is None else [s.c.state.in_(sorted(sight.states))]
    counted = (
        select(p.c.compound_code, func.count().label("count"))
        .join_from(s, p, p.c.code == s.c.code)
        .where(ledger.listed(day), ledger.state(day).in_(STANDING_STATES), *seen)
        .group_by(p.c.compound_code)
    )
    return {row["compound_code"]: row["count"] for row in store.frame(counted)}
