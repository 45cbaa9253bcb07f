"""What lies at a place: exact edges and distances, in order, and only what may be seen."""

import numpy as np
import pytest
from desk import feature, point, square
from small_district import SUMMER

from geo.errors import RequestError
from geo.locate import GEOD
from layers import around
from layers.people import OPERATOR, VISITOR


def codes(desk, lon, lat, within=0.0, person=OPERATOR):
    found = around.here(desk.store, person, lon, lat, within, SUMMER)
    layers = ("street_offices", "compounds", "illegal_structures", "facilities")
    return {layer: [near.code for near in getattr(found, layer)] for layer in layers}


def test_everything_that_lies_there_is_told(desk):
    assert codes(desk, 117.0015, 36.6045, 30) == {
        "street_offices": ["A"],
        "compounds": ["K01"],
        "illegal_structures": ["S01", "S02", "S12"],
        "facilities": ["school-1"],
    }
    assert codes(desk, 117.0015, 36.6045) | {"facilities": []} == {
        "street_offices": ["A"],
        "compounds": ["K01"],
        "illegal_structures": ["S01"],
        "facilities": [],
    }
    assert not any(codes(desk, 10.0, 50.0, 2000).values())


def test_an_edge_belongs_to_both_sides_and_a_corner_to_the_compound(desk):
    assert codes(desk, 117.01, 36.6045)["street_offices"] == ["A", "B"]
    assert codes(desk, 117.01, 36.6045)["compounds"] == ["K08"]
    assert codes(desk, 117.001, 36.604)["compounds"] == ["K01"]
    assert codes(desk, 117.001 - 1e-9, 36.604)["compounds"] == []


def test_compounds_that_overlap_are_all_told(desk):
    desk.load("compounds", [feature(square(117.0015, 36.6035, 117.0035, 36.6045), code="K11")])
    assert codes(desk, 117.0017, 36.6042)["compounds"] == ["K01", "K11"]


def test_structures_are_told_to_the_metre_and_the_nearest_first(desk):
    far = GEOD.inv(117.0054, 36.6045, 117.0055, 36.6045)[2]
    at = (117.0055, 36.6045)
    assert codes(desk, *at, far - 0.001)["illegal_structures"] == ["S06"]
    assert codes(desk, *at, far + 0.001)["illegal_structures"] == ["S06", "S05"]
    near = around.here(desk.store, OPERATOR, *at, 40, SUMMER).illegal_structures
    assert [n.code for n in near] == ["S06", "S05", "S04", "S03"]
    assert near[1].metres == pytest.approx(far, abs=1e-6)


def test_a_facility_reaches_as_far_as_its_radius(desk):
    lon, lat, _ = GEOD.fwd(117.0175, 36.6045, 250, 199.99)
    assert codes(desk, lon, lat)["facilities"] == ["clinic-1"]
    lon, lat, _ = GEOD.fwd(117.0175, 36.6045, 250, 200.01)
    assert codes(desk, lon, lat)["facilities"] == []
    # One that is an area reaches from its edge.
    park = feature(square(117.03, 36.62, 117.031, 36.621), code="park", kind="park", radius_m=100)
    desk.load("facilities", [park])
    lon, lat, _ = GEOD.fwd(117.031, 36.6205, 90, 99.9)
    assert codes(desk, lon, lat)["facilities"] == ["park"]
    assert codes(desk, 117.0305, 36.6205)["facilities"] == ["park"]


def test_a_visitor_sees_no_case_that_is_not_published(desk):
    assert codes(desk, 117.0053, 36.6045, 50, VISITOR)["illegal_structures"] == ["S05", "S06"]
    told = around.here(desk.store, VISITOR, 117.0053, 36.6045, 50, SUMMER).illegal_structures
    assert all("person" not in near.properties for near in told)


def test_so_many_structures_are_told_and_that_there_are_more(desk):
    places = GEOD.fwd(np.full(60, 117.025), np.full(60, 36.602), np.zeros(60), np.arange(60.0))
    rows = [
        feature(point(lon, lat), code=f"T{i:02}", state="found")
        for i, (lon, lat) in enumerate(zip(*places[:2], strict=True))
    ]
    desk.load("illegal_structures", rows)
    found = around.here(desk.store, OPERATOR, 117.025, 36.602, 100, SUMMER)
    assert [n.code for n in found.illegal_structures] == [f"T{i:02}" for i in range(50)]
    assert found.more
    assert not around.here(desk.store, OPERATOR, 117.025, 36.602, 10, SUMMER).more


@pytest.mark.parametrize("asked", [(181, 0, 1), (0, 86, 1), (0, 0, -1), (0, 0, 2001), (float("nan"), 0, 1)])
def test_what_is_no_place_is_refused(desk, asked):
    with pytest.raises(RequestError, match="A place is"):
        around.here(desk.store, OPERATOR, *asked, SUMMER)
