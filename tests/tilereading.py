"""Vector tiles read strictly by the specification 2.1: whatever it forbids is an error here."""

from typing import NamedTuple

import numpy as np
import shapely


class Feature(NamedTuple):
    """A feature of a tile: its kind, its parts as lists of places, and what is said about it."""

    kind: int
    parts: list
    properties: dict

    @property
    def shape(self) -> shapely.Geometry:
        """The geometry, in units of the tile, y down."""
        if self.kind == 1:
            return shapely.MultiPoint([part[0] for part in self.parts])
        if self.kind == 2:
            return shapely.MultiLineString(self.parts)
        polygons: list[list] = []
        for ring in self.parts:
            if doubled_area(ring) > 0:
                polygons.append([ring])
            else:
                polygons[-1].append(ring)
        found = [shapely.Polygon(shell, holes) for shell, *holes in polygons]
        return found[0] if len(found) == 1 else shapely.MultiPolygon(found)


class Layer(NamedTuple):
    """A layer of a tile."""

    extent: int
    features: list[Feature]


def read(tile: bytes) -> dict[str, Layer]:
    """Return the layers of a tile by name."""
    layers = {}
    for number, content in _fields(tile):
        assert number == 3
        name, layer = _layer(content)
        assert name not in layers
        layers[name] = layer
    return layers


def doubled_area(ring: list) -> int:
    """Return twice the area of a ring, by the surveyor's formula."""
    x, y = np.array(ring, dtype=object).T
    return int(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def _number(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (content[at] & 127) << shift
        shift += 7
        at += 1
        if content[at - 1] < 128:
            assert value < 2**64
            return value, at


def _fields(content: bytes):
    at = 0
    while at < len(content):
        tag, at = _number(content, at)
        if tag & 7 == 0:
            value, at = _number(content, at)
        elif tag & 7 == 1:
            value, at = content[at : at + 8], at + 8
        else:
            assert tag & 7 == 2
            size, at = _number(content, at)
            value, at = content[at : at + size], at + size
            assert len(value) == size
        yield tag >> 3, value


def _layer(content: bytes) -> tuple[str, Layer]:
    found: dict[int, list] = {}
    for number, value in _fields(content):
        found.setdefault(number, []).append(value)
    assert set(found) <= {1, 2, 3, 4, 5, 15}
    assert found[15] == [2]
    assert len(found[1]) == len(found[5]) == 1
    assert found[2], "a layer holds at least one feature"
    keys = [key.decode() for key in found.get(3, [])]
    values = [_value(value) for value in found.get(4, [])]
    assert len(set(keys)) == len(keys)
    assert len({(type(value), value) for value in values}) == len(values), "no value is told twice"
    used: set[int] = set()
    features = [_feature(feature, keys, values, used) for feature in found[2]]
    assert used == set(range(len(values))), "no value is told that no feature has"
    return found[1][0].decode(), Layer(found[5][0], features)


def _value(content: bytes):
    ((number, value),) = _fields(content)
    if number == 1:
        return value.decode()
    if number == 3:
        return float(np.frombuffer(value, np.float64)[0])
    if number == 5:
        return value
    if number == 6:
        return _signed(value)
    assert number == 7
    return bool(value)


def _signed(number: int) -> int:
    return (number >> 1) ^ -(number & 1)


def _feature(content: bytes, keys: list, values: list, used: set) -> Feature:
    fields = dict(_fields(content))
    assert set(fields) <= {2, 3, 4}
    tags = _numbers(fields.get(2, b""))
    assert len(tags) % 2 == 0
    properties = {keys[key]: values[value] for key, value in zip(tags[::2], tags[1::2], strict=True)}
    assert len(properties) == len(tags) // 2
    used.update(tags[1::2])
    return Feature(fields[3], _parts(fields[3], _numbers(fields[4])), properties)


def _numbers(content: bytes) -> list[int]:
    at, found = 0, []
    while at < len(content):
        number, at = _number(content, at)
        found.append(number)
    return found


def _parts(kind: int, commands: list[int]) -> list:
    """Return the parts of a geometry, where nothing stands that its kind may not hold."""
    parts, x, y, at, shells = [], 0, 0, 0, 0
    while at < len(commands):
        steps, count = [], 0
        assert commands[at] == (1 | 1 << 3), "every part begins with one MoveTo"
        for command in [1] if kind == 1 else [1, 2]:
            assert commands[at] & 7 == command
            count = commands[at] >> 3
            assert count >= 1
            for i in range(count):
                dx, dy = map(_signed, commands[at + 1 + 2 * i : at + 3 + 2 * i])
                assert command == 1 or dx or dy, "no step of no length"
                x, y = x + dx, y + dy
                steps.append((x, y))
            at += 1 + 2 * count
        if kind == 3:
            assert count >= 2
            assert commands[at] == (7 | 1 << 3)
            at += 1
            area = doubled_area(steps)
            assert area != 0
            assert area > 0 or shells, "a shell comes before its holes"
            shells += area > 0
            assert steps[0] != steps[-1]
        parts.append(steps)
    assert parts
    return parts
