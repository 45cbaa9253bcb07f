"""The door to the store: every read and every write of it, in SQL that both stores share.

``Store`` reads; ``Store.writing`` opens one transaction, a ``Work``, in which everything is
written or nothing is. A read sees one state of the store from its first row to its last.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, Engine, Result, func, select
from sqlalchemy.exc import DatabaseError

from geo.errors import RequestError, StoreBusyError, StoreError
from layers import tables
from layers.catalogue import layer_named
from layers.history import first_break
from layers.people import Person, Sight
from layers.querying import NONE, Query, select_rows
from layers.validity import active_edition, edition_on, past_day
from layers.work import Work

_BATCH = 1000


class Row(NamedTuple):
    """One feature as a person sees it: its visible fields, its shape, and where it stands.

    ``wkb`` is None where shapes were not asked for; ``standing`` holds the flags finished,
    done, accepted and late of a compound, and is empty for other layers.
    """

    code: str
    properties: dict[str, object]
    wkb: bytes | None
    standing: dict[str, bool]


class District(NamedTuple):
    """The district: its names, whether it is invented, the reference date, its box."""

    name_zh: str
    name_en: str
    invented: bool
    reference_date: date
    bounds: tuple[float, float, float, float] | None


_FLAGS = ("finished", "done", "accepted", "late")


class Store:
    """One district's record behind an engine whose dialect the caller chose.

    ``held`` is the connection of a ``still`` store, whose reads all see one state.
    """

    def __init__(self, engine: Engine, held: Connection | None = None) -> None:
        self.engine = engine
        self._held = held

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the store."""
        if self._held is not None:
            yield self._held
            return
        with _errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def still(self) -> Iterator["Store"]:
        """Give a store whose reads all see the state of this moment, until this ends."""
        with self.reading() as connection:
            yield Store(self.engine, connection)

    @contextmanager
    def writing(self, person: Person) -> Iterator[Work]:
        """Open a ``Work``: all of it is in the store when this returns, or (discarded) nothing."""
        with _errors(), self.engine.connect() as connection:
            connection = connection.execution_options(guatu_write=True)
            with connection.begin() as transaction:
                work = Work(connection, person)
                yield work
                if work.discarded:
                    transaction.rollback()

    def number_on(self, connection: Connection) -> None:
        """Have the next rows numbered after those that are there (SQLite does that by itself)."""

    def rows(self, sight: Sight, query: Query, *, shapes: bool = True) -> Iterator[Row]:
        """Yield the rows the query asks for, as far as the person sees them, in order of code."""
        with self.reading() as connection:
            self._check(connection, query)
            streamed = {"stream_results": True, "yield_per": _BATCH}
            asked = select_rows(sight, query, shapes=shapes, past=past_day(connection, query.on))
            with connection.execute(asked, execution_options=streamed) as result:
                yield from _rows(result, sight, query)

    def count(self, sight: Sight, query: Query) -> int:
        """Return how many rows the query asks for, as far as the person sees them."""
        with self.reading() as connection:
            self._check(connection, query)
            past = past_day(connection, query.on)
            rows = select_rows(sight, query, shapes=False, past=past).order_by(None).subquery()
            return connection.scalar(select(func.count()).select_from(rows))

    def states(self, sight: Sight, query: Query) -> list[tuple[str | None, int, float | None]]:
        """Return (state, number, area in m² or None: unknown) of the structures the query asks for."""
        with self.reading() as connection:
            self._check(connection, query)
            past = past_day(connection, query.on)
            rows = select_rows(sight, query, shapes=False, past=past).order_by(None).subquery()
            counted = select(rows.c.state, func.count(), func.sum(rows.c.area_m2)).group_by(rows.c.state)
            return [tuple(row) for row in connection.execute(counted)]

    def _check(self, connection: Connection, query: Query) -> None:
        """Refuse a facility kind or street office that nobody has heard of."""
        for kind in (query.uncovered, query.kind):
            known = select(tables.facilities.c.code).where(tables.facilities.c.kind == kind)
            if kind is not None and connection.execute(known.limit(1)).first() is None:
                raise RequestError("No facility is of the kind %(kind)s.", kind=kind)
        if query.street_office not in (None, NONE):
            o, past = tables.street_offices.c, past_day(connection, query.on)
            edition = active_edition() if past is None else edition_on(past)
            known = select(o.code).where(o.code == query.street_office, o.edition_id == edition)
            if connection.execute(known).first() is None:
                raise RequestError("No street office has the code %(code)s.", code=query.street_office)

    def frame(self, statement) -> list[dict]:
        """Return all rows of a statement as dictionaries."""
        with self.reading() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def district(self) -> District:
        """Return the district's names, reference date and box."""
        with self.reading() as connection:
            known = dict(connection.execute(select(tables.settings)).all())
            o = tables.street_offices.c
            box = connection.execute(
                select(func.min(o.west), func.min(o.south), func.max(o.east), func.max(o.north)).where(
                    o.edition_id == active_edition()
                )
            ).one()
        day = known.get("reference_date")
        return District(
            known.get("name_zh", ""),
            known.get("name_en", ""),
            known.get("invented") == "1",
            date.fromisoformat(day) if day else date.today(),
            None if box[0] is None else tuple(box),
        )

    def revision(self, *layers: str) -> int:
        """Return the sum of the layers' revisions: it grows with every change of any of them.

        For those who see published cases only, ``PUBLISHED_STRUCTURES`` stands for the structures.
        """
        r = tables.revisions.c
        with self.reading() as connection:
            return connection.scalar(
                select(func.coalesce(func.sum(r.revision), 0)).where(r.layer.in_(layers))
            )

    def entries(self) -> int:
        """Return the number of entries of the history."""
        with self.reading() as connection:
            return connection.scalar(select(func.count()).select_from(tables.history))

    def identity(self) -> str:
        """Return what tells this store from any other: the beginning of its history's first hash."""
        h = tables.history.c
        with self.reading() as connection:
            return (connection.scalar(select(h.hash).order_by(h.seq).limit(1)) or "")[:8]

    def backdrop(self) -> Iterator[Row]:
        """Yield roads, water, parks and blocks to be drawn below the layers."""
        b = tables.backdrop.c
        for row in self.frame(select(b.fid, b.kind, b.name, b.wkb).order_by(b.fid)):
            shown = {"kind": row["kind"], "name": row["name"]}
            yield Row(str(row["fid"]), shown, row["wkb"], {})


def _rows(result: Result, sight: Sight, query: Query) -> Iterator[Row]:
    names = [name for name in result.keys() if name != "wkb" and name not in _FLAGS]
    flags = [name for name in result.keys() if name in _FLAGS and query.layer == "compounds"]
    booleans = {f.name for f in layer_named(sight.layer).fields if f.type == "flag"}
    for row in result.mappings():
        values = {n: _flag(row[n]) if n in booleans else row[n] for n in names}
        yield Row(values["code"], values, row.get("wkb"), {n: bool(row[n]) for n in flags})


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def verify_history(store: Store) -> int | None:
    """Return the number of the first entry that breaks the history's chain, or None."""
    return first_break(store.frame(select(tables.history).order_by(tables.history.c.seq)))


#: What PostgreSQL calls a lock that was not free in time, and writers that got in each other's way.
_BUSY = frozenset({"55P03", "40001", "40P01"})


@contextmanager
def _errors() -> Iterator[None]:
    """Say in one line what the database says in many."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.OperationalError) and "readonly" in str(error.orig):
            raise StoreError("The store cannot be written: its file or its folder is read-only.") from error
        if _is_busy(error):
            raise StoreBusyError("Another process is writing to the store; try again in a moment.") from error
        raise StoreError("The store cannot be used: %(reason)s.", reason=reason_of(error)) from error


def _is_busy(error: DatabaseError) -> bool:
    if isinstance(error.orig, sqlite3.OperationalError):
        return "locked" in str(error.orig) or "busy" in str(error.orig)
    return getattr(error.orig, "sqlstate", None) in _BUSY


def reason_of(error: DatabaseError) -> str:
    """Return in one line what a database complains of."""
    said = getattr(getattr(error.orig, "diag", None), "message_primary", None) or str(error.orig)
    return " ".join(said.split()).rstrip(".")
