"""The months on the map: by keyboard, by pointer and played; no shape is loaded for them."""

import re

import pytest
from playwright.sync_api import expect
from test_colouring import middles, wrong
from visits import DESK, PHONE

pytestmark = pytest.mark.browser


def told(page, day):
    """Return how many compounds stood at each stage at the end of a month."""
    months = page.request.get(page.url.split("/?")[0] + "/map/months.json").json()
    return [str(count) for count in months["counts"][months["ends"].index(day)]]


def counts(page):
    return page.locator("#time-counts li:not(.is-late) b").all_inner_texts()


def test_the_slider_shows_any_month_and_loads_no_shape_again(visit):
    page = visit.go("/?lang=en&layers=compounds&at=117.3,36.2,12.6")
    places = middles(page, visit.address)
    slider = page.locator("#time-month")
    assert counts(page) == told(page, "2022-06-30")
    slider.focus()
    visit.asked.clear()
    for day in ("2022-05-31", "2022-04-30"):
        page.keyboard.press("ArrowLeft")
        expect(page).to_have_url(re.compile(f"on={day}"))
    page.wait_for_load_state("networkidle")
    assert [url for url in visit.asked if ".geojson" in url] == []
    assert sum("each=1" in url for url in visit.asked) == 1
    assert counts(page) == told(page, "2022-04-30")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^30 Apr 2022: Not begun \d+, Survey "))
    expect(page.locator(".bar .on .day")).to_have_text("30 Apr 2022")
    assert page.locator("#legend .count b").all_inner_texts()[1:] == counts(page)
    assert wrong(page, visit.address, places, "stage", "&on=2022-04-30") == {}
    page.select_option("#colour", "lateness")
    page.wait_for_load_state("networkidle")
    assert wrong(page, visit.address, places, "lateness", "&on=2022-04-30") == {}
    slider.focus()
    page.keyboard.press("Home")
    expect(page).to_have_url(re.compile("on=2018-12-31|on=2019-01-31"))
    page.keyboard.press("End")
    expect(page.locator("#time-note")).to_have_text("yet to come, as recorded today")
    page.wait_for_load_state("networkidle")
    assert wrong(page, visit.address, places, "lateness", "&on=2024-11-30") == {}
    assert [url for url in visit.asked if "compounds.geojson" in url] == []


@pytest.mark.parametrize("visit", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
def test_the_months_are_played_to_today_and_can_be_halted(visit):
    page = visit.go("/?lang=en&on=2022-01-31&layers=compounds")
    button = page.locator("#time-play")
    visit.asked.clear()
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_have_attribute("aria-label", "Pause")
    expect(page.locator("#time-told b")).to_have_text("31 Mar 2022")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page).to_have_url(re.compile("on=2022-0[34]-3"))
    button.click()
    expect(page.locator("#time-told b")).to_have_text("30 Jun 2022")
    expect(button).to_have_attribute("aria-label", "Play the months")
    page.wait_for_load_state("networkidle")
    assert "on" not in visit.filters()
    assert counts(page) == told(page, "2022-06-30")
    assert [url for url in visit.asked if ".geojson" in url] == []


def test_a_filter_of_a_stage_asks_anew_which_compounds_stand_there(visit):
    page = visit.go("/?lang=en&stage=construction&layers=compounds&at=117.3,36.2,12")
    page.locator("#time-month").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("on=2022-05-31"))
    page.wait_for_load_state("networkidle")
    number = told(page, "2022-05-31")[5]
    expect(page.locator("#summary strong")).to_have_text(f"{number} compounds")
    page.locator("#list summary").click()
    expect(page.locator("#list-rows tr")).to_have_count(int(number))


def test_who_wants_no_motion_is_shown_the_months_slowly(visit):
    visit.page.emulate_media(reduced_motion="reduce")
    page = visit.go("/?lang=en&on=2022-01-31&layers=compounds")
    page.locator("#time-play").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#time-told b")).to_have_text("28 Feb 2022")
    page.wait_for_timeout(900)
    expect(page.locator("#time-told b")).to_have_text("28 Feb 2022")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("on=2022-02-28"))
