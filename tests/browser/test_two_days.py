"""Two days side by side: structures, facilities and gaps stand on both maps, each as of its own day."""

import re
import struct
from datetime import date

import pytest
from playwright.sync_api import expect
from test_beside import colours_on
from test_tiled_map import until
from visits import DESK, PHONE, distance, saved_picture, spot

from geo import mvt
from layers.people import OPERATOR, visible
from layers.querying import Query
from webmap import palette, viewing

pytestmark = pytest.mark.browser

THEN, NOW = "2021-04-15", "2022-06-30"
RIGHT = ".folium-map"
AT = "at=117.3,36.2,15"


def lone(page, address, day, asked=""):
    """Return the structures of a day that lie by themselves, seen from close by: code → place and state."""
    told = page.request.get(f"{address}/map/illegal_structures.geojson?on={day}{asked}").json()["features"]
    places = {f["id"]: tuple(f["geometry"]["coordinates"]) for f in told}
    states = {f["id"]: f["properties"]["state"] for f in told}

    def by_itself(code):
        (x, y) = places[code]
        near = [c for c, (a, b) in places.items() if abs(a - x) < 5e-4 and abs(b - y) < 5e-4]
        return near == [code]

    return {code: (list(places[code]), states[code]) for code in places if by_itself(code)}


def wrong_states(page, found, drawn, least=10):
    """Return the structures in view whose colour is not that of their state."""
    for _ in range(30):
        seen = dict(zip(found, drawn([place for place, _ in found.values()]), strict=True))
        looks = {code: palette.STATES[state or ""] for code, (_, state) in found.items()}
        inside = [code for code, colour in seen.items() if colour]
        assert len(inside) >= least
        meant = {c: looks[c].colour if looks[c].filled else "#ffffff" for c in inside}
        bad = {c: (seen[c], meant[c]) for c in inside if distance(seen[c], meant[c]) > 60}
        if not bad:
            return {}
        page.wait_for_timeout(100)
    return bad


def outlined(page, css):
    """Return whether the line round a compound that is chosen is drawn on a map."""
    return page.evaluate(
        """css => { const canvas = document.querySelector(css + " .leaflet-offices-pane canvas");
          const copy = new OffscreenCanvas(canvas.width, canvas.height);
          copy.getContext("2d").drawImage(canvas, 0, 0);
          const { data } = copy.getContext("2d").getImageData(0, 0, copy.width, copy.height);
          for (let i = 0; i < data.length; i += 4)
            if (data[i + 3] > 240 && [0x16, 0x20, 0x2a].every((part, k) => data[i + k] === part)) return true;
          return false; }""",
        css,
    )


@pytest.mark.parametrize("visit", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
def test_structures_stand_on_both_maps_as_of_their_day(visit, sample_store):
    page = visit.go(f"/?lang=en&beside={THEN}&layers=illegal_structures&{AT}")
    then, now = (lone(page, visit.address, day) for day in (THEN, NOW))
    assert wrong_states(page, then, lambda places: colours_on(page, places)) == {}
    assert wrong_states(page, now, lambda places: colours_on(page, places, RIGHT)) == {}
    new = [place for code, (place, _) in now.items() if code not in then]
    assert set(colours_on(page, new)) - {None} == {"#000000"}
    assert "#000000" not in colours_on(page, new, RIGHT)
    # The legend that is the filter says of both days how many there are, and filters both.
    sight = visible(OPERATOR, "illegal_structures")
    for state in ("ordered", "demolished"):
        counted = [
            sample_store.count(
                sight, Query(layer="illegal_structures", on=date.fromisoformat(day), state=state)
            )
            for day in (THEN, NOW)
        ]
        shown = page.locator(f"#count-{state} b").all_text_contents()
        assert [int(text.replace(",", "")) for text in shown] == counted and counted[0] != counted[1]
    page.locator('[name="state"][value="ordered"]').evaluate("field => field.click()")
    ordered = {code: told for code, told in then.items() if told[1] == "ordered"}
    others = [place for code, (place, state) in then.items() if state != "ordered"]
    until(page, lambda: set(colours_on(page, others)) - {None} == {"#000000"})
    assert wrong_states(page, ordered, lambda places: colours_on(page, places), least=2) == {}
    page.locator('[data-layer="illegal_structures"]').evaluate("field => field.click()")
    left = [place for place, _ in ordered.values()]
    until(page, lambda: not set(colours_on(page, left)) - {None, "#000000"})


def test_a_press_on_the_other_map_tells_what_lay_there_on_its_day(visit):
    page = visit.go(f"/?lang=en&beside={THEN}&{AT}")
    then, now = (lone(page, visit.address, day) for day in (THEN, NOW))
    code, place = next(
        (code, place)
        for code, (place, state) in then.items()
        if code in now and state == "ordered" and now[code][1] == "demolished"
        and colours_on(page, [place])[0]
    )  # fmt: skip
    left, right = (page.locator(css).bounding_box()["x"] for css in ("#beside-map", ".folium-map"))
    x, y = spot(page, *place)
    page.mouse.click(x - right + left, y)
    popup = page.locator("#beside-map .here")
    expect(popup.locator("h2")).to_have_text("What lies here · 15 Apr 2021")
    expect(popup).to_contain_text(code)
    expect(popup).to_contain_text("ordered")
    page.mouse.click(*spot(page, *place))  # the map has moved to show it all
    popup = page.locator(".folium-map .here")
    expect(popup.locator("h2")).to_have_text("What lies here · 30 Jun 2022")
    expect(popup).to_contain_text("demolished")
    expect(page.locator("#beside-map .here")).to_have_count(0)
    # The panel says of which day it tells.
    popup.locator("button.link").first.click()
    expect(page.locator("#panel .as-of")).to_have_text("As of 30 Jun 2022.")
    until(page, lambda: all(outlined(page, css) for css in ("#beside-map", RIGHT)))
    page.keyboard.press("Escape")
    until(page, lambda: not any(outlined(page, css) for css in ("#beside-map", RIGHT)))


def test_filters_by_the_day_leave_on_each_map_what_they_leave_on_its_day(visit):
    page = visit.go(f"/?lang=en&beside={THEN}&layers=compounds&stage=design&at=117.3,36.2,13")
    asked = [url for url in visit.asked if "/map/compounds.geojson" in url]
    assert sum(f"on={THEN}" in url for url in asked) == 1 < len(asked)
    address = f"{visit.address}/map/compounds.geojson?stage=design&on="
    answers = [page.request.get(address + day).json() for day in (THEN, NOW)]
    codes = [{feature["id"] for feature in told["features"]} for told in answers]
    assert codes[0] != codes[1]
    counted = page.locator('[data-class="design"] .count b').all_text_contents()
    assert [int(text) for text in counted] == [len(found) for found in codes]
    expect(page.locator("#summary em")).to_have_text("30 Jun 2022")


def test_facilities_and_gaps_stand_on_both_maps(visit):
    page = visit.go(f"/?lang=en&beside={THEN}&layers=facilities&gaps=小学&at=117.3,36.2,13")
    letters = [page.locator(f"{css} .facility").count() for css in ("#beside-map", ".folium-map")]
    assert letters[0] == letters[1] > 10
    filled = """css => { const canvas = document.querySelector(css + " .leaflet-gaps-pane canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value) => value); }"""
    assert all(page.evaluate(filled, css) for css in ("#beside-map", ".folium-map"))
    page.locator('[data-layer="facilities"]').uncheck(force=True)
    expect(page.locator("#beside-map .facility")).to_have_count(0)


def test_many_structures_are_tiles_of_their_own_day(visit, monkeypatch, tmp_path):
    monkeypatch.setattr(viewing, "FEW", 40)
    monkeypatch.setattr(mvt, "FEW", 0)
    page = visit.go(f"/?lang=en&beside={THEN}&layers=illegal_structures&at=117.3,36.2,12.6")
    asked = [url for url in visit.asked if "/tiles/illegal_structures/" in url]
    then = [url for url in asked if f"on={THEN}" in url]
    assert len(then) >= 2 and len(asked) > len(then)
    drawn = "css => document.querySelectorAll(css + ' .leaflet-tiles-illegal_structures-pane canvas').length"
    assert page.evaluate(drawn, "#beside-map") >= 2
    box = page.locator("#beside-map").bounding_box()
    tip = page.locator("#beside-map .leaflet-tooltip")
    spots = [(box["x"] + box["width"] * (0.3 + i / 40), box["y"] + box["height"] * 0.42) for i in range(16)]
    for at in spots:
        page.mouse.move(*at)
        if tip.count():
            break
    expect(tip).to_contain_text(re.compile(r"Close together: \d+"))
    # The picture has a column of the legend for each day.
    wide, _ = struct.unpack(">II", saved_picture(page, tmp_path / "two.png").read_bytes()[16:24])
    frame = [page.locator(css).bounding_box() for css in ("#beside-map", ".folium-map")]
    across = frame[1]["x"] + frame[1]["width"] - frame[0]["x"]
    assert wide == pytest.approx(2 * (56 + across + 300 + 92), abs=2)
