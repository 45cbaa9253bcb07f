"""The base map below ours: none, pictures of a server on the intranet, or a file on disk that we serve."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, url_for

from geo.errors import NotFoundError, RequestError
from layers.tilefiles import TileFile, open_tile_file
from webmap import access

blueprint = Blueprint("basemap", __name__)

#: Where the places of a base map lie: as ours, or shifted as on public maps of China.
SYSTEMS = ("wgs84", "gcj02")
_DEEPEST = 18
_DAY = 60 * 60 * 24


class Basemap(NamedTuple):
    """Where the pictures are (a template), in which system, down to which zoom, and who made them."""

    url: str
    system: str
    deepest: int
    attribution: str


def chosen() -> Basemap | None:
    """Return the base map of the settings, None where there is none."""
    asked, system = current_app.config.get("BASEMAP"), current_app.config.get("BASEMAP_SYSTEM") or "wgs84"
    if not asked:
        return None
    if system not in SYSTEMS:
        raise RequestError("A base map is in one of %(systems)s.", systems=", ".join(SYSTEMS))
    said = current_app.config.get("BASEMAP_ATTRIBUTION") or ""
    if urlsplit(asked).scheme in ("http", "https"):
        return Basemap(asked, system, _DEEPEST, said)
    place = url_for("basemap.tile", z=0, x=0, y=0).replace("0/0/0", "{z}/{x}/{y}")
    return Basemap(place, system, _file().deepest(), said)


def _file() -> TileFile:
    if "basemap" not in current_app.extensions:
        current_app.extensions["basemap"] = open_tile_file(Path(current_app.config["BASEMAP"]))
    return current_app.extensions["basemap"]


@blueprint.get("/basemap/<int:z>/<int:x>/<int:y>")
def tile(z: int, x: int, y: int) -> Response:
    """Return a picture of the base map on disk, 204 where it has none."""
    access.check_arguments("lang")
    asked = current_app.config.get("BASEMAP")
    if not asked or urlsplit(asked).scheme in ("http", "https"):
        raise NotFoundError("There is no base map on disk.")
    if z > 24 or x >= 1 << z or y >= 1 << z:
        raise RequestError("There is no tile %(z)s/%(x)s/%(y)s.", z=z, x=x, y=y)
    found = _file().tile(z, x, y)
    answer = Response(status=204) if found is None else Response(found.content, mimetype=found.mimetype)
    answer.headers["Cache-Control"] = f"private, max-age={_DAY}"
    return answer
