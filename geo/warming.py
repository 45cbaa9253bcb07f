"""The compiled loops made ready, so that nobody who asks for the first tile, or loads the first file, waits.

What is compiled is kept on disk beside its source, and made anew when that is another one.
"""

import geopandas
import numpy as np
import shapely

from geo import attributes, mending, mvt, tilesets
from geo.crs import STORED
from geo.grid import Grid


def warm() -> int:
    """Draw tiles of every kind of feature, each in every way; return how many bytes they are."""
    area = shapely.box(0, 0, 4, 4).difference(shapely.box(1, 1, 3, 3))
    shapes = tilesets.shape_set(np.array([area, shapely.LineString([(0, 0), (9, 9)])], object))
    points = tilesets.point_set(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    size = 0
    for told in _told():
        for features in (points, shapes):
            for keep in (None, np.ones(2, bool)):
                for counts, few in ((None, mvt.FEW), (told[1], -1)):
                    made = mvt.layer("warm", features, told, 4, 8, 7, keep=keep, counts=counts, few=few)
                    size += len(made)
    # As after an edit.
    tilesets.replaced_shapes(shapes, np.array([0], np.int32), np.array([shapely.box(0, 0, 1, 1)], object))
    tilesets.replaced_points(points, np.array([0], np.int32), np.array([1.5]), np.array([1.5]))
    *arrays, _row, _nodes, _levels = shapes
    chosen = np.flatnonzero(shapes.kind == tilesets.POLYGON)
    mending.mended(tuple(arrays), chosen, 16, 8 << 12, 7 << 12, -64, 4160)
    return size


def _told() -> list[list[attributes.Attribute]]:
    """Return what is told of two features, of few values, of many, and of very many."""
    code, state = attributes.text("code", ["a", "b"]), attributes.column("state", ["found", None])
    area = attributes.numbers("area_m2", [1.5, None])
    states = [attributes.Column("state", state.values, state.index.astype(f"u{n}")) for n in (1, 2, 4)]
    return [[code, counted, area] for counted in states]


def warm_joins() -> int:
    """Find the areas of points and of sites, some of which reach into two; return how many there are."""
    areas = {"a": shapely.box(117, 36, 118, 37), "b": shapely.box(118, 36, 119, 37.5)}
    grid = Grid(geopandas.GeoSeries(areas, crs=STORED))
    points = geopandas.GeoSeries([shapely.Point(117.5, 36.5), shapely.Point(118, 36.5)], crs=STORED)
    sites = geopandas.GeoSeries(
        [shapely.box(117.2, 36.2, 117.3, 36.3), shapely.box(117.9, 36.9, 118.1, 37.1)], crs=STORED
    )
    return len(grid.locate(points)) + len(grid.assign(sites).main)


if __name__ == "__main__":
    warm()
    warm_joins()
