"""What makes a point a border case: which areas claim it, and how far it is from an edge.

Only the few points that are in doubt are worked out here, each exactly.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.check import require
from geo.locate import GEOD, metres_per_degree


def candidates(points: gpd.GeoSeries, areas: gpd.GeoSeries) -> pd.Series:
    """Return the codes of all areas whose closed ground holds each point, the lowest first.

    Args:
        points: points in STORED.
        areas: polygons in STORED, indexed by code.

    Returns:
        A Series of tuples on the points' index; empty where no area covers the point (ST_Covers).

    Raises:
        CrsError: a series is not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, or a label comes twice.
    """
    require(points, "point")
    require(areas, "polygon")
    area, point = shapely.STRtree(points.to_numpy()).query(areas.to_numpy(), predicate="covers")
    found: list[list] = [[] for _ in range(len(points))]
    for number, place in zip(area, point, strict=True):
        found[place].append(areas.index[number])
    return pd.Series([tuple(sorted(codes)) for codes in found], index=points.index, dtype=object)


def edge_distances(points: gpd.GeoSeries, areas: gpd.GeoSeries, within_m: float) -> pd.Series:
    """Return how far each point is from the nearest edge of any area, NaN beyond ``within_m``.

    Args:
        points: points in STORED.
        areas: polygons in STORED.
        within_m: how far to look, in metres.

    Returns:
        Metres along the geodesic, on the points' index. The nearest place is found on a plane
        around the point: right to a millionth within 10 km.

    Raises:
        CrsError: a series is not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, or a label comes twice.
    """
    require(points, "point")
    require(areas, "polygon")
    distances = np.full(len(points), np.nan)
    if len(points) and len(areas):
        shapes, edges = points.to_numpy(), shapely.boundary(areas.to_numpy())
        # A degree of longitude is the shortest at the highest latitude.
        shortest = metres_per_degree(np.abs(shapely.get_y(shapes)).max(keepdims=True)).min()
        reach = 1.01 * within_m / shortest
        near = shapely.STRtree(edges).query(shapes, predicate="dwithin", distance=reach)
        for point, edge in near.T:
            metres = _distance(shapes[point], edges[edge])
            if metres <= within_m and not metres >= distances[point]:
                distances[point] = metres
    return pd.Series(distances, index=points.index)


def _distance(point: shapely.Point, edge: shapely.Geometry) -> float:
    place = shapely.get_coordinates(point)[0]
    scale = metres_per_degree(place[1:])[0]
    flat = shapely.transform(edge, lambda xy: (xy - place) * scale)
    foot = shapely.get_coordinates(shapely.shortest_line(shapely.Point(0, 0), flat))[1] / scale + place
    return float(GEOD.inv(*place, *foot)[2])
