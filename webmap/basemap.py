"""The base map below ours: none, pictures of servers on the intranet, or a file on disk that we serve."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, url_for

from geo.errors import NotFoundError, RequestError
from layers.tilefiles import PICTURES, VECTOR, TileFile, open_tile_file
from webmap import access

blueprint = Blueprint("basemap", __name__)

#: Where the places of a base map lie: as ours, or shifted as on public maps of China.
SYSTEMS = ("wgs84", "gcj02")
#: How its tiles lie: by the square of Web Mercator, or by degrees (``c`` in the WMTS of Tianditu).
GRIDS = ("3857", "4490")
_DEEPEST = 18
_DAY = 60 * 60 * 24


class Basemap(NamedTuple):
    """Where the tiles are (templates, the lowest first), what they are, and who made them.

    ``kind`` is ``pictures`` or ``vector``; they lie in a system and a grid, down to the ``deepest`` zoom.
    """

    urls: tuple[str, ...]
    kind: str
    system: str
    grid: str
    deepest: int
    attribution: str


def chosen() -> Basemap | None:
    """Return the base map of the settings, None where there is none."""
    asked = current_app.config.get("BASEMAP")
    if not asked:
        return None
    system = current_app.config.get("BASEMAP_SYSTEM") or SYSTEMS[0]
    grid = current_app.config.get("BASEMAP_GRID") or GRIDS[0]
    if system not in SYSTEMS:
        raise RequestError("A base map is in one of %(systems)s.", systems=", ".join(SYSTEMS))
    if grid not in GRIDS:
        raise RequestError("The grid of a base map is one of %(grids)s.", grids=", ".join(GRIDS))
    said = current_app.config.get("BASEMAP_ATTRIBUTION") or ""
    if _is_elsewhere(asked):
        found = Basemap(tuple(asked.split()), PICTURES, system, grid, _DEEPEST, said)
    else:
        place = url_for("basemap.tile", z=0, x=0, y=0).replace("0/0/0", "{z}/{x}/{y}")
        found = Basemap((place,), _file().kind(), system, grid, _file().deepest(), said)
    if found.grid != "3857" and found.kind == VECTOR:
        raise RequestError("The vector tiles of a base map are in Web Mercator.")
    if found.system == "gcj02" and (found.kind, found.grid) != (PICTURES, "3857"):
        raise RequestError("Only pictures in Web Mercator can be moved from GCJ-02 to where they truly are.")
    return found


def _is_elsewhere(asked: str) -> bool:
    return urlsplit(asked).scheme in ("http", "https")


def _file() -> TileFile:
    if "basemap" not in current_app.extensions:
        current_app.extensions["basemap"] = open_tile_file(Path(current_app.config["BASEMAP"]))
    return current_app.extensions["basemap"]


@blueprint.get("/basemap/<int:z>/<int:x>/<int:y>")
def tile(z: int, x: int, y: int) -> Response:
    """Return a tile of the base map on disk, 204 where it has none."""
    access.check_arguments("lang")
    asked = current_app.config.get("BASEMAP")
    if not asked or _is_elsewhere(asked):
        raise NotFoundError("There is no base map on disk.")
    if z > 24 or x >= 1 << z or y >= 1 << z:
        raise RequestError("There is no tile %(z)s/%(x)s/%(y)s.", z=z, x=x, y=y)
    found = _file().tile(z, x, y)
    answer = Response(status=204) if found is None else Response(found.content, mimetype=found.mimetype)
    answer.headers["Cache-Control"] = f"private, max-age={_DAY}"
    return answer
