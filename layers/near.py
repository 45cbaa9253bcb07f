"""What the rule says of a few sites, from what is near them: no layer is read whole.

The answers are those of ``answering``, looked up in the grid over the active edition, which this
process keeps; with it comes numba, which takes its time to start.
"""

from collections.abc import Mapping

import numpy
import shapely
from sqlalchemy import Connection

from geo.grid import Grid
from layers import shapes
from layers.answering import Answers, Main, by_code, compound_answer, inside_answer, nobody_answer
from layers.ruling import Rule, rule
from layers.snapshot import Offices


def answers(connection: Connection, layer: str, codes: list[str], offices: Offices) -> Answers:
    """Return what the rule alone says of the sites of a layer that have these codes."""
    sites, by = shapes.few(connection, layer, codes), rule(connection)
    if layer == "compounds":
        return compound_answers(sites, offices.grid, by)
    points = shapely.point_on_surface(numpy.array(list(sites.values()), dtype=object))
    return point_answers(dict(zip(sites, points.tolist(), strict=True)), offices.grid, by)


def compound_answers(sites: Mapping[str, shapely.Geometry], offices: Grid, rule: Rule) -> Answers:
    """Return what ``answering.compound_answers`` says of compounds by code, all valid and in STORED."""
    codes, names = list(sites), offices.areas.index
    said = offices.shares(numpy.array(list(sites.values()), dtype=object), rule.border_above)
    areas = (None if area < 0 else names[area] for area in said.main.tolist())
    columns = (column.tolist() for column in (said.largest, said.border, said.outside, said.overlap))
    rows = map(Main, areas, *columns)
    parts = zip(*(column.tolist() for column in (said.site, said.area, said.m2, said.share)), strict=True)
    return Answers(
        {code: compound_answer(row, rule) for code, row in zip(codes, rows, strict=True)},
        by_code((codes[site], names[area], *sizes) for site, area, *sizes in parts),
    )


def point_answers(points: Mapping[str, shapely.Point], offices: Grid, rule: Rule) -> Answers:
    """Return what ``answering.point_answers`` says of points by code, all in STORED."""
    return Answers({code: _point(point, offices, rule) for code, point in points.items()}, {})


def _point(point: shapely.Point, offices: Grid, rule: Rule) -> dict:
    area, several = offices.covering(point)
    near_edge = rule.edge_m > 0 and offices.is_near_edge(point, rule.edge_m)
    if area is None:
        return nobody_answer(*offices.nearest(point), near_edge, rule)
    return inside_answer(area, offices.candidates(point) if several else None, near_edge)
