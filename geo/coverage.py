"""What the facilities serve: the area within their radius, and how much of each site lies in it.

Distances are straight lines on the ellipsoid, not ways on foot; say so beside every figure.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from geo.check import require
from geo.crs import STORED, areas
from geo.errors import GeometryError
from geo.locate import GEOD

_VERTICES = 128
#: How much further out the vertices stand, so that the polygon has the area of its circle.
_OUT = np.sqrt(2 * np.pi / _VERTICES / np.sin(2 * np.pi / _VERTICES))


def _circles(points: np.ndarray, radius_m: np.ndarray) -> np.ndarray:
    """Return geodesic circles of 128 vertices, each of the area π r²."""
    bearing = np.linspace(0, -360, _VERTICES, endpoint=False)  # anticlockwise
    lon, lat = np.repeat(shapely.get_coordinates(points), _VERTICES, axis=0).T
    reach = np.repeat(radius_m * _OUT, _VERTICES)
    x, y, _ = GEOD.fwd(lon, lat, np.tile(bearing, len(points)), reach)
    return shapely.polygons(np.stack([x, y], axis=1).reshape(len(points), _VERTICES, 2))


def _buffer(geometry: shapely.Geometry, radius_m: float) -> shapely.Geometry:
    """Return the buffer of a geometry, made in a transverse Mercator plane around its centre."""
    west, south, east, north = geometry.bounds
    plane = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad"
        f" +step +proj=tmerc +lon_0={(west + east) / 2} +lat_0={(south + north) / 2} +ellps=GRS80"
    )
    flat = shapely.transform(geometry, lambda xy: np.column_stack(plane.transform(*xy.T)))
    grown = shapely.buffer(flat, radius_m, quad_segs=_VERTICES // 4)
    return shapely.transform(grown, lambda xy: np.column_stack(plane.transform(*xy.T, direction="INVERSE")))


def served_area(facilities: gpd.GeoSeries, radius_m: np.ndarray) -> gpd.GeoSeries:
    """Return the polygon within reach of each facility, on the facilities' index, in STORED.

    Args:
        facilities: points or polygons in STORED.
        radius_m: the service radius of each, in metres, straight-line.

    A point is served by a geodesic circle whose 128 corners have the area π r² (they
    stand 0.02 % further out than r, its sides 0.04 % less far); a polygon by a buffer.

    Raises:
        CrsError: the facilities are not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, a label comes twice,
            a radius is unknown or not above 0, or a served area would cross longitude 180.
    """
    require(facilities, "point or polygon")
    radius_m = np.asarray(radius_m, dtype=float)
    bad = np.flatnonzero(~(np.isfinite(radius_m) & (radius_m > 0)))
    if len(bad):
        label, radius = facilities.index[bad[0]], radius_m[bad[0]]
        raise GeometryError(
            "Facility %(label)s has no usable radius: %(radius)s.", label=label, radius=radius
        )
    shapes = facilities.to_numpy()
    served = np.empty(len(shapes), dtype=object)
    point = shapely.get_type_id(shapes) == shapely.GeometryType.POINT
    served[point] = _circles(shapes[point], radius_m[point])
    served[~point] = [_buffer(*pair) for pair in zip(shapes[~point], radius_m[~point], strict=True)]
    west, _, east, _ = shapely.bounds(served).T
    if (east - west > 180).any():
        label = facilities.index[(east - west > 180).argmax()]
        raise GeometryError("The area served by %(label)s would cross longitude 180.", label=label)
    return gpd.GeoSeries(served, index=facilities.index, crs=STORED)


def _share_in(site: shapely.Geometry, site_m2: float, served: np.ndarray) -> float:
    """Return the share of one site's area inside the union of served areas."""
    together = shapely.union_all(served)
    if shapely.covers(together, site):
        return 1.0
    return min(1.0, areas(np.array([shapely.intersection(site, together)]))[0] / site_m2)


def coverage(sites: gpd.GeoSeries, served: gpd.GeoSeries) -> pd.DataFrame:
    """Return the ``share`` of each site's area that is served by any facility, on the sites' index.

    Args:
        sites: polygons in STORED.
        served: polygons in STORED, as ``served_area`` gives them; they may overlap.

    The share is exactly 1.0 for a site served as a whole and 0.0 for one that none reaches.

    Raises:
        CrsError: a series is not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, or a label comes twice.
    """
    require(sites, "polygon")
    require(served, "polygon")
    site_m2, shapes = areas(sites.to_numpy()), sites.to_numpy()
    tree = shapely.STRtree(shapes)
    share = np.zeros(len(sites))
    share[tree.query(served.to_numpy(), predicate="covers")[1]] = 1.0
    reached, site = tree.query(served.to_numpy(), predicate="intersects")
    for number, mine in pd.Series(reached).groupby(site):
        if share[number] < 1.0:
            share[number] = _share_in(shapes[number], site_m2[number], served.to_numpy()[mine])
    return pd.DataFrame({"share": share}, index=sites.index)
