"""Where areas that should part the ground between them do not: overlaps, and holes between them."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.check import require
from geo.crs import AREA, to_area

#: What is smaller than this is how outlines are drawn, not an overlap or a gap.
LEAST_M2 = 1.0


def overlaps(shapes: gpd.GeoSeries, least_m2: float = LEAST_M2) -> pd.DataFrame:
    """Return the pairs of areas that share ground: ``one``, ``other``, ``area_m2``, the largest first.

    Args:
        shapes: polygons in STORED, on their codes.
        least_m2: what is smaller is left out.

    Raises:
        CrsError: the shapes are not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, or a label comes twice.
    """
    require(shapes, "polygon")
    flat = to_area(shapes.to_numpy())
    one, other = shapely.STRtree(flat).query(flat, predicate="intersects")
    one, other = one[one < other], other[one < other]
    shared = shapely.area(shapely.intersection(flat[one], flat[other]))
    large = shared >= least_m2
    pairs = {"one": shapes.index[one[large]], "other": shapes.index[other[large]], "area_m2": shared[large]}
    found = pd.DataFrame(pairs)
    return found.sort_values(["area_m2", "one", "other"], ascending=[False, True, True], ignore_index=True)


def holes(shapes: gpd.GeoSeries, least_m2: float = LEAST_M2) -> gpd.GeoSeries:
    """Return the gaps that areas leave between them, in AREA, the largest first.

    A gap is ground that they enclose and none of them holds.

    Args:
        shapes: polygons in STORED.
        least_m2: what is smaller is left out.

    Raises:
        CrsError: the shapes are not in STORED.
        GeometryError: a geometry is missing, of the wrong type or invalid, or a label comes twice.
    """
    require(shapes, "polygon")
    parts = shapely.get_parts(shapely.union_all(to_area(shapes.to_numpy())))
    rings = [ring for part in parts for ring in part.interiors]
    found = shapely.polygons(rings) if rings else np.empty(0, dtype=object)
    size = shapely.area(found)
    order = np.argsort(-size, kind="stable")
    return gpd.GeoSeries(found[order[size[order] >= least_m2]], crs=AREA)
