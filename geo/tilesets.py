"""What tiles are cut from: points and shapes as whole numbers in the square of the Web Mercator map.

The square is 2**32 units a side (9 mm on the equator), x to the right and y down, so that the tile
of a place at any zoom is its first bits. Both sets lie in the order of the z-curve (Morton's), on
which every tile is one stretch. They hold arrays alone and are never written to after they are made.
"""

from typing import NamedTuple

import numpy as np
import shapely

from geo import outlines, ranking, tilekernels
from geo.errors import GeometryError
from geo.threads import share_out
from geo.tilekernels import BRANCH, SPAN

#: Units a side of the square.
SIDE = 2**32
#: The latitude at which the square ends, north and south, in degrees.
NORTHERNMOST = 85.0511287798066
LINE, POLYGON = 2, 3  # as vector tiles number them
_TOGETHER = 512  # shapes that a thread looks at in one go
_KINDS = {1: LINE, 5: LINE, 3: POLYGON, 6: POLYGON}  # shapely's numbers


class PointSet(NamedTuple):
    """Points along the z-curve.

    ``x`` and ``y`` are uint32 in the square, ``row`` (int32) the place of each among the points given.
    """

    x: np.ndarray
    y: np.ndarray
    row: np.ndarray


class ShapeSet(NamedTuple):
    """Lines and polygons along the z-curve of their boxes' middles.

    ``xy`` (uint32, two columns) holds the vertices, those of a polygon's ring without the first one
    again at the end, shells with a positive area in the square (y down), holes with a negative one;
    ``rank`` at which zooms each matters; ``rings`` where rings or lines begin; ``hole`` which are
    holes; ``spans`` has west, north, east and south of every SPAN vertices; ``shapes`` where shapes'
    rings begin; ``kind`` is LINE or POLYGON; ``apart`` (uint32) has a bit for each size of a tile's
    units in which a polygon is known to have all its rings, and they to touch nowhere; ``boxes`` has
    west, north, east and south of each; ``row`` its place among those given; ``nodes`` and ``levels``
    are the tree of boxes by which the shapes of a tile are found.
    """

    xy: np.ndarray
    rank: np.ndarray
    rings: np.ndarray
    hole: np.ndarray
    spans: np.ndarray
    shapes: np.ndarray
    kind: np.ndarray
    apart: np.ndarray
    boxes: np.ndarray
    row: np.ndarray
    nodes: np.ndarray
    levels: np.ndarray


def world(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y (uint32) in the square of the Web Mercator map, y down.

    Args:
        lon: longitudes in CGCS2000 or WGS84, degrees, finite.
        lat: latitudes beside them; those beyond the square are taken to its edge.

    The formulas of EPSG:3857.

    >>> world(np.array([0.0, 120.0]), np.array([0.0, 36.0]))[0].tolist()
    [2147483648, 3579139413]
    """
    bent = np.radians(np.clip(lat, -NORTHERNMOST, NORTHERNMOST))
    across = np.asarray(lon) / 360 + 0.5
    down = 0.5 - np.arcsinh(np.tan(bent)) / (2 * np.pi)
    return _whole(across), _whole(down)


def degrees(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude of places in the square, degrees: ``world`` backwards.

    >>> degrees(*world(np.array([120.0]), np.array([36.0])))[1].round(6).tolist()
    [36.0]
    """
    lon = (np.asarray(x, float) / SIDE - 0.5) * 360
    return lon, np.degrees(np.arctan(np.sinh((0.5 - np.asarray(y, float) / SIDE) * 2 * np.pi)))


def _whole(share: np.ndarray) -> np.ndarray:
    return np.clip(np.floor(share * SIDE), 0, SIDE - 1).astype(np.uint32)


def curve(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the place on the z-curve (uint64): the bits of x and y in turn, y's before x's."""
    return _spread(x) | _spread(y) << np.uint64(1)


def _spread(bits: np.ndarray) -> np.ndarray:
    spread = bits.astype(np.uint64)
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        spread = (spread | spread << np.uint64(shift)) & np.uint64(mask)
    return spread


def point_set(lon: np.ndarray, lat: np.ndarray) -> PointSet:
    """Return points as a set to cut tiles from.

    Args:
        lon: longitudes in STORED, degrees, finite.
        lat: latitudes beside them.
    """
    x, y = world(lon, lat)
    order = np.argsort(curve(x, y), kind="stable")
    return PointSet(x[order], y[order], order.astype(np.int32))


def replaced_points(points: PointSet, rows: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> PointSet:
    """Return the set without the points of some rows and, where they are finite, with others in their place.

    Args:
        points: the set.
        rows: the rows whose points are taken out; those that were not there are added.
        lon: longitudes of these rows in STORED, degrees; NaN where there is no point any more.
        lat: latitudes beside them.
    """
    rows, there = np.asarray(rows, np.int32), np.isfinite(lon)
    gone = np.isin(points.row, rows, kind="table")
    x, y, row = (array[~gone] for array in points)
    new = point_set(np.asarray(lon)[there], np.asarray(lat)[there])
    places = [
        tilekernels.first_not_before(x, y, 0, len(x), int(ax), int(ay))
        for ax, ay in zip(new.x, new.y, strict=True)
    ]
    added = rows[there][new.row]
    return PointSet(np.insert(x, places, new.x), np.insert(y, places, new.y), np.insert(row, places, added))


def shape_set(geometries: np.ndarray) -> ShapeSet:
    """Return lines and polygons, of one part or several, as a set to cut tiles from.

    Args:
        geometries: shapely geometries in STORED; None and empty ones are in no tile.

    Raises:
        GeometryError: a geometry is neither line nor polygon.
    """
    given = np.asarray(geometries, dtype=object)
    types = shapely.get_type_id(given)
    there = np.flatnonzero((types >= 0) & ~shapely.is_empty(given))
    if not np.isin(types[there], list(_KINDS)).all():
        raise GeometryError("Only lines and polygons have an outline to draw.")
    corners = shapely.bounds(given[there])
    west, north = world(corners[:, 0], corners[:, 3])
    east, south = world(corners[:, 2], corners[:, 1])
    middle = curve(west // 2 + east // 2, north // 2 + south // 2)
    order = np.argsort(middle, kind="stable")
    row, boxes = there[order], np.column_stack([west, north, east, south])[order]
    kind = np.array([_KINDS.get(t, 0) for t in range(8)], dtype=np.uint8)[types[row]]
    drawn = *_outlines(given[row]), kind
    nodes, levels = _tree(boxes)
    return ShapeSet(*drawn, _apart((*drawn, boxes)), boxes, row.astype(np.int32), nodes, levels)


def replaced_shapes(shapes: ShapeSet, rows: np.ndarray, geometries: np.ndarray) -> ShapeSet:
    """Return the set with other lines and polygons in some rows; the same one where they are the same.

    Args:
        shapes: the set.
        rows: the rows that are drawn anew; those that were not there are added.
        geometries: their shapely geometries in STORED; None where there is nothing any more.

    The vertices of all others stay as they are, and so do the zooms at which they matter: what is
    drawn anew agrees with its neighbours along a border only where both kept its vertices.
    """
    fresh = shape_set(geometries)
    fresh = fresh._replace(row=np.asarray(rows, np.int32)[fresh.row])
    places = np.flatnonzero(np.isin(shapes.row, rows))
    if len(places) == len(fresh.row) and _same_shapes(_taken(shapes, places), fresh):
        return shapes
    return _joined(_taken(shapes, np.setdiff1d(np.arange(len(shapes.row)), places)), fresh)


def _same_shapes(one: ShapeSet, other: ShapeSet) -> bool:
    """Return whether two sets draw the same in the same rows."""
    by_row = [_taken(shapes, np.argsort(shapes.row)) for shapes in (one, other)]
    told = ("row", "kind", "shapes", "rings", "xy")
    return all(np.array_equal(*(getattr(shapes, name) for shapes in by_row)) for name in told)


def _taken(shapes: ShapeSet, places: np.ndarray) -> ShapeSet:
    """Return some of the shapes, in this order, without the boxes of their vertices and the tree."""
    rings, ring_starts = _stretches(shapes.shapes, places)
    vertices, vertex_starts = _stretches(shapes.rings, rings)
    return ShapeSet(
        shapes.xy[vertices],
        shapes.rank[vertices],
        vertex_starts,
        shapes.hole[rings],
        shapes.spans[:0],
        ring_starts,
        shapes.kind[places],
        shapes.apart[places],
        shapes.boxes[places],
        shapes.row[places],
        shapes.nodes[:0],
        shapes.levels[:0],
    )


def _stretches(starts: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what some stretches hold, one after the other, and where each begins then."""
    sizes = (starts[1:] - starts[:-1])[places]
    begins = np.append(0, np.cumsum(sizes))
    return np.repeat(starts[places] - begins[:-1], sizes) + np.arange(begins[-1]), begins


def _joined(one: ShapeSet, other: ShapeSet) -> ShapeSet:
    """Return the shapes of two sets in one, along the z-curve."""
    both = ShapeSet(
        np.concatenate([one.xy, other.xy]),
        np.concatenate([one.rank, other.rank]),
        np.concatenate([one.rings, other.rings[1:] + one.rings[-1]]),
        np.concatenate([one.hole, other.hole]),
        one.spans[:0],
        np.concatenate([one.shapes, other.shapes[1:] + one.shapes[-1]]),
        np.concatenate([one.kind, other.kind]),
        np.concatenate([one.apart, other.apart]),
        np.concatenate([one.boxes, other.boxes]),
        np.concatenate([one.row, other.row]),
        one.nodes[:0],
        one.levels[:0],
    )
    west, north, east, south = both.boxes.T
    order = np.argsort(curve(west // 2 + east // 2, north // 2 + south // 2), kind="stable")
    nodes, levels = _tree(both.boxes[order])
    joined = _taken(both, order)
    return joined._replace(spans=_spans(joined.xy), nodes=nodes, levels=levels)


def _outlines(shapes: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return vertices, ranks, where rings begin, which are holes, spans, and where shapes' rings begin."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    areal = shapely.get_type_id(parts) == 3
    rings, part = shapely.get_rings(parts[areal], return_index=True)
    lines = np.concatenate([parts[~areal], rings])
    holder = np.concatenate([owner[~areal], owner[areal][part]])
    closed = np.arange(len(lines)) >= np.count_nonzero(~areal)
    hole = closed.copy()
    hole[np.count_nonzero(~areal) + np.searchsorted(part, np.arange(np.count_nonzero(areal)))] = False
    order = np.argsort(holder, kind="stable")
    lines, holder, closed, hole = lines[order], holder[order], closed[order], hole[order]
    # y is turned round: what goes clockwise now will not then.
    backwards = closed & (shapely.is_ccw(lines) != hole)
    lines[backwards] = shapely.reverse(lines[backwards])
    lonlat, of = shapely.get_coordinates(lines, return_index=True)
    last = np.append(of[1:] != of[:-1], True) if len(of) else np.empty(0, bool)
    kept = ~(last & closed[of])
    xy = np.column_stack(world(lonlat[kept, 0], lonlat[kept, 1]))
    starts = np.append(0, np.cumsum(np.bincount(of[kept], minlength=len(lines))))
    shape_starts = np.append(0, np.cumsum(np.bincount(holder, minlength=len(shapes))))
    return xy, _ranks(xy, starts, closed), starts, hole, _spans(xy), shape_starts


def _spans(xy: np.ndarray) -> np.ndarray:
    together = xy[: len(xy) // SPAN * SPAN].reshape(-1, SPAN, 2)
    return np.concatenate([together.min(axis=1), together.max(axis=1)], axis=1)


def _ranks(xy: np.ndarray, rings: np.ndarray, closed: np.ndarray) -> np.ndarray:
    rank = np.zeros(len(xy), dtype=np.uint8)
    order = np.argsort(xy[:, 0].astype(np.uint64) << np.uint64(32) | xy[:, 1])
    ranking.mark_corners(xy, rings, closed, order, rank)
    ranking.rank_vertices(xy, rings, closed, rank)
    return rank


def _apart(arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    told = np.empty(len(arrays[-1]), np.uint32)
    share_out(lambda begin, end: outlines.find_apart(arrays, begin, end, told), len(told), _TOGETHER)
    return told


def _tree(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes of BRANCH boxes each, level by level up to a single one, and where levels begin."""
    levels, below = [], boxes
    while len(below) > 1 or not levels:
        firsts = np.arange(0, len(below), BRANCH)
        if not len(firsts):
            break
        least = np.minimum.reduceat(below[:, :2], firsts)
        below = np.column_stack([least, np.maximum.reduceat(below[:, 2:], firsts)])
        levels.append(below)
    ends = np.cumsum([0, *map(len, levels)])
    return np.concatenate(levels) if levels else boxes[:0], ends
