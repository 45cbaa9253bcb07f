"""What facilities serve in a small district, worked out by hand (see small_district.py), and laws of it."""

from datetime import date

import pytest
import shapely
from desk import Desk, feature, point, square
from small_district import COMPOUNDS, SUMMER, fill

from geo.crs import areas
from layers.figures import BY_COMPOUNDS, BY_HOUSEHOLDS, Rate
from layers.gaps import gaps
from layers.people import OPERATOR, VISITOR
from layers.service import BY_LAND, service, set_standards
from layers.standards import USUAL, Reach, Standard, Standards


def by_kind(store, person=OPERATOR, on=SUMMER):
    return {kind.kind: kind for kind in service(store, person, on).kinds}


#: The ground of K01 to K06 and K09, each 0.001° × 0.001° (K08: four of them), and of K07 and K10.
SOUTH, NORTH = areas(
    [shapely.box(117, 36.604, 117.001, 36.605), shapely.box(117, 36.607, 117.001, 36.608)]
).tolist()


@pytest.mark.parametrize("person", [VISITOR, OPERATOR], ids=lambda person: person.role)
def test_each_kind_is_told_three_ways(small_on_each, person):
    found = by_kind(small_on_each, person)
    assert list(found) == ["clinic", "school"]  # the market has no radius, and no standard gives it one
    clinic, school = found["clinic"].total, found["school"].total
    # The clinics serve K06 (400 households) and K09 (80) wholly; 1460 are known, K08's are not.
    assert clinic.households == Rate(480.0, 1460, BY_HOUSEHOLDS)
    assert clinic.compounds == Rate(2, 10, BY_COMPOUNDS)
    assert (clinic.fully, clinic.partly, clinic.not_served) == (2, 0, 8)
    assert clinic.land.numerator == pytest.approx(2 * SOUTH, rel=1e-9)
    assert clinic.land.denominator == pytest.approx(11 * SOUTH + 2 * NORTH, rel=1e-9)
    assert clinic.land.basis == BY_LAND
    # The school serves K01 to K04 (100, 150, 200, 50) wholly and a part of K08.
    assert school.households == Rate(500.0, 1460, BY_HOUSEHOLDS)
    assert (school.fully, school.partly, school.not_served) == (4, 1, 5)
    assert 4 * SOUTH < school.land.numerator < 8 * SOUTH
    assert (found["school"].facilities, found["school"].radii_m) == (2, (500.0,))


def test_the_streets_are_told_apart(small_on_each):
    found = by_kind(small_on_each)
    streets = found["clinic"].streets
    assert set(streets) == {"A", "B", "none"}  # nobody lives in C
    assert streets["A"].households == Rate(0.0, 500, BY_HOUSEHOLDS)
    assert streets["B"].households == Rate(400.0, 880, BY_HOUSEHOLDS)
    assert streets["none"].households == Rate(80.0, 80, BY_HOUSEHOLDS)
    assert (streets["B"].fully, streets["B"].partly, streets["B"].not_served) == (1, 0, 4)


def test_without_a_standard_nothing_is_judged(small_on_each):
    assert [(k.judged, k.sufficient) for k in by_kind(small_on_each).values()] == [(None, None)] * 2


def test_a_standard_is_held_against_the_rate_it_is_of(store, tmp_path):
    fill(Desk(store, tmp_path))
    reach = (Reach(0.0, 500.0),)
    kinds = (
        Standard("clinic", "T 1", "compounds", 0.2, reach),
        Standard("school", "T 2", "households", 0.343, reach),
    )
    set_standards(store, OPERATOR, Standards("x", kinds, USUAL.need, 0.5))
    clinic, school = by_kind(store).values()
    assert (clinic.judged, clinic.sufficient) == (Rate(2, 10, BY_COMPOUNDS), True)
    assert school.judged.value == pytest.approx(500 / 1460)  # 0.3425
    assert school.sufficient is False
    assert gaps(store, OPERATOR, "clinic", SUMMER).radius_m == 500.0


def numbers(kind):
    """Return what must add up of a kind."""
    total = kind.total
    return [total.land.numerator, total.land.denominator, total.households.numerator]


def test_law_splitting_a_compound_changes_no_total(store, tmp_path):
    desk = Desk(store, tmp_path)
    fill(desk)
    before = by_kind(store)
    # K05 and K08 are cut in halves; K05's 300 households go with its land.
    k05 = {**COMPOUNDS[4]["properties"], "households": 150}
    k08 = COMPOUNDS[7]["properties"]
    desk.load(
        "compounds",
        [
            feature(square(117.014, 36.604, 117.0145, 36.605), **k05),
            feature(square(117.0145, 36.604, 117.015, 36.605), **{**k05, "code": "K05b"}),
            feature(square(117.009, 36.604, 117.0097, 36.605), **k08),
            feature(square(117.0097, 36.604, 117.013, 36.605), **{**k08, "code": "K08b"}),
        ],
    )
    after = by_kind(store)
    for kind in before:
        assert numbers(after[kind]) == pytest.approx(numbers(before[kind]), rel=1e-7)
    assert after["school"].total.compounds.denominator == 12


def test_law_a_facility_more_lowers_nothing_and_what_was_kept_is_renewed(store, tmp_path):
    desk = Desk(store, tmp_path)
    fill(desk)
    former, listed = by_kind(store), gaps(store, OPERATOR, "clinic", SUMMER)
    desk.load("facilities", [feature(point(117.0115, 36.6045), code="clinic-3", kind="clinic", radius_m=250)])
    now, renewed = by_kind(store), gaps(store, OPERATOR, "clinic", SUMMER)
    for kind in former:
        assert all(a >= b for a, b in zip(numbers(now[kind]), numbers(former[kind]), strict=True))
        assert now[kind].total.not_served <= former[kind].total.not_served
    assert now["clinic"].total.land.numerator > former["clinic"].total.land.numerator
    assert renewed.served_m2 > listed.served_m2


def test_law_the_streets_of_the_sample_are_the_district(sample_store):
    for kind in by_kind(sample_store, VISITOR, date(2022, 6, 30)).values():
        for way in ("land", "households", "compounds"):
            rates = [getattr(street, way) for street in kind.streets.values()]
            total = getattr(kind.total, way)
            assert sum(r.numerator for r in rates) == pytest.approx(total.numerator, rel=1e-9)
            assert sum(r.denominator for r in rates) == pytest.approx(total.denominator, rel=1e-9)
        counts = (kind.total.fully, kind.total.partly, kind.total.not_served)
        assert sum(counts) == kind.total.compounds.denominator == 240
