"""Who asks, for what and for which day; and the headers every answer carries.

The one place that turns a request into the values the lower rooms work with.
"""

import ipaddress
import secrets
import threading
from datetime import date
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request, url_for

from geo.errors import RequestError
from layers import open_store
from layers.people import VISITOR, Person
from layers.querying import FILTERS, NONE, Query
from layers.store import Store
from webmap.words import DEFAULT_LANGUAGE, LANGUAGES

#: A request that came through another server carries one of these: it is not the local user.
FORWARDING = frozenset({"forwarded", "via", "x-real-ip", "x-original-forwarded-for", "cf-connecting-ip"})

#: What a page's address may carry besides filters: the view, the day and the language.
VIEW = frozenset({"on", "lang", "at", "layers", "patterns", "compound", "part"})
_WHOLE = {"plan_year", "built_before"}
_FLAGS = {"border", "without_sites"}
_opening = threading.Lock()
_YEAR = 60 * 60 * 24 * 365


def store() -> Store:
    """Return the store this program serves, opened (and made) when it is first asked for."""
    with _opening:
        if "guatu" not in current_app.extensions:
            current_app.extensions["guatu"] = open_store(current_app.config["STORE"])
    return current_app.extensions["guatu"]


def person() -> Person:
    """Return who asks: a visitor, or the local role on a loopback installation.

    The local role is given only where the setting is there, the request came directly from
    this machine (one with any forwarding header came through another server, from somebody
    else) and was addressed to it by a loopback name (a page of another site that has had its
    own name point here does not).
    """
    role = current_app.config.get("LOCAL_ROLE")
    local = role and not _forwarded() and _loopback(request.remote_addr) and _loopback(_host())
    return Person(role, None, "local") if local else VISITOR


def _forwarded() -> bool:
    names = {name.lower() for name, _ in request.headers}
    return any(name.startswith("x-forwarded-") or name in FORWARDING for name in names)


def _host() -> str:
    """Return the host the request was addressed to, without its port."""
    return urlsplit(f"//{request.host}").hostname or ""


def _loopback(address: str | None) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def reference_date() -> date:
    """Return the day that is asked for (``?on=YYYY-MM-DD``), else the store's reference date.

    Raises:
        RequestError: there is no such day.
    """
    asked = request.args.get("on", "")
    if not asked:
        return store().district().reference_date
    try:
        return date.fromisoformat(asked)
    except ValueError as error:
        raise RequestError("There is no day %(day)s; write it as 2022-06-30.", day=asked) from error


def query(layer: str, *also: str) -> Query:
    """Return what the request asks of a layer; ``also`` names other arguments the answer takes.

    Raises:
        RequestError: an argument is unknown, given twice, or has a value it cannot have.
    """
    return _query(layer, FILTERS[layer], FILTERS[layer] | {"on", "lang", *also})


def page_query(layer: str) -> Query:
    """Return what a page's address asks of one of its layers.

    A page shows several layers at once: each takes from the address the filters it has. The
    compound that is chosen is part of the view and filters nothing.
    """
    every = frozenset().union(*FILTERS.values())
    return _query(layer, FILTERS[layer] - {"compound"}, every | VIEW)


def page_filters() -> dict[str, str]:
    """Return the filters of the page's address as they are written there."""
    every = frozenset().union(*FILTERS.values()) - VIEW
    return {name: value for name, value in request.args.items() if name in every and value}


def year(text: str) -> int:
    """Return a year written with four digits; raise RequestError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        raise RequestError("%(value)s is not a year such as 2022.", value=text)
    return int(text)


def tag(kind: str, *layers: str) -> str:
    """Return what changes when an answer would: revisions, who sees it, and on which day."""
    return f"{store().revision(*layers)}-{kind}-{reference_date()}"


def tagged(response: Response, known: str) -> Response:
    """Return the answer with its ETag, or 304 where the asker has it already."""
    response.set_etag(known, weak=True)
    # It may be kept, but never used without asking: an edit is seen at once.
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Cookie"
    return response.make_conditional(request)


def _query(layer: str, used: frozenset | set, known: frozenset | set) -> Query:
    for name in request.args:
        if name not in known:
            raise RequestError("Nothing here is called %(name)s.", name=name)
        if len(request.args.getlist(name)) > 1:
            raise RequestError("%(name)s is given twice.", name=name)
    asked = {name: _value(name, request.args[name]) for name in used if request.args.get(name)}
    return Query(layer=layer, on=reference_date(), **asked)


def _value(name: str, text: str) -> object:
    if name in _FLAGS:
        if text not in ("0", "1"):
            raise RequestError("%(name)s is 1 or 0, not %(value)s.", name=name, value=text)
        return text == "1"
    if name in _WHOLE and text != NONE:
        return year(text)
    return text


def asked_language() -> str:
    """Return the language of this request: asked for by address, then by cookie, then Chinese."""
    for asked in (request.args.get("lang"), request.cookies.get("lang")):
        if asked in LANGUAGES:
            return asked
    return DEFAULT_LANGUAGE


def here(**changes: str | None) -> str:
    """Return the address of this page with some arguments changed; None leaves one out."""
    arguments = {**request.args.to_dict(), **(request.view_args or {}), **changes}
    arguments.pop("part", None)
    return url_for(request.endpoint or "districtmap.page", **{k: v for k, v in arguments.items() if v})


def nonce() -> str:
    """Return the word that marks this answer's own scripts and styles."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return g.nonce


def content_security_policy() -> str:
    """Return the policy: everything from this server, scripts and styles only with our mark.

    Style *attributes* are let through because Leaflet moves the map by setting them; style
    sheets and scripts are not.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce()}'",
            f"style-src 'self' 'nonce-{nonce()}'",
            "style-src-attr 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    )


def finish(response: Response) -> Response:
    """Add to an answer what every answer carries: policy, language, and how long it may be kept."""
    response.headers["Content-Security-Policy"] = content_security_policy()
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["Content-Language"] = "en" if asked_language() == "en" else "zh-CN"
    if request.args.get("lang") in LANGUAGES:
        secure = request.is_secure
        response.set_cookie("lang", asked_language(), _YEAR, samesite="Lax", httponly=True, secure=secure)
    return response


def install(app: Flask) -> None:
    """Make every answer of the app pass ``finish`` and every template know ``here`` and ``nonce``."""
    app.after_request(finish)
    app.jinja_env.globals.update(here=here, nonce=nonce)
