"""Is it well, and what went wrong: /healthz, error pages, the favicon, the log."""

import logging
import secrets
from collections.abc import Mapping
from time import perf_counter
from types import MappingProxyType
from urllib.parse import quote

from flask import Blueprint, Flask, Response, g, jsonify, make_response, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from geo import errors
from layers.people import VISITOR, visible
from layers.querying import Query
from webmap import access
from webmap.access import store
from webmap.words import told

blueprint = Blueprint("statuses", __name__, cli_group=None)
log = logging.getLogger("guatu")

#: The one table from errors to HTTP; the nearest class in an error's family tree decides.
STATUSES: Mapping[type[errors.GuatuError], int] = MappingProxyType(
    {
        errors.NotFoundError: 404,
        errors.ConflictError: 409,
        errors.CheckError: 409,
        errors.RequestError: 400,
        errors.PermissionError_: 403,
        errors.RulesError: 503,
        errors.StoreError: 503,
        errors.GuatuError: 500,
    }
)

#: What the pages say of statuses that are no error of ours.
_TEXTS = {
    404: "There is nothing at this address.",
    405: "This address cannot be used that way.",
    413: "What was sent is too large.",
}


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say whether the store answers: 200 when it does, 503 when not."""
    with store().still() as still:
        on = still.day()
        still.count(visible(VISITOR, "street_offices"), Query(layer="street_offices", on=on))
    answer = jsonify(status="ok")
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/favicon.ico")
def favicon() -> tuple[str, int, dict[str, str]]:
    """Send browsers that ask here to the picture."""
    return "", 301, {"Location": url_for("static", filename="favicon.svg")}


def status_of(error: errors.GuatuError) -> int:
    """Return the HTTP status of an error of the family."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def _known_error(error: errors.GuatuError) -> tuple[Response | str, int]:
    """Tell the reader what is wrong with the request; what is wrong here is told to the log.

    What is wrong with the city's own rules is told to both: whoever asks for them knows who keeps them.
    """
    if isinstance(error, errors.RulesError):
        log.error("%s: %s", quote(request.path), " ".join(str(error).split()))
    if status_of(error) < 500 or isinstance(error, errors.RulesError | errors.StoreBusyError):
        return _answer(status_of(error), told(error))
    return _unknown_error(error)


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    text = gettext(_TEXTS.get(error.code, "This request cannot be answered."))
    answer = make_response(_answer(error.code, text))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.allow.update(error.valid_methods)
    return answer


def _unknown_error(error: Exception) -> tuple[Response | str, int]:
    """Log the trace under a number, and tell the user only the number."""
    number = secrets.token_hex(4)
    log.error("error %s at %s", number, quote(request.path), exc_info=error)
    if isinstance(error, errors.StoreError):
        text = gettext("The store does not answer. The log has it under %(number)s.", number=number)
        return _answer(status_of(error), text)
    return _answer(500, gettext("Something went wrong here. The log has it under %(number)s.", number=number))


def _answer(status: int, text: str) -> tuple[Response | str, int]:
    if request.path.rsplit(".", 1)[-1] in ("json", "geojson") or request.path == "/healthz":
        answer = jsonify(type="about:blank", status=status, detail=text)
        answer.mimetype = "application/problem+json"
        answer.headers["Cache-Control"] = "no-store"
        return answer, status
    title = gettext("Not found") if status == 404 else gettext("That did not work")
    return render_template("error.html", status=status, title=title, text=text), status


def _begin() -> None:
    g.began = perf_counter()


def _log(response: Response) -> Response:
    """Log method, path, status and time: no address, no query, nothing of the person.

    The path is quoted as in an address, so that no request can write a line of its own.
    """
    spent = (perf_counter() - g.began) * 1000 if "began" in g else 0.0
    if access.OWN not in request.environ:
        log.info("%s %s %s %.0f ms", request.method, quote(request.path), response.status_code, spent)
    return response


def install(app: Flask) -> None:
    """Make the app answer every error with a page, or with JSON where JSON was asked for."""
    app.register_error_handler(errors.GuatuError, _known_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unknown_error)
    app.before_request(_begin)
    app.after_request(_log)
