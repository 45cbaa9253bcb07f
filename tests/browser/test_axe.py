"""The pages by the rules of WCAG 2.2, levels A and AA, as far as axe-core can tell."""

from pathlib import Path

import pytest
from playwright.sync_api import Page
from visits import DESK, PHONE, Visit

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = (
    "/?",
    "/?compound=XQ0001",
    "/?stage=construction&plan_year=2022",
    "/?colour=lateness&on=2022-03-31",
    "/?colour=street_office&beside=2022-03-31",
    "/?here=117.3,36.18&measure=117.29,36.18;117.3,36.19;117.3,36.18",
    "/planning?",
    "/planning/coverage?kind=小学",
    "/wallmap?",
    "/compounds/XQ0001?",
    "/duties?",
    "/editions?",
    "/sheets/progress?",
    "/sheets/plan/rows?column=funds_rate",
    "/assessment?",
    "/charts?",
    "/nothing?",
)


@pytest.mark.parametrize("visit", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
def test_no_page_breaks_a_rule_of_wcag(visit: Visit) -> None:
    told = []
    for page in PAGES:
        for language in ("zh", "en"):
            told += broken(visit.go(f"{page}&lang={language}"), f"{page}&lang={language}")
    assert told == []
    # A page that is not there says so on the console, too.
    visit.complaints = [text for text in visit.complaints if "404" not in text]


def broken(page: Page, path: str) -> list[tuple[str, ...]]:
    """Return the rules a page breaks: where, which, and what would mend it."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("(tags) => axe.run(document, {runOnly: tags})", RULES)
    assert len(found["passes"]) > 15
    return [
        (path, rule["id"], str(node["target"]), node["failureSummary"])
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
