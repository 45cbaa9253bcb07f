"""Small maps as SVG: a border case, and what a new edition moves. Knows no request.

Drawn by the server from shapes in degrees, so that they are there with the page, print, and can
be kept as a file. A street office has a colour and a pattern, and its name stands on the map:
nothing is told by colour alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import shapely
from markupsafe import Markup, escape

from geo.locate import metres_per_degree
from layers.cases import Case
from layers.scene import Scene
from webmap import palette

_SCALES_M = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)


class Sheet(NamedTuple):
    """The paper: window in degrees, width in pixels, and what one degree is on it."""

    window: tuple[float, float, float, float]
    width: float
    scale: np.ndarray

    @property
    def height(self) -> float:
        """The paper's height in pixels."""
        return float((self.window[3] - self.window[1]) * self.scale[1])

    def places(self, coordinates: np.ndarray) -> np.ndarray:
        """Return places on the paper for longitudes and latitudes."""
        west, _, _, north = self.window
        return (coordinates - (west, north)) * (self.scale * (1, -1))


def sheet(window: tuple[float, float, float, float], width: float = 640.0) -> Sheet:
    """Return the paper for a window, true to shape at its middle."""
    west, south, east, north = window
    metres = metres_per_degree(np.array([(south + north) / 2]))[0]
    return Sheet(window, width, metres * (width / ((east - west) * metres[0])))


def path(paper: Sheet, shape: shapely.Geometry) -> str:
    """Return the SVG path of a shape's rings and lines; points have none."""
    parts = []
    for piece in shapely.get_parts(shape):
        rings = shapely.get_rings(piece) if piece.geom_type == "Polygon" else [piece]
        for ring in rings:
            places = paper.places(shapely.get_coordinates(ring))
            if ring.geom_type == "Point" or not len(places):
                continue
            text = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
            parts.append(f"M{text}{'Z' if piece.geom_type == 'Polygon' else ''}")
    return "".join(parts)


class Picture(NamedTuple):
    """The map of a case, and how it draws each street office, those it is about first."""

    svg: Markup
    looks: dict[str, palette.OfficeLook]


def picture(case: Case, scene: Scene, title: str) -> Picture:
    """Return the map of a case; ``title`` is what a screen reader says of it."""
    shown = looks([*offices_of(case), *(area.code for area in scene.areas)])
    return Picture(case_svg(scene, shown, title), shown)


def offices_of(case: Case) -> Iterator[str]:
    """Yield the offices that a case is about: those that share it, claim it or are nearest to it."""
    yield from (share.code for share in case.shares)
    yield from case.candidates
    yield from (code for code in (case.computed, case.street_office_code, case.nearest_code) if code)


def looks(codes: Iterable[str]) -> dict[str, palette.OfficeLook]:
    """Return how each street office is drawn, in the order they are named."""
    known = list(dict.fromkeys(codes))
    return {code: palette.OFFICES[place % len(palette.OFFICES)] for place, code in enumerate(known)}


def case_svg(
    scene: Scene, shown: Mapping[str, palette.OfficeLook], title: str, width: float = 640.0
) -> Markup:
    """Return the map of a border case: the site in the colours of the offices that share it.

    Args:
        scene: what is there.
        shown: how each street office is drawn, by code; others are drawn plainly.
        title: what a screen reader says of it.
        width: in pixels; the height follows from the scene.
    """
    paper = sheet(scene.window, width)
    parts = [
        shape_of(paper, shape, fill=palette.BACKDROP.get(kind, "none")) for kind, shape in scene.backdrop
    ]
    parts += [shape_of(paper, shape, fill="#e6e0d2", stroke="#cfc7b4") for shape in scene.neighbours]
    for area in scene.areas:
        if area.code in shown:
            parts.append(shape_of(paper, area.ground, fill=shown[area.code].colour, opacity=0.13))
    parts += _site(paper, scene, shown)
    for area in scene.areas:
        edge = {"stroke": palette.INK_LINE, "stroke_width": 2.2, "stroke_dasharray": "9 3 2 3"}
        parts.append(shape_of(paper, area.ground.boundary.difference(_frame(scene)), fill="none", **edge))
    parts += _names(paper, scene, shown)
    parts.append(scale_bar(paper))
    return svg(paper, title, shown, parts)


def _frame(scene: Scene) -> shapely.Geometry:
    """Return the window's own edge, which is no boundary; a hair wide, for what was cut by it."""
    return shapely.box(*scene.window).boundary.buffer(1e-9)


def _site(paper: Sheet, scene: Scene, shown: Mapping[str, palette.OfficeLook]) -> list[Markup]:
    if scene.site.geom_type in ("Point", "MultiPoint"):
        places = paper.places(shapely.get_coordinates(scene.site))
        dot = '<circle cx="{:.1f}" cy="{:.1f}" r="7" fill="{}" stroke="#fff" stroke-width="2.5"/>'
        return [Markup(dot).format(x, y, palette.CHOSEN) for x, y in places]
    parts = [shape_of(paper, scene.site, fill="#ffffff", opacity=0.85)]
    for area in scene.areas:
        if area.code in shown and not area.part.is_empty:
            parts.append(shape_of(paper, area.part, fill=shown[area.code].colour, opacity=0.55))
            parts.append(shape_of(paper, area.part, fill=f"url(#office-{shown[area.code].number})"))
    return [*parts, shape_of(paper, scene.site, fill="none", stroke=palette.CHOSEN, stroke_width=2.6)]


def _names(paper: Sheet, scene: Scene, shown: Mapping[str, palette.OfficeLook]) -> list[Markup]:
    """Return the offices' names where there is most room for them, beside the site."""
    found = []
    for area in scene.areas:
        room = shapely.difference(area.ground, scene.site)
        room = area.ground if room.is_empty else room
        if room.area == 0:
            continue
        middle = shapely.maximum_inscribed_circle(room, tolerance=1e-5).coords[0]
        x, y = paper.places(np.array(middle))
        half = 7.5 * len(area.name)
        x = min(max(x, half), paper.width - half)
        colour = shown[area.code].ink if area.code in shown else palette.INK_LINE
        found.append(label(x, min(max(y, 14), paper.height - 30), area.name, colour))
    return found


def label(x: float, y: float, text: str, colour: str, size: float = 14) -> Markup:
    """Return a text around a place on the paper, with a halo."""
    return Markup(
        '<text x="{:.1f}" y="{:.1f}" text-anchor="middle" font-size="{:g}" font-weight="600" fill="{}"'
        ' stroke="#fffefb" stroke-width="3.5" paint-order="stroke" stroke-linejoin="round">{}</text>'
    ).format(x, y, size, colour, text)


def shape_of(paper: Sheet, shape: shapely.Geometry, **style: object) -> Markup:
    """Return a shape as a path in a style; points have none."""
    drawn = path(paper, shape)
    if not drawn:
        return Markup("")
    named = Markup(" ").join(
        Markup('{}="{}"').format(name.replace("_", "-"), value) for name, value in style.items()
    )
    return Markup('<path d="{}" fill-rule="evenodd" {}/>').format(drawn, named)


def scale_bar(paper: Sheet) -> Markup:
    """Return a bar of a round length, about a fifth of the width."""
    west, south, east, north = paper.window
    metres = metres_per_degree(np.array([(south + north) / 2]))[0][0] * (east - west) / paper.width
    length = max((m for m in _SCALES_M if m <= metres * paper.width / 4), default=_SCALES_M[0])
    bar, y = length / metres, paper.height - 12
    told = f"{length} m" if length < 1000 else f"{length // 1000} km"
    line = Markup('<path d="M12 {0:.1f}v5h{1:.1f}v-5" fill="none" stroke="{2}" stroke-width="1.5"/>')
    return line.format(y - 5, bar, palette.INK_LINE) + label(12 + bar / 2, y - 4, told, palette.INK_LINE, 12)


def svg(paper: Sheet, title: str, shown: Mapping[str, palette.OfficeLook], parts: list[Markup]) -> Markup:
    """Return a drawing of some parts upon the paper's ground; ``title`` is what a screen reader says."""
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="casemap" viewBox="0 0 {0:.0f} {1:.0f}"'
        ' width="{0:.0f}" height="{1:.0f}" role="img" aria-label="{2}" font-family="{3}"><title>{2}</title>'
    ).format(paper.width, paper.height, title, palette.FONTS)
    ground = Markup('<rect width="100%" height="100%" fill="{}"/>').format(palette.PAPER)
    return head + office_patterns(shown.values()) + ground + Markup("").join(parts) + Markup("</svg>")


def office_patterns(shown: Iterable[palette.OfficeLook]) -> Markup:
    """Return the patterns of street offices, for a drawing that refers to them."""
    tile = Markup(
        '<pattern id="office-{0}" width="{1}" height="{1}" patternUnits="userSpaceOnUse">'
        '<path d="{2}" fill="none" stroke="{3}" stroke-width="1.2" stroke-linecap="round"/></pattern>'
    )
    found = [tile.format(look.number, palette.TILE, look.path, look.ink) for look in dict.fromkeys(shown)]
    return Markup("<defs>") + Markup("").join(found) + Markup("</defs>")


def moves_svg(
    around: Iterable[shapely.Geometry],
    offices: Iterable[tuple[str, str, shapely.Geometry]],
    former: Iterable[shapely.Geometry],
    moves: Iterable[tuple[str | None, bytes]],
    shown: Mapping[str, palette.OfficeLook],
    title: str,
    width: float = 900.0,
) -> Markup:
    """Return the map of a comparison: what moves, in the colour of who would answer for it.

    Args:
        around: what must be on it.
        offices: code, name and ground of the coming edition's street offices.
        former: the ground of the offices as they are now; their lines are dashed.
        moves: who would answer (None: nobody), and the site's WKB.
        shown: how the offices that would answer are drawn, by code.
        title: what a screen reader says of it.
        width: in pixels.
    """
    west, south, east, north = shapely.total_bounds(list(around))
    edge_x, edge_y = (east - west) * 0.02, (north - south) * 0.02
    paper = sheet((west - edge_x, south - edge_y, east + edge_x, north + edge_y), width)
    offices = list(offices)
    parts = [
        shape_of(paper, ground, fill="#fffefb", stroke=palette.INK_LINE, stroke_width=1.4)
        for *_, ground in offices
    ]
    dashed = {"fill": "none", "stroke": palette.LATE, "stroke_width": 1.6, "stroke_dasharray": "5 4"}
    parts.append(shape_of(paper, _lines_gone(former, [ground for *_, ground in offices]), **dashed))
    # Points upon areas, so that none is hidden.
    for code, wkb in sorted(moves, key=lambda move: len(move[1]), reverse=True):
        look = shown.get(code) if code is not None else None
        parts.append(
            _moved(
                paper,
                shapely.from_wkb(wkb),
                look.colour if look else "#ffffff",
                look.ink if look else palette.CHOSEN,
            )
        )
    for _, name, ground in offices:
        middle = shapely.maximum_inscribed_circle(ground, tolerance=1e-3).coords[0]
        x, y = paper.places(np.array(middle))
        parts.append(label(x, y, name, palette.INK_LINE, 12))
    parts.append(scale_bar(paper))
    return svg(paper, title, shown, parts)


def _lines_gone(former: Iterable[shapely.Geometry], coming: Iterable[shapely.Geometry]) -> shapely.Geometry:
    """Return the boundaries that are no longer there."""
    before, after = (shapely.union_all(shapely.boundary(list(shapes))) for shapes in (former, coming))
    return before.difference(after.buffer(1e-7))


def _moved(paper: Sheet, shape: shapely.Geometry, colour: str, ink: str) -> Markup:
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape_of(paper, shape, fill=colour, stroke=ink, stroke_width=1.4)
    x, y = paper.places(shapely.get_coordinates(shape)[0])
    dot = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="2.5" fill="{}" stroke="{}" stroke-width="1"/>')
    return dot.format(x, y, colour, ink)


def text_of(markup: Markup) -> str:
    """Return a drawing as the content of an SVG file."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{escape(markup)}\n'
