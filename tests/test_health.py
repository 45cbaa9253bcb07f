"""How sound the layers of a small district are (see small_district.py), and of one with faults."""

import pytest
from desk import Desk, feature, point, square
from small_district import COMPOUNDS, OFFICES, SUMMER, fill

from layers.figures import Office
from layers.health import health
from layers.people import OPERATOR, VISITOR


def test_the_small_district_has_what_it_was_given(store, tmp_path):
    fill(Desk(store, tmp_path))
    found = health(store, OPERATOR, SUMMER)
    assert (found.office_overlaps, found.office_holes, found.compound_overlaps) == ((), (), ())
    (outside,) = found.compounds_outside
    assert (outside.site.code, outside.share) == ("K09", 1.0)
    assert [site.code for site in found.compounds_without_street] == ["K09"]
    # S10 lies in C, in no compound; nobody but those who read unpublished cases may know of it.
    assert [(s.code, s.street_office_code) for s in found.structures_outside] == [("S10", "C")]
    assert health(store, VISITOR, SUMMER).structures_outside == ()
    assert found.findings == 3


def test_faults_are_found_with_their_size_and_gone_when_mended(store, tmp_path):
    desk = Desk(store, tmp_path)
    # B laps over A by 0.001°; between B, C and D an empty yard is left.
    desk.load(
        "street_offices",
        [
            feature(square(117.00, 36.60, 117.01, 36.63), code="A", name="A街道"),
            feature(square(117.009, 36.62, 117.03, 36.63), code="B", name="B街道"),
            feature(square(117.02, 36.60, 117.03, 36.62), code="C", name="C街道"),
            feature(square(117.01, 36.60, 117.02, 36.61), code="D", name="D街道"),
        ],
    )
    desk.load(
        "compounds",
        [
            feature(square(117.001, 36.604, 117.002, 36.605), code="K1", name="一号院"),
            feature(square(117.0015, 36.604, 117.0025, 36.605), code="K2", name=None),
            feature(square(117.009, 36.615, 117.011, 36.616), code="K3", name="三号院"),
        ],
    )
    desk.load("illegal_structures", [feature(point(117.005, 36.601), code="S1", state="ordered")])
    found = health(store, VISITOR, SUMMER)
    (shared,), (hole,), (crowded,) = found.office_overlaps, found.office_holes, found.compound_overlaps
    assert (shared.one, shared.other) == (Office("A", "A街道"), Office("B", "B街道"))
    assert 117.01 < hole.lon < 117.02 and 36.61 < hole.lat < 36.62
    assert (crowded.one, crowded.other) == (Office("K1", "一号院"), Office("K2", "K2"))
    # A yard is 0.01° × 0.01°, the overlap 0.001° × 0.01°, that of the compounds 0.0005° × 0.001°.
    assert hole.area_m2 / shared.area_m2 == pytest.approx(10, rel=1e-3)
    assert shared.area_m2 / crowded.area_m2 == pytest.approx(20, rel=1e-3)
    (outside,) = found.compounds_outside
    assert (outside.site.code, outside.share) == ("K3", pytest.approx(0.5, rel=1e-6))
    assert [stray.code for stray in found.structures_outside] == ["S1"]
    desk.load("compounds", [feature(square(117.003, 36.604, 117.004, 36.605), code="K2")])
    assert health(store, VISITOR, SUMMER).compound_overlaps == ()


def test_nothing_has_no_faults(store):
    assert health(store, VISITOR, SUMMER).findings == 0


def test_offices_alone_are_sound(store, tmp_path):
    desk = Desk(store, tmp_path)
    desk.load("street_offices", OFFICES)
    desk.load("compounds", COMPOUNDS[:3])
    assert health(store, VISITOR, SUMMER).findings == 0
