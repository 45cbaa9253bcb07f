"""What is many is drawn from tiles, and looks, answers and tells the same as what is few."""

import re
from collections import Counter

import pytest
from playwright.sync_api import expect
from test_colouring import legend_colours, middles, wrong
from visits import distance, in_picture, inside, pixels, saved_picture, spot, tiled_colours_at

from geo import mvt
from layers.people import OPERATOR, visible
from layers.querying import Query
from layers.stages import STAGES
from webmap import viewing

AFAR, CLOSE = "at=117.3,36.2,12.6", "at=117.3,36.2,14.2"


#: How many structures the cells of all tiles hold that lie in their tiles.
COUNTED = """() => {
  const { cache } = Object.values(map_district._layers).find((layer) => layer.views).views.get("").tileCache;
  const inside = (box) => [box.minX, box.minY].every((at) => at >= 0 && at < 512);
  const features = [...cache.values()].flatMap((entry) => [...entry.data.values()].flat());
  return features.filter((f) => inside(f.bbox)).reduce((sum, f) => sum + (f.props.count || 0), 0);
}"""


#: The features of all tiles of the zoom that is shown.
FEATURES = """
  const { cache } = Object.values(map_district._layers).find((layer) => layer.views).views.get("").tileCache;
  const zoom = Math.round(map_district.getZoom()) - 1;
  const inside = ({ bbox }) => [bbox.minX, bbox.minY].every((at) => at >= 0 && at < 512);
  const features = [...cache].filter(([place]) => place.endsWith(`:${zoom}`))
    .flatMap(([, entry]) => [...entry.data.values()].flat());"""
#: How many compounds of each class their cells hold; the codes of those that are drawn one by one.
CLASSES = f"""() => {{ {FEATURES}
  const found = {{}};
  for (const {{ props }} of features.filter(inside))
    for (const [name, value] of Object.entries(props))
      if (name.startsWith("count_")) found[name.slice(6)] = (found[name.slice(6)] || 0) + value;
  return found;
}}"""
SINGLES = f"""() => {{ {FEATURES} return features.map(({{ props }}) => props.code).filter(Boolean); }}"""


def cells_tell(page, address, colouring, day=""):
    """Return whether the cells count every compound that is not drawn by itself, by its class on a day."""
    told = page.request.get(f"{address}/map/classes.json?colour={colouring}{day}").json()
    alone = set(page.evaluate(SINGLES))
    known = Counter(told["classes"][place] for code, place in told["of"].items() if code not in alone)
    return known.total() > 100 and page.evaluate(CLASSES) == known


@pytest.fixture
def counted(monkeypatch):
    """Have tiles count all that is too small to be drawn."""
    monkeypatch.setattr(mvt, "FEW", 0)


@pytest.fixture
def few(monkeypatch):
    """Have the server take so many for few."""
    return lambda most: monkeypatch.setattr(viewing, "FEW", most)


def until(page, holds):
    """Wait until something holds of the page; a page that goes on asking is never quiet for long."""
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(100)
    pytest.fail("it never came")


def tiles_asked(visit, layer="compounds"):
    return [url for url in visit.asked if f"/tiles/{layer}/" in url]


def features_asked(visit):
    return [url for url in visit.asked if "/map/compounds.geojson?bbox" in url]


def stages_in_view(store, page):
    """Return the colours of the stages of the compounds whose middle is in the window."""
    west, south, east, north = page.evaluate(
        """() => { const b = map_district.getBounds();
           return [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()]; }"""
    )
    on = store.district().reference_date
    rows = store.rows(
        visible(OPERATOR, "compounds"), Query(layer="compounds", on=on, box=(west, south, east, north))
    )
    return {STAGES[row.properties["stage"]].colour for row in rows}


def has(colours, colour):
    return any(distance(colour, found) <= 30 for found in colours)


@pytest.mark.parametrize("view", [AFAR, CLOSE])
def test_tiles_show_the_colours_of_the_stages_in_the_store(visit, few, sample_store, view):
    few(40)
    page = visit.go(f"/?layers=compounds&{view}")
    expected = stages_in_view(sample_store, page)
    assert len(tiles_asked(visit)) >= 4 and len(expected) >= 6
    until(page, lambda: all(has(pixels(page, "tiles-compounds"), colour) for colour in expected))
    drawn = pixels(page, "tiles-compounds")
    assert page.locator(".leaflet-overlay-pane canvas").count() == 0 or not has(pixels(page), "#1b7a3d")
    # The same from features, with the same colours and no others.
    few(2000)
    visit.asked.clear()
    visit.go(f"/?layers=compounds&{view}")
    assert tiles_asked(visit) == []
    until(page, lambda: all(has(pixels(page), colour) for colour in expected))
    absent = {stage.colour for stage in STAGES.values()} - expected
    assert not any(distance(colour, found) <= 4 for colour in absent for found in drawn)


def test_a_click_on_a_tile_opens_the_panel_and_the_pointer_is_told(visit, few):
    few(40)
    page = visit.go(f"/?layers=compounds&{AFAR}")
    at = spot(page, *inside(page, "XQ0100"))
    page.mouse.move(*at)
    expect(page.locator(".leaflet-tooltip b")).to_be_visible()
    name = page.locator(".leaflet-tooltip b").inner_text()
    page.mouse.click(*at)
    expect(page.locator("#panel h2")).to_have_text(name)
    page.wait_for_load_state("networkidle")
    assert visit.filters()["compound"] == "XQ0100"
    # The outline of the one chosen is there, as always.
    assert has(pixels(page, "offices"), "#16202a")


def test_filters_reach_the_tiles_and_few_are_features_again(visit, few, sample_store):
    few(40)
    page = visit.go(f"/?layers=compounds&{AFAR}")
    page.locator('[name="stage"][value="construction"]').check(force=True)
    until(page, lambda: any("stage=construction" in url for url in tiles_asked(visit)))
    handed_over = STAGES["handover"].colour
    until(page, lambda: all(distance(handed_over, c) > 4 for c in pixels(page, "tiles-compounds")))
    until(page, lambda: has(pixels(page, "tiles-compounds"), STAGES["construction"].colour))
    visit.asked.clear()
    page.locator('[name="stage"][value="acceptance"]').check(force=True)
    until(page, lambda: has(pixels(page), STAGES["acceptance"].colour))
    assert tiles_asked(visit) == []
    expect(page.locator(".leaflet-tiles-compounds-pane canvas")).to_have_count(0)


def test_from_close_by_a_view_has_its_features_with_signs_and_names(visit, few):
    few(40)
    page = visit.go(f"/?layers=compounds&{AFAR}")
    assert tiles_asked(visit)
    visit.asked.clear()
    lon, lat = inside(page, "XQ0100")
    page.evaluate("([lat, lon]) => map_district.setView([lat, lon], 17, { animate: false })", [lat, lon])
    expect(page.locator(".place span").first).to_be_visible()
    # Only what it is not sent already is asked for, and once.
    asked = len(features_asked(visit))
    page.evaluate("map_district.panBy([40, 0], { animate: false })")
    page.evaluate("map_district.panBy([2000, 0], { animate: false })")
    until(page, lambda: len(features_asked(visit)) > asked)
    page.wait_for_timeout(300)
    assert len(features_asked(visit)) == asked + 1
    expect(page.locator(".leaflet-tiles-compounds-pane canvas")).to_have_count(0)


def test_the_list_tells_what_the_view_holds(visit, few, sample_store):
    few(40)
    page = visit.go(f"/?layers=compounds&{AFAR}")
    page.locator("#list summary").click()
    rows = page.locator("#list-rows tr")
    expect(rows).to_have_count(201)  # a page and the way to the next one
    page.evaluate("map_district.setView([36.2, 117.3], 15, { animate: false })")
    until(page, lambda: 0 < rows.count() < 201)
    asked = next(url for url in reversed(visit.asked) if "/map/compounds.json" in url)
    box = tuple(map(float, re.search(r"bbox=([^&]*)", asked)[1].replace("%2C", ",").split(",")))
    query = Query(layer="compounds", on=sample_store.district().reference_date, box=box)
    expect(rows).to_have_count(sample_store.count(visible(OPERATOR, "compounds"), query))


def test_what_lies_together_is_counted_by_state(visit, few, monkeypatch, sample_store):
    few(40)
    monkeypatch.setattr(mvt, "FEW", 50)
    page = visit.go(f"/?layers=illegal_structures&{AFAR}")
    drawn = pixels(page, "tiles-illegal_structures")
    assert has(drawn, "#9a3b12") and has(drawn, "#3d7f5f")
    found = page.evaluate(COUNTED)
    assert found > 1000


def test_the_months_are_shown_on_tiles_that_are_not_asked_for_again(visit, few):
    few(40)
    page = visit.go(f"/?lang=en&layers=compounds&{AFAR}")
    places = middles(page, visit.address)
    assert wrong(page, visit.address, places, "stage", "", tiled_colours_at) == {}
    visit.asked.clear()
    page.locator("#time-month").focus()
    for day in ("2022-05-31", "2022-04-30"):
        page.keyboard.press("ArrowLeft")
        expect(page).to_have_url(re.compile(f"on={day}"))
    assert wrong(page, visit.address, places, "stage", "&on=2022-04-30", tiled_colours_at) == {}
    page.select_option("#colour", "lateness")
    assert wrong(page, visit.address, places, "lateness", "&on=2022-04-30", tiled_colours_at) == {}
    assert tiles_asked(visit) == []


def test_cells_are_counted_anew_for_another_month_or_by_other_classes(visit, few, counted):
    few(40)
    page = visit.go("/?lang=en&layers=compounds&at=117.3,36.2,9")
    until(page, lambda: cells_tell(page, visit.address, "stage"))
    visit.asked.clear()
    page.locator("#time-month").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("on=2022-05-31"))
    day = "&on=2022-05-31"
    until(page, lambda: cells_tell(page, visit.address, "stage", day))
    asked = tiles_asked(visit)
    assert asked and all("as_of=2022-05-31" in url for url in asked)
    for colouring in ("cleared_area", "street_office"):
        page.select_option("#colour", colouring)
        expect(page.locator(f"#legend[data-colouring={colouring}]")).to_have_count(1)
        until(page, lambda: cells_tell(page, visit.address, colouring, day))  # noqa: B023
    looks, counts = legend_colours(page), page.evaluate(CLASSES)
    most = [looks[name] for name, count in counts.items() if count > 20]
    until(page, lambda: all(has(pixels(page, "tiles-compounds"), colour) for colour in most))
    assert len(most) > 1


def test_a_second_day_stands_beside_on_tiles_of_its_own(visit, few, counted, tmp_path):
    few(40)
    page = visit.go(f"/?lang=en&beside=2021-04-15&layers=compounds&{AFAR}")
    places = middles(page, visit.address)
    assert wrong(page, visit.address, places, "stage", "", tiled_colours_at) == {}

    def beside(page, places):
        return tiled_colours_at(page, places, "#beside-map")

    assert wrong(page, visit.address, places, "stage", "&on=2021-04-15", beside) == {}
    # Both maps are in the picture: fewer were handed over on the earlier day.
    path = saved_picture(page, tmp_path / "two.png")
    halves = [in_picture(page, path, *part) for part in ((0.05, 0.4), (0.45, 0.75))]
    over = [sum(n for colour, n in half.items() if distance(colour, "#1b7a3d") < 40) for half in halves]
    assert 1000 < over[0] < over[1]
    page.select_option("#colour", "lateness")
    assert wrong(page, visit.address, places, "lateness", "&on=2021-04-15", beside) == {}
    x, y = spot(page, *inside(page, "XQ0100"))
    left, right = (page.locator(css).bounding_box()["x"] for css in ("#beside-map", ".folium-map"))
    page.mouse.move(x - right + left, y)
    expect(page.locator("#beside-map .leaflet-tooltip b")).to_be_visible()
    page.mouse.click(x - right + left, y)
    expect(page.locator("#panel h2")).to_be_visible()
    assert visit.filters()["compound"] == "XQ0100"
    visit.asked.clear()
    page.evaluate("map_district.setView([36.2, 117.3], 9, { animate: false }) && null")
    until(page, lambda: any("as_of=2021-04-15" in url for url in tiles_asked(visit)))
    until(page, lambda: cells_tell(page, visit.address, "lateness"))


def test_tiles_that_did_not_come_are_told_until_they_have(visit, few):
    few(40)
    refused = re.compile(r"/tiles/compounds/")
    visit.page.route(refused, lambda route: route.fulfill(status=503, body="busy"))
    page = visit.go(f"/?lang=en&layers=compounds&{AFAR}")
    trouble = page.locator("#trouble")
    expect(trouble).to_have_text("Part of the map could not be loaded. Try again")
    assert pixels(page, "tiles-compounds") == set()
    # Where the view holds none of them nothing is said.
    page.evaluate("map_district.setView([38, 117.3], 12.6, { animate: false }) && null")
    expect(trouble).to_be_hidden()
    asked = len(tiles_asked(visit))
    page.evaluate("map_district.setView([36.2, 117.3], 12.6, { animate: false }) && null")
    until(page, lambda: len(tiles_asked(visit)) > asked)
    page.wait_for_timeout(500)
    asked = len(tiles_asked(visit))
    trouble.get_by_role("button").click()
    until(page, lambda: len(tiles_asked(visit)) > asked)
    page.wait_for_timeout(500)
    expect(trouble).to_be_visible()
    page.unroute(refused)
    trouble.get_by_role("button").click()
    expect(trouble).to_be_hidden()
    until(page, lambda: has(pixels(page, "tiles-compounds"), STAGES["handover"].colour))
    assert {complaint.split(":")[0] for complaint in visit.complaints} <= {"Failed to load resource", "Error"}
    visit.complaints.clear()


def test_where_nothing_lies_no_tile_is_asked_for_at_first(visit, few):
    few(40)
    page = visit.go("/?layers=compounds&at=117.3,36.2,10")
    until(page, lambda: page.evaluate("Object.values(map_district._layers).some((one) => one.views)"))
    page.wait_for_timeout(500)
    west, south, east, north = page.request.get(f"{visit.address}/tiles/compounds.json").json()["bounds"]
    # At zoom 9 a tile is 0.70° wide, and here 0.57° high.
    asked = [tuple(map(int, re.search(r"/9/(\d+)/(\d+)\.mvt", url).groups())) for url in tiles_asked(visit)]
    wide = 360 / 512
    assert asked and all(west - 1.2 * wide < x * wide - 180 < east + 0.2 * wide for x, _ in asked)
    shown = page.evaluate("map_district.getBounds().getEast() - map_district.getBounds().getWest()")
    assert shown > 2 * (east - west)
    # Later somebody may have added a compound there.
    before = len(tiles_asked(visit))
    page.evaluate("map_district.setView([36.2, 122.3], 10, { animate: false }) && null")
    until(page, lambda: len(tiles_asked(visit)) > before)


def test_of_many_street_offices_those_of_a_closer_view_are_outlined(visit, monkeypatch):
    monkeypatch.setattr(viewing, "MOST_OFFICES", 3)
    page = visit.go("/?layers=street_offices")
    hint = page.locator("#offices-crowded")
    expect(hint).to_be_visible()
    assert pixels(page, "offices") <= {"#000000"} and page.locator(".office").count() == 0
    visit.asked.clear()
    middle = page.evaluate("map_district.getCenter()")
    page.evaluate("([lat, lng]) => map_district.setView([lat, lng], 17)", [middle["lat"], middle["lng"]])
    expect(hint).to_be_hidden()
    until(page, lambda: any("fine=" in url for url in visit.asked))
    expect(page.locator(".office").first).to_be_attached()
    page.evaluate("map_district.setZoom(map_district.getMinZoom(), { animate: false })")
    expect(hint).to_be_visible()
    assert page.locator(".office").count() == 0
    switch = page.locator("[data-layer=street_offices]")
    switch.uncheck()
    expect(hint).to_be_hidden()
    switch.check()
    expect(hint).to_be_visible()
