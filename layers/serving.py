"""Which share of each compound each kind of facility serves, written down whenever either changes."""

from collections.abc import Collection

import geopandas
import numpy
from sqlalchemy import Connection, bindparam, func, select

from geo import coverage
from geo.locate import metres_per_degree
from layers import driving, shapes, tables
from layers.boxes import Box, box_values, meets
from layers.work import Work

_f, _c = tables.facilities.c, tables.coverage.c
_SERVING = (_f.kind.is_not(None), _f.radius_m > 0)
_FACILITY = select(_f.code, _f.kind, _f.radius_m, _f.wkb)
_EVERY, _NEAR = _FACILITY.where(*_SERVING), _FACILITY.where(*_SERVING, meets(_f))
#: The farthest that any facility of a kind reaches.
_REACH = select(_f.kind, func.max(_f.radius_m)).where(*_SERVING).group_by(_f.kind)
_loads, _revision = tables.loads.c, tables.revisions.c
_STATE = (
    select(_revision.revision, _loads.id, _loads.at, _loads.sha256)
    .where(_revision.layer == "facilities", _loads.layer == "facilities")
    .order_by(_loads.id.desc())
    .limit(1)
)
_MOST = 8  # states kept, of all stores of the process
_kept: dict[tuple, dict[str, float]] = {}
_KNOWN = select(_c.code, _c.kind, _c.share)
_KNOWN_OF = _KNOWN.where(_c.code == bindparam("code"))


def cover(work: Work, codes: Collection[str] | None = None) -> set[str]:
    """Write which share of compounds (None: all) each kind of facility serves; return what changed."""
    here = work.connection
    few = codes is not None and len(codes) <= shapes.FEW
    reach = _reach(here) if few else dict(driving.fetch(here, _REACH, {}).rows)
    served = _served(here, codes, few, reach) if reach else {}
    known = [(_KNOWN_OF, {"code": code}) for code in codes] if few else [(_KNOWN, {})]
    held = {(code, kind): share for q in known for code, kind, share in driving.fetch(here, *q).rows}
    if codes is not None and not few:
        held = {key: share for key, share in held.items() if key[0] in set(codes)}
    return _write(work, served, held)


def _served(
    connection: Connection, codes: Collection[str] | None, few: bool, reach: dict[str, float]
) -> dict[tuple[str, str], float]:
    """Return the share of compounds that each kind serves; of few, as told by the facilities near them."""
    compounds, asked = shapes.of_layer(connection, "compounds", codes), [(_EVERY, {})]
    if few:
        asked = [(_NEAR, box_values(_grown(shape.bounds, max(reach.values())))) for shape in compounds]
    rows = {row[0]: row for question in asked for row in driving.fetch(connection, *question).rows}
    return _shares(compounds, [rows[code] for code in sorted(rows)], sorted(reach))


def _reach(connection: Connection) -> dict[str, float]:
    """Return how far each kind reaches, read once by a process for each state of the facilities.

    A state is known by its revision and by its last load, whose moment no other load has: that of
    a load that was taken back is never met again.
    """
    found = driving.fetch(connection, _STATE, {}).rows
    if not found:
        return dict(driving.fetch(connection, _REACH, {}).rows)
    (key,) = found
    if key not in _kept:
        if len(_kept) >= _MOST:
            _kept.clear()
        _kept[key] = dict(driving.fetch(connection, _REACH, {}).rows)
    return _kept[key]


def _grown(box: Box, metres: float) -> Box:
    """Return a box grown by a little more than so many metres to each side."""
    west, south, east, north = box
    north_m = metres_per_degree(numpy.array([0.0]))[0, 1]
    up = 1.02 * metres / north_m
    farthest = min(max(abs(south), abs(north)) + up, 89.9)
    across = 1.02 * metres / metres_per_degree(numpy.array([farthest]))[0, 0]
    return west - across, south - up, east + across, north + up


def _shares(
    compounds: geopandas.GeoSeries, facilities: list[tuple], kinds: list[str]
) -> dict[tuple[str, str], float]:
    """Return the share of each compound that each kind serves, by compound and kind."""
    found = {(code, kind): 0.0 for kind in kinds for code in compounds.index}
    places = shapes.by_code((code, wkb) for code, _, _, wkb in facilities)
    served = coverage.served_area(places, numpy.array([row[2] for row in facilities], dtype=float))
    names = numpy.array([row[1] for row in facilities], dtype=object)
    for kind, reached in coverage.coverage_by_kind(compounds, served, names).items():
        found |= {(code, kind): share for code, share in reached.share.items()}
    return found


def _write(work: Work, found: dict[tuple[str, str], float], known: dict[tuple[str, str], float]) -> set[str]:
    former = [key for key, share in known.items() if found.get(key) != share]
    work.remove(tables.coverage, [{"code": code, "kind": kind} for code, kind in former])
    fresh = {key: share for key, share in found.items() if known.get(key) != share}
    work.insert(tables.coverage, [{"code": c, "kind": k, "share": share} for (c, k), share in fresh.items()])
    return {code for code, _ in [*fresh, *former]}
