"""A layer at one revision as immutable arrays, kept in the process: what joins read again and again.

Here: the street offices of the active edition with the grid over them, so that one moved point or
compound finds its office without a read of the offices.
"""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

from sqlalchemy import Connection, select

from geo.grid import Grid
from layers import driving, shapes, tables
from layers.gridfile import grid_beside
from layers.validity import active_edition

_MOST = 4  # editions kept at a time, of all stores of the process
_kept: OrderedDict[tuple, "Offices"] = OrderedDict()
_lock = Lock()


class Offices(NamedTuple):
    """The street offices of an edition, in a grid that answers ``locate`` and ``assign``."""

    edition_id: int
    grid: Grid
    code_list: str


_e, _loads = tables.editions.c, tables.loads.c
_ACTIVE = (
    select(_e.id, _loads.at, _loads.sha256, _e.code_list)
    .join_from(tables.editions, tables.loads, _loads.id == _e.load_id)
    .where(_e.id == active_edition())
)


def active_offices(connection: Connection) -> Offices | None:
    """Return the street offices of the active edition, or None where no edition is active.

    Args:
        connection: of a transaction of the store, be it one that has just written the edition.

    The rows of an edition never change, so that they are read once by a process. An edition is
    known by its load: by the moment and the file, for a store that was put back to an earlier
    state may give the same number again.
    """
    found = driving.fetch(connection, _ACTIVE, {}).rows
    if not found:
        return None
    key = tuple(found[0])
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    edition_id, _, _, code_list = key
    made = Offices(edition_id, _grid(connection, edition_id), code_list)
    with _lock:
        _kept[key] = made
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
    return made


def _grid(connection: Connection, edition_id: int) -> Grid:
    o = tables.street_offices.c
    rows = connection.execute(select(o.code, o.wkb).where(o.edition_id == edition_id))
    return grid_beside(connection.engine.url.database, "street_offices", shapes.by_code(rows))
