"""Coordinates as people write them: which places of the district they can mean.

Nothing is assumed: every system in which the two numbers land in the district is proposed with the
place it names, and a person picks (see ``crs.candidates``).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import shapely

from geo.crs import MARGIN, STORED, Bounds, candidates, normalise, to_stored
from geo.errors import CrsError
from geo.offsets import from_bd09, from_gcj02

#: The shifted systems of public maps, which have no code in any register.
GCJ02, BD09 = "GCJ-02", "BD-09"


class Meant(NamedTuple):
    """A place that written coordinates can mean: longitude and latitude in STORED, and in which system.

    ``crs`` is an EPSG code, GCJ02 or BD09; ``swapped`` says that latitude or northing came first.
    """

    lon: float
    lat: float
    crs: str
    swapped: bool


class Written(NamedTuple):
    """Two numbers out of a text: the system that is named with them, and whether their order is sure.

    ``crs`` is None where none is named; ``sure`` says that they are degrees, longitude first.
    """

    x: float
    y: float
    crs: str | None
    sure: bool


_SYSTEM = re.compile(
    r"(?:EPSG\s*:?\s*(\d{4,5})|(\d{4,5})\s*(?=:)|(GCJ-?02|BD-?09|WGS-?84|CGCS-?2000))\s*:?\s*"
)
_NAMED = {"GCJ02": GCJ02, "BD09": BD09, "WGS84": "EPSG:4326", "CGCS2000": STORED}
#: What forms and surveyors write before a number; the order is tried both ways all the same.
_LABELS = re.compile(r"\b(?:X|Y|LON|LNG|LAT)\s*[=:]\s*|\b[EN]\s*=\s*|[经纬]度\s*:?\s*")
_ONE = (
    r"(?P<before{0}>[NSEW]|[北南]纬|[东西]经)?\s*"
    r"(?P<degrees{0}>[+-]?\d+(?:\.\d+)?)\s*"
    r"(?:(?P<sign{0}>[°º度])\s*(?:(?P<minutes{0}>\d+(?:\.\d+)?)\s*['′’分]\s*"
    r"(?:(?P<seconds{0}>\d+(?:\.\d+)?)\s*(?:\"|”|''|′′|’’|秒)\s*)?)?)?"
    r"(?P<after{0}>[NSEW])?"
)
_PAIR = re.compile(_ONE.format(1) + r"\s*[,;/、\s]?\s*" + _ONE.format(2))
_SIDES = {"北纬": "N", "南纬": "S", "东经": "E", "西经": "W"}


def written(text: str) -> Written | None:
    """Return the coordinates that a text is, None where it is something else.

    Understood are two numbers, degrees with their hemispheres, degrees, minutes and seconds (also
    度分秒), each with the name of a system before it: ``EPSG:4548``, ``4548:``, ``gcj02:``.

    >>> written("36.65N 117.02E")
    Written(x=117.02, y=36.65, crs=None, sure=True)
    >>> written("4548: 500123.4, 4056789.1")
    Written(x=500123.4, y=4056789.1, crs='EPSG:4548', sure=False)
    >>> written("松涛西区")
    """
    rest = unicodedata.normalize("NFKC", text).upper().strip()
    system = _SYSTEM.match(rest)
    crs = _crs(system) if system else None
    rest = _LABELS.sub("", rest[system.end() :] if system else rest)
    found = _PAIR.fullmatch(rest.strip())
    if not found or found.end("degrees1") == found.start("degrees2"):
        return None
    pairs = [_number(found, "1"), _number(found, "2")]
    if None in pairs:
        return None
    sides = [_side(found, "1"), _side(found, "2")]
    if sides in (["N", "E"], ["E", "N"]):
        lon, lat = pairs if sides == ["E", "N"] else pairs[::-1]
        return Written(lon, lat, crs, True)
    return None if any(sides) else Written(*pairs, crs, False)


def meant(text: str, extent: Bounds) -> tuple[Meant, ...] | None:
    """Return the places in or beside the district that a text can mean, None where it is no coordinates.

    Args:
        text: as a person types it.
        extent: the district's west, south, east and north in STORED.

    Nothing is returned where the numbers lie outside the district in every system, or in the one
    that is named.

    >>> meant("4548: 500123.4, 4056789.1", (116.9, 36.6, 117.1, 36.8))[0].crs
    'EPSG:4548'
    """
    told = written(text)
    if told is None:
        return None
    orders = ((False, told.x, told.y),) if told.sure else ((False, told.x, told.y), (True, told.y, told.x))
    named = ((told.crs, swapped) for swapped, _, _ in orders)
    systems = list(named if told.crs else _proposed(told, extent))
    numbers = {swapped: (x, y) for swapped, x, y in orders}
    found = ((crs, swapped, _place(numbers[swapped], crs)) for crs, swapped in systems)
    return tuple(Meant(*at, crs, swapped) for crs, swapped, at in found if at and _lies(at, extent))


def _crs(system: re.Match) -> str:
    epsg = system[1] or system[2]
    return f"EPSG:{epsg}" if epsg else _NAMED[system[3].replace("-", "")]


def _number(found: re.Match, which: str) -> float | None:
    """Return a number with its minutes and seconds as decimal; None where they are no such."""
    degrees = float(found["degrees" + which])
    minutes, seconds = (float(found[part + which] or 0) for part in ("minutes", "seconds"))
    if minutes >= 60 or seconds >= 60:
        return None
    part = (minutes + seconds / 60) / 60
    sign = -1 if _letter(found, which) in ("S", "W") else 1
    return sign * (degrees - part if found["degrees" + which].startswith("-") else degrees + part)


def _letter(found: re.Match, which: str) -> str | None:
    before = found["before" + which]
    return found["after" + which] or _SIDES.get(before, before)


def _side(found: re.Match, which: str) -> str | None:
    """Return N or E for a number that says whether it is a latitude or a longitude."""
    return {"S": "N", "W": "E"}.get(_letter(found, which), _letter(found, which))


def _proposed(told: Written, extent: Bounds) -> Iterator[tuple[str, bool]]:
    """Yield the systems that two numbers without one may be in, the likeliest first."""
    for one in candidates((told.x, told.y, told.x, told.y), extent):
        if one.crs == STORED or not told.sure:
            yield one.crs, one.swapped
    # Degrees out of a public map look the same as true ones.
    for crs in (GCJ02, BD09):
        yield crs, False
        if not told.sure:
            yield crs, True


def _place(numbers: tuple[float, float], crs: str) -> tuple[float, float] | None:
    """Return the place two numbers have in a system; None where they have none."""
    if crs in (GCJ02, BD09):
        if abs(numbers[0]) > 180 or abs(numbers[1]) > 90:
            return None
        shifted = from_bd09(np.array(numbers)) if crs == BD09 else np.array(numbers)
        return tuple(from_gcj02(shifted).tolist())
    try:
        at = to_stored(np.array([shapely.Point(*numbers)], dtype=object), normalise(crs))[0]
    except CrsError:
        return None
    return (at.x, at.y) if np.isfinite([at.x, at.y]).all() else None


def _lies(at: tuple[float, float], extent: Bounds) -> bool:
    west, south, east, north = extent
    return west - MARGIN <= at[0] <= east + MARGIN and south - MARGIN <= at[1] <= north + MARGIN
