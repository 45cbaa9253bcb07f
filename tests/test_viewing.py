"""What a view is sent: all there is, what it holds, or the way to the tiles; the same from both stores."""

import json
import re
from html import unescape

import pytest
import shapely
from desk import Desk, feature, point
from small_district import COMPOUNDS, STRUCTURES, fill

from webmap import viewing

HERE = (117.0, 36.6, 117.0065, 36.61)  # three compounds and a part of none
ACROSS = (117.01, 36.6041, 117.0100001, 36.6042)  # inside K08, with none of its corners


@pytest.fixture(scope="module")
def client(new_url, tmp_path_factory):
    from app import create_app
    from layers import open_store

    url, folder = new_url(empty=True), tmp_path_factory.mktemp("desk")
    store = open_store(url)
    fill(Desk(store, folder))
    store.close()
    app = create_app({"STORE": url, "DATA": folder / "data", "LOCAL_ROLE": "bureau"})
    yield app.test_client()
    app.extensions["guatu"].close()


def sent(client, layer, box, few=None, **asked):
    words = {**asked, "bbox": ",".join(map(str, box))} | ({} if few is None else {"few": few})
    return client.get(f"/map/{layer}.geojson", query_string=words).get_json(force=True)


def codes(found):
    return {f["properties"]["code"] for f in found["features"]}


def meeting(features, box):
    area = shapely.box(*box)
    return {
        f["properties"]["code"] for f in features if shapely.geometry.shape(f["geometry"]).intersects(area)
    }


@pytest.mark.parametrize("box", [HERE, ACROSS, (117.001, 36.604, 117.001, 36.604), (100, 30, 101, 31)])
def test_a_box_is_answered_exactly(client, box):
    for layer, features in (("compounds", COMPOUNDS), ("illegal_structures", STRUCTURES)):
        found = sent(client, layer, box)
        assert codes(found) == meeting(features, box)
        assert found["numberMatched"] == len(found["features"])
        assert "whole" not in found
    assert meeting(COMPOUNDS, HERE) == {"K01", "K02", "K03"} and meeting(COMPOUNDS, ACROSS) == {"K08"}


def test_few_are_sent_whole_wherever_the_view_is(client):
    found = sent(client, "compounds", HERE, 10)
    assert (found["whole"], len(found["features"])) == (True, len(COMPOUNDS))
    assert "tiles" not in found and "bounds" not in found


def test_of_many_a_view_is_sent_what_it_holds(client):
    found = sent(client, "compounds", HERE, 9)
    assert (found["whole"], codes(found)) == (False, {"K01", "K02", "K03"})
    assert found["bounds"] == pytest.approx([117.001, 36.604, 117.041, 36.608], abs=1e-6)
    filtered = sent(client, "compounds", HERE, 4, plan_year=2022)
    assert codes(filtered) == {"K03"}
    assert filtered["bounds"] == pytest.approx([117.005, 36.604, 117.041, 36.608], abs=1e-6)


def test_a_view_that_holds_many_is_shown_the_way_to_the_tiles(client):
    found = sent(client, "illegal_structures", HERE, 6, plan_year="2021")
    assert found["whole"] is True
    found = sent(client, "illegal_structures", (117, 36.6, 117.1, 36.7), 6, lang="en")
    assert (found["features"], found["whole"]) == ([], False)
    assert found["tiles"] == "/tiles/illegal_structures/{z}/{x}/{y}.mvt"
    found = sent(
        client, "illegal_structures", (117, 36.6, 117.1, 36.7), 2, street_office="A", on="2022-01-01"
    )
    assert found["tiles"] == "/tiles/illegal_structures/{z}/{x}/{y}.mvt?street_office=A&on=2022-01-01"
    assert client.get(found["tiles"].format(z=9, x=422, y=199)).status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        "bbox=1,2,3",
        "bbox=a,b,c,d",
        "bbox=2,1,1,2",
        "bbox=nan,1,1,2",
        "few=0&bbox=1,1,2,2",
        "few=x",
        "few=2001",
        "fine=100",  # of outlines that others have drawn nothing is left out
    ],
)
def test_a_view_that_cannot_be_is_refused(client, asked):
    assert client.get(f"/map/compounds.geojson?{asked}").status_code == 400


def test_outlines_are_as_fine_as_is_asked_for(client):
    plain, coarse = (
        client.get(f"/map/street_offices.geojson{asked}").get_json(force=True) for asked in ("", "?fine=100")
    )
    assert "fine" not in plain and coarse["fine"] == pytest.approx(0.03 / 100)
    for one, other in zip(plain["features"], coarse["features"], strict=True):
        assert one["properties"] == other["properties"]
        shapes = [shapely.geometry.shape(f["geometry"]) for f in (one, other)]
        assert shapely.hausdorff_distance(*shapes) < 2 * coarse["fine"]
    for asked in ("fine=0", "fine=4001", "fine=x", "fine="):
        assert client.get(f"/map/street_offices.geojson?{asked}").status_code == 400


def asked_first(client, page):
    """Return what a page asks for before its script runs, by layer, with the answers."""
    text = client.get(page).text
    told = json.JSONDecoder().raw_decode(re.search(r"config: (\{.*)", text)[1])[0]["first"]
    links = [unescape(link) for link in re.findall(r'<link rel="preload" as="fetch" href="([^"]*)"', text)]
    assert links == [first["url"] for first in told.values()]
    return {layer: (first, client.get(first["url"]).get_json(force=True)) for layer, first in told.items()}


def test_the_page_asks_for_the_whole_district_before_its_script_runs(client):
    asked = asked_first(client, "/?plan_year=2022&layers=compounds,street_offices,facilities")
    assert asked.keys() == {"compounds", "street_offices", "facilities"}
    first, answer = asked["compounds"]
    planned = {f["properties"]["code"] for f in COMPOUNDS if f["properties"].get("plan_year") == 2022}
    assert answer["whole"] is True and codes(answer) == planned
    west, south, east, north = first["box"]
    assert (west, east) == pytest.approx((117.0 - 0.06, 117.03 + 0.06))
    assert (south, north) == pytest.approx((36.6 - 0.06, 36.61 + 0.06))
    assert asked["street_offices"][0]["box"] is None and "fine" in asked["street_offices"][1]
    usual = asked_first(client, "/")
    assert usual.keys() == {"compounds", "illegal_structures", "street_offices", "backdrop"}
    assert codes(usual["illegal_structures"][1]) == meeting(STRUCTURES, (116, 36, 118, 37))


def test_where_the_address_names_a_place_only_the_browser_knows_the_view(client):
    for named in ("at=117,36.6,15", "compound=K01"):
        asked = asked_first(client, f"/?{named}")
        assert asked.keys() == {"street_offices", "backdrop"}
        assert "fine" not in asked["street_offices"][1]


def test_the_list_is_read_page_by_page(client, monkeypatch):
    from webmap import districtmap

    monkeypatch.setattr(districtmap, "MOST_LISTED", 4)
    found, after = [], ""
    while True:
        page = client.get(f"/map/compounds.json?after={after}").json
        found += page["rows"]
        if not page["more"]:
            break
        assert len(page["rows"]) == 4
        after = page["rows"][-1]["code"]
    assert [row["code"] for row in found] == [f["properties"]["code"] for f in COMPOUNDS]
    here = client.get(
        "/map/compounds.json", query_string={"bbox": ",".join(map(str, HERE)), "plan_year": 2021}
    )
    assert [(row["code"], row["stage"]) for row in here.json["rows"]] == [
        ("K01", "handover"),
        ("K02", "acceptance"),
    ]
    assert here.json["more"] is False


def first_of(client, layer="illegal_structures", **headers):
    """Return what a page tells of its first question for a layer, and the page."""
    text = client.get("/", headers=headers).text
    return json.JSONDecoder().raw_decode(re.search(r"config: (\{.*)", text)[1])[0]["first"][layer], text


def test_what_was_said_of_tiles_is_told_by_the_page_while_it_holds(make_app, desk, monkeypatch):
    monkeypatch.setattr(viewing, "FEW", 2)
    client = make_app(desk.store, LOCAL_ROLE="bureau").test_client()
    first, page = first_of(client)
    assert first["said"] is None and first["url"] in map(unescape, re.findall(r'href="([^"]*)"', page))
    answer = client.get(first["url"]).get_json(force=True)
    told, page = first_of(client)
    assert told["said"] == {name: answer[name] for name in ("whole", "bounds", "tiles")}
    assert first["url"] not in map(unescape, re.findall(r'href="([^"]*)"', page))
    # Who sees less is told nothing of it, nor is anybody after an edit.
    assert first_of(client, Via="1.1 proxy")[0]["said"] is None
    desk.load("illegal_structures", [feature(point(117.09, 36.66), code="S99", state="closed")])
    assert first_of(client)[0]["said"] is None
    assert client.get(first["url"]).get_json(force=True)["bounds"] != answer["bounds"]
    assert first_of(client)[0]["said"]["bounds"] != answer["bounds"]


def test_the_program_that_draws_tiles_is_asked_for_where_it_is_needed(make_app, desk, monkeypatch):
    client = make_app(desk.store, LOCAL_ROLE="bureau").test_client()

    def is_asked(page):
        return bool(re.search(r'<link rel="preload" as="script" href="[^"]*protomaps', client.get(page).text))

    assert not is_asked("/")
    monkeypatch.setattr(viewing, "FEW", 2)
    assert is_asked("/") and is_asked("/?layers=illegal_structures")
    for few in (
        "/?layers=street_offices",
        "/?code=K01&layers=compounds",
        "/?at=117,36.6,15",
        "/?compound=K01",
    ):
        assert not is_asked(few)


def told_to_map(client, page="/"):
    """Return what a page tells the map's script."""
    return json.JSONDecoder().raw_decode(re.search(r"config: (\{.*)", client.get(page).text)[1])[0]


def test_few_street_offices_are_sent_whole_and_listed(client):
    told = told_to_map(client)
    assert told["viewed"] == dict.fromkeys(("compounds", "illegal_structures", "facilities"), {"few": 2000})
    assert '<select id="street_office"' in client.get("/").text


def test_of_many_street_offices_a_view_outlines_what_it_holds_and_none_is_listed(client, monkeypatch):
    monkeypatch.setattr(viewing, "MOST_OFFICES", 2)
    told, text = told_to_map(client), client.get("/?street_office=A").text
    assert told["viewed"]["street_offices"] == {"few": 2, "fine": viewing.FINEST}
    first = told["first"]["street_offices"]
    crowded = client.get(first["url"]).get_json(force=True)
    assert (crowded["crowded"], crowded["whole"], crowded["features"]) == (True, False, [])
    # From then on the page tells so itself.
    assert told_to_map(client)["first"]["street_offices"]["said"] == {"crowded": True, "whole": False}
    here = sent(client, "street_offices", (117.001, 36.601, 117.012, 36.602), 2, fine=100)
    assert (codes(here), here["whole"], here["fine"]) == ({"A", "B"}, False, pytest.approx(0.011 / 100))
    assert "crowded" not in here and all("label_at" in f["properties"] for f in here["features"])
    assert '<select id="street_office"' not in text
    assert re.search(r'<input type="search" id="street_office"[^>]* value="A"', text)
