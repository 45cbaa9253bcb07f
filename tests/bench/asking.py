"""A client that costs little and treats every server alike: connections that stay open, one answer at a time.

Each connection asks its next question when it has the answer to the one before, as a browser does.
"""

import re
import selectors
import socket
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import NamedTuple
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding: *chunked", re.IGNORECASE | re.MULTILINE)
_CLOSED = re.compile(rb"^connection: *close", re.IGNORECASE | re.MULTILINE)
_LAST = b"0\r\n\r\n"
_EMPTY = (204, 304)


class Answered(NamedTuple):
    """An answer: its path, its status, the bytes of its body, and after how many seconds it was there."""

    path: str
    status: int
    size: int
    seconds: float


class _Line:
    """A connection to a server."""

    def __init__(self, address: str) -> None:
        split = urlsplit(address)
        self._place = (split.hostname, split.port)
        self._head = f"Host: {split.netloc}\r\nAccept-Encoding: gzip\r\n\r\n"
        self._begun, self._path, self._found = 0.0, "", b""
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(self._place, timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, path: str) -> None:
        self._path, self._found, self._begun = path, b"", perf_counter()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\n{self._head}".encode())

    def hear(self) -> Answered | None:
        """Take what has come; return the answer when it is there."""
        came = self.socket.recv(1 << 18)
        assert came, f"the server hangs up in the middle of {self._path}"
        self._found += came
        head, parted, body = self._found.partition(b"\r\n\r\n")
        if not parted or not _is_whole(head, body):
            return None
        seconds = perf_counter() - self._begun
        if _CLOSED.search(head):
            self.socket.close()
            self.open()
        return Answered(self._path, int(head[9:12]), len(body), seconds)


def _is_whole(head: bytes, body: bytes) -> bool:
    if int(head[9:12]) in _EMPTY:
        return True
    length = _LENGTH.search(head)
    if length is not None:
        return len(body) >= int(length[1])
    assert _CHUNKED.search(head), "an answer that tells no length"
    return body.endswith(_LAST)


def ask(address: str, paths: Iterable[str], lines: int = 1) -> tuple[list[Answered], float]:
    """Return the answers of a server, asked over so many connections at once, and the seconds for all."""
    left, found = iter(paths), []
    with selectors.DefaultSelector() as ready:
        began = perf_counter()
        for _ in range(lines):
            _next(_Line(address), left, ready)
        while ready.get_map():
            for key, _ in ready.select():
                answered = key.data.hear()
                if answered is not None:
                    found.append(answered)
                    ready.unregister(key.fileobj)
                    _next(key.data, left, ready)
        return found, perf_counter() - began


def _next(line: _Line, left: Iterator[str], ready: selectors.BaseSelector) -> None:
    path = next(left, None)
    if path is None:
        line.socket.close()
        return
    line.ask(path)
    ready.register(line.socket, selectors.EVENT_READ, line)
