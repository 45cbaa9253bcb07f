"""Where a map lies on the paper, and its shapes as paths of a drawing: cut to the frame, in whole units."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely

from webmap.sheetlayout import Box

#: Units of the drawing in a millimetre: whole numbers are short, and fine enough for any printer.
UNITS = 100
#: A shape of so few places is drawn as it is.
_FEW = 64
_KIND = shapely.GeometryType
_AREAS, _LINES = (_KIND.POLYGON, _KIND.MULTIPOLYGON), (_KIND.LINESTRING, _KIND.MULTILINESTRING)


class Chart(NamedTuple):
    """A map on the paper: its frame, the metres at the frame's upper left corner, and the scale.

    ``denominator`` is that of the printed scale: metres of the zone for one metre on the paper.
    """

    frame: Box
    west: float
    north: float
    denominator: float

    @property
    def window(self) -> tuple[float, float, float, float]:
        """West, south, east and north of the frame in metres of the zone."""
        across, down = (side * self.denominator / 1000 for side in (self.frame.width, self.frame.height))
        return self.west, self.north - down, self.west + across, self.north

    def places(self, metres: np.ndarray) -> np.ndarray:
        """Return places in the frame, in millimetres from its upper left corner."""
        return (np.asarray(metres) - (self.west, self.north)) * (1000 / self.denominator) * (1, -1)

    def boxes(self, shapes: Sequence[shapely.Geometry]) -> np.ndarray:
        """Return the boxes of shapes in the frame: left, top, right, bottom in millimetres."""
        west, south, east, north = shapely.bounds(np.asarray(shapes, dtype=object)).reshape(-1, 4).T
        low, high = self.places(np.column_stack([west, north])), self.places(np.column_stack([east, south]))
        return np.hstack([low, high])


def chart(frame: Box, ground: Sequence[float], denominator: float) -> Chart:
    """Return the map of a ground (west, south, east, north in metres) in the middle of a frame."""
    west, south, east, north = ground
    across, down = (side * denominator / 1000 for side in (frame.width, frame.height))
    return Chart(frame, (west + east - across) / 2, (south + north + down) / 2, denominator)


class _Strokes(NamedTuple):
    """Rings and lines taken apart: all their places, in metres, and what is known of each stroke.

    Where its places begin, how many they are, which shape it is of, and whether it is a ring.
    """

    places: np.ndarray
    begins: np.ndarray
    counts: np.ndarray
    owners: np.ndarray
    rings: np.ndarray


class Outlines(NamedTuple):
    """Groups of polygons and lines, taken apart once for all maps that show some of them.

    ``groups`` tells of each shape which group it is in; those of many places (``fine``) are drawn
    with no more of them than can be seen.
    """

    count: int
    shapes: np.ndarray
    groups: np.ndarray
    bounds: np.ndarray
    fine: np.ndarray
    strokes: _Strokes


def outlines(groups: Sequence[Sequence[shapely.Geometry] | np.ndarray]) -> Outlines:
    """Return groups of polygons and lines, in metres, as they are drawn from."""
    shapes = np.concatenate([np.asarray(group, dtype=object) for group in groups])
    owners = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    fine = shapely.get_num_coordinates(shapes) > _FEW
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    return Outlines(len(groups), shapes, owners, bounds, fine, _taken_apart(shapes))


def path(chart: Chart, shapes: Sequence[shapely.Geometry] | np.ndarray) -> str:
    """Return the SVG path of polygons and lines, cut to the frame, in units of the drawing."""
    return paths(chart, outlines([shapes]))[0]


def paths(chart: Chart, outlines: Outlines, wanted: np.ndarray | bool = True) -> list[str]:
    """Return the path of each group, "" where the frame shows none of it; see ``path``.

    ``wanted`` tells of each shape whether it is drawn at all.
    """
    edge = 20 * chart.denominator / 1000
    west, south, east, north = np.array(chart.window) + (-edge, -edge, edge, edge)
    left, low, right, high = outlines.bounds.T
    near = (left <= east) & (right >= west) & (low <= north) & (high >= south) & wanted
    whole = (left >= west) & (right <= east) & (low >= south) & (high <= north)
    found: list[list[str]] = [[] for _ in range(outlines.count)]
    plain = near & whole & ~outlines.fine
    _write(chart, outlines.strokes, plain[outlines.strokes.owners], outlines.groups, found)
    chosen = np.flatnonzero(near & ~plain)
    shapes = outlines.shapes[chosen]
    crossing = ~whole[chosen]
    shapes[crossing] = shapely.clip_by_rect(shapes[crossing], west, south, east, north)
    shapes, groups = _simple(shapes, outlines.groups[chosen], 0.04 * chart.denominator / 1000)
    rest = _taken_apart(shapes)
    _write(chart, rest, np.ones(len(rest.owners), bool), groups, found)
    return ["".join(strokes) for strokes in found]


def _simple(shapes: np.ndarray, groups: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return shapes without places that cannot be seen, and collections (what a cut may leave) in parts."""
    many = shapely.get_num_coordinates(shapes) > _FEW
    shapes[many] = shapely.simplify(shapes[many], tolerance, preserve_topology=False)
    mixed = shapely.get_type_id(shapes) == _KIND.GEOMETRYCOLLECTION
    if not mixed.any():
        return shapes, groups
    parts, owners = shapely.get_parts(shapes[mixed], return_index=True)
    return (
        np.concatenate([shapes[~mixed], parts]),
        np.concatenate([groups[~mixed], groups[mixed][owners]]),
    )


def _taken_apart(shapes: np.ndarray) -> _Strokes:
    kinds, full = shapely.get_type_id(shapes), ~shapely.is_empty(shapes)
    areas, lines = (
        _of_one_kind(shapes, np.flatnonzero(full & ((kinds == one) | (kinds == many))), rings)
        for (one, many), rings in ((_AREAS, True), (_LINES, False))
    )
    lines = lines._replace(begins=lines.begins + len(areas.places))
    return _Strokes(*map(np.concatenate, zip(areas, lines, strict=True)))


def _of_one_kind(shapes: np.ndarray, chosen: np.ndarray, rings: bool) -> _Strokes:
    if not len(chosen):
        none = np.empty(0, int)
        return _Strokes(np.empty((0, 2)), none, none, none, np.empty(0, bool))
    # No object for a ring and none for a place: they would set the collector to work again and again.
    _, places, offsets = shapely.to_ragged_array(shapes[chosen])
    bounds = offsets[-1] if len(offsets) > 1 else np.arange(len(chosen) + 1)
    for level in offsets[-2:0:-1]:
        bounds = level[bounds]
    owners = np.repeat(chosen, np.diff(bounds))
    return _Strokes(places, offsets[0][:-1], np.diff(offsets[0]), owners, np.full(len(owners), rings))


def _write(
    chart: Chart, strokes: _Strokes, chosen: np.ndarray, groups: np.ndarray, found: list[list[str]]
) -> None:
    """Add to each group the strokes of its shapes: a start in whole units, then steps."""
    counts = strokes.counts[chosen]
    ends = np.cumsum(counts)
    if not len(ends):
        return
    begins = ends - counts
    listed = np.arange(ends[-1]) + np.repeat(strokes.begins[chosen] - begins, counts)
    units = np.rint(chart.places(strokes.places[listed]) * UNITS).astype(int)
    steps = np.diff(units, axis=0, prepend=units[:1])
    steps[begins] = units[begins]
    texts = list(map(str, steps.ravel().tolist()))
    rings = strokes.rings[chosen]
    # The last place of a ring is the first again: it is closed instead.
    spans = ((2 * begins).tolist(), (2 * (ends - rings)).tolist(), rings.tolist())
    for begin, end, ring, group in zip(*spans, groups[strokes.owners[chosen]].tolist(), strict=True):
        said = f"M{texts[begin]} {texts[begin + 1]}l{' '.join(texts[begin + 2 : end])}"
        found[group].append(f"{said}z" if ring else said)
