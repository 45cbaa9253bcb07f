"""Who answers, or answered, for a site: with every share, why, since when and by whom."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, and_, func, select

from geo.errors import NotFoundError
from layers import tables
from layers.catalogue import layer_named
from layers.people import Person, may, visible
from layers.querying import Query
from layers.record import grounded
from layers.store import Store
from layers.validity import active_edition, end_of, past_day

#: What the history tells of one site's answer, by action.
ACTIONS = ("assign", "move", "decide", "withdraw", "review", "stand")


@dataclass(frozen=True)
class Share:
    """A street office's part of a compound."""

    code: str
    name: str
    area_m2: float
    share: float


@dataclass(frozen=True)
class Decided:
    """What a person decided: the street office, whether it stands or is for review, when.

    ``reason`` and ``person`` are None for those who may not read them.
    """

    street_office_code: str
    state: str
    at: str
    reason: str | None
    person: str | None


@dataclass(frozen=True)
class Said:
    """What the record says of a site: who answers for it, and on what grounds.

    ``method`` is one of ``answering.METHODS``; ``computed`` is the office the rule alone names;
    ``shares`` every office's part of a compound, ``outside`` and ``claimed_twice`` what they leave:
    sum of shares − claimed twice + outside = 1. ``candidates`` are the offices that claim a point
    where it is in doubt.
    """

    layer: str
    code: str
    street_office_code: str | None
    street_office_name: str | None
    method: str
    computed: str | None
    share: float
    outside: float
    claimed_twice: float
    reasons: tuple[str, ...]
    shares: tuple[Share, ...]
    candidates: tuple[str, ...]
    nearest_code: str | None
    nearest_m: float | None
    decision: Decided | None


@dataclass(frozen=True)
class Answer(Said):
    """Who answers for a site, as the record has it from ``at`` until ``until`` (None: still).

    ``person`` is None for those who may not read it.
    """

    border: bool
    edition_id: int
    code_list: str
    at: str
    until: str | None
    person: str | None


@dataclass(frozen=True)
class Step:
    """One entry of the history about a site's answer; ``before`` and ``after`` are JSON values."""

    at: str
    action: str
    before: object
    after: object
    person: str | None


def reads_record(person: Person) -> bool:
    """Return whether the person may read who decided or assigned, and with which reason."""
    return may(person, "read_record")


def answers(store: Store, person: Person, layer: str, code: str) -> list[Answer]:
    """Return all answers for a site that the record knows, the one that holds first.

    Raises NotFoundError where the person sees no such site.
    """
    with store.still() as store:
        _check_seen(store, person, layer, code)
        a, f = tables.assignments, tables.former_assignments
        now = _answer_rows(a, a.c.layer == layer, a.c.code == code, a.c.edition_id == active_edition())
        former = _answer_rows(f, f.c.layer == layer, f.c.code == code).order_by(f.c.until.desc())
        found = [*store.frame(now), *store.frame(former)]
        shares = _shares_of(store, layer, code)
        decision = _decision(store, person, layer, code)
        reads = reads_record(person)
        return [
            _answer(row, shares.get(row.get("until"), ()), None if row.get("until") else decision, reads)
            for row in found
        ]


def answer_on(store: Store, person: Person, layer: str, code: str, day: date) -> Answer | None:
    """Return the answer that held at the end of a day (UTC); None where nothing was on record yet.

    Raises NotFoundError where the person sees no such site.
    """
    end = end_of(day)
    held = (a for a in answers(store, person, layer, code) if a.at < end and (a.until or "~") > end)
    return next(held, None)


def answer_shown(store: Store, person: Person, layer: str, code: str, day: date) -> Answer | None:
    """Return the answer that the layers show for a day (see ``validity``), None without any.

    Raises NotFoundError where the person sees no such site.
    """
    found = answers(store, person, layer, code)
    with store.reading() as connection:
        past = past_day(connection, day)
    if past is not None:
        found = [a for a in found if (a.until or "~") > end_of(past)][-1:]
    return next(iter(found), None)


def _check_seen(store: Store, person: Person, layer: str, code: str) -> None:
    query = Query(layer=layer_named(layer).name, on=date.max, code=code)
    if layer == "street_offices" or not store.count(visible(person, layer), query):
        raise NotFoundError("Layer %(layer)s has no row with the code %(code)s.", layer=layer, code=code)


def _answer_rows(answers: tables.Table, *where) -> Select:
    o, e = tables.street_offices, tables.editions
    return (
        select(answers, o.c.name, e.c.code_list)
        .join(e, e.c.id == answers.c.edition_id)
        .outerjoin(o, (o.c.edition_id == answers.c.edition_id) & (o.c.code == answers.c.street_office_code))
        .where(*where)
    )


def _shares_of(store: Store, layer: str, code: str) -> dict[str | None, tuple[Share, ...]]:
    """Return a compound's shares by the end of the answer they belong to (None: of today's)."""
    if layer != "compounds":
        return {}
    s, f, fa = tables.shares, tables.former_shares, tables.former_assignments
    now = _share_rows(s, s.c.edition_id, s.c.code == code, s.c.edition_id == active_edition())
    same = (fa.c.layer == layer) & (fa.c.code == f.c.code) & (fa.c.until == f.c.until)
    former = _share_rows(f.join(fa, same), fa.c.edition_id, f.c.code == code, parts=f, until=f.c.until)
    found = defaultdict(list)
    for row in [*store.frame(now), *store.frame(former)]:
        found[row.get("until")].append(_share(row))
    return {until: tuple(parts) for until, parts in found.items()}


def _share_rows(source, edition, *where, parts=None, **more) -> Select:
    o, s = tables.street_offices, source if parts is None else parts
    same = (o.c.code == s.c.street_office_code) & (o.c.edition_id == edition)
    columns = (s.c.code, s.c.street_office_code, o.c.name, s.c.area_m2, s.c.share)
    extra = [column.label(name) for name, column in more.items()]
    listed = select(*columns, *extra).select_from(source.join(o, same)).where(*where)
    return listed.order_by(s.c.code, s.c.share.desc(), s.c.street_office_code)


def _share(row: Mapping) -> Share:
    return Share(row["street_office_code"], row["name"], row["area_m2"], row["share"])


def _decision(store: Store, person: Person, layer: str, code: str) -> Decided | None:
    d, reads = tables.decisions, reads_record(person)
    for row in store.frame(select(d).where(d.c.layer == layer, d.c.code == code)):
        told = (row["reason"], row["person"]) if reads else (None, None)
        return Decided(row["street_office_code"], row["state"], row["at"], *told)
    return None


def _answer(row: Mapping, shares: tuple[Share, ...], decision: Decided | None, reads: bool) -> Answer:
    return Answer(
        **said(row, row["name"], shares, decision),
        border=bool(row["border"]),
        edition_id=row["edition_id"],
        code_list=row["code_list"],
        at=row["at"],
        until=row.get("until"),
        person=row["person"] if reads else None,
    )


_AS_WRITTEN = (
    *("layer", "code", "street_office_code", "method", "computed", "share", "outside", "claimed_twice"),
    *("nearest_code", "nearest_m"),
)


def said(row: Mapping, office: str | None, shares: tuple[Share, ...], decision: Decided | None) -> dict:
    """Return the fields of ``Said`` by name, from a row of the record; ``office`` is its office's name."""
    known = grounded(row)
    return {
        **{name: known[name] for name in _AS_WRITTEN},
        "street_office_name": office,
        "reasons": _reasons(known["border_reason"]),
        "shares": shares,
        "candidates": _candidates(known["candidates"]),
        "decision": decision,
    }


def _reasons(told: str | None) -> tuple[str, ...]:
    """Return the border reasons that are written in one text."""
    return tuple(told.split(",")) if told else ()


def _candidates(told: str | None) -> tuple[str, ...]:
    """Return the codes that are written in one JSON text."""
    return tuple(json.loads(told)) if told else ()


def steps(store: Store, person: Person, layer: str, code: str) -> list[Step]:
    """Return what the history tells of a site's answer, the latest first.

    Those who may not read the record see what was done and when, not by whom nor why. Raises
    NotFoundError where the person sees no such site.
    """
    with store.still() as store:
        _check_seen(store, person, layer, code)
        h, reads = tables.history.c, reads_record(person)
        wanted = select(h.at, h.action, h.before, h.after, h.person).where(
            h.subject == layer, h.code == code, h.action.in_(ACTIONS)
        )
        found = store.frame(wanted.order_by(h.seq.desc()))
        return [_step(row, reads) for row in found]


def _step(row: Mapping, reads: bool) -> Step:
    before, after = (json.loads(row[name]) if row[name] else None for name in ("before", "after"))
    if not reads:
        before, after = _without_reason(before), _without_reason(after)
    return Step(row["at"], row["action"], before, after, row["person"] if reads else None)


def _without_reason(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {name: told for name, told in value.items() if name != "reason"}


def compound_shares(store: Store, codes: list[str], on: date) -> dict[str, tuple[Share, ...]]:
    """Return every street office's part of each compound on a day, the largest first."""
    s, fs, fa = tables.shares, tables.former_shares, tables.former_assignments
    ended = _ended(store, codes, on)
    former = (fs.c.code == fa.c.code, fs.c.until == fa.c.until, fa.c.layer == "compounds")
    then = _share_rows(
        fs.join(fa, and_(*former)), fa.c.edition_id, fs.c.code.in_(list(ended)), parts=fs, until=fs.c.until
    )
    now = _share_rows(
        s,
        s.c.edition_id,
        s.c.edition_id == active_edition(),
        s.c.code.in_([c for c in codes if c not in ended]),
    )
    found = defaultdict(list)
    for row in [*(store.frame(then) if ended else []), *store.frame(now)]:
        if row.get("until") == ended.get(row["code"]):
            found[row["code"]].append(_share(row))
    return {code: tuple(parts) for code, parts in found.items()}


def _ended(store: Store, codes: list[str], on: date) -> dict[str, str]:
    """Return when the answer ended that compounds had on a day, of those that have another one now."""
    f = tables.former_assignments.c
    with store.reading() as connection:
        past = past_day(connection, on)
        if past is None:
            return {}
        later = (f.layer == "compounds", f.code.in_(codes), f.until > end_of(past))
        ended = select(f.code, func.min(f.until)).where(*later).group_by(f.code)
        return dict(connection.execute(ended).all())


def outside_shares(store: Store, codes: list[str], on: date) -> dict[str, float]:
    """Return the share of each compound that no street office answered for on a day."""
    a, f, ended = tables.assignments.c, tables.former_assignments.c, _ended(store, codes, on)
    mine = (a.layer == "compounds", a.code.in_(codes), a.edition_id == active_edition())
    found = {row["code"]: row["outside"] for row in store.frame(select(a.code, a.outside).where(*mine))}
    then = select(f.code, f.until, f.outside).where(f.layer == "compounds", f.code.in_(list(ended)))
    rows = store.frame(then) if ended else []
    return found | {r["code"]: r["outside"] for r in rows if r["until"] == ended[r["code"]]}
