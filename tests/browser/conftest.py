"""What the browser tests share: Chromium, a running server, and a visit to it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from running import running
from visits import DESK, Visit

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def address(make_app, sample_store) -> Iterator[str]:
    """The address of a running server on a sample district of this test's own."""
    with running(make_app(sample_store, LOCAL_ROLE="bureau")) as server:
        yield f"http://127.0.0.1:{server.effective_port}"


@pytest.fixture
def visit(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A visit that in the end has asked only us, and has heard no error and no breach of the policy."""
    context = browser.new_context(viewport=getattr(request, "param", DESK), locale="en-US")
    made = Visit(context.new_page(), address)
    yield made
    made.page.wait_for_load_state("networkidle")
    foreign = [url for url in made.asked if not url.startswith((address + "/", "data:", "blob:"))]
    context.close()
    assert made.asked and foreign == []
    assert made.complaints == []
