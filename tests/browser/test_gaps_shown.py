"""Gaps in service over the map: hatched, counted, told to the pointer, in the compounds that are shown."""

import pytest
from playwright.sync_api import expect
from visits import distance, pixels, spot

pytestmark = pytest.mark.browser


def gaps(page, address, asked=""):
    return page.request.get(f"{address}/map/gaps.geojson?kind=小学{asked}").json()["features"]


def test_gaps_are_hatched_and_follow_the_filters(visit):
    page = visit.go("/?lang=en&layers=compounds&at=117.3,36.2,13")
    count, key = page.locator("#gap-count b"), page.locator("#gap-count .key")
    expect(count).to_have_count(0)
    page.select_option("#gaps", "小学")
    told = gaps(page, visit.address)
    expect(count).to_have_text(str(len(told)))
    homes = sum(one["properties"]["households"] or 0 for one in told)
    expect(key).to_contain_text(f"{round(homes):,} of ")
    assert visit.filters()["gaps"] == "小学"
    page.wait_for_load_state("networkidle")
    assert any(distance("#9a3b12", colour) < 40 for colour in pixels(page, "gaps"))
    # The colours of the stages shine through, and the compound below tells how much of it is out of reach.
    assert any(distance("#1b7a3d", colour) <= 12 for colour in pixels(page))
    where = """codes => { for (const layer of Object.values(map_district._layers))
      if (codes.includes(layer.feature?.properties.code) && layer.feature.properties.stage) {
        const { lng, lat } = layer.getCenter(), box = map_district.getBounds().pad(-0.2);
        if (box.contains([lat, lng])) return [lng, lat];
      } }"""
    whole = [one["id"] for one in told if (one["properties"]["households"] or 0) > 300]
    page.mouse.move(*spot(page, *page.evaluate(where, whole)))
    expect(page.locator(".leaflet-tooltip")).to_contain_text("out of reach: ")
    page.mouse.move(10, 400)
    page.select_option("#plan_year", "2022")
    left = gaps(page, visit.address, "&plan_year=2022")
    assert 0 < len(left) < len(told)
    expect(count).to_have_text(str(len(left)))
    page.wait_for_load_state("networkidle")
    drawn = "Object.values(map_district._layers).filter((l) => l.feature && l.options.pane === 'gaps').length"
    page.wait_for_function(f"{drawn} === {len(left)}")
    page.select_option("#gaps", "")
    expect(count).to_have_count(0)
    assert pixels(page, "gaps") == set() and "gaps" not in visit.filters()
