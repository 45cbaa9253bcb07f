"""What facilities serve: exact circles, buffers in metres, and the share of sites within."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from hypothesis import given
from hypothesis import strategies as st

from geo.coverage import coverage, coverage_by_kind, served_area
from geo.crs import AREA, STORED, areas, to_area
from geo.errors import CrsError, GeometryError
from geo.locate import GEOD

PLACE = shapely.Point(117, 36.65)


def series(*shapes):
    labels = pd.Index([f"f{number}" for number in range(len(shapes))], dtype=object)
    return gpd.GeoSeries(list(shapes), index=labels, crs=STORED)


def metres_around(point, shape):
    """Return how far each vertex of a shape is from a point, in metres."""
    xy = shapely.get_coordinates(shape)
    return GEOD.inv(*np.broadcast_to([point.x, point.y], xy.shape).T, *xy.T)[2]


@given(st.floats(-175, 175), st.floats(-70, 70), st.floats(50, 5000))
def test_a_circle_has_the_area_of_its_radius_anywhere(lon, lat, radius):
    (circle,) = served_area(series(shapely.Point(lon, lat)), np.array([radius]))
    assert shapely.get_num_coordinates(circle) == 129
    assert circle.is_valid
    assert circle.exterior.is_ccw
    assert areas(np.array([circle]))[0] == pytest.approx(np.pi * radius**2, rel=2e-6)
    assert metres_around(shapely.Point(lon, lat), circle) == pytest.approx(radius * 1.0002, rel=1e-5)


def test_a_polygon_is_served_to_the_radius_around_it():
    block = shapely.box(116.99, 36.64, 117.01, 36.66)
    (grown,) = served_area(series(block), np.array([500.0]))
    edge = shapely.Point(117.01, 36.65)
    reached = shapely.get_coordinates(shapely.intersection(grown, shapely.LineString([edge, (118, 36.65)])))[
        -1
    ]
    assert GEOD.inv(edge.x, edge.y, *reached)[2] == pytest.approx(500, abs=0.05)
    sides = np.ptp(shapely.get_coordinates(block), axis=0)
    width, height = GEOD.line_length([0, sides[0]], [36.65] * 2), GEOD.line_length([0, 0], [36.64, 36.66])
    outline = width * height + 2 * 500 * (width + height) + np.pi * 500**2
    assert sides.tolist() == pytest.approx([0.02, 0.02])
    assert areas(np.array([grown]))[0] == pytest.approx(outline, rel=1e-4)


def test_points_and_polygons_keep_their_rows():
    block = shapely.box(116.99, 36.64, 117.01, 36.66)
    facilities = series(block, PLACE, block, shapely.MultiPoint([PLACE])).set_axis(["d", "c", "b", "a"])
    served = served_area(facilities, np.array([100.0, 200.0, 300.0, 200.0]))
    assert (list(served.index), served.crs) == (["d", "c", "b", "a"], STORED)
    assert areas(served.to_numpy())[1] == pytest.approx(np.pi * 200**2, rel=1e-6)
    assert areas(served.to_numpy())[3] == pytest.approx(np.pi * 200**2, rel=1e-3)
    assert served["b"].contains(served["d"])


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, np.inf])
def test_an_unusable_radius_is_refused_with_its_facility(radius):
    with pytest.raises(GeometryError, match="f1"):
        served_area(series(PLACE, PLACE), np.array([100.0, radius]))


def test_what_cannot_be_trusted_is_refused():
    circle = served_area(series(PLACE), np.array([100.0]))
    elsewhere = series(PLACE).set_crs("EPSG:4326", allow_override=True)
    with pytest.raises(CrsError):
        served_area(elsewhere, np.array([100.0]))
    for pair in ((circle.to_crs(3857), circle), (circle, circle.to_crs(3857))):
        with pytest.raises(CrsError):
            coverage(*pair)
    with pytest.raises(GeometryError):
        coverage(series(PLACE), circle)
    with pytest.raises(GeometryError, match="longitude 180"):
        served_area(series(shapely.Point(179.999, 0)), np.array([1000.0]))


def test_nothing_in_nothing_keeps_its_types():
    nothing, site = series(), series(shapely.box(117, 36, 117.01, 36.01))
    assert len(served_area(nothing, np.array([]))) == 0
    assert served_area(nothing, np.array([])).crs == STORED
    for sites, served in ((nothing, site), (nothing, nothing), (site, nothing)):
        share = coverage(sites, served)["share"]
        assert (share.dtype, share.tolist()) == (float, [0.0] * len(sites))


def test_known_shares():
    sites = series(
        shapely.box(117.00, 36.6, 117.01, 36.61),  # within one
        shapely.box(117.015, 36.6, 117.025, 36.61),  # within two together, in neither alone
        shapely.box(117.035, 36.6, 117.045, 36.61),  # half within
        shapely.box(117.04, 36.6, 117.05, 36.61),  # only touched
        shapely.box(118.00, 36.6, 118.01, 36.61),  # far away
    )
    served = series(shapely.box(116.9, 36.5, 117.02, 36.7), shapely.box(117.02, 36.5, 117.04, 36.7))
    share = coverage(sites, served)["share"]
    assert share[["f0", "f1", "f3", "f4"]].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert share["f2"] == pytest.approx(0.5, rel=1e-9)


def test_a_site_served_by_several_together_has_exactly_one():
    block = shapely.box(117.015, 36.6, 117.025, 36.61)
    sites = series(*[shapely.affinity.rotate(block, turn) for turn in range(90)])
    served = series(shapely.box(116.9, 36.5, 117.02, 36.7), shapely.box(117.02, 36.5, 117.04, 36.7))
    assert set(coverage(sites, served)["share"]) == {1.0}


def test_served_twice_counts_once():
    site = series(shapely.box(117, 36.6, 117.02, 36.61))
    served = series(shapely.box(117, 36.6, 117.01, 36.61), shapely.box(117, 36.59, 117.01, 36.62))
    assert coverage(site, served)["share"].item() == pytest.approx(0.5, rel=1e-9)


corners = st.tuples(st.integers(0, 40), st.integers(0, 40))


@given(
    st.lists(corners, min_size=1, max_size=6),
    st.lists(st.tuples(corners, st.floats(100, 3000)), min_size=1, max_size=6),
)
def test_law_more_facilities_never_serve_less_and_shares_are_measured(homes, facilities):
    sites = series(*[shapely.box(x, y, x + 3, y + 3) for x, y in homes])
    sites = sites.affine_transform([1e-3, 0, 0, 1e-3, 117, 36.6])
    points = series(*[shapely.Point(117 + x / 1e3, 36.6 + y / 1e3) for (x, y), _ in facilities])
    served = served_area(points, np.array([radius for _, radius in facilities]))
    share = coverage(sites, served)["share"]
    together, flat = shapely.union_all(to_area(served.to_numpy())), to_area(sites.to_numpy())
    measured = shapely.area(shapely.intersection(flat, together)) / shapely.area(flat)
    assert share.tolist() == pytest.approx(measured.tolist(), abs=1e-9)
    assert share.between(0, 1).all()
    assert (coverage(sites, served[1:])["share"] <= share + 1e-9).all()
    # The union itself rounds: what it holds but for a breath of rounding is served as a whole.
    assert (share[shapely.covers(together, flat)] == 1).all()
    assert (measured[share == 1] > 1 - 1e-9).all()


def test_each_kind_is_told_apart_and_what_is_left_adds_up():
    sites = series(shapely.box(117, 36.6, 117.02, 36.61), shapely.box(117.03, 36.6, 117.04, 36.61))
    served = series(
        shapely.box(117, 36.59, 117.005, 36.62),
        shapely.box(116.9, 36.5, 117.5, 36.7),
        shapely.box(117.004, 36.59, 117.01, 36.62),
    )
    found = coverage_by_kind(sites, served, np.array(["school", "clinic", "school"]))
    assert list(found) == ["clinic", "school"]
    assert found["clinic"].share.tolist() == [1.0, 1.0]
    assert found["clinic"].left.is_empty.all()
    assert found["school"].share.tolist() == pytest.approx([0.5, 0.0], rel=1e-9)
    assert found["school"].left.crs == AREA
    left = found["school"].left.area / areas(sites.to_numpy())
    assert (left + found["school"].share).tolist() == pytest.approx([1.0, 1.0], rel=1e-12)


@given(
    st.lists(st.tuples(corners, st.floats(300, 3000)), min_size=1, max_size=5),
    st.floats(0.05, 0.95),
)
def test_law_splitting_a_site_changes_no_total(facilities, at):
    points = series(*[shapely.Point(117 + x / 1e3, 36.6 + y / 1e3) for (x, y), _ in facilities])
    served = served_area(points, np.array([radius for _, radius in facilities]))
    cut = 117.01 + 0.02 * at
    whole = series(shapely.box(117.01, 36.61, 117.03, 36.63))
    parts = series(shapely.box(117.01, 36.61, cut, 36.63), shapely.box(cut, 36.61, 117.03, 36.63))
    served_m2 = [float(coverage(s, served)["share"] @ areas(s.to_numpy())) for s in (whole, parts)]
    assert served_m2[0] == pytest.approx(served_m2[1], abs=1e-3)


def test_a_polygonised_circle_differs_from_the_disc_by_no_more_than_is_said():
    rng = np.random.default_rng(3)
    (circle,) = served_area(series(PLACE), np.array([500.0]))
    places = rng.uniform(-0.007, 0.007, (20_000, 2)) + (PLACE.x, PLACE.y)
    centre = np.broadcast_to([PLACE.x, PLACE.y], places.shape)
    metres = GEOD.inv(*centre.T, *places.T)[2]
    inside = shapely.contains_xy(circle, *places.T)
    assert inside[metres < 500 * (1 - 0.0004)].all()
    assert not inside[metres > 500 * (1 + 0.00021)].any()
