"""Answers given before, given again below Flask for as long as what they rest on stands as it stood.

A view says what its answer rests on (``access.repeatable``). The first time Flask makes the answer;
after that it is repeated, byte for byte and header for header, to everybody who is to see the same:
who asks is told by ``access.person_of``, what he sees by ``people.visible``, and the state of the
store is read for every request. So an edit is in the very next answer, and whatever is not quite
like a request that was answered before is left to Flask.
"""

import gzip
import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from time import perf_counter
from typing import NamedTuple
from urllib.parse import quote

from flask import Flask
from werkzeug.http import http_date

from geo.errors import GuatuError
from layers.people import visible
from layers.querying import RESTS_ON
from webmap import access, tiles

log = logging.getLogger("guatu")

#: So many bytes of answers are kept by a process, and answers of at most so many.
MOST, MOST_OF_ONE = 96 << 20, 8 << 20
#: What makes an answer depend on more than its address: such a request is left to Flask.
_UNCOMMON = frozenset(
    {"HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"}
)
_NONCE = re.compile(r"'nonce-([^']+)'")
#: What an answer weighs besides its body, about.
_AROUND = 2000
#: So many ways of asking for tiles are known by an answer each.
_MOST_WAYS = 64
#: Threads that make tiles at once take Python's own lock from one another, again and again, and all of them
#: get done later: each waits for the one before, so long at most.
_SHORTLY_S = 0.02

Environ = dict[str, object]
Start = Callable[..., object]


class Answer(NamedTuple):
    """An answer as it went out, the word that marked its scripts, its tag, and what it rests on."""

    rests: access.Rests
    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    nonce: str
    tag: str

    def renewed(self) -> "Answer":
        """Return the answer as of now, with a word of its own: nobody can know it beforehand."""
        fresh, now = secrets.token_urlsafe(16), http_date()
        headers = tuple(
            (name, now if name == "Date" else value.replace(self.nonce, fresh))
            for name, value in self.headers
        )
        return self._replace(headers=headers, nonce=fresh)

    def instead(self, packed: bytes, state: tuple, tag: str) -> "Answer":
        """Return the answer with another body, packed where this one was, of another state."""
        named = dict(self.headers)
        body = packed if "Content-Encoding" in named or not packed else gzip.decompress(packed)
        changed = {"Content-Length": str(len(body)), "ETag": f'W/"{tag}"'}
        headers = tuple((name, changed.get(name, value)) for name, value in self.headers)
        rests = self.rests._replace(state=state)
        return self._replace(rests=rests, headers=headers, body=body, tag=f'"{tag}"')


class Kept:
    """Answers by request and by who sees them, those asked for last; of at most so many bytes."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._answers: OrderedDict[tuple, dict[str, Answer]] = OrderedDict()
        self._lock = Lock()

    def get(self, asked: tuple) -> Mapping[str, Answer]:
        """Return the answers to a request, by the kind of rows they show."""
        with self._lock:
            if asked in self._answers:
                self._answers.move_to_end(asked)
            return self._answers.get(asked, {})

    def put(self, asked: tuple, answer: Answer) -> None:
        """Keep an answer instead of the one before; let go of those nobody has asked for for longest."""
        with self._lock:
            before = self._answers.pop(asked, {})
            after = before | {answer.rests.kind: answer}
            self._answers[asked] = after
            self._size += _weight(after) - _weight(before)
            while self._size > self._most:
                self._size -= _weight(self._answers.popitem(last=False)[1])


def _weight(answers: Mapping[str, Answer]) -> int:
    return sum(_AROUND + len(answer.body) for answer in answers.values())


class Repeating:
    """A WSGI application before another one, whose answers it repeats."""

    def __init__(self, app: Flask, most: int = MOST) -> None:
        self._app, self._next, self._kept = app, app.wsgi_app, Kept(most)
        #: By layer, by who sees it how, by how it is packed: the last answers with a tile, and without one.
        self._alike: dict[tuple, dict[str, Answer]] = {}
        self._making = Lock()

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """Answer a request by what was answered before, else by the application."""
        began = perf_counter()
        found = self.repeated(environ) or self._made(environ, began)
        if found is None:
            return self._answered(environ, start_response)
        start_response(found.status, list(found.headers))
        return [found.body]

    def repeated(self, environ: Environ, *, at_once: bool = False) -> Answer | None:
        """Return the answer to a request that was given before and still holds, None where there is none.

        With ``at_once`` none is given that nobody knows to hold without asking another machine.
        """
        if not _is_plain(environ):
            return None
        began = perf_counter()
        asked, known = _asked(environ), environ.get("HTTP_IF_NONE_MATCH", "")
        # Who names a tag hears that nothing has changed: an answer of its own.
        found = self._found((*asked, known), environ, at_once)
        if found is None and known:
            found = self._found((*asked, ""), environ, at_once)
            if found is not None and (found.tag in known or "*" in known):
                return None
        return None if found is None else _told(environ, found, began)

    def _made(self, environ: Environ, began: float) -> Answer | None:
        """Return the answer to a request for a tile that Flask would answer like one it has answered.

        One of the same layer to who sees the same and asks in the same way: what differs is the tile,
        and the tag of the state. None where there was no such one.
        """
        path, known = environ["PATH_INFO"], environ.get("HTTP_IF_NONE_MATCH", "")
        layer = None if environ.get("QUERY_STRING") else tiles.layer_of(path)
        if layer is None or not _is_plain(environ):
            return None
        try:
            sight = visible(access.person_of(environ, self._app.config.get("LOCAL_ROLE")), layer)
            alike = self._alike.get((layer, sight.kind, environ.get("HTTP_ACCEPT_ENCODING", "")))
            if alike is None:
                return None
            with self._turn(), access.store_of(self._app).still() as still:
                state = still.state().of(access.seen(sight.kind, RESTS_ON[layer]))
                tag = access.tag_in(state, sight.kind, state[1])
                if tag in known or "*" in known:
                    return None
                packed = tiles.made(still, sight, state[1], path)
        except (GuatuError, ValueError):
            return None  # Flask says it as it says everything
        answer = alike.get("200" if packed else "204")
        if answer is None:
            return None
        answer = answer.instead(packed, state, tag)
        self._kept.put((*_asked(environ), ""), answer)
        return _told(environ, answer, began)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the thread that makes a tile just now, but not for one that reads a layer first."""
        came = self._making.acquire(timeout=_SHORTLY_S)
        try:
            yield
        finally:
            if came:
                self._making.release()

    def _found(self, asked: tuple, environ: Environ, at_once: bool) -> Answer | None:
        """Return the answer that still holds for who asks, None where there is none."""
        answers = self._kept.get(asked)
        if not answers:
            return None
        layer, layers, _, _ = next(iter(answers.values())).rests
        try:
            who = access.person_of(environ, self._app.config.get("LOCAL_ROLE"))
            found = answers.get(visible(who, layer).kind if layer else "")
            if found is None or not layers:
                return found
            store = access.store_of(self._app)
            if at_once and not store.is_near:
                return None
            state = store.state()
        except (GuatuError, ValueError):
            return None  # Flask says it as it says everything
        return found if found.rests.state == state.of(access.seen(found.rests.kind, layers)) else None

    def _answered(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """Have the application answer, and keep the answer where it may be repeated."""
        said: list = []

        def started(status: str, headers: list[tuple[str, str]], *error: object) -> object:
            said[:] = status, headers
            return start_response(status, headers, *error)

        pieces = self._next(environ, started)
        rests = environ.get(access.RESTS)
        if rests is None or not said or not _may_be_kept(*said):
            return pieces
        try:
            body = b"".join(pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        status, headers = said
        named = dict(headers)
        nonce = _NONCE.search(named["Content-Security-Policy"])[1]
        tag = named.get("ETag", "").removeprefix("W/")
        answer = Answer(rests, status, tuple(headers), body, nonce, tag)
        known = environ.get("HTTP_IF_NONE_MATCH", "") if status.startswith("304") else ""
        self._kept.put((*_asked(environ), known), answer)
        if not known and not environ.get("QUERY_STRING") and tiles.layer_of(environ["PATH_INFO"]):
            self._remember(environ.get("HTTP_ACCEPT_ENCODING", ""), answer)
        return [body]

    def _remember(self, ways: str, answer: Answer) -> None:
        """Have the next tiles answered like this one; nobody asks in more than a few ways."""
        key = (answer.rests.layer, answer.rests.kind, ways)
        if key in self._alike or len(self._alike) < _MOST_WAYS:
            self._alike[key] = {**self._alike.get(key, {}), answer.status[:3]: answer}


def _asked(environ: Environ) -> tuple[str, ...]:
    """Return what of a request an answer may follow from, besides who asks and which tag he names."""
    get = environ.get
    return (
        get("SCRIPT_NAME", ""),
        get("PATH_INFO", ""),
        get("QUERY_STRING", ""),
        get("HTTP_ACCEPT_ENCODING", ""),
    )


def _may_be_kept(status: str, headers: list[tuple[str, str]]) -> bool:
    """Return whether an answer is one that may be repeated, and is here as a whole."""
    named = dict(headers)
    if "Set-Cookie" in named:
        return False
    if status[:3] in ("204", "304"):
        return True
    return status.startswith("200") and int(named.get("Content-Length", MOST_OF_ONE)) < MOST_OF_ONE


def _is_plain(environ: Environ) -> bool:
    """Return whether a request asks for nothing but what is at its address."""
    return environ["REQUEST_METHOD"] == "GET" and _UNCOMMON.isdisjoint(environ)


def _told(environ: Environ, answer: Answer, began: float) -> Answer:
    """Return an answer as it goes out now, and log it as every answer is."""
    if log.isEnabledFor(logging.INFO) and access.OWN not in environ:
        path = str(environ["PATH_INFO"]).encode("latin-1").decode("utf-8", "replace")
        spent = (perf_counter() - began) * 1000
        log.info("GET %s %s %.0f ms", quote(path), answer.status[:3], spent)
    return answer.renewed()


def install(app: Flask) -> None:
    """Have the answers of the app repeated."""
    app.wsgi_app = Repeating(app)
