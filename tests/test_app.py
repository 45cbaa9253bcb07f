import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import put_district

from app import create_app, is_loopback
from geo.errors import RequestError
from layers import open_store

ROOT = Path(__file__).resolve().parents[1]
CASES = "/export/illegal_structures.geojson"


# Settings.


def test_the_callers_setting_goes_before_the_environment_and_that_before_the_default(monkeypatch, tmp_path):
    for name in ("GUATU_STORE", "GUATU_DATA", "GUATU_LOCAL_ROLE"):
        monkeypatch.delenv(name, raising=False)
    default = create_app().config
    assert default["STORE"] == f"sqlite:///{ROOT / 'data' / 'live' / 'district.db'}"
    assert (default["DATA"], default["LOCAL_ROLE"]) == (ROOT / "data" / "live", None)
    monkeypatch.setenv("GUATU_DATA", str(tmp_path))
    assert create_app().config["STORE"] == f"sqlite:///{tmp_path / 'district.db'}"
    monkeypatch.setenv("GUATU_STORE", "sqlite:////else/where.db")
    monkeypatch.setenv("GUATU_LOCAL_ROLE", "planner")
    named = create_app().config
    assert (named["STORE"], named["DATA"], named["LOCAL_ROLE"]) == (
        "sqlite:////else/where.db",
        tmp_path,
        "planner",
    )
    given = create_app({"STORE": "sqlite:////mine.db", "LOCAL_ROLE": None, "DATA": "/data"}).config
    assert (given["STORE"], given["DATA"], given["LOCAL_ROLE"]) == ("sqlite:////mine.db", Path("/data"), None)


def test_making_the_application_opens_no_store(tmp_path):
    create_app({"STORE": f"sqlite:///{tmp_path / 'd.db'}", "DATA": tmp_path / "data"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("192.168.1.5", False),
    ],
)
def test_what_is_loopback(host, expected):
    assert is_loopback(host) is expected


def test_an_address_nobody_knows_is_refused():
    with pytest.raises(RequestError, match="no.such.host.invalid"):
        is_loopback("no.such.host.invalid")


# Who asks.


@pytest.fixture
def cases(make_app, store):
    """Ask for the illegal structures; S1 and S4 are not published."""
    put_district(store)

    def ask(
        headers: dict | None = None, role: str | None = "bureau", address: str = "127.0.0.1"
    ) -> list[str]:
        client = make_app(store, LOCAL_ROLE=role).test_client()
        answer = client.get(CASES, headers=headers, environ_base={"REMOTE_ADDR": address})
        return [feature["id"] for feature in answer.json["features"]]

    return ask


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:5000", "[::1]:5000", "127.0.0.2"])
def test_a_direct_loopback_request_gets_the_local_role(cases, host):
    assert cases({"Host": host}) == ["S1", "S2", "S3", "S4"]


@pytest.mark.parametrize("role", [None, "visitor", "street_office", "nobody"])
def test_without_a_role_that_may_see_them_cases_stay_unpublished(cases, role):
    assert cases(role=role) == ["S2", "S3"]


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "x-forwarded-anything",
        "Forwarded",
        "Via",
        "X-Real-IP",
    ],
)
def test_a_request_that_came_through_another_server_is_a_visitors(cases, header):
    assert cases({header: "127.0.0.1"}) == ["S2", "S3"]
    assert cases({header: ""}) == ["S2", "S3"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "10.0.0.1",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0:5000",
    ],
)
def test_a_request_addressed_to_another_name_is_a_visitors(cases, host):
    assert cases({"Host": host}) == ["S2", "S3"]


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.7", "fe80::1", "::ffff:10.0.0.1", "", "unix"])
def test_a_request_from_another_machine_is_a_visitors(cases, address):
    assert cases(address=address) == ["S2", "S3"]


# Serving.


@pytest.fixture
def url(tmp_path):
    """The address of a store that holds a small district."""
    url = f"sqlite:///{tmp_path / 'district.db'}"
    store = open_store(url)
    put_district(store)
    store.close()
    return url


def command(url: str, tmp_path: Path, *arguments: str, **environment: str) -> tuple[list[str], dict]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUATU_")}
    ours = {"GUATU_STORE": url, "GUATU_DATA": str(tmp_path / "data"), "GUATU_LANG": "en"}
    return [sys.executable, "-m", "flask", "serve", *arguments], {**kept, **ours, **environment}


class Server:
    """A program that serves, in a process of its own."""

    def __init__(self, url: str, tmp_path: Path, **environment: str) -> None:
        words, setting = command(url, tmp_path, "--port", "0", **environment)
        self.log = tmp_path / "log"
        with self.log.open("w") as log:
            # Who runs the tests behind a shell's & has told them not to heed Ctrl-C: that is passed on.
            heeded = signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                self.process = subprocess.Popen(
                    words, cwd=ROOT, env=setting, text=True, stdout=subprocess.PIPE, stderr=log
                )
            finally:
                signal.signal(signal.SIGINT, heeded)
        self.told = self.process.stdout.readline()
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", self.told)[1])

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def end(self, by: signal.Signals) -> int:
        self.process.send_signal(by)
        return self.process.wait(30)


@pytest.fixture
def serve(url, tmp_path):
    """Start servers; those that still run are ended after the test."""
    started: list[Server] = []

    def start(**environment: str) -> Server:
        started.append(Server(url, tmp_path, **environment))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(30)
        server.process.stdout.close()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_server_says_where_it_is_answers_and_ends_well(serve, url, tmp_path, by):
    server = serve()
    assert server.told == f"The district map is at http://127.0.0.1:{server.port}/ — Ctrl-C ends it.\n"
    answer = server.get("/healthz")
    assert (answer.status, json.loads(answer.content)) == (200, {"status": "ok"})
    assert answer.headers["Server"] is None
    assert server.get("/").status == 200
    assert server.end(by) == 0
    assert "Traceback" not in server.log.read_text()
    # The last one out leaves nothing to be recovered.
    assert not (tmp_path / "district.db-wal").exists()
    open_store(url).close()


def test_the_log_of_a_server_holds_no_query_and_no_address(serve):
    server = serve()
    server.get("/export/compounds.geojson?text=secret-1", Referer="http://secret-2/", User_Agent="secret-3")
    server.get("/nothing?text=secret-4")
    assert server.end(signal.SIGTERM) == 0
    log = server.log.read_text()
    assert re.search(r"INFO GET /export/compounds.geojson 200 \d+ ms\n", log)
    assert re.search(r"INFO GET /nothing 404 \d+ ms\n", log)
    assert "secret" not in log and "127.0.0.1" not in log


def test_a_server_gives_the_local_role_to_direct_requests_only(serve):
    server = serve(GUATU_LOCAL_ROLE="bureau")

    def seen(**headers: str) -> list[str]:
        return [feature["id"] for feature in json.loads(server.get(CASES, **headers).content)["features"]]

    assert seen() == ["S1", "S2", "S3", "S4"]
    for headers in (
        {"X_Forwarded_For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 x"},
        {"X_Real_IP": "127.0.0.1"},
        {"Host": "evil.example"},
    ):
        assert seen(**headers) == ["S2", "S3"], headers


def test_without_the_setting_everybody_is_a_visitor(serve):
    found = json.loads(serve().get(CASES).content)
    assert [feature["id"] for feature in found["features"]] == ["S2", "S3"]


def test_two_servers_share_one_store(serve):
    one, other = serve(), serve()
    assert one.get(CASES).content == other.get(CASES).content
    assert one.end(signal.SIGTERM) == 0
    assert other.get("/healthz").status == 200


def test_an_answer_that_has_begun_is_ended_before_the_server_is(serve):
    server = serve()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(
            b"GET /export/compounds.geojson HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        content = b""
        while piece := line.recv(65536):
            content += piece
    assert content.startswith(b"HTTP/1.1 200") and b'"C4"' in content
    assert server.process.wait(30) == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (
            ["--host", "0.0.0.0"],
            {"GUATU_LOCAL_ROLE": "bureau"},
            "unset GUATU_LOCAL_ROLE to listen on 0.0.0.0.",
        ),
        (["--host", "::"], {"GUATU_LOCAL_ROLE": "visitor"}, "unset GUATU_LOCAL_ROLE to listen on ::."),
        ([], {"GUATU_LOCAL_ROLE": "king"}, "No role is called king."),
        (
            ["--host", "no.such.host.invalid"],
            {"GUATU_LOCAL_ROLE": "bureau"},
            "no.such.host.invalid is not known",
        ),
        (["--host", "no.such.host.invalid"], {}, "Port 0 of no.such.host.invalid cannot be used"),
    ],
)
def test_what_cannot_be_served_is_one_line(url, tmp_path, arguments, environment, said):
    words, setting = command(url, tmp_path, "--port", "0", *arguments, **environment)
    done = subprocess.run(words, cwd=ROOT, env=setting, text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_one_line(url, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        words, setting = command(url, tmp_path, "--port", port)
        done = subprocess.run(words, cwd=ROOT, env=setting, text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Port {port} of 127.0.0.1 cannot be used: it is in use already.\n"
