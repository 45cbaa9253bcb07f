"""The record of who answers for what: what is new is written, what it replaces is kept.

An answer that stops being valid moves to ``former_assignments`` with its shares, in the same
transaction; so any day in the past can be asked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Insert,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    insert,
    select,
)

from layers import driving, tables
from layers.answering import TOLD, Answers
from layers.validity import active_edition
from layers.work import Work

#: From so many codes on, all rows of a layer are read at once.
_MANY = 400
#: Up to so many they are asked for one by one, in words that are translated once.
_FEW = 20
_SHARE = ("street_office_code", "area_m2", "share")
#: What is measured: two ways to work it out, or two orders of doing so, differ by this much at most.
_MEASURED = ("share", "outside", "claimed_twice", "nearest_m")
_ROUNDING = 1e-9


def write(work: Work, layer: str, edition_id: int, answers: Answers) -> set[str]:
    """Write the answers that say something new, and return their codes.

    What they replace becomes former; before and after of every one of those is in the history.
    """
    codes = list(answers.rows)
    known = known_answers(work, layer, edition_id, codes)
    parts = answers.shares
    held = _held_shares(work, edition_id, codes) if layer == "compounds" else {}
    fresh = [
        code
        for code, row in answers.rows.items()
        if code not in known or not _is_same(row, parts.get(code, []), known[code], held.get(code, []))
    ]
    retire(work, layer, edition_id, [code for code in fresh if code in known or code in held])
    said = {"layer": layer, "edition_id": edition_id, "at": work.at, "person": work.person.name}
    work.insert(tables.assignments, [{**said, "code": code, **answers.rows[code]} for code in fresh])
    names = ("code", "edition_id", *_SHARE)
    rows = [dict(zip(names, (c, edition_id, *part), strict=True)) for c in fresh for part in parts.get(c, ())]
    work.insert(tables.shares, rows)
    if fresh:
        together = ("assign", layer, None, None, None, {"edition_id": edition_id, "rows": len(fresh)})
        work.log_all([together, *_changes(layer, fresh, known, answers)])
    return set(fresh)


def _changes(layer: str, fresh: list[str], known: Mapping[str, dict], answers: Answers) -> Iterator[tuple]:
    """Yield what the history says of each answer that replaces another."""
    for code in fresh:
        if code in known:
            yield "assign", layer, code, None, {n: known[code][n] for n in TOLD}, answers.rows[code]


def is_answered(connection: Connection, layer: str, code: str) -> bool:
    """Return whether it is on record who answers for a site (or that nobody does) now."""
    return bool(driving.fetch(connection, _NOW, {"of_layer": layer, "gone": code}).rows)


def known_answers(work: Work, layer: str, edition_id: int | None, codes: list[str]) -> dict[str, dict]:
    """Return the rows on record for these codes of a layer, by code, under an edition."""
    if len(codes) <= _FEW:
        asked = ({"of_layer": layer, "edition": edition_id, "gone": code} for code in codes)
        names, found = _fetch_each(work, _ANSWER, asked)
    else:
        a = tables.assignments
        wanted = select(a).where(a.c.layer == layer, a.c.edition_id == edition_id, *_among(a, codes))
        result = work.connection.execute(wanted)
        names, found = tuple(result.keys()), result.all()
    rows = (dict(zip(names, row, strict=True)) for row in found)
    return {row["code"]: grounded(row) for row in rows}


def _fetch_each(work: Work, statement: Select, asked: Iterable[dict]) -> driving.Found:
    names, rows = (), []
    for values in asked:
        names, found = driving.fetch(work.connection, statement, values)
        rows += found
    return driving.Found(names, rows)


def grounded(row: Mapping) -> dict:
    """Return an answer on record with its grounds.

    One from before they were kept had no other than these: what the rule said was answered, for
    nobody could decide otherwise, and a border case was one for a single reason.
    """
    known = dict(row)
    if row["computed"] is None and row["method"] != "manual":
        known["computed"] = row["street_office_code"]
    if row["border_reason"] is None and row["border"]:
        known["border_reason"] = "several_offices" if row["layer"] == "compounds" else "several_candidates"
    return known


def _among(table: Table, codes: list[str]) -> list[ColumnElement]:
    return [table.c.code.in_(codes)] if len(codes) < _MANY else []


def _held_shares(work: Work, edition_id: int, codes: list[str]) -> dict[str, list[tuple]]:
    """Return the shares on record as ``Answers`` has those that were worked out."""
    s, found = tables.shares, defaultdict(list)
    if len(codes) <= _FEW:
        rows = _fetch_each(work, _SHARES, ({"edition": edition_id, "gone": code} for code in codes)).rows
    else:
        columns = (s.c.code, *(s.c[name] for name in _SHARE))
        rows = work.connection.execute(
            select(*columns).where(s.c.edition_id == edition_id, *_among(s, codes))
        )
    for code, *part in rows:
        found[code].append(tuple(part))
    return {code: sorted(parts) for code, parts in found.items()}


def _is_same(row: Mapping, parts: list[tuple], known: Mapping, held: list[tuple]) -> bool:
    """Return whether an answer says what is on record, but for rounding in what was measured."""
    measured = all(_near(row[name], known[name]) for name in _MEASURED)
    said = all(row[name] == known[name] for name in TOLD if name not in _MEASURED)
    same = [office for office, *_ in parts] == [office for office, *_ in held]
    return (
        measured
        and said
        and same
        and all(
            _near(one, other)
            for part, was in zip(parts, held, strict=True)
            for one, other in zip(part[1:], was[1:], strict=True)
        )
    )


def _near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _ROUNDING * max(1.0, abs(one))


def retire(work: Work, layer: str, edition_id: int, codes: list[str]) -> None:
    """Make the answers for these codes of a layer, and their shares, former ones."""
    gone = [{"edition": edition_id, "gone": code} for code in codes]
    if gone:
        if layer == "compounds":  # before the answers they rest on
            _move(work, tables.shares, gone)
        _move(work, tables.assignments, [{**one, "of_layer": layer} for one in gone])


def retire_edition(work: Work, edition_id: int | None) -> None:
    """Make all answers given under an edition, and their shares, former ones."""
    for table in (tables.shares, tables.assignments):
        for step in _retirement(table, table.c.edition_id == edition_id):
            work.connection.execute(step, {"until": work.at} if step.is_insert else {})


def _move(work: Work, table: Table, gone: list[dict]) -> None:
    """Move the rows of some codes to the table of the former ones."""
    copy, removal = _RETIREMENT[table.name]
    driving.run_many(work.connection, copy, [{**one, "until": work.at} for one in gone])
    driving.run_many(work.connection, removal, gone)


def _retirement(table: Table, *where: ColumnElement) -> tuple[Insert, Delete]:
    former = tables.former_assignments if table is tables.assignments else tables.former_shares
    kept, until = (
        [column for column in table.c if column.name in former.c],
        bindparam("until", type_=tables.TEXT),
    )
    # What was written and replaced in one transaction never held for anybody.
    held = table.c.at < until if table is tables.assignments else _rests_on_an_answer_before(until)
    moved = select(*kept, until).where(*where, held)
    names = [*(column.name for column in kept), "until"]
    return insert(former).from_select(names, moved), delete(table).where(*where)


def _rests_on_an_answer_before(until: ColumnElement) -> ColumnElement:
    a, s = tables.assignments.c, tables.shares.c
    same = a.layer == "compounds", a.code == s.code, a.edition_id == s.edition_id
    return exists().where(*same, a.at < until)


def _of_code(table: Table) -> list[ColumnElement]:
    """Return the condition on rows of a code under an edition, and of a layer where there are several."""
    same = [table.c.code == bindparam("gone"), table.c.edition_id == bindparam("edition")]
    return [*same, table.c.layer == bindparam("of_layer")] if "layer" in table.c else same


_ANSWER = select(tables.assignments).where(*_of_code(tables.assignments))
_a = tables.assignments.c
_NOW = select(_a.code).where(
    _a.layer == bindparam("of_layer"), _a.code == bindparam("gone"), _a.edition_id == active_edition()
)
_SHARES = select(tables.shares.c.code, *(tables.shares.c[name] for name in _SHARE)).where(
    *_of_code(tables.shares)
)
_RETIREMENT = {t.name: _retirement(t, *_of_code(t)) for t in (tables.assignments, tables.shares)}
