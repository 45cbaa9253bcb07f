"""A vector tile from coordinate arrays: version 2.1 of Mapbox's specification.

https://github.com/mapbox/vector-tile-spec/tree/master/2.1

What is drawn is found in compiled loops over the arrays of a set (geo.tilesets), rounded to the
tile's units, thinned out to what its scale can show, cut to the tile and a strip around it, and
valid. What is too small to draw stays as a small square, marked ``small``. Where a tile would hold
too many points, or too many small squares, they are counted by cells of a sixteenth of its side.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from geo import mending, outlines, tilekernels
from geo.errors import RequestError
from geo.tilesets import PointSet, ShapeSet

Value = str | int | float | bool | None

#: A tile of more points than this, or more small squares, has them counted by cells.
FEW = 2000
_POINT, _LINE, _POLYGON = 1, 2, 3
_CELLS = 4  # the logarithm of how many cells there are across a tile
_WHOLE = 32  # the logarithm of the square's side
_NOTHING = np.empty(0, dtype=bool)


@dataclass(frozen=True, eq=False)
class Column:
    """An attribute of few values: ``values`` are distinct, ``index`` says which one each row has.

    A row whose value is None goes without the attribute.
    """

    name: str
    values: tuple[Value, ...]
    index: np.ndarray

    @cached_property
    def _encoded(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Where values begin in a blob, the blob, and which value is None, or -1."""
        pieces = [b"" if value is None else _field(4, _value(value)) for value in self.values]
        none = next((place for place, value in enumerate(self.values) if value is None), -1)
        return *_blob(pieces), none

    def tagged(self, rows: np.ndarray, base: int, tags: np.ndarray) -> tuple[bytes, int]:
        """Write the numbers of rows' values into ``tags``; return the values for the layer, and how many.

        Args:
            rows: of the features.
            base: the number of the first value.
            tags: int64, written; -1 where the attribute is left out.
        """
        starts, blob, none = self._encoded
        used = tilekernels.tag_values(self.index, rows, len(self.values), none, base, tags)
        return tilekernels.take(starts, blob, used).tobytes(), len(used)


@dataclass(frozen=True, eq=False)
class Text:
    """An attribute whose text is another one in every row, such as the code.

    ``blob`` (uint8) holds all texts in UTF-8, one after the other, ``starts`` (int64) where each
    begins, and where the last one ends.
    """

    name: str
    starts: np.ndarray
    blob: np.ndarray

    def tagged(self, rows: np.ndarray, base: int, tags: np.ndarray) -> tuple[bytes, int]:
        """Write the numbers of rows' texts into ``tags``; return the texts for the layer, and how many."""
        tags[:] = np.arange(base, base + len(rows))
        return tilekernels.text_values(self.starts, self.blob, rows).tobytes(), len(rows)


def column(name: str, values: list[Value]) -> Column:
    """Return an attribute of few values, given the value of every row.

    >>> column("stage", ["found", None, "found"]).index.tolist()
    [0, 1, 0]
    """
    places: dict = {}
    index = [places.setdefault((type(value), value), len(places)) for value in values]
    size = np.uint8 if len(places) <= 2**8 else np.uint16 if len(places) <= 2**16 else np.uint32
    return Column(name, tuple(value for _, value in places), np.array(index, dtype=size))


def text(name: str, values: list[str]) -> Text:
    """Return an attribute whose text is another one in every row.

    >>> text("code", ["a1", "b22"]).starts.tolist()
    [0, 2, 5]
    """
    return Text(name, *_blob([value.encode() for value in values]))


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
    def limits(self) -> tuple[int, int, int, int, int]:
        """Shift, west, north, and the least and the greatest unit that is drawn."""
        return self.shift, self.west, self.north, -self.buffer, self.extent + self.buffer


class _Drawn(NamedTuple):
    """Features: rows, kinds, geometries one after the other, where they end, and which are small."""

    rows: np.ndarray
    kinds: np.ndarray
    commands: np.ndarray
    ends: np.ndarray
    small: np.ndarray


def layer(
    name: str,
    features: PointSet | ShapeSet,
    columns: list[Column | Text],
    z: int,
    x: int,
    y: int,
    *,
    keep: np.ndarray | None = None,
    extent: int = 4096,
    buffer: int = 64,
    counts: str | None = None,
    few: int = FEW,
) -> bytes:
    """Return the layer of a tile, or b"" where it holds nothing; a tile is its layers one after the other.

    Args:
        name: of the layer; no other layer of the tile may have it.
        features: what to draw.
        columns: what is said about it, by the rows that the features were made from.
        z: zoom.
        x: column of the tile, from the west.
        y: row of the tile, from the north.
        keep: of every row whether it is drawn; all are without it.
        extent: units a side of the tile, a power of two.
        buffer: how many units beyond the tile's edge are drawn too.
        counts: the column whose values are counted where a cell of the tile is drawn as one feature,
            with its ``count`` and for every value that is there ``count_<value>``; without it all
            features are drawn.
        few: so many are drawn one by one.

    Raises:
        RequestError: there is no such tile.
    """
    if not (0 <= z <= 24 and 0 <= x < 1 << z and 0 <= y < 1 << z):
        raise RequestError("There is no tile %(z)s/%(x)s/%(y)s.", z=z, x=x, y=y)
    shift = _WHOLE - z - (extent.bit_length() - 1)
    frame = _Frame(shift, x * extent, y * extent, extent, buffer)
    keep = _NOTHING if keep is None else keep
    named = next((column for column in columns if column.name == counts), None)
    draw = _draw_points if isinstance(features, PointSet) else _draw_shapes
    return draw(name, features, columns, frame, keep, named, few)


def _draw_points(name, features, columns, frame, keep, counts, few) -> bytes:
    px, py, row = features
    chosen, count = tilekernels.choose_points(
        px, py, row, keep, frame.window(frame.buffer), np.empty(256, np.int64)
    )
    chosen = chosen[:count]
    if counts is not None and count > few:
        return _counted(name, _cells_of_points(features, frame, keep, counts), counts, frame, _POINT)
    commands, ends = tilekernels.point_commands(px, py, chosen, *frame.limits[:3])
    return _written(
        name, _Drawn(row[chosen], np.full(count, _POINT, np.uint8), commands, ends, _NOTHING), columns, frame
    )


def _draw_shapes(name, features, columns, frame, keep, counts, few) -> bytes:
    *arrays, row, nodes, levels = features
    kind, boxes = arrays[-2:]
    window = frame.window(frame.buffer)
    chosen, count = tilekernels.choose_shapes(
        boxes, nodes, levels, row, keep, window, np.empty(256, np.int64)
    )
    chosen, arrays = chosen[:count], tuple(arrays)
    commands, ends, states = outlines.shape_commands(arrays, chosen, window, *frame.limits)
    small = states == outlines.SMALL
    doubtful = chosen[states == outlines.DOUBTFUL]
    if len(doubtful):
        more, more_ends = mending.mended(arrays, doubtful, *frame.limits)
        chosen, small = np.append(chosen, doubtful), np.append(small, np.zeros(len(doubtful), bool))
        commands, ends = np.append(commands, more), np.append(ends, more_ends + len(commands))
    there = np.diff(ends, prepend=0) > 0
    chosen = chosen[there]
    return _written(
        name, _Drawn(row[chosen], kind[chosen], commands, ends[there], small[there]), columns, frame
    )


def _written(name: str, drawn: _Drawn, columns: list[Column | Text], frame: _Frame) -> bytes:
    """Return features as a layer."""
    count = len(drawn.rows)
    if not count:
        return b""
    if drawn.small.any():
        columns = [*columns, _mark(drawn.small)]
    tags = np.empty((len(columns), count), np.int64)
    rows, values, base = drawn.rows, [], 0
    for key, attribute in enumerate(columns):
        of = np.arange(count) if attribute.name == "small" else rows
        encoded, many = attribute.tagged(of, base, tags[key])
        values.append(encoded)
        base += many
    features = tilekernels.write_features(drawn.kinds, tags, drawn.commands, drawn.ends)
    keys = b"".join(_field(3, column.name.encode()) for column in columns)
    parts = (_field(15, 2), _field(1, name.encode()), features.tobytes(), keys, *values)
    return _field(3, b"".join((*parts, _field(5, frame.extent))))


def _mark(small: np.ndarray) -> Column:
    return Column("small", (None, True), small.astype(np.uint8))


def _blob(pieces: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return where pieces begin in a blob, and the blob."""
    starts = np.append(0, np.cumsum([len(piece) for piece in pieces], dtype=np.int64))
    return starts, np.frombuffer(b"".join(pieces), dtype=np.uint8)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, content: bytes | int) -> bytes:
    """Return a field of a message: its number, and a number or bytes."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _value(value: Value) -> bytes:
    """Return a value as the message that holds it."""
    if isinstance(value, bool):
        return _field(7, int(value))
    if isinstance(value, str):
        return _field(1, value.encode())
    if isinstance(value, int):
        return _field(5, value) if value >= 0 else _field(6, (-value << 1) - 1)
    return bytes([3 << 3 | 1]) + np.float64(value).tobytes()
