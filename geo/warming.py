"""The compiled loops of vector tiles made ready, so that nobody who asks for the first tile waits for it.

What is compiled is kept on disk beside its source, and made anew when that is another one.
"""

import numpy as np
import shapely

from geo import attributes, mending, mvt, tilesets


def warm() -> int:
    """Draw tiles of every kind of feature, each in every way; return how many bytes they are."""
    area = shapely.box(0, 0, 4, 4).difference(shapely.box(1, 1, 3, 3))
    shapes = tilesets.shape_set(np.array([area, shapely.LineString([(0, 0), (9, 9)])], object))
    points = tilesets.point_set(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    told = [
        attributes.text("code", ["a", "b"]),
        attributes.column("state", ["found", None]),
        attributes.numbers("area_m2", [1.5, None]),
    ]
    size = 0
    for features in (points, shapes):
        for keep in (None, np.ones(2, bool)):
            for counts, few in ((None, mvt.FEW), ("state", -1)):
                made = mvt.layer("warm", features, told, 4, 8, 7, keep=keep, counts=counts, few=few)
                size += len(made)
    *arrays, _row, _nodes, _levels = shapes
    chosen = np.flatnonzero(shapes.kind == tilesets.POLYGON)
    mending.mended(tuple(arrays), chosen, 16, 8 << 12, 7 << 12, -64, 4160)
    return size


if __name__ == "__main__":
    warm()
