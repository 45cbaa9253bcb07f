"""The server: waitress, whose threads answer; what is only repeated is answered by the one that listens.

To hand a request over to a thread, and to be woken by it, takes longer than to repeat an answer.
"""

from flask import Flask
from waitress import create_server
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ThreadedTaskDispatcher, WSGITask

from webmap.repeating import Repeating

#: So many threads answer what is not repeated.
THREADS = 8


class _Task(WSGITask):
    """An answer after which the connection stays, also where it has no body."""

    def set_close_on_finish(self) -> None:
        # Waitress closes where no length is told; an answer without a body needs none.
        asked = self.request.headers.get("CONNECTION", "").lower()
        if self.has_body or self.version != "1.1" or asked == "close":
            super().set_close_on_finish()


class _Channel(HTTPChannel):
    """A connection; its ``server`` has the application that repeats."""

    task_class = _Task

    def answered_at_once(self) -> bool:
        """Answer the requests that wait, while they only need repeating; return whether none is left."""
        while self.requests:
            # Where output waits for its reader, so would we.
            if self.total_outbufs_len or not self._answered(self.requests[0]):
                return False
        return True

    def _answered(self, request: HTTPRequestParser) -> bool:
        task = self.task_class(self, request)
        found = (
            None if request.error else self.server.application.repeated(task.get_environment(), at_once=True)
        )
        if found is None:
            return False
        task.status, task.response_headers, task.complete = found.status, list(found.headers), True
        task.content_length = len(found.body) if task.has_body else None
        try:
            task.start()
            task.write(found.body)
            task.finish()
        except (ClientDisconnected, OSError):
            task.close_on_finish = True
        self.requests.pop(0)
        request.close()
        if task.close_on_finish:
            self.close_when_flushed = True
            for waiting in self.requests:
                waiting.close()
            self.requests = []
        return True


class _Dispatcher(ThreadedTaskDispatcher):
    """Hands over to threads what is not answered at once."""

    def add_task(self, task: _Channel) -> None:
        """Take in a connection on which a request waits."""
        if not task.answered_at_once():
            super().add_task(task)


class _Application:
    """What the server asks: the application, and what it only repeats."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        before = app.wsgi_app
        self.repeated = before.repeated if isinstance(before, Repeating) else lambda *_told, **_how: None

    def __call__(self, environ: dict, start_response: object) -> object:
        return self._app(environ, start_response)


def make_server(app: Flask, host: str, port: int):  # noqa: ANN201  # waitress's own, of one socket or several
    """Return a waitress server of the app that listens; ``run`` serves until ``close``.

    Raises:
        OSError: the port cannot be used.
        ValueError: nor can the host.
    """
    dispatcher = _Dispatcher()
    dispatcher.set_thread_count(THREADS)
    server = create_server(
        _Application(app),
        _dispatcher=dispatcher,
        host=host,
        port=port,
        connection_limit=1000,
        channel_timeout=20,
        ident=None,
        # Kept, so that a request that came through another server is seen to have done so.
        clear_untrusted_proxy_headers=False,
    )
    for listening in getattr(server, "map", {None: server}).values():
        if hasattr(listening, "channel_class"):
            listening.channel_class = _Channel
    return server
