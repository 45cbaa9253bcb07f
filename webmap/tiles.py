"""Layers as vector tiles, for what holds too much to be sent whole: MVT 2.1, described by TileJSON 3.0.0."""

import gzip

from flask import Blueprint, Response, jsonify, request, url_for
from flask_babel import gettext

from geo.errors import RequestError
from layers.catalogue import layer_named
from layers.mapping import COUNTED, TRIMMED
from layers.people import Sight, visible
from layers.querying import RESTS_ON, Query
from webmap import access, words

blueprint = Blueprint("tiles", __name__)

#: The deepest zoom there are tiles of: a unit of theirs is then a decimetre and a half.
DEEPEST = 16
_MIMETYPE = "application/vnd.mapbox-vector-tile"
_COMPRESSION = 4


@blueprint.get("/tiles/<layer>/<int:z>/<int:x>/<int:y>.mvt")
def tile(layer: str, z: int, x: int, y: int) -> Response:
    """Return a tile of what the filters leave of a layer, 204 where it holds nothing."""
    layer_named(layer)
    if z > DEEPEST:
        raise RequestError("There are tiles down to zoom %(zoom)s.", zoom=DEEPEST)
    asked, sight = access.query(layer), visible(access.person(), layer)
    tag = access.tag(sight.kind, *RESTS_ON[layer])
    access.repeatable(layer, sight.kind, *RESTS_ON[layer])
    if request.if_none_match.contains_weak(tag):
        return access.tagged(Response(status=304), tag)
    return access.tagged(_answer(_made(sight, asked, z, x, y)), tag)


def _made(sight: Sight, asked: Query, z: int, x: int, y: int) -> bytes:
    """Return a tile compressed, or b"" where it holds nothing."""
    from layers import pictures  # with it comes numba, which takes its time

    still = access.still()
    drawn = pictures.picture(still, sight, asked)
    plain = drawn.tile(z, x, y, pictures.kept_rows(still, sight, asked, drawn))
    return gzip.compress(plain, _COMPRESSION, mtime=0) if plain else b""


def _answer(packed: bytes) -> Response:
    if not packed:
        return Response(status=204)
    if "gzip" not in request.accept_encodings:
        return Response(gzip.decompress(packed), mimetype=_MIMETYPE)
    return Response(packed, mimetype=_MIMETYPE, headers={"Content-Encoding": "gzip"})


@blueprint.get("/tiles/<layer>.json")
def described(layer: str) -> Response:
    """Return the TileJSON of a layer: where its tiles are, what they hold, and how far they reach."""
    known = layer_named(layer)
    access.query(layer)
    sight = visible(access.person(), layer)
    district = access.still().district()
    place = url_for(".tile", layer=layer, z=0, x=0, y=0, _external=True).replace("0/0/0", "{z}/{x}/{y}")
    filters = request.query_string.decode("ascii", "replace")
    told = {
        "tilejson": "3.0.0",
        "tiles": [f"{place}?{filters}" if filters else place],
        "name": known.title,
        "attribution": district.name_zh,
        "minzoom": 0,
        "maxzoom": DEEPEST,
        "vector_layers": [{"id": layer, "fields": _fields(layer), "minzoom": 0, "maxzoom": DEEPEST}],
    }
    if district.bounds is not None:
        told["bounds"] = district.bounds
    return access.tagged(jsonify(told), access.tag(sight.kind, *RESTS_ON[layer]))


def _fields(layer: str) -> dict[str, str]:
    """Return what features of a layer tell, and what that is called; a count tells how many are one."""
    told = {name: words.field_label(layer, name) for name in TRIMMED[layer]}
    if layer == "compounds":
        told |= {"finished": gettext("finished, next stage not begun"), "late": gettext("late")}
    if COUNTED[layer] is not None:
        told["count"] = gettext("how many are drawn as one")
    return told
