"""The pages by the rules of WCAG 2.2, levels A and AA, as far as axe-core can tell."""

from pathlib import Path

import pytest
from visits import DESK, PHONE, Visit

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "map": "/?",
    "chosen": "/?compound=XQ0001",
    "filtered": "/?stage=construction&plan_year=2022",
    "planning": "/planning?",
    "compound": "/compounds/XQ0001?",
    "duties": "/duties?",
    "editions": "/editions?",
    "error": "/nothing?",
}


@pytest.mark.parametrize("visit", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_breaks_no_rule_of_wcag(visit: Visit, page: str) -> None:
    opened = visit.page
    for language in ("zh", "en"):
        opened.goto(f"{visit.address}{PAGES[page]}&lang={language}", wait_until="networkidle")
        opened.evaluate(AXE.read_text(encoding="utf-8"))
        found = opened.evaluate("(tags) => axe.run(document, {runOnly: tags})", RULES)
        assert found["passes"]
        told = [
            (broken["id"], node["target"], node["failureSummary"])
            for broken in found["violations"]
            for node in broken["nodes"]
        ]
        assert told == []
    visit.complaints = [text for text in visit.complaints if "404" not in text or page != "error"]
