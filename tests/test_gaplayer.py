"""Gaps in service on the map: those of the planner's page, in the compounds that the filters leave."""

import re

import pytest
from desk import Desk, feature, point
from small_district import fill


@pytest.fixture
def client(sample_app):
    return sample_app("bureau").test_client()


def collection(client, path, **asked):
    answer = client.get(path, query_string=asked)
    assert answer.status_code == 200
    return answer.get_json(force=True)


def in_rail(client, **asked):
    """Return what the rail says of gaps: how many compounds, and households of how many."""
    rail = client.get("/", query_string={"part": "rail", "lang": "en", **asked}).text
    key = r'(?:</fieldset>|<p class="key">(.*?)</p>)'
    told = re.search(r'<div id="gap-count".*?</div>\s*' + key, rail, re.DOTALL)
    count = re.search(r"<b>([\d,]+)</b>", told[0])
    return count and (count[1], re.match(r"([\d,]+) of ([\d,]+) households", told[1]).groups())


@pytest.mark.parametrize("asked", [{}, {"plan_year": "2022"}, {"stage": "handover"}, {"on": "2021-06-30"}])
def test_the_map_shows_the_gaps_of_the_compounds_asked_for(client, asked):
    on = {"on": asked["on"]} if "on" in asked else {}
    every = {f["id"]: f for f in collection(client, "/planning/gaps.geojson", kind="小学", **on)["features"]}
    codes = {f["id"] for f in collection(client, "/map/compounds.geojson", **asked)["features"]}
    found = collection(client, "/map/gaps.geojson", kind="小学", **asked)
    assert [f["id"] for f in found["features"]] == [code for code in every if code in codes]
    assert 0 < found["numberMatched"] == len(found["features"]) <= len(every)
    for one in found["features"]:
        told = every[one["id"]]["properties"]
        assert one["properties"] == {
            "code": one["id"], "households": told["households_unserved"], "area_m2": told["area_m2"],
        }  # fmt: skip
    households = sum(f["properties"]["households"] or 0 for f in found["features"])
    count, (out, _) = in_rail(client, gaps="小学", **asked)
    assert (count, out) == (str(len(found["features"])), f"{round(households):,}")


def test_the_kinds_to_choose_from_are_those_that_serve(make_app, store, tmp_path):
    desk = Desk(store, tmp_path)
    fill(desk)
    client = make_app(store).test_client()
    page = client.get("/?lang=en&gaps=clinic").text
    chosen = re.search(r'<select id="gaps".*?</select>', page, re.DOTALL)[0]
    assert re.findall(r'<option value="(.*?)"', chosen) == ["", "clinic", "school"]
    assert re.findall(r'value="(.*?)" selected', chosen) == ["clinic"]
    # The clinics reach K06 and K09, 480 of the 1460 households that are known.
    assert in_rail(client, gaps="clinic") == ("8", ("980", "1,460"))
    assert in_rail(client, gaps="clinic", street_office="A") == ("4", ("500", "500"))
    assert in_rail(client) is None
    tag = client.get("/map/gaps.geojson?kind=clinic").headers["ETag"]
    known = {"If-None-Match": tag}
    assert client.get("/map/gaps.geojson?kind=clinic", headers=known).status_code == 304
    desk.load("facilities", [feature(point(117.0015, 36.6045), code="clinic-3", kind="clinic", radius_m=300)])
    answer = client.get("/map/gaps.geojson?kind=clinic", headers=known)
    assert answer.status_code == 200
    assert "K01" not in {f["id"] for f in answer.get_json(force=True)["features"]}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/map/gaps.geojson", 400),
        ("/map/gaps.geojson?kind=小学&state=found", 400),
        ("/map/gaps.geojson?kind=机场", 404),
        ("/?gaps=<img onerror=x>", 404),
    ],
)
def test_what_has_no_gaps_is_said(client, address, status):
    answer = client.get(address)
    assert answer.status_code == status
    assert "<img" not in answer.text
