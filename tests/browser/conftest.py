"""What the browser tests share: Chromium, a running server, and a visit to it."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, sync_playwright
from visits import DESK, Visit

from webmap.listening import make_server

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


def _run(server) -> None:
    # It may be waiting for its own sockets at the moment they are closed.
    with suppress(OSError):
        server.run()


@pytest.fixture
def address(make_app, sample_store) -> Iterator[str]:
    """The address of a running server on a sample district of this test's own."""
    server = make_server(make_app(sample_store, LOCAL_ROLE="bureau"), "127.0.0.1", 0)
    thread = threading.Thread(target=_run, args=(server,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(10)


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
