"""Who asks, for what and for which day; and the headers every answer carries.

The one place that turns a request into the values the lower rooms work with.
"""

import ipaddress
import secrets
import threading
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from flask import Flask, Response, current_app, g, request
from werkzeug.wsgi import get_host

from geo.errors import RequestError
from layers import classes, open_store
from layers.conditions import CLASSES
from layers.figures import PROGRAMME_BEFORE
from layers.people import VISITOR, Person, Sight, may, visible
from layers.querying import BESIDE, FILTERS, NONE, Query, rests_on
from layers.store import State, Store
from layers.tables import PUBLISHED_STRUCTURES
from webmap.words import DEFAULT_LANGUAGE, LANGUAGES

#: A request that came through another server carries one of these, or one named like them.
FORWARDING = frozenset({"forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip"}) | {
    "true-client-ip",
    "cf-connecting-ip",
}

#: What a page's address may carry besides filters: the view, the day and the language.
VIEW = frozenset({"on", "lang", "at", "layers", "patterns", "compound", "part", "colour", "beside"}) | {
    "gaps",
    "here",
    "measure",
}
#: The filters a page's address may carry: those that one of its layers follows.
PAGE_FILTERS = frozenset().union(*BESIDE.values())
_WHOLE = {"plan_year", "outside_plan", "built_before"}
_FLAGS = {"border", "compound_border", "without_sites", "late"}
#: Nothing, and what the asker has already: no page.
_WITHOUT_BODY = (204, 304)
_opening = threading.Lock()
_YEAR = 60 * 60 * 24 * 365


def store() -> Store:
    """Return the store this program serves, opened (and made) when it is first asked for."""
    return store_of(current_app)


def store_of(app: Flask) -> Store:
    """Return the store an application serves, opened (and made) when it is first asked for."""
    with _opening:
        if "guatu" not in app.extensions:
            app.extensions["guatu"] = open_store(app.config["STORE"])
    return app.extensions["guatu"]


def still() -> Store:
    """Return the store as it stands while this request is answered: all its reads see one state.

    The moment is that of the first read; what an answer tells and its tag are then of one state,
    whoever writes meanwhile. It ends with the request, or, after ``kept_still``, when the caller says.
    """
    if "still" not in g:
        g.standing = ExitStack()
        g.still = g.standing.enter_context(store().still())
    return g.still


def state() -> State:
    """Return what tells the state of ``still`` from any other."""
    if "state" not in g:
        g.state = still().state()
    return g.state


def kept_still() -> ExitStack:
    """Return what ends the state of ``still``: an answer that is still being read must do it itself."""
    still()
    g.pop("still")
    return g.pop("standing")


def _end_still(_error: BaseException | None = None) -> None:
    if "still" in g:
        kept_still().close()


def person() -> Person:
    """Return who asks: a visitor, or the local role on a loopback installation."""
    return person_of(request.environ, current_app.config.get("LOCAL_ROLE"))


def person_of(environ: Mapping[str, object], role: str | None) -> Person:
    """Return who asks, of a request as the server hands it over: a visitor, or the local role.

    The local role is given only where the setting is there, the request came directly from
    this machine (one with any forwarding header, or of HTTP/1.0, came through another server,
    from somebody else) and was addressed to it by a loopback name (a page of another site that
    has had its own name point here does not).
    """
    direct = role and not _forwarded(environ) and _loopback(environ.get("REMOTE_ADDR"))
    return Person(role, None, "local") if direct and _loopback(_host(get_host(environ))) else VISITOR


def _forwarded(environ: Mapping[str, object]) -> bool:
    # No browser speaks HTTP/1.0 any more; a reverse proxy that nobody has set up does.
    return environ.get("SERVER_PROTOCOL", "HTTP/1.0") == "HTTP/1.0" or any(map(_forwards, environ))


@lru_cache(maxsize=512)
def _forwards(key: str) -> bool:
    """Return whether a key of a request's environment is a header of those who forward."""
    name = key.removeprefix("HTTP_").replace("_", "-").lower()
    like = name in FORWARDING or name.startswith("x-forwarded-") or name.endswith("-forwarded-for")
    return key.startswith("HTTP_") and like


@lru_cache(maxsize=64)
def _host(named: str) -> str:
    """Return the host a request was addressed to, without its port."""
    return urlsplit(f"//{named}").hostname or ""


@lru_cache(maxsize=256)
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
    return asked_day("on") or state().day or date.today()


def asked_day(name: str) -> date | None:
    """Return the day that an argument names, None where it is not there; raise RequestError for no day."""
    asked = request.args.get(name, "")
    if not asked:
        return None
    try:
        return date.fromisoformat(asked)
    except ValueError as error:
        raise RequestError("There is no day %(day)s; write it as 2022-06-30.", day=asked) from error


def query(layer: str, *also: str) -> Query:
    """Return what the request asks of a layer; ``also`` names other arguments the answer takes.

    Raises:
        RequestError: an argument is unknown, given twice, or has a value it cannot have.
    """
    own = {name: name for name in FILTERS[layer]}
    return _query(layer, own, FILTERS[layer] | {"on", "lang", *also}, reference_date())


def page_query(layer: str, on: date | None = None) -> Query:
    """Return what a page's address asks of one of its layers, on its day or another one.

    A page shows several layers at once: each takes from the address the filters it follows. The
    compound that is chosen is part of the view and filters nothing.
    """
    return _query(layer, BESIDE[layer], PAGE_FILTERS | VIEW, on or reference_date())


def check_arguments(*known: str) -> None:
    """Raise RequestError for an argument that is not ``known``, or given twice."""
    for name in request.args:
        if name not in known:
            raise RequestError("Nothing here is called %(name)s.", name=name)
        if len(request.args.getlist(name)) > 1:
            raise RequestError("%(name)s is given twice.", name=name)


def facility_kind() -> str:
    """Return the kind of facility that is asked for (``kind=…``); raise RequestError where none is."""
    kind = request.args.get("kind", "")
    if not kind:
        raise RequestError("Say which kind of facility: kind=….")
    return kind


def year(text: str) -> int:
    """Return a year written with four digits; raise RequestError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        raise RequestError("%(value)s is not a year such as 2022.", value=text)
    return int(text)


def tag(kind: str, *layers: str) -> str:
    """Return what changes when an answer would: revisions, who sees it, and on which day."""
    return tag_in(state().of(seen(kind, layers)), kind, reference_date())


def tag_in(state: tuple, kind: str, on: date) -> str:
    """Return the tag of an answer that follows from layers in a ``state`` (see ``State.of``)."""
    epoch, today, revision = state
    # Who answered on a past day rests on which day is the store's today.
    return f"{epoch}-{revision}-{kind}-{today}-{on}"


def seen(kind: str, layers: Iterable[str]) -> tuple[str, ...]:
    """Return whose revisions tell those who see a ``kind`` of rows that one of the layers has changed."""
    if kind != "published":
        return tuple(layers)
    return tuple(PUBLISHED_STRUCTURES if name == "illegal_structures" else name for name in layers)


class Rests(NamedTuple):
    """What an answer follows from besides its address.

    The ``layer`` whose rows are seen as by a ``kind`` of readers (None: all see the same), and the
    ``layers`` (none: whatever the store holds) in a ``state``.
    """

    layer: str | None
    layers: tuple[str, ...] = ()
    kind: str = ""
    state: tuple = ()


#: Under this name the environment of a request tells that the program asks itself (no header can).
OWN = "guatu.own"
#: Under this name the environment of a request tells what its answer rests on.
RESTS = "guatu.rests"


def repeatable(layer: str | None, kind: str, *layers: str) -> None:
    """Let the answer to this request be repeated to who sees the same, until one of the layers changes.

    It must follow from its address, from which ``kind`` of the rows of ``layer`` is seen, and from
    these layers alone (see ``repeating.py``).
    """
    if "lang" not in request.args:  # else it sets a cookie
        request.environ[RESTS] = Rests(layer, layers, kind, state().of(seen(kind, layers)))


def basis(asked: Query, sight: Sight) -> tuple[str, str, tuple[str, ...]]:
    """Return what the answer to a question follows from: the layer whose rows are seen, by whom, all layers.

    Some filters rest on the structures that are seen, whatever layer is asked for.
    """
    rests = rests_on(asked)
    if "illegal_structures" in rests:
        sight = visible(person(), "illegal_structures")
    return sight.layer, sight.kind, rests


def tag_of(asked: Query, sight: Sight) -> str:
    """Return what changes when the answer to a question would."""
    _, kind, rests = basis(asked, sight)
    return tag(kind, *rests)


def tagged(response: Response, known: str) -> Response:
    """Return the answer with its ETag, or 304 where the asker has it already."""
    response.set_etag(known, weak=True)
    # It may be kept, but never used without asking: an edit is seen at once.
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Cookie"
    return response.make_conditional(request)


def _query(layer: str, used: Mapping[str, str], known: frozenset | set, on: date) -> Query:
    """Return what is asked of a layer; ``used``: what a filter is called in the address, and of the layer."""
    check_arguments(*known)
    given = {its: (name, request.args[name]) for name, its in used.items() if request.args.get(name)}
    return Query(layer=layer, on=on, **{its: _value(name, text, on) for its, (name, text) in given.items()})


def flag(name: str) -> bool:
    """Return whether an argument that is 1 or 0 is 1; one that is not there is 0."""
    return _flag(name, request.args.get(name) or "0")


def _flag(name: str, text: str) -> bool:
    if text not in ("0", "1"):
        raise RequestError("%(name)s is 1 or 0, not %(value)s.", name=name, value=text)
    return text == "1"


def _value(name: str, text: str, on: date) -> object:
    if name in _FLAGS:
        return _flag(name, text)
    if name in CLASSES:
        return classes.among(still(), person(), name, text, on)
    if name == "plan_year" and text == NONE:
        return NONE
    return year(text) if name in _WHOLE else text


def asked_language() -> str:
    """Return the language of this request: asked for by address, then by cookie, then Chinese."""
    for asked in (request.args.get("lang"), request.cookies.get("lang")):
        if asked in LANGUAGES:
            return asked
    return DEFAULT_LANGUAGE


def here(**changes: str | None) -> str:
    """Return the address of this page with some arguments changed; None leaves one out."""
    # Made of the path, with one stroke before it: names of arguments mean nothing here, and a
    # path that begins with two would be the address of another host.
    path = quote("/" + (request.script_root + request.path).lstrip("/"))
    arguments = {**request.args.to_dict(), **changes, "part": None}
    asked = urlencode({name: value for name, value in arguments.items() if value})
    return f"{path}?{asked}" if asked else path


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
            " ".join(("img-src 'self' data: blob:", *_picture_hosts())),
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    )


def _picture_hosts() -> tuple[str, ...]:
    """Return the only hosts besides us that pictures come from: those of the base map, where it has any."""
    asked = current_app.config.get("BASEMAP") or ""
    if urlsplit(asked).scheme not in ("http", "https"):
        return ()
    found = (urlsplit(address) for address in asked.split())
    return tuple(dict.fromkeys(f"{one.scheme}://{one.netloc}" for one in found))


def finish(response: Response) -> Response:
    """Add to an answer what every answer carries: policy, language, and how long it may be kept."""
    response.headers["Content-Security-Policy"] = content_security_policy()
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if response.mimetype == "text/html" and response.status_code not in _WITHOUT_BODY:
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["Content-Language"] = "en" if asked_language() == "en" else "zh-CN"
    if request.args.get("lang") in LANGUAGES:
        secure = request.is_secure
        response.set_cookie("lang", asked_language(), _YEAR, samesite="Lax", httponly=True, secure=secure)
    return response


def install(app: Flask) -> None:
    """Make every answer of the app pass ``finish``, and give templates what addresses are made of."""
    app.after_request(finish)
    app.teardown_appcontext(_end_still)
    app.jinja_env.globals["may"] = lambda action: may(person(), action)
    app.jinja_env.globals.update(here=here, nonce=nonce, NONE=NONE, PROGRAMME_BEFORE=PROGRAMME_BEFORE)
