"""Outlines with fewer vertices, for a view in which nobody sees the difference."""

import numpy as np
import shapely


def thinned(shapes: np.ndarray, step: float) -> np.ndarray:
    """Return polygons without the vertices that move their outlines by less than about a step.

    A vertex goes while the triangle with those beside it is smaller than a square of the step. Where
    areas share an edge they go on sharing it. After Visvalingam and Whyatt, Line generalisation by
    repeated elimination of points (1993).

    Args:
        shapes: polygons and multipolygons.
        step: what can be told apart in the view, in the unit of the coordinates, more than 0.

    >>> line = [(0, 0), (1, 0), (1, 1), (0.5, 1.0001), (0, 1)]
    >>> shapely.get_num_coordinates(thinned([shapely.Polygon(line)], 0.1)).tolist()
    [5]
    """
    return shapely.coverage_simplify(np.asarray(shapes, object), step)
