import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.borders import candidates, edge_distances
from geo.crs import STORED
from geo.errors import CrsError
from geo.locate import GEOD, locate, nearest

AREAS = gpd.GeoSeries(
    [shapely.box(117.00, 36.6, 117.01, 36.61), shapely.box(117.01, 36.6, 117.02, 36.61)],
    index=["b", "a"],
    crs=STORED,
)


def points(*places):
    return gpd.GeoSeries(
        shapely.points(np.reshape(places, (-1, 2))), index=[f"p{i}" for i in range(len(places))], crs=STORED
    )


def test_candidates_are_all_areas_whose_closed_ground_holds_the_point():
    found = candidates(points((117.005, 36.605), (117.01, 36.605), (117.0, 36.6), (117.03, 36.6)), AREAS)
    assert found.to_dict() == {"p0": ("b",), "p1": ("a", "b"), "p2": ("b",), "p3": ()}


def test_no_points_have_no_candidates():
    assert candidates(points(), AREAS).empty
    assert edge_distances(points(), AREAS, 5).empty


def test_the_distance_to_an_edge_is_the_geodesic_inside_and_outside():
    east = GEOD.fwd(117.02, 36.605, 90, 3.0)[0]
    west = GEOD.fwd(117.02, 36.605, 270, 7.0)[0]
    found = edge_distances(points((east, 36.605), (west, 36.605), (117.02, 36.605)), AREAS, 10)
    assert found.to_dict() == {
        "p0": pytest.approx(3.0, abs=1e-6),
        "p1": pytest.approx(7.0, abs=1e-6),
        "p2": pytest.approx(0.0, abs=1e-6),
    }
    near = edge_distances(points((east, 36.605), (west, 36.605)), AREAS, 5)
    assert near.isna().tolist() == [False, True]


def test_what_is_not_in_stored_is_refused():
    with pytest.raises(CrsError):
        candidates(points((117, 36.6)).set_crs(4326, allow_override=True), AREAS)
    with pytest.raises(CrsError):
        edge_distances(points((117, 36.6)).set_crs(4326, allow_override=True), AREAS, 1)


@given(st.floats(116.995, 117.025), st.floats(36.595, 36.615))
def test_both_agree_with_locate_and_nearest(lon, lat):
    place = points((lon, lat))
    claims, told = candidates(place, AREAS).iloc[0], locate(place, AREAS).iloc[0]
    assert (claims[0] if claims else None) == told.area
    if not claims:
        metres = nearest(place, AREAS)["distance_m"].iloc[0]
        assert edge_distances(place, AREAS, 5000).iloc[0] == pytest.approx(metres, abs=1e-6)
