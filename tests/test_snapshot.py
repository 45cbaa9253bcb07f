"""The active edition kept in the process: the right one after every change, and read once."""

import geopandas
import pytest
import shapely
from desk import Desk, feature, square

from geo.crs import STORED
from layers import duty, snapshot
from layers.people import OPERATOR

OFFICES = [
    feature(square(117, 36.6, 117.01, 36.61), code="370102001", name="甲"),
    feature(square(117.01, 36.6, 117.02, 36.61), code="370102002", name="乙"),
]
MOVED = [
    feature(square(117, 36.6, 117.015, 36.61), code="370102001", name="甲"),
    feature(square(117.015, 36.6, 117.02, 36.61), code="370102002", name="乙"),
]
SPOT = geopandas.GeoSeries([shapely.Point(117.012, 36.605)], index=["S"], crs=STORED)
SITE = geopandas.GeoSeries([shapely.box(117.012, 36.602, 117.014, 36.604)], index=["X"], crs=STORED)


@pytest.fixture
def desk(store, tmp_path):
    return Desk(store, tmp_path)


def active(desk):
    with desk.store.reading() as connection:
        return snapshot.active_offices(connection)


def office(offices):
    found, assigned = offices.grid.locate(SPOT).loc["S", "area"], offices.grid.assign(SITE)
    assert assigned.main.loc["X", "area"] == found
    return found


def test_without_an_edition_there_are_no_offices(desk):
    assert active(desk) is None


def test_it_follows_the_active_edition_there_and_back(desk):
    desk.load("street_offices", OFFICES)
    first = active(desk)
    assert office(first) == "370102002"
    desk.load("street_offices", MOVED)
    assert active(desk) is first
    second = duty.activate(desk.store, OPERATOR).edition_id
    assert (active(desk).edition_id, office(active(desk))) == (second, "370102001")
    duty.activate(desk.store, OPERATOR, first.edition_id)
    assert active(desk) is first


def test_the_offices_are_read_once(desk, asked):
    desk.load("street_offices", OFFICES)
    active(desk)
    asked.clear()
    assert office(active(desk)) == "370102002"
    assert len([statement for statement in asked if "street_offices" in statement]) == 0
    assert len(asked) > 0


def test_a_transaction_that_is_undone_leaves_nothing_behind(desk):
    desk.load("street_offices", OFFICES)
    desk.load("street_offices", MOVED)
    with desk.store.writing(OPERATOR) as work:
        duty.activate_edition(work, 2)
        assert office(snapshot.active_offices(work.connection)) == "370102001"
        work.discard()
    assert office(active(desk)) == "370102002"


def test_few_editions_are_kept(desk, monkeypatch):
    monkeypatch.setattr(snapshot, "_MOST", 1)
    desk.load("street_offices", OFFICES)
    desk.load("street_offices", MOVED)
    first = active(desk)
    duty.activate(desk.store, OPERATOR)
    assert active(desk) is active(desk)
    duty.activate(desk.store, OPERATOR, first.edition_id)
    again = active(desk)
    assert again is not first
    assert office(again) == "370102002"
