"""Repair: known shapes with known results, and the law that what comes out is right or set aside."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, from_wkt

from geo.check import FINDINGS, check
from geo.crs import areas
from geo.repair import MOST_VERTICES, repair

SQUARE = [(0, 0), (4, 0), (4, 4), (0, 4), (0, 0)]
HOLE = [(1, 1), (2, 1), (2, 2), (1, 2), (1, 1)]


def mend(geometry, kind="polygon"):
    (result,), findings = repair(np.array([geometry], dtype=object), kind)
    return result, findings


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        pytest.param(
            Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]),
            "MULTIPOLYGON (((0 0, 1 1, 0 2, 0 0)), ((2 0, 2 2, 1 1, 2 0)))",
            id="bow-tie keeps both halves",
        ),
        pytest.param(
            Polygon([(0, 0), (4, 0), (4, 4), (4, 9), (4, 4), (0, 4)]),
            "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))",
            id="spike",
        ),
        pytest.param(
            Polygon(SQUARE, [HOLE, HOLE]),
            "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))",
            id="hole given twice",
        ),
        pytest.param(
            shapely.MultiPolygon([Polygon(SQUARE), Polygon(SQUARE)]),
            "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))",
            id="part given twice",
        ),
        pytest.param(
            Polygon(SQUARE, [[(6, 6), (7, 6), (7, 7), (6, 6)]]),
            "MULTIPOLYGON (((0 4, 4 4, 4 0, 0 0, 0 4)), ((7 7, 7 6, 6 6, 7 7)))",
            id="hole outside its shell becomes a part",
        ),
        pytest.param(
            Polygon(SQUARE, [[(1, 1), (2, 1), (2, 2), (1, 2), (1, 3), (1, 2)]]),
            "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))",
            id="hole with a tail",
        ),
    ],
)
def test_known_shapes(broken, whole):
    mended, (finding,) = mend(broken)
    assert shapely.equals(mended, from_wkt(whole))
    assert (finding.row, finding.code, finding.severity) == (1, "repaired", "repaired")
    before, after = areas(np.array([broken, mended]))
    assert finding.detail == f"{before:.1f} → {after:.1f} m²"


def test_an_unclosed_hole_is_closed_where_it_is_read_and_needs_no_repair():
    open_hole = Polygon(SQUARE, [HOLE[:-1]])
    assert mend(open_hole) == (open_hole, [])
    assert open_hole.area == 15


@pytest.mark.parametrize(
    "collapsed", [Polygon([(0, 0), (1, 1), (2, 2)]), Polygon([(0, 0), (1, 1), (0, 0), (1, 1)])]
)
def test_what_collapses_is_set_aside(collapsed):
    mended, (finding,) = mend(collapsed)
    assert mended is None
    assert (finding.code, finding.severity) == ("not_repairable", "set_aside")
    assert finding.detail == shapely.is_valid_reason(collapsed)


def test_not_finite_is_set_aside_even_if_nobody_checked():
    with np.errstate(invalid="ignore"):
        broken = shapely.transform(Polygon(SQUARE), lambda xy: xy + [0, np.inf])
        mended, (finding,) = mend(broken)
    assert (mended, finding.code) == (None, "not_repairable")


def test_spaghetti_is_set_aside_at_once():
    tangle = Polygon(np.random.default_rng(1).random((600, 2)))
    mended, (finding,) = mend(tangle)
    assert mended is None
    assert (finding.code, finding.severity, finding.detail) == ("too_tangled", "set_aside", "601")


def circle_with_a_bow(vertices):
    turns = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    ring = np.column_stack([np.cos(turns), np.sin(turns)])
    ring[[0, 1]] = ring[[1, 0]]
    return Polygon(ring)


def test_the_limit_of_vertices():
    assert mend(circle_with_a_bow(MOST_VERTICES - 1))[1][0].code == "repaired"
    assert mend(circle_with_a_bow(MOST_VERTICES))[1][0].code == "too_tangled"


def test_what_is_right_stays_as_it_came():
    lone, multi = Polygon(SQUARE, [HOLE]), shapely.MultiPolygon([Polygon(SQUARE)])
    given_rows = np.array([lone, None, multi, shapely.Polygon()], dtype=object)
    kept, findings = repair(given_rows, "polygon")
    assert findings == []
    assert [one is same for one, same in zip(kept, given_rows, strict=True)] == [True] * 4


def test_a_lone_point_is_freed_of_its_multipoint():
    rows = np.array([from_wkt("MULTIPOINT (1 2)"), from_wkt("POINT (3 4)"), None], dtype=object)
    kept, findings = repair(rows, "point or polygon")
    assert [str(one) for one in kept] == ["POINT (1 2)", "POINT (3 4)", "None"]
    assert findings == []
    assert rows[0].geom_type == "MultiPoint", "the caller's rows were changed"


def test_rows_are_counted_from_one():
    tie = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    rows = np.array([Polygon(SQUARE), tie, None, tie], dtype=object)
    assert [finding.row for finding in repair(rows, "polygon").findings] == [2, 4]


def test_no_rows():
    kept, findings = repair(np.array([], dtype=object), "polygon")
    assert (kept.dtype, kept.shape, findings) == (object, (0,), [])


corner = st.tuples(st.integers(0, 6), st.integers(0, 6))


@given(st.lists(st.lists(corner, min_size=3, max_size=9), max_size=4))
def test_law_every_row_is_kept_mended_or_set_aside(shells):
    rows = np.array([Polygon(shell) for shell in shells], dtype=object)
    mended, findings = repair(rows, "polygon")
    said = {finding.row: finding for finding in findings}
    assert {f.row for f in check(rows, "polygon") if f.code == "invalid_geometry"} == set(said)
    assert all(finding.code in FINDINGS for finding in findings)
    for row, (was, now) in enumerate(zip(rows, mended, strict=True), 1):
        if row not in said:
            assert now is was
        elif said[row].severity == "set_aside":
            assert now is None
        else:
            assert check(np.array([now]), "polygon") == []
            assert shapely.covers(shapely.buffer(was.convex_hull, 1e-9), now)
