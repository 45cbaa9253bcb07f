"""Where facilities serve nobody in a small district, worked out by hand (see small_district.py)."""

import pytest
import shapely
from small_district import SUMMER

from geo.crs import areas
from geo.errors import NotFoundError
from layers.gaps import gaps
from layers.people import OPERATOR, VISITOR


def test_gaps_are_ranked_by_households_and_cover_what_is_not_served(small_on_each):
    found = gaps(small_on_each, VISITOR, "clinic", SUMMER)
    # K05 300, K03 200, K02 150, K07 120, K01 100, K10 60, K04 50; of K08 nobody knows.
    assert [gap.code for gap in found.gaps] == ["K05", "K03", "K02", "K07", "K01", "K10", "K04", "K08"]
    assert [gap.households for gap in found.gaps] == [300, 200, 150, 120, 100, 60, 50, None]
    k05 = found.gaps[0]
    whole = shapely.box(117.014, 36.604, 117.015, 36.605)
    assert shapely.hausdorff_distance(shapely.from_wkb(k05.wkb), whole) < 1e-7
    assert sum(gap.area_m2 for gap in found.gaps) == pytest.approx(
        found.service.total.land.denominator - found.service.total.land.numerator, rel=1e-9
    )
    # The district is 0.03° wide; of the clinics only the western one lies in it, with all its reach.
    district = areas([shapely.box(117, 36.6, 117.03, 36.61)])[0]
    assert found.district_m2 == pytest.approx(district, rel=1e-9)
    assert found.served_m2 == pytest.approx(3.141592653589793 * 200**2, rel=1e-5)


def test_one_more_is_best_where_most_are_out_of_reach(small_on_each):
    found = gaps(small_on_each, OPERATOR, "clinic", SUMMER)
    first, second = found.places[:2]
    # 300 m (the farthest of the clinics) around the middle of K02: K01, K02, K03 (450 households).
    # Around K03 it is K02, K03, K04 (400); around K05, K05 and parts of K07 and K08.
    assert found.radius_m == 300.0
    assert (first.code, first.households, first.completed) == ("K02", pytest.approx(450, abs=1e-6), 3)
    assert second.code in ("K05", "K07") and 300 <= second.households <= 480
    with pytest.raises(NotFoundError):
        gaps(small_on_each, OPERATOR, "market", SUMMER)
