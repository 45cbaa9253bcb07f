"""Whether a zoom is too crowded: the same as counting what every tile of it holds."""

from collections import Counter

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo import tilesets
from geo.crowding import crowded
from geo.outlines import LEAST
from geo.tilesets import degrees


def places(seed, count):
    """Return places over half the world, a third of them close together."""
    x, y = np.random.default_rng(seed).uniform(0.2, 0.7, (2, count))
    x[::3], y[::3] = 0.5 + x[::3] / 3000, 0.3 + y[::3] / 3000
    return degrees((x * 2**32).astype(np.uint32), (y * 2**32).astype(np.uint32))


def most_in_a_tile(x, y, z):
    held = Counter(zip((x >> np.uint32(32 - z)).tolist(), (y >> np.uint32(32 - z)).tolist(), strict=True))
    return max(held.values(), default=0)


@given(st.integers(0, 2**32), st.integers(0, 300), st.integers(1, 18), st.booleans(), st.integers(0, 320))
def test_a_zoom_of_points_is_crowded_where_one_of_its_tiles_is(seed, count, z, some, asked):
    found = tilesets.point_set(*places(seed, count))
    keep = np.random.default_rng(seed).random(count) < 0.6 if some else None
    kept = slice(None) if keep is None else keep[found.row]
    most = most_in_a_tile(found.x[kept], found.y[kept], z)
    for many in (asked, most, most - 1):
        assert many < 0 or crowded(found, z, many, keep) == (most > many)


@given(st.integers(0, 2**32), st.integers(1, 120), st.integers(1, 16), st.booleans())
def test_of_shapes_those_too_small_to_draw_are_counted(seed, count, z, some):
    random = np.random.default_rng(seed)
    side = 10 ** random.uniform(-5, 0, count)
    shapes = shapely.buffer(shapely.points(*places(seed, count)), side, cap_style="square")
    found = tilesets.shape_set(shapes)
    keep = random.random(count) < 0.6 if some else np.ones(count, bool)
    boxes = found.boxes[keep[found.row]].astype(object)
    shift = 20 - z
    units = np.array([[(n + (1 << shift - 1)) >> shift for n in box] for box in boxes], object).reshape(-1, 4)
    small = ((units[:, 2:] - units[:, :2]) < LEAST).all(axis=1)
    west, north, east, south = boxes[small].T
    middle = ((west + east) // 2).astype(np.uint32), ((north + south) // 2).astype(np.uint32)
    most = most_in_a_tile(*middle, z)
    for many in (most, most - 1):
        assert many < 0 or crowded(found, z, many, keep if some else None) == (most > many)


@pytest.mark.parametrize(
    "made", [tilesets.point_set(*places(0, 0)), tilesets.shape_set(np.array([], object))]
)
def test_nothing_is_never_crowded(made):
    assert not any(crowded(made, z, 0) for z in range(17))
