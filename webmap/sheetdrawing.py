"""The map of a printed sheet as SVG: shapes in metres of a zone, drawn to scale. Knows no request.

It holds no text: texts are set beside it, in the sheet's typeface, where ``geo.labels`` places
them. Colours and patterns are those of the screen (``webmap.palette``), the patterns as tiles, so
that they stay lines at any size and the sheet can be told apart in black and white.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import shapely

from layers.stages import STAGES
from webmap import palette
from webmap.sheetlayout import Box

#: Units of the drawing in a millimetre: whole numbers are short, and fine enough for any printer.
_UNITS = 100
#: A shape of so few places is drawn as it is.
_FEW = 64
_KIND = shapely.GeometryType
_AREAS, _LINES = (_KIND.POLYGON, _KIND.MULTIPOLYGON), (_KIND.LINESTRING, _KIND.MULTILINESTRING)
#: Widths of roads on the ground, in metres.
_ROADS_M = {"road-minor": 9.0, "road-major": 22.0}
#: What lies below, from the ground up.
_LAID = ("block", "green", "river", "water", "road-minor", "road-major")
BEYOND = "#fdfcf8"
BAND = "#dcd6c6"
ACCENT = "#1d5f8f"


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


class Site(NamedTuple):
    """A compound to be drawn: its shape in metres, its stage, whether it is late and in the plan."""

    shape: shapely.Geometry
    stage: str
    late: bool
    planned: bool


class Dot(NamedTuple):
    """An illegal structure to be drawn: its shape in metres, and its state."""

    shape: shapely.Geometry
    state: str


class Ground(NamedTuple):
    """What a map shows below its sites, in metres.

    ``backdrop`` is streets, water, green and blocks by kind; ``boundaries`` the lines between the
    ``offices``, each once.
    """

    backdrop: Mapping[str, np.ndarray]
    offices: np.ndarray
    district: shapely.Geometry
    boundaries: shapely.Geometry


def ground(backdrop: Mapping[str, np.ndarray], offices: np.ndarray) -> Ground:
    """Return what a map shows below its sites, of shapes in metres."""
    lines = shapely.line_merge(shapely.union_all(shapely.boundary(offices)))
    return Ground(backdrop, offices, shapely.union_all(offices), lines)


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
    units = np.rint(chart.places(coordinates) * _UNITS).astype(int)
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


def drawing(
    chart: Chart,
    ground: Ground,
    sites: Sequence[Site],
    scale: float,
    dots: Sequence[Dot] = (),
    subject: shapely.Geometry | None = None,
) -> str:
    """Return the map as SVG, of the size of its frame.

    Args:
        chart: where everything is on the paper.
        ground: what lies below.
        sites: the compounds, the important ones last.
        scale: of the paper, to A0.
        dots: the illegal structures: full where they stand, rings where they are cleared.
        subject: the ground the map is of: what lies around it is veiled.
    """
    parts = [_rectangle(chart, BEYOND), *_land(chart, ground, scale)]
    seen = shapely.intersects(shapely.box(*chart.window), [site.shape for site in sites])
    sites = [site for site, shown in zip(sites, seen, strict=True) if shown]
    for planned in (False, True):
        parts += _sites(chart, [site for site in sites if site.planned == planned], scale, planned)
    parts += _boundaries(chart, ground, scale)
    if subject is not None:
        parts += _veil(chart, subject, scale)
    parts += [_dot(chart, dot, scale) for dot in dots]
    return _svg(chart.frame.width, chart.frame.height, scale, parts)


def _svg(width: float, height: float, scale: float, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.2f}mm" height="{height:.2f}mm"'
        f' viewBox="0 0 {width * _UNITS:.0f} {height * _UNITS:.0f}">{_patterns(scale)}{"".join(parts)}</svg>'
    )


def _patterns(scale: float) -> str:
    """Return the patterns of the stages as tiles; on small paper they are drawn larger than to scale."""
    zoom = max(3.6 * scale, 1.5) * _UNITS / palette.TILE
    tile = (
        '<pattern id="{0}" width="{1}" height="{1}" patternUnits="userSpaceOnUse"'
        ' patternTransform="scale({2:.3f})"><path d="{3}" fill="none" stroke="#141c24" stroke-width="1"'
        ' stroke-opacity=".62" stroke-linecap="round"/></pattern>'
    )
    tiles = [tile.format(code, palette.TILE, zoom, palette.stage_path(code)) for code in STAGES]
    return f"<defs>{''.join(tiles)}</defs>"


def _rectangle(chart: Chart, colour: str) -> str:
    width, height = (side * _UNITS for side in (chart.frame.width, chart.frame.height))
    return f'<rect width="{width:.0f}" height="{height:.0f}" fill="{colour}"/>'


def _shape(drawn: str, **style: object) -> str:
    named = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<path d="{drawn}" {named}/>' if drawn else ""


def _mm(width: float) -> str:
    return f"{width * _UNITS:.1f}"


def _land(chart: Chart, ground: Ground, scale: float) -> list[str]:
    """Return district, blocks, water and roads, from the ground up."""
    district = path(chart, [ground.district])
    parts = [
        _shape(
            district, fill=palette.PAPER, stroke=BAND, stroke_width=_mm(7 * scale), stroke_linejoin="round"
        )
    ]
    for kind in _LAID:
        drawn = path(chart, ground.backdrop.get(kind, ()))
        if kind in _ROADS_M:
            width = _mm(max(_ROADS_M[kind] * 1000 / chart.denominator, 0.15))
            parts.append(
                _shape(drawn, fill="none", stroke=palette.BACKDROP[kind], stroke_width=width, **_ROUNDED)
            )
        else:
            parts.append(_shape(drawn, fill=palette.BACKDROP[kind], fill_rule="evenodd"))
    return parts


_ROUNDED = {"stroke_linejoin": "round", "stroke_linecap": "round"}


def _sites(chart: Chart, sites: Sequence[Site], scale: float, planned: bool) -> list[str]:
    """Return compounds by stage: those of the plan strong, the others pale; late ones outlined at last."""
    parts = []
    edge = {"stroke": palette.CHOSEN, "stroke_width": _mm(max((0.75 if planned else 0.25) * scale, 0.12))}
    for stage in STAGES:
        drawn = path(chart, [site.shape for site in sites if site.stage == stage])
        colour = palette.stage_colour(stage)
        parts.append(_shape(drawn, fill=colour if planned else pale(colour), fill_rule="evenodd"))
        faint = {} if planned else {"fill_opacity": ".45"}
        parts.append(
            _shape(drawn, fill=f"url(#{stage})", fill_rule="evenodd", **faint)
            if palette.stage_path(stage)
            else ""
        )
        parts.append(_shape(drawn, fill="none", stroke_linejoin="round", **edge))
    late = path(chart, [site.shape for site in sites if site.late])
    width = max((2.0 if planned else 1.2) * scale, 0.4)
    parts.append(_shape(late, fill="none", stroke="#ffffff", stroke_width=_mm(width * 1.7), **_ROUNDED))
    parts.append(_shape(late, fill="none", stroke=palette.LATE, stroke_width=_mm(width), **_ROUNDED))
    return parts


def _veil(chart: Chart, subject: shapely.Geometry, scale: float) -> list[str]:
    """Return what lets the ground of a map stand out: a veil on all around it, and its outline."""
    west, south, east, north = chart.window
    around = shapely.difference(shapely.box(west, south, east, north), subject)
    line = {"fill": "none", "stroke": ACCENT, "stroke_width": _mm(max(2.2 * scale, 0.5)), **_ROUNDED}
    return [
        _shape(path(chart, [around]), fill=BEYOND, fill_opacity=".62", fill_rule="evenodd"),
        _shape(path(chart, [subject]), **line),
    ]


def _dot(chart: Chart, dot: Dot, scale: float) -> str:
    look = palette.STATES[dot.state]
    x, y = (chart.places(shapely.get_coordinates(shapely.centroid(dot.shape)))[0] * _UNITS).tolist()
    fill = look.colour if look.filled else "#ffffff"
    return (
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{_mm(max(2.6 * scale, 0.6))}" fill="{fill}"'
        f' stroke="{look.colour}" stroke-width="{_mm(max(0.9 * scale, 0.25))}"/>'
    )


def pale(colour: str, share: float = 0.5) -> str:
    """Return a colour mixed with that of the paper: so much of it is left.

    >>> pale("#000000")
    '#7b7a76'
    """
    mixed = (
        round(int(colour[i : i + 2], 16) * share + int(palette.PAPER[i : i + 2], 16) * (1 - share))
        for i in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _boundaries(chart: Chart, ground: Ground, scale: float) -> list[str]:
    """Return the street offices' boundaries, each line once, and the district's."""
    width = max(0.9 * scale, 0.22)
    dashes = " ".join(_mm(width * part) for part in (9, 3, 1.5, 3))
    line = {"fill": "none", "stroke": palette.INK_LINE, "stroke_linejoin": "round"}
    return [
        _shape(path(chart, [ground.boundaries]), stroke_width=_mm(width), stroke_dasharray=dashes, **line),
        _shape(path(chart, [shapely.boundary(ground.district)]), stroke_width=_mm(width * 1.6), **line),
    ]


def swatch(stage: str, scale: float, width: float, height: float, planned: bool = True) -> str:
    """Return the sample of a stage for a legend, as SVG."""
    colour = palette.stage_colour(stage)
    frame = f'width="{width * _UNITS:.0f}" height="{height * _UNITS:.0f}"'
    parts = [
        f'<rect {frame} fill="{colour if planned else pale(colour)}"/>',
        f'<rect {frame} fill="url(#{stage})"/>' if palette.stage_path(stage) else "",
    ]
    return _svg(width, height, scale, parts)


def overview(chart: Chart, ground: Ground, scale: float) -> tuple[str, str]:
    """Return the beginning and the end of a small map of the district; between them stands what is marked."""
    line = max(0.5 * scale, 0.12)
    ink = {"fill": "none", "stroke": palette.INK_LINE, "stroke_width": _mm(line * 2), **_ROUNDED}
    fine = {"fill": "none", "stroke": "#8a8f94", "stroke_width": _mm(line), **_ROUNDED}
    drawn = path(chart, [ground.district])
    whole = [_shape(drawn, fill=palette.PAPER), "|", _shape(path(chart, [ground.boundaries]), **fine)]
    whole.append(_shape(drawn, **ink))
    begin, end = _svg(chart.frame.width, chart.frame.height, scale, whole).split("|")
    return begin, end


def marked(chart: Chart, office: shapely.Geometry) -> str:
    """Return the street office that is marked on an overview."""
    return _shape(path(chart, [office]), fill=ACCENT, fill_rule="evenodd")


def sign(kind: str, scale: float, width: float, height: float) -> str:
    """Return the sample of a sign of the map for its legend, as SVG."""
    across, down = width * _UNITS, height * _UNITS
    whole = f"M0 0h{across:.0f}v{down:.0f}h{-across:.0f}z"
    line = f"M0 {down / 2:.0f}h{across:.0f}"
    thin = max(0.9 * scale, 0.22)
    dashes = " ".join(_mm(thin * part) for part in (9, 3, 1.5, 3))
    ink = {"fill": "none", "stroke": palette.INK_LINE}
    if kind == "office":
        parts = [_shape(line, stroke_width=_mm(thin), stroke_dasharray=dashes, **ink)]
    elif kind == "district":
        parts = [
            _shape(line, fill="none", stroke=BAND, stroke_width=_mm(3.5 * scale)),
            _shape(line, stroke_width=_mm(thin * 1.6), **ink),
        ]
    elif kind in ("planned", "other"):
        edge = max((0.75 if kind == "planned" else 0.25) * scale, 0.12) * 2
        fill = palette.stage_colour("construction")
        fill = fill if kind == "planned" else pale(fill)
        parts = [_shape(whole, fill=fill, stroke=palette.CHOSEN, stroke_width=_mm(edge))]
    elif kind in _ROADS_M:
        wide = _mm(min(max(_ROADS_M[kind] / 10 * scale, 0.3), height * 0.6))
        parts = [
            _shape(whole, fill=palette.BACKDROP["block"]),
            _shape(line, fill="none", stroke=palette.BACKDROP[kind], stroke_width=wide),
        ]
    else:
        parts = [_shape(whole, fill=palette.BACKDROP[kind])]
    return _svg(width, height, scale, parts)
