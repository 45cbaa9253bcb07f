"""The cells of a grid, built from areas: what each cell holds, and the few edges that pass it."""

from typing import NamedTuple

import numpy as np
import shapely

from geo import kernels
from geo.threads import share_out

_CELLS_PER_EDGE = 2.0
_LEAST_SIDE = 1e-5  # degrees, about a metre: far above what rounding moves a coordinate by
_MOST_CELLS_ACROSS = 30_000
_ROWS, _SHAPES = 32, 256  # that a thread takes at a time
# Where in a row its sides are looked at; the next one when rounding leaves one unsure.
_HEIGHTS = np.array([0.5, 0.37, 0.61, 0.2, 0.83, 0.29, 0.71, 0.44])


class Edges(NamedTuple):
    """The edges of all areas: vertices, and of each edge its first vertex and its area's rank."""

    xy: np.ndarray
    starts: np.ndarray
    owners: np.ndarray


class Outlines(NamedTuple):
    """The outlines of all areas: vertices, where rings begin, where parts' rings begin, parts' ranks."""

    xy: np.ndarray
    rings: np.ndarray
    parts: np.ndarray
    ranks: np.ndarray


class _Frame(NamedTuple):
    """Where the cells lie: west, south, cells per degree of longitude and latitude; their sides."""

    numbers: np.ndarray
    sides: np.ndarray
    rows: int


def outlines_of(shapes: np.ndarray, order: np.ndarray) -> Outlines:
    """Return the outlines of polygons, given the rank of each."""
    ends = np.append(0, np.cumsum(shapely.get_num_coordinates(shapes)))
    xy = np.empty((ends[-1], 2))

    def read(begin: int, end: int) -> tuple[np.ndarray, ...]:
        """Write the vertices of some polygons; return the lengths of rings, rings of parts, and ranks."""
        some = shapes[begin:end]
        xy[ends[begin] : ends[end]] = shapely.get_coordinates(some)
        if _are_plain(some):  # most are, and to ask for the rings is to copy them
            return np.diff(ends[begin : end + 1]), np.ones(len(some), np.int64), order[begin:end]
        parts, area = shapely.get_parts(some, return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        lengths = shapely.get_num_coordinates(rings).astype(np.int64)
        return lengths, np.bincount(part, minlength=len(parts)), order[begin:end][area]

    found = share_out(read, len(shapes), _SHAPES)
    rings, parts, ranks = map(np.concatenate, zip(*found, strict=True)) if found else [np.empty(0, int)] * 3
    return Outlines(xy, np.append(0, np.cumsum(rings)), np.append(0, np.cumsum(parts)), ranks)


def _are_plain(shapes: np.ndarray) -> bool:
    """Return whether all are polygons of one ring."""
    one = shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON
    return bool(one.all()) and not shapely.get_num_interior_rings(shapes).any()


def _edges(outlines: Outlines) -> Edges:
    xy, rings, parts, ranks = outlines
    inner = np.ones(len(xy), dtype=bool)
    inner[rings[1:] - 1] = False  # a ring's last vertex begins no edge
    starts = np.flatnonzero(inner).astype(np.int32)
    del inner
    ring_owners = np.repeat(ranks.astype(np.int32), np.diff(parts))
    return Edges(xy, starts, np.repeat(ring_owners, np.diff(rings) - 1))


def _frame(edges: Edges) -> _Frame:
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


def _lists(edges: Edges, frame: _Frame) -> tuple[np.ndarray, np.ndarray]:
    """Return where each cell's edges begin, row by row, with the end; and the edges' numbers."""
    columns = len(frame.sides) - 1
    place = np.zeros(frame.rows * columns + 2, dtype=np.int32)
    nothing = np.empty(0, dtype=np.int32)
    walk = (edges.xy, edges.starts, frame.numbers, columns)
    kernels.cells_of_edges(*walk, False, place[2:], nothing)
    np.cumsum(place, out=place)
    found = np.empty(place[-1], dtype=np.int32)
    # Filling moves each cell's begin to its end, which is the begin of the next one.
    kernels.cells_of_edges(*walk, True, place[1:], found)
    return place[:-1], found


class _Settled(NamedTuple):
    """Some settled rows' lists, and their edges, bits and areas; whether rounding left all of it sure."""

    crossed: np.ndarray
    vertices: np.ndarray
    bits: np.ndarray
    areas: np.ndarray
    sure: bool


def _settled(edges: Edges, frame: _Frame) -> tuple[np.ndarray, list[_Settled]]:
    """Return what the cells hold, the lists of every few rows counted by themselves, and these rows."""
    lists = _lists(edges, frame)
    cells = np.empty((frame.rows, len(frame.sides) - 1), dtype=np.int32)
    most = int(edges.owners.max()) + 2 + kernels.MOST_AREAS

    def settle(begin: int, end: int) -> _Settled:
        room = np.empty((2, most), dtype=np.int32)
        frames = frame.sides, frame.numbers, _HEIGHTS
        return _Settled(*kernels.settle_rows(*edges, *frames, begin, end, *lists, cells, room))

    return cells, share_out(settle, frame.rows, _ROWS)


def built(outlines: Outlines) -> dict[str, np.ndarray]:
    """Return the arrays of a grid over the outlines; none where a row stays unsure."""
    edges = _edges(outlines)
    frame = _frame(edges)
    cells, rows = _settled(edges, frame)
    if not all(some.sure for some in rows):
        return {}
    return {"frame": frame.numbers, "sides": frame.sides, "cells": cells, **_joined(cells, rows)}


def _joined(cells: np.ndarray, rows: list[_Settled]) -> dict[str, np.ndarray]:
    """Return the arrays of all rows, the numbers of every few moved on by those of the rows before."""
    lists, edges, areas = (
        np.cumsum([0] + [len(part) for part in column])
        for column in zip(*((some.crossed, some.vertices, some.areas) for some in rows), strict=True)
    )
    crossed = np.zeros((lists[-1] + 1, 3), dtype=np.int32)
    for n, some in enumerate(rows):
        lines = cells[n * _ROWS : (n + 1) * _ROWS]
        lines[lines <= kernels.FIRST_CROSSED] -= lists[n]
        crossed[lists[n] : lists[n + 1]] = some.crossed + np.array([edges[n], areas[n], 0], dtype=np.int32)
    crossed[-1] = edges[-1], areas[-1], 0
    parts = ("vertices", "bits", "areas")
    return {
        "crossed": crossed,
        **{name: np.concatenate([getattr(some, name) for some in rows]) for name in parts},
    }
