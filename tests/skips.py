"""No test is skipped in silence: what is missing, and the command that brings it, is said at the end.

A test belongs to a group by its mark (``@pytest.mark.browser``) or by asking for the group's
fixture. Where CI is true a skip is a failure, but for the data beside the checkout: they are not
ours to bring.
"""

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from cluster import find_programs

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


class Group(NamedTuple):
    """Tests that need one thing: what it is, and how to get it."""

    fixture: str
    needs: str
    remedy: str


GROUPS = {
    "browser": Group(
        "chromium_path",
        "Chromium",
        "apt-get install chromium fonts-noto-cjk (`make test` does it for root and for sudo)",
    ),
    "postgis": Group(
        "cluster",
        "PostgreSQL 15 or newer with PostGIS",
        "apt-get install postgresql-15 postgresql-15-postgis-3 (`make test` does it for root and for sudo)",
    ),
    "poppler": Group(
        "poppler",
        "the PDF readers of poppler",
        "apt-get install poppler-utils (`make test` does it for root and for sudo)",
    ),
    "shared": Group(
        "shared_data",
        "the data folder ../shared/data beside the checkout",
        "ln -s /path/to/shared ../shared && make test",
    ),
}


def find_chromium() -> str | None:
    """Return the path of the Chromium on this machine, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def find_poppler() -> str | None:
    """Return the folder of poppler's programs on this machine, or None."""
    found = shutil.which("pdftotext")
    return found and str(Path(found).parent)


def is_missing(group: str) -> bool:
    """Return whether this machine lacks what a group of tests needs."""
    if group == "shared":
        return not SHARED.is_dir()
    found = {"browser": find_chromium, "poppler": find_poppler, "postgis": find_programs}
    return found[group]() is None


def in_ci() -> bool:
    """Return whether a skip must count as a failure."""
    return os.environ.get("CI", "").lower() in ("true", "1")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium that drives the browser tests."""
    path = find_chromium()
    assert path is not None, "a test that needs Chromium ran without it"
    return path


@pytest.fixture(scope="session")
def poppler() -> str:
    """The folder of the programs that read PDF."""
    folder = find_poppler()
    assert folder is not None, "a test that needs poppler ran without it"
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout."""
    return SHARED


def groups_of(item: pytest.Item) -> list[str]:
    """Return the groups a test belongs to."""
    fixtures = getattr(item, "fixturenames", ())
    return [n for n, group in GROUPS.items() if item.get_closest_marker(n) or group.fixture in fixtures]


def pytest_configure(config: pytest.Config) -> None:
    """Name the groups to pytest as marks."""
    for name, group in GROUPS.items():
        config.addinivalue_line("markers", f"{name}: needs {group.needs}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with its groups, and for skipping where its need is missing."""
    for item in items:
        for name in groups_of(item):
            item.add_marker(name)
            if is_missing(name):
                item.add_marker(pytest.mark.skip(reason=f"[{name}] needs {GROUPS[name].needs}"))


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn the report of a skip that hides a missing part into a failure, where CI is true."""
    if in_ci() and report.skipped and not hasattr(report, "wasxfail") and "[shared]" not in _reason(report):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {_reason(report)}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Refuse the skip of a test where CI is true."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """Refuse the skip of a whole file where CI is true."""
    report = yield
    _refuse_skip(report)
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why a test was skipped, in the words of whoever skipped it."""
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return said.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every skipped group with the command that brings what it needs."""
    reports = terminalreporter.stats.get("skipped", [])
    for reason, count in sorted(Counter(_reason(report) for report in reports).items()):
        group = GROUPS.get(reason[1:].partition("]")[0]) if reason.startswith("[") else None
        remedy = f"; to run: {group.remedy}" if group else ""
        terminalreporter.write_line(f"SKIPPED {count}: {reason}{remedy}", yellow=True)
