"""One writing transaction: whatever is written goes through it, with history and revisions."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from geo.errors import Finding, StoreError
from layers import driving, tables
from layers.catalogue import PUBLISHED_STATES
from layers.clock import moment, now
from layers.history import GENESIS, canonical, entry_hash
from layers.people import Person
from layers.stages import ORDER, StageRow
from layers.tables import FEATURES, PUBLISHED_STRUCTURES

Columns = Mapping[str, Sequence]

#: So many rows are inserted as columns.
MANY = 2000
#: Rows of so many codes are asked for one by one; for more, the whole table is read.
_FEW = 200
_history, _revisions = tables.history.c, tables.revisions
_LAST_ENTRY = select(_history.seq, _history.hash, _history.at).order_by(_history.seq.desc()).limit(1)
_structures = tables.illegal_structures
_STATE = select(_structures.c.state).where(_structures.c.code == bindparam("code"))
_s = tables.stage_history.c
_STAGE = select(tables.stage_history).where(_s.code == bindparam("code"), _s.stage == bindparam("stage"))
_BUMP = (
    update(_revisions)
    .where(_revisions.c.layer == bindparam("bumped"))
    .values(revision=_revisions.c.revision + 1)
)


@lru_cache(maxsize=256)
def _insert(table: Table, names: tuple[str, ...]) -> Insert:
    return insert(table).values({name: bindparam(name) for name in names})


@lru_cache(maxsize=256)
def _update(table: Table, names: tuple[str, ...], same: tuple[str, ...]) -> Update:
    """Return the step that writes these columns of the row whose columns ``same`` were as they were read."""
    before = [table.c[name] == bindparam(f"was_{name}") for name in same]
    return update(table).where(*before).values({name: bindparam(name) for name in names})


@lru_cache(maxsize=64)
def _select(table: Table) -> tuple[Select, Select]:
    return select(table).where(table.c.code == bindparam("code")), select(table)


def insert_columns(
    connection: Connection, table: Table, columns: Columns, order: Sequence[int] | None = None
) -> None:
    """Insert rows given as columns with one statement for each row, in an order of their places."""
    driving.run_columns(connection, _insert(table, tuple(columns)), columns, order)


class Last(NamedTuple):
    """The end of the history: number, hash and moment of its last entry."""

    seq: int
    hash: str
    at: str | None


class Work:
    """An open writing transaction of a person; ``Store.writing`` gives one."""

    def __init__(
        self,
        connection: Connection,
        person: Person,
        put: Callable[[Connection, Table, Columns], None] = insert_columns,
    ) -> None:
        self.connection = connection
        self.person = person
        self._put = put
        self.discarded = False
        self._at: str | None = None
        self._last: Last | None = None
        self._bumped: set[str] = set()

    @property
    def at(self) -> str:
        """When this transaction writes: one moment in UTC, not before the history's last entry.

        Raises StoreError where the clock of this machine is far behind that entry.
        """
        if self._at is None:
            self._at = moment(self._head().at, now())
        return self._at

    def accept_clock(self) -> bool:
        """Go on by this machine's clock though the history's last entry is later, and log that.

        Returns whether it was later.
        """
        here, last = now(), self._head().at
        if last is None or last <= here:
            return False
        self._at = here
        self.log("accept_clock", "history", before={"at": last}, after={"at": here})
        return True

    def _head(self) -> Last:
        """Return the end of the history, as this transaction has it so far."""
        if self._last is None:
            newest = driving.fetch(self.connection, _LAST_ENTRY, {}).rows
            self._last = Last(*next(iter(newest), (0, GENESIS, None)))
        return self._last

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
        at, (seq, previous, _) = self.at, self._head()
        rows = []
        # Numbered here: a database that numbers rows by itself leaves gaps after a write that failed.
        for number, (action, subject, code, load_id, before, after) in enumerate(entries, seq + 1):
            entry = {
                "seq": number,
                "at": at,
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
        if rows:
            self._last = Last(rows[-1]["seq"], previous, at)

    def insert(self, table: Table, rows: list[dict]) -> None:
        """Insert rows, all with the same names; many of them the way the store does that best."""
        if len(rows) < MANY and rows:
            driving.run_many(self.connection, _insert(table, tuple(rows[0])), rows)
        elif rows:
            self.insert_columns(table, {name: [row[name] for row in rows] for name in rows[0]})

    def insert_columns(self, table: Table, columns: Columns) -> None:
        """Insert rows given as columns of text, numbers, bytes and None, all of the same length."""
        self._put(self.connection, table, columns)

    def remove(self, table: Table, keys: list[dict], *where: ColumnElement) -> None:
        """Remove the rows with these values of key columns, many at a time."""
        if keys:
            same = [table.c[name] == bindparam(f"gone_{name}") for name in keys[0]]
            gone = [{f"gone_{name}": value for name, value in key.items()} for key in keys]
            self.connection.execute(delete(table).where(*same, *where), gone)

    def bump(self, *layers: str) -> None:
        """Raise the revision of the layers once, so that every reader knows they have changed."""
        for layer in dict.fromkeys(layers):
            if layer in self._bumped:
                continue
            self._bumped.add(layer)
            if driving.run(self.connection, _BUMP, {"bumped": layer}).rowcount == 0:
                self.insert(tables.revisions, [{"layer": layer, "revision": 1}])

    def bump_rows(self, layer: str, codes: Iterable[str], states: Iterable[str | None] = ()) -> None:
        """Raise the revision of a layer of which rows changed (from ``states``, where they had one).

        Readers of published cases have a revision of their own: it must not tell them that
        an unpublished one changed.
        """
        self.bump(layer)
        if layer != "illegal_structures":
            return
        if PUBLISHED_STATES.intersection(states) or self._any_is_published(set(codes)):
            self.bump(PUBLISHED_STRUCTURES)

    def _any_is_published(self, codes: set[str]) -> bool:
        if len(codes) > _FEW:
            return any(row["state"] in PUBLISHED_STATES for row in self.known(_structures, codes))
        states = (driving.fetch(self.connection, _STATE, {"code": code}).rows for code in codes)
        return any(state in PUBLISHED_STATES for rows in states for (state,) in rows)

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

    def known(self, table: Table, codes: Collection[str]) -> list[dict]:
        """Return the rows of a table that have one of these codes, all columns.

        A few are asked for one by one, so that an edit costs the same in a large store as in a small one.
        """
        of_code, every = _select(table)
        asked = [(of_code, {"code": code}) for code in codes] if len(codes) <= _FEW else [(every, {})]
        rows = self._told(asked)
        return rows if len(codes) <= _FEW else [row for row in rows if row["code"] in codes]

    def update_feature(self, layer: str, fid: int, version: int, values: Mapping) -> None:
        """Write new values over one row, whose version must still be the one that was read."""
        step = _update(FEATURES[layer], ("version", *values), ("fid", "version"))
        written = {**values, "version": version + 1, "was_fid": fid, "was_version": version}
        if driving.run(self.connection, step, written).rowcount != 1:
            raise StoreError(
                "Row %(code)s was changed by somebody else meanwhile.", code=values.get("code", fid)
            )

    def put_stages(self, rows: Mapping[str, Iterable[StageRow]], load_id: int | None = None) -> int:
        """Write stage rows of compounds, with before and after; return how many changed."""
        s = tables.stage_history
        rows = {code: list(stage_rows) for code, stage_rows in rows.items()}
        known = {(r["code"], r["stage"]): r for r in self._known_stages(rows)}
        entries, fresh = [], []
        for code, stage_rows in rows.items():
            for stage_row in stage_rows:
                row = _stage_values(code, ORDER.index(stage_row.stage) + 1, stage_row)
                before = known.get((code, stage_row.stage))
                if before == row:
                    continue
                fresh.append(row)
                entries.append(("move", "stage_history", code, load_id, before, row))
        again = [row for row in fresh if (row["code"], row["stage"]) in known]
        same = ("code", "stage")
        changed = [{**row, **{f"was_{name}": row[name] for name in same}} for row in again]
        driving.run_many(self.connection, _update(s, tuple(s.c.keys()), same), changed)
        self.insert(s, [row for row in fresh if (row["code"], row["stage"]) not in known])
        self.log_all(entries)
        if fresh:
            self.bump("compounds")
        return len(fresh)

    def _known_stages(self, rows: Mapping[str, Sequence[StageRow]]) -> list[dict]:
        """Return the rows there are of these stages, or of all stages of these compounds."""
        asked = [{"code": code, "stage": row.stage} for code, of_code in rows.items() for row in of_code]
        if len(asked) > _FEW:
            return self.known(tables.stage_history, rows.keys())
        return self._told([(_STAGE, one) for one in asked])

    def _told(self, questions: Iterable[tuple[Select, Mapping]]) -> list[dict]:
        """Return the rows of the answers to some questions, one after the other."""
        found = [driving.fetch(self.connection, *question) for question in questions]
        return [dict(zip(names, row, strict=True)) for names, rows in found for row in rows]


def _stage_values(code: str, position: int, row: StageRow) -> dict:
    days = {
        name: None if (day := getattr(row, name)) is None else day.isoformat()
        for name in ("planned_start", "planned_finish", "actual_start", "actual_finish")
    }
    return {"code": code, "stage": row.stage, "position": position, **days, "reported": int(row.reported)}
