"""The map of one kind of facility as SVG: what it serves, where not, and where one more would help.

Ground within reach is tinted and outlined; a gap is hatched, and the largest ones are numbered as
in the list; the best places for one more facility are letters in a circle as wide as its reach.
"""

from collections.abc import Iterable

import numpy as np
import shapely
from markupsafe import Markup

from geo.locate import metres_per_degree
from layers.gaps import Gaps
from layers.store import Row
from webmap import palette
from webmap.casemap import Sheet, label, scale_bar, shape_of, sheet, svg

#: So many gaps have their number on the map.
NUMBERED = 10
LETTERS = "ABCDEFGHIJ"
_SERVED, _SERVED_LINE, _GAP, _PLACE = "#3aa08a", "#145a4c", palette.GAP_LINE, "#1d4f73"
_HATCH = (
    '<defs><pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse">'
    f'<rect width="6" height="6" fill="{palette.GAP}"/>'
    f'<path d="M-1 1l2-2M0 6l6-6M5 7l2-2" stroke="{_GAP}" stroke-width="1.4"/></pattern></defs>'
)


def gaps_svg(
    found: Gaps,
    offices: Iterable[Row],
    backdrop: Iterable[Row],
    compounds: Iterable[bytes],
    title: str,
    width: float = 960.0,
) -> Markup:
    """Return the map of a kind's gaps.

    Args:
        found: what is served and what not.
        offices: the street offices with their shapes.
        backdrop: roads, water and blocks to be drawn below.
        compounds: the outlines of all compounds, as WKB.
        title: what a screen reader says of it.
        width: in pixels.
    """
    offices = [(row.properties["name"], shapely.from_wkb(row.wkb)) for row in offices]
    west, south, east, north = shapely.total_bounds([ground for _, ground in offices])
    edge_x, edge_y = (east - west) * 0.015, (north - south) * 0.015
    paper = sheet((west - edge_x, south - edge_y, east + edge_x, north + edge_y), width)
    parts = [Markup(_HATCH)]
    for row in backdrop:
        ground = shapely.from_wkb(row.wkb)
        if shapely.get_dimensions(ground) == 2:
            fill = palette.BACKDROP.get(row.properties["kind"], "none")
            parts.append(shape_of(paper, ground, fill=fill))
    parts.append(
        shape_of(
            paper, shapely.from_wkb(found.served), fill=_SERVED, fill_opacity=0.2, stroke=_SERVED_LINE,
            stroke_width=1, stroke_dasharray="2 2",
        )
    )  # fmt: skip
    # As one path: a town of compounds is not as many elements of the page.
    every = shapely.geometrycollections(shapely.from_wkb(list(compounds)))
    parts.append(shape_of(paper, every, fill="#fffefb", stroke="#8a8272", stroke_width=0.6))
    gaps = shapely.geometrycollections(shapely.from_wkb([gap.wkb for gap in found.gaps]))
    parts.append(shape_of(paper, _polygons(gaps), fill="url(#gap)", stroke=_GAP, stroke_width=0.8))
    line = {"fill": "none", "stroke": palette.INK_LINE, "stroke_width": 1.6, "stroke_dasharray": "9 3 2 3"}
    parts += [shape_of(paper, ground, **line) for _, ground in offices]
    parts += [_point(paper, shapely.from_wkb(point)) for point in found.points]
    for name, ground in offices:
        middle = shapely.maximum_inscribed_circle(ground, tolerance=1e-4).coords[0]
        x, y = paper.places(np.array(middle))
        parts.append(label(x, y, name, palette.INK_LINE, 12))
    parts += _numbers(paper, found)
    parts += _places(paper, found)
    parts.append(scale_bar(paper))
    return svg(paper, title, {}, parts)


def _polygons(shapes: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a collection of collections, as one collection."""
    while (shapely.get_type_id(parts := shapely.get_parts(shapes)) > shapely.GeometryType.POLYGON).any():
        shapes = shapely.geometrycollections(
            np.concatenate([shapely.get_parts(part) for part in parts]) if len(parts) else parts
        )
    return shapes


def _point(paper: Sheet, place: shapely.Geometry) -> Markup:
    x, y = paper.places(shapely.get_coordinates(shapely.centroid(place))[0])
    square = '<rect x="{:.1f}" y="{:.1f}" width="8" height="8" fill="#fff" stroke="{}" stroke-width="2"/>'
    return Markup(square).format(x - 4, y - 4, _SERVED_LINE)


def _numbers(paper: Sheet, found: Gaps) -> Iterable[Markup]:
    for number, gap in enumerate(found.gaps[:NUMBERED], 1):
        at = shapely.get_coordinates(shapely.point_on_surface(shapely.from_wkb(gap.wkb)))[0]
        x, y = paper.places(at)
        yield label(x, y + 4, str(number), _GAP, 12)


def _places(paper: Sheet, found: Gaps) -> Iterable[Markup]:
    for letter, place in zip(LETTERS, found.places, strict=False):
        x, y = paper.places(np.array([place.lon, place.lat]))
        metres = metres_per_degree(np.array([place.lat]))[0][0]
        radius = found.radius_m / metres * paper.scale[0]
        ring = (
            '<circle cx="{0:.1f}" cy="{1:.1f}" r="{2:.1f}" fill="none" stroke="{3}" stroke-width="1.6"'
            ' stroke-dasharray="6 4"/><circle cx="{0:.1f}" cy="{1:.1f}" r="9" fill="{3}" stroke="#fff"'
            ' stroke-width="1.5"/><text x="{0:.1f}" y="{4:.1f}" text-anchor="middle" font-size="12"'
            ' font-weight="700" fill="#fff">{5}</text>'
        )
        yield Markup(ring).format(x, y, radius, _PLACE, y + 4.3, letter)
