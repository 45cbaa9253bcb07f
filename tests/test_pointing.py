"""Coordinates as people write them: forms, systems, orders, and what is no coordinates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from geo.crs import STORED
from geo.offsets import to_bd09, to_gcj02
from geo.pointing import BD09, GCJ02, meant, written

EXTENT = (116.9, 36.6, 117.1, 36.8)
HERE = (117.02, 36.65)


def systems(text):
    return [(one.crs, one.swapped) for one in meant(text, EXTENT)]


@pytest.mark.parametrize(
    "text",
    [
        "117.02, 36.65",
        "117.02 36.65",
        "36.65,117.02",
        "１１７．０２，３６．６５",
        "36.65N 117.02E",
        "N36.65, E117.02",
        "117.02°E 36.65°N",
        "36°39'0\"N 117°1'12\"E",
        "117°01′12″E，36°39′00″N",
        "36°39'N 117°1.2'E",
        "北纬36度39分0秒 东经117度1分12秒",
        "东经117.02度,北纬36.65度",
        "经度: 117.02, 纬度: 36.65",
        "lon=117.02 lat=36.65",
        "WGS84: 117.02, 36.65",
        "cgcs2000 117.02 36.65",
    ],
)
def test_degrees_in_every_form_mean_the_same_place(text):
    first = meant(text, EXTENT)[0]
    assert (first.lon, first.lat) == pytest.approx(HERE, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        *("", "松涛西区", "XQ0001", "12", "117.02", "1.2.3", "117.02, 36.65, 3", "N36 N37", "36°61'N 117°E"),
        *("2号楼 3单元", "甸柳1 2", "1-2", "11702", "117.02S 36.65N"),
    ],
)
def test_what_is_no_coordinates_is_none(text):
    assert meant(text, EXTENT) is None


def test_true_degrees_are_offered_first_and_those_of_public_maps_after_them():
    assert systems("117.02, 36.65") == [(STORED, False), (GCJ02, False), (BD09, False)]
    assert systems("36.65, 117.02") == [(STORED, True), (GCJ02, True), (BD09, True)]
    assert systems("36.65N 117.02E") == [(STORED, False), (GCJ02, False), (BD09, False)]


def test_the_shifted_systems_are_taken_back():
    gcj = to_gcj02(np.array(HERE))
    for name, (lon, lat) in (("gcj02", gcj), ("BD-09", to_bd09(gcj))):
        (place,) = meant(f"{name}: {lon:.12f}, {lat:.12f}", EXTENT)
        assert place[:2] == pytest.approx(HERE, abs=1e-10)
        (place,) = meant(f"{name} {lat:.12f} {lon:.12f}", EXTENT)
        assert (place.lon, place.swapped) == (pytest.approx(117.02, abs=1e-10), True)


@pytest.mark.parametrize("epsg", [4548, 4527, 4509, 4498, 3857])
def test_zones_with_and_without_prefix_and_either_order(epsg):
    x, y = Transformer.from_crs(4490, epsg, always_xy=True).transform(*HERE)
    for text, swapped in ((f"{x:.4f}, {y:.4f}", False), (f"{y:.4f} {x:.4f}", True)):
        place = next(one for one in meant(text, EXTENT) if one.crs == f"EPSG:{epsg}")
        assert place[:2] == pytest.approx(HERE, abs=1e-8)
        assert place.swapped is swapped
        (named,) = meant(f"{epsg}: {text}", EXTENT)
        assert named == place
        assert meant(f"EPSG:{epsg} {text}", EXTENT) == (place,)
    # Surveyors call the northing X.
    assert meant(f"X={y:.4f} Y={x:.4f}", EXTENT)[0].swapped


def test_a_named_system_is_the_only_one_tried():
    assert meant("4548: 117.02, 36.65", EXTENT) == ()
    assert meant("99999: 117.02, 36.65", EXTENT) == ()
    assert meant("4214: 117.02, 36.65", EXTENT) == ()


def test_places_outside_the_district_are_not_offered():
    assert meant("116.4, 39.9", EXTENT) == ()
    assert meant("36.65S 117.02W", EXTENT) == ()
    assert meant("1e9, 3", EXTENT) is None
    assert meant("999999999, 999999999", EXTENT) == ()


@given(st.floats(-179, 179), st.floats(-89, 89))
def test_degrees_are_read_as_they_are_written(lon, lat):
    assert written(f"{lon:.9f}, {lat:.9f}")[:2] == (round(lon, 9), round(lat, 9))


@given(st.text(max_size=40))
def test_any_text_is_coordinates_or_none(text):
    assert meant(text, EXTENT) is None or all(117.2 > one.lon > 116.8 for one in meant(text, EXTENT))
