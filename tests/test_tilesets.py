"""Sets to cut tiles from: places in the square, the z-curve, shared borders, memory."""

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from geo import ranking, tilesets
from geo.errors import GeometryError


def test_world_is_web_mercator():
    random = np.random.default_rng(1)
    lon, lat = random.uniform(-180, 180, 1000), random.uniform(-85, 85, 1000)
    x, y = tilesets.world(lon, lat)
    east, north = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(lon, lat)
    side = 2 * np.pi * 6378137
    assert np.abs(x - (east / side + 0.5) * 2**32).max() < 1.001
    assert np.abs(y - (0.5 - north / side) * 2**32).max() < 1.001


def test_world_ends_at_its_edges():
    x, y = tilesets.world(np.array([-180.0, 180.0, 0.0]), np.array([90.0, -90.0, 0.0]))
    assert x.tolist() == [0, 2**32 - 1, 2**31]
    assert y.tolist() == [0, 2**32 - 1, 2**31]


whole = arrays.arrays(np.uint32, 20, elements=st.integers(0, 2**32 - 1))


@given(whole, whole)
def test_the_curve_takes_bits_in_turn(x, y):
    plain = [
        sum((int(a) >> k & 1) << 2 * k | (int(b) >> k & 1) << 2 * k + 1 for k in range(32))
        for a, b in zip(x, y, strict=True)
    ]
    assert tilesets.curve(x, y).tolist() == plain


def test_points_lie_along_the_curve():
    random = np.random.default_rng(2)
    lon, lat = random.uniform(73, 135, 500), random.uniform(18, 54, 500)
    points = tilesets.point_set(lon, lat)
    assert (np.diff(tilesets.curve(points.x, points.y).astype(object)) >= 0).all()
    assert sorted(points.row) == list(range(500))
    x, y = tilesets.world(lon, lat)
    assert (points.x == x[points.row]).all() and (points.y == y[points.row]).all()


def test_rings_run_one_way_round_shells_and_the_other_round_holes():
    shell, hole = shapely.box(0, 0, 9, 9).exterior, shapely.box(3, 3, 6, 6).exterior
    for outer in (shell, shell.reverse()):
        for inner in (hole, hole.reverse()):
            found = tilesets.shape_set(np.array([shapely.Polygon(outer, [inner])]))
            assert found.hole.tolist() == [False, True]
            for r, sign in ((0, 1), (1, -1)):
                x, y = found.xy[found.rings[r] : found.rings[r + 1]].astype(float).T
                assert np.sign(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) == sign
            assert np.diff(found.rings).tolist() == [4, 4]


def test_a_row_without_a_shape_is_in_no_tile():
    given_ = np.array([None, shapely.Polygon(), shapely.box(0, 0, 1, 1), shapely.LineString()])
    assert tilesets.shape_set(given_).row.tolist() == [2]
    assert len(tilesets.shape_set(given_[:2]).row) == 0


@pytest.mark.parametrize(
    "shape", [shapely.Point(0, 0), shapely.GeometryCollection([shapely.box(0, 0, 1, 1)])]
)
def test_what_has_no_outline_is_refused(shape):
    with pytest.raises(GeometryError):
        tilesets.shape_set(np.array([shape]))


def wavy(random, count):
    """Return a way from (0, 0) to (0, 1) that winds about."""
    y = np.linspace(0, 1, count)
    x = np.append(0, np.cumsum(random.normal(0, 0.002, count - 2)))
    return np.column_stack([np.append(x, 0), y])


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_keep_the_same_vertices_of_their_border(seed):
    random = np.random.default_rng(seed)
    border = wavy(random, 300)
    west = shapely.Polygon([*border, (-1, 1), (-1, 0)])
    turned = [*border[::-1], (1, 0), (1, 1)]
    east = shapely.Polygon([*turned[150:], *turned[:150]])
    found = tilesets.shape_set(np.array([west, east]))
    mine, other = (
        {
            (*xy, rank)
            for xy, rank in zip(
                found.xy[found.rings[r] : found.rings[r + 1]].tolist(),
                found.rank[found.rings[r] : found.rings[r + 1]].tolist(),
                strict=True,
            )
        }
        for r in range(2)
    )
    assert len(mine & other) == 300
    ranks = {rank for *_, rank in mine & other}
    assert ranking.ALWAYS in ranks and len(ranks) > 5


def test_vertices_left_out_are_nearer_than_the_tolerance():
    way = wavy(np.random.default_rng(7), 400)
    found = tilesets.shape_set(np.array([shapely.LineString(way)]))
    whole_way = found.xy.astype(float)
    for shift in range(4, 24):
        kept = whole_way[found.rank > shift]
        assert (
            shapely.hausdorff_distance(shapely.LineString(kept), shapely.LineString(whole_way))
            < ranking.TOLERANCE * 2.0**shift
        )
        assert kept[[0, -1]].tolist() == whole_way[[0, -1]].tolist()


def test_sets_are_small():
    random = np.random.default_rng(3)
    points = tilesets.point_set(random.uniform(0, 1, 1000), random.uniform(0, 1, 1000))
    assert sum(array.nbytes for array in points) <= 12 * 1000
    rings = [shapely.Point(*random.uniform(0, 9, 2)).buffer(0.1, quad_segs=6) for _ in range(300)]
    shapes = tilesets.shape_set(np.array(rings))
    coordinates = shapely.get_coordinates(rings).nbytes
    assert sum(array.nbytes for array in shapes) <= coordinates
