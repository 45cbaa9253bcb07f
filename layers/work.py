"""One writing transaction: whatever is written goes through it, with history and revisions."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, insert, select, update

from geo.errors import Finding, StoreError
from layers import tables
from layers.catalogue import PUBLISHED_STATES
from layers.clock import moment, now
from layers.history import GENESIS, canonical, entry_hash
from layers.people import Person
from layers.stages import ORDER, StageRow
from layers.tables import FEATURES, PUBLISHED_STRUCTURES


class Last(NamedTuple):
    """The end of the history: number, hash and moment of its last entry."""

    seq: int
    hash: str
    at: str | None


class Work:
    """An open writing transaction of a person; ``Store.writing`` gives one."""

    def __init__(self, connection: Connection, person: Person) -> None:
        self.connection = connection
        self.person = person
        self.discarded = False
        self._at: str | None = None
        self._last: Last | None = None

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
            h = tables.history.c
            newest = select(h.seq, h.hash, h.at).order_by(h.seq.desc()).limit(1)
            self._last = Last(*(self.connection.execute(newest).first() or (0, GENESIS, None)))
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
        """Insert rows, many at a time."""
        if rows:
            self.connection.execute(insert(table), rows)

    def remove(self, table: Table, keys: list[dict], *where: ColumnElement) -> None:
        """Remove the rows with these values of key columns, many at a time."""
        if keys:
            same = [table.c[name] == bindparam(f"gone_{name}") for name in keys[0]]
            gone = [{f"gone_{name}": value for name, value in key.items()} for key in keys]
            self.connection.execute(delete(table).where(*same, *where), gone)

    def bump(self, *layers: str) -> None:
        """Raise the revision of the layers, so that every reader knows they have changed."""
        r = tables.revisions
        for layer in layers:
            step = update(r).where(r.c.layer == layer).values(revision=r.c.revision + 1)
            if self.connection.execute(step).rowcount == 0:
                self.insert(r, [{"layer": layer, "revision": 1}])

    def bump_rows(self, layer: str, codes: Iterable[str], states: Iterable[str | None] = ()) -> None:
        """Raise the revision of a layer of which rows changed (from ``states``, where they had one).

        Readers of published cases have a revision of their own: it must not tell them that
        an unpublished one changed.
        """
        self.bump(layer)
        if layer != "illegal_structures":
            return
        s, changed = tables.illegal_structures.c, set(codes)
        published = select(s.code).where(s.state.in_(sorted(PUBLISHED_STATES)))
        shown = changed.intersection(self.connection.execute(published).scalars())
        if shown or PUBLISHED_STATES.intersection(states):
            self.bump(PUBLISHED_STRUCTURES)

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

    def put_stages(self, rows: Mapping[str, Iterable[StageRow]], load_id: int | None = None) -> int:
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
                fresh.append(row)
                entries.append(("move", "stage_history", code, load_id, before, row))
        again = [row for row in fresh if (row["code"], row["stage"]) in known]
        self.remove(s, [{"code": row["code"], "stage": row["stage"]} for row in again])
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
