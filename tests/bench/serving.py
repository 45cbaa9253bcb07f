"""Servers the benchmarks ask: ours as people are served, in a process of its own, and one of files."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
