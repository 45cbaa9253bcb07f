"""Outlines that rounding pressed together until they touch themselves, made valid again.

The few that the compiled loops leave in doubt come here: shapely finds the areas that their lines
bound, cuts the window out and lays what is left on the units of the tile, valid as it lies there.
"""

import numpy as np
import shapely

from geo import outlines


def mended(arrays: tuple, chosen: np.ndarray, shift: int, west: int, north: int, low: int, high: int):
    """Return the geometries of polygons as commands, one after the other, and where they end.

    Args:
        arrays: of a ShapeSet, as outlines.shape_commands takes them.
        chosen: the places of the polygons.
        shift: of the square's numbers to the tile's units.
        west: of the tile, in its units.
        north: of the tile.
        low: the least unit drawn, in both directions.
        high: the greatest.
    """
    given = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON,
        *_ragged(outlines.whole_rings(arrays, chosen, shift, west, north)),
    )
    cut = shapely.intersection(shapely.make_valid(given), shapely.box(low, low, high, high))
    parts, owner = shapely.get_parts(shapely.set_precision(cut, 1), return_index=True)
    inner, of = shapely.get_parts(parts, return_index=True)  # a collection may hold collections
    areal = (shapely.get_type_id(inner) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(inner)
    polygons, owner = shapely.orient_polygons(inner[areal], exterior_cw=False), owner[of[areal]]
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    starts = np.append(0, np.cumsum(shapely.get_num_coordinates(rings)))
    xy = shapely.get_coordinates(rings).astype(np.int64)
    return outlines.ring_commands(xy, starts, owner[polygon], len(chosen))


def _ragged(found: tuple) -> tuple:
    xy, rings, polygons = found
    return xy, (rings, polygons)
