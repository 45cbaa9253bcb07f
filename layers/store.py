"""The door to the store: every read and every write of it, in SQL that both stores share.

``Store`` reads; ``Store.writing`` opens one transaction, a ``Work``, in which everything is
written or nothing is. A read sees one state of the store from its first row to its last.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, update
from sqlalchemy.exc import DatabaseError, OperationalError

from geo.errors import Finding, RequestError, StoreBusyError, StoreError
from layers import tables
from layers.catalogue import layer_named
from layers.people import Person, Sight
from layers.querying import Query, active_edition, select_rows
from layers.stages import ORDER, StageRow
from layers.tables import BOX, FEATURES

#: The hash before the first entry of the history.
GENESIS = "0" * 64
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
    """One district's record behind an engine whose dialect the caller chose."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the store."""
        with _errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    def _read(self, connection: Connection | None) -> AbstractContextManager[Connection]:
        return self.reading() if connection is None else nullcontext(connection)

    @contextmanager
    def writing(self, person: Person) -> Iterator["Work"]:
        """Open a ``Work``: all of it is in the store when this returns, or (discarded) nothing."""
        with _errors(), self.engine.connect() as connection:
            connection = connection.execution_options(guatu_write=True)
            with connection.begin() as transaction:
                work = Work(connection, person)
                yield work
                if work.discarded:
                    transaction.rollback()

    def rows(
        self, sight: Sight, query: Query, *, shapes: bool = True, connection: Connection | None = None
    ) -> Iterator[Row]:
        """Yield the rows the query asks for, as far as the person sees them, in order of code.

        ``connection`` is one that ``reading`` gave, where several reads must see one state.
        """
        with self._read(connection) as connection:
            self._check(connection, query)
            streamed = {"stream_results": True, "yield_per": _BATCH}
            result = connection.execute(select_rows(sight, query, shapes=shapes), execution_options=streamed)
            names = [name for name in result.keys() if name != "wkb" and name not in _FLAGS]
            flags = [name for name in result.keys() if name in _FLAGS and query.layer == "compounds"]
            booleans = {f.name for f in layer_named(sight.layer).fields if f.type == "flag"}
            for row in result.mappings():
                values = {n: _flag(row[n]) if n in booleans else row[n] for n in names}
                yield Row(values["code"], values, row.get("wkb"), {n: bool(row[n]) for n in flags})

    def count(self, sight: Sight, query: Query, connection: Connection | None = None) -> int:
        """Return how many rows the query asks for, as far as the person sees them."""
        with self._read(connection) as connection:
            self._check(connection, query)
            rows = select_rows(sight, query, shapes=False).order_by(None).subquery()
            return connection.scalar(select(func.count()).select_from(rows))

    def _check(self, connection: Connection, query: Query) -> None:
        """Refuse a facility kind or street office that nobody has heard of."""
        for kind in (query.uncovered, query.kind):
            known = select(tables.facilities.c.code).where(tables.facilities.c.kind == kind)
            if kind is not None and connection.execute(known.limit(1)).first() is None:
                raise RequestError("No facility is of the kind %(kind)s.", kind=kind)
        if query.street_office not in (None, "none"):
            o = tables.street_offices.c
            known = select(o.code).where(o.code == query.street_office, o.edition_id == active_edition())
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
        """Return the sum of the layers' revisions: it grows with every change of any of them."""
        r = tables.revisions.c
        with self.reading() as connection:
            return connection.scalar(
                select(func.coalesce(func.sum(r.revision), 0)).where(r.layer.in_(layers))
            )

    def backdrop(self) -> Iterator[Row]:
        """Yield roads, water, parks and blocks to be drawn below the layers."""
        b = tables.backdrop.c
        for row in self.frame(select(b.fid, b.kind, b.name, b.wkb).order_by(b.fid)):
            shown = {"kind": row["kind"], "name": row["name"]}
            yield Row(str(row["fid"]), shown, row["wkb"], {})


class Work:
    """One writing transaction: rows, history, revisions and loads go through it."""

    def __init__(self, connection: Connection, person: Person) -> None:
        self.connection = connection
        self.person = person
        self.at = datetime.now(UTC).isoformat(timespec="microseconds")
        self.discarded = False

    def discard(self) -> None:
        """Let nothing of this transaction reach the store, without an error."""
        self.discarded = True

    def log(
        self,
        action: str,
        subject: str,
        *,
        code: str | None = None,
        load_id: int | None = None,
        before: object = None,
        after: object = None,
    ) -> None:
        """Append one entry to the history, bound to the one before by its hash."""
        self.log_all([(action, subject, code, load_id, before, after)])

    def log_all(self, entries: Iterable[tuple]) -> None:
        """Append entries of (action, subject, code, load_id, before, after), in order."""
        h = tables.history.c
        previous = self.connection.scalar(select(h.hash).order_by(h.seq.desc()).limit(1)) or GENESIS
        rows = []
        for action, subject, code, load_id, before, after in entries:
            entry = {
                "at": self.at,
                "person": f"{self.person.role}:{self.person.name}",
                "action": action,
                "subject": subject,
                "code": code,
                "load_id": load_id,
                "before": None if before is None else canonical(before),
                "after": None if after is None else canonical(after),
                "previous": previous,
            }
            previous = entry["hash"] = entry_hash(entry)
            rows.append(entry)
        self.insert(tables.history, rows)

    def insert(self, table: Table, rows: list[dict]) -> None:
        """Insert rows, many at a time."""
        if rows:
            self.connection.execute(insert(table), rows)

    def bump(self, *layers: str) -> None:
        """Raise the revision of the layers, so that every reader knows they have changed."""
        r = tables.revisions
        for layer in layers:
            step = update(r).where(r.c.layer == layer).values(revision=r.c.revision + 1)
            if self.connection.execute(step).rowcount == 0:
                self.insert(r, [{"layer": layer, "revision": 1}])

    def set(self, key: str, value: str) -> None:
        """Set one of the district's settings, with history; the same value changes nothing."""
        s = tables.settings
        before = self.connection.scalar(select(s.c.value).where(s.c.key == key))
        if before == value:
            return
        self.connection.execute(delete(s).where(s.c.key == key))
        self.insert(s, [{"key": key, "value": value}])
        self.log("describe", "settings", code=key, before=before, after=value)
        self.bump("settings")

    def open_load(self, layer: str, sha256: str, options: Mapping) -> int:
        """Begin a load and return its number; ``close_load`` writes its receipt."""
        load = {
            "at": self.at,
            "person": f"{self.person.role}:{self.person.name}",
            "layer": layer,
            "sha256": sha256,
            "options": canonical(options),
            "receipt": "{}",
        }
        return self.connection.execute(insert(tables.loads), load).inserted_primary_key[0]

    def close_load(self, load_id: int, receipt: Mapping, found: Iterable[Finding], aside: list[dict]) -> None:
        """Write a load's receipt, findings and set-aside rows."""
        loads = tables.loads
        self.connection.execute(update(loads).where(loads.c.id == load_id).values(receipt=canonical(receipt)))
        self.insert(tables.findings, [{"load_id": load_id, **f._asdict()} for f in found])
        self.insert(tables.set_aside, [{"load_id": load_id, **row} for row in aside])

    def features(self, layer: str, edition_id: int | None = None) -> dict[str, dict]:
        """Return the stored rows of a layer (of an edition) by code, all columns."""
        feature = FEATURES[layer]
        wanted = select(feature)
        if layer == "street_offices":
            wanted = wanted.where(feature.c.edition_id == edition_id)
        return {row["code"]: dict(row) for row in self.connection.execute(wanted).mappings()}

    def update_feature(self, layer: str, fid: int, version: int, values: Mapping) -> None:
        """Write new values over one row, whose version must still be the one that was read."""
        feature = FEATURES[layer]
        step = update(feature).where(feature.c.fid == fid, feature.c.version == version)
        if self.connection.execute(step.values(version=version + 1, **values)).rowcount != 1:
            raise StoreError(
                "Row %(code)s was changed by somebody else meanwhile.", code=values.get("code", fid)
            )

    def put_stages(self, rows: Mapping[str, Iterable[StageRow]]) -> int:
        """Write stage rows of compounds, with before and after; return how many changed."""
        s = tables.stage_history
        known = {(r["code"], r["stage"]): dict(r) for r in self.connection.execute(select(s)).mappings()}
        entries, fresh = [], []
        for code, stage_rows in rows.items():
            for stage_row in stage_rows:
                row = _stage_values(code, ORDER.index(stage_row.stage) + 1, stage_row)
                before = known.get((code, stage_row.stage))
                if before == row:
                    continue
                if before is not None:
                    self.connection.execute(delete(s).where(s.c.code == code, s.c.stage == stage_row.stage))
                fresh.append(row)
                entries.append(("move", "stage_history", code, None, before, row))
        self.insert(s, fresh)
        self.log_all(entries)
        if fresh:
            self.bump("compounds")
        return len(fresh)


def _stage_values(code: str, position: int, row: StageRow) -> dict:
    days = {
        name: None if (day := getattr(row, name)) is None else day.isoformat()
        for name in ("planned_start", "planned_finish", "actual_start", "actual_finish")
    }
    return {"code": code, "stage": row.stage, "position": position, **days, "reported": int(row.reported)}


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, bytes as hex."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=bytes.hex)


def entry_hash(entry: Mapping) -> str:
    """Return the hash that binds a history entry to the one before it."""
    names = ("previous", "at", "person", "action", "subject", "code", "load_id", "before", "after")
    return hashlib.sha256(canonical([entry[name] for name in names]).encode()).hexdigest()


def verify_history(store: Store) -> int | None:
    """Return the number of the first entry that breaks the history's chain, or None."""
    previous, last = GENESIS, 0
    for entry in store.frame(select(tables.history).order_by(tables.history.c.seq)):
        gap = entry["seq"] != last + 1
        if gap or entry["previous"] != previous or entry["hash"] != entry_hash(entry):
            return entry["seq"]
        previous, last = entry["hash"], entry["seq"]
    return None


@contextmanager
def _errors() -> Iterator[None]:
    """Say in one line what the database says in many."""
    try:
        yield
    except OperationalError as error:
        text = str(error.orig)
        if "locked" in text or "busy" in text:
            raise StoreBusyError("Another process is writing to the store; try again in a moment.") from error
        raise StoreError("The store cannot be used: %(reason)s.", reason=text) from error
    except DatabaseError as error:
        raise StoreError("The store cannot be used: %(reason)s.", reason=str(error.orig)) from error


def box_of(shape) -> dict[str, float]:
    """Return the four box columns of a shapely geometry."""
    return dict(zip(BOX, shape.bounds, strict=True))
