"""Border cases as a work list: what needs a decision, what was decided, what is for review.

A case is a site on a border, one that no street office answers for, or one that was decided
about. Deciding, confirming and withdrawing are written here.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from geo.errors import ConflictError, NotFoundError, RequestError
from layers import deciding, duty, tables
from layers.catalogue import layer_named
from layers.history import canonical
from layers.lookup import Decided, Said, Share, compound_shares, reads_record, said
from layers.people import Person, Sight, require, visible
from layers.store import Store
from layers.validity import active_edition
from layers.work import Work

STATES = ("review", "undecided", "decided")
#: Nobody reads more in one go, and a reason is one thought.
MOST, LONGEST_REASON = 200, 500


@dataclass(frozen=True)
class Case(Said):
    """A site with what a decision about it is made from.

    ``state`` is one of STATES, or None where there is nothing to decide; ``seen`` tells this
    state of the case from any other one; ``bounds`` are degrees.
    """

    name: str | None
    state: str | None
    bounds: tuple[float, float, float, float]
    seen: str


@dataclass(frozen=True)
class Cases:
    """One page of cases, and how many there are of each state."""

    page: tuple[Case, ...]
    counts: Mapping[str, int]


def border_cases(
    store: Store,
    person: Person,
    layer: str = "compounds",
    *,
    state: str | None = None,
    office: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> Cases:
    """Return the cases of a layer that the person sees: for review first, then undecided, then decided.

    Args:
        store: the store.
        person: who asks.
        layer: compounds, illegal_structures or facilities.
        state: only the cases of this state; the counts are of all states.
        office: only those that this street office answers for, has a part in, or is nearest to.
        offset: how many of them come before the page.
        limit: how many are on it at most, up to MOST.

    Raises:
        RequestError: there is no such layer, state, office or page.
    """
    if state not in (None, *STATES):
        raise RequestError("No state of a case is called %(state)s.", state=state)
    if offset < 0 or not 0 < limit <= MOST:
        raise RequestError("A page begins at 0 or later and holds 1 to %(most)s cases.", most=MOST)
    sight = _sight(person, layer)
    with store.still() as store:
        if office is not None:
            _check_office(store, office)
        wanted = _case_rows(sight).where(_state().is_not(None), *_of_office(layer, office))
        rows = wanted.subquery()
        counted = store.frame(select(rows.c.state, func.count().label("n")).group_by(rows.c.state))
        counts = dict.fromkeys(STATES, 0) | {row["state"]: row["n"] for row in counted}
        if state is not None:
            wanted = wanted.where(_state() == state)
        rank = case({name: place for place, name in enumerate(STATES)}, value=_state())
        paged = wanted.order_by(rank, tables.FEATURES[layer].c.code).offset(offset).limit(limit)
        return Cases(tuple(_cases(store, person, layer, store.frame(paged))), counts)


def one_case(store: Store, person: Person, layer: str, code: str) -> Case:
    """Return one site as a case, whether or not there is anything to decide about it.

    Raises NotFoundError where the person sees no such site, or no street office is on record.
    """
    sight = _sight(person, layer)
    with store.still() as store:
        found = store.frame(_case_rows(sight).where(tables.FEATURES[layer].c.code == code))
        if not found:
            raise NotFoundError("Layer %(layer)s has no row with the code %(code)s.", layer=layer, code=code)
        return _cases(store, person, layer, found)[0]


def next_case(store: Store, person: Person, layer: str, code: str) -> str | None:
    """Return the code of the case to decide after one: the next open one, from the start after the last.

    None where nothing is open any more.
    """
    f = tables.FEATURES[layer].c
    with store.still() as store:
        still_open = _case_rows(_sight(person, layer)).where(
            _state().in_(["review", "undecided"]), f.code != code
        )
        for after in ([f.code > code], []):
            found = store.frame(still_open.where(*after).order_by(f.code).limit(1))
            if found:
                return found[0]["code"]
    return None


def _sight(person: Person, layer: str) -> Sight:
    if layer_named(layer).name not in duty.SITES:
        raise RequestError("Street offices answer for sites; %(layer)s are none.", layer=layer)
    return visible(person, layer)


def _check_office(store: Store, office: str) -> None:
    o = tables.street_offices.c
    if not store.frame(select(o.code).where(o.code == office, o.edition_id == active_edition())):
        raise RequestError("No street office has the code %(code)s.", code=office)


def _state() -> ColumnElement:
    a, d = tables.assignments.c, tables.decisions.c
    open_ = or_(a.border == 1, a.street_office_code.is_(None))
    return case((d.state.is_not(None), d.state), (open_, "undecided"), else_=None)


def _of_office(layer: str, office: str | None) -> list[ColumnElement]:
    if office is None:
        return []
    a, s = tables.assignments.c, tables.shares.c
    named = [a.street_office_code == office, a.computed == office, a.nearest_code == office]
    if layer == "compounds":
        part = (s.code == a.code, s.edition_id == a.edition_id, s.street_office_code == office)
        named.append(select(s.code).where(*part).exists())
    else:
        named.append(a.candidates.contains(canonical(office), autoescape=True))
    return [or_(*named)]


def _case_rows(sight: Sight) -> Select:
    f, a, d, o = tables.FEATURES[sight.layer], tables.assignments, tables.decisions, tables.street_offices
    mine = and_(a.c.layer == sight.layer, a.c.code == f.c.code, a.c.edition_id == active_edition())
    source = (
        f.join(a, mine)
        .outerjoin(d, and_(d.c.layer == sight.layer, d.c.code == f.c.code))
        .outerjoin(o, and_(o.c.edition_id == a.c.edition_id, o.c.code == a.c.street_office_code))
    )
    answer = [column for column in a.c if column.name not in ("layer", "code")]
    made = [d.c[name].label(f"decided_{name}") for name in ("street_office_code", "state", "at")]
    told = [d.c.reason.label("decided_reason"), d.c.person.label("decided_person")]
    site = [f.c.code, f.c.name, *(f.c[side] for side in tables.BOX)]
    columns = [*site, *answer, *made, *told, o.c.name.label("office_name"), _state().label("state")]
    seen = [] if sight.states is None else [f.c.state.in_(sorted(sight.states))]
    return select(*columns).select_from(source).where(*seen)


def _cases(store: Store, person: Person, layer: str, rows: list[dict]) -> list[Case]:
    codes = [row["code"] for row in rows]
    shares = compound_shares(store, codes, date.max) if layer == "compounds" else {}
    return [_case(layer, row, shares.get(row["code"], ()), reads_record(person)) for row in rows]


def _case(layer: str, row: Mapping, shares: tuple[Share, ...], reads: bool) -> Case:
    made = None
    if row["decided_state"] is not None:
        told = (row["decided_reason"], row["decided_person"]) if reads else (None, None)
        made = Decided(row["decided_street_office_code"], row["decided_state"], row["decided_at"], *told)
    return Case(
        **said({**row, "layer": layer}, row["office_name"], shares, made),
        name=row["name"],
        state=row["state"],
        bounds=tuple(row[side] for side in tables.BOX),
        seen=_seen(row),
    )


def _seen(row: Mapping) -> str:
    """Return what is another text as soon as the answer or the decision is another one."""
    told = [row[name] for name in ("edition_id", "at", "decided_at", "decided_state")]
    return hashlib.sha256(canonical(told).encode()).hexdigest()[:16]


def decide(
    store: Store,
    person: Person,
    layer: str,
    code: str,
    office: str,
    reason: str,
    seen: str | None = None,
) -> None:
    """Write down that a street office answers for a site, whatever the rule says, and why.

    It stands until the site's ground changes (see ``deciding``); to decide again is to confirm
    or to change it. ``seen`` is the case's ``seen`` where the person decides about what was read
    before.

    Raises:
        PermissionError_: the person may not decide for that office.
        NotFoundError: there is no such site.
        RequestError: there is no such office, or the reason is missing or too long.
        ConflictError: the case is no longer what was seen.
    """
    require(person, "decide", office)
    reason = _checked(reason)
    with store.writing(person) as work:
        edition = _edition(work)
        if office not in edition.offices.index:
            raise RequestError("No street office has the code %(code)s.", code=office)
        _check_unchanged(work, person, layer, code, seen)
        sites, ruled = duty.ruled_answers(work.connection, layer, [code], edition)
        found = deciding.grounds(layer, sites, ruled, edition.offices, edition.code_list)[code]
        deciding.put(work, layer, code, office, reason, found)
        _assign_anew(work, layer, code, edition)


def withdraw(
    store: Store, person: Person, layer: str, code: str, reason: str, seen: str | None = None
) -> None:
    """Take a decision back, and say why: the rule's answer holds again.

    Raises PermissionError_, NotFoundError, RequestError and ConflictError as ``decide`` does, and
    RequestError where nothing was decided.
    """
    require(person, "decide")
    reason = _checked(reason)
    with store.writing(person) as work:
        edition = _edition(work)
        _check_unchanged(work, person, layer, code, seen)
        made = deciding.decisions(work.connection, layer).get(code)
        if made is None:
            raise RequestError("Nothing was decided about %(code)s.", code=code)
        require(person, "decide", made["street_office_code"])
        deciding.take_back(work, made, reason)
        _assign_anew(work, layer, code, edition)


def _checked(reason: str) -> str:
    told = " ".join(reason.split())
    if not told:
        raise RequestError("A decision needs a reason.")
    if len(told) > LONGEST_REASON or not told.isprintable():
        raise RequestError("A reason is one line of text, %(most)s characters at most.", most=LONGEST_REASON)
    return told


def _edition(work: Work) -> duty.Edition:
    edition = duty.edition_of(work.connection)
    if edition is None:
        raise RequestError("No street offices are on record; load them first.")
    return edition


def _check_unchanged(work: Work, person: Person, layer: str, code: str, seen: str | None) -> None:
    wanted = _case_rows(_sight(person, layer)).where(tables.FEATURES[layer].c.code == code)
    row = work.connection.execute(wanted).mappings().first()
    if row is None:
        raise NotFoundError("Layer %(layer)s has no row with the code %(code)s.", layer=layer, code=code)
    if seen is not None and seen != _seen(row):
        raise ConflictError(
            "Somebody changed the answer for %(code)s meanwhile: look at it again.", code=code
        )


def _assign_anew(work: Work, layer: str, code: str, edition: duty.Edition) -> None:
    duty.assign_layer(work, layer, [code], edition)
    # Even where the answer is what it was, it now rests on a decision.
    work.bump_rows(layer, {code})
