"""Findings: every kind once, exactly; and what a calculation refuses."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import from_wkt

from geo.check import FINDINGS, MOST_VERTICES, check, require
from geo.crs import STORED
from geo.errors import CrsError, Finding, GeometryError

SQUARE = shapely.box(117, 36, 117.1, 36.1)
BOW_TIE = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])


def rows(*geometries):
    return np.array(geometries, dtype=object)


def not_finite(geometry):
    with np.errstate(invalid="ignore"):
        return shapely.transform(geometry, lambda xy: xy + [0, np.inf])


@pytest.mark.parametrize(
    ("geometry", "kind", "code", "detail"),
    [
        (None, "point", "no_geometry", ""),
        (shapely.Point(), "point", "empty_geometry", ""),
        (shapely.Polygon(), "point", "empty_geometry", ""),
        (shapely.points(np.inf, 36), "point", "not_finite", ""),
        (not_finite(SQUARE), "polygon", "not_finite", ""),
        (not_finite(shapely.LineString([(0, 1), (1, 0)])), "polygon", "not_finite", ""),
        (shapely.Point(181, 36), "point", "outside_world", "181, 36, 181, 36"),
        (shapely.Point(117, -90.5), "point", "outside_world", "117, -90.5, 117, -90.5"),
        (SQUARE, "point", "wrong_type", "Polygon"),
        (shapely.Point(117, 36), "polygon", "wrong_type", "Point"),
        (from_wkt("LINESTRING (0 0, 1 1)"), "point or polygon", "wrong_type", "LineString"),
        (
            from_wkt("GEOMETRYCOLLECTION (POINT (0 0))"),
            "point or polygon",
            "wrong_type",
            "GeometryCollection",
        ),
        (from_wkt("MULTIPOINT (0 0, 1 1, 2 2)"), "point", "several_points", "3"),
        (BOW_TIE, "polygon", "invalid_geometry", "Self-intersection[0.5 0.5]"),
    ],
)
def test_each_finding(geometry, kind, code, detail):
    severity = "note" if code == "invalid_geometry" else "set_aside"
    assert check(rows(geometry), kind) == [Finding(1, "geometry", code, severity, detail)]
    assert detail in FINDINGS[code] % {"detail": detail}


@pytest.mark.parametrize(
    ("geometry", "kind"),
    [
        (shapely.Point(117, 36), "point"),
        (shapely.Point(-180, 90), "point or polygon"),
        (from_wkt("MULTIPOINT (117 36)"), "point"),
        (SQUARE, "polygon"),
        (shapely.MultiPolygon([SQUARE]), "point or polygon"),
    ],
)
def test_what_is_right_has_no_finding(geometry, kind):
    assert check(rows(geometry), kind) == []


def test_too_many_vertices_is_said_without_a_test_of_validity():
    turns = np.linspace(0, 2 * np.pi, MOST_VERTICES, endpoint=False)
    circle = np.column_stack([np.cos(turns), np.sin(turns)])
    circle[[0, 1]] = circle[[1, 0]]  # not valid either
    found = check(rows(shapely.Polygon(circle)), "polygon")
    assert [(one.code, one.detail) for one in found] == [("too_many_vertices", "200001")]


def test_rows_count_from_one_in_their_order_and_may_have_several_findings():
    far = shapely.transform(BOW_TIE, lambda xy: xy + 200)
    found = check(rows(SQUARE, far, None, SQUARE, shapely.Point(0, 0)), "polygon")
    assert [(one.row, one.code) for one in found] == [
        (2, "outside_world"),
        (2, "invalid_geometry"),
        (3, "no_geometry"),
        (5, "wrong_type"),
    ]


def test_no_rows_no_findings():
    assert check(rows(), "polygon") == []


def test_a_calculation_refuses_what_it_cannot_trust():
    good = gpd.GeoSeries([SQUARE], index=["a"], crs=STORED)
    require(good, "polygon")
    with pytest.raises(CrsError):
        require(good.set_crs("EPSG:4326", allow_override=True), "polygon")
    for bad in (None, BOW_TIE, shapely.Point(0, 0)):
        with pytest.raises(GeometryError, match="The geometry of b cannot"):
            require(gpd.GeoSeries([SQUARE, bad], index=["a", "b"], crs=STORED), "polygon")
    with pytest.raises(GeometryError, match="label a"):
        require(gpd.GeoSeries([SQUARE, SQUARE], index=["a", "a"], crs=STORED), "polygon")
