import json
import re
from datetime import date
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
import shapely
from builders import put_district
from desk import Desk, feature, point, square
from small_district import SUMMER, fill
from sqlalchemy import select, update

from layers import duty, progress, tables
from layers.people import OPERATOR
from layers.stages import STAGES, StageRow
from webmap import access

CHECKOUT = Path(__file__).resolve().parent.parent

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
        ("/?border=0", "不跨界的小区"),
        ("/?outside_plan=2021", "不在 2021 年计划内"),
        ("/?without_sites=1", "没有小区的街道办事处"),
    ],
)
def test_filters_that_come_by_a_link_are_named_and_can_be_removed(client, address, says):
    page = client.get(address + "&plan_year=2022").text
    chip = re.search(rf'<li><a href="([^"]+)"[^>]*>{says}', page)
    assert chip[1] == "/?plan_year=2022"


def config(page):
    """Return what the page tells the map's script."""
    return json.JSONDecoder().raw_decode(re.search(r"config: (\{.*)", page)[1])[0]


def asked_of_map(page, layer):
    """Return the address the map's script asks for a layer of this page, as the map's script makes it."""
    told = config(page)
    view = parse_qs(urlsplit(unescape(re.search(r'href="([^"]*)" hreflang', page)[1])).query)
    followed = {**told["filters"][layer], "on": "on"}
    asked = {its: view[name][0] for name, its in followed.items() if name in view}
    return f"{told['addresses']['layers'][layer]}?{urlencode(asked)}"


def exports_of(page):
    """Return layer → address of the export links."""
    links = re.findall(r'href="([^"]+)"', re.search(r'id="exports".*?</div>', page, re.DOTALL)[0])
    return {re.match(r"/export/(\w+)\.geojson", link)[1]: unescape(link) for link in links}


def rail_count(page, layer, state):
    """Return how many of a layer the rail says are shown."""
    if layer == "compounds":
        return int(re.search(r'id="summary".*?<strong>([\d,]+)', page, re.DOTALL)[1].replace(",", ""))
    counted = counts(page)
    return counted[state or "structures"]


ASKED = [
    ("plan_year", "2022"),
    ("plan_year", "none"),
    ("outside_plan", "2022"),
    ("street_office", "OFFICE"),
    ("street_office", "none"),
    ("stage", "construction"),
    ("stage", "not_begun"),
    ("built_before", "2000"),
    ("built_before", "1985"),
    ("uncovered", "小学"),
    ("border", "1"),
    ("border", "0"),
    ("without_sites", "1"),
    ("without_sites", "0"),
    ("state", "demolished"),
    ("code", "XQ0013"),
    ("text", "小"),
    ("text", "路"),
    ("late", "1"),
    ("late", "0"),
    ("work_category", "基础类"),
    ("work_category", "没有"),
    ("lateness", "late_90"),
    ("lateness", "none"),
    ("cleared", "cleared_all"),
    ("cleared_area", "cleared_80"),
    ("work_categories", "基础类、完善类"),
    ("work_categories", "none"),
    ("on", "2021-06-30"),
    ("plan_year=2022&stage=tender&state", "ordered"),
]


def test_every_filter_of_the_page_is_tried():
    assert {name for name, _ in ASKED} - {"on"} >= access.PAGE_FILTERS


@pytest.mark.parametrize("role", [None, "bureau"])
@pytest.mark.parametrize(("name", "value"), ASKED)
def test_rail_map_and_export_say_the_same(make_app, sample_store, name, value, role):
    client = make_app(sample_store, LOCAL_ROLE=role).test_client()
    if value == "OFFICE":
        value = sample_store.frame(select(tables.street_offices.c.code))[3]["code"]
    page = client.get(f"/?{name}={quote(value)}&lang=en").text
    state = value if name.endswith("state") else None
    exports = exports_of(page)
    assert set(exports) == set(LAYERS[:4])
    for layer, export in exports.items():
        shown, written = (
            json.loads(client.get(address).data) for address in (asked_of_map(page, layer), export)
        )
        assert shown["numberMatched"] == written["numberMatched"], layer
        assert [f["id"] for f in shown["features"]] == [f["id"] for f in written["features"]]
        if layer in ("compounds", "illegal_structures"):
            assert shown["numberMatched"] == rail_count(page, layer, state)


@pytest.mark.parametrize("query", ["kind=小学", "area=1"])
def test_a_filter_that_no_layer_of_the_page_follows_is_refused(client, query):
    assert client.get("/?" + query).status_code == 400


@pytest.mark.parametrize(("name", "value"), [a for a in ASKED if "&" not in a[0] and a[1] != "OFFICE"])
def test_every_filter_has_a_control_that_shows_it_or_a_chip(client, name, value):
    page = client.get("/", query_string={name: value}).text
    chip = f'<input type="hidden" name="{name}" value="{value}">'
    control = (
        rf'value="{value}" (?:checked|selected)|<option selected>{value}<|name="text"[^>]* value="{value}"'
    )
    shown = (chip in page, bool(re.search(control, page)))
    assert shown == ((True, False) if name == "on" else shown) and sum(shown) == 1


@pytest.mark.parametrize(
    "asked", ["border=1", "text=路", "uncovered=小学", "code=XQ0013", "cleared=cleared_all"]
)
def test_structures_are_those_inside_the_compounds_asked_for(make_app, sample_store, asked):
    client = make_app(sample_store, LOCAL_ROLE="bureau").test_client()
    inside = sample_store.frame(select(tables.places))
    codes = {f["id"] for f in client.get(f"/map/compounds.geojson?{asked}").get_json(force=True)["features"]}
    address = asked_of_map(client.get(f"/?{asked}&lang=en").text, "illegal_structures")
    shown = {f["id"] for f in client.get(address).get_json(force=True)["features"]}
    assert shown == {row["code"] for row in inside if row["compound_code"] in codes}
    assert 0 < len(codes) < 240 and shown


@pytest.mark.parametrize("name", ["lateness", "cleared_area", "cleared", "work_categories"])
def test_the_legend_filters_by_the_classes_it_counts(make_app, sample_store, name):
    client = make_app(sample_store, LOCAL_ROLE="bureau").test_client()
    told = client.get(f"/map/classes.json?colour={name}").json
    before = client.get(f"/?colour={name}&lang=en").text
    for place, code in enumerate(told["classes"]):
        page = client.get("/", query_string={"colour": name, name: code, "lang": "en"}).text
        whole = {c for c, its in told["of"].items() if its == place}
        assert rail_count(page, "compounds", None) == len(whole) > 0
        query = {name: code}
        found = client.get("/map/compounds.geojson", query_string=query).get_json(force=True)["features"]
        assert {f["id"] for f in found} == whole
        assert f'name="{name}" value="{code}" checked' in page
        assert '<ul id="chips" class="chips" data-live><li class="every">' in page
        # The other classes keep their counts.
        assert re.findall(r'id="count-' + name + r"-\d+\".*?</span></label>", page, re.DOTALL) == re.findall(
            r'id="count-' + name + r"-\d+\".*?</span></label>", before, re.DOTALL
        )


def test_what_is_cleared_is_asked_for_as_far_as_it_is_seen(make_app, store, tmp_path):
    desk = Desk(store, tmp_path)
    fill(desk)
    bureau, visitor = (make_app(store, LOCAL_ROLE=role).test_client() for role in ("bureau", None))
    address = "/map/compounds.geojson?cleared=cleared_nothing"
    answers = [who.get(address) for who in (bureau, visitor)]
    codes = [[f["id"] for f in answer.get_json(force=True)["features"]] for answer in answers]
    assert codes == [["K05", "K07", "K09"], ["K05", "K09"]]
    # Nobody has seen the case that is not published yet; it changes nothing for a visitor.
    desk.load("illegal_structures", [feature(point(117.0155, 36.6075), code="S13", state="found")])
    again = [
        who.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code
        for who, answer in zip((bureau, visitor), answers, strict=True)
    ]
    assert again == [200, 304]
    desk.load("illegal_structures", [feature(point(117.0405, 36.6045), code="S09", state="closed")])
    for who in (bureau, visitor):
        left = who.get(address).get_json(force=True)["features"]
        assert "K09" not in {f["id"] for f in left}


def test_the_states_of_the_rail_add_up_to_all(make_app, store):
    put_district(store)
    for role in (None, "bureau"):
        page = make_app(store, LOCAL_ROLE=role).test_client().get("/?lang=en").text
        part = re.search(r'<fieldset class="legend states">.*?</fieldset>', page, re.DOTALL)[0]
        everything, *states = (int(number) for number in re.findall(r"<b>(\d+)</b>", part))
        assert sum(states) == everything == (2 if role is None else 4)
        assert ('<span class="name">unknown</span>' in part) == (role == "bureau")


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
        "lateness=late_1",
        "cleared=area_unknown",
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


SWITCH = re.compile(r'data-layer="(\w+)" (checked )?disabled')


@pytest.mark.parametrize(
    ("view", "on"),
    [
        ("", {"compounds", "illegal_structures", "street_offices", "backdrop"}),
        ("?layers=compounds,facilities", {"compounds", "facilities"}),
        ("?layers=", set()),
    ],
)
def test_the_switches_say_what_the_view_shows_before_any_script_runs(client, view, on):
    switches = SWITCH.findall(client.get("/" + view).text)
    assert {name for name, _ in switches} == set(LAYERS)
    assert {name for name, checked in switches if checked} == on


def test_the_last_stage_has_no_next_to_wait_for(client):
    page = client.get("/?lang=en").text
    told = dict(re.findall(r'id="count-(\w+)" data-live>(.*?)</span></label>', page, re.DOTALL))
    assert "✓" in told["construction"] and "✓" not in told["handover"]
    features = client.get("/map/compounds.geojson").get_json(force=True)["features"]
    ticked = {f["properties"]["stage"] for f in features if f["properties"]["finished"]}
    assert "construction" in ticked and "handover" not in ticked
    stages = {f["properties"]["stage"]: f for f in features if f["properties"]["finished"]}
    stages["handover"] = next(f for f in features if f["properties"]["stage"] == "handover")
    headings = {
        stage: re.search(r'id="stage-title">(.*?)</h2>', client.get(f"/compounds/{f['id']}").text)[1]
        for stage, f in stages.items()
    }
    assert [stage for stage, heading in headings.items() if not heading.endswith(" ✓")] == ["handover"]


@pytest.mark.parametrize(("language", "unknown"), [("zh", "未知"), ("en", "unknown")])
def test_a_sum_of_which_nothing_is_known_is_unknown_and_not_nothing(
    make_app, store, tmp_path, language, unknown
):
    fill(Desk(store, tmp_path))
    with store.writing(OPERATOR) as work:
        structures = tables.illegal_structures
        work.connection.execute(update(structures).where(structures.c.code == "S07").values(area_m2=None))
    client = make_app(store, LOCAL_ROLE="bureau").test_client()
    page = client.get(f"/?text=K08&lang={language}").text
    summary = re.search(r'<div id="summary".*?</div>', page, re.DOTALL)[0]
    assert len(re.findall(unknown, summary)) == 3
    assert not re.search(r"\b0\b", summary)
    page = client.get(f"/?text=K05&lang={language}").text
    rebuilt = re.search(r'id="count-rebuilt" data-live>(.*?)</span></label>', page)[1]
    assert rebuilt == f"<small>{unknown}</small><b>1</b>"
    panel = client.get("/compounds/K08?part=panel").text
    short = re.search(r'<dl class="brief">.*?</dl>', panel, re.DOTALL)[0]
    assert re.findall(r"<dd>(.*?)</dd>", short) == [unknown, unknown, unknown, "1988"]
    inside = client.get("/compounds/K05?part=panel").text
    cleared = re.findall(r"<dt>[^<]*</dt><dd>(.*?)</dd>", inside.split('id="inside-title"')[1])[:2]
    assert "0 / 2" in cleared[0] and cleared[1] == unknown


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
    assert set(told[0]["properties"]) == {"code", "name", "stage", "finished", "late", "street_office_name"}


SCRIPT = "".join(
    path.read_text(encoding="utf-8") for path in sorted((CHECKOUT / "webmap/static/map").glob("*.js"))
)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_script_reads_every_field_it_is_sent(client, layer):
    features = client.get(f"/map/{layer}.geojson").get_json(force=True)["features"]
    sent = set().union(*(feature["properties"] for feature in features))
    assert [
        name for name in sent if not re.search(rf"\b(told|properties)\.{name}\b|\{{ {name} \}}", SCRIPT)
    ] == []


def test_the_script_reads_every_setting_and_text_it_is_told(client):
    told = config(client.get("/").text)
    assert [name for name in told if f"config.{name}" not in SCRIPT] == []
    assert [name for name in told["texts"] if f"texts.{name}" not in SCRIPT] == []


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


def change_compounds(desk):
    """Move a compound to another plan and another street office."""
    box = square(117.024, 36.604, 117.025, 36.605)
    desk.load("compounds", [feature(box, code="K06", name="新名", plan_year=2021, stage="survey")])


def change_street_offices(desk):
    """Make an edition active in which A and B have changed places."""
    names = {"A": 117.01, "B": 117.00, "C": 117.02}
    offices = [
        feature(square(west, 36.60, round(west + 0.01, 2), 36.61), code=code, name=f"新{code}")
        for code, west in names.items()
    ]
    desk.load("street_offices", offices)
    duty.activate(desk.store, OPERATOR)


def change_illegal_structures(desk):
    desk.load("illegal_structures", [feature(point(117.0302, 36.6045), code="S05", state="closed")])


def change_facilities(desk):
    """Let a school reach less far, and move it out of A."""
    desk.load("facilities", [feature(point(117.0145, 36.6045), code="school-1", kind="school", radius_m=90)])


def change_timetable(desk):
    plan = progress.Plan(2022, date(2022, 5, 30))
    progress.set_timetable(desk.store, OPERATOR, progress.Timetable((plan,), ()))


def change_stages(desk):
    with desk.store.writing(OPERATOR) as work:
        work.put_stages({"K05": [StageRow("construction", actual_start=date(2022, 6, 1))]})


def rename_facility(desk):
    rename(desk.store, "facilities", "market-1", "新菜场")


#: Questions about each layer; every change reaches the answer to one of them, if any.
QUESTIONS = {
    "compounds": ("", "uncovered=school"),
    "illegal_structures": ("", "plan_year=2022", "stage=demolition"),
    "street_offices": ("", "without_sites=1"),
    "facilities": ("", "street_office=A"),
}
#: Changes, and the layers whose answers stay what they are and are not sent again.
CHANGES = {
    change_compounds: {"facilities"},
    change_street_offices: set(),
    change_illegal_structures: {"compounds", "street_offices", "facilities"},
    change_facilities: set(),
    rename_facility: {"illegal_structures", "street_offices"},
    change_timetable: {"facilities"},
    change_stages: {"facilities"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_that_changes_is_never_taken_for_known(make_app, store, tmp_path, change):
    desk = Desk(store, tmp_path)
    fill(desk)
    progress.describe(store, OPERATOR, reference_date=SUMMER)
    client = make_app(store, LOCAL_ROLE="bureau").test_client()
    asked = [(f"/map/{layer}.geojson?{q}", layer) for layer, known in QUESTIONS.items() for q in known]
    asked += [(address.replace("map", "export", 1), layer) for address, layer in asked]
    asked += [("/map/overview.json", "overview")]
    before = {address: client.get(address) for address, _ in asked}
    assert {answer.status_code for answer in before.values()} == {200}
    change(desk)
    changed = set()
    for address, layer in asked:
        again = client.get(address, headers={"If-None-Match": before[address].headers["ETag"]})
        if client.get(address).data != before[address].data:
            changed.add(layer)
            assert again.status_code == 200, address
        if layer in CHANGES[change]:
            assert again.status_code == 304, address
    assert changed and changed.isdisjoint(CHANGES[change])
    layer = change.__name__.removeprefix("change_")
    assert layer in changed | {"timetable", "stages", "rename_facility"}


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


# -- panel


def test_the_panel_tells_stages_shares_and_structures(client):
    code = client.get("/map/compounds.geojson?border=1").get_json(force=True)["features"][0]["id"]
    whole = client.get(f"/compounds/{code}")
    panel = client.get(f"/compounds/{code}?part=panel").text
    told = [re.search(r"<article.*</article>", text, re.DOTALL)[0] for text in (panel, whole.text)]
    # The same but for the headings: the panel's stand under the map's own.
    assert told[0] == re.sub(r"(</?h)([12])", lambda found: found[1] + str(int(found[2]) + 1), told[1])
    assert f'href="/compounds/{code}"' in panel
    assert f'href="/?compound={code}"' in whole.text
    assert f'href="/compounds/{code}"' not in whole.text
    assert len(re.findall(r'<li class="(?:over|begun|ahead)', panel)) == 7
    shares = [float(share) for share in re.findall(r"<b>([\d.]+)%</b> <small>[\d,]+ ㎡", panel)]
    assert len(shares) == 2 and sum(shares) == pytest.approx(100, abs=0.11)
    assert "小区内的违法建设" in panel


def test_the_panel_begins_with_the_facts_in_short_and_who_answers(client):
    panel = client.get("/compounds/XQ0013?part=panel&lang=en").text
    parts = ("<h2", 'class="brief"', 'id="duty-title"', 'id="stage-title"', 'id="facts-title"')
    places = [panel.index(part) for part in parts]
    assert places == sorted(places)
    short = re.search(r'<dl class="brief">.*?</dl>', panel, re.DOTALL)[0]
    assert re.findall(r"<dt>(.*?)</dt>", short) == ["Floor area", "Households", "Buildings", "Year built"]
    assert all(panel.count(f"<dt>{name}</dt>") == 1 for name in ("Floor area", "Households", "Buildings"))


def test_the_office_that_answers_is_the_one_on_record_not_the_first_of_the_shares(client, sample_store):
    code = client.get("/map/compounds.geojson?border=1").get_json(force=True)["features"][0]["id"]
    duties, shares = tables.assignments, tables.shares.c
    first, second = sample_store.frame(
        select(shares.street_office_code).where(shares.code == code).order_by(shares.share.desc())
    )
    offices = client.get("/map/street_offices.geojson").get_json(force=True)["features"]
    names = {f["id"]: f["properties"]["name"] for f in offices}
    for office in (first, second):
        with sample_store.writing(OPERATOR) as work:
            mine = update(duties).where(duties.c.layer == "compounds", duties.c.code == code)
            work.connection.execute(mine.values(office))
        panel = client.get(f"/compounds/{code}?lang=en").text
        answering = re.findall(r"<li>(?:(?!</li>).)*answers for it", panel)
        assert len(answering) == 1 and names[office["street_office_code"]] in answering[0]


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
        r"<nav class=\"languages\".*?</nav>|<option.*?</option>|<(a|h2|title|dd|li|th|td|cite)\b.*?</\1>"
        # The page of a compound is headed by its name; any other page by words.
        r"|(?<=data-code=\"XQ0013\")[^>]*>\s*<h1\b.*?</h1>",
        "",
        page,
        flags=re.DOTALL,
    )
    assert not re.findall(r"[\u4e00-\u9fff]+", left)
