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
    polygons, owner = _polygons(shapely.make_valid(given), np.arange(len(chosen)))
    left, place = np.unique(owner, return_inverse=True)
    whole = shapely.multipolygons(polygons, indices=place)
    # Laid on the units while it is cut, so that it is valid as it lies there.
    cut = shapely.intersection(whole, shapely.box(low, low, high, high), grid_size=1)
    polygons, owner = _polygons(cut, left)
    rings, polygon = shapely.get_rings(
        shapely.orient_polygons(polygons, exterior_cw=False), return_index=True
    )
    starts = np.append(0, np.cumsum(shapely.get_num_coordinates(rings)))
    xy = shapely.get_coordinates(rings).astype(np.int64)
    return outlines.ring_commands(xy, starts, owner[polygon], len(chosen))


def _polygons(shapes: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the polygons among the parts of shapes, and the owner of each."""
    for _ in range(2):  # a collection may hold collections
        shapes, of = shapely.get_parts(shapes, return_index=True)
        owners = owners[of]
    areal = (shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(shapes)
    return shapes[areal], owners[areal]


def _ragged(found: tuple) -> tuple:
    xy, rings, polygons = found
    return xy, (rings, polygons)
