"""Which share of each compound each kind of facility serves, written down whenever either changes.

A facility serves as far as its own file says, else as the city's standard says of its kind and
size; one of which neither says how far serves nobody.
"""

from collections.abc import Collection
from typing import NamedTuple

import geopandas
import numpy
import shapely
from sqlalchemy import Connection, bindparam, func, or_, select

from geo import coverage
from geo.crs import areas
from geo.locate import metres_per_degree
from layers import driving, shapes, tables
from layers.boxes import Box, beside_places, box_values, meets
from layers.standards import Standards, standards_in
from layers.work import Work

_f, _c = tables.facilities.c, tables.coverage.c
_SERVING = (_f.kind.is_not(None), or_(_f.radius_m > 0, _f.radius_m.is_(None)))
_FACILITY = select(_f.code, _f.kind, _f.radius_m, _f.floor_area_m2, _f.wkb)
_EVERY = _FACILITY.where(*_SERVING)
_NEAR = _EVERY.select_from(beside_places(tables.facilities, tables.facilities)).where(meets(_f))
#: The farthest radius that the files give facilities of a kind, and how many of them have none.
_REACH = (
    select(_f.kind, func.max(_f.radius_m), func.count() - func.count(_f.radius_m))
    .where(*_SERVING)
    .group_by(_f.kind)
)
_loads, _revision = tables.loads.c, tables.revisions.c
_STATE = (
    select(_revision.revision, _loads.id, _loads.at, _loads.sha256)
    .where(_revision.layer == "facilities", _loads.layer == "facilities")
    .order_by(_loads.id.desc())
    .limit(1)
)
_MOST = 8  # states kept, of all stores of the process
_kept: dict[tuple, "Rule"] = {}
_KNOWN = select(_c.code, _c.kind, _c.share)
_KNOWN_OF = _KNOWN.where(_c.code == bindparam("code"))


class Rule(NamedTuple):
    """How far the facilities serve: the farthest of each kind that serves at all, and the standards."""

    reach: dict[str, float]
    standards: Standards


class Facility(NamedTuple):
    """A facility that serves: its code, kind, radius in metres, and shape."""

    code: str
    kind: str
    radius_m: float
    wkb: bytes


def cover(work: Work, codes: Collection[str] | None = None) -> set[str]:
    """Write which share of compounds (None: all) each kind of facility serves; return what changed."""
    here = work.connection
    few = codes is not None and len(codes) <= shapes.FEW
    rule = _kept_rule(here) if few else rule_of(here)
    served = _served(here, codes, few, rule) if rule.reach else {}
    known = [(_KNOWN_OF, {"code": code}) for code in codes] if few else [(_KNOWN, {})]
    held = {(code, kind): share for q in known for code, kind, share in driving.fetch(here, *q).rows}
    if codes is not None and not few:
        held = {key: share for key, share in held.items() if key[0] in set(codes)}
    return _write(work, served, held)


def _served(
    connection: Connection, codes: Collection[str] | None, few: bool, rule: Rule
) -> dict[tuple[str, str], float]:
    """Return the share of compounds that each kind serves; of few, as told by the facilities near them."""
    compounds, asked = shapes.of_layer(connection, "compounds", codes), [(_EVERY, {})]
    if few:
        farthest = max(rule.reach.values())
        asked = [(_NEAR, box_values(_grown(shape.bounds, farthest))) for shape in compounds]
    rows = {row[0]: row for question in asked for row in driving.fetch(connection, *question).rows}
    return _shares(compounds, serving([rows[code] for code in sorted(rows)], rule), sorted(rule.reach))


def facilities(connection: Connection) -> list[Facility]:
    """Return every facility that serves, in order of code."""
    rows = driving.fetch(connection, _EVERY, {}).rows
    return serving(sorted(rows), rule_of(connection))


def serving(rows: list[tuple], rule: Rule) -> list[Facility]:
    """Return the facilities of rows of ``_FACILITY`` that serve, each with its radius."""
    found = []
    for code, kind, radius_m, floor_area_m2, wkb in rows:
        standard = rule.standards.of(kind) if radius_m is None else None
        if standard is not None:
            radius_m = standard.radius_m(_size(wkb, floor_area_m2))
        if radius_m is not None:
            found.append(Facility(code, kind, radius_m, wkb))
    return found


def _size(wkb: bytes, floor_area_m2: float | None) -> float | None:
    """Return the size of a facility: of its outline where it has one, else its floor area."""
    return float(areas(numpy.array([shapely.from_wkb(wkb)]))[0]) or floor_area_m2


def rule_of(connection: Connection) -> Rule:
    """Return how far the facilities serve."""
    known, reach = standards_in(connection), {}
    for kind, own_m, unsaid in driving.fetch(connection, _REACH, {}).rows:
        standard = known.of(kind) if unsaid else None
        reach[kind] = max(own_m or 0.0, standard.farthest_m if standard else 0.0)
    return Rule({kind: metres for kind, metres in reach.items() if metres > 0}, known)


def _kept_rule(connection: Connection) -> Rule:
    """Return the same, read once by a process for each state of the facilities.

    A state is known by its revision and by its last load, whose moment no other load has: that of
    a load that was taken back is never met again.
    """
    found = driving.fetch(connection, _STATE, {}).rows
    if not found:
        return rule_of(connection)
    (key,) = found
    if key not in _kept:
        if len(_kept) >= _MOST:
            _kept.clear()
        _kept[key] = rule_of(connection)
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
    compounds: geopandas.GeoSeries, facilities: list[Facility], kinds: list[str]
) -> dict[tuple[str, str], float]:
    """Return the share of each compound that each kind serves, by compound and kind."""
    found = {(code, kind): 0.0 for kind in kinds for code in compounds.index}
    places = shapes.by_code((facility.code, facility.wkb) for facility in facilities)
    radii = numpy.array([facility.radius_m for facility in facilities], dtype=float)
    served = coverage.served_area(places, radii)
    names = numpy.array([facility.kind for facility in facilities], dtype=object)
    for kind, reached in coverage.coverage_by_kind(compounds, served, names).items():
        found |= {(code, kind): share for code, share in reached.share.items()}
    return found


def _write(work: Work, found: dict[tuple[str, str], float], known: dict[tuple[str, str], float]) -> set[str]:
    former = [key for key, share in known.items() if found.get(key) != share]
    work.remove(tables.coverage, [{"code": code, "kind": kind} for code, kind in former])
    fresh = {key: share for key, share in found.items() if known.get(key) != share}
    work.insert(tables.coverage, [{"code": c, "kind": k, "share": share} for (c, k), share in fresh.items()])
    return {code for code, _ in [*fresh, *former]}
