"""Which rows meet a box: the R*Tree of the embedded store or the GiST index of PostGIS, then the exact test.

Either index holds boxes of 32 bits, rounded outwards, about 0.8 m at 120° east: it finds every row
that is meant and some that are not. So what it finds is tested again, in 64 bits.
"""

import sqlite3
import struct
from functools import lru_cache

import shapely
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Join,
    Table,
    TableClause,
    and_,
    bindparam,
    column,
    or_,
    table,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Double, NullType

from geo.errors import RequestError
from layers.tables import BOX

Box = tuple[float, float, float, float]

#: The name under which the embedded store asks shapely.
_INTERSECTS = "guatu_intersects"
_SRID = 4490


def check_box(box: Box) -> None:
    """Raise RequestError unless a box is west, south, east and north in degrees, in this order.

    >>> check_box((117.0, 36.6, 117.1, 36.7))
    """
    if not isinstance(box, tuple) or len(box) != 4 or not all(type(side) in (int, float) for side in box):
        raise RequestError("A box is four numbers: west, south, east and north in degrees.")
    west, south, east, north = box
    # What is no number (NaN) is not between anything either.
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
        raise RequestError("A box lies between 180° west and east and between 90° south and north.")
    if west > east or south > north:
        raise RequestError("A box goes from west to east and from south to north.")


def box_values(box: Box) -> dict[str, object]:
    """Return the values of the parameters of ``meets``: the four sides, and the box as a shape."""
    sides = {f"box_{side}": float(value) for side, value in zip(BOX, box, strict=True)}
    return {**sides, "box": _box_shape(box)}


def _box_shape(box: Box) -> bytes:
    """Return a box as WKB: a rectangle, or the line or point that a flat one is."""
    west, south, east, north = box
    if west == east and south == north:
        return struct.pack("<BI2d", 1, 1, west, south)
    if west == east or south == north:
        return struct.pack("<BII4d", 1, 2, 2, *box)
    corners = (west, south, east, south, east, north, west, north, west, south)
    return struct.pack("<BIII10d", 1, 3, 1, 5, *corners)


def meets(row: ReadOnlyColumnCollection) -> ColumnElement:
    """Return the condition that a row's shape and the box of ``box_values`` have a point in common.

    The rows must be those of ``beside_places``.
    """
    wholly = and_(*_within(row))
    # The box of a point is the point: only shapes that cross an edge of the box are looked at.
    exactly = and_(*_overlaps(row), or_(wholly, _cuts(row.fid, row.wkb)))
    return and_(_near(row.fid), or_(_surely(row.fid), exactly))


def _side(name: str) -> ColumnElement:
    return bindparam(f"box_{name}", type_=Double())


def _within(row) -> list[ColumnElement]:
    return [
        row.west >= _side("west"),
        row.east <= _side("east"),
        row.south >= _side("south"),
        row.north <= _side("north"),
    ]


def _overlaps(row) -> list[ColumnElement]:
    return [
        row.west <= _side("east"),
        row.east >= _side("west"),
        row.south <= _side("north"),
        row.north >= _side("south"),
    ]


# A condition of no type: SQLAlchemy writes "= 1" behind a Boolean, and SQLite then passes over its index.


class _near(FunctionElement):
    """Whether the index of places finds the row of this ``fid`` in the box."""

    inherit_cache = True
    type = NullType()


class _surely(FunctionElement):
    """Whether the index alone says that the row of this ``fid`` lies wholly in the box."""

    inherit_cache = True
    type = NullType()


class _cuts(FunctionElement):
    """Whether the shape of the row of this ``fid`` and ``wkb`` itself meets the box."""

    inherit_cache = True
    type = NullType()


class _Beside(Join):
    """Rows beside the index of places, where the embedded store looks first; PostGIS has its index inside."""

    inherit_cache = True


def beside_places(source: FromClause, layer: Table) -> FromClause:
    """Return a layer, or its join with others, as ``meets`` may be asked of it."""
    places = _places(layer.name)
    return _Beside(source, places, places.c.fid == layer.c.fid)


def _places(layer: str) -> TableClause:
    return table(f"{layer}_box", column("fid"), *(column(side) for side in BOX))


@compiles(_Beside, "sqlite")
def _beside_rtree(element: _Beside, compiler, **options) -> str:
    # Said so, its rows are visited as they are found; IN (SELECT …) first collects them all.
    return f"{element.right.name} CROSS JOIN {compiler.process(element.left, **options)}"


@compiles(_Beside, "postgresql")
def _beside_nothing(element: _Beside, compiler, **options) -> str:
    return compiler.process(element.left, **options)


@compiles(_near, "sqlite")
def _near_in_rtree(element: _near, compiler, **options) -> str:
    (fid,) = element.clauses
    places = _places(fid.table.name).c
    return compiler.process(and_(places.fid == fid, *_overlaps(places)), **options)


@compiles(_surely, "sqlite")
def _surely_in_rtree(element: _surely, compiler, **options) -> str:
    # Its boxes are rounded outwards: what lies in there wholly lies in there. To read the row costs more.
    (fid,) = element.clauses
    return compiler.process(and_(*_within(_places(fid.table.name).c)), **options)


@compiles(_surely, "postgresql")
def _surely_nothing(element: _surely, compiler, **options) -> str:
    return "false"


@compiles(_cuts, "sqlite")
def _cuts_by_shapely(element: _cuts, compiler, **options) -> str:
    _, wkb = element.clauses
    return (
        f"{_INTERSECTS}({compiler.process(wkb, **options)}, {compiler.process(bindparam('box'), **options)})"
    )


@compiles(_near, "postgresql")
def _near_in_gist(element: _near, compiler, **options) -> str:
    return "({} && {})".format(*_on_postgis(element, compiler, options))


@compiles(_cuts, "postgresql")
def _cuts_by_postgis(element: _cuts, compiler, **options) -> str:
    return "ST_Intersects({}, {})".format(*_on_postgis(element, compiler, options))


def _on_postgis(element: FunctionElement, compiler, options: dict) -> tuple[str, str]:
    """Return the row's shape, a column that only PostGIS has, and the box."""
    of_row = compiler.process(list(element.clauses)[0], **options).removesuffix("fid")
    box = compiler.process(bindparam("box"), **options)
    return f"{of_row}shape", f"ST_GeomFromWKB(CAST({box} AS bytea), {_SRID})"


def teach_intersects(connection: sqlite3.Connection) -> None:
    """Let a connection of the embedded store ask whether a shape and a box, both WKB, meet."""
    connection.create_function(_INTERSECTS, 2, _intersects, deterministic=True)


def _intersects(wkb: bytes, box: bytes) -> bool:
    return bool(shapely.intersects(_ready(box), shapely.from_wkb(wkb)))


@lru_cache(maxsize=64)
def _ready(box: bytes) -> shapely.Geometry:
    shape = shapely.from_wkb(box)
    shapely.prepare(shape)
    return shape
