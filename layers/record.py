"""The record of who answers for what: what is new is written, what it replaces is kept.

An answer that stops being valid moves to ``former_assignments`` with its shares, in the same
transaction; so any day in the past can be asked for.
"""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, insert, literal, select

from layers import tables
from layers.answering import TOLD, Answers
from layers.work import Work

#: From so many codes on, all rows of a layer are read at once.
_MANY = 400
_SHARE = ("street_office_code", "area_m2", "share")


def write(work: Work, layer: str, edition_id: int, answers: Answers) -> set[str]:
    """Write the answers that say something new, and return their codes.

    What they replace becomes former; before and after of every one of those is in the history.
    """
    codes = list(answers.rows)
    known = known_answers(work, layer, edition_id, codes)
    parts = _parts(answers) if layer == "compounds" else {}
    held = _held_shares(work, edition_id, codes) if layer == "compounds" else {}
    fresh = [
        code
        for code, row in answers.rows.items()
        if code not in known
        or held.get(code, []) != parts.get(code, [])
        or not row.items() <= known[code].items()
    ]
    retire(work, layer, edition_id, [code for code in fresh if code in known or code in held])
    said = {"layer": layer, "edition_id": edition_id, "at": work.at, "person": work.person.name}
    work.insert(tables.assignments, [{**said, "code": code, **answers.rows[code]} for code in fresh])
    names = ("code", "edition_id", *_SHARE)
    rows = [dict(zip(names, (c, edition_id, *part), strict=True)) for c in fresh for part in parts.get(c, ())]
    work.insert(tables.shares, rows)
    if fresh:
        work.log("assign", layer, after={"edition_id": edition_id, "rows": len(fresh)})
    work.log_all(
        ("assign", layer, code, None, {n: known[code][n] for n in TOLD}, answers.rows[code])
        for code in fresh
        if code in known
    )
    return set(fresh)


def known_answers(work: Work, layer: str, edition_id: int | None, codes: list[str]) -> dict[str, dict]:
    """Return the rows on record for these codes of a layer, by code, under an edition."""
    a = tables.assignments
    wanted = select(a).where(a.c.layer == layer, a.c.edition_id == edition_id, *_among(a, codes))
    found = work.connection.execute(wanted)
    names = tuple(found.keys())
    rows = (dict(zip(names, row, strict=True)) for row in found.all())
    return {row["code"]: grounded(row) for row in rows}


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


def _parts(answers: Answers) -> dict[str, list[tuple]]:
    """Return the shares (office, area, share) by code, each code's in order of the offices' codes."""
    found, shares = defaultdict(list), answers.shares
    for code, *part in zip(shares["code"], *(shares[name].tolist() for name in _SHARE), strict=True):
        found[code].append(tuple(part))
    return {code: sorted(parts) for code, parts in found.items()}


def _held_shares(work: Work, edition_id: int, codes: list[str]) -> dict[str, list[tuple]]:
    """Return the shares on record as ``_parts`` returns those that were worked out."""
    s, found = tables.shares, defaultdict(list)
    columns = (s.c.code, *(s.c[name] for name in _SHARE))
    for code, *part in work.connection.execute(
        select(*columns).where(s.c.edition_id == edition_id, *_among(s, codes))
    ):
        found[code].append(tuple(part))
    return {code: sorted(parts) for code, parts in found.items()}


def retire(work: Work, layer: str, edition_id: int, codes: list[str]) -> None:
    """Make the answers for these codes of a layer, and their shares, former ones."""
    if codes:
        a, s = tables.assignments, tables.shares
        gone = [{"gone_code": code} for code in codes]
        _move(work, a, and_(a.c.layer == layer, a.c.edition_id == edition_id), gone)
        if layer == "compounds":
            _move(work, s, s.c.edition_id == edition_id, gone)


def retire_edition(work: Work, edition_id: int | None) -> None:
    """Make all answers given under an edition, and their shares, former ones."""
    a, s = tables.assignments, tables.shares
    _move(work, a, a.c.edition_id == edition_id)
    _move(work, s, s.c.edition_id == edition_id)


def _move(work: Work, table: Table, where: ColumnElement, gone: list[dict] | None = None) -> None:
    """Move rows to the table of the former ones; ``gone`` names them by code, else it is all."""
    former = tables.former_assignments if table is tables.assignments else tables.former_shares
    if gone is not None:
        where = and_(where, table.c.code == bindparam("gone_code"))
    kept = [column for column in table.c if column.name in former.c]
    moved = select(*kept, literal(work.at)).where(where)
    if table is tables.assignments:
        # What was written and replaced in one transaction never held for anybody.
        moved = moved.where(table.c.at < work.at)
    step = insert(former).from_select([*(column.name for column in kept), "until"], moved)
    work.connection.execute(step, gone)
    work.connection.execute(delete(table).where(where), gone)
