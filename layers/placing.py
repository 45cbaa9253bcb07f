"""Which compound each structure belongs to: the one its file names, else the one around it.

A compound nobody has on record holds nothing: then it counts where the structure lies. Where
several compounds hold a structure it belongs to the one of the lowest code.
"""

from collections.abc import Collection

import shapely
from sqlalchemy import Connection, bindparam, func, select

from layers import driving, shapes, tables
from layers.answering import Engine
from layers.boxes import box_values, meets
from layers.work import Work

_c, _s, _p = tables.compounds.c, tables.illegal_structures.c, tables.places.c
_CODE = bindparam("code")
#: The compound on record that a structure's file names; the lowest of those around a point.
_NAMED = select(_c.code).join(tables.illegal_structures, _s.compound_code == _c.code).where(_s.code == _CODE)
_AROUND = select(func.min(_c.code)).where(meets(_c))
_KNOWN = select(_p.compound_code).where(_p.code == _CODE)
#: The structures that belonged to a compound, those about it, and those whose file names it.
_HELD = select(_p.code).where(_p.compound_code == _CODE)
_ABOUT = select(_s.code).where(meets(_s))
_NAMING = select(_s.code).where(_s.compound_code == _CODE)


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
    here, found, known = work.connection, {}, {}
    for code, point in shapes.few(here, "illegal_structures", codes).items():
        ((around,),) = driving.fetch(here, _AROUND, box_values(point.bounds)).rows
        found[code] = _only(here, _NAMED, code) or around
        if held := _only(here, _KNOWN, code):
            known[code] = held
    return _write(work, found, known)


def _only(connection: Connection, statement, code: str) -> str | None:
    rows = driving.fetch(connection, statement, {"code": code}).rows
    return rows[0][0] if rows else None


def structures_of(connection: Connection, compounds: Collection[str], new: bool) -> set[str]:
    """Return the structures whose compound can be another one now that a few compounds are new or moved.

    ``new``: the compounds were not on record before, so that structures may have named them in vain.
    """
    found: set[str] = set()
    for code, shape in shapes.few(connection, "compounds", compounds).items():
        asked = [(_HELD, {"code": code}), (_ABOUT, box_values(shapely.bounds(shape).tolist()))]
        asked += [(_NAMING, {"code": code})] if new else []
        found.update(row[0] for question in asked for row in driving.fetch(connection, *question).rows)
    return found


def _write(work: Work, found: dict[str, str | None], known: dict[str, str]) -> set[str]:
    changed = [code for code, compound in found.items() if known.get(code) != compound]
    work.remove(tables.places, [{"code": code} for code in changed if code in known])
    placed = [{"code": code, "compound_code": found[code]} for code in changed if found[code] is not None]
    work.insert(tables.places, placed)
    return set(changed)
