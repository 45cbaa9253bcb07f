"""Two days side by side: both maps agree with the record of their day and move together."""

import pytest
from playwright.sync_api import expect
from test_colouring import middles, wrong
from visits import DESK, PHONE

pytestmark = pytest.mark.browser

COLOURS_ON = """([places, css]) => {
  const holder = document.querySelector(css);
  const canvas = holder.querySelector(".leaflet-overlay-pane canvas");
  const box = canvas.getBoundingClientRect(), frame = holder.getBoundingClientRect();
  const scale = canvas.width / box.width, copy = new OffscreenCanvas(canvas.width, canvas.height);
  const pen = copy.getContext("2d", { willReadFrequently: true });
  pen.drawImage(canvas, 0, 0);
  return places.map(([lon, lat]) => {
    const p = map_district.latLngToContainerPoint([lat, lon]);
    if (p.x < 4 || p.y < 4 || p.x > frame.width - 4 || p.y > frame.height - 4) return null;
    const at = [frame.left + p.x - box.left, frame.top + p.y - box.top].map((x) => Math.round(x * scale));
    const { data } = pen.getImageData(...at, 1, 1);
    return "#" + [0, 1, 2].map((k) => data[k].toString(16).padStart(2, "0")).join("");
  });
}"""


def colours_on(page, places, css="#beside-map"):
    """Return the colour of what is drawn on one of two maps at each place, None out of view."""
    return page.evaluate(COLOURS_ON, [list(places), css])


def wrong_beside(page, address, places, colouring, day):
    """Return the compounds of the other map whose colour is not that of their class on its day."""
    return wrong(page, address, places, colouring, f"&on={day}", colours_on)


@pytest.mark.parametrize("visit", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
def test_both_maps_tell_the_truth_of_their_day_and_move_together(visit):
    page = visit.go("/?lang=en&beside=2021-04-15&layers=compounds,street_offices&at=117.3,36.2,13")
    places = middles(page, visit.address)
    expect(page.locator("#changes h2")).to_have_text("Changes from 15 Apr 2021 to 30 Jun 2022")
    assert wrong_beside(page, visit.address, places, "stage", "2021-04-15") == {}
    boxes = [page.locator(css).bounding_box() for css in ("#beside-map", "#map_district, .folium-map")]
    assert (abs(boxes[0]["x"] - boxes[1]["x"]) > 100) == (page.viewport_size["width"] > 760)
    page.evaluate("map_district.setView([36.205, 117.302], 14, {animate: false}) && null")
    assert wrong_beside(page, visit.address, places, "stage", "2021-04-15") == {}
    page.evaluate("map_district.setView([36.2, 117.3], 13, {animate: false}) && null")
    page.evaluate(
        """() => { const s = document.getElementById("colour"); s.value = "lateness";
                   s.dispatchEvent(new Event("change", { bubbles: true })); }"""
    )
    assert wrong_beside(page, visit.address, places, "lateness", "2021-04-15") == {}


def test_two_days_are_chosen_and_let_go_again(visit):
    page = visit.go("/?lang=en&plan_year=2022")
    page.get_by_role("link", name="Compare two days").click()
    page.wait_for_url("**beside=2022-03-31**")
    expect(page.locator("#changes p")).to_contain_text("13 compounds moved on to a later stage")
    assert visit.filters()["plan_year"] == "2022"
    page.locator("#beside").fill("2022-05-31")
    page.locator("#beside").dispatch_event("change")
    page.wait_for_url("**beside=2022-05-31**")
    page.wait_for_load_state("networkidle")
    page.locator("#time-month").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#changes p")).to_have_text("Both maps show the same day.")
    expect(page.locator(".day-shown")).to_have_text("31 May 2022")
    page.get_by_role("link", name="Show one day only").click()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#beside-map")).to_have_count(0)
    assert visit.filters()["on"] == "2022-05-31" and "beside" not in visit.filters()
