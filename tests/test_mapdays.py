import re
from datetime import date

import pytest

from layers.classes import COLOURINGS, LATENESS
from layers.stages import STAGES
from webmap.mapdays import SIGNS

DAYS = ("2020-03-31", "2021-08-31", "2022-06-30", "2022-11-30")


@pytest.fixture
def client(sample_app):
    return sample_app("bureau").test_client()


@pytest.mark.parametrize("day", DAYS)
def test_each_month_stands_for_the_map_of_its_last_day(client, day):
    months = client.get("/map/months.json?each=1").json
    place, names = months["ends"].index(day), list(STAGES)
    features = client.get(f"/map/compounds.geojson?on={day}").get_json(force=True)["features"]
    told = {f["id"]: (p["stage"], p["late"], p["finished"]) for f in features for p in (f["properties"],)}
    signs = {code: int(text[place], 32) for code, text in months["of"].items()}
    assert {c: (names[s % 8], bool(s & 8), bool(s & 16)) for c, s in signs.items()} == told
    assert months["counts"][place] == [sum(t[0] == stage for t in told.values()) for stage in STAGES]
    assert months["late"][place] == sum(t[1] for t in told.values())
    late = client.get(f"/map/classes.json?colour=lateness&on={day}").json
    classes = {code: late["classes"][n] for code, n in late["of"].items()}
    assert {c: months["lateness"][int(text[place], 32)] for c, text in months["late_of"].items()} == classes


def test_the_months_are_those_of_what_the_filters_leave_but_for_the_stage(client):
    plan = client.get("/map/months.json?plan_year=2022").json
    assert {sum(row) for row in plan["counts"]} == {27}
    assert plan["plans"] == [{"year": 2022, "start": "2022-01-04", "due": "2022-11-30"}]
    for stood in ("stage=survey", "late=1", "lateness=late_90"):
        assert client.get(f"/map/months.json?plan_year=2022&{stood}").json == plan
    overview = client.get("/map/overview.json?plan_year=2022").json
    here = plan["counts"][plan["ends"].index(plan["today"])]
    assert here == [stage["totals"]["compounds"] for stage in overview["stages"]]


def test_the_months_are_light(client):
    short = client.get("/map/months.json")
    long = client.get("/map/months.json?each=1", headers={"Accept-Encoding": "gzip"})
    assert len(short.data) < 5_000 and "of" not in short.json
    assert len(long.data) < 8_000
    assert long.headers["Content-Encoding"] == "gzip"
    again = client.get("/map/months.json", headers={"If-None-Match": short.headers["ETag"]})
    assert again.status_code == 304


def test_every_way_to_stand_has_a_sign_of_its_own():
    assert [int(sign, 32) for sign in SIGNS] == list(range(2 * 2 * len(STAGES)))
    assert len(LATENESS) < len(SIGNS)


@pytest.mark.parametrize("query", ["each=yes", "state=found", "colour=lateness", "each=1&each=1"])
def test_what_cannot_be_asked_of_the_months_is_refused(client, query):
    assert client.get("/map/months.json?" + query).status_code == 400


@pytest.mark.parametrize("colouring", COLOURINGS)
def test_classes_follow_the_filters_and_the_day(client, colouring):
    told = client.get(f"/map/classes.json?colour={colouring}&plan_year=2022&on=2022-03-31").json
    assert len(told["of"]) == 27
    assert told["on"] == "2022-03-31"


def test_the_page_holds_a_slider_that_says_the_day(client):
    page = client.get("/?on=2021-03-31&lang=en").text
    assert 'aria-valuetext="31 Mar 2021"' in page
    assert date.fromisoformat(client.get("/map/months.json").json["today"]) == date(2022, 6, 30)


def test_signs_tell_how_each_stood_on_any_day(client):
    told = client.get("/map/classes.json?signs=1&on=2022-04-17").json
    features = client.get("/map/compounds.geojson?on=2022-04-17").get_json(force=True)["features"]
    names = list(STAGES)
    assert {c: (names[s % 8], bool(s & 8), bool(s & 16)) for c, s in told["signs"].items()} == {
        f["id"]: (p["stage"], p["late"], p["finished"]) for f in features for p in (f["properties"],)
    }
    assert "signs" not in client.get("/map/classes.json").json


def test_two_days_stand_side_by_side_with_what_changed_between_them(client):
    page = client.get("/?beside=2022-03-31&plan_year=2022&lang=en").text
    assert "Changes from 31 Mar 2022 to 30 Jun 2022" in page
    assert "13 compounds moved on to a later stage; works finished at 1 compound" in page
    assert '<td>17</td><td>4</td><td class="">−13</td>' in page
    assert 'id="beside-map"' in page and "Map as of 31 Mar 2022" in page
    assert 'data-layer="illegal_structures" checked disabled' in page
    rail = client.get("/?beside=2022-03-31&plan_year=2022&lang=en&part=rail").text
    assert "13 compounds moved on" in rail
    alone = client.get("/?lang=en").text
    assert "beside-map" not in alone and "Changes from" not in alone
    assert 'href="/?lang=en&amp;beside=2022-03-31"' in alone


@pytest.mark.parametrize("day", ["2022-02-30", "yesterday"])
def test_a_day_that_is_none_is_refused_beside_another(client, day):
    assert client.get(f"/?beside={day}").status_code == 400


@pytest.mark.parametrize(("query", "said"), [("", False), ("street_office=none&stage=survey", True)])
def test_where_nothing_is_left_the_map_says_so(client, query, said):
    page = client.get(f"/?lang=en&{query}").text
    note = re.search(r'<p id="none-left"[^>]*>No compound matches these filters.</p>', page)[0]
    assert ("hidden" in note) != said
    assert f'<small data-count="{0 if said else 240}">' in page


def test_the_months_of_nothing_are_told_too(client):
    told = client.get("/map/months.json?each=1&code=nothing").json
    assert (told["of"], told["ends"], told["late"]) == ({}, ["2022-06-30"], [0])
