"""Outlines thinned for a view: nothing moves by more than a step, and neighbours stay neighbours."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.thinning import thinned


def neighbours(seed: int, many: int = 4, vertices: int = 60) -> np.ndarray:
    """Return squares side by side whose shared edges wander, a coverage."""
    rng = np.random.default_rng(seed)
    up = np.linspace(0, 1, vertices)
    edges = []
    for i in range(many + 1):
        wander = rng.normal(0, 0.01, vertices).cumsum() * np.sin(np.pi * up)
        edges.append(np.column_stack([i + 0.2 * wander, up]))
    pairs = zip(edges[:-1], edges[1:], strict=True)
    return np.array([shapely.Polygon([*left, *right[::-1]]) for left, right in pairs])


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), step=st.floats(1e-4, 0.05))
def test_outlines_move_by_no_more_than_two_steps_and_stay_a_coverage(seed, step):
    shapes = neighbours(seed)
    assert shapely.coverage_is_valid(shapes)
    found = thinned(shapes, step)
    assert shapely.coverage_is_valid(found) and shapely.is_valid(found).all()
    assert shapely.hausdorff_distance(shapely.boundary(shapes), shapely.boundary(found)).max() < 2 * step
    assert (shapely.get_num_coordinates(found) <= shapely.get_num_coordinates(shapes)).all()


def test_most_vertices_go_where_the_step_is_wide():
    shapes = neighbours(1)
    assert shapely.get_num_coordinates(thinned(shapes, 0.05)).sum() < 60
    assert shapely.get_num_coordinates(shapes).sum() == 4 * 121
