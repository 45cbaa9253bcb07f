"""Forms that write: only from our own pages, and only what the person was shown.

A form carries a token that is signed with the program's key and bound to a cookie of the browser
it was shown in; the browser says besides where the request comes from. A request that lacks one of
them, or comes from another site, is refused before anything is read of it.
"""

import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from markupsafe import Markup

from geo.errors import PermissionError_

#: A form that was left open for longer is loaded again first.
OPEN_FOR_S = 12 * 60 * 60
COOKIE = "form"


def _signer() -> URLSafeTimedSerializer:
    app = current_app
    if not app.secret_key:
        # The application knows where its key is kept; it is made when the first form is.
        app.secret_key = app.config["FIND_SECRET_KEY"]()
    return URLSafeTimedSerializer(app.secret_key, salt="guatu.form")


def _browser() -> str:
    """Return what tells this browser from any other: its cookie, or the one it is about to get."""
    known = request.cookies.get(COOKIE, "")
    if "form_browser" not in g:
        g.form_browser = known if len(known) == 43 else secrets.token_urlsafe(32)
    return g.form_browser


def field() -> Markup:
    """Return the hidden field that every form which writes must hold."""
    return Markup('<input type="hidden" name="token" value="{}">').format(_signer().dumps(_browser()))


def check() -> None:
    """Raise PermissionError_ unless the request is a form of ours, sent from our own page."""
    # A browser that says where a request comes from must say: from here. All of today say it.
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is None and site is None:
        raise PermissionError_("The request does not say from which page it comes: nothing was changed.")
    if (origin is not None and urlsplit(origin).netloc != request.host) or site not in (None, "same-origin"):
        raise PermissionError_("The request comes from another site: nothing was changed.")
    try:
        bound = _signer().loads(request.form.get("token", ""), max_age=OPEN_FOR_S)
    except SignatureExpired as error:
        raise PermissionError_("The form was open for too long: load the page again.") from error
    except BadSignature as error:
        raise PermissionError_("The form is not one of ours: load the page again.") from error
    if not secrets.compare_digest(str(bound).encode(), request.cookies.get(COOKIE, "").encode()):
        raise PermissionError_("The form was made for another browser: load the page again.")


def _remember(response: Response) -> Response:
    """Give a browser that was shown a form its cookie."""
    if "form_browser" in g and request.cookies.get(COOKIE) != g.form_browser:
        response.set_cookie(
            COOKIE, g.form_browser, httponly=True, samesite="Strict", secure=request.is_secure
        )
    return response


def install(app: Flask) -> None:
    """Let templates make the field of a form, and remember the browsers they are shown in."""
    app.after_request(_remember)
    app.jinja_env.globals["form_field"] = field
