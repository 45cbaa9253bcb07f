"""Finding: what is named or written as coordinates, and what lies at a place of the map."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import shapely
from flask import Blueprint, Response, jsonify, request
from flask_babel import gettext

from geo import crs, pointing, zones
from geo.errors import CrsError, RequestError
from layers import around, wordbook
from layers.districts import district_of
from layers.people import visible
from layers.wordbook import Found
from webmap import access, words

blueprint = Blueprint("finding", __name__)

#: Where a typed text is looked for, in the order it is told, and how much of each layer is told.
MOST_FOUND: Mapping[str, int] = MappingProxyType(
    {"compounds": 20, "street_offices": 5, "facilities": 5, "illegal_structures": 5}
)
LONGEST = 100
_PLACE = re.compile(r"(-?\d{1,3}(?:\.\d+)?),(-?\d{1,2}(?:\.\d+)?)")
#: The zones of CGCS2000 that are registered, all from 75° east on: the first code and the last,
#: degrees a zone, and whether the easting begins with the zone's number.
_ZONES = ((4491, 4501, 6, True), (4502, 4512, 6, False), (4513, 4533, 3, True), (4534, 4554, 3, False))


@blueprint.get("/map/search.json")
def search() -> Response:
    """Return the places that ``q`` can mean, and the rows of each layer in which it is written."""
    access.check_arguments("q", "on", "lang")
    text = request.args.get("q", "").strip()
    if len(text) > LONGEST or not text.isprintable():
        raise RequestError("Text to look for has at most %(most)s characters.", most=LONGEST)
    still, person, on = access.still(), access.person(), access.reference_date()
    bounds = district_of(still).bounds
    meant = pointing.meant(text, bounds) if text and bounds else None
    hits = [wordbook.look(still, person, layer, on, text, most) for layer, most in MOST_FOUND.items()]
    return jsonify(
        places=[_place(one) for one in meant or ()],
        outside=meant == (),
        found=[_found(one) for hit in hits for one in hit.found],
        more=any(hit.more for hit in hits),
    )


@blueprint.get("/map/here.json")
def here() -> Response:
    """Return what lies at the place ``at=lon,lat``: structures ``within`` so many metres of it.

    Filters of the map leave nothing out; they are told of each compound, as ``asked``.
    """
    asked = access.query("compounds", "at", "within")
    lon, lat = _asked_place(request.args.get("at", "–"))
    still, person = access.still(), access.person()
    found = around.here(still, person, lon, lat, _asked_metres(), asked.on)
    here = replace(asked, box=(lon, lat, lon, lat))
    rows = still.rows(visible(person, "compounds"), here, shapes=False)
    wanted = {row.code for row in rows}
    return jsonify(
        at=[lon, lat],
        systems=_systems(lon, lat),
        compounds=[_compound(one) | {"asked": one.code in wanted} for one in found.compounds],
        street_offices=[_named(one) for one in found.street_offices],
        facilities=[_facility(one) for one in found.facilities],
        illegal_structures=[_structure(one) for one in found.illegal_structures],
        more=found.more,
    )


def _place(one: pointing.Meant) -> dict:
    """Return a place that may be meant, and in which system the numbers were read."""
    system = system_label(one.crs)
    said = gettext("%(system)s, northing or latitude first", system=system) if one.swapped else system
    return {"lon": one.lon, "lat": one.lat, "system": said}


def _found(one: Found) -> dict:
    told = one._asdict() | {"group": words.layer_label(one.layer)}
    return told | {"field": "" if one.field in ("name", "code", "pinyin") else _field(one)}


def _field(one: Found) -> str:
    return words.field_label(one.layer, one.field)


def _asked_place(text: str) -> tuple[float, float]:
    found = _PLACE.fullmatch(text)
    if not found:
        raise RequestError("%(at)s is no place; write it as 117.02,36.65.", at=text)
    return float(found[1]), float(found[2])


def _asked_metres() -> float:
    text = request.args.get("within", "0")
    if not re.fullmatch(r"\d{1,4}(?:\.\d+)?", text):
        raise RequestError("A distance is a number of metres up to 2000, not %(within)s.", within=text)
    return float(text)


def _systems(lon: float, lat: float) -> list[dict]:
    """Return the place as it is written in degrees, and in the zone of the district where it has one."""
    told = [{"system": system_label(crs.STORED), "text": f"{lon:.6f}, {lat:.6f}"}]
    west, _, east, _ = district_of(access.still()).bounds or (lon, lat, lon, lat)
    try:
        zone = zones.zone_of((west + east) / 2)
    except CrsError:
        return told
    at = zones.projected(np.array([shapely.Point(lon, lat)], dtype=object), zone)[0]
    return [*told, {"system": system_label(zone.crs), "text": f"{at.x:.2f}, {at.y:.2f}"}]


def system_label(code: str) -> str:
    """Return what a coordinate system is called: the zones by width, meridian and prefix."""
    named = {
        crs.STORED: gettext("CGCS2000, longitude and latitude"),
        "EPSG:3857": gettext("Web Mercator (3857)"),
        pointing.GCJ02: gettext("GCJ-02 (高德, 腾讯)"),
        pointing.BD09: gettext("BD-09 (百度)"),
    }
    return named.get(code) or _zone_label(int(code.removeprefix("EPSG:"))) or code


def _zone_label(number: int) -> str | None:
    for first, last, width, prefixed in _ZONES:
        if first <= number <= last:
            told = {"width": width, "meridian": 75 + width * (number - first), "code": number}
            if prefixed:
                return gettext(
                    "CGCS2000 %(width)s° zone %(meridian)s°E, zone number first (%(code)s)", **told
                )
            return gettext("CGCS2000 %(width)s° zone %(meridian)s°E (%(code)s)", **told)
    return None


def _named(one: around.Near) -> dict:
    return {"code": one.code, "name": one.properties["name"] or one.code}


def _compound(one: around.Near) -> dict:
    told = one.properties
    return _named(one) | {
        "stage": words.stage_label(told["stage"]),
        "late": one.standing["late"],
        "office": told["street_office_name"],
    }


def _facility(one: around.Near) -> dict:
    told = one.properties
    return _named(one) | {
        "kind": words.kind_label(told["kind"]) if told["kind"] else None,
        "radius_m": told["radius_m"],
        "metres": round(one.metres, 1),
    }


def _structure(one: around.Near) -> dict:
    told = one.properties
    return {
        "code": one.code,
        "state": words.state_label(told["state"] or ""),
        "kind": told["kind"],
        "area_m2": told["area_m2"],
        "place": told["place"],
        "compound": told["compound_code"],
        "metres": round(one.metres, 1),
    }
