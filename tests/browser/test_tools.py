"""Finding things on the map: search, coordinates, what lies here, measuring, links and pictures."""

import struct

import pytest
from playwright.sync_api import expect
from pyproj import Geod
from visits import PHONE, distance, in_picture, inside, saved_picture, spot

pytestmark = pytest.mark.browser

GEOD = Geod(ellps="GRS80")


def options(page):
    return page.locator("#found [role=option]")


def press(page, lon, lat, **how):
    """Press the map at a place."""
    page.mouse.click(*spot(page, lon, lat), **how)


def test_names_pinyin_and_coordinates_lead_to_their_places(visit):
    page = visit.go("/?lang=en")
    box = page.locator("#search")
    box.fill("stxq")
    expect(options(page).filter(has_text="松涛西区").locator("mark")).to_have_text("松涛西区")
    expect(page.locator("#found [role=group]").first).to_have_attribute("aria-label", "Compounds")
    box.fill("WJ0001")
    expect(options(page)).to_have_count(1)
    box.press("Enter")
    expect(page.locator(".here h2")).to_be_focused()
    expect(page.locator(".here")).to_contain_text("WJ0001")
    page.keyboard.press("Escape")
    expect(page.locator(".here")).to_have_count(0)
    expect(box).to_be_focused()

    lon, lat = inside(page, "XQ0001")
    box.fill(f"{lat:.6f}N {lon:.6f}E")
    expect(options(page).first).to_contain_text("CGCS2000, longitude and latitude")
    assert options(page).count() == 3
    box.press("ArrowDown")
    box.press("Enter")
    here = page.locator(".here")
    expect(here).to_contain_text(f"{lon:.6f}, {lat:.6f}")
    expect(here).to_contain_text("CGCS2000 3° zone 117°E (4548)")
    assert visit.filters()["here"] == f"{round(lon, 6)},{round(lat, 6)}"
    # What lies here leads on to the compound.
    here.get_by_role("button").filter(has_text="化肥厂宿舍").first.click()
    expect(page.locator("#panel h2")).to_be_focused()
    assert "here" not in visit.filters()
    box.fill("10, 50")
    expect(page.locator("#found .note")).to_contain_text("outside the district in every system")


def test_a_press_chooses_one_thing_and_asks_where_several_lie(visit):
    page = visit.go("/?lang=en&compound=XQ0001")
    lon, lat = inside(page, "XQ0001")
    page.locator("#panel-close").click()
    press(page, lon, lat)
    expect(page.locator("#panel h2")).to_be_visible()
    assert visit.filters()["compound"] == "XQ0001"
    page.locator("#panel-close").click()
    # Structures that can be told apart are meant too.
    rows = page.request.get(f"{visit.address}/map/illegal_structures.geojson").json()["features"]
    row = next(r for r in rows if r["properties"]["state"] == "ordered")
    lon, lat = row["geometry"]["coordinates"]
    page.evaluate("([lon, lat]) => void map_district.setView([lat, lon], 18, {animate: false})", [lon, lat])
    press(page, lon, lat)
    expect(page.locator(".here")).to_contain_text(row["properties"]["code"])
    # The link brings it back, and the clipboard takes the coordinates.
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.reload(wait_until="networkidle")
    expect(page.locator(".here")).to_contain_text(row["properties"]["code"])
    page.locator(".here .copy").first.click()
    expect(page.locator("#said")).to_have_text("Copied.")
    told = page.locator(".here dd").first.inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == told.removesuffix("Copy").strip()
    page.locator(".here .close").click()
    # A long or second press tells everything, also where one compound alone lies; the keyboard does so too.
    lon, lat = inside(page, "XQ0002")
    page.evaluate("([lon, lat]) => void map_district.setView([lat, lon], 17, {animate: false})", [lon, lat])
    press(page, lon, lat, button="right")
    expect(page.locator(".here h2")).to_have_text("What lies here")
    page.keyboard.press("Escape")
    page.locator("#district, .folium-map").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".here h2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".folium-map")).to_be_focused()


def measured(visit):
    return [tuple(map(float, point.split(","))) for point in visit.filters()["measure"].split(";")]


def test_distance_and_area_are_those_of_the_ellipsoid(visit):
    page = visit.go("/?lang=en")
    page.locator("#measure-tool").click()
    for x, y in ((500, 300), (900, 320), (860, 600)):
        page.mouse.click(x, y)
    expect(page.locator(".vertex")).to_have_count(3)
    # No press of a measuring hand opens a panel.
    expect(page.locator("#panel")).to_be_hidden()
    assert page.locator(".here").count() == 0
    page.locator(".vertex").nth(1).focus()
    page.keyboard.press("Shift+ArrowRight")
    places = measured(visit)
    area, _ = GEOD.polygon_area_perimeter(*zip(*places, strict=True))
    length = GEOD.line_length(*zip(*places, strict=True))
    far, ground = (page.locator(f"#measure-{name}").inner_text() for name in ("length", "area"))
    assert float(far.removesuffix(" km")) == pytest.approx(length / 1000, abs=0.0006)
    numbers = [float(part.split()[0].replace(",", "")) for part in ground.split(" · ")]
    assert numbers == pytest.approx(
        [abs(area) / 1e6, abs(area), abs(area) / (2000 / 3)], rel=1e-6, abs=0.0006
    )
    visit.go(page.url.removeprefix(visit.address))
    assert measured(visit) == places
    page.locator("#measure-undo").click()
    page.locator(".vertex").nth(0).focus()
    page.keyboard.press("Delete")
    expect(page.locator(".vertex")).to_have_count(1)
    page.locator(".folium-map").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".vertex")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.locator("#measure-box")).to_be_hidden()
    expect(page.locator(".vertex")).to_have_count(0)
    assert "measure" not in visit.filters()

    # The browser's own mathematics beside those of PROJ, from metres to a province.
    lines = [
        [[117.0, 36.6], [117.0 + size, 36.6 + size / 3], [117.0 + size / 2, 36.6 + size], [116.9, 36.7]]
        for size in (0.00001, 0.001, 0.1, 1)
    ] + [
        [[10, 0], [11, 0], [11, -1]],
        [[117, 36], [117, 37], [118, 37]],
        [[-60.0, -33.0], [-59, -33], [-59, -34]],
    ]
    told = page.evaluate(
        "async (lines) => { const own = await import('/static/map/geodesic.js');"
        " return lines.map((line) => [own.length(line), own.area(line)]); }",
        lines,
    )
    for line, (length, area) in zip(lines, told, strict=True):
        lons, lats = zip(*line, strict=True)
        assert length == pytest.approx(GEOD.line_length(lons, lats), rel=1e-9, abs=1e-4)
        assert area == pytest.approx(abs(GEOD.polygon_area_perimeter(lons, lats)[0]), rel=2e-5, abs=0.01)


def test_a_link_and_a_picture_keep_the_view(visit, tmp_path):
    page = visit.go("/?lang=en&stage=construction&measure=117.29,36.18;117.3,36.19")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#share-tool").click()
    expect(page.locator("#said")).to_have_text("The link to this view is copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(visit.address + "/?")
    for part in ("stage=construction", "measure=117.29,36.18;117.3,36.19", "at=", "lang=en"):
        assert part in link
    path = saved_picture(page, tmp_path / "view.png")
    head = path.read_bytes()[:24]
    width, height = struct.unpack(">2I", head[16:24])
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    size = page.evaluate("map_district.getSize()")
    assert (width, height) == (2 * (size["x"] + 56 + 300), 2 * (size["y"] + 96 + 64))
    # The colours of the map are in it: construction, and the paper around.
    most = [colour for colour, _ in in_picture(page, path).most_common(14)]
    assert any(distance("#3b8bc2", colour) < 40 for colour in most)


def test_the_list_is_the_map_in_words_and_the_panel_tells_the_history(visit):
    page = visit.go("/?lang=en&stage=demolition")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#list summary").click()
    rows = page.locator("#list-rows tr")
    shown = page.request.get(f"{visit.address}/map/compounds.geojson?stage=demolition").json()["features"]
    expect(rows).to_have_count(len(shown))
    page.locator("#list [data-by=name] button").click()
    page.locator("#list [data-by=name] button").click()
    expect(page.locator("#list [data-by=name]")).to_have_attribute("aria-sort", "descending")
    down = page.locator("#list-rows button").all_inner_texts()
    page.locator("#list [data-by=name] button").click()
    assert page.locator("#list-rows button").all_inner_texts() == down[::-1]
    assert sorted(down) == sorted(f["properties"]["name"] for f in shown)
    page.locator("#list-copy").click()
    expect(page.locator("#said")).to_have_text(f"The table is copied: {len(shown)} rows.")
    head, *lines = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert head.split("\t")[:2] == ["Code", "Compound"]
    assert [line.split("\t")[1] for line in lines] == down[::-1]
    assert {line.split("\t")[0] for line in lines} == {f["properties"]["code"] for f in shown}
    rows.locator("button").first.click()
    past = page.locator("#panel .past")
    past.locator("summary").click()
    expect(past).to_contain_text("stage dates")
    expect(past).to_contain_text("Demolition: ")
    # Late only leaves those that are late; all filters go at once.
    page.locator("#late, [name=late]").check()
    late = sum(f["properties"]["late"] for f in shown)
    expect(page.locator("#summary strong")).to_have_text(f"{late} compounds")
    expect(rows).to_have_count(late)
    page.locator("#chips .every a").click()
    expect(page.locator("#summary strong")).to_have_text("240 compounds")
    assert "late" not in visit.filters()


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
def test_on_a_phone_the_tools_have_room(visit):
    page = visit.go("/?lang=zh&measure=117.29,36.18;117.3,36.19;117.3,36.18")
    box = page.locator("#measure-box").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.locator("#measure-end").click()
    page.locator("#search").fill("117.30, 36.18")
    options(page).first.click()
    here = page.locator(".here").bounding_box()
    assert here["x"] >= 0
    assert here["x"] + here["width"] <= 390
    expect(page.locator(".here .copy")).to_have_count(2)
