"""What lies around a site: its outline, the street offices, its neighbours, as a small map shows them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely
from sqlalchemy import ColumnElement, Select, Table, select

from geo.errors import NotFoundError
from geo.locate import metres_per_degree
from layers import tables
from layers.people import Person, visible
from layers.store import Store
from layers.validity import active_edition

#: How far the picture reaches beyond the site, in sizes of the site, and at least in metres.
_BEYOND, _LEAST_M = 0.6, 60.0


class Area(NamedTuple):
    """A street office within the picture: code, name, its ground there, and its part of the site."""

    code: str
    name: str
    ground: shapely.Geometry
    part: shapely.Geometry


@dataclass(frozen=True)
class Scene:
    """A site with what lies around it, in degrees, cut to ``window`` (west, south, east, north)."""

    window: tuple[float, float, float, float]
    site: shapely.Geometry
    areas: tuple[Area, ...]
    neighbours: tuple[shapely.Geometry, ...]
    backdrop: tuple[tuple[str, shapely.Geometry], ...]


def scene(store: Store, person: Person, layer: str, code: str, ratio: float = 4 / 3) -> Scene:
    """Return what lies around a site, as far as the person sees it.

    Args:
        store: the store.
        person: who looks.
        layer: the site's layer.
        code: the site.
        ratio: of the picture's width to its height.

    Raises:
        NotFoundError: the person sees no such site.
    """
    f, sight = tables.FEATURES[layer], visible(person, layer)
    seen = [] if sight.states is None else [f.c.state.in_(sorted(sight.states))]
    with store.still() as store:
        found = store.frame(select(f.c.wkb).where(f.c.code == code, *seen))
        if not found:
            raise NotFoundError("Layer %(layer)s has no row with the code %(code)s.", layer=layer, code=code)
        site = shapely.from_wkb(found[0]["wkb"])
        window = _window(site.bounds, ratio)
        areas = _areas(store, site, window)
        if not areas:
            window = _window(_towards_an_office(store, site).bounds, ratio)
            areas = _areas(store, site, window)
        frame, c = shapely.box(*window), tables.compounds
        beside = store.frame(_within(c, window).where(c.c.code != code))
        neighbours = tuple(_cut(shapely.from_wkb(row["wkb"]), frame) for row in beside)
        return Scene(window, site, areas, neighbours, _backdrop(store, frame))


def _areas(
    store: Store, site: shapely.Geometry, window: tuple[float, float, float, float]
) -> tuple[Area, ...]:
    """Return the street offices that are seen in the window, by code."""
    o, frame = tables.street_offices, shapely.box(*window)
    found = []
    for row in store.frame(_within(o, window, o.c.name).where(_active())):
        office = shapely.from_wkb(row["wkb"])
        ground = _cut(office, frame)
        if ground.area:
            found.append(Area(row["code"], row["name"], ground, shapely.intersection(office, site)))
    return tuple(found)


def _active() -> ColumnElement:
    return tables.street_offices.c.edition_id == active_edition()


def _towards_an_office(store: Store, site: shapely.Geometry) -> shapely.Geometry:
    """Return a site that lies in no street office with the way to the nearest one, to see both."""
    offices = shapely.from_wkb(
        [r["wkb"] for r in store.frame(select(tables.street_offices.c.wkb).where(_active()))]
    )
    if not len(offices):
        return site
    way = shapely.shortest_line(site, offices[shapely.distance(site, offices).argmin()])
    return shapely.union_all([site, way])


def _window(bounds: tuple[float, float, float, float], ratio: float) -> tuple[float, float, float, float]:
    west, south, east, north = bounds
    middle = np.array([(west + east) / 2, (south + north) / 2])
    scale = metres_per_degree(middle[1:])[0]
    width, height = np.array([east - west, north - south]) * scale
    half = max(width / 2 + _beyond(width, height), (height / 2 + _beyond(width, height)) * ratio)
    reach = np.array([half, half / ratio]) / scale
    return tuple(float(x) for x in (*(middle - reach), *(middle + reach)))


def _beyond(width: float, height: float) -> float:
    return max(_BEYOND * max(width, height), _LEAST_M)


def _within(table: Table, window: tuple[float, float, float, float], *more: ColumnElement) -> Select:
    """Return the select of a layer's rows whose box meets the window."""
    west, south, east, north = window
    t = table.c
    meets = (t.west <= east, t.east >= west, t.south <= north, t.north >= south)
    return select(t.code, t.wkb, *more).where(*meets).order_by(t.code)


def _cut(shape: shapely.Geometry, frame: shapely.Geometry) -> shapely.Geometry:
    return shapely.intersection(shape, frame)


def _backdrop(store: Store, frame: shapely.Geometry) -> tuple[tuple[str, shapely.Geometry], ...]:
    rows = list(store.backdrop())
    shapes = shapely.from_wkb([row.wkb for row in rows]) if rows else np.array([], dtype=object)
    near = shapely.intersects(shapes, frame)
    return tuple(
        (row.properties["kind"], _cut(shape, frame))
        for row, shape, meets in zip(rows, shapes, near, strict=True)
        if meets
    )
