"""Where one more facility would serve most: places chosen one after the other, each the best that is left.

This is greedy maximum coverage: no choice of as many places can serve more than 1 / (1 - 1/e),
or 1.58 times, as many (Nemhauser, Wolsey and Fisher 1978), and the first place is the best there is.
"""

from heapq import heapify, heappop, heappush
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from geo.check import require
from geo.coverage import DUST, Reached, circles
from geo.crs import to_area
from geo.locate import metres_per_degree

_ROOM = 1.01  # a box this much wider than a circle holds it, whatever was rounded


class Place(NamedTuple):
    """A chosen place: its label, and what a facility there would add to all that serve before it.

    ``weight`` counts what newly lies in reach (households, in parts of a site), ``area_m2`` its
    land; ``reached`` how many sites come nearer to being served, ``completed`` how many of them
    would then be served as a whole.
    """

    label: object
    weight: float
    area_m2: float
    reached: int
    completed: int


def best_places(
    reached: Reached,
    site_m2: np.ndarray,
    weight: np.ndarray,
    candidates: gpd.GeoSeries,
    radius_m: float,
    count: int,
) -> list[Place]:
    """Return up to so many places, each where one facility more would add most to those before it.

    Args:
        reached: what is served so far, as ``coverage_by_kind`` tells it.
        site_m2: the area of each site in AREA.
        weight: what a site counts, such as its households; 0 where that is unknown.
        candidates: the points in STORED to choose from.
        radius_m: how far a facility there would reach, in metres, straight-line.
        count: how many places to choose.

    A site's weight lies evenly on its area. Of equally good candidates the first one is taken;
    where no candidate adds anything, none is. A candidate adds at most what is left of the sites
    around it, and ever less as others are chosen: so it is measured only when it comes up.
    """
    require(candidates, "point")
    points, left = candidates.to_numpy(), reached.left.to_numpy().copy()
    density = np.asarray(weight, dtype=float) / site_m2
    around = _around(points, radius_m, left)
    most = [float(shapely.area(left[sites]) @ density[sites]) for sites in around]
    queue = [(-gain, number) for number, gain in enumerate(most) if gain > 0]
    heapify(queue)
    known_at = np.full(len(points), -1)
    places: list[Place] = []
    while queue and len(places) < count:
        bound, number = heappop(queue)
        if known_at[number] < len(places):
            gain = float(_within(points[number], radius_m, left[around[number]]) @ density[around[number]])
            known_at[number] = len(places)
            if gain > 0:
                heappush(queue, (max(-gain, bound), number))
            continue
        places.append(
            _take(candidates.index[number], points[number], radius_m, around[number], left, site_m2, density)
        )
    return places


def _around(points: np.ndarray, radius_m: float, left: np.ndarray) -> list[np.ndarray]:
    """Return the numbers of the sites of which something may be left around each point."""
    at = shapely.get_coordinates(points)
    grown = _ROOM * radius_m / metres_per_degree(at[:, 1])
    boxes = to_area(shapely.box(*(at - grown).T, *(at + grown).T))
    point, site = shapely.STRtree(left).query(boxes)
    order = np.lexsort((site, point))
    return np.split(site[order], np.searchsorted(point[order], np.arange(1, len(points))))


def _within(point: shapely.Point, radius_m: float, left: np.ndarray) -> np.ndarray:
    """Return the area of what is left of some sites within reach of a point."""
    return shapely.area(shapely.intersection(left, _circle(point, radius_m)))


def _circle(point: shapely.Point, radius_m: float) -> shapely.Polygon:
    return to_area(circles(np.array([point]), np.array([radius_m])))[0]


def _take(
    label: object,
    point: shapely.Point,
    radius_m: float,
    sites: np.ndarray,
    left: np.ndarray,
    site_m2: np.ndarray,
    density: np.ndarray,
) -> Place:
    """Take what a facility at a point would serve from what is left, and tell what that was."""
    parts = _within(point, radius_m, left[sites])
    touched = parts > DUST * site_m2[sites]
    sites, parts = sites[touched], parts[touched]
    rest = shapely.difference(left[sites], _circle(point, radius_m))
    done = shapely.area(rest) <= DUST * site_m2[sites]
    rest[done] = shapely.Polygon()
    left[sites] = rest
    return Place(label, float(parts @ density[sites]), float(parts.sum()), len(sites), int(done.sum()))
