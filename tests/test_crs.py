"""Coordinate systems: known places, refusals, areas against a closed form, proposals."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from geo.crs import AREA, STORED, areas, candidates, normalise, require_stored, swap, to_stored
from geo.errors import CrsError

JINAN = (116.9, 36.6, 117.1, 36.8)
ESRI_XIAN = (
    'PROJCS["Xian_1980_3_Degree_GK_CM_117E",GEOGCS["GCS_Xian_1980",DATUM["D_Xian_1980",'
    'SPHEROID["Xian_1980",6378140.0,298.257]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",117.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],'
    'UNIT["Meter",1.0]]'
)


def points(*pairs):
    return shapely.points(np.array(pairs, dtype=float))


def infinite(geometry):
    return not np.isfinite(shapely.get_coordinates(geometry)).all()


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:4326",
        "OGC:CRS84",
        "EPSG:4490",
        "EPSG:4979",
        "EPSG:4480",
        "EPSG:9057",
        "+proj=longlat +datum=WGS84",
    ],
)
def test_degrees_in_wgs84_and_cgcs2000_are_taken_as_they_are(crs):
    stored = to_stored(points((117.123456789, 36.65), (-74, 40.7)), crs)
    assert shapely.get_coordinates(stored).tolist() == [[117.123456789, 36.65], [-74, 40.7]]


@pytest.mark.parametrize(
    ("crs", "easting"),
    [("EPSG:4548", 500_000), ("EPSG:4527", 39_500_000), ("EPSG:4509", 500_000), ("EPSG:4498", 20_500_000)],
)
def test_the_central_meridian_of_each_gauss_kruger_zone(crs, easting):
    # On its central meridian a Gauss-Kruger northing is the arc from the equator.
    arc = Geod(ellps="GRS80").line_length([117, 117], [0, 36.65])
    lon, lat = shapely.get_coordinates(to_stored(points((easting, arc)), crs))[0]
    assert (lon, lat) == pytest.approx((117, 36.65), abs=1e-9)


def test_web_mercator_and_utm_are_wgs84_without_a_shift():
    radius = 6378137.0
    lon, lat = shapely.get_coordinates(to_stored(points((np.radians(117) * radius, 0)), "EPSG:3857"))[0]
    assert (lon, lat) == pytest.approx((117, 0), abs=1e-12)
    lon, lat = shapely.get_coordinates(to_stored(points((500_000, 0)), "EPSG:32650"))[0]
    assert (lon, lat) == pytest.approx((117, 0), abs=1e-12)


@pytest.mark.parametrize(
    "crs", ["EPSG:4214", "EPSG:2437", "EPSG:21420", "EPSG:4610", "EPSG:2383", "EPSG:4555", ESRI_XIAN]
)
def test_old_chinese_systems_are_refused_with_the_way_out(crs):
    with pytest.raises(CrsError, match="no public shift to CGCS2000"):
        to_stored(points((117, 36)), crs)


@pytest.mark.parametrize("crs", ["EPSG:4019", "+proj=tmerc +lon_0=117 +ellps=krass +x_0=500000"])
def test_a_system_without_a_known_datum_is_refused(crs):
    with pytest.raises(CrsError, match="No exact way is known"):
        to_stored(points((500_000, 4_000_000)), crs)


def test_the_surveyors_own_shift_is_used():
    local = "+proj=longlat +ellps=krass +towgs84=15.8,-154.4,-82.3"
    lon, lat = shapely.get_coordinates(to_stored(points((117, 36.65)), local))[0]
    assert 30 < Geod(ellps="GRS80").line_length([117, lon], [36.65, lat]) < 120
    assert normalise(local) == local


@pytest.mark.parametrize("crs", ["EPSG:4269", "EPSG:9000", "EPSG:7912", "EPSG:4258", "EPSG:4612"])
def test_other_datums_come_over_by_a_real_operation(crs):
    place = {"EPSG:4269": (-74, 40.7), "EPSG:4258": (10, 50), "EPSG:4612": (139, 35)}.get(crs, (117, 36))
    assert shapely.get_coordinates(to_stored(points(place), crs))[0] == pytest.approx(place, abs=1e-4)


def test_new_york_feet():
    lon, lat = shapely.get_coordinates(to_stored(points((984_250, 0)), "EPSG:2263"))[0]
    assert (lon, lat) == pytest.approx((-74, 40 + 10 / 60), abs=1e-5)  # the zone's false origin


@pytest.mark.parametrize("crs", ["", "GCJ-02", "EPSG:999999", "no such thing", "EPSG:5773", "EPSG:4978"])
def test_what_is_no_map_system_is_refused(crs):
    for ask in (normalise, lambda text: to_stored(points((117, 36)), text)):
        with pytest.raises(CrsError):
            ask(crs)


def test_numbers_of_another_system_are_refused_with_an_example():
    with pytest.raises(CrsError, match=r"39500000\.0, 4000000\.0") as caught:
        to_stored(points((39_500_000, 4_000_000), (39_500_001, 4_000_000)), "EPSG:4548")
    assert caught.value.values["name"] == "CGCS2000 / 3-degree Gauss-Kruger CM 117E"


def test_a_single_row_without_a_place_is_left_to_check():
    stored = to_stored(points((500_000, 4_000_000), (1e300, 0), (np.nan, 0)), "EPSG:4548")
    assert [infinite(one) for one in stored] == [False, True, True]


def test_a_ring_without_a_place_stays_a_ring():
    rows = np.array([shapely.box(500_000, 0, 500_100, 100), shapely.box(1e9, 1e9, 2e9, 2e9)])
    assert [infinite(one) for one in to_stored(rows, "EPSG:4548")] == [False, True]


def test_a_ring_that_was_never_finite_stays_a_ring():
    endless = shapely.transform(shapely.box(0, 0, 1, 1), lambda xy: xy + [0, np.inf])
    assert infinite(to_stored(np.array([endless]), "EPSG:4548")[0])


def test_a_file_of_rows_that_were_never_finite_is_left_to_check():
    assert infinite(to_stored(points((np.nan, np.inf)), "EPSG:4548")[0])


def test_missing_stays_missing_and_height_is_dropped():
    rows = np.array([None, shapely.from_wkt("POINT ZM (117 36 5 6)"), shapely.Point()], dtype=object)
    stored = to_stored(rows, STORED)
    assert stored[0] is None
    assert stored[1].wkt == "POINT (117 36)"
    assert stored[2].is_empty
    assert rows[1].has_z, "the caller's geometries were changed"


def test_no_rows():
    assert to_stored(np.array([], dtype=object), "EPSG:4548").shape == (0,)
    assert areas(np.array([], dtype=object)).shape == (0,)
    assert swap(np.array([], dtype=object)).shape == (0,)


@pytest.mark.parametrize(
    ("given_as", "code"),
    [
        ("epsg:4490", "EPSG:4490"),
        ("urn:ogc:def:crs:EPSG::4527", "EPSG:4527"),
        ("WGS 84", "EPSG:4326"),
        ("+init=epsg:4548", "EPSG:4548"),
        ("EPSG:4549+5773", "EPSG:4549"),
        (ESRI_XIAN, "EPSG:2384"),
    ],
)
def test_a_system_goes_by_its_code(given_as, code):
    assert normalise(given_as) == code


def zone_area(west, south, east, north):
    """The area between two parallels and two meridians on GRS 80, in closed form."""
    geod = Geod(ellps="GRS80")
    e = np.sqrt(geod.es)
    sine = np.sin(np.radians([south, north]))
    part = sine / (1 - geod.es * sine**2) + np.arctanh(e * sine) / e
    return geod.b**2 / 2 * np.radians(east - west) * (part[1] - part[0])


@given(
    st.floats(-179, 178), st.floats(-85, 84), st.floats(1e-3, 1, allow_subnormal=False), st.floats(1e-3, 1)
)
def test_area_is_that_of_the_ellipsoid_anywhere(west, south, width, height):
    box = shapely.box(west, south, west + width, south + height)
    exact = zone_area(*box.bounds)
    assert areas(np.array([box]))[0] == pytest.approx(exact, rel=1e-8)


def test_area_of_what_has_none():
    assert np.isnan(areas(np.array([None]))[0])
    assert areas(points((117, 36))).tolist() == [0.0]


def test_swap_changes_x_and_y():
    assert (
        swap(np.array([shapely.LineString([(36, 117), (37, 118)]), None]))[0].wkt
        == "LINESTRING (117 36, 118 37)"
    )


def test_a_frame_in_another_system_is_refused():
    inside = gpd.GeoSeries([shapely.Point(117, 36)], crs=STORED)
    require_stored(inside, inside)
    for other in (gpd.GeoSeries([shapely.Point(0, 0)]), inside.set_crs(AREA, allow_override=True)):
        with pytest.raises(CrsError):
            require_stored(inside, other)


def box_in(crs, swapped=False, west=116.95, south=36.62, east=117.05, north=36.75):
    """The bounds of a box in Jinan, given in a system: found by turning to_stored's way around."""
    series = gpd.GeoSeries([shapely.box(west, south, east, north)], crs=STORED).to_crs(crs)
    return tuple((series.map(lambda one: swap(np.array([one]))[0]) if swapped else series).total_bounds)


@pytest.mark.parametrize(
    ("crs", "swapped", "proposed"),
    [
        ("EPSG:4490", False, ["EPSG:4490"]),
        ("EPSG:4490", True, ["EPSG:4490"]),
        ("EPSG:4527", False, ["EPSG:4527"]),
        ("EPSG:4527", True, ["EPSG:4527"]),
        ("EPSG:4498", False, ["EPSG:4498"]),
        ("EPSG:3857", False, ["EPSG:3857"]),
        ("EPSG:4548", False, ["EPSG:4548", "EPSG:4509"]),  # same meridian, same numbers: ask
        ("EPSG:4509", True, ["EPSG:4548", "EPSG:4509"]),
    ],
)
def test_what_is_proposed_for_a_files_numbers(crs, swapped, proposed):
    found = candidates(box_in(crs, swapped), JINAN)
    assert [one.crs for one in found] == proposed
    assert {one.swapped for one in found} == {swapped}


def test_a_district_on_the_line_between_two_zones_is_tried_in_both():
    for crs in ("EPSG:4526", "EPSG:4527"):
        bounds = box_in(crs, west=115.46, east=115.54)
        assert candidates(bounds, (115.4, 36.6, 115.6, 36.8))[0].crs == crs


def test_nothing_is_proposed_for_numbers_from_elsewhere():
    assert candidates(box_in("EPSG:4527", west=115, east=115.1), JINAN) == ()
    assert candidates((np.nan, np.nan, np.nan, np.nan), JINAN) == ()
    assert candidates((1e30, 1e30, 1e31, 1e31), JINAN) == ()


def test_a_proposal_keeps_its_promise():
    for one in candidates(box_in("EPSG:4548", swapped=True), JINAN):
        box = np.array([shapely.box(*box_in("EPSG:4548", swapped=True))])
        placed = to_stored(swap(box) if one.swapped else box, one.crs)
        assert shapely.bounds(placed)[0] == pytest.approx((116.95, 36.62, 117.05, 36.75), abs=1e-3)
