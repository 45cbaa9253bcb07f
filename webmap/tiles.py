"""Layers as vector tiles, for what holds too much to be sent whole: MVT 2.1, described by TileJSON 3.0.0."""

import gzip
import re
from datetime import date
from typing import NamedTuple

from flask import Blueprint, Response, jsonify, request, url_for
from flask_babel import gettext
from isal import igzip

from geo.errors import RequestError
from layers import classes
from layers.catalogue import layer_named
from layers.districts import district_of
from layers.mapping import COUNTED, DEEPEST, TRIMMED
from layers.people import Sight, visible
from layers.querying import FILTERS, RESTS_ON, Query
from layers.store import Store
from webmap import access, words

blueprint = Blueprint("tiles", __name__)

_MIMETYPE = "application/vnd.mapbox-vector-tile"
#: What an address may say of how many are counted as one, by layer: the colouring, and as of which day.
COUNTING = {"compounds": ("colour", "as_of")}
#: Of igzip's 0 to 3: as fast as 1, and no larger.
_COMPRESSION = 2
_PATH = re.compile(r"/tiles/(?P<layer>[a-z_]+)/(?P<z>\d{1,2})/(?P<x>\d{1,5})/(?P<y>\d{1,5})\.mvt")


class Counting(NamedTuple):
    """By which colouring those that are drawn as one are counted, and as of which day."""

    colouring: str
    on: date


@blueprint.get("/tiles/<layer>/<int:z>/<int:x>/<int:y>.mvt")
def tile(layer: str, z: int, x: int, y: int) -> Response:
    """Return a tile of what the filters leave of a layer, 204 where it holds nothing."""
    layer_named(layer)
    if z > DEEPEST:
        raise RequestError("There are tiles down to zoom %(zoom)s.", zoom=DEEPEST)
    asked, counting = _asked(layer)
    sight = visible(access.person(), layer)
    seen, kind, rests = _basis(asked, sight, counting)
    tag = access.tag(kind, *rests)
    access.repeatable(seen, kind, *rests)
    if request.if_none_match.contains_weak(tag):
        return access.tagged(Response(status=304), tag)
    return access.tagged(_answer(_made(access.still(), sight, asked, counting, z, x, y)), tag)


def _asked(layer: str) -> tuple[Query, Counting | None]:
    """Return what is asked for, and how it is counted where not as usual: by stage, on the same day."""
    asked = access.query(layer, *COUNTING.get(layer, ()))
    if layer not in COUNTING:
        return asked, None
    colouring = classes.check_colouring(request.args.get("colour") or classes.STAGE)
    wanted = Counting(colouring, access.asked_day("as_of") or asked.on)
    return asked, None if wanted == (classes.STAGE, asked.on) else wanted


def _basis(asked: Query, sight: Sight, counting: Counting | None) -> tuple[str, str, tuple[str, ...]]:
    if counting is None:
        return access.basis(asked, sight)
    # Some classes rest on the structures that are seen.
    return "illegal_structures", visible(access.person(), "illegal_structures").kind, tuple(FILTERS)


def layer_of(path: str) -> str | None:
    """Return of which layer an address asks for a tile, None where it is not one of a tile there can be."""
    found = _PATH.fullmatch(path)
    if found is None or found["layer"] not in TRIMMED or found["layer"] not in RESTS_ON:
        return None
    z, x, y = (int(found[name]) for name in "zxy")
    return found["layer"] if z <= DEEPEST and max(x, y) < 1 << z else None


def made(still: Store, sight: Sight, on: date, path: str) -> bytes:
    """Return the tile of an address, no filter asked for, compressed; b"" where it holds nothing.

    Args:
        still: what ``Store.still`` gave.
        sight: what the person who asks sees of the layer.
        on: the day.
        path: an address of which ``layer_of`` knows the layer.
    """
    place = _PATH.fullmatch(path)
    z, x, y = (int(place[name]) for name in "zxy")
    return _made(still, sight, Query(layer=sight.layer, on=on), None, z, x, y)


def _made(
    still: Store, sight: Sight, asked: Query, counting: Counting | None, z: int, x: int, y: int
) -> bytes:
    """Return a tile compressed, or b"" where it holds nothing."""
    from layers import cellcounts, pictures  # with them comes numba, which takes its time

    drawn = pictures.picture(still, sight, asked)
    counts = (
        None if counting is None else cellcounts.counted_classes(still, access.person(), drawn, *counting)
    )
    plain = drawn.tile(z, x, y, pictures.kept_rows(still, sight, asked, drawn), counts)
    return igzip.compress(plain, _COMPRESSION, mtime=0) if plain else b""


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
    asked, counting = _asked(layer)
    sight = visible(access.person(), layer)
    district = district_of(access.still())
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
    _, kind, rests = _basis(asked, sight, counting)
    return access.tagged(jsonify(told), access.tag(kind, *rests))


def _fields(layer: str) -> dict[str, str]:
    """Return what features of a layer tell, and what that is called; a count tells how many are one."""
    told = {name: words.field_label(layer, name) for name in TRIMMED[layer]}
    if layer == "compounds":
        told |= {"finished": gettext("finished, next stage not begun"), "late": gettext("late")}
    if COUNTED[layer] is not None:
        told["count"] = gettext("how many are drawn as one")
    return told
