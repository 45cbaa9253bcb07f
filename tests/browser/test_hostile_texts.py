"""Two hundred hostile texts in a browser: looked at, pointed to, pressed and found, none of them runs."""

import pytest
from hostile import NAMES, put_texts
from playwright.sync_api import expect
from visits import inside, spot

pytestmark = pytest.mark.browser

EVERYTHING = "layers=compounds,illegal_structures,street_offices,facilities,backdrop"
#: What a text of theirs would have made.
THEIRS = (
    "img[src=x], svg[onload], iframe, marquee, object, math, video, base, [onerror], [onclick], [onfocus]"
)


@pytest.fixture
def hostile(visit, sample_store):
    """A visit to the sample district with hostile texts; none has run when it ends, nor opened a dialog."""
    put_texts(sample_store, NAMES)
    dialogs: list[str] = []
    visit.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    yield visit
    assert_none_ran(visit.page)
    assert dialogs == []


def assert_none_ran(page):
    """Assert that what is shown holds the texts as texts."""
    assert page.evaluate("window.ran") is None
    assert page.locator(THEIRS).count() == 0


def test_the_map_its_tooltips_panel_search_and_lists(hostile):
    visit = hostile
    page = visit.go(f"/?lang=en&at=117.311,36.171,17&{EVERYTHING}&compound=XQ0001")
    expect(page.locator("#panel h2")).to_contain_text("window.ran")
    # Typed themselves, they are looked for and shown marked.
    for typed in ("<img src=x onerror=", "${window", "</script>", "javascript:", "window.ran"):
        page.locator("#search").fill(typed)
        expect(page.locator("#found [role=option]").first).to_contain_text(typed)
        assert_none_ran(page)
    page.locator("#search").fill("")
    page.locator("#list summary").click()
    expect(page.locator("#list")).to_contain_text("window.ran")
    page.locator("#panel-close").click()
    lon, lat = inside(page, "XQ0001")
    x, y = spot(page, lon, lat)
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    expect(page.locator(".leaflet-tooltip").filter(has_text="window.ran").first).to_be_visible()
    page.mouse.click(*spot(page, lon, lat), button="right")
    expect(page.locator(".here")).to_contain_text("window.ran")
    assert_none_ran(page)
    page = visit.go(f"/?lang=zh&{EVERYTHING}&beside=2022-03-31&colour=street_office")
    assert "window.ran" in page.locator("body").inner_text()


def test_every_other_page(hostile):
    for number, path in enumerate(
        (
            "/planning",
            "/planning/coverage?kind=公园绿地",
            "/sheets",
            "/sheets/progress",
            "/sheets/compounds",
            "/assessment",
            "/charts",
            "/charts/streets.svg",
            "/wallmap",
            "/duties",
            "/duties/compounds/XQ0013",
            "/editions",
            "/compounds/XQ0002",
        )
    ):
        page = hostile.go(f"{path}{'&' if '?' in path else '?'}lang={('zh', 'en')[number % 2]}")
        assert "window.ran" in page.content(), path
        assert_none_ran(page)
