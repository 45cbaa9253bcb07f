"""The front door: defaults, the application, and serving it.

The only place that knows an environment variable. ``create_app`` takes a mapping that goes
before the environment, which goes before the defaults; nothing is read at import.
"""

import ipaddress
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import click
from flask import Flask, current_app

import webmap
from geo.errors import GuatuError, RequestError, StoreError
from layers import people
from webmap.access import store
from webmap.commands import Command, Option, tell

HERE = Path(__file__).resolve().parent


def create_app(config: Mapping[str, object] | None = None) -> Flask:
    """Return the application.

    ``STORE`` is the store's URL, ``DATA`` the folder of originals and caches, ``LOCAL_ROLE``
    the role a direct loopback request gets (None: visitor), ``CLI_LANGUAGE`` zh or en;
    ``BASEMAP`` is a template of addresses with {z}, {x} and {y} (or several, one to be laid on the other,
    with blanks between), or a file .mbtiles or .pmtiles, of the system ``BASEMAP_SYSTEM`` (wgs84 or
    gcj02) and the grid ``BASEMAP_GRID`` (3857 or 4490), whose makers ``BASEMAP_ATTRIBUTION`` names;
    ``SECRET_KEY`` signs the forms (None: the one kept in DATA, made when it is first needed).
    """
    app = Flask(
        "guatu", root_path=str(HERE), template_folder="webmap/templates", static_folder="webmap/static"
    )
    data = Path(os.environ.get("GUATU_DATA") or HERE / "data" / "live").absolute()
    app.config.from_mapping(
        STORE=os.environ.get("GUATU_STORE") or f"sqlite:///{data / 'district.db'}",
        DATA=data,
        LOCAL_ROLE=os.environ.get("GUATU_LOCAL_ROLE") or None,
        CLI_LANGUAGE=_language(os.environ),
        BASEMAP=os.environ.get("GUATU_BASEMAP") or None,
        BASEMAP_SYSTEM=os.environ.get("GUATU_BASEMAP_SYSTEM") or None,
        BASEMAP_GRID=os.environ.get("GUATU_BASEMAP_GRID") or None,
        BASEMAP_ATTRIBUTION=os.environ.get("GUATU_BASEMAP_ATTRIBUTION") or None,
        SECRET_KEY=os.environ.get("GUATU_SECRET_KEY") or None,
        BABEL_TRANSLATION_DIRECTORIES=str(HERE / "webmap" / "translations"),
        MAX_CONTENT_LENGTH=1 << 20,
    )
    app.config.from_mapping(config or {})
    app.config["DATA"] = Path(app.config["DATA"])
    app.config["FIND_SECRET_KEY"] = partial(kept_secret, app.config["DATA"] / "secret.key")
    webmap.register(app)
    app.cli.add_command(serve)
    return app


def _language(environment: Mapping[str, str]) -> str:
    """Return the command line's language: GUATU_LANG, else English for an English terminal."""
    named = [environment.get(name, "") for name in ("GUATU_LANG", "LC_ALL", "LC_MESSAGES", "LANG")]
    return "en" if next(filter(None, named), "").startswith("en") else "zh"


def kept_secret(path: Path) -> str:
    """Return the key in a file that only its owner reads; a new one where there is no file yet.

    Raises StoreError where it can be neither read nor made.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make_secret(path)
        path.chmod(0o600)
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise StoreError(
            "The key that signs the forms cannot be kept in %(file)s: %(reason)s.",
            file=path.name,
            reason=error.strerror,
        ) from error


def _make_secret(path: Path) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        # Whole or not at all; where another process was quicker its key is the one.
        with suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink()


def is_loopback(host: str) -> bool:
    """Return whether every address that ``host`` stands for is this machine's own.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise RequestError("The address %(host)s is not known here.", host=host) from error
    return all(ipaddress.ip_address(address).is_loopback for address in found)


def _check_local_role(role: str | None, host: str) -> None:
    if role not in (None, *people.ROLES):
        raise RequestError("No role is called %(role)s.", role=role)
    if role and not is_loopback(host):
        raise RequestError(
            "The local role is for this machine only: unset GUATU_LOCAL_ROLE to listen on %(host)s.",
            host=host,
        )


def _log_to_terminal() -> None:
    """Log every request and error on standard error, and of other programs' parts only errors."""
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("guatu").setLevel(logging.INFO)


def _stop(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


@click.command("serve", cls=Command)
@click.option("--host", cls=Option, default="127.0.0.1", help="The address to listen on.")
@click.option(
    "--port", cls=Option, default=5000, type=click.IntRange(0, 65535), help="The port to listen on."
)
def serve(host: str, port: int) -> None:
    """Serve the pages of the store."""
    from webmap.listening import make_server
    from webmap.readying import Readying

    _check_local_role(current_app.config["LOCAL_ROLE"], host)
    store().district()
    _log_to_terminal()
    signal.signal(signal.SIGTERM, _stop)
    try:
        server = make_server(current_app._get_current_object(), host, port)
    except (OSError, ValueError) as error:
        raise GuatuError(
            "Port %(port)s of %(host)s cannot be used: %(reason)s.",
            port=port,
            host=host,
            reason=getattr(error, "strerror", None) or str(error).rstrip("."),
        ) from error
    shown = f"[{host}]" if ":" in host else host
    actual = getattr(server, "effective_port", port)
    tell("The district map is at %(address)s — Ctrl-C ends it.", address=f"http://{shown}:{actual}/")
    sys.stdout.flush()
    readying = Readying(current_app._get_current_object())
    readying.start()
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        server.close()
        readying.stop()
        store().close()
