"""Servers the benchmarks ask: ours as people are served, others' programs, and some of files."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from inputs import CHECKOUT


@contextmanager
def served(store: str, folder: Path) -> Iterator[str]:
    """Give the address of our server on a store, with its files in a folder; it ends with the block."""
    known = {"GUATU_STORE": store, "GUATU_DATA": str(folder), "GUATU_LOCAL_ROLE": "bureau"}
    command = [sys.executable, "-m", "flask", "serve", "--port", "0"]
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env={**os.environ, **known},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = process.stdout.readline()
        found = re.search(r"http://[\d.]+:\d+", said)
        if found is None:
            raise SystemExit(f"our server does not start: {said}")
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def await_rest(most_s: float = 120) -> None:
    """Return when nobody on this machine computes: a server that has just begun makes itself ready first."""
    until, rests = time.monotonic() + most_s, 0
    while rests < 3 and time.monotonic() < until:
        before = _busy_s()
        time.sleep(0.5)
        rests = rests + 1 if _busy_s() - before < 0.1 else 0


def _busy_s() -> float:
    """Return for how long the processors have computed since the machine began."""
    try:
        user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    except OSError:  # another system
        return 0.0
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


class _Files(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing of what is asked for."""


@contextmanager
def files(folder: Path) -> Iterator[str]:
    """Give the address of a server of the files in a folder; it ends with the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@contextmanager
def program(
    command: Callable[[int], list[str]], settings: Mapping[str, str] | None = None, patience_s: float = 60
) -> Iterator[str]:
    """Give the address of a server that a command starts on a port; it ends with the block."""
    port = free_port()
    process = subprocess.Popen(
        command(port),
        env={**os.environ, **(settings or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        until = time.monotonic() + patience_s
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > until:
                process.kill()
                raise SystemExit(
                    f"{command(port)[0]} does not start: {process.stderr.read().decode()[-500:]}"
                )
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


_NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/errors;
worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/root;
    types {{ application/vnd.mapbox-vector-tile mvt; }}
    add_header Content-Encoding gzip;
  }}
}}
"""


@contextmanager
def nginx(folder: Path) -> Iterator[str | None]:
    """Give the address of nginx on the packed files in ``folder``/root, None where it is not installed."""
    path = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        print("nginx is left out: it is not installed")
        yield None
        return
    (folder / "root").mkdir(parents=True)
    settings = folder / "nginx.conf"

    def command(port: int) -> list[str]:
        settings.write_text(_NGINX.format(folder=folder, port=port))
        return [path, "-c", str(settings)]

    with program(command) as address:
        yield address
