"""Service coverage: what the facilities serve, and by which standard.

The shares are those written down beside the compounds (``layers/serving.py``), the reach is a
straight line, and facilities are taken as they are on record now, whatever the day: they have no
dates. Each kind is told three ways: by land, by households and by compounds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from geo.crs import areas
from geo.errors import NotFoundError
from layers import figures, serving, shapes, tables
from layers.figures import BY_COMPOUNDS, BY_HOUSEHOLDS, Office, Rate
from layers.history import canonical
from layers.kept import Kept
from layers.people import Person, require, visible
from layers.programme import NO_OFFICE
from layers.querying import NONE, Query
from layers.standards import SETTING, Standard, Standards, content_of, standards, written_in
from layers.store import Row, Store

BY_LAND = "by land of the compounds, straight-line"


@dataclass(frozen=True)
class Served:
    """What one kind serves of some compounds: three rates, and the compounds one by one.

    The rate of compounds counts those wholly within reach; ``fully`` + ``partly`` + ``not_served``
    are all of them.
    """

    land: Rate
    households: Rate
    compounds: Rate
    fully: int
    partly: int
    not_served: int


@dataclass(frozen=True)
class KindService:
    """One kind of facility: its standard (if the city has one), its radii, and what it serves."""

    kind: str
    standard: Standard | None
    radii_m: tuple[float, ...]
    facilities: int
    streets: dict[str, Served]
    total: Served

    @property
    def judged(self) -> Rate | None:
        """The rate that the standard's threshold is of; None without a standard."""
        return None if self.standard is None else getattr(self.total, self.standard.basis)

    @property
    def sufficient(self) -> bool | None:
        """Whether the district reaches the threshold; None without a standard or any compound."""
        rate = self.judged
        return None if rate is None or rate.value is None else rate.value >= self.standard.threshold


@dataclass(frozen=True)
class Service:
    """All kinds of facilities, and the street offices by whose codes they are told (``none``: nobody)."""

    on: date
    title: str
    streets: tuple[Office, ...]
    kinds: tuple[KindService, ...]


def set_standards(store: Store, person: Person, wanted: Standards) -> bool:
    """Take a city's standards over and work the coverage out anew; return whether anything changed."""
    require(person, "plan")
    with store.writing(person) as work:
        text = canonical(content_of(wanted))
        if written_in(work.connection) == text:
            return False
        work.set(SETTING, text)
        serving.cover(work)
        work.bump("facilities")
        return True


def service(store: Store, person: Person, on: date) -> Service:
    """Return what every kind of facility serves, by street office as they answered on a day."""
    with store.still() as store:
        rows = list(store.rows(visible(person, "compounds"), Query(layer="compounds", on=on), shapes=False))
        return service_of(store, person, rows, on)


def service_of(store: Store, person: Person, rows: list[Row], on: date) -> Service:
    """Do ``service`` for the compounds a person sees, read already."""
    answered = figures.by_office(rows)
    nobody = [NO_OFFICE] if answered.get(None) else []
    known, land = standards(store), land_areas(store)
    c, f = tables.coverage, tables.facilities.c
    shares: dict[str, dict[str, float]] = {}
    for row in store.frame(select(c)):
        shares.setdefault(row["kind"], {})[row["code"]] = row["share"]
    listed: dict[str, list[float | None]] = {}
    for row in store.frame(select(f.kind, f.radius_m).where(f.kind.is_not(None))):
        listed.setdefault(row["kind"], []).append(row["radius_m"])
    kinds = (
        KindService(
            kind,
            known.of(kind),
            _radii(listed.get(kind, []), known.of(kind)),
            len(listed.get(kind, [])),
            {code or NONE: _served(group, share, land) for code, group in answered.items()},
            _served(rows, share, land),
        )
        for kind, share in sorted(shares.items())
    )
    streets = (*figures.offices(store, person, on), *nobody)
    return Service(on, known.title, streets, tuple(kinds))


def kinds(store: Store) -> tuple[str, ...]:
    """Return the kinds of facilities that serve, in order of their names."""
    kind = tables.coverage.c.kind
    return tuple(row["kind"] for row in store.frame(select(kind).distinct().order_by(kind)))


def served(store: Store, person: Person, query: Query, kind: str) -> Served:
    """Return what one kind of facility serves of the compounds a query asks for.

    Raises NotFoundError for a kind that no facility on record serves as.
    """
    c = tables.coverage.c
    with store.still() as store:
        share = {row["code"]: row["share"] for row in store.frame(select(c).where(c.kind == kind))}
        if not share:
            raise NotFoundError("No facility of the kind %(kind)s serves here.", kind=kind)
        rows = store.rows(visible(person, "compounds"), query, shapes=False)
        return _served(rows, share, land_areas(store))


def _radii(own: list[float | None], standard: Standard | None) -> tuple[float, ...]:
    """Return by which radii the facilities of a kind serve: their own, else the standard's."""
    said = {radius for radius in own if radius is not None and radius > 0}
    if standard is not None and None in own:
        said |= {step.radius_m for step in standard.reach}
    return tuple(sorted(said))


def _served(rows: Iterable[Row], share: dict[str, float], land: dict[str, float]) -> Served:
    rows = list(rows)
    part = {row.code: share.get(row.code, 0.0) for row in rows}
    fully, none = (sum(value == end for value in part.values()) for end in (1.0, 0.0))
    m2 = sum(land[code] for code in part)
    homes = [(row.code, row.properties["households"]) for row in rows]
    known = [(code, count) for code, count in homes if count is not None]
    reached = sum(count * part[code] for code, count in known)
    return Served(
        Rate(round(sum(land[code] * part[code] for code in part), 6), round(m2, 6), BY_LAND),
        Rate(round(reached, 6), sum(count for _, count in known), BY_HOUSEHOLDS),
        Rate(fully, len(rows), BY_COMPOUNDS),
        fully,
        len(rows) - fully - none,
        none,
    )


_lands: Kept[dict[str, float]] = Kept(4)


def land_areas(store: Store) -> dict[str, float]:
    """Return the area of each compound's outline in m², by code."""

    def measure() -> dict[str, float]:
        with store.reading() as connection:
            found = shapes.of_layer(connection, "compounds")
        return dict(zip(found.index, areas(found.to_numpy()).tolist(), strict=True))

    return _lands.of(store, ("compounds",), None, measure)
