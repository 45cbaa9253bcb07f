"""A vector tile from coordinate arrays: version 2.1 of Mapbox's specification.

https://github.com/mapbox/vector-tile-spec/tree/master/2.1
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely

from geo.tilesets import LINE, POLYGON, PointSet, ShapeSet

Value = str | int | float | bool | None


@dataclass(frozen=True, eq=False)
class Column:
    """An attribute of few values: ``values`` are distinct, ``index`` says which one each row has.

    A row whose value is None goes without the attribute.
    """

    name: str
    values: tuple[Value, ...]
    index: np.ndarray

    def value(self, row: int) -> Value:
        """Return the value of a row."""
        return self.values[self.index[row]]

    @cached_property
    def used(self) -> int:
        """How many values there are."""
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Text:
    """An attribute whose text is another one in every row, such as the code.

    ``blob`` (uint8) holds all texts in UTF-8, one after the other, ``starts`` (int64) where each
    begins, and where the last one ends.
    """

    name: str
    starts: np.ndarray
    blob: np.ndarray

    def value(self, row: int) -> Value:
        """Return the text of a row."""
        return self.blob[self.starts[row] : self.starts[row + 1]].tobytes().decode()


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
    encoded = [value.encode() for value in values]
    starts = np.append(0, np.cumsum([len(value) for value in encoded], dtype=np.int64))
    return Text(name, starts, np.frombuffer(b"".join(encoded), dtype=np.uint8))


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
        counts: the column whose values are counted where features are drawn together.
    """
    shift = 32 - z - (extent.bit_length() - 1)
    half = 2.0**shift
    chosen = _points if isinstance(features, PointSet) else _shapes
    found = chosen(features, keep, half, x * extent, y * extent, (-buffer, extent + buffer))
    if not found:
        return b""
    keys = [column.name for column in columns]
    values: dict = {}
    body = [_field(15, 2), _field(1, name.encode())]
    for row, kind, commands in found:
        tags = []
        for place, attribute in enumerate(columns):
            value = attribute.value(row)
            if value is not None:
                tags += [place, values.setdefault((type(value), value), len(values))]
        parts = [_field(2, b"".join(map(_varint, tags))), _field(3, kind), _field(4, commands)]
        body.append(_field(2, b"".join(parts if tags else parts[1:])))
    body += [_field(3, key.encode()) for key in keys]
    body += [_field(4, _value(value)) for _, value in values]
    body.append(_field(5, extent))
    return _field(3, b"".join(body))


def _points(features, keep, unit, west, north, window):
    found = []
    for x, y, row in zip(*(a.tolist() for a in features), strict=True):
        px, py = int(np.floor(x / unit + 0.5)) - west, int(np.floor(y / unit + 0.5)) - north
        if all(window[0] <= v <= window[1] for v in (px, py)) and (keep is None or keep[row]):
            found.append((row, 1, b"".join(map(_varint, [9, _zigzag(px), _zigzag(py)]))))
    return found


def _shapes(features, keep, unit, west, north, window):
    found = []
    for i, row in enumerate(features.row.tolist()):
        if keep is not None and not keep[row]:
            continue
        rings = []
        for r in range(features.shapes[i], features.shapes[i + 1]):
            xy = features.xy[features.rings[r] : features.rings[r + 1]].astype(float)
            rings.append(np.floor(xy / unit + 0.5) - [west, north])
        if features.kind[i] == LINE:
            shape = shapely.multilinestrings([shapely.linestrings(ring) for ring in rings])
        else:
            shape = shapely.make_valid(shapely.Polygon(rings[0], rings[1:]))
        box = shapely.box(window[0], window[0], window[1], window[1])
        shape = shapely.set_precision(shapely.intersection(shape, box), 1)
        parts = [p for p in shapely.get_parts(shape) if shapely.get_dimensions(p) == features.kind[i] - 1]
        if parts:
            found.append((row, int(features.kind[i]), _commands(parts)))
    return found


def _commands(parts) -> bytes:
    numbers, x, y = [], 0, 0
    for part in parts:
        areal = part.geom_type == "Polygon"
        part = shapely.orient_polygons(part, exterior_cw=False) if areal else part
        for ring in [part.exterior, *part.interiors] if areal else [part]:
            vertices = np.array(ring.coords).astype(int).tolist()[: -1 if areal else None]
            for n, (px, py) in enumerate(vertices):
                numbers += [9] if n == 0 else [(len(vertices) - 1) << 3 | 2] if n == 1 else []
                numbers += [_zigzag(px - x), _zigzag(py - y)]
                x, y = px, py
            numbers += [15] if areal else []
    return b"".join(map(_varint, numbers))


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return _field(7, int(value))
    if isinstance(value, str):
        return _field(1, value.encode())
    if isinstance(value, int):
        return _field(5, value) if value >= 0 else _field(6, _zigzag(value))
    return bytes([3 << 3 | 1]) + np.float64(value).tobytes()


__all__ = ["LINE", "POLYGON", "Column", "PointSet", "ShapeSet", "Text", "column", "layer", "text"]
