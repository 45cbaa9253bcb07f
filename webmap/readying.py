"""The first view made ready when the server starts, beside the answers to those who ask already.

A server that has just started knows nothing: who is first would wait until the loops of tiles are
loaded, the templates translated, the figures counted and the layers read. So the server asks itself
for what a browser asks before any script runs, once when it starts and again on every new day, whose
figures and looks are others. All is answered as it is to everybody: what is kept meanwhile is kept by
those who answer, who know what it rests on.
"""

import html
import logging
import re
from datetime import date
from threading import Event, Thread
from time import perf_counter

from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from webmap import access

log = logging.getLogger("guatu")

#: So often it is looked whether a new day has begun.
_EVERY_S = 60
#: So long the end of the server waits for what is being read just then.
_PATIENCE_S = 5
#: What a page names in its head: files of ours, the script, and what is fetched before it runs.
_NAMED = re.compile(r'<(?:link|script)\b[^>]*? (?:href|src)="([^"]*)"')
#: As a browser asks that has no certificate of ours: an answer is kept for those who ask in this way.
_WAYS = "gzip, deflate"


def _day() -> date:
    return date.today()


class Readying:
    """A thread that makes the first view of an app ready, from ``start`` to ``stop``."""

    def __init__(self, app: Flask) -> None:
        self._app, self._ended = app, Event()
        self._thread = Thread(target=self._run, name="readying", daemon=True)

    def start(self) -> None:
        """Begin; nobody waits for it."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is being read at the moment is let go."""
        self._ended.set()
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            day, began = _day(), perf_counter()
            try:
                self.make()
                log.info("ready for the first view after %.1f s", perf_counter() - began)
            except Exception:  # whoever asks is told what is wrong; here nobody is
                log.warning("not ready for the first view", exc_info=True)
            while _day() == day and not self._ended.wait(_EVERY_S):
                pass

    def make(self) -> None:
        """Make the first view ready, unless it is to end meanwhile."""
        for address in dict.fromkeys(_NAMED.findall(self._ask("/").decode())):
            if self._ended.is_set():
                return
            self._ask(html.unescape(address), _WAYS)
        from geo import warming  # with it comes numba, which takes its time

        warming.warm()

    def _ask(self, address: str, ways: str = "") -> bytes:
        """Return the body of the answer that somebody at this machine gets."""
        builder = EnvironBuilder(path=address, base_url="http://127.0.0.1/")
        environ = {**builder.get_environ(), "REMOTE_ADDR": "127.0.0.1", access.OWN: True}
        if ways:
            environ["HTTP_ACCEPT_ENCODING"] = ways
        pieces, _, _ = run_wsgi_app(self._app, environ, buffered=True)
        return b"".join(pieces)
