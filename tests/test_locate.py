"""Points in areas, against exact arithmetic; the nearest area, against walking along the edges."""

from fractions import Fraction

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.check import check
from geo.crs import STORED
from geo.errors import CrsError, GeometryError
from geo.locate import GEOD, locate, nearest

WEST, EAST = shapely.box(0, 0, 1, 2), shapely.box(1, 0, 2, 2)


def series(shapes):
    return gpd.GeoSeries(list(shapes.values()), index=pd.Index(list(shapes), dtype=object), crs=STORED)


def at(*places):
    return gpd.GeoSeries([shapely.Point(place) for place in places], crs=STORED)


def rows(frame):
    return [tuple(row) for row in frame.to_numpy()]


def test_a_partition_by_hand():
    areas = series({"b": WEST, "a": EAST})
    found = locate(at((0.5, 1), (1.5, 1), (1, 1), (0, 0), (3, 3)), areas)
    assert rows(found) == [("b", False), ("a", False), ("a", True), ("b", True), (None, False)]


def test_an_overlap_gives_the_lowest_code_as_text():
    areas = series({"9": WEST, "10": shapely.box(0.5, 0, 2, 2), "z": EAST})
    assert rows(locate(at((0.75, 1), (0.25, 1), (1.5, 1)), areas)) == [
        ("10", True),
        ("9", False),
        ("10", True),
    ]


def test_a_hole_is_outside_and_its_edge_is_not():
    ring = shapely.Polygon(WEST.exterior, [[(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]])
    assert rows(locate(at((0.5, 0.5), (0.5, 0.2)), series({"a": ring}))) == [(None, False), ("a", True)]


def test_the_result_is_on_the_points_index_with_its_types():
    points = at((0.5, 1), (9, 9)).set_axis(["y", "x"])
    found = locate(points, series({"a": WEST}))
    assert list(found.index) == ["y", "x"]
    assert found.dtypes.to_dict() == {"area": np.dtype(object), "several": np.dtype(bool)}


def test_nothing_in_nothing():
    none, areas = series({}), series({"a": WEST})
    for points, among in ((none, areas), (none, none), (at((0, 0)), none)):
        found = locate(points, among)
        assert found.dtypes.to_dict() == {"area": np.dtype(object), "several": np.dtype(bool)}
        assert rows(found) == [(None, False)] * len(points)
        far = nearest(points, among)
        assert far.dtypes.to_dict() == {"area": np.dtype(object), "distance_m": np.dtype(float)}
        assert list(far["area"]) == [None] * len(points)
        assert far["distance_m"].isna().all()


@pytest.mark.parametrize("ask", [locate, nearest])
def test_what_cannot_be_trusted_is_refused(ask):
    points, areas = at((0.5, 1)), series({"a": WEST})
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    with pytest.raises(CrsError):
        ask(points.set_crs("EPSG:4326", allow_override=True), areas)
    with pytest.raises(CrsError):
        ask(points, areas.set_crs("EPSG:3857", allow_override=True))
    with pytest.raises(GeometryError):
        ask(points, series({"a": bow_tie}))
    with pytest.raises(GeometryError):
        ask(gpd.GeoSeries([None], crs=STORED), areas)


def exact_place(point, shape):
    """Return "in", "on" or "out" for a point and a polygon, in exact arithmetic over all edges."""
    x, y = (Fraction(number) for number in point)
    odd = False
    for ring in shapely.get_rings(shapely.get_parts(shape)):
        corners = [(Fraction(a), Fraction(b)) for a, b in shapely.get_coordinates(ring).tolist()]
        for (ax, ay), (bx, by) in zip(corners[:-1], corners[1:], strict=True):
            side = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
            if side == 0 and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
                return "on"
            if (ay > y) != (by > y) and (side > 0) == (by > ay):
                odd = not odd
    return "in" if odd else "out"


def exact_locate(point, areas):
    places = {code: exact_place(point, shape) for code, shape in areas.items()}
    claims = sorted(code for code, place in places.items() if place != "out")
    return (claims[0] if claims else None, len(claims) > 1 or "on" in places.values())


corners = st.tuples(st.integers(0, 5), st.integers(0, 5))


@st.composite
def worlds(draw):
    """Draw areas with shared corners, overlaps and gaps, and points in, on and beside them."""
    shells = draw(st.lists(st.lists(corners, min_size=3, max_size=7), max_size=5))
    turn = draw(st.sampled_from([0.0, 0.1, 1 / 3]))  # corners that binary numbers cannot hold exactly

    def bend(xy):
        return np.column_stack([xy[:, 0] + turn * xy[:, 1], xy[:, 1] - turn * xy[:, 0]])

    shapes = [shapely.transform(shapely.Polygon(shell), bend) for shell in shells]
    names = draw(st.permutations([f"{n}" for n in range(7, 7 + len(shapes))]))
    areas = {n: s for n, s in zip(names, shapes, strict=True) if not check(np.array([s]), "polygon")}
    halves = st.integers(-1, 11).map(lambda n: n / 2)
    free = draw(st.lists(st.tuples(halves, halves), max_size=12))
    vertices = [tuple(xy) for s in areas.values() for xy in shapely.get_coordinates(s).tolist()]
    return areas, [tuple(xy) for xy in bend(np.array(free).reshape(-1, 2)).tolist()] + vertices


@given(worlds())
def test_law_equal_to_exact_arithmetic(world):
    areas, places = world
    assert rows(locate(at(*places), series(areas))) == [exact_locate(place, areas) for place in places]


@given(worlds(), st.integers(0, 12))
def test_law_points_do_not_know_of_each_other(world, cut):
    areas, places = world
    points, offices = at(*places), series(areas)
    parts = [locate(part, offices) for part in (points[:cut], points[cut:])]
    assert pd.concat(parts).equals(locate(points, offices))


def walked(place, shape, steps=200_000):
    """Return the least geodesic distance to points set densely along the edges."""
    line = shape.boundary
    on = shapely.get_coordinates(line.interpolate(np.linspace(0, 1, steps), normalized=True))
    lon, lat = np.broadcast_to(place, on.shape).T
    return GEOD.inv(lon, lat, *on.T)[2].min()


@pytest.mark.parametrize("place", [(116.95, 36.66), (117.12, 36.7), (117.03, 36.55), (117.0499, 36.6399)])
def test_the_nearest_by_metres(place):
    slanted = shapely.Polygon([(117, 36.6), (117.05, 36.64), (117.02, 36.7), (116.98, 36.65)])
    (found,) = rows(nearest(at(place), series({"a": slanted, "b": shapely.box(118, 36, 119, 37)})))
    assert found[0] == "a"
    assert found[1] == pytest.approx(walked(place, slanted), rel=2e-6, abs=1e-3)


def test_nearest_in_metres_is_not_nearest_in_degrees():
    # 0.010° north is 1,110 m; 0.012° east at 60° N is 669 m.
    areas = series(
        {"north": shapely.box(9.9, 60.01, 10.1, 60.1), "east": shapely.box(10.012, 59.99, 10.1, 60.001)}
    )
    assert list(nearest(at((10, 60)), areas)["area"]) == ["east"]


def test_equally_near_areas_give_the_lowest_code():
    areas = series({"b": shapely.box(0, 0, 1, 1), "a": shapely.box(1, 0, 2, 1)})
    (found,) = rows(nearest(at((1, 1.5)), areas))
    assert found[0] == "a"
    assert found[1] == pytest.approx(GEOD.line_length([1, 1], [1, 1.5]), abs=1e-6)


@pytest.mark.parametrize("west", ["a", "b"])
def test_both_sides_of_a_gap_are_equally_near_its_middle(west):
    east = "b" if west == "a" else "a"
    areas = series({west: shapely.box(117, 36, 117.093, 37), east: shapely.box(117.107, 36, 117.2, 37)})
    assert list(nearest(at((117.1, 36.5)), areas)["area"]) == ["a"]


def test_inside_is_at_no_distance():
    assert rows(nearest(at((0.5, 1), (1, 1)), series({"b": WEST, "c": EAST}))) == [("b", 0.0), ("b", 0.0)]


@pytest.mark.shared
def test_real_addresses_in_real_districts(shared_data):
    table = pd.read_csv(shared_data / "nyc" / "points_24957.csv.gz")
    given_as = gpd.points_from_xy(table["lon"], table["lat"]).to_numpy()
    faults = [finding.row - 1 for finding in check(given_as, "point")]
    points = gpd.GeoSeries(given_as, crs=STORED).drop(faults)
    districts = gpd.read_file(shared_data / "nyc" / "community_districts_orig.geojson")
    areas = districts.set_index(districts["BoroCD"].astype(str)).geometry.set_crs(STORED, allow_override=True)
    found = locate(points, areas)
    outside = points[found["area"].isna()]
    assert (len(table), len(faults), len(outside)) == (24_957, 9, 82)  # the folder's README: 91 outside
    distances = nearest(outside, areas)["distance_m"]
    assert (distances > 0).all()
    joined = gpd.sjoin(
        gpd.GeoDataFrame(geometry=points), gpd.GeoDataFrame(geometry=areas.rename_axis("code"))
    )
    assert joined["code"].groupby(level=0).min().equals(found["area"].dropna().astype("str").rename("code"))
