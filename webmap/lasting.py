"""Files of ours that a browser may keep for good: the address of each tells what is in it."""

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, request

from webmap.access import RESTS, Rests
from webmap.assets import STATIC
from webmap.bundling import bundle

#: The modules of the map's script.
MODULES = STATIC / "map"
_FOR_GOOD = "public, max-age=31536000, immutable"


def word_of(content: bytes) -> str:
    """Return the word in an address that tells what is there.

    >>> word_of(b"")
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(content).hexdigest()[:16]


@lru_cache(maxsize=512)
def _word_of_file(path: Path, _changed_ns: int) -> str:
    return word_of(path.read_bytes())


@lru_cache(maxsize=1)
def _joined(_changed_ns: tuple[int, ...]) -> str:
    return bundle(MODULES)


def map_script() -> str:
    """Return the script of the map, joined anew where one of its modules was changed."""
    return _joined(tuple(path.stat().st_mtime_ns for path in sorted(MODULES.glob("*.js"))))


def lasting(response: Response, word: str) -> Response:
    """Return an answer that may be kept for good where its address names the word of what is in it."""
    if request.args.to_dict(flat=False) == {"v": [word]}:
        response.headers["Cache-Control"] = _FOR_GOOD
        # As a whole, or it could not be repeated.
        response.direct_passthrough = False
        response.get_data()
        request.environ[RESTS] = Rests(None)
    else:
        response.headers["Cache-Control"] = "no-cache"
    return response


def _named(endpoint: str, values: dict[str, object]) -> None:
    """Have the address of a static file tell what is in it."""
    if endpoint == "static" and "v" not in values:
        path = STATIC / str(values.get("filename", ""))
        if path.is_file():
            values["v"] = _word_of_file(path, path.stat().st_mtime_ns)


def _kept_for_good(response: Response) -> Response:
    if request.endpoint == "static" and response.status_code == 200:
        path = STATIC / request.view_args["filename"]
        return lasting(response, _word_of_file(path, path.stat().st_mtime_ns))
    return response


def install(app: Flask) -> None:
    """Give the app's static files addresses that last."""
    app.url_defaults(_named)
    app.after_request(_kept_for_good)
