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


def path(chart: Chart, shapes: Sequence[shapely.Geometry] | np.ndarray) -> str:
    """Return the SVG path of polygons and lines, cut to the frame, in units of the drawing."""
    millimetre = chart.denominator / 1000
    near = _cut(np.asarray(shapes, dtype=object), chart.window, 20 * millimetre)
    if not len(near):
        return ""
    many = shapely.get_num_coordinates(near) > _FEW
    near[many] = shapely.simplify(near[many], 0.04 * millimetre, preserve_topology=False)
    near = near[~shapely.is_empty(near)]
    kinds = shapely.get_type_id(near)
    mixed = kinds == _KIND.GEOMETRYCOLLECTION  # what a cut may leave
    if mixed.any():
        near = np.concatenate([near[~mixed], shapely.get_parts(near[mixed])])
        kinds = shapely.get_type_id(near)
    return _strokes(chart, near[np.isin(kinds, _AREAS)], "z") + _strokes(
        chart, near[np.isin(kinds, _LINES)], ""
    )


def _cut(shapes: np.ndarray, window: tuple[float, float, float, float], edge: float) -> np.ndarray:
    """Return what of shapes is seen in a window with an edge around it; only what crosses that is cut."""
    west, south, east, north = window[0] - edge, window[1] - edge, window[2] + edge, window[3] + edge
    left, low, right, high = shapely.bounds(shapes).reshape(-1, 4).T
    near = (left <= east) & (right >= west) & (low <= north) & (high >= south)
    whole = (left >= west) & (right <= east) & (low >= south) & (high <= north)
    crossing = near & ~whole
    found = shapes.copy()
    found[crossing] = shapely.clip_by_rect(shapes[crossing], west, south, east, north)
    return found[near]


def _strokes(chart: Chart, shapes: np.ndarray, end: str) -> str:
    """Return the path of polygons' rings or of lines: a start in whole units, then steps."""
    if not len(shapes):
        return ""
    # No object for a ring and none for a place: they would set the collector to work again and again.
    _, coordinates, offsets = shapely.to_ragged_array(shapes)
    first = offsets[0][:-1]
    units = np.rint(chart.places(coordinates) * UNITS).astype(int)
    steps = np.diff(units, axis=0, prepend=units[:1])
    steps[first] = units[first]
    texts = list(map(str, steps.ravel().tolist()))
    bounds = [*(2 * first).tolist(), len(texts)]
    last = 2 if end else 0
    strokes = (
        f"M{texts[a]} {texts[a + 1]}l{' '.join(texts[a + 2 : b - last])}{end}"
        for a, b in zip(bounds, bounds[1:], strict=False)
    )
    return "".join(strokes)
