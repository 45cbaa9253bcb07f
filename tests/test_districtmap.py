import json
import re

import pytest
import shapely
from sqlalchemy import update

from layers import tables
from layers.people import OPERATOR
from layers.stages import STAGES

HOSTILE = "<img src=x onerror=alert(1)>${1}`</script><script>alert(1)</script>"
LAYERS = ("compounds", "illegal_structures", "street_offices", "facilities", "backdrop")


@pytest.fixture
def app(make_app, sample_store):
    return make_app(sample_store)


@pytest.fixture
def client(app):
    return app.test_client()


def rename(store, layer, code, name):
    """Give one row another name, as a load would."""
    table = tables.FEATURES[layer]
    with store.writing(OPERATOR) as work:
        work.connection.execute(update(table).where(table.c.code == code).values(name=name))
        work.bump(layer)


def counts(page):
    """Return the legend's counts by stage, as the page shows them."""
    found = re.findall(r'id="count-(\w+)" data-live>(.*?)</span></label>', page, re.DOTALL)
    return {
        name: int(re.search(r"<b>([\d,]+)</b>", text)[1].replace(",", ""))
        for name, text in found
        if "<b>" in text
    }


# -- the page


def test_the_page_tells_the_counts_before_any_script_runs(client):
    page = client.get("/").text
    told = client.get("/map/overview.json").json
    assert "240 个小区" in page
    assert f"{told['matched']['floor_area_m2'] / 1e4:,.1f} 万㎡" in page
    assert sum(counts(page)[stage] for stage in STAGES) == 240


def test_the_plan_of_the_year_is_the_one_of_the_brief(client):
    page = client.get("/?plan_year=2022").text
    assert "27 个小区" in page
    assert "107.0 万㎡" in page
    english = client.get("/?plan_year=2022&lang=en").text
    assert "27 compounds" in english
    assert "1.07 million m²" in english


def test_a_stage_filter_leaves_the_legend_its_counts(client):
    before = counts(client.get("/").text)
    page = client.get("/?stage=construction").text
    assert counts(page)["handover"] == before["handover"]
    assert f"<strong>{before['construction']} 个小区" in page


def test_the_page_is_small_and_of_fixed_size(client):
    page = client.get("/").data
    assert len(page) <= 80_000
    assert b"XQ0001" not in page


def test_the_district_is_labelled_as_invented_and_the_day_is_said(client):
    page = client.get("/").text
    assert "虚构示例区" in page
    assert "2022年6月30日" in page
    assert "30 Jun 2022" in client.get("/?lang=en").text


@pytest.mark.parametrize("path", ["/", "/planning", "/compounds/XQ0001", "/?compound=XQ0001", "/nothing"])
def test_nothing_we_send_names_another_host(client, path):
    assert not re.findall(r"https?://", client.get(path).text)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/?uncovered=小学", "未被完全覆盖：小学"),
        ("/?border=1", "跨界小区"),
        ("/?without_sites=1", "没有小区的街道办事处"),
    ],
)
def test_filters_that_come_by_a_link_are_named_and_can_be_removed(client, address, says):
    page = client.get(address + "&plan_year=2022").text
    chip = re.search(rf'<li><a href="([^"]+)"[^>]*>{says}', page)
    assert chip[1] == "/?plan_year=2022"


def test_exports_are_of_what_is_shown(client):
    page = client.get("/?plan_year=2022&stage=tender&uncovered=小学&at=117,36,12").text
    exports = re.search(r'id="exports".*?</div>', page, re.DOTALL)[0]
    links = {link.split("?")[0]: link for link in re.findall(r'href="([^"]+)"', exports)}
    assert set(links) == {f"/export/{layer}.geojson" for layer in LAYERS[:4]}
    assert "uncovered=" in links["/export/compounds.geojson"]
    assert "plan_year=2022" in links["/export/illegal_structures.geojson"]
    assert "uncovered" not in links["/export/illegal_structures.geojson"]
    for link in links.values():
        assert "at=" not in link
        assert client.get(link.replace("&amp;", "&")).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "stage=begun",
        "plan_year=22",
        "street_office=0",
        "uncovered=x",
        "on=2022-02-30",
        "colour=red",
        "border=yes",
        "stage=survey&stage=design",
    ],
)
def test_what_cannot_be_asked_is_refused_on_page_and_layer(client, query):
    page = client.get("/?" + query)
    assert page.status_code == 400
    assert '<p class="status">400</p>' in page.text
    assert client.get("/map/compounds.geojson?" + query).status_code == 400


def test_a_filter_of_another_layer_is_no_error_on_the_page_but_one_on_the_layer(client):
    assert client.get("/?state=found").status_code == 200
    assert client.get("/map/compounds.geojson?state=found").status_code == 400


def test_an_empty_store_says_what_to_do_first(make_app):
    client = make_app().test_client()
    page = client.get("/")
    assert page.status_code == 200
    assert "flask load street_offices FILE" in page.text
    assert "flask sample" in client.get("/planning?lang=en").text


def test_the_rail_alone_holds_every_part_that_is_renewed(client):
    whole, rail = client.get("/").text, client.get("/?part=rail").text
    parts = set(re.findall(r'id="([\w-]+)"[^>]* data-live', rail))
    assert {"summary", "chips", "exports", "count-all", "count-survey"} <= parts
    assert parts == set(re.findall(r'id="([\w-]+)"[^>]* data-live', whole))
    assert "<html" not in rail


# -- layers


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_told_in_full(client, layer):
    answer = client.get(f"/map/{layer}.geojson")
    told = json.loads(answer.data)
    assert answer.mimetype == "application/geo+json"
    assert told["numberMatched"] == len(told["features"]) > 0


def test_compounds_carry_what_the_map_needs_and_no_more(client):
    told = json.loads(client.get("/map/compounds.geojson?plan_year=2022").data)["features"]
    assert len(told) == 27
    assert set(told[0]["properties"]) == {
        "code",
        "name",
        "stage",
        "finished",
        "late",
        "street_office_name",
        "border",
        "floor_area_m2",
        "households",
        "plan_year",
    }
    assert round(sum(f["properties"]["floor_area_m2"] for f in told)) == 1_070_000


def test_coordinates_are_rounded_to_six_decimals(client):
    shapes = client.get("/map/compounds.geojson").get_json(force=True)["features"]
    numbers = shapely.get_coordinates([shapely.geometry.shape(f["geometry"]) for f in shapes])
    assert abs(numbers - numbers.round(6)).max() < 1e-12


def test_street_offices_tell_their_compounds_and_where_their_name_goes(client):
    told = [f["properties"] for f in json.loads(client.get("/map/street_offices.geojson").data)["features"]]
    assert sum(office["compounds"] for office in told) == 239
    assert sum(office["compounds"] == 0 for office in told) == 2
    west, south = told[0]["label_at"]
    assert 117 < west < 118 and 36 < south < 37


def test_a_visitor_sees_published_structures_only(make_app, sample_store):
    visitor = make_app(sample_store).test_client()
    bureau = make_app(sample_store, LOCAL_ROLE="bureau").test_client()
    states = [
        {
            f["properties"]["state"]
            for f in json.loads(c.get("/map/illegal_structures.geojson").data)["features"]
        }
        for c in (visitor, bureau)
    ]
    assert states[1] - states[0] == {"found", "verified"}
    assert "count-found" not in visitor.get("/").text
    assert "count-found" in bureau.get("/").text
    tags = {c.get("/map/illegal_structures.geojson").headers["ETag"] for c in (visitor, bureau)}
    assert len(tags) == 2


def test_an_unchanged_layer_is_not_sent_again_and_a_changed_one_is(client, sample_store):
    first = client.get("/map/compounds.geojson")
    known = {"If-None-Match": first.headers["ETag"]}
    again = client.get("/map/compounds.geojson", headers=known)
    assert (again.status_code, again.data) == (304, b"")
    rename(sample_store, "compounds", "XQ0001", "新名")
    changed = client.get("/map/compounds.geojson", headers=known)
    assert changed.status_code == 200
    assert "新名" in changed.text


def test_another_day_has_another_tag(client):
    tags = {
        client.get(f"/map/compounds.geojson?on={day}").headers["ETag"] for day in ("2022-06-30", "2022-07-01")
    }
    assert len(tags) == 2


def test_an_unknown_layer_is_an_error_in_json(client):
    answer = client.get("/map/roads.geojson")
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"


def test_the_overview_says_the_same_as_the_page(client):
    told = client.get("/map/overview.json?plan_year=2022").json
    assert told["matched"]["compounds"] == 27
    assert told["on"] == "2022-06-30"
    page = counts(client.get("/?plan_year=2022").text)
    assert {s["stage"]: s["totals"]["compounds"] for s in told["stages"]}.items() <= page.items()


# -- search and panel


def test_search_finds_by_code_and_by_name_with_the_place(client):
    by_code = client.get("/map/search.json?q=xq0001").json
    assert [found["code"] for found in by_code["found"]] == ["XQ0001"]
    name = by_code["found"][0]["name"]
    by_name = client.get("/map/search.json", query_string={"q": name}).json
    assert "XQ0001" in [found["code"] for found in by_name["found"]]
    west, south, east, north = by_code["found"][0]["bounds"]
    assert 117 < west < east < 118 and 36 < south < north < 37


def test_search_says_when_there_is_more(client):
    told = client.get("/map/search.json?q=XQ").json
    assert (len(told["found"]), told["more"]) == (20, True)
    assert client.get("/map/search.json?q=").json == {"found": [], "more": False}
    assert client.get("/map/search.json?q=%25").json["found"] == []


def test_the_panel_tells_stages_shares_and_structures(client):
    code = client.get("/map/compounds.geojson?border=1").get_json(force=True)["features"][0]["id"]
    whole = client.get(f"/compounds/{code}")
    panel = client.get(f"/compounds/{code}?part=panel").text
    assert panel in whole.text
    assert len(re.findall(r'<li class="(?:over|begun|ahead)', panel)) == 7
    shares = [float(share) for share in re.findall(r"<b>([\d.]+)%</b> <small>[\d,]+ ㎡", panel)]
    assert len(shares) == 2 and sum(shares) == pytest.approx(100, abs=0.11)
    assert "小区内的违法建设" in panel


def test_the_panel_counts_the_structures_inside_by_number_and_by_area(make_app, sample_store):
    client = make_app(sample_store, LOCAL_ROLE="bureau").test_client()
    features = client.get("/map/compounds.geojson?stage=handover").get_json(force=True)["features"]
    panels = [client.get(f"/compounds/{f['id']}?part=panel&lang=en").text for f in features]
    told = [
        re.findall(
            r"Cleared by [^<]+</dt><dd>.*?([\d.]+)%</b> <span class=\"of\">([\d,]+) / ([\d,]+)<", p, re.DOTALL
        )
        for p in panels
    ]
    rates = [rate for both in told for rate in both]
    assert len(rates) > 100
    for percent, part, whole in rates:
        part, whole = (int(n.replace(",", "")) for n in (part, whole))
        assert float(percent) == pytest.approx(100 * part / whole, abs=1.1)


def test_an_unknown_compound_is_not_found(client):
    assert client.get("/compounds/nothing").status_code == 404
    assert client.get("/?compound=nothing").status_code == 404


@pytest.mark.parametrize("layer", ["compounds", "street_offices"])
def test_a_hostile_name_is_text_wherever_it_is_shown(client, sample_store, layer):
    codes = {"compounds": "XQ0013"}
    code = (
        codes.get(layer)
        or client.get("/map/street_offices.geojson").get_json(force=True)["features"][0]["id"]
    )
    rename(sample_store, layer, code, HOSTILE)
    pages = ["/?compound=XQ0013", "/compounds/XQ0013", "/planning", "/?part=rail"]
    texts = [client.get(page).text for page in pages]
    assert any("&lt;img src=x" in text for text in texts)
    for text in texts:
        assert "<img" not in text
        assert "<script>alert" not in text
    told = client.get(f"/map/{layer}.geojson").get_json(force=True)
    assert HOSTILE in [feature["properties"]["name"] for feature in told["features"]]


# -- language


def test_chinese_unless_asked_and_the_answer_is_remembered(client):
    assert 'lang="zh-CN"' in client.get("/", headers={"Accept-Language": "en"}).text
    answer = client.get("/?lang=en")
    assert "Lax" in answer.headers["Set-Cookie"]
    assert '<html lang="en">' in client.get("/").text
    assert '<html lang="zh-CN">' in client.get("/?lang=zh").text


def test_the_language_of_the_first_reader_does_not_stick(client):
    chinese, english, again = (client.get(f"/?lang={code}").text for code in ("zh", "en", "zh"))
    assert "违法建设" in chinese and "Illegal structures" not in chinese
    assert "Illegal structures" in english and "违法建设" not in english
    assert "违法建设" in again


def test_the_link_to_the_other_language_keeps_the_view(client):
    page = client.get("/?plan_year=2022&stage=tender&at=117.1,36.6,14").text
    link = re.search(r'<a href="([^"]+)" hreflang="en"', page)[1].replace("&amp;", "&")
    other = client.get(link).text
    assert '<html lang="en">' in other
    assert re.search(r'value="tender" checked', other)
    assert "at=117.1,36.6,14" in link.replace("%2C", ",")


@pytest.mark.parametrize("path", ["/", "/planning", "/compounds/XQ0013", "/nothing"])
def test_an_english_page_holds_no_chinese_but_names(client, path):
    page = client.get(path + "?lang=en").text
    left = re.sub(
        r"<nav class=\"languages\".*?</nav>|<option.*?</option>|<(a|h2|title|dd|li|th|td)\b.*?</\1>",
        "",
        page,
        flags=re.DOTALL,
    )
    assert not re.findall(r"[\u4e00-\u9fff]+", left)
