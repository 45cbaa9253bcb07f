"""A vector tile from coordinate arrays: version 2.1 of Mapbox's specification.

https://github.com/mapbox/vector-tile-spec/tree/master/2.1

What is drawn is found in compiled loops over the arrays of a set (geo.tilesets), rounded to the
tile's units, thinned out to what its scale can show, cut to the tile and a strip around it, and
valid. What is too small to draw stays as a small square, marked ``small``. Where a tile would hold
too many points, or too many small squares, they are counted by cells of a sixteenth of its side.

A layer is made in one compiled call, unless something has to be counted or is in doubt.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from geo import attributes, mending, outlines, tilekernels, tilewriting
from geo.attributes import Attribute, Column, Told, Value, field, value_piece, varint
from geo.errors import RequestError
from geo.tilekernels import SLACK
from geo.tilesets import PointSet, ShapeSet
from geo.tilewriting import LEFT, SOME_SMALL

#: A tile of more points than this, or more small squares, has them counted by cells.
FEW = 2000
_POINT, _LINE, _POLYGON = 1, 2, 3
_CELLS = 4  # the logarithm of how many cells there are across a tile
_WHOLE = 32  # the logarithm of the square's side
_ALL = np.empty(0, dtype=bool)
_NO_END = 1 << 62
_VERSION, _LAYER = field(15, 2), b"\x1a"


class _Frame(NamedTuple):
    """A tile's place: ``shift`` from the square's numbers to its units, its corner and size in units."""

    shift: int
    west: int
    north: int
    extent: int
    buffer: int

    def window(self, beyond: int) -> tuple[int, int, int, int]:
        """Return west, north, east and south in the square, so many units beyond the tile."""
        ends = self.west - beyond, self.north - beyond
        ends += self.west + self.extent + beyond, self.north + self.extent + beyond
        return tuple(end << self.shift if self.shift >= 0 else end >> -self.shift for end in ends)

    @property
    def place(self) -> tuple[int, int, int]:
        """Shift, west and north."""
        return self.shift, self.west, self.north

    @property
    def beyond(self) -> int:
        """How many units beyond the tile there are cells that may be drawn."""
        side = self.extent >> _CELLS
        return -(-self.buffer // side) * side

    @property
    def level(self) -> int:
        """The logarithm of the side of a cell in the square."""
        return self.shift + self.extent.bit_length() - 1 - _CELLS

    @property
    def limits(self) -> tuple[int, int, int, int, int]:
        """Shift, west, north, and the least and the greatest unit that is drawn."""
        return self.shift, self.west, self.north, -self.buffer, self.extent + self.buffer


class _Marks(NamedTuple):
    """What is said of features that no row says: names, distinct values, and by name which each has."""

    names: tuple[str, ...]
    values: tuple[Value, ...]
    index: np.ndarray

    def numbered(self, known: dict[bytes, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the numbers of values, in rows by name, where the values not known begin, and those."""
        pieces = [None if value is None else value_piece(value) for value in self.values]
        all_known = dict(known)
        numbers = [-1 if piece is None else all_known.setdefault(piece, len(all_known)) for piece in pieces]
        starts, blob = attributes.blob_of(list(all_known)[len(known) :])
        return np.array(numbers, np.int64)[self.index], starts, blob


class _Drawn(NamedTuple):
    """Features: their kinds, geometries one after the other, where they end; the first ones have rows."""

    kinds: np.ndarray
    commands: np.ndarray
    ends: np.ndarray
    rows: np.ndarray
    marks: _Marks

    def and_then(self, more: "_Drawn") -> "_Drawn":
        """Return these features and then others, which have no rows; only theirs have marks."""
        names, values, index = more.marks
        none = next((place for place, value in enumerate(values) if value is None), len(values))
        before = np.full((len(names), len(self.ends)), none)
        return _Drawn(
            np.append(self.kinds, more.kinds),
            np.append(self.commands, more.commands),
            np.append(self.ends, more.ends + len(self.commands)),
            self.rows,
            _Marks(names, (*values, None)[: max(len(values), none + 1)], np.hstack([before, index])),
        )


_NONE = _Marks((), (), np.empty((0, 0), np.int64))


def layer(
    name: str,
    features: PointSet | ShapeSet,
    columns: Told | Sequence[Attribute],
    z: int,
    x: int,
    y: int,
    *,
    keep: np.ndarray | None = None,
    extent: int = 4096,
    buffer: int = 64,
    counts: Column | str | None = None,
    few: int = FEW,
) -> bytes:
    """Return the layer of a tile, or b"" where it holds nothing; a tile is its layers one after the other.

    Args:
        name: of the layer; no other layer of the tile may have it.
        features: what to draw.
        columns: what is said about it, by the rows that the features were made from; to be packed once
            (attributes.pack) where more than one tile is made.
        z: zoom.
        x: column of the tile, from the west.
        y: row of the tile, from the north.
        keep: of every row whether it is drawn; all are without it.
        extent: units a side of the tile, a power of two.
        buffer: how many units beyond the tile's edge are drawn too.
        counts: the column (or its name, where it is one of ``columns``) whose values are counted where
            a cell of the tile is drawn as one feature, with its ``count`` and for every value that is
            there ``count_<value>``; without it all features are drawn.
        few: so many are drawn one by one.

    Raises:
        RequestError: there is no such tile.
    """
    if not (0 <= z <= 24 and 0 <= x < 1 << z and 0 <= y < 1 << z):
        raise RequestError("There is no tile %(z)s/%(x)s/%(y)s.", z=z, x=x, y=y)
    if not len(features.row):
        return b""
    told = columns if isinstance(columns, Told) else attributes.pack(columns)
    frame = _Frame(_WHOLE - z - (extent.bit_length() - 1), x * extent, y * extent, extent, buffer)
    keep = _ALL if keep is None else keep
    counted = told.named.get(counts) if isinstance(counts, str) else counts
    reach, most = (buffer, _NO_END) if counted is None else (frame.beyond, few)
    given = *features, keep, *told.packed, *frame.limits, reach, most
    if isinstance(features, PointSet):
        made, middle, end, state = tilewriting.point_layer(*given)
        if state == LEFT:
            return _written(name, _points(features, frame, keep, counted), told, extent)
    else:
        made, middle, end, state, found = tilewriting.shape_layer(*given)
        if state == LEFT:
            return _written(name, _shapes(features, frame, made, found, counted, few), told, extent)
    return _joined(name, told.keys + _SMALL if state == SOME_SMALL else told.keys, made, middle, end, extent)


def _points(features: PointSet, frame: _Frame, keep: np.ndarray, counts: Column) -> _Drawn:
    """Return points counted by cells."""
    x, y, row = features
    chosen, count = tilekernels.choose_points(
        *features, keep, frame.window(frame.beyond), np.empty(256, np.int64)
    )
    chosen = chosen[:count]
    px, py, marks = _counted(x[chosen], y[chosen], row[chosen], counts, frame)
    commands, ends = tilekernels.point_commands(px, py, np.arange(len(px)), *frame.place)
    return _Drawn(np.full(len(px), _POINT, np.uint8), commands, ends, row[:0], marks)


def _shapes(
    features: ShapeSet,
    frame: _Frame,
    commands: np.ndarray,
    found: np.ndarray,
    counts: Column | None,
    few: int,
) -> _Drawn:
    """Return shapes with those in doubt mended, and many small ones counted by cells.

    Args:
        features: the set.
        frame: of the tile.
        commands: geometries of shapes, with what lies behind them.
        found: the places of shapes, where their geometries end, and their states, in rows.
        counts: what is counted; without it nothing is.
        few: so many small ones are drawn one by one.
    """
    *arrays, row, _nodes, _levels = features
    arrays, kind, boxes = tuple(arrays), features.kind, features.boxes
    chosen, ends, states = found
    commands = commands[: ends[-1]]
    if np.count_nonzero(states == outlines.DOUBTFUL):
        chosen, commands, ends, states = _mended(arrays, frame, chosen, commands, ends, states)
    sizes = np.diff(ends, prepend=0)
    there, small = sizes > 0, states == outlines.SMALL
    together = counts is not None and np.count_nonzero(there & small) > few
    if together:
        commands = tilekernels.take(np.append(0, ends), commands, np.flatnonzero(there & ~small))
        ends = np.cumsum(sizes[there & ~small])
        smalls, chosen = chosen[small], chosen[there & ~small]
        drawn = _Drawn(kind[chosen], commands, ends, row[chosen], _NONE)
        return drawn.and_then(_squares(boxes[smalls], row[smalls], counts, frame))
    chosen, small, ends = chosen[there], small[there], ends[there]
    marks = _NONE
    if np.count_nonzero(small):
        marks = _Marks(("small",), (None, True), small[np.newaxis].astype(np.int64))
    return _Drawn(kind[chosen], commands, ends, row[chosen], marks)


def _mended(arrays, frame, chosen, commands, ends, states) -> tuple:
    """Return shapes with those in doubt at the end, mended."""
    doubtful = chosen[states == outlines.DOUBTFUL]
    more, more_ends = mending.mended(arrays, doubtful, *frame.limits)
    # What is in doubt has no geometry where it stood.
    chosen, ends = np.append(chosen, doubtful), np.append(ends, more_ends + len(commands))
    states = np.append(states, np.full(len(doubtful), outlines.DRAWN, np.uint8))
    return chosen, np.append(commands, more), ends, states


def _squares(boxes: np.ndarray, rows: np.ndarray, counts: Column, frame: _Frame) -> _Drawn:
    """Return small shapes counted by cells, each cell as a small square."""
    west, north, east, south = boxes.astype(np.int64).T
    x, y, (names, values, index) = _counted(west + east >> 1, north + south >> 1, rows, counts, frame)
    commands, ends = outlines.small_commands(x, y, _POLYGON, *frame.place)
    small = np.full((1, len(x)), len(values))
    marks = _Marks((*names, "small"), (*values, True), np.vstack([index, small]))
    return _Drawn(np.full(len(x), _POLYGON, np.uint8), commands, ends, rows[:0], marks)


def _counted(x, y, rows, counts: Column, frame: _Frame) -> tuple[np.ndarray, np.ndarray, _Marks]:
    """Return the mean places of what cells of the square hold, those in the tile, and their counts.

    Cells are the same in all tiles, so that a neighbour shows the same beyond the edge.
    """
    level, values = frame.level, counts.values
    west, north, east, _ = (end >> level for end in frame.window(frame.beyond))
    cells = tilekernels.count_cells(x, y, rows, counts.index, len(values), level, west, north, east - west)
    cells = cells[cells[:, 2] > 0]
    px, py = cells[:, 0] // cells[:, 2], cells[:, 1] // cells[:, 2]
    left, top, right, bottom = frame.window(frame.buffer)
    there = (left <= px) & (px < right) & (top <= py) & (py < bottom)
    cells = cells[there]
    told = [place for place, value in enumerate(values, 3) if value is not None and cells[:, place].any()]
    names = ("count", *(f"count_{values[place - 3]}" for place in told))
    numbers, index = np.unique(cells[:, [2, *told]].T, return_inverse=True)
    marks = _Marks(names, tuple(number or None for number in numbers.tolist()), index)
    return px[there], py[there], marks


def _written(name: str, drawn: _Drawn, told: Told, extent: int) -> bytes:
    """Return features as a layer."""
    numbers, starts, blob = drawn.marks.numbered(told.known)
    commands, blob = (np.append(pieces, np.zeros(SLACK, np.uint8)) for pieces in (drawn.commands, blob))
    made, middle, end = tilewriting.write_layer(
        *told.packed, drawn.rows, drawn.kinds, commands, drawn.ends, numbers, starts, blob
    )
    keys = told.keys if len(drawn.rows) else b""
    return _joined(name, keys + b"".join(map(_key, drawn.marks.names)), made, middle, end, extent)


def _joined(name: str, keys: bytes, made: np.ndarray, middle: int, end: int, extent: int) -> bytes:
    """Return a layer of which values and then features are made."""
    if end == middle:
        return b""
    written = made.data
    parts = (_head(name), written[middle:end], keys, written[:middle], _tail(extent))
    return b"".join((_LAYER, varint(sum(map(len, parts))), *parts))


@lru_cache(maxsize=1024)
def _head(name: str) -> bytes:
    return _VERSION + field(1, name.encode())


@lru_cache(maxsize=16)
def _tail(extent: int) -> bytes:
    return field(5, extent)


@lru_cache(maxsize=1024)
def _key(name: str) -> bytes:
    return field(3, name.encode())


_SMALL = _key("small")
