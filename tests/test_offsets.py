"""GCJ-02 and BD-09: published places, exact ways back, and what stays where it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.locate import GEOD
from geo.offsets import SHIFTED, from_bd09, from_gcj02, to_bd09, to_gcj02

# latitude, longitude of WGS 84 and of GCJ-02: the tests of github.com/googollee/eviltransform.
SHANGHAI = (31.1774276, 121.5272106, 31.17530398364597, 121.531541859215)
SHENZHEN = (22.543847, 113.912316, 22.540796131694766, 113.9171764808363)
BEIJING = (39.911954, 116.377817, 39.91334545536069, 116.38404722455657)
china = st.tuples(st.floats(72.1, 137.7), st.floats(1, 55.7))


def metres_apart(one, two):
    return GEOD.inv(*one, *two)[2]


@pytest.mark.parametrize("told", [SHANGHAI, SHENZHEN, BEIJING], ids=["shanghai", "shenzhen", "beijing"])
def test_published_places_of_gcj02(told):
    lat, lon, gcj_lat, gcj_lon = told
    assert to_gcj02(np.array([lon, lat])).tolist() == pytest.approx([gcj_lon, gcj_lat], abs=1e-12)
    assert from_gcj02(np.array([gcj_lon, gcj_lat])).tolist() == pytest.approx([lon, lat], abs=1e-12)


def test_published_places_of_bd09():
    # github.com/wandergis/coordtransform; the exact way back is ours alone.
    shifted = to_bd09(np.array([116.404, 39.915]))
    assert shifted.tolist() == pytest.approx([116.41036949371029, 39.92133699351021], abs=1e-12)
    # Theirs goes back by an approximation that is off by some decimetres.
    back = from_bd09(np.array([116.404, 39.915]))
    assert metres_apart(back, (116.39762729119315, 39.90865673957631)) < 0.5


@given(china)
def test_the_way_back_is_exact(place):
    here = np.array(place)
    assert metres_apart(from_gcj02(to_gcj02(here)), here) < 1e-6
    assert metres_apart(to_gcj02(from_gcj02(here)), here) < 1e-6
    assert metres_apart(from_bd09(to_bd09(here)), here) < 1e-6
    assert metres_apart(to_bd09(from_bd09(here)), here) < 1e-6


@given(china)
def test_the_shift_is_some_hundred_metres_at_most(place):
    assert metres_apart(to_gcj02(np.array(place)), place) < 740


@given(st.floats(-180, 180), st.floats(-80, 80))
def test_what_lies_outside_stays_where_it_is(lon, lat):
    west, south, east, north = SHIFTED
    if west - 0.1 <= lon <= east + 0.1 and south - 0.1 <= lat <= north + 0.1:
        lon -= 180 if lon > 0 else 0
    place = np.array([lon, lat])
    assert (to_gcj02(place) == place).all()
    assert (from_gcj02(place) == place).all()


def test_many_places_are_moved_as_each_alone():
    places = np.array([[SHANGHAI[1], SHANGHAI[0]], [2.35, 48.85], [117.02, 36.65]])
    for move in (to_gcj02, from_gcj02, to_bd09, from_bd09):
        together = move(places)
        assert together.shape == (3, 2)
        assert (together == np.array([move(place) for place in places])).all()
        assert move(places.reshape(1, 3, 2)).shape == (1, 3, 2)
    assert to_gcj02(np.empty((0, 2))).shape == (0, 2)


def test_no_place_has_no_place():
    assert np.isnan(from_gcj02(np.array([np.nan, 36.6]))).any()
