"""A server of ours in a thread of a test's own, ended so that no socket stays open."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from waitress import wasyncore
from waitress.server import BaseWSGIServer

from webmap.listening import make_server


@contextmanager
def running(app: Flask) -> Iterator[BaseWSGIServer]:
    """Serve an app on a port of this machine until this ends."""
    server = make_server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server
    server.task_dispatcher.shutdown()
    # By the thread that uses them: one it was just taking in would stay open.
    server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map))
    thread.join(10)
    assert not thread.is_alive()
