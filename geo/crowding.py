"""Whether a zoom is too crowded to draw features one by one: one answer for all tiles of it.

Decided tile by tile, counts would stand beside single features with a seam between them.
"""

import numpy as np

from geo.outlines import LEAST
from geo.tilesets import PointSet, ShapeSet

_EXTENT = 12  # the logarithm of how many units a side a tile has
_WHOLE = 32  # that of the square's side


def crowded(features: PointSet | ShapeSet, z: int, most: int, keep: np.ndarray | None = None) -> bool:
    """Return whether a tile of a zoom would hold more than so many points, or shapes too small to draw.

    A point lies in one tile, a shape in that of its box's middle.

    Args:
        features: what is drawn.
        z: zoom.
        most: so many are drawn one by one, 0 or more.
        keep: of every row whether it is drawn; all are without it.

    >>> from geo.tilesets import point_set
    >>> three = point_set(np.array([100.0, 100.1, 120.0]), np.array([30.0, 30.1, 30.0]))
    >>> crowded(three, 5, 1), crowded(three, 5, 2), crowded(three, 12, 1)
    (True, False, False)
    """
    x, y = _points(features, keep) if isinstance(features, PointSet) else _small(features, z, keep)
    return _together(x, y, _WHOLE - z, most)


def _points(features: PointSet, keep: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    if keep is None:
        return features.x, features.y
    kept = keep[features.row]
    return features.x[kept], features.y[kept]


def _small(features: ShapeSet, z: int, keep: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the middles of the shapes that are too small to draw, along the z-curve."""
    boxes = features.boxes if keep is None else features.boxes[keep[features.row]]
    shift = _WHOLE - z - _EXTENT
    whole = boxes.astype(np.int64)
    units = whole + (1 << shift - 1) >> shift if shift > 0 else whole << -shift
    small = (units[:, 2:] - units[:, :2] < LEAST).all(axis=1)
    west, north, east, south = boxes[small].T
    return west // 2 + east // 2, north // 2 + south // 2


def _together(x: np.ndarray, y: np.ndarray, level: int, most: int) -> bool:
    """Return whether more than so many places, along the z-curve, lie in one square of a side's logarithm.

    They are neighbours on the curve. Every so manieth place is looked at, first whether half as many
    before or after it lie with it: of so many together one is such a place.
    """
    middles = np.arange(0, len(x), most + 1)
    half = np.array([-(most // 2 + most % 2), most // 2 + most % 2])
    beside = np.clip(middles[:, np.newaxis] + half, 0, len(x) - 1)
    near = _same(x, beside, middles[:, np.newaxis], level) & _same(y, beside, middles[:, np.newaxis], level)
    for middle in middles[near.any(axis=1)]:
        first = np.arange(max(middle - most, 0), min(middle, len(x) - 1 - most) + 1)
        if (_same(x, first, first + most, level) & _same(y, first, first + most, level)).any():
            return True
    return False


def _same(numbers: np.ndarray, one: np.ndarray, other: np.ndarray, level: int) -> np.ndarray:
    return (numbers[one] ^ numbers[other]).astype(np.uint64) >> np.uint64(level) == 0
