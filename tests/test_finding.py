"""Search and what lies here, as the map asks for them."""

import pytest

from geo.pointing import BD09
from layers.people import OPERATOR
from layers.tables import compounds
from webmap.finding import system_label


@pytest.fixture
def app(make_app, sample_store):
    return make_app(sample_store)


@pytest.fixture
def client(app):
    return app.test_client()


def search(client, text, **more):
    return client.get("/map/search.json", query_string={"q": text, **more}).json


def middle(client, code="XQ0001"):
    west, south, east, north = search(client, code)["found"][0]["bounds"]
    return (west + east) / 2, (south + north) / 2


def test_search_finds_by_code_and_by_name_with_the_place(client):
    by_code = search(client, "xq0001")
    assert [found["code"] for found in by_code["found"] if found["layer"] == "compounds"] == ["XQ0001"]
    name = by_code["found"][0]["name"]
    by_name = search(client, name)
    assert "XQ0001" in [found["code"] for found in by_name["found"]]
    west, south, east, north = by_code["found"][0]["bounds"]
    assert west < east and south < north


def test_search_says_when_there_is_more(client):
    told = search(client, "XQ")
    assert (len(told["found"]), told["more"]) == (20, True)
    nothing = {"found": [], "more": False, "places": [], "outside": False}
    assert search(client, "") == search(client, "%") == nothing


def test_search_finds_in_every_layer_in_groups(client):
    order = ["compounds", "street_offices", "facilities", "illegal_structures"]
    found = search(client, "小")["found"]
    assert [f["layer"] for f in found] == sorted((f["layer"] for f in found), key=order.index)
    assert {f["group"] for f in search(client, "WJ0001")["found"]} == {"违法建设"}
    place = search(client, "号楼")["found"][-1]
    assert place["layer"] == "illegal_structures"
    begin, end = place["marked"]
    assert place["told"][begin:end] == "号楼"


def test_pinyin_finds_a_compound(client, sample_store):
    found = search(client, "stxq")["found"]
    assert "松涛西区" in [one["name"] for one in found]
    assert "松涛西区" in [one["name"] for one in search(client, "songtaoxiqu")["found"]]


def test_coordinates_are_offered_with_their_systems(client):
    lon, lat = middle(client)
    told = search(client, f"{lat:.6f}N {lon:.6f}E")
    assert not told["outside"]
    first = told["places"][0]
    assert first["system"] == "CGCS2000，经纬度"
    assert (first["lon"], first["lat"]) == (pytest.approx(lon, abs=1e-6), pytest.approx(lat, abs=1e-6))
    systems = client.get(f"/map/here.json?at={lon},{lat}").json["systems"]
    zone = search(client, f"4548: {systems[1]['text']}")["places"]
    assert [round(place["lon"], 6) for place in zone] == [round(lon, 6)]
    easting, northing = systems[1]["text"].split(", ")
    swapped = search(client, f"{northing} {easting}", lang="en")["places"]
    assert [p["system"] for p in swapped] == [
        "CGCS2000 3° zone 117°E (4548), northing or latitude first",
        "CGCS2000 6° zone 117°E (4509), northing or latitude first",
    ]
    beyond = search(client, "10, 50")
    assert (beyond["places"], beyond["outside"]) == ([], True)


def test_systems_are_named(app):
    with app.test_request_context("/?lang=en"):
        assert system_label("EPSG:4527") == "CGCS2000 3° zone 117°E, zone number first (4527)"
        assert system_label("EPSG:4498") == "CGCS2000 6° zone 117°E, zone number first (4498)"
        assert system_label(BD09) == "BD-09 (百度)"
        assert system_label("EPSG:4326") == "EPSG:4326"


@pytest.mark.parametrize(
    "path",
    [
        *("search.json?q=x&limit=3", "search.json?q=a%00b", "search.json?q=" + "a" * 101),
        *("here.json", "here.json?at=117", "here.json?at=117,36,1", "here.json?at=nan,36"),
        *("here.json?at=117,36&within=-1", "here.json?at=117,36&within=1e9", "here.json?at=117,36&x=1"),
        *("here.json?at=117,99", "here.json?at=117,36&at=117,36"),
    ],
)
def test_a_question_that_cannot_be_answered_is_an_error(client, path):
    answer = client.get(f"/map/{path}")
    assert answer.status_code == 400
    assert answer.json["detail"]


def test_what_lies_here_is_told_with_its_coordinates(client):
    lon, lat = middle(client)
    told = client.get(f"/map/here.json?at={lon},{lat}&within=2000&lang=en").json
    assert told["at"] == [lon, lat]
    assert "XQ0001" in [c["code"] for c in told["compounds"]]
    assert [s["system"] for s in told["systems"]] == [
        "CGCS2000, longitude and latitude",
        "CGCS2000 3° zone 117°E (4548)",
    ]
    assert told["systems"][0]["text"] == f"{lon:.6f}, {lat:.6f}"
    metres = [s["metres"] for s in told["illegal_structures"]]
    assert metres == sorted(metres)


def test_a_visitor_hears_of_no_unpublished_case(make_app, sample_store):
    bureau = make_app(sample_store, LOCAL_ROLE="bureau").test_client()
    visitor = make_app(sample_store).test_client()
    rows = bureau.get("/map/illegal_structures.geojson?state=found").json["features"]
    secret = rows[0]["properties"]["code"]
    lon, lat = rows[0]["geometry"]["coordinates"]
    assert [f["code"] for f in search(bureau, secret)["found"]] == [secret]
    assert search(visitor, secret)["found"] == []
    for client, seen in ((bureau, True), (visitor, False)):
        told = client.get(f"/map/here.json?at={lon},{lat}&within=5").json["illegal_structures"]
        assert (secret in [s["code"] for s in told]) is seen


def test_a_hostile_name_comes_as_data(client, sample_store):
    name = "<img src=x onerror=alert(1)>"
    with sample_store.writing(OPERATOR) as work:
        work.connection.execute(compounds.update().where(compounds.c.code == "XQ0001").values(name=name))
        work.bump("compounds")
    answer = client.get("/map/search.json?q=onerror")
    assert answer.mimetype == "application/json"
    assert answer.json["found"][0]["name"] == name
