"""Which area a point lies in: exact, and the oracle for everything faster."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Geod

from geo.check import require

#: The ellipsoid of CGCS2000 (its numbers are those of GRS 80): geodesics in metres.
GEOD = Geod(ellps="GRS80")

_ROOM = 1e-7  # degrees, a centimetre: what is cut out around a point is never nothing
_SAME_DISTANCE_M = 1e-6  # the two sides of a gap are equally far from its middle, but for rounding


def ranks(labels: pd.Index) -> np.ndarray:
    """Return each label's place in the order of labels."""
    places = np.empty(len(labels), dtype=np.intp)
    places[labels.argsort()] = np.arange(len(labels))
    return places


def cover(points: np.ndarray, areas: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return of each point the lowest rank of the areas that cover it, and whether several claim it.

    Args:
        points: shapely points.
        areas: valid shapely polygons.
        order: the rank of each area.

    The rank is the number of areas where none covers the point.
    """
    # The polygon is the query side: GEOS prepares it once for all its points.
    tree = shapely.STRtree(points)
    area, point = tree.query(areas, predicate="covers")
    inner = tree.query(areas, predicate="contains_properly")[1]
    claims = np.bincount(point, minlength=len(points))
    inside = np.bincount(inner, minlength=len(points))
    return _lowest(area, point, len(points), order), (claims > 1) | (claims > inside)


def lowest(points: np.ndarray, areas: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return what ``cover`` says first: of each point the lowest rank of the areas that cover it."""
    area, point = shapely.STRtree(points).query(areas, predicate="covers")
    return _lowest(area, point, len(points), order)


def _lowest(area: np.ndarray, point: np.ndarray, points: int, order: np.ndarray) -> np.ndarray:
    found = np.full(points, len(order), dtype=np.intp)
    np.minimum.at(found, point, order[area])
    return found


def told(lowest: np.ndarray, several: np.ndarray, points: pd.Index, areas: pd.Index) -> pd.DataFrame:
    """Return the frame that says what ``cover`` found, for points and areas of these labels."""
    labels = np.append(areas.sort_values().to_numpy(dtype=object), None)
    found = pd.Series(labels[lowest], index=points, dtype=object)
    return pd.DataFrame({"area": found, "several": several}, index=points)


def locate(points: gpd.GeoSeries, areas: gpd.GeoSeries) -> pd.DataFrame:
    """Return the area each point lies in, and whether another could claim it.

    Args:
        points: points in STORED; each row has its own answer, whatever its label.
        areas: polygons in STORED, indexed by code.

    Returns:
        On the points' index: ``area``, the lowest code among the areas that cover the point
        (ST_Covers: an edge belongs to its area), None when none does; ``several``, True when
        more than one covers it or it lies on an edge of one.

    Raises:
        CrsError: a series is not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, or an area's label comes twice.
    """
    require(points, "point", labelled=False)
    require(areas, "polygon")
    lowest, several = cover(points.to_numpy(), areas.to_numpy(), ranks(areas.index))
    return told(lowest, several, points.index, areas.index)


def metres_per_degree(latitude: np.ndarray) -> np.ndarray:
    """Return the metres in a degree of longitude and of latitude there, one row per latitude."""
    sine, cosine = np.sin(np.radians(latitude)), np.cos(np.radians(latitude))
    bend = 1 - GEOD.es * sine**2
    east = GEOD.a / np.sqrt(bend) * cosine
    north = GEOD.a * (1 - GEOD.es) / bend**1.5
    return np.radians(np.column_stack([east, north]))


def _feet(place: np.ndarray, scale: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest point of each area on a plane of metres around a place, and its distance."""
    flat = shapely.transform(areas, lambda xy: (xy - place) * scale)
    feet = shapely.get_coordinates(shapely.shortest_line(shapely.Point(0, 0), flat))[1::2]
    return feet / scale + place, np.hypot(*feet.T)


def nearest_one(
    point: shapely.Point, areas: np.ndarray, order: np.ndarray, tree: shapely.STRtree
) -> tuple[int, float]:
    """Return the number of the area nearest to a point, and its metres away: see ``nearest``.

    Args:
        point: a point in STORED.
        areas: valid shapely polygons in STORED, at least one.
        order: the rank of each area.
        tree: of the areas.
    """
    place = shapely.get_coordinates(point)[0]
    scale = metres_per_degree(place[1:])[0]
    # Nearest in degrees is not nearest in metres, but it bounds how far the search must go.
    line = shapely.get_coordinates(shapely.shortest_line(point, areas[tree.nearest(point)]))
    reach = 1.01 * np.hypot(*((line[1] - line[0]) * scale)) / scale.min() + _ROOM
    near = tree.query(point, predicate="dwithin", distance=reach)
    # What lies beyond that reach need not be looked at.
    west, south, east, north = *(place - reach), *(place + reach)
    feet, _ = _feet(place, scale, shapely.clip_by_rect(areas[near], west, south, east, north))
    lon, lat = np.broadcast_to(place, feet.shape).T
    distance = GEOD.inv(lon, lat, *feet.T)[2]
    equal = near[distance <= distance.min() + _SAME_DISTANCE_M]
    return equal[order[equal].argmin()], float(distance.min())


def nearest(points: gpd.GeoSeries, areas: gpd.GeoSeries) -> pd.DataFrame:
    """Return the nearest area of each point and the distance to it: for points in no area.

    Args:
        points: points in STORED.
        areas: polygons in STORED, indexed by code.

    Returns:
        On the points' index: ``area``, the code (the lowest of equally near ones; None when
        there are no areas), and ``distance_m``, the length of the geodesic to the area's
        nearest place (0 inside, NaN without areas). That place is found on a plane around the
        point: right to a millionth within 10 km, a rough figure across continents.

    Raises:
        CrsError: a series is not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, or a label comes twice.
    """
    require(points, "point")
    require(areas, "polygon")
    shapes, order = areas.to_numpy(), ranks(areas.index)
    tree = shapely.STRtree(shapes)
    found = [nearest_one(point, shapes, order, tree) for point in points if len(areas)]
    labels = [areas.index[area] for area, _ in found] or [None] * len(points)
    metres = [distance for _, distance in found] or [np.nan] * len(points)
    return pd.DataFrame(
        {
            "area": pd.Series(labels, index=points.index, dtype=object),
            "distance_m": pd.Series(metres, index=points.index, dtype=float),
        },
        index=points.index,
    )
