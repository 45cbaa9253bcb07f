"""Outlines that touch or cross: loops that are valid, of the same area."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from tilereading import doubled_area

from geo import noding


def loops_of(*rings):
    """Return what noded makes of rings, each as a list of places, or None when it is left in doubt."""
    x, y = (np.array([place[axis] for ring in rings for place in ring], np.int64) for axis in (0, 1))
    x, y, ends, count = noding.noded(x, y, np.cumsum([len(ring) for ring in rings]), len(rings))
    if count < 0:
        return None
    starts = [0, *ends[:count]][:count]
    return [
        list(zip(x[begin:end].tolist(), y[begin:end].tolist(), strict=True))
        for begin, end in zip(starts, ends[:count], strict=True)
    ]


def areas(*rings):
    """Return twice the areas of the loops, in order."""
    return sorted(doubled_area(loop) for loop in loops_of(*rings))


SQUARE = [(0, 0), (8, 0), (8, 8), (0, 8)]


def test_a_valid_ring_stays():
    assert areas(SQUARE) == [128]


def test_a_spike_is_left_out():
    assert areas([(0, 0), (8, 0), (8, 4), (20, 4), (8, 4), (8, 8), (0, 8)]) == [128]


def test_a_neck_that_closed_parts_the_ring():
    ring = [(0, 0), (4, 0), (4, 2), (8, 2), (8, 0), (12, 0), (12, 4), (8, 4), (8, 2), (4, 2), (4, 4), (0, 4)]
    assert areas(ring) == [32, 32]


def test_a_bay_that_closed_becomes_a_hole():
    ring = [(0, 0), (8, 0), (8, 4), (4, 4), (4, 6), (6, 6), (6, 4), (8, 4), (8, 8), (0, 8)]
    found = areas(ring)
    assert sum(found) == doubled_area(ring)
    assert found[0] < 0 < found[1]


def test_a_vertex_on_an_edge_splits_it():
    ring = [(0, 0), (8, 0), (8, 8), (4, 0), (0, 8)]
    assert areas(ring) == [32, 32]


def test_a_ring_gone_along_there_and_back_is_nothing():
    assert loops_of([(0, 0), (8, 3), (12, 9), (8, 3)]) == []


def test_a_hole_as_large_as_its_shell_leaves_nothing():
    assert loops_of(SQUARE, SQUARE[::-1]) == []


def test_areas_over_one_another_are_left_in_doubt():
    assert loops_of(SQUARE, [(4, 4), (12, 4), (12, 12), (4, 12)]) is None
    assert loops_of(SQUARE, SQUARE) is None


@pytest.mark.parametrize("turn", range(4))
def test_ways_part_to_the_inside_however_they_lie(turn):
    ring = [(0, 0), (4, 4), (8, 0), (8, 8), (4, 4), (0, 8)]
    for _ in range(turn):
        ring = [(-y, x) for x, y in ring]
    assert areas(ring) == [32, 32]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=12, unique=True))
def test_loops_are_simple_and_cross_no_other(ring):
    found = loops_of(ring)
    for loop in found or []:
        assert len(set(loop)) == len(loop) > 2
        assert shapely.LinearRing(loop).is_simple
    lines = shapely.union_all([shapely.LinearRing(loop) for loop in found or []])
    for place in shapely.get_coordinates(lines):
        assert (place == np.rint(place)).all(), "edges meet at units alone"
    total = sum(shapely.LinearRing(loop).length for loop in found or [])
    assert lines.length == pytest.approx(total), "no edge is gone along twice"
