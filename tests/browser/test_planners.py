"""What planners do, in a real browser: from tables to the map, from cells to their rows, to the wall."""

import re
from pathlib import Path

import pytest
from pdfreading import text
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_who_is_not_covered_is_followed_from_the_tables_to_the_map(visit):
    page = visit.go("/planning?lang=en")
    # Another measure of the same table, opened by a person.
    cover = page.locator("section[aria-labelledby=t-cover]")
    cover.locator("summary", has_text="Households").click()
    expect(cover.locator("details[open]")).to_have_count(2)
    pace = page.locator("section[aria-labelledby=t-pace]")
    expect(pace.locator("tfoot tr").first).to_contain_text("134 / 240")
    pace.locator("summary", has_text="Floor area").click()
    expect(pace).to_contain_text("the same shares are asked of another measure")
    # The needy outside this year's plan, and exactly these on the map, with the filter named.
    page.get_by_role("link", name="Show all of them on the district map").click()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#summary strong")).to_have_text("76 compounds")
    expect(page.locator("#chips")).to_contain_text("Not in the plan of 2022")
    page.go_back()
    # What one kind serves and where not; another kind by its tab; a gap on the map.
    page.get_by_role("link", name="Primary school").first.click()
    expect(page.locator("h1")).to_contain_text("Primary school")
    expect(page.locator(".gapmap svg")).to_be_visible()
    page.locator("nav.tabs a", has_text="Market").click()
    expect(page.locator("nav.tabs a[aria-current=page]")).to_have_text("Market")
    gap = page.locator("section[aria-labelledby=t-gap-list] tbody a").first
    name = gap.inner_text()
    gap.click()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#panel")).to_contain_text(name)
    expect(page.locator("#chips")).to_contain_text("Outside the reach of: Market")


def test_a_figure_is_followed_to_its_rows_and_taken_away(visit):
    page = visit.go("/sheets?lang=en")
    page.get_by_role("link", name="Progress", exact=False).first.click()
    # The total of the works begun, and the rows that it counts.
    cell = page.locator(
        "table.survey tfoot a[href*='column=started&'], table.survey tfoot a[href$='=started']"
    )
    count = cell.inner_text()
    cell.click()
    expect(page.locator("table.traced")).to_have_attribute("data-count", count)
    page.go_back()
    with page.expect_navigation():
        page.locator("select[name=period]").select_option("year")
    expect(page.locator("h1")).to_contain_text("2022")
    with page.expect_download() as download:
        page.get_by_role("link", name="XLSX").click()
    assert Path(download.value.path()).read_bytes()[:2] == b"PK"
    # The assessment says what nobody has reported yet, and its points lead to rows.
    page = visit.go("/assessment?lang=en")
    expect(page.locator(".provisional")).to_contain_text("3 items of the score sheet are not reported yet")
    expect(page.locator("table.points tfoot")).to_contain_text("not reported")
    page.locator("table.points tbody a").first.click()
    expect(page.locator("table.traced")).to_be_visible()
    # Charts: drawn for this window, each with its table, each as a file.
    page = visit.go("/charts?lang=en")
    charts = page.locator("figure.drawn")
    for place in range(charts.count()):
        chart = charts.nth(place)
        expect(chart.locator(".desk svg")).to_be_visible()
        expect(chart.locator(".phone svg")).to_be_hidden()
        chart.locator("summary").click()
        expect(chart.locator("table")).to_be_visible()
    assert charts.count() >= 4
    with page.expect_download() as download:
        charts.first.get_by_role("link", name="SVG").click()
    assert Path(download.value.path()).read_text("utf-8").startswith("<svg")


def test_a_sheet_for_the_wall_is_chosen_and_downloaded(visit, poppler):
    page = visit.go("/wallmap?lang=en")
    page.locator("#district-size").select_option("A3")
    page.locator("#district-held").select_option("portrait")
    with page.expect_download() as download:
        page.locator("section[aria-labelledby=w-district] button").click()
    assert re.fullmatch(r"guatu-district-\d{4}-\d\d-\d\d-A3\.pdf", download.value.suggested_filename)
    pdf = Path(download.value.path()).read_bytes()
    assert pdf[:5] == b"%PDF-" and "plan of 2022" in " ".join(text(pdf).split())
    with page.expect_download() as download:
        page.locator(".wall-list a").first.click()
    assert "Illegal structures inside" in text(Path(download.value.path()).read_bytes())
    # Another day: the page keeps it for what it gives.
    page = visit.go("/wallmap?lang=zh&on=2022-03-31")
    expect(page.locator("input[name=on][type=hidden]").first).to_have_value("2022-03-31")
