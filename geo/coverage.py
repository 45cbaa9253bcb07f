"""What the facilities serve: the area within their radius, and how much of each site lies in it.

Distances are straight lines on the ellipsoid, not ways on foot; say so beside every figure.

A served area is made where metres are metres: a geodesic circle around a point, a buffer in a
plane of its own around an outline. From then on everything is cut and measured in AREA, in which
an area is one whichever order it is cut in: the union of the served areas is never made, for
what is left of a site when each of them is taken away needs only those few that touch it.
"""

from collections.abc import Callable
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from geo.check import require
from geo.crs import AREA, STORED, to_area
from geo.errors import GeometryError
from geo.locate import GEOD
from geo.threads import share_out

#: What is left of a site and smaller than this share of it is rounding, and nothing.
DUST = 1e-12

_TOGETHER = 256  # shapes that a thread takes at a time
_VERTICES = 128
#: How much further out the vertices stand, so that the polygon has the area of its circle.
_OUT = np.sqrt(2 * np.pi / _VERTICES / np.sin(2 * np.pi / _VERTICES))


def circles(points: np.ndarray, radius_m: np.ndarray) -> np.ndarray:
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
    served[point] = circles(shapes[point], radius_m[point])
    served[~point] = [_buffer(*pair) for pair in zip(shapes[~point], radius_m[~point], strict=True)]
    west, _, east, _ = shapely.bounds(served).T
    if (east - west > 180).any():
        label = facilities.index[(east - west > 180).argmax()]
        raise GeometryError("The area served by %(label)s would cross longitude 180.", label=label)
    return gpd.GeoSeries(served, index=facilities.index, crs=STORED)


class Reached(NamedTuple):
    """How much of each site one kind of facility serves, on the sites' index.

    ``share`` of its area; ``left`` is the part that none serves, a polygon in AREA that is empty
    exactly where the share is 1.
    """

    share: pd.Series
    left: gpd.GeoSeries


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
    found = coverage_by_kind(sites, served, np.zeros(len(served), dtype=int))
    share = found[0].share if found else pd.Series(0.0, index=sites.index)
    return share.to_frame("share")


def coverage_by_kind(sites: gpd.GeoSeries, served: gpd.GeoSeries, kinds: np.ndarray) -> dict[object, Reached]:
    """Return for each kind how much of each site it serves, in the order of the kinds.

    Args:
        sites: polygons in STORED.
        served: polygons in STORED, as ``served_area`` gives them; they may overlap.
        kinds: the kind of each served area, such as "school"; any values that can be sorted.

    Raises:
        CrsError: a series is not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, or a label comes twice.
    """
    require(sites, "polygon")
    require(served, "polygon")
    kinds = np.asarray(kinds)
    homes, reaches = to_area(sites.to_numpy()), to_area(served.to_numpy())
    home_m2 = shapely.area(homes)
    found = {}
    for kind in np.unique(kinds):
        left = _left(homes, reaches[kinds == kind])
        part = shapely.area(left) / home_m2
        left[part <= DUST] = shapely.Polygon()
        share = np.clip(np.where(part <= DUST, 1.0, 1.0 - part), 0.0, 1.0)
        key = kind.item() if hasattr(kind, "item") else kind
        found[key] = Reached(
            pd.Series(share, index=sites.index), gpd.GeoSeries(left, index=sites.index, crs=AREA)
        )
    return found


def pairwise_on_cores(work: Callable, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return what a function of shapely gives for pairs, worked out on all cores.

    Not for questions to prepared geometries, which keep notes while they answer.
    """
    parts = share_out(lambda begin, end: work(one[begin:end], other[begin:end]), len(one), _TOGETHER)
    return np.concatenate(parts) if parts else np.empty(0, dtype=object)


def _left(sites: np.ndarray, served: np.ndarray) -> np.ndarray:
    """Return what is left of each site without the served areas, all of them in one plane."""
    left = sites.copy()
    site, one = shapely.STRtree(served).query(sites)
    shapely.prepare(served)
    # First those that one served area holds: most of them, and nothing need be cut.
    whole = np.zeros(len(sites), dtype=bool)
    whole[site[shapely.covers(served[one], sites[site])]] = True
    left[whole] = shapely.Polygon()
    site, one = site[~whole[site]], one[~whole[site]]
    touched = shapely.intersects(served[one], sites[site])
    site, one = site[touched], one[touched]
    # In one order, whoever else is there: so a site's share is the same to the last bit.
    order = np.lexsort((one, site))
    site, one = site[order], one[order]
    for now in _rounds(site):
        at, by = site[now], one[now]
        still = ~shapely.is_empty(left[at])
        left[at[still]] = pairwise_on_cores(shapely.difference, left[at[still]], served[by[still]])
    return left


def _rounds(site: np.ndarray) -> list[np.ndarray]:
    """Return pairs, given by the sorted numbers of their sites, in rounds in which no site comes twice."""
    begins = np.flatnonzero(np.diff(site, prepend=-1))
    turn = np.arange(len(site)) - np.repeat(begins, np.diff(np.r_[begins, len(site)]))
    return [np.flatnonzero(turn == number) for number in range(turn.max(initial=-1) + 1)]
