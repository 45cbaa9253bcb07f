"""What must hold of a store whatever has happened to it, and of what it has acknowledged."""

import json
from collections import Counter
from collections.abc import Iterable

from campaign import Result
from sqlalchemy import func, select, text

from layers import tables
from layers.history import read_chain
from layers.store import Store

#: Rows whose box in the index does not hold them, or that are not in it at all.
_ASTRAY = """
SELECT count(*) FROM {layer} f LEFT JOIN {layer}_box b ON b.fid = f.fid
WHERE b.fid IS NULL OR b.west > f.west OR b.east < f.east OR b.south > f.south OR b.north < f.north
"""
_UNEQUAL_SHAPES = "SELECT count(*) FROM {layer} WHERE ST_AsBinary(shape, 'NDR') <> wkb"
_BY_INDEX = "SELECT count(*) FROM {layer} WHERE shape && ST_MakeEnvelope(west, south, east, north, 4490)"


class Acknowledged:
    """The words that the crews of one store were told: none may be lost, none be told twice."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._words: set[str] = set()
        for name in ("acknowledged", "acknowledged twice", "lost"):
            result.add(name, 0)

    def hear(self, words: Iterable[str]) -> None:
        """Take note of words; a word that is an error is a fault."""
        for word in words:
            if word.startswith("error"):
                self._result.check(False, word)
                continue
            if word in self._words:
                self._result.add("acknowledged twice")
                self._result.check(False, f"{word} was acknowledged twice")
            self._words.add(word)
            self._result.add("acknowledged")

    def check(self, written: set[str]) -> None:
        """Note each word that the store does not hold."""
        lost = self._words - written
        self._result.add("lost", len(lost))
        self._result.check(not lost, f"lost: {sorted(lost)[:5]}")


def check_store(store: Store, result: Result, *, only_edits: bool = True) -> set[str]:
    """Note whatever is wrong with a store; return the edits it holds as ``CODE VERSION``.

    Where there was nothing but edits, the layer's revision must have counted each of them.
    """
    with store.reading() as connection:
        kind = connection.dialect.name
        faults = _file_faults(connection) if kind == "sqlite" else _server_faults(connection)
        result.add("corrupt", len(faults))
        for fault in faults:
            result.check(False, fault)
        entries = [dict(e) for e in connection.execute(_history()).mappings()]
        versions = dict(connection.execute(select(tables.compounds.c.code, tables.compounds.c.version)).all())
        r = tables.revisions.c
        revision = connection.scalar(select(r.revision).where(r.layer == "compounds"))
    broken = read_chain(entries).broken
    result.check(broken is None, f"the history is broken at entry {broken}")
    edits = [e for e in entries if (e["action"], e["subject"]) == ("update", "compounds")]
    result.check(
        not only_edits or revision == 1 + len(edits), f"revision {revision} after {len(edits)} edits"
    )
    return _written(edits, versions, result)


def _history():
    return select(tables.history).order_by(tables.history.c.seq)


def _written(entries: list[dict], versions: dict[str, int], result: Result) -> set[str]:
    """Return the edits of the history, which the rows must agree with to the last one."""
    edits = [(e["code"], json.loads(e["after"])["version"]) for e in entries]
    number = Counter(code for code, _ in edits)
    result.check(len(set(edits)) == len(edits), "an edit stands twice in the history")
    result.check(
        all(1 <= version - 1 <= number[code] for code, version in edits),
        "the history misses an edit between two others",
    )
    result.check(
        versions == {code: 1 + number[code] for code in versions}, "rows and history tell different versions"
    )
    return {f"{code} {version}" for code, version in edits}


def _file_faults(connection) -> list[str]:
    faults = [f"integrity_check: {line}" for line in connection.scalars(text("PRAGMA integrity_check"))]
    faults = [fault for fault in faults if fault != "integrity_check: ok"]
    faults += [f"foreign_key_check: {row}" for row in connection.execute(text("PRAGMA foreign_key_check"))]
    for layer, table in tables.FEATURES.items():
        rows = connection.scalar(select(func.count()).select_from(table))
        boxes = connection.scalar(text(f"SELECT count(*) FROM {layer}_box"))
        astray = connection.scalar(text(_ASTRAY.format(layer=layer)))
        said = connection.scalar(text(f"SELECT rtreecheck('{layer}_box')"))
        if (boxes, astray, said) != (rows, 0, "ok"):
            faults.append(f"{layer}: {rows} rows, {boxes} boxes, {astray} astray, rtreecheck {said}")
    return faults


def _server_faults(connection) -> list[str]:
    faults = []
    for layer, table in tables.FEATURES.items():
        rows = connection.scalar(select(func.count()).select_from(table))
        unequal = connection.scalar(text(_UNEQUAL_SHAPES.format(layer=layer)))
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        found = connection.scalar(text(_BY_INDEX.format(layer=layer)))
        connection.execute(text("SET LOCAL enable_seqscan = on"))
        if (found, unequal) != (rows, 0):
            faults.append(f"{layer}: {rows} rows, {found} found by their box, {unequal} unequal shapes")
    return faults
