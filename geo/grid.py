"""Which area a point lies in, at the speed of a grid: the answers of geo.locate.locate.

A uniform grid is laid over the areas. A cell that no edge passes lies wholly in the same areas,
and its points need no exact test; the other cells carry the few edges that pass them. What
rounding leaves in doubt is asked of ``geo.locate.cover``.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo import kernels
from geo.check import require
from geo.crs import require_stored
from geo.errors import GeometryError
from geo.locate import cover, ranks, told

#: Part of the key: another layout of the arrays must not be taken for this one.
LAYOUT = "guatu grid 1"

_CELLS_PER_EDGE = 2.0
_LEAST_SIDE = 1e-5  # degrees, about a metre: far above what rounding moves a coordinate by
_MOST_CELLS_ACROSS = 30_000
_POINTS, _ROWS = 65_536, 32  # that a thread takes at a time
# Where in a row its sides are looked at; the next one when rounding leaves one unsure.
_HEIGHTS = (0.5, 0.37, 0.61, 0.2, 0.83, 0.29, 0.71, 0.44)


class _Edges(NamedTuple):
    """The edges of all areas: vertices, and of each edge its first vertex and its area's rank."""

    xy: np.ndarray
    starts: np.ndarray
    owners: np.ndarray


class _Frame(NamedTuple):
    """Where the cells lie: west, south, cells per degree of longitude and latitude; their sides."""

    numbers: np.ndarray
    sides: np.ndarray
    rows: int


def _edges(shapes: np.ndarray, order: np.ndarray) -> _Edges:
    parts, area = shapely.get_parts(shapes, return_index=True)
    _, xy, (rings, polygons) = shapely.to_ragged_array(parts, include_z=False)
    inner = np.ones(len(xy), dtype=bool)
    inner[rings[1:] - 1] = False  # a ring's last vertex begins no edge
    starts = np.flatnonzero(inner).astype(np.int32)
    ring_owners = np.repeat(order[area], np.diff(polygons))
    owners = np.repeat(ring_owners, np.diff(rings) - 1).astype(np.int32)
    return _Edges(np.ascontiguousarray(xy), starts, owners)


def _frame(edges: _Edges) -> _Frame:
    low, high = (np.array([ends(edges.xy[:, 0]), ends(edges.xy[:, 1])]) for ends in (np.min, np.max))
    size = high - low
    side = max(
        _LEAST_SIDE,
        (size.prod() / (_CELLS_PER_EDGE * len(edges.starts))) ** 0.5,
        size.max() / _MOST_CELLS_ACROSS,
    )
    columns, rows = (size / side).astype(int) + 3  # with a cell on each side that no edge passes
    west, south = low - side
    sides = west + (np.arange(columns + 1) - kernels.MARGIN / 2) * side
    return _Frame(np.array([west, south, 1 / side, 1 / side]), sides, int(rows))


def _share_out(work: Callable[[int, int], None], count: int, size: int) -> None:
    """Do work(begin, end) for parts of so many of a count, on as many threads as there are cores for us."""
    cuts = list(pairwise([*range(0, count, size), count]))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if min(cores, len(cuts)) < 2:
        for cut in cuts:
            work(*cut)
        return
    with ThreadPoolExecutor(min(cores, len(cuts))) as pool:
        list(pool.map(lambda cut: work(*cut), cuts))


def _lists(edges: _Edges, frame: _Frame) -> tuple[np.ndarray, np.ndarray]:
    """Return where each cell's edges begin, row by row, with the end; and the edges' numbers."""
    columns = len(frame.sides) - 1
    place = np.zeros(frame.rows * columns + 1, dtype=np.int32)
    nothing = np.empty(0, dtype=np.int32)
    walk = (edges.xy, edges.starts, frame.numbers, columns)
    kernels.cells_of_edges(*walk, False, place[1:], nothing)
    np.cumsum(place, out=place)
    found = np.empty(place[-1], dtype=np.int32)
    kernels.cells_of_edges(*walk, True, place[:-1].copy(), found)
    return place, found


class _Row(NamedTuple):
    """A settled row: what its cells hold, its lists, and their edges, bits and areas."""

    cells: np.ndarray
    crossed: np.ndarray
    vertices: np.ndarray
    bits: np.ndarray
    areas: np.ndarray


def _settled_row(
    edges: _Edges, frame: _Frame, row: int, place: np.ndarray, found: np.ndarray, room: np.ndarray
) -> _Row | None:
    """Return a row, or None where rounding leaves every height of it unsure."""
    passed = place[1:] > place[:-1]
    lists = np.where(passed, np.cumsum(passed) - 1, kernels.NONE).astype(np.int32)
    begins = np.append(place[:-1][passed], place[-1]) - place[0]
    there, count = found[place[0] : place[-1]], len(begins) - 1
    bits, cells = np.empty(len(there), dtype=np.uint32), np.empty(len(lists), dtype=np.int32)
    crossed = np.zeros((count, 3), dtype=np.int32)
    areas = np.empty(count * kernels.MOST_AREAS, dtype=np.int32)
    for part in _HEIGHTS:
        y = frame.numbers[1] + (row + part) / frame.numbers[3]
        kept, used = kernels.settle_row(
            *edges, frame.sides, y, lists, begins, there, bits, cells, crossed, areas, room
        )
        if kept >= 0:
            return _Row(cells, crossed, there[:kept].copy(), bits[:kept].copy(), areas[:used].copy())
    return None


def _built(edges: _Edges) -> dict[str, np.ndarray]:
    """Return the arrays of a grid over the edges; none where a row stays unsure."""
    frame = _frame(edges)
    place, found = _lists(edges, frame)
    columns = len(frame.sides) - 1
    rows: list[_Row | None] = [None] * frame.rows

    most = int(edges.owners.max()) + 2 + kernels.MOST_AREAS

    def settle(begin: int, end: int) -> None:
        room = np.empty((2, most), dtype=np.int32)
        for row in range(begin, end):
            cut = slice(row * columns, (row + 1) * columns + 1)
            rows[row] = _settled_row(edges, frame, row, place[cut], found, room)

    _share_out(settle, frame.rows, _ROWS)
    sure = all(row is not None for row in rows)
    return {"frame": frame.numbers, "sides": frame.sides, **_joined(rows)} if sure else {}


def _joined(rows: list[_Row]) -> dict[str, np.ndarray]:
    """Return the arrays of all rows, each row's numbers moved on by those of the rows before."""
    cells = np.stack([row.cells for row in rows])
    before = np.cumsum([0] + [len(row.crossed) for row in rows])
    for line, moved in zip(cells, before, strict=False):
        line[line <= kernels.FIRST_CROSSED] -= moved
    edges_before = np.cumsum([0] + [len(row.vertices) for row in rows])
    areas_before = np.cumsum([0] + [len(row.areas) for row in rows])
    crossed = np.zeros((before[-1] + 1, 3), dtype=np.int32)
    np.concatenate([row.crossed for row in rows], out=crossed[:-1])
    counts = np.diff(before)
    crossed[:-1, 0] += np.repeat(edges_before[:-1], counts).astype(np.int32)
    crossed[:-1, 1] += np.repeat(areas_before[:-1], counts).astype(np.int32)
    crossed[-1] = edges_before[-1], areas_before[-1], 0
    parts = {
        name: np.concatenate([getattr(row, name) for row in rows]) for name in ("vertices", "bits", "areas")
    }
    return {"cells": cells, "crossed": crossed, **parts}


def _key(edges: _Edges, labels: pd.Index) -> str:
    """Return the sha256 of the areas: their codes and edges."""
    digest = hashlib.sha256(repr((LAYOUT, labels.tolist())).encode())
    for array in edges:
        digest.update(array)
    return digest.hexdigest()


def _coordinates(points: gpd.GeoSeries) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of points that a calculation may trust; raise what ``require`` raises."""
    require_stored(points)
    shapes = points.to_numpy()
    x, y = np.empty(len(shapes)), np.empty(len(shapes))

    def read(begin: int, end: int) -> None:
        shapely.get_x(shapes[begin:end], out=x[begin:end])
        shapely.get_y(shapes[begin:end], out=y[begin:end])

    try:
        _share_out(read, len(shapes), _POINTS)
    except shapely.GEOSException:  # an empty point has none
        x.fill(np.nan)
    # NaN, for a missing geometry or one of another type, is in no range.
    plain = len(x) == 0 or (x.min() >= -180 and x.max() <= 180 and y.min() >= -90 and y.max() <= 90)
    if not (plain and points.index.is_unique):
        require(points, "point")
        x, y = shapely.get_coordinates(shapes).T.copy()
    return x, y


class Grid:
    """Areas made ready for looking up many points: ``locate`` as geo.locate.locate, but fast.

    Args:
        areas: polygons in STORED, indexed by code.
        kept: the ``arrays`` of a grid of the same areas, for which nothing is built or checked again.
        key: the ``key`` that belongs to ``kept``.

    ``key`` is the sha256 of the areas, ``arrays`` all that was built from them; empty where there
    is nothing to build from or with: no areas, no numba, or edges no height of a row tells apart.

    Raises:
        CrsError: the areas are not in STORED.
        GeometryError: an area is missing, of the wrong type or invalid, a label comes twice, or
            the key is not that of the areas.

    >>> areas = gpd.GeoSeries([shapely.box(117, 36, 118, 37)], index=["370102"], crs="EPSG:4490")
    >>> Grid(areas).locate(gpd.GeoSeries([shapely.Point(117.5, 36.5)], crs="EPSG:4490"))["area"].tolist()
    ['370102']
    """

    def __init__(
        self, areas: gpd.GeoSeries, kept: Mapping[str, np.ndarray] | None = None, key: str = ""
    ) -> None:
        require_stored(areas)
        if kept is None:
            require(areas, "polygon")
        self._areas, self._order = areas, ranks(areas.index)
        self._edges = _edges(areas.to_numpy(), self._order) if len(areas) else None
        self.key = _key(self._edges, areas.index) if len(areas) else ""
        if kept is not None and key != self.key:
            raise GeometryError("The grid was made for other areas.")
        can = kernels.COMPILED and self._edges is not None
        self.arrays = dict(kept) if kept is not None else _built(self._edges) if can else {}

    def locate(self, points: gpd.GeoSeries) -> pd.DataFrame:
        """Return the area each point lies in, and whether another could claim it.

        Args:
            points: points in STORED.

        Returns and raises what geo.locate.locate does.
        """
        x, y = _coordinates(points)
        lowest, several = self.look_up(x, y)
        return told(lowest, several, points.index, self._areas.index)

    def look_up(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return of each place the lowest rank of the areas that cover it, and whether several claim it.

        Args:
            x: longitudes in STORED, finite.
            y: latitudes in STORED, finite.

        The rank is the place of the area's code in the order of codes, -1 where none covers.
        """
        lowest, several = np.full(len(x), kernels.DOUBT, dtype=np.int32), np.zeros(len(x), dtype=bool)
        if self.arrays and kernels.COMPILED:
            a = self.arrays
            grid = (self._edges.xy, a["frame"], a["sides"], a["cells"], a["crossed"])
            grid += (a["vertices"], a["bits"], a["areas"])

            def look(begin: int, end: int) -> None:
                cut = slice(begin, end)
                kernels.look_up(x[cut], y[cut], *grid, lowest[cut], several[cut])

            _share_out(look, len(x), _POINTS)
        doubtful = np.flatnonzero(lowest == kernels.DOUBT)
        if len(doubtful):
            exact = cover(shapely.points(x[doubtful], y[doubtful]), self._areas.to_numpy(), self._order)
            lowest[doubtful] = np.where(exact[0] == len(self._areas), kernels.NONE, exact[0])
            several[doubtful] = exact[1]
        return lowest, several
