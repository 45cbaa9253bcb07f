"""The colours on the screen are those of the record, by every colouring; switching loads no shape again."""

import re

import pytest
import shapely
from playwright.sync_api import expect
from visits import PHONE, colours_at, distance

from layers.classes import COLOURINGS
from webmap import palette

pytestmark = pytest.mark.browser


def middles(page, address):
    """Return a place in each compound that is wide enough, by code."""
    told = page.request.get(f"{address}/map/compounds.geojson").json()["features"]
    shapes = {f["id"]: shapely.geometry.shape(f["geometry"]) for f in told}
    circles = {
        code: shapely.maximum_inscribed_circle(shape, tolerance=1e-5) for code, shape in shapes.items()
    }
    wide = sorted(circles, key=lambda code: circles[code].length)[120:]
    return {code: list(circles[code].coords[0]) for code in wide}


def legend_colours(page):
    """Return class → colour, as the legend on the page has it."""
    return page.evaluate(
        """Object.fromEntries([...document.querySelectorAll("#legend [data-class]")]
             .map((row) => [row.dataset.class, row.dataset.colour]))"""
    )


def wrong(page, address, places, colouring, day="", drawn=colours_at):
    """Return the compounds in view whose colour on the screen is not that of their class in the record.

    The map may take a moment to become right, but must then be.
    """
    expect(page.locator(f"#legend[data-colouring={colouring}]")).to_have_count(1)
    told = page.request.get(f"{address}/map/classes.json?colour={colouring}{day}").json()
    looks = legend_colours(page)
    meant = {code: looks[told["classes"][told["of"][code]]] for code in places}
    for _ in range(30):
        seen = dict(zip(places, drawn(page, list(places.values())), strict=True))
        inside = {code: colour for code, colour in seen.items() if colour}
        assert len(inside) > 20
        found = {c: (seen[c], meant[c]) for c in inside if distance(seen[c], meant[c]) > 6}
        if not found:
            return {}
        page.wait_for_timeout(100)
    return found


@pytest.mark.parametrize("at", ["117.3,36.2,12.6", "117.3,36.2,15"], ids=["low", "high"])
def test_by_every_colouring_the_map_has_the_colours_of_the_record(visit, at):
    page = visit.go(f"/?lang=en&layers=compounds&at={at}")
    places = middles(page, visit.address)
    assert wrong(page, visit.address, places, "stage") == {}
    visit.asked.clear()
    for colouring in [*COLOURINGS[1:], "stage"]:
        page.select_option("#colour", "" if colouring == "stage" else colouring)
        assert wrong(page, visit.address, places, colouring) == {}
        chosen = page.locator("#colour option:checked").inner_text()
        expect(page.locator("#legend legend")).to_have_text(chosen)
        assert visit.filters().get("colour", "stage") == colouring
    assert [url for url in visit.asked if ".geojson" in url] == []


def test_a_link_brings_its_colouring_and_the_legend_is_its_filter(visit):
    page = visit.go("/?lang=en&colour=street_office&layers=compounds&at=117.3,36.2,12.6")
    assert wrong(page, visit.address, middles(page, visit.address), "street_office") == {}
    row = page.locator("#legend label.row").nth(3)
    count = row.locator("b").inner_text()
    row.click()
    expect(page.locator("#summary strong")).to_have_text(f"{count} compounds")
    assert re.fullmatch(r"\d+", visit.filters()["street_office"])
    row.click()
    expect(page.locator("#summary strong")).to_have_text("240 compounds")
    page.mouse.move(720, 450)
    page.select_option("#colour", "lateness")
    expect(page.locator("#street_office")).to_be_visible()
    late = page.locator('#legend label.row:has([value="late_30"])')
    count = late.locator("b").inner_text()
    late.click()
    expect(page.locator("#summary strong")).to_have_text(f"{count} compounds")
    page.wait_for_load_state("networkidle")
    assert visit.filters()["lateness"] == "late_30"
    page.select_option("#colour", "")
    expect(page.locator("#chips li").first).to_contain_text("Days late: up to 30 days late")


@pytest.mark.parametrize("visit", [PHONE], indirect=True, ids=["phone"])
def test_on_a_phone_the_colouring_is_chosen_in_the_sheet_by_keyboard(visit):
    page = visit.go("/?lang=en")
    page.locator("#rail-handle").click()
    page.locator("#colour").focus()
    page.keyboard.type("Days")
    expect(page.locator("#legend legend")).to_have_text("Days late")
    expect(page.locator("#colour")).to_be_focused()
    assert legend_colours(page)["late_more"] == palette.LATENESS["late_more"].colour
