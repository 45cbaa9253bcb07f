"""How sound the layers are: what overlaps, what is left out, what lies outside. Nothing is changed here."""

from dataclasses import dataclass
from datetime import date

import numpy
import shapely
from sqlalchemy import select

from geo import overlaps
from geo.crs import from_area
from layers import shapes, tables
from layers.figures import Office
from layers.kept import Kept
from layers.people import Person, visible
from layers.programme import Site
from layers.querying import Query
from layers.store import Row, Store

#: A compound is told to lie outside where more than this share of it does.
LEAST_OUTSIDE = 0.0005


@dataclass(frozen=True)
class Overlap:
    """Two areas that share ground."""

    one: Office
    other: Office
    area_m2: float


@dataclass(frozen=True)
class Hole:
    """Ground between the street offices that none of them holds, and a point in it."""

    area_m2: float
    lon: float
    lat: float


@dataclass(frozen=True)
class Outside:
    """A compound of which a share lies outside every street office."""

    site: Site
    share: float


@dataclass(frozen=True)
class Stray:
    """An illegal structure that lies in no compound."""

    code: str
    name: str | None
    street_office_code: str | None
    street_office_name: str | None


@dataclass(frozen=True)
class Health:
    """What is wrong, or may be, with the layers as a person sees them."""

    office_overlaps: tuple[Overlap, ...]
    office_holes: tuple[Hole, ...]
    compounds_outside: tuple[Outside, ...]
    compounds_without_street: tuple[Site, ...]
    compound_overlaps: tuple[Overlap, ...]
    structures_outside: tuple[Stray, ...]

    @property
    def findings(self) -> int:
        """How many there are in all."""
        return sum(len(found) for found in vars(self).values())


_offices: Kept[tuple[tuple[tuple[str, str, float], ...], tuple[Hole, ...]]] = Kept(4)
_compounds: Kept[tuple[tuple[str, str, float], ...]] = Kept(4)


def health(store: Store, person: Person, on: date) -> Health:
    """Return what is wrong with the layers; who answers is told as of a day, all else as it is now."""
    with store.still() as store:
        rows = list(store.rows(visible(person, "compounds"), Query(layer="compounds", on=on), shapes=False))
        sites = {row.code: _site(row) for row in rows}
        offices = {
            row.code: Office(row.code, row.properties["name"])
            for row in store.rows(visible(person, "street_offices"), _offices_now(), shapes=False)
        }
        shared, empty = _offices.of(store, ("street_offices",), None, lambda: _boundaries(store))
        crowded = _compounds.of(store, ("compounds",), None, lambda: _crowded(store))
        named = {code: Office(code, site.name) for code, site in sites.items()}
        return Health(
            tuple(Overlap(offices[one], offices[other], m2) for one, other, m2 in shared),
            empty,
            _outside(store, sites),
            tuple(sites[row.code] for row in rows if row.properties["street_office_code"] is None),
            tuple(Overlap(named[one], named[other], m2) for one, other, m2 in crowded),
            _strays(store, person, on),
        )


def _offices_now() -> Query:
    return Query(layer="street_offices", on=date.max)


def _site(row: Row) -> Site:
    p = row.properties
    return Site(row.code, p["name"] or row.code, p["floor_area_m2"], p["built_year"], p["households"])


def _boundaries(store: Store) -> tuple[tuple[tuple[str, str, float], ...], tuple[Hole, ...]]:
    rows = store.rows(visible(Person(), "street_offices"), _offices_now())
    areas = shapes.by_code((row.code, row.wkb) for row in rows)
    empty = overlaps.holes(areas)
    points = shapely.get_coordinates(from_area(shapely.point_on_surface(empty.to_numpy())))
    holes = zip(empty.area.tolist(), points.tolist(), strict=True)
    return _pairs(overlaps.overlaps(areas)), tuple(Hole(m2, *point) for m2, point in holes)


def _crowded(store: Store) -> tuple[tuple[str, str, float], ...]:
    with store.reading() as connection:
        return _pairs(overlaps.overlaps(shapes.of_layer(connection, "compounds")))


def _pairs(found) -> tuple[tuple[str, str, float], ...]:
    return tuple(zip(found["one"], found["other"], numpy.round(found["area_m2"], 6).tolist(), strict=True))


def _outside(store: Store, sites: dict[str, Site]) -> tuple[Outside, ...]:
    """Return the compounds of which a part lies in no street office, the largest share first."""
    a = tables.assignments.c
    wanted = select(a.code, a.outside).where(a.layer == "compounds", a.outside > LEAST_OUTSIDE)
    found = {row["code"]: row["outside"] for row in store.frame(wanted) if row["code"] in sites}
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Outside(sites[code], share) for code, share in ranked)


def _strays(store: Store, person: Person, on: date) -> tuple[Stray, ...]:
    """Return the structures, as far as the person sees them, that lie in no compound."""
    s, p = tables.illegal_structures.c, tables.places.c
    sight = visible(person, "illegal_structures")
    wanted = select(s.code).where(~select(p.code).where(p.code == s.code).exists())
    codes = {row["code"] for row in store.frame(wanted)}
    if not codes:
        return ()
    rows = store.rows(sight, Query(layer="illegal_structures", on=on), shapes=False)
    told = ((row.code, row.properties) for row in rows if row.code in codes)
    return tuple(Stray(code, p["name"], p["street_office_code"], p["street_office_name"]) for code, p in told)
