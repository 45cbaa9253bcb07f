"""The sheet the invented town is drawn on: how it lies on the ground, and dice that fall alike.

The town is drawn on a flat *sheet* (u to the east, v to the north, in metres) and then bent
as a whole, so that roads curve with the river, and two neighbours share every vertex because
they share it on the sheet. Only ``+ - * /`` lead from the sheet to longitude and latitude, and
only ``Random.random`` throws the dice: every machine gets the same bits.
"""

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
Point = tuple[float, float]
Ring = list[Point]

#: The centre of the town, CGCS2000 degrees.
CENTRE = (117.3, 36.2)
#: The line on the sheet that becomes the river; what is near bends most.
RIVER = -920.0


class Dice:
    """Throws that fall alike everywhere: Python keeps the sequence of ``Random.random`` for good.

    >>> Dice(2022, "example").whole(1, 6) == Dice(2022, "example").whole(1, 6)
    True
    """

    def __init__(self, seed: int, part: str) -> None:
        self._throw = random.Random(f"{seed}/{part}").random

    def between(self, low: float, high: float) -> float:
        """Return a number from ``low`` up to ``high``."""
        return low + (high - low) * self._throw()

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both possible."""
        return low + int((high - low + 1) * self._throw())

    def chance(self, share: float) -> bool:
        """Return True in that share of the throws."""
        return self._throw() < share

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.whole(0, len(items) - 1)]

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """Return the items in a new order."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.whole(0, last)
            order[last], order[other] = order[other], order[last]
        return order


def bend(u: float, v: float) -> Point:
    """Return where a point of the sheet lies: metres east and north of the centre.

    >>> [round(metres, 3) for metres in bend(0, 0)]
    [-8.265, 94.467]
    """
    t, s, r = u / 4500, v / 3500, (v - RIVER) / 2300
    near = 1 / (1 + r * r)
    x = u * (1 + 0.035 * s) + 90 * s * s - 40 * s * t * t
    y = v + near * (620 * (t - 0.95 * t * t * t) + 110 * (1 - t * t)) - 60 * t * s
    return x * 0.9961946981 - y * 0.0871557427, x * 0.0871557427 + y * 0.9961946981


#: Degrees for a metre at the centre, from the radii of the CGCS2000 ellipsoid at 36.2° N:
#: 1/(N cos), tan/N of it, 1/M and tan/2N of it. The first terms of the transverse Mercator
#: there; within the town they keep to it within centimetres.
_LON_X, _LON_XY = 1.11190826782e-05, 1.27442093e-12
_LAT_Y, _LAT_XX = 9.01203636547e-06, 5.1646022e-13


def lonlat(point: Point) -> Point:
    """Return a point of the sheet as CGCS2000 longitude and latitude, to 9 decimals."""
    x, y = bend(*point)
    lon = CENTRE[0] + x * _LON_X + x * y * _LON_XY
    lat = CENTRE[1] + y * _LAT_Y - x * x * _LAT_XX
    return round(lon, 9), round(lat, 9)


def square_metres(ring: Ring) -> float:
    """Return the area of a ring of the sheet once it is bent, m²."""
    points = [bend(*point) for point in ring]
    edges = zip(points, points[1:] + points[:1], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in edges)) / 2
