"""Service coverage: what the facilities serve, by which standard, where not, and where one more would help.

The shares are those written down beside the compounds (``layers/serving.py``), the reach is a
straight line, and facilities are taken as they are on record now, whatever the day: they have no
dates. Each kind is told three ways: by land, by households and by compounds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import geopandas
import numpy
import shapely
from sqlalchemy import select

from geo import coverage, siting
from geo.crs import STORED, areas, from_area, to_area
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
#: So many places for one more facility are looked for.
PLACES = 5
_RESTS_ON = ("compounds", "facilities", "street_offices", "settings")


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


@dataclass(frozen=True)
class Gap:
    """The part of one compound that no facility of a kind serves; ``wkb`` in STORED.

    ``households`` are those in it, area-weighted; None where the compound's are unknown.
    """

    code: str
    name: str
    street_office_name: str | None
    share_served: float
    households: float | None
    area_m2: float
    wkb: bytes


@dataclass(frozen=True)
class NextPlace:
    """A place (at a compound) for one more facility, and what it would add to all before it."""

    code: str
    name: str
    lon: float
    lat: float
    households: float
    land_m2: float
    reached: int
    completed: int


@dataclass(frozen=True)
class Gaps:
    """One kind's gaps, those with most households first, and the best places for one more.

    ``served_m2`` of the district's ``district_m2`` lie within reach, compounds or not; ``served``
    is that ground, ``points`` where the facilities are; both are WKB in STORED. A next facility
    is taken to reach ``radius_m``.
    """

    on: date
    service: KindService
    district_m2: float
    served_m2: float
    radius_m: float
    gaps: tuple[Gap, ...]
    places: tuple[NextPlace, ...]
    served: bytes
    points: tuple[bytes, ...]


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
        return _service(store, person, rows, on)


def _service(store: Store, person: Person, rows: list[Row], on: date) -> Service:
    answered = figures.by_office(rows)
    nobody = [NO_OFFICE] if answered.get(None) else []
    known, land = standards(store), _land(store)
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
_gaps_kept: Kept["_Ground"] = Kept(32)


def _land(store: Store) -> dict[str, float]:
    """Return the area of each compound's outline in m², by code."""

    def measure() -> dict[str, float]:
        with store.reading() as connection:
            found = shapes.of_layer(connection, "compounds")
        return dict(zip(found.index, areas(found.to_numpy()).tolist(), strict=True))

    return _lands.of(store, ("compounds",), None, measure)


@dataclass(frozen=True)
class _Ground:
    """What follows of one kind from the shapes alone."""

    left: dict[str, tuple[float, bytes]]
    places: tuple[tuple[siting.Place, float, float], ...]
    radius_m: float
    district_m2: float
    served_m2: float
    served: bytes
    points: tuple[bytes, ...]


def gaps(store: Store, person: Person, kind: str, on: date) -> Gaps:
    """Return where a kind of facility serves nobody, and where one more would serve most.

    Raises NotFoundError for a kind that no facility on record serves as.
    """
    with store.still() as store:
        rows = list(store.rows(visible(person, "compounds"), Query(layer="compounds", on=on), shapes=False))
        told = _service(store, person, rows, on)
        found = next((one for one in told.kinds if one.kind == kind), None)
        if found is None:
            raise NotFoundError("No facility of the kind %(kind)s serves here.", kind=kind)
        ground = _gaps_kept.of(store, _RESTS_ON, kind, lambda: _ground(store, rows, found))
        by_code = {row.code: row for row in rows}
        listed = [_gap(by_code[code], *left, _land(store)[code]) for code, left in ground.left.items()]
        listed.sort(key=lambda gap: (-(gap.households or 0.0), -gap.area_m2, gap.code))
        places = tuple(_next(by_code[place.label], place, *at) for place, *at in ground.places)
        return Gaps(
            on,
            found,
            ground.district_m2,
            ground.served_m2,
            ground.radius_m,
            tuple(listed),
            places,
            ground.served,
            ground.points,
        )


def _gap(row: Row, left_m2: float, wkb: bytes, land_m2: float) -> Gap:
    p, part = row.properties, left_m2 / land_m2
    homes = None if p["households"] is None else round(p["households"] * part, 6)
    return Gap(
        row.code, p["name"] or row.code, p["street_office_name"], 1.0 - part, homes, round(left_m2, 6), wkb
    )


def _next(row: Row, place: siting.Place, lon: float, lat: float) -> NextPlace:
    return NextPlace(
        row.code,
        row.properties["name"] or row.code,
        lon,
        lat,
        round(place.weight, 6),
        round(place.area_m2, 6),
        place.reached,
        place.completed,
    )


def _ground(store: Store, rows: list[Row], kind: KindService) -> _Ground:
    with store.reading() as connection:
        homes = shapes.of_layer(connection, "compounds")
        mine = [one for one in serving.facilities(connection) if one.kind == kind.kind]
    radii = numpy.array([one.radius_m for one in mine], dtype=float)
    places = shapes.by_code((one.code, one.wkb) for one in mine)
    served = coverage.served_area(places, radii)
    reached = coverage.coverage_by_kind(homes, served, numpy.zeros(len(served), dtype=int))
    together = shapely.union_all(to_area(served.to_numpy()))
    offices = store.rows(visible(Person(), "street_offices"), Query(layer="street_offices", on=date.max))
    district = shapely.union_all(to_area(shapely.from_wkb([row.wkb for row in offices])))
    within = shapely.intersection(together, district)
    households = {row.code: row.properties["households"] or 0 for row in rows}
    weight = numpy.array([households[code] for code in homes.index], dtype=float)
    spots = geopandas.GeoSeries(shapely.point_on_surface(homes.to_numpy()), index=homes.index, crs=STORED)
    radius_m = kind.standard.farthest_m if kind.standard else max(kind.radii_m)
    found = siting.best_places(reached[0], areas(homes.to_numpy()), weight, spots, radius_m, PLACES)
    left = reached[0].left[~reached[0].left.is_empty]
    wkbs = shapely.to_wkb(from_area(left.to_numpy())).tolist()
    return _Ground(
        dict(zip(left.index, zip(left.area.tolist(), wkbs, strict=True), strict=True)),
        tuple((place, spots[place.label].x, spots[place.label].y) for place in found),
        radius_m,
        float(shapely.area(district)),
        float(shapely.area(within)),
        shapely.to_wkb(from_area(numpy.array([within])))[0],
        tuple(shapely.to_wkb(places.to_numpy()).tolist()),
    )
