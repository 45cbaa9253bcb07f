"""Pictures kept in files beside a store that is a file, so that a new process need not read the layer.

There is one of what a kind of readers sees of a layer, on the day that the map shows by itself. It
tells the moment it is of: whether that is the state of the store, or what has changed since, is found
out as for a picture that the process itself has kept (``layers/pictures.py``). One that another
program has written, or of another schema, is none.
"""

import hashlib
import json
from contextlib import suppress
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np

import geo
from geo.attributes import Attribute, Column, Numbers, Text, pack
from geo.tilesets import PointSet, ShapeSet
from layers.arrayfile import Content, file_beside, read_arrays, write_arrays
from layers.mapping import DATED
from layers.people import Sight
from layers.picture import Moment, Picture
from layers.querying import Query
from layers.store import Store

_PARTS = {"points": PointSet, "shapes": ShapeSet}
_COLUMNS = {Column: ("index",), Text: ("starts", "blob"), Numbers: ("numbers",)}
_NAMED = {kind.__name__: kind for kind in _COLUMNS}


def kept(still: Store, sight: Sight, query: Query) -> Picture | None:
    """Return the picture of a layer in the file beside a store, None where there is none.

    It may be of an earlier state of the store, or of one that was put back since.

    Args:
        still: what ``Store.still`` gave.
        sight: what the person sees of the layer.
        query: names the layer and the day.
    """
    file = _file(still, sight, query)
    found = None if file is None else read_arrays(file)
    if found is None or found.told.get("of") != _of(still, query):
        return None
    return _picture(query.layer, found)


def keep(still: Store, sight: Sight, query: Query, drawn: Picture) -> None:
    """Keep a picture in its file, where it has one; where that cannot be written it is done without.

    Of a store without a history nobody could tell whether a picture is still its own.
    """
    file = _file(still, sight, query) if drawn.moment.seq else None
    if file is not None:
        with suppress(OSError):
            write_arrays(file, _content(drawn, _of(still, query)))


def _file(still: Store, sight: Sight, query: Query) -> Path | None:
    own = query.layer not in DATED or query.on == (still.state().day or date.today())
    named = f"{query.layer}.{sight.kind}.picture"
    return file_beside(still.engine.url.database, named) if own else None


def _of(still: Store, query: Query) -> list[str]:
    """Return what a picture must be of: the program, the schema of the store, and the day."""
    return [_program(), still.schema(), query.on.isoformat() if query.layer in DATED else ""]


@lru_cache(maxsize=1)
def _program() -> str:
    """Return what tells the program that draws from any other: what its rooms hold."""
    rooms = (Path(geo.__file__).parent, Path(__file__).parent)
    told = hashlib.sha256()
    for file in (file for room in rooms for file in sorted(room.glob("*.py"))):
        told.update(file.read_bytes())
    return told.hexdigest()


def _content(drawn: Picture, of: list[str]) -> Content:
    told = {
        "of": of,
        "moment": drawn.moment,
        "ordered": drawn.ordered,
        "columns": [(type(column).__name__, column.name) for column in drawn.told.columns],
    }
    arrays = {
        f"{part}.{name}": array for part in _PARTS for name, array in getattr(drawn, part)._asdict().items()
    }
    for place, column in enumerate(drawn.told.columns):
        arrays |= {f"{place}.{name}": getattr(column, name) for name in _COLUMNS[type(column)]}
        if isinstance(column, Column):
            arrays[f"{place}.values"] = np.frombuffer(json.dumps(column.values).encode(), np.uint8)
    return Content(told, arrays)


def _picture(layer: str, found: Content) -> Picture:
    told, arrays = found
    points, shapes = (
        kind(*(arrays[f"{part}.{name}"] for name in kind._fields)) for part, kind in _PARTS.items()
    )
    columns = [_column(arrays, place, *named) for place, named in enumerate(told["columns"])]
    return Picture(layer, Moment(*told["moment"]), points, shapes, pack(columns), told["ordered"])


def _column(arrays: dict[str, np.ndarray], place: int, kind: str, name: str) -> Attribute:
    parts = [arrays[f"{place}.{part}"] for part in _COLUMNS[_NAMED[kind]]]
    if kind == Column.__name__:
        parts = [tuple(json.loads(arrays[f"{place}.values"].tobytes())), *parts]
    return _NAMED[kind](name, *parts)
