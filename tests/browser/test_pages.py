"""What a person does on the pages, in a real browser: nothing foreign asked, nothing in the console."""

import json
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import shapely
from desk import Desk, feature
from playwright.sync_api import Error, expect
from sqlalchemy import select, update
from visits import DESK, PHONE, colours_at, distance, inside, pixels, spot

from layers import tables
from layers.people import OPERATOR

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("visit", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_asks_nobody_else_and_fits_its_window(visit, language):
    paths = ("/", "/?compound=XQ0013", "/planning", "/compounds/XQ0013", "/duties", "/editions")
    paths += ("/duties?layer=illegal_structures", "/duties/compounds/XQ0013", "/duties/compounds/XQ0001")
    paths += (
        "/sheets",
        "/sheets/progress",
        "/sheets/progress/rows?column=start_rate",
        "/assessment",
        "/charts",
        "/planning/coverage?kind=小学",
        "/wallmap",
    )
    for path in paths:
        page = visit.go(f"{path}{'&' if '?' in path else '?'}lang={language}")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path


def test_an_error_page_asks_nobody_else(visit):
    page = visit.go("/nothing")
    expect(page.locator("h1")).to_be_visible()
    visit.complaints = [c for c in visit.complaints if "404" not in c]  # the browser says so itself


def test_the_map_is_drawn_in_the_colours_of_the_stages(visit):
    page = visit.go("/?at=117.3,36.2,13.5")
    colours = pixels(page)
    assert len(colours) > 20
    near = [min(distance(stage, c) for c in colours) for stage in ("#3b8bc2", "#1b7a3d", "#d9d9d9")]
    assert max(near) <= 40


def test_structures_are_on_the_map_from_the_first_view_and_leave_compounds_their_clicks(visit):
    page = visit.go("/?lang=en")
    rebuilt = page.request.get(f"{visit.address}/export/illegal_structures.geojson?state=rebuilt").json()
    places = [structure["geometry"]["coordinates"] for structure in rebuilt["features"]]

    def dots():
        return sum(distance("#5e2a84", colour) <= 40 for colour in colours_at(page, places))

    assert dots() > 0.6 * len(places) > 10
    page.locator("[data-layer=illegal_structures]").uncheck()
    page.wait_for_timeout(300)
    assert dots() == 0
    page.locator("[data-layer=illegal_structures]").check()
    told = page.request.get(f"{visit.address}/export/illegal_structures.geojson?stage=construction").json()
    features = page.request.get(f"{visit.address}/map/compounds.geojson").json()["features"]
    rims = {f["id"]: shapely.geometry.shape(f["geometry"]).boundary for f in features}

    def depth(structure):
        """Return how deep inside its compound a structure lies: from afar a click is not exact."""
        at = shapely.geometry.shape(structure["geometry"])
        return rims[structure["properties"]["compound_code"]].distance(at)

    structure = max(told["features"], key=depth)
    page.mouse.click(*spot(page, *structure["geometry"]["coordinates"]))
    expect(page.locator("#panel .code")).to_contain_text(structure["properties"]["compound_code"])


def test_a_filter_that_came_by_a_link_brings_what_it_leaves_into_view(visit):
    page = visit.go("/?lang=en")
    whole = page.evaluate("map_district.getZoom()")
    page = visit.go("/?street_office=none&lang=en")
    east, north, zoom = (float(part) for part in visit.filters()["at"].split(","))
    assert zoom > whole + 0.5
    left = page.request.get(f"{visit.address}/map/compounds.geojson?street_office=none").json()["features"]
    assert len(left) == 1
    place = inside(page, left[0]["id"])
    assert abs(east - place[0]) < 0.002 and abs(north - place[1]) < 0.002
    assert "#16202a" in pixels(page, "offices")
    page = visit.go("/?street_office=none&lang=en&at=117.3,36.2,12")
    assert visit.filters()["at"] == "117.3,36.2,12"
    page = visit.go("/?lang=en")
    assert "#16202a" not in pixels(page, "offices")


def test_no_name_lies_on_another_one(visit):
    page = visit.go("/?lang=zh&at=117.3,36.2,15.5")
    boxes = page.evaluate(
        """[...document.querySelectorAll(".office span, .place span")]
           .filter((text) => text.style.visibility !== "hidden").map((text) => {
             const { left, top, right, bottom } = text.getBoundingClientRect();
             return [left, top, right, bottom]; })"""
    )
    names = [shapely.box(*box) for box in boxes]
    assert len(names) > 50
    assert [(i, j) for i, one in enumerate(names) for j in range(i) if one.intersects(names[j])] == []


def test_a_small_compound_is_never_hidden_under_a_larger_one(visit, sample_store):
    small, large = "XQ0002", "XQ0001"
    c = tables.compounds.c
    with sample_store.writing(OPERATOR) as work:
        read = select(c.wkb).where(c.code == small)
        around = shapely.from_wkb(work.connection.execute(read).scalar_one()).buffer(0.01).wkb
        work.connection.execute(update(tables.compounds).where(c.code == large).values(wkb=around))
        work.bump("compounds")
    page = visit.go("/?lang=en")
    place = inside(page, small)
    page = visit.go(f"/?lang=en&at={place[0]},{place[1]},14&compound={large}")
    page.mouse.click(*spot(page, *place))
    expect(page.locator("#panel .code")).to_contain_text(small)


def test_a_stage_of_the_legend_filters_and_lets_go_again(visit):
    page = visit.go("/?lang=en")
    summary = page.locator("#summary strong")
    expect(summary).to_have_text("240 compounds")
    count = page.locator("#count-construction b").inner_text()
    page.locator("label.row", has_text="Construction").click()
    expect(summary).to_have_text(f"{count} compounds")
    assert visit.filters()["stage"] == "construction"
    expect(page.locator("#exports a").first).to_have_attribute("href", re.compile("stage=construction"))
    assert page.locator("#count-handover b").inner_text() != "0"
    page.locator("label.row", has_text="Construction").click()
    expect(summary).to_have_text("240 compounds")
    assert "stage" not in visit.filters()


def test_the_filters_add_up_and_the_link_reproduces_the_view(visit):
    page = visit.go("/?lang=zh")
    page.select_option("#plan_year", "2022")
    expect(page.locator("#summary strong")).to_have_text("27 个小区")
    count = page.locator("#count-tender b").inner_text()
    page.locator("label.row", has_text="招投标").click()
    expect(page.locator("#summary strong")).to_have_text(f"{count} 个小区")
    page.locator("[data-layer=facilities]").check()
    page.locator("[data-patterns]").check()
    page.locator(".leaflet-control-zoom-in").click()
    expect(page).to_have_url(re.compile("at="))
    page.wait_for_load_state("networkidle")
    told, link = page.locator("#summary").inner_text(), page.url
    second = page.context.new_page()
    second.goto(link, wait_until="networkidle")
    assert second.locator("#summary").inner_text() == told
    assert second.locator("[data-layer=facilities]").is_checked()
    assert second.locator("[data-patterns]").is_checked()
    assert second.locator("input[name=stage][value=tender]").is_checked()
    assert second.locator(".facility").count() > 0
    assert urlsplit(second.url).query == urlsplit(link).query


def test_what_was_wanted_before_is_not_drawn_when_it_comes_late(visit):
    page = visit.go("/?lang=en")
    page.locator("#list summary").click()
    expect(page.locator("#list-rows tr")).to_have_count(240)
    late = []
    page.route("**/map/compounds.geojson?plan_year=2022*", lambda route: late.append(route))
    with page.expect_request("**/map/compounds.geojson?plan_year=2022*"):
        page.select_option("#plan_year", "2022")
    page.select_option("#plan_year", "")
    expect(page.locator("#summary strong")).to_have_text("240 compounds")
    for route in late:
        with suppress(Error):  # nobody waits for it any more
            route.continue_()
    page.wait_for_timeout(1000)
    expect(page.locator("#list-rows tr")).to_have_count(240)
    page.unroute("**/map/compounds.geojson?plan_year=2022*")
    page.select_option("#plan_year", "2022")
    expect(page.locator("#list-rows tr")).to_have_count(27)


def test_a_search_that_was_wiped_out_lists_nothing(visit):
    page = visit.go("/?lang=en")
    held = []
    page.route("**/map/search.json*", lambda route: held.append(route))
    with page.expect_request("**/map/search.json*"):
        page.locator("#search").fill("XQ001")
    page.locator("#search").fill("")
    page.wait_for_timeout(300)
    for route in held:
        with suppress(Error):
            route.continue_()
    page.wait_for_timeout(500)
    expect(page.locator("#found")).to_be_hidden()


def test_search_by_keyboard_opens_the_panel_and_escape_gives_the_keyboard_back(visit):
    page = visit.go("/?lang=en")
    box = page.locator("#search")
    box.focus()
    page.keyboard.type("XQ001")
    expect(page.locator("#found [role=option]")).to_have_count(10)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("#found [aria-selected=true]")
    expect(chosen).to_have_count(1)
    name = chosen.locator("span").first.inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_have_text(name)
    expect(page.locator("#panel h2")).to_be_focused()
    assert visit.filters()["compound"].startswith("XQ001")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(box).to_be_focused()
    assert "compound" not in visit.filters()


def test_search_says_when_nothing_is_found(visit):
    page = visit.go("/?lang=en")
    page.locator("#search").fill("zzzz")
    expect(page.locator("#found .note")).to_have_text(re.compile("^Nothing is called so"))


def test_a_click_on_a_compound_opens_its_panel(visit):
    page = visit.go("/?compound=XQ0013&lang=en")
    name = page.locator("#panel h2").inner_text()
    page.locator("#panel-close").click()
    expect(page.locator("#panel")).to_be_hidden()
    west, south, east, north = page.evaluate(
        "document.querySelector('#panel-body article').dataset.bounds.split(',').map(Number)"
    )
    page.mouse.click(*spot(page, (west + east) / 2, (south + north) / 2))
    expect(page.locator("#panel")).to_be_visible()
    assert page.locator("#panel h2").inner_text() == name


def test_the_list_tells_what_the_map_shows_and_opens_the_panel(visit):
    page = visit.go("/?plan_year=2022&lang=en")
    page.locator("#list summary").click()
    rows = page.locator("#list-rows tr")
    expect(rows).to_have_count(27)
    button = rows.first.locator("button")
    name = button.inner_text()
    button.press("Enter")
    expect(page.locator("#panel h2")).to_have_text(name)


def test_the_language_changes_and_the_view_stays(visit):
    page = visit.go("/?lang=zh&plan_year=2022")
    page.locator("label.row", has_text="施工").click()
    expect(page).to_have_url(re.compile("stage=construction"))
    page.wait_for_load_state("networkidle")
    page.get_by_role("link", name="English").click()
    page.wait_for_load_state("networkidle")
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.locator("input[name=stage][value=construction]")).to_be_checked()
    expect(page.locator("#plan_year")).to_have_value("2022")


def test_another_day_is_shown(visit):
    page = visit.go("/?lang=en&plan_year=2021")
    page.locator("#on").fill("2020-01-01")
    page.locator("#on").dispatch_event("change")
    page.wait_for_url(re.compile("on=2020-01-01"))
    page.wait_for_load_state("networkidle")
    expect(page.locator(".on .day")).to_have_text("1 Jan 2020")
    expect(page.locator("#count-not_begun b")).to_have_text("48")


def test_the_planning_page_has_the_same_calendar(visit):
    page = visit.go("/planning?lang=en")
    expect(page.locator(".on .day")).to_have_text("30 Jun 2022")
    page.locator("#on").fill("2020-01-01")
    page.locator("#on").dispatch_event("change")
    page.wait_for_url(re.compile("on=2020-01-01"))
    expect(page.locator(".on .day")).to_have_text("1 Jan 2020")


def test_every_control_can_be_reached_by_keyboard_and_shows_it(visit):
    page = visit.go("/?lang=en")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        told = page.evaluate(
            """() => {
              const e = document.activeElement;
              const seen = getComputedStyle(e.closest(".row") || e).outlineStyle;
              return [e.id || e.name || e.dataset.layer || e.className, seen];
            }"""
        )
        if told[0] == "map-page":  # once round
            break
        reached.add(told[0])
        assert told[1] != "none", told
    assert {"search", "on", "street_office", "plan_year", "built_before", "stage", "compounds"} <= reached


def test_the_legend_is_worked_by_arrow_keys(visit):
    page = visit.go("/?lang=en")
    page.locator("input[name=stage][value='']").focus()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile("stage=not_begun"))
    expect(page.locator("input[name=stage][value=not_begun]")).to_be_focused()
    told = page.locator("#count-not_begun b").inner_text()
    expect(page.locator("#summary strong")).to_have_text(f"{told} compounds")


@pytest.mark.parametrize("visit", [PHONE], indirect=True, ids=["phone"])
def test_on_a_phone_the_district_fills_the_width(visit):
    page = visit.go("/?lang=en")
    offices = page.request.get(f"{visit.address}/map/street_offices.geojson").json()["features"]
    west, south, east, north = shapely.union_all(
        [shapely.geometry.shape(o["geometry"]) for o in offices]
    ).bounds
    left, right = spot(page, west, south)[0], spot(page, east, north)[0]
    assert 0 <= left < right <= PHONE["width"]
    assert right - left > 0.9 * PHONE["width"]


@pytest.mark.parametrize("visit", [PHONE], indirect=True, ids=["phone"])
def test_on_a_phone_the_rail_is_a_sheet_that_says_the_count(visit):
    page = visit.go("/?lang=en&plan_year=2022")
    handle = page.locator("#rail-handle")
    expect(handle).to_have_text("27 compounds")
    expect(page.locator("#plan_year")).to_be_hidden()
    handle.click()
    page.select_option("#plan_year", "2021")
    expect(handle).to_have_text("48 compounds")


def test_a_click_in_the_planning_table_shows_the_same_number_on_the_map(visit):
    page = visit.go("/planning?lang=en")
    link = page.locator("#t-gaps ~ h3 a", has_text="in no plan")
    count = link.locator("xpath=following-sibling::span").inner_text()
    link.click()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#summary strong")).to_have_text(f"{count} compounds")


def test_printing_shows_patterns_and_keeps_the_legend(visit):
    page = visit.go("/?lang=en&at=117.3,36.2,14")
    before = pixels(page)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(300)
    assert len(pixels(page) - before) > 20
    expect(page.locator("fieldset.legend").first).to_be_visible()
    expect(page.locator(".search")).to_be_hidden()


def test_a_layer_that_does_not_come_is_told_with_a_way_on(visit):
    visit.page.route("**/map/compounds.geojson*", lambda route: route.fulfill(status=500, body=""))
    page = visit.go("/?lang=en")
    expect(page.locator("#trouble")).to_contain_text("The map could not be loaded.")
    page.unroute("**/map/compounds.geojson*")
    page.locator("#trouble button").click()
    expect(page.locator("#trouble")).to_be_hidden()
    visit.complaints = [c for c in visit.complaints if "500" not in c]  # the browser says so itself


@pytest.mark.parametrize("visit", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
def test_a_border_case_is_decided_and_stands_in_list_record_and_map(visit, sample_store):
    page = visit.go("/duties?lang=en")
    page.get_by_role("link", name="松涛西区").click()
    expect(page.locator(".casemap")).to_be_visible()
    page.get_by_role("radio", name="北屏街道").check()
    page.get_by_label("Reason", exact=False).first.fill("agreed by both offices")
    page.get_by_role("button", name="Decide for this street office").click()
    expect(page.locator(".notice")).to_contain_text("松涛西区: 北屏街道")
    expect(page.locator("h1")).not_to_contain_text("松涛西区")
    page.get_by_role("link", name="Look at it again").click()
    expect(page.locator(".steps")).to_contain_text("agreed by both offices")
    page.get_by_role("link", name="All cases").click()
    row = page.locator("tr", has_text="松涛西区")
    expect(row).to_contain_text("decided")
    page = visit.go("/compounds/XQ0013?lang=en")
    expect(page.locator(".record")).to_contain_text("agreed by both offices")
    page = visit.go("/?compound=XQ0013&lang=en")
    expect(page.locator("#panel")).to_contain_text("Decided: 北屏街道")
    d = tables.decisions.c
    made = sample_store.frame(select(d.code, d.street_office_code, d.reason))
    assert [tuple(row.values()) for row in made] == [("XQ0013", "990101001000", "agreed by both offices")]


def test_a_case_is_decided_by_keyboard_alone(visit, sample_store):
    page = visit.go("/duties/compounds/XQ0013?lang=en")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "street_office":
            break
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.name") != "reason":
        page.keyboard.press("Tab")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_be_visible()
    (made,) = sample_store.frame(select(tables.decisions))
    assert (made["code"], made["reason"]) == ("XQ0013", "by keyboard")


def test_a_form_without_its_cookie_or_of_another_site_writes_nothing(visit, sample_store):
    page = visit.go("/duties/compounds/XQ0013?lang=en")
    page.get_by_role("radio").first.check()
    page.locator("#reason").fill("x")
    page.context.clear_cookies(name="form")
    page.get_by_role("button", name="Decide for this street office").click()
    expect(page.locator(".status")).to_have_text("403")
    page.goto("about:blank")
    action = f"{visit.address}/duties/compounds/XQ0013/decision"
    page.set_content(f'<form method="post" action="{action}"><button>go</button></form>')
    page.get_by_role("button").click()
    expect(page.locator(".status")).to_have_text("403")
    visit.complaints = [c for c in visit.complaints if "403" not in c]  # the browser says so itself
    assert sample_store.frame(select(tables.decisions)) == []


def test_what_a_new_edition_moves_is_seen_and_then_made_so(visit, sample_store, tmp_path):
    o = tables.street_offices.c
    rows = sample_store.frame(select(o.code, o.name, o.wkb).order_by(o.code))
    shapes = {row["code"]: shapely.from_wkb(row["wkb"]) for row in rows}
    west, east = "990101002000", "990101001000"
    strip = shapes[west].intersection(shapes[east].buffer(0.006))
    shapes[east], shapes[west] = shapes[east].union(strip), shapes[west].difference(strip)
    features = [
        feature(json.loads(shapely.to_geojson(shapes[row["code"]])), code=row["code"], name=row["name"])
        for row in rows
    ]
    Desk(sample_store, tmp_path).load("street_offices", features)
    page = visit.go("/editions?lang=en")
    expect(page.locator("h2").first).to_have_text("Edition 2 instead of edition 1")
    moved = int(page.locator(".figure strong").first.inner_text())
    assert moved > 0
    assert page.locator(".moves .casemap path").count() > 15 + moved
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert sum(line.startswith("compounds,") for line in lines) == moved
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Make it active").click()
    expect(page.locator(".empty")).to_contain_text("No newer edition waits")
    assert [e["state"] for e in sample_store.frame(select(tables.editions.c.state))] == ["former", "active"]
