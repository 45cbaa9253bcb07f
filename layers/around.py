"""What lies at a place: the street office, compounds, structures near by, facilities that reach it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import shapely
from sqlalchemy import func, select

from geo.errors import RequestError
from geo.locate import metres_per_degree, nearest_one
from layers import tables
from layers.boxes import Box
from layers.people import Person, visible
from layers.querying import Query
from layers.store import Row, Store

#: A pointer is never further from what it means.
MOST_M = 2000.0
#: So many structures are told of one place.
MOST_TOLD = 50


class Near(NamedTuple):
    """A row at or near a place: its code and visible fields, and how many metres away it lies."""

    code: str
    properties: dict[str, object]
    standing: dict[str, bool]
    metres: float


@dataclass(frozen=True)
class Here:
    """What lies at a place. ``more`` says that there are more structures than are told."""

    lon: float
    lat: float
    street_offices: tuple[Near, ...]
    compounds: tuple[Near, ...]
    illegal_structures: tuple[Near, ...]
    facilities: tuple[Near, ...]
    more: bool


def here(store: Store, person: Person, lon: float, lat: float, within_m: float, on: date) -> Here:
    """Return what lies at a place in degrees of STORED, as far as the person sees it.

    Street offices and compounds are those that cover the place, edges included; structures lie at
    most ``within_m`` metres away, the nearest first; facilities have it within their radius,
    straight-line. Distances are geodesics.

    Raises:
        RequestError: there is no such place, or the distance is not between 0 and 2000 m.
    """
    if not (-180 <= lon <= 180 and -85 <= lat <= 85 and 0 <= within_m <= MOST_M):
        raise RequestError("A place is longitude and latitude in degrees, with up to 2000 m around it.")
    at, found = shapely.Point(lon, lat), {}
    with store.still() as store:
        for layer in ("street_offices", "compounds"):
            asked = Query(layer=layer, on=on, box=(lon, lat, lon, lat))
            rows = store.rows(visible(person, layer), asked)
            found[layer] = tuple(_near(row, 0.0) for row in rows)
        asked = Query(layer="illegal_structures", on=on, box=_box(lon, lat, within_m))
        near = _measured(at, store.rows(visible(person, "illegal_structures"), asked))
        near = sorted((n for n in near if n.metres <= within_m), key=lambda n: (n.metres, n.code))
        reaching = tuple(sorted(_reaching(store, person, at, on), key=lambda n: (n.metres, n.code)))
    return Here(
        lon,
        lat,
        **found,
        illegal_structures=tuple(near[:MOST_TOLD]),
        facilities=reaching,
        more=len(near) > MOST_TOLD,
    )


def _reaching(store: Store, person: Person, at: shapely.Point, on: date) -> Iterator[Near]:
    """Yield the facilities that have a place within their radius."""
    furthest = store.frame(select(func.max(tables.facilities.c.radius_m).label("m")))[0]["m"]
    if furthest is None:
        return
    asked = Query(layer="facilities", on=on, box=_box(at.x, at.y, furthest))
    for near in _measured(at, store.rows(visible(person, "facilities"), asked)):
        radius = near.properties["radius_m"]
        if radius is not None and near.metres <= radius:
            yield near


def _measured(at: shapely.Point, rows: Iterator[Row]) -> Iterator[Near]:
    for row in rows:
        shape = np.array([shapely.from_wkb(row.wkb)], dtype=object)
        yield _near(row, nearest_one(at, shape, np.zeros(1, dtype=int), shapely.STRtree(shape))[1])


def _near(row: Row, metres: float) -> Near:
    return Near(row.code, row.properties, row.standing, metres)


def _box(lon: float, lat: float, metres: float) -> Box:
    """Return a box around a place that holds all that lies within so many metres."""
    east, north = (1.01 * metres / metres_per_degree(np.array([abs(lat)]))[0]).tolist()
    # A degree is shorter further north: half a degree away by less than that hundredth below 30 km.
    west, south, east, north = lon - east, lat - north, lon + east, lat + north
    return max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)
