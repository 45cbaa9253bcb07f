"""The paths of a map: cut to the frame, in whole units, group by group."""

import re

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from webmap import sheetpaths
from webmap.sheetlayout import Box

CHART = sheetpaths.chart(Box(0, 0, 100, 100), (0, 0, 1000, 1000), 10_000)


def area(path):
    """Return the area that a path of rings encloses, in square metres of the chart."""
    whole = 0.0
    for ring in re.findall(r"M(-?\d+) (-?\d+)l([^z]*)z", path):
        x, y = int(ring[0]), int(ring[1])
        steps = [int(step) for step in ring[2].split()]
        places = [(x, y)]
        for dx, dy in zip(steps[::2], steps[1::2], strict=True):
            places.append((places[-1][0] + dx, places[-1][1] + dy))
        whole += abs(shapely.Polygon(places).area)
    return whole * (CHART.denominator / 1000 / sheetpaths.UNITS) ** 2


def test_a_path_is_whole_numbers_and_closes_its_rings():
    chart = sheetpaths.chart(Box(0, 0, 100, 100), (0, 0, 1000, 1000), 10_000)
    square = shapely.box(0, 0, 500, 500)
    assert sheetpaths.path(chart, [square]) == "M5000 10000l0 -5000 -5000 0 0 5000z"
    line = shapely.LineString([(0, 0), (100, 0), (100, 100)])
    assert sheetpaths.path(chart, [line]) == "M0 10000l1000 0 0 -1000"
    both = sheetpaths.path(chart, [shapely.MultiPolygon([square, shapely.box(600, 600, 700, 700)]), line])
    assert len(re.findall("M", both)) == 3 and both.count("z") == 2
    assert sheetpaths.path(chart, [shapely.box(5000, 5000, 6000, 6000), shapely.Point()]) == ""


def test_what_crosses_the_frame_is_cut_near_it():
    chart = sheetpaths.chart(Box(0, 0, 100, 100), (0, 0, 1000, 1000), 10_000)
    drawn_path = sheetpaths.path(chart, [shapely.box(-1e6, 400, 1e6, 500)])
    assert drawn_path == "M-2000 6000l0 -1000 14000 0 0 1000z"


def test_each_group_has_its_path_and_one_the_frame_does_not_show_has_none():
    ring = shapely.box(100, 100, 400, 400).difference(shapely.box(200, 200, 300, 300))
    many = shapely.Point(700, 700).buffer(100, quad_segs=64)
    groups = [
        [ring],
        [],
        [shapely.LineString([(0, 0), (1, 1)]), ring],
        [shapely.box(9000, 0, 9001, 1)],
        [many],
    ]
    drawn = sheetpaths.paths(CHART, sheetpaths.outlines(groups))
    assert drawn == [sheetpaths.path(CHART, group) if group else "" for group in groups]
    assert (drawn[0].count("M"), drawn[0].count("z"), drawn[1], drawn[3]) == (2, 2, "", "")
    assert drawn[2] == drawn[0] + "M0 10000l10 -10"
    # A circle of 256 places is drawn with no more of them than can be seen.
    assert drawn[4].count(" ") < 2 * 120
    assert area(drawn[4]) == pytest.approx(many.area, rel=1e-2)


@given(
    st.lists(
        st.tuples(*(st.integers(-3000, 3000) for _ in range(2)), *(st.integers(1, 2500) for _ in range(2))),
        min_size=1,
        max_size=6,
    )
)
def test_law_a_path_encloses_what_of_its_shapes_lies_in_the_frame_and_its_edge(boxes):
    shapes = [shapely.box(x, y, x + wide, y + high) for x, y, wide, high in boxes]
    drawn = sheetpaths.paths(CHART, sheetpaths.outlines([[one] for one in shapes]))
    seen = shapely.box(-200, -200, 1200, 1200)  # the frame and 20 mm around it
    for one, path in zip(shapes, drawn, strict=True):
        assert area(path) == pytest.approx(shapely.intersection(one, seen).area, abs=1e-3)
