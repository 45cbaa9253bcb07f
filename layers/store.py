"""The door to the store: every read and every write of it, in SQL that both stores share.

``Store`` reads; ``Store.writing`` opens one transaction, a ``Work``, in which everything is
written or nothing is. A read sees one state of the store from its first row to its last.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.exc import DatabaseError

from geo.errors import RequestError, StoreBusyError, StoreError
from layers import driving, tables
from layers.catalogue import layer_named
from layers.history import GENESIS, Chain, read_chain
from layers.people import Person, Sight
from layers.querying import NONE, Query, select_count, select_rows, select_states
from layers.validity import active_edition, edition_on, end_of, past_day
from layers.work import Columns, Work, insert_columns

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
    """The district: its names, whether it is invented, the reference date, its box; its map's foot."""

    name_zh: str
    name_en: str
    invented: bool
    reference_date: date
    bounds: tuple[float, float, float, float] | None
    approval: str = ""
    mark: str = ""


class State(NamedTuple):
    """What tells a state of the store from any other: its word, its day (None: today), its revisions."""

    epoch: str | None
    day: date | None
    revisions: Mapping[str, int]

    def of(self, layers: Iterable[str]) -> tuple[str | None, date, int]:
        """Return what changes when an answer that follows from these layers may."""
        revision = sum(self.revisions.get(layer, 0) for layer in layers)
        return self.epoch, self.day or date.today(), revision


_FLAGS = ("finished", "done", "accepted", "late")
_facility, _office = tables.facilities.c, tables.street_offices.c
_KIND = select(_facility.code).where(_facility.kind == bindparam("kind")).limit(1)
_OFFICE = select(_office.code).where(
    _office.code == bindparam("code"), _office.edition_id == active_edition()
)
_OFFICE_ON = select(_office.code).where(
    _office.code == bindparam("code"), _office.edition_id == edition_on(bindparam("end"))
)
_SETTINGS, _EPOCH = select(tables.settings), select(tables.epoch.c.word)
_DAY = select(tables.settings.c.value).where(tables.settings.c.key == "reference_date")
_r = tables.revisions.c
_STATE = union_all(
    select(literal_column("'epoch'"), literal_column("''"), tables.epoch.c.word),
    select(literal_column("'day'"), literal_column("''"), tables.settings.c.value).where(
        tables.settings.c.key == "reference_date"
    ),
    select(literal_column("'revision'"), _r.layer, cast(_r.revision, Text)),
)
_o = tables.street_offices.c
_BOX = select(func.min(_o.west), func.min(_o.south), func.max(_o.east), func.max(_o.north)).where(
    _o.edition_id == active_edition()
)


class Store:
    """One district's record behind an engine whose dialect the caller chose.

    ``held`` is the connection of a ``still`` store, whose reads all see one state.
    """

    #: Whether its state is known without asking another machine.
    is_near = False

    def __init__(self, engine: Engine, held: Connection | None = None) -> None:
        self.engine = engine
        self._held = held

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    @property
    def lent(self) -> int:
        """How many connections somebody reads or writes with at this moment."""
        return self.engine.pool.checkedout()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the store."""
        if self._held is not None:
            with _errors():
                yield self._held
            return
        with _errors(), self._read() as connection:
            yield connection

    @contextmanager
    def still(self) -> Iterator["Store"]:
        """Give a store whose reads all see the state of this moment, until this ends."""
        with self.reading() as connection:
            yield Store(self.engine, connection)

    @contextmanager
    def writing(self, person: Person) -> Iterator[Work]:
        """Open a ``Work``: all of it is in the store when this returns, or (discarded) nothing."""
        with _errors(), self._write() as connection:
            work = Work(connection, person, self.put)
            yield work
            if work.discarded:
                self._undo(connection)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """Give a connection whose transaction sees one state of the store."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """Give a connection whose transaction writes, and is committed when this ends."""
        with self.engine.connect().execution_options(guatu_write=True) as connection, connection.begin():
            yield connection

    def _undo(self, connection: Connection) -> None:
        """End the transaction of a connection without having written anything."""
        connection.rollback()

    def put(self, connection: Connection, table: Table, columns: Columns) -> None:
        """Insert many rows, given as columns, the way this store does that best."""
        insert_columns(connection, table, columns)

    def number_on(self, connection: Connection) -> None:
        """Have the next rows numbered after those that are there (SQLite does that by itself)."""

    def unfinished(self) -> list[str]:
        """Return what of the newest schema is still to be made beside the work of others."""
        return []

    def schema(self) -> str:
        """Return the version of the tables."""
        with self.reading() as connection:
            return connection.scalar(text("SELECT version_num FROM alembic_version"))

    def rows(self, sight: Sight, query: Query, *, shapes: bool = True) -> Iterator[Row]:
        """Yield the rows the query asks for, as far as the person sees them, in order of code."""
        if query.limit is None:
            return self._stream(sight, query, shapes)
        with self.reading() as connection:
            asked = select_rows(sight, query, shapes=shapes, past=_checked(connection, query))
            names, found = driving.fetch(connection, *asked)
        found.sort(key=itemgetter(names.index("code")))
        return _rows(names, found, query.layer)

    def _stream(self, sight: Sight, query: Query, shapes: bool) -> Iterator[Row]:
        with self.reading() as connection:
            asked = select_rows(sight, query, shapes=shapes, past=_checked(connection, query))
            streamed = {"stream_results": True, "yield_per": _BATCH}
            with connection.execute(*asked, execution_options=streamed) as result:
                yield from _rows(tuple(result.keys()), result, query.layer)

    def columns(self, sight: Sight, query: Query) -> dict[str, tuple]:
        """Return the columns of all rows the query asks for, in order of code, as the store holds them.

        Beside the fields there are ``wkb`` and a compound's standing. For many rows, and no page of
        them: with no object a row it takes a third of the time of ``rows``.
        """
        with self.reading() as connection:
            asked = select_rows(sight, query, past=_checked(connection, query), ordered=False)
            names, found = driving.fetch(connection, *asked)
        # Where they lie is where they are read soonest; the order of bytes is that of their codes.
        found.sort(key=itemgetter(names.index("code")))
        return {name: tuple(map(itemgetter(place), found)) for place, name in enumerate(names)}

    def count(self, sight: Sight, query: Query) -> int:
        """Return how many rows the query asks for on all its pages, as far as the person sees them."""
        with self.reading() as connection:
            return connection.scalar(*select_count(sight, query, _checked(connection, query)))

    def states(self, sight: Sight, query: Query) -> list[tuple[str | None, int, float | None]]:
        """Return (state, number, area in m² or None: unknown) of the structures the query asks for."""
        with self.reading() as connection:
            asked = select_states(sight, query, _checked(connection, query))
            return [tuple(row) for row in connection.execute(*asked)]

    def frame(self, statement) -> list[dict]:
        """Return all rows of a statement as dictionaries."""
        with self.reading() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def district(self) -> District:
        """Return the district's names, reference date and box."""
        with self.reading() as connection:
            known = dict(driving.fetch(connection, _SETTINGS, {}).rows)
            (box,) = driving.fetch(connection, _BOX, {}).rows
        return District(
            known.get("name_zh", ""),
            known.get("name_en", ""),
            known.get("invented") == "1",
            _day(known.get("reference_date")),
            None if box[0] is None else tuple(box),
            known.get("approval", ""),
            known.get("mark", ""),
        )

    def day(self) -> date:
        """Return the district's reference date."""
        with self.reading() as connection:
            found = driving.fetch(connection, _DAY, {}).rows
        return _day(found[0][0] if found else None)

    def revision(self, *layers: str) -> int:
        """Return the sum of the layers' revisions: it grows with every change of any of them.

        For those who see published cases only, ``PUBLISHED_STRUCTURES`` stands for the structures.
        """
        with self.reading() as connection:
            return int(driving.fetch(connection, _revisions(layers), {}).rows[0][0])

    def state(self) -> State:
        """Return what an answer is known by, all of one moment."""
        with self.reading() as connection:
            return state_in(connection)

    def entries(self) -> int:
        """Return the number of entries of the history."""
        with self.reading() as connection:
            return connection.scalar(select(func.count()).select_from(tables.history))

    def identity(self) -> str:
        """Return what tells this store from any other: the beginning of its history's first hash."""
        h = tables.history.c
        with self.reading() as connection:
            return (connection.scalar(select(h.hash).order_by(h.seq).limit(1)) or "")[:8]

    def epoch(self) -> str:
        """Return the word under which the revisions of this store only grow; a restore makes another."""
        with self.reading() as connection:
            found = driving.fetch(connection, _EPOCH, {}).rows
        return found[0][0] if found else None

    def backdrop(self) -> Iterator[Row]:
        """Yield roads, water, parks and blocks to be drawn below the layers."""
        b = tables.backdrop.c
        for row in self.frame(select(b.fid, b.kind, b.name, b.wkb).order_by(b.fid)):
            shown = {"kind": row["kind"], "name": row["name"]}
            yield Row(str(row["fid"]), shown, row["wkb"], {})


def state_in(connection: Connection) -> State:
    """Return the state of the store that an open transaction sees."""
    found = driving.fetch(connection, _STATE, {}).rows
    known = {what: told for what, _, told in found if what != "revision"}
    revisions = {layer: int(told) for what, layer, told in found if what == "revision"}
    day = known.get("day")
    return State(known.get("epoch"), date.fromisoformat(day) if day else None, revisions)


@lru_cache(maxsize=64)
def _revisions(layers: tuple[str, ...]) -> Select:
    meant = or_(false(), *(_r.layer == layer for layer in layers))
    return select(func.coalesce(func.sum(_r.revision), 0)).where(meant)


def _day(text: str | None) -> date:
    return date.fromisoformat(text) if text else date.today()


def _checked(connection: Connection, query: Query) -> date | None:
    """Return the past day as of which a query is answered (see ``past_day``).

    Raises RequestError for a facility kind or street office that nobody has heard of.
    """
    for kind in (query.uncovered, query.kind):
        if kind is not None and not driving.fetch(connection, _KIND, {"kind": kind}).rows:
            raise RequestError("No facility is of the kind %(kind)s.", kind=kind)
    past = past_day(connection, query.on)
    if query.street_office not in (None, NONE):
        known = _OFFICE if past is None else _OFFICE_ON
        asked = {"code": query.street_office} | ({} if past is None else {"end": end_of(past)})
        if not driving.fetch(connection, known, asked).rows:
            raise RequestError("No street office has the code %(code)s.", code=query.street_office)
    return past


@lru_cache(maxsize=256)
def _reader(names: tuple[str, ...], layer: str) -> Callable[[Sequence], Row]:
    """Return what makes a ``Row`` of one that has these columns; see ``select_rows`` for their order."""
    flags = _FLAGS if layer == "compounds" else ()
    many = len(names) - ("wkb" in names) - len(flags)
    shown, code, shape = names[:many], names.index("code"), names[-1] == "wkb"
    booleans = tuple(f.name for f in layer_named(layer).fields if f.type == "flag" and f.name in shown)
    standing = slice(many, many + len(flags))

    def read(row: Sequence) -> Row:
        # It ends where the fields end; to say so to zip takes longer than three of them.
        values = dict(zip(shown, row))  # noqa: B905
        for name in booleans:
            if values[name] is not None:
                values[name] = values[name] != 0
        stands = dict(zip(flags, map(bool, row[standing]), strict=True)) if flags else {}
        # As Row itself would, but for the half of the time that it takes to put them in order.
        return tuple.__new__(Row, (row[code], values, row[-1] if shape else None, stands))

    return read


def _rows(names: Sequence[str], found: Iterable[Sequence], layer: str) -> Iterator[Row]:
    return map(_reader(tuple(names), layer), found)


def read_history(store: Store, anchor: str = GENESIS) -> Chain:
    """Return what the store's history shows, and whether it contains the entry with the hash ``anchor``.

    Memory does not grow with the history.
    """
    streamed = {"stream_results": True, "yield_per": _BATCH}
    entries = select(tables.history).order_by(tables.history.c.seq)
    with store.reading() as connection, connection.execute(entries, execution_options=streamed) as result:
        return read_chain(result.mappings(), anchor)


def verify_history(store: Store) -> int | None:
    """Return the number of the first entry that breaks the history's chain, or None."""
    return read_history(store).broken


#: What PostgreSQL calls a lock that was not free in time, and writers that got in each other's way.
_BUSY = frozenset({"55P03", "40001", "40P01"})
#: What it calls a transaction in which nothing was done, and a statement that was not done, in time.
_STOOD_STILL, _TOOK_TOO_LONG = "25P03", "57014"
#: What PostgreSQL says where its disk is full.
_FULL = "53100"


@contextmanager
def _errors() -> Iterator[None]:
    """Say in one line what the database says in many."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.OperationalError) and "readonly" in str(error.orig):
            raise StoreError("The store cannot be written: its file or its folder is read-only.") from error
        if _is_full(error):
            raise StoreError("The disk of the store is full: nothing was written.") from error
        if is_busy(error):
            raise StoreBusyError("Another process is writing to the store; try again in a moment.") from error
        if _state(error) == _STOOD_STILL:
            raise StoreError(
                "The server ended a write that stood still; nothing of it was written."
            ) from error
        if _state(error) == _TOOK_TOO_LONG:
            raise StoreError("The store took too long over a question, and gave it up.") from error
        raise StoreError("The store cannot be used: %(reason)s.", reason=reason_of(error)) from error


def _is_full(error: DatabaseError) -> bool:
    if isinstance(error.orig, sqlite3.OperationalError):
        return error.orig.sqlite_errorcode == sqlite3.SQLITE_FULL
    return _state(error) == _FULL


def is_busy(error: DatabaseError) -> bool:
    """Return whether a database complains that somebody else is in the way."""
    if isinstance(error.orig, sqlite3.OperationalError):
        return "locked" in str(error.orig) or "busy" in str(error.orig)
    return _state(error) in _BUSY


def _state(error: DatabaseError) -> str | None:
    """Return the code of what PostgreSQL complains of."""
    return getattr(error.orig, "sqlstate", None)


def reason_of(error: DatabaseError) -> str:
    """Return in one line what a database complains of."""
    said = getattr(getattr(error.orig, "diag", None), "message_primary", None) or str(error.orig)
    return " ".join(said.split()).rstrip(".")
