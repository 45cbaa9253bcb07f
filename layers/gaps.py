"""Where a kind of facility serves nobody, and where one more of it would serve most.

Gaps follow from the shapes alone and are kept until these change; whose households lie in them is
told as of a day.
"""

from dataclasses import dataclass
from datetime import date

import geopandas
import numpy
import shapely

from geo import coverage, siting
from geo.crs import STORED, areas, from_area, to_area
from geo.errors import NotFoundError
from layers import serving, shapes
from layers.kept import Kept
from layers.people import Person, visible
from layers.querying import Query
from layers.service import KindService, land_areas, service_of
from layers.store import Row, Store

#: So many places for one more facility are looked for.
PLACES = 5
_RESTS_ON = ("compounds", "facilities", "street_offices", "settings")


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


_kept: Kept[_Ground] = Kept(32)


def gaps(store: Store, person: Person, kind: str, on: date) -> Gaps:
    """Return where a kind of facility serves nobody, and where one more would serve most.

    Raises NotFoundError for a kind that no facility on record serves as.
    """
    with store.still() as store:
        rows = list(store.rows(visible(person, "compounds"), Query(layer="compounds", on=on), shapes=False))
        told = service_of(store, person, rows, on)
        found = next((one for one in told.kinds if one.kind == kind), None)
        if found is None:
            raise NotFoundError("No facility of the kind %(kind)s serves here.", kind=kind)
        ground = _kept.of(store, _RESTS_ON, kind, lambda: _ground(store, rows, found))
        by_code, land = {row.code: row for row in rows}, land_areas(store)
        listed = [_gap(by_code[code], *left, land[code]) for code, left in ground.left.items()]
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


def gaps_of(store: Store, person: Person, query: Query, kind: str) -> tuple[Gap, ...]:
    """Return the gaps of a kind in the compounds a query asks for, those with most households first."""
    with store.still() as store:
        rows = store.rows(visible(person, "compounds"), query, shapes=False)
        codes = {row.code for row in rows}
        return tuple(gap for gap in gaps(store, person, kind, query.on).gaps if gap.code in codes)


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
