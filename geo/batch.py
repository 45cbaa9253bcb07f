"""Which area answers for a site, over the partitions of a dask frame: what geo.assign and geo.locate say.

A partition is worked out by itself, with no more areas than those whose boxes meet its own: so
memory is bounded by the partition, and no pair of partitions is ever compared. Nothing is computed
here: each function returns one ``Delayed`` a partition, in their order, for the caller's scheduler.

dask and dask-geopandas are imported here only: they are installed by whoever asks for them.
"""

from collections.abc import Callable

import dask_geopandas
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from dask import delayed
from dask.delayed import Delayed

from geo.assign import DIGITS, Assigned, assign
from geo.borders import edge_distances
from geo.crs import Bounds
from geo.grid import Grid
from geo.locate import locate, metres_per_degree
from geo.locate import nearest as locate_nearest

#: Gives the areas (polygons in STORED, indexed by code) whose boxes meet a box, and perhaps more.
Areas = Callable[[Bounds], gpd.GeoSeries]
#: From so many points on, building a grid for them costs less than it saves.
MANY = 10_000


class Held:
    """Areas held in memory, as ``Areas``: for few, since they travel with every partition.

    >>> near, far = shapely.box(117, 36, 118, 37), shapely.box(110, 30, 111, 31)
    >>> Held(gpd.GeoSeries([near, far], index=["a", "b"], crs="EPSG:4490"))((117.5, 36, 117.6, 37)).index
    Index(['a'], dtype='str')
    """

    def __init__(self, areas: gpd.GeoSeries) -> None:
        self._areas = areas

    def __call__(self, bounds: Bounds) -> gpd.GeoSeries:
        """Return the areas whose boxes meet the bounds."""
        west, south, east, north = shapely.bounds(self._areas.to_numpy()).T
        return self._areas[
            (west <= bounds[2]) & (east >= bounds[0]) & (south <= bounds[3]) & (north >= bounds[1])
        ]


def _near(sites: gpd.GeoSeries, areas: Areas, reach_m: float = 0.0) -> gpd.GeoSeries:
    """Return the areas whose boxes come so near to the box of the sites, and perhaps more."""
    bounds = shapely.bounds(sites.to_numpy())
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if len(bounds) == 0:  # no site, or none with a place: any areas will do to say so
        return areas((0.0, 0.0, 0.0, 0.0))
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    # A degree of longitude is the shortest at the highest latitude.
    reach = 1.02 * reach_m / metres_per_degree(np.abs([low[1], high[1]])).min() if reach_m else 0.0
    return areas((*(low - reach), *(high + reach)))


def _located(sites: gpd.GeoDataFrame, areas: Areas, tolerance_m: float, edge_m: float) -> pd.DataFrame:
    near, points = _near(sites.geometry, areas, max(tolerance_m, edge_m)), sites.geometry
    found = locate(points, near) if len(points) < MANY else Grid(near).locate(points)
    nowhere = found["area"].isna().to_numpy()
    if tolerance_m and nowhere.any():
        nearest = locate_nearest(points[nowhere], near)
        held = (nearest["distance_m"] <= tolerance_m).to_numpy()
        found.loc[nowhere, "area"] = np.where(held, nearest["area"], None)
    if edge_m:
        beside = edge_distances(points, near, edge_m).notna().to_numpy()
        found["several"] |= beside & found["area"].notna().to_numpy()
    return found


def _assigned(
    sites: gpd.GeoDataFrame, areas: Areas, border_above: float, main_share_below: float
) -> Assigned:
    found = assign(sites.geometry, _near(sites.geometry, areas), border_above)
    main = found.main
    low = main["area"].notna() & (main["share"].round(DIGITS) < main_share_below)
    return Assigned(main.assign(border=main["border"] | low), found.shares)


def located(
    points: dask_geopandas.GeoDataFrame, areas: Areas, tolerance_m: float = 0.0, edge_m: float = 0.0
) -> list[Delayed]:
    """Return what geo.locate.locate says of the points of each partition, still to be computed.

    Args:
        points: points in STORED, indexed by label; no label may be in two partitions.
        areas: gives the areas that meet a partition.
        tolerance_m: a point in no area belongs to the nearest one within so many metres (0: to none).
        edge_m: ``several`` is also True for a point of an area within so many metres of an edge (0: on it).

    Computing raises what geo.locate.locate raises.
    """
    return [delayed(_located)(part, areas, tolerance_m, edge_m) for part in points.to_delayed()]


def assigned(
    sites: dask_geopandas.GeoDataFrame,
    areas: Areas,
    border_above: float = 0.01,
    main_share_below: float = 0.0,
) -> list[Delayed]:
    """Return what geo.assign.assign says of the sites of each partition, still to be computed.

    Args:
        sites: polygons in STORED, indexed by code; no code may be in two partitions.
        areas: gives the areas that meet a partition.
        border_above: as in geo.assign.assign.
        main_share_below: ``border`` is also True where the main area holds less than this share.

    Computing raises what geo.assign.assign raises.
    """
    return [delayed(_assigned)(part, areas, border_above, main_share_below) for part in sites.to_delayed()]
