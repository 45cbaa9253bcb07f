"""The server: what it answers at once and by threads, in order, over connections that stay."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from desk import feature, point
from running import running
from werkzeug.datastructures import Headers

TILE = "/tiles/illegal_structures/9/422/199.mvt"
NOTHING = "/tiles/compounds/9/0/0.mvt"
PAGE = "/healthz"


class Served:
    """A running server, and the names of the threads in which Flask answered."""

    def __init__(self, app, server) -> None:
        self.reached: list[str] = []
        app.before_request(lambda: self.reached.append(threading.current_thread().name))
        self.alone, self.server = app.test_client(), server

    def connect(self) -> "Line":
        return Line(int(self.server.effective_port))


class Line:
    """A connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")

    def ask(
        self, *paths: str, protocol: str = "HTTP/1.1", **headers: str
    ) -> list[tuple[int, Headers, bytes]]:
        """Ask for all paths before the first answer is read; return the answers in order."""
        said = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        asked = "".join(f"GET {path} {protocol}\r\nHost: 127.0.0.1\r\n{said}\r\n" for path in paths)
        self.socket.sendall(asked.encode())
        return [self._read() for _ in paths]

    def _read(self) -> tuple[int, Headers, bytes]:
        status = int(self.file.readline().split()[1])
        lines = iter(lambda: self.file.readline().decode("latin-1").strip(), "")
        headers = Headers(line.split(": ", 1) for line in lines)
        body = self.file.read(int(headers.get("Content-Length", 0)))
        return status, headers, body

    def is_closed(self) -> bool:
        return self.file.read(1) == b""

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def served(make_app, desk) -> Iterator[Served]:
    app = make_app(desk.store, LOCAL_ROLE="bureau")
    with running(app) as server:
        yield Served(app, server)


@pytest.fixture
def line(served) -> Iterator[Line]:
    with closing(served.connect()) as connected:
        yield connected


def without_word(headers: Headers) -> dict[str, str]:
    word = re.search(r"'nonce-([^']+)'", headers["Content-Security-Policy"])[1]
    return {name: value.replace(word, "WORD") for name, value in headers.items() if name != "Date"}


def test_what_is_repeated_is_sent_as_it_was_sent_by_a_thread(served, line):
    for headers in ({}, {"Accept_Encoding": "gzip"}):
        (first,) = line.ask(TILE, **headers)
        before = len(served.reached)
        (again,) = line.ask(TILE, **headers)
        # Another store than one in a file is not asked by who listens, but nor is Flask.
        assert len(served.reached) == before
        assert first[0] == again[0] == 200 and first[2] == again[2]
        assert without_word(first[1]) == without_word(again[1])
        assert first[1]["Content-Security-Policy"] != again[1]["Content-Security-Policy"]


def test_an_edit_is_in_the_very_next_answer(served, desk, line):
    ((_, _, before),) = line.ask(TILE)
    assert line.ask(TILE)[0][2] == before
    desk.load("illegal_structures", [feature(point(117.0302, 36.6045), code="S05", state="closed")])
    ((status, _, after),) = line.ask(TILE)
    assert status == 200 and after != before
    assert after == served.alone.get(TILE).data


def test_answers_come_in_the_order_of_the_questions(served, line):
    line.ask(TILE, NOTHING)
    answers = line.ask(TILE, PAGE, NOTHING, TILE, "/nothing", TILE, PAGE)
    assert [status for status, _, _ in answers] == [200, 200, 204, 200, 404, 200, 200]
    assert answers[0][2] == answers[3][2] == answers[5][2] == served.alone.get(TILE).data
    assert answers[1][2] == answers[6][2] == served.alone.get(PAGE).data
    assert set(served.reached) - {"MainThread"} <= {f"waitress-{number}" for number in range(8)}


def test_a_connection_stays_also_after_answers_without_a_body(line):
    ((_, headers, _),) = line.ask(TILE)
    for _ in range(3):
        answers = line.ask(TILE, If_None_Match=headers["ETag"]) + line.ask(NOTHING)
        assert [status for status, _, _ in answers] == [304, 204]
        assert all("Connection" not in told for _, told, _ in answers)
    assert line.ask(TILE)[0][0] == 200


@pytest.mark.parametrize("path", [TILE, NOTHING])
def test_a_connection_ends_where_that_is_asked_for(served, path):
    for protocol, headers in (("HTTP/1.1", {"Connection": "close"}), ("HTTP/1.0", {})):
        for _ in range(2):
            with closing(served.connect()) as line:
                ((_, told, _),) = line.ask(path, protocol=protocol, **headers)
                assert told["Connection"] == "close" and line.is_closed()


def test_who_is_asked_by_another_server_is_a_visitor_also_at_once(served, line):
    published = served.alone.get(TILE, headers={"Via": "1.1 proxy"}).data
    every = served.alone.get(TILE).data
    assert published != every
    for _ in range(2):
        assert line.ask(TILE)[0][2] == every
        assert line.ask(TILE, Via="1.1 proxy")[0][2] == published


def test_who_hangs_up_harms_nobody(served, line):
    line.ask(TILE)
    for _ in range(20):
        with closing(served.connect()) as gone:
            gone.socket.sendall(f"GET {TILE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * 50)
    assert line.ask(TILE)[0][0] == 200


def test_who_reads_slowly_keeps_nobody_waiting(served, line):
    script = re.search(r"\"(/map/script\.js\?v=\w+)\"", served.alone.get("/").text)[1]
    line.ask(script)
    with closing(served.connect()) as slow:
        asked = f"GET {script} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        slow.socket.sendall(asked * 200)  # 20 MB of answers
        for _ in range(5):
            assert line.ask(script)[0][0] == 200
        sizes = {len(slow._read()[2]) for _ in range(200)}
        assert len(sizes) == 1
