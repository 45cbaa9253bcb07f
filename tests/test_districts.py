"""What is kept of a district is told anew when what tells it has changed, in either store."""

from contextlib import closing
from datetime import date

from desk import Desk, feature, square

from layers import open_store
from layers.districts import district_of
from layers.people import OPERATOR


def told(store):
    with store.still() as still:
        found = district_of(still)
        assert found == still.district()
        return found


def test_a_district_is_told_as_it_is_now(new_url, tmp_path):
    with closing(open_store(new_url(empty=True))) as store:
        assert told(store).bounds is None
        office = feature(square(100, 30, 101, 31), code="Z", name="Z街道")
        Desk(store, tmp_path).load("street_offices", [office])
        first = told(store)
        assert first.bounds == (100, 30, 101, 31) and told(store) is first
        with store.writing(OPERATOR) as work:
            work.set("name_en", "North District")
        assert told(store).name_en == "North District"
        with store.writing(OPERATOR) as work:
            work.set("reference_date", "2021-03-04")
        assert told(store).reference_date == date(2021, 3, 4)
