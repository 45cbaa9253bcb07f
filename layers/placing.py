"""Which compound each structure belongs to: the one its file names, else the one around it.

A compound nobody has on record holds nothing: then it counts where the structure lies. Where
several compounds hold a structure it belongs to the one of the lowest code.
"""

from collections.abc import Callable, Collection

import numpy
import shapely
from sqlalchemy import Connection, bindparam, delete, func, select

from geo import locate
from layers import driving, shapes, tables
from layers.answering import Engine
from layers.boxes import beside_places, box_values, meets
from layers.work import Work

_c, _s, _p = tables.compounds.c, tables.illegal_structures.c, tables.places.c
_held = tables.places.alias("held")
_CODE = bindparam("code")
#: A structure, the compound on record that its file names, and the one it belonged to so far.
_TOLD = select(_s.code, _s.wkb, _c.code, _p.compound_code)
_WITH_COMPOUNDS = tables.illegal_structures.outerjoin(
    tables.compounds, _c.code == _s.compound_code
).outerjoin(tables.places, _p.code == _s.code)
_STRUCTURE = _TOLD.select_from(_WITH_COMPOUNDS)
_ONE = _STRUCTURE.where(_s.code == _CODE)
#: The structures that belonged to a compound, those about it, and those whose file names it.
_HELD = _STRUCTURE.where(_s.code.in_(select(_held.c.code).where(_held.c.compound_code == _CODE)))
_ABOUT = _TOLD.select_from(beside_places(_WITH_COMPOUNDS, tables.illegal_structures)).where(meets(_s))
_NAMING = _STRUCTURE.where(_s.compound_code == _CODE)
#: The lowest code of the compounds around a point, and the compounds about a place.
_AROUND, _COMPOUNDS = (
    select(*told).select_from(beside_places(tables.compounds, tables.compounds)).where(meets(_c))
    for told in ((func.min(_c.code),), (_c.code, _c.wkb))
)


_REMOVAL = delete(tables.places).where(_p.code == bindparam("gone"))


def place(work: Work, engine: Engine, codes: Collection[str] | None = None) -> set[str]:
    """Write which compound structures (None: all) belong to, and return those that moved."""
    here = work.connection
    structures = shapes.of_layer(here, "illegal_structures", codes)
    found = engine.locate(structures, shapes.of_layer(here, "compounds"))["area"].to_dict()
    named = here.execute(select(_s.code, _c.code).join(tables.compounds, _s.compound_code == _c.code))
    found |= {code: compound for code, compound in named if code in found}
    return _write(work, found, dict(here.execute(select(_p.code, _p.compound_code)).all()))


def place_few(work: Work, codes: Collection[str]) -> set[str]:
    """Write which compound each of a few structures belongs to, and return those that moved."""
    here = work.connection
    rows = [row for code in codes for row in driving.fetch(here, _ONE, {"code": code}).rows]
    return _place_rows(work, rows, _around_each)


def place_about(work: Work, compounds: Collection[str], new: bool) -> set[str]:
    """Write which compound structures belong to, now that a few compounds are new or moved.

    ``new``: the compounds were not on record before, so that structures may have named them in
    vain. Returns the structures that moved.
    """
    here, changed = work.connection, set()
    for code, shape in shapes.few(here, "compounds", compounds).items():
        asked = [(_HELD, {"code": code}), (_ABOUT, box_values(shape.bounds))]
        asked += [(_NAMING, {"code": code})] if new else []
        rows = {row[0]: row for question in asked for row in driving.fetch(here, *question).rows}
        changed |= _place_rows(work, list(rows.values()), _around_all)
    return changed


Points = dict[str, shapely.Point]


def _place_rows(
    work: Work, rows: list[tuple], around: Callable[[Connection, Points], dict[str, str | None]]
) -> set[str]:
    """Write where the structures of rows of ``_STRUCTURE`` belong, the points located by ``around``."""
    found = {code: named for code, _, named, _ in rows}
    free = {code: wkb for code, wkb, named, _ in rows if named is None}
    points = dict(zip(free, shapely.from_wkb(list(free.values())).tolist(), strict=True)) if free else {}
    found |= around(work.connection, points) if points else {}
    return _write(work, found, {code: held for code, _, _, held in rows if held is not None})


def _around_each(connection: Connection, points: Points) -> dict[str, str | None]:
    """Return the compound of the lowest code around each point, looked up one by one."""
    asked = ((code, box_values(point.bounds)) for code, point in points.items())
    return {code: driving.fetch(connection, _AROUND, box).rows[0][0] for code, box in asked}


def _around_all(connection: Connection, points: Points) -> dict[str, str | None]:
    """Return the same of points that lie close together: the compounds about them are read once."""
    places = numpy.array(list(points.values()), dtype=object)
    sides = shapely.bounds(places)
    box = box_values((*sides[:, :2].min(axis=0).tolist(), *sides[:, 2:].max(axis=0).tolist()))
    about = sorted(driving.fetch(connection, _COMPOUNDS, box).rows)
    areas = numpy.array(shapely.from_wkb([wkb for _, wkb in about]), dtype=object)
    ranks = locate.lowest(places, areas, numpy.arange(len(about)))
    codes = [*(code for code, _ in about), None]
    return {code: codes[rank] for code, rank in zip(points, ranks.tolist(), strict=True)}


def _write(work: Work, found: dict[str, str | None], known: dict[str, str]) -> set[str]:
    changed = [code for code, compound in found.items() if known.get(code) != compound]
    if gone := [{"gone": code} for code in changed if code in known]:
        driving.run_many(work.connection, _REMOVAL, gone)
    placed = [{"code": code, "compound_code": found[code]} for code in changed if found[code] is not None]
    work.insert(tables.places, placed)
    return set(changed)
