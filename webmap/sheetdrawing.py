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
from webmap.sheetpaths import UNITS, Chart, Outlines, outlines, path, paths

#: Widths of roads on the ground, in metres.
ROADS_M = {"road-minor": 9.0, "road-major": 22.0}
#: What lies below, from the ground up.
_LAID = ("block", "green", "river", "water", "road-minor", "road-major")
#: What of it can hardly be seen under a veil.
_FAINT = ("block", "road-minor")
BEYOND = "#fdfcf8"
BAND = "#dcd6c6"
ACCENT = "#1d5f8f"


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


class Plate(NamedTuple):
    """Ground and compounds taken apart once, for all maps of a document: what is drawn alike is one group."""

    names: tuple[str, ...]
    outlines: Outlines

    def drawn(self, chart: Chart, subject: shapely.Geometry | None) -> dict[str, str]:
        """Return the path of each group on a map; what its subject's veil all but hides is left out."""
        wanted = np.ones(len(self.outlines.shapes), bool)
        if subject is not None:
            faint = np.isin(self.outlines.groups, [self.names.index(kind) for kind in _FAINT])
            shapely.prepare(subject)
            wanted[faint] = shapely.intersects(subject, self.outlines.shapes[faint])
        return dict(zip(self.names, paths(chart, self.outlines, wanted), strict=True))


def plate(ground: Ground, sites: Sequence[Site]) -> Plate:
    """Return ground and compounds as maps are drawn from them."""
    groups: dict[str, Sequence[shapely.Geometry] | np.ndarray] = {
        "district": [ground.district],
        "rim": [shapely.boundary(ground.district)],
        "boundaries": [ground.boundaries],
        **{kind: ground.backdrop.get(kind, ()) for kind in _LAID},
    }
    for planned in (False, True):
        here = [site for site in sites if site.planned == planned]
        for stage in STAGES:
            groups[_name(stage, planned)] = [site.shape for site in here if site.stage == stage]
        groups[_name("late", planned)] = [site.shape for site in here if site.late]
    return Plate(tuple(groups), outlines(list(groups.values())))


def _name(stage: str, planned: bool) -> str:
    return f"{stage} {'planned' if planned else 'other'}"


def drawing(
    chart: Chart,
    plate: Plate,
    scale: float,
    dots: Sequence[Dot] = (),
    subject: shapely.Geometry | None = None,
) -> str:
    """Return the map as SVG, of the size of its frame.

    Args:
        chart: where everything is on the paper.
        plate: what is drawn of: the compounds of the plan above the others.
        scale: of the paper, to A0.
        dots: the illegal structures: full where they stand, rings where they are cleared.
        subject: the ground the map is of: what lies around it is veiled.
    """
    drawn = plate.drawn(chart, subject)
    parts = [_rectangle(chart, BEYOND), *_land(chart, drawn, scale)]
    for planned in (False, True):
        parts += _sites(drawn, scale, planned)
    parts += _boundaries(drawn, scale)
    if subject is not None:
        parts += _veil(chart, subject, scale)
    parts += [_dot(chart, dot, scale) for dot in dots]
    return svg(chart.frame.width, chart.frame.height, scale, parts)


def svg(width: float, height: float, scale: float, parts: Iterable[str]) -> str:
    """Return a drawing of so many millimetres, with the stages' patterns at hand."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.2f}mm" height="{height:.2f}mm"'
        f' viewBox="0 0 {width * UNITS:.0f} {height * UNITS:.0f}">{_patterns(scale)}{"".join(parts)}</svg>'
    )


def _patterns(scale: float) -> str:
    """Return the patterns of the stages as tiles; on small paper they are drawn larger than to scale."""
    zoom = max(3.6 * scale, 1.5) * UNITS / palette.TILE
    tile = (
        '<pattern id="{0}" width="{1}" height="{1}" patternUnits="userSpaceOnUse"'
        ' patternTransform="scale({2:.3f})"><path d="{3}" fill="none" stroke="#141c24" stroke-width="1"'
        ' stroke-opacity=".62" stroke-linecap="round"/></pattern>'
    )
    tiles = [tile.format(code, palette.TILE, zoom, palette.stage_path(code)) for code in STAGES]
    return f"<defs>{''.join(tiles)}</defs>"


def _rectangle(chart: Chart, colour: str) -> str:
    width, height = (side * UNITS for side in (chart.frame.width, chart.frame.height))
    return f'<rect width="{width:.0f}" height="{height:.0f}" fill="{colour}"/>'


def shape(drawn: str, **style: object) -> str:
    """Return a path with its style, nothing where nothing is drawn."""
    named = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<path d="{drawn}" {named}/>' if drawn else ""


def mm(width: float) -> str:
    """Return a width in units of the drawing."""
    return f"{width * UNITS:.1f}"


def _land(chart: Chart, drawn: Mapping[str, str], scale: float) -> list[str]:
    """Return district, blocks, water and roads, from the ground up."""
    band = {"stroke": BAND, "stroke_width": mm(7 * scale), "stroke_linejoin": "round"}
    parts = [shape(drawn["district"], fill=palette.PAPER, **band)]
    for kind in _LAID:
        colour = palette.BACKDROP[kind]
        if kind in ROADS_M:
            width = mm(max(ROADS_M[kind] * 1000 / chart.denominator, 0.15))
            parts.append(shape(drawn[kind], fill="none", stroke=colour, stroke_width=width, **_ROUNDED))
        else:
            parts.append(shape(drawn[kind], fill=colour, fill_rule="evenodd"))
    return parts


_ROUNDED = {"stroke_linejoin": "round", "stroke_linecap": "round"}


def _sites(drawn: Mapping[str, str], scale: float, planned: bool) -> list[str]:
    """Return compounds by stage: those of the plan strong, the others pale; late ones outlined at last."""
    parts = []
    edge = {"stroke": palette.CHOSEN, "stroke_width": mm(max((0.75 if planned else 0.25) * scale, 0.12))}
    edge |= {"stroke_linejoin": "round", "fill_rule": "evenodd"}
    for stage in STAGES:
        path = drawn[_name(stage, planned)]
        colour = palette.stage_colour(stage)
        fill = colour if planned else pale(colour)
        if palette.stage_path(stage):
            parts.append(shape(path, fill=fill, fill_rule="evenodd"))
            fill = f"url(#{stage})"
        faint = {} if planned or not palette.stage_path(stage) else {"fill_opacity": ".45"}
        parts.append(shape(path, fill=fill, **faint, **edge))
    late = drawn[_name("late", planned)]
    width = max((2.0 if planned else 1.2) * scale, 0.4)
    parts.append(shape(late, fill="none", stroke="#ffffff", stroke_width=mm(width * 1.7), **_ROUNDED))
    parts.append(shape(late, fill="none", stroke=palette.LATE, stroke_width=mm(width), **_ROUNDED))
    return parts


def _veil(chart: Chart, subject: shapely.Geometry, scale: float) -> list[str]:
    """Return what lets the ground of a map stand out: a veil on all around it, and its outline."""
    line = {"fill": "none", "stroke": ACCENT, "stroke_width": mm(max(2.2 * scale, 0.5)), **_ROUNDED}
    frame = "M0 0h{0:.0f}v{1:.0f}h-{0:.0f}z".format(*(side * UNITS for side in chart.frame[2:]))
    drawn = path(chart, [subject])
    return [
        shape(frame + drawn, fill=BEYOND, fill_opacity=".62", fill_rule="evenodd"),
        shape(drawn, **line),
    ]


def _dot(chart: Chart, dot: Dot, scale: float) -> str:
    look = palette.STATES[dot.state]
    x, y = (chart.places(shapely.get_coordinates(shapely.centroid(dot.shape)))[0] * UNITS).tolist()
    fill = look.colour if look.filled else "#ffffff"
    return (
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{mm(max(2.6 * scale, 0.6))}" fill="{fill}"'
        f' stroke="{look.colour}" stroke-width="{mm(max(0.9 * scale, 0.25))}"/>'
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


def _boundaries(drawn: Mapping[str, str], scale: float) -> list[str]:
    """Return the street offices' boundaries, each line once, and the district's."""
    width = max(0.9 * scale, 0.22)
    dashes = " ".join(mm(width * part) for part in (9, 3, 1.5, 3))
    line = {"fill": "none", "stroke": palette.INK_LINE, "stroke_linejoin": "round"}
    return [
        shape(drawn["boundaries"], stroke_width=mm(width), stroke_dasharray=dashes, **line),
        shape(drawn["rim"], stroke_width=mm(width * 1.6), **line),
    ]


def overview(chart: Chart, ground: Ground, scale: float) -> tuple[str, str]:
    """Return the beginning and the end of a small map of the district; between them stands what is marked."""
    line = max(0.5 * scale, 0.12)
    ink = {"fill": "none", "stroke": palette.INK_LINE, "stroke_width": mm(line * 2), **_ROUNDED}
    fine = {"fill": "none", "stroke": "#8a8f94", "stroke_width": mm(line), **_ROUNDED}
    drawn = path(chart, [ground.district])
    whole = [shape(drawn, fill=palette.PAPER), "|", shape(path(chart, [ground.boundaries]), **fine)]
    whole.append(shape(drawn, **ink))
    begin, end = svg(chart.frame.width, chart.frame.height, scale, whole).split("|")
    return begin, end


def marked(chart: Chart, offices: Sequence[shapely.Geometry]) -> list[str]:
    """Return each of some street offices as it is marked on an overview."""
    drawn = paths(chart, outlines([[office] for office in offices]))
    return [shape(one, fill=ACCENT, fill_rule="evenodd") for one in drawn]
