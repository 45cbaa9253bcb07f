import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod

from geo.errors import CrsError
from geo.zones import convergence, projected, scale_factor, zone_of

GROUND = Geod(ellps="GRS80")


@given(st.floats(73.6, 136.4))
def test_a_zone_is_that_of_the_nearest_meridian_and_has_no_number(longitude):
    zone = zone_of(longitude)
    assert abs(zone.meridian - longitude) <= 1.5
    system = CRS(zone.crs)
    assert system.name == f"CGCS2000 / 3-degree Gauss-Kruger CM {zone.meridian}E"
    assert {p.name: p.value for p in system.coordinate_operation.params}["False easting"] == 500_000


@pytest.mark.parametrize("longitude", [-120.0, 0.0, 73.4, 136.6])
def test_there_is_no_zone_elsewhere(longitude):
    with pytest.raises(CrsError, match="No 3° zone"):
        zone_of(longitude)


@given(st.floats(115.5, 118.5), st.floats(20, 50))
def test_lengths_are_true_but_for_the_scale_factor(longitude, latitude):
    zone = zone_of(117)
    east = (longitude + 0.001, latitude)
    metres = projected(np.array([shapely.Point(longitude, latitude), shapely.Point(east)]), zone)
    *_, true = GROUND.inv(longitude, latitude, *east)
    assert shapely.distance(*metres) == pytest.approx(true * scale_factor(*east, zone), rel=1e-6)
    assert 1 <= scale_factor(*east, zone) < 1 + 1 / 2900


def test_true_north_lies_west_of_the_grid_east_of_the_meridian():
    zone = zone_of(117)
    assert convergence(117.0, 36.2, zone) == 0
    # Close to the meridian: the difference in longitude times the sine of the latitude.
    assert convergence(117.3, 36.2, zone) == pytest.approx(0.3 * np.sin(np.radians(36.2)), rel=1e-3)
