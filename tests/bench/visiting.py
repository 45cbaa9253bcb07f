"""Pages in headless Chromium: how long until they are complete, what they ask for, and what they weigh."""

import math
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from inputs import CHECKOUT
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

sys.path.append(str(CHECKOUT / "tests" / "browser"))

from visits import DESK, pixels  # noqa: E402  # they lie with the tests

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
PATIENCE = 120_000  # milliseconds
#: Ours is complete when each layer that is switched on has been told to be drawn, and no tile is missing.
OURS = """(drawn) => {
  const { map, config } = window.guatu ?? {};
  if (!config?.usual.every((layer) => drawn.has(layer))) return false;
  const tiled = Object.values(map._layers).filter((layer) => layer.views);
  const tiles = (layer) => Object.values(layer._tiles);
  return tiled.every((layer) => tiles(layer).length && tiles(layer).every((tile) => tile.loaded));
}"""
#: Theirs, whose layers are put on the map while the page is read, when it has been read and they are there.
THEIRS = """() => document.readyState === "complete" &&
  document.querySelector(".leaflet-overlay-pane path, .leaflet-overlay-pane canvas, .leaflet-marker-icon")"""
#: Complete is what is on the screen: the picture is painted by the second frame after.
_WATCH = """(() => {
  const drawn = new Set(), dispatch = EventTarget.prototype.dispatchEvent, complete = READY;
  EventTarget.prototype.dispatchEvent = function (event) {
    if (event.type === "drawn") drawn.add(event.detail);
    return dispatch.call(this, event);
  };
  const next = (then) => requestAnimationFrame(then);
  window.completed = new Promise((resolve, reject) => {
    const look = () => {
      if (!complete(drawn)) next(look);
      else next(() => next(() => resolve(performance.now())));
    };
    addEventListener("error", (event) => reject(Error(event.message)));
    setTimeout(() => reject(Error("the picture is never complete")), PATIENCE);
    look();
  });
})();"""


class Opened(NamedTuple):
    """A page as it was opened.

    Seconds from navigation to the complete picture, bytes of HTML, bytes over the wire, the addresses
    asked for, the signs on the map (markers and shapes), and the colours by pane.
    """

    seconds: float
    html: int
    received: int
    asked: tuple[str, ...]
    signs: int
    colours: dict[str, set[str]]


@contextmanager
def chromium() -> Iterator[Browser | None]:
    """Give a browser, None where there is none."""
    known = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, known)), None)
    if path is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def opener(
    browser: Browser, address: str, ready: str, *panes: str, patience: int = PATIENCE
) -> Callable[[], Opened]:
    """Return what opens a page as somebody who has never been there, until it is ready.

    A page that is not ready after so many milliseconds is told by infinitely many seconds; whether it
    ever would be nobody knows.
    """

    def opened() -> Opened:
        context = browser.new_context(viewport=DESK)
        page, received, asked, complaints = context.new_page(), [], [], []
        wire = context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.on("Network.loadingFinished", lambda told: received.append(told["encodedDataLength"]))
        wire.on("Network.responseReceived", lambda told: asked.append(told["response"]["url"]))
        # A page that throws looks fast, or is never complete.
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script(_WATCH.replace("READY", ready).replace("PATIENCE", str(2 * patience)))
        answer = page.goto(address, wait_until="commit", timeout=patience)
        try:
            seconds = page.wait_for_function("window.completed", timeout=patience).json_value() / 1000
        except TimeoutError:
            context.close()
            return Opened(math.inf, 0, int(sum(received)), tuple(asked), 0, {})
        colours = {pane: pixels(page, pane) for pane in panes}
        signs = _signs(page)
        # What is asked for right after the picture counts, too.
        page.wait_for_timeout(1000)
        found = Opened(seconds, len(answer.body()), int(sum(received)), tuple(asked), signs, colours)
        context.close()
        assert not complaints, complaints[0]
        return found

    return opened


def _signs(page: Page) -> int:
    return page.evaluate(
        "document.querySelectorAll('.leaflet-overlay-pane path, .leaflet-marker-icon').length"
    )
