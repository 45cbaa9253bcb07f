"""What a new edition of the street offices would move from whom to whom, before it is active.

Everything is worked out as ``duty.activate`` would work it out, decisions included, and nothing
is written. Street offices are known by their code and code list, never by name: two of one name
are two, and one that keeps its code but comes from another code list is another one.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import shapely
from sqlalchemy import Connection, func, select

from geo.errors import NotFoundError, RequestError
from layers import duty, tables
from layers.people import Person, Sight, require, visible
from layers.store import Store
from layers.validity import active_edition


class Side(NamedTuple):
    """A street office as one edition has it; ``code`` None is nobody."""

    code: str | None
    name: str | None


@dataclass(frozen=True)
class Move:
    """A site that another street office would answer for.

    ``share_from`` and ``share_to`` are the parts of it that each holds under its own edition;
    ``floor_area_m2`` is None where it is unknown or the site has none. ``review`` says that a
    decision about it would be for review.
    """

    layer: str
    code: str
    name: str | None
    former: Side
    coming: Side
    floor_area_m2: float | None
    share_from: float
    share_to: float
    border: bool
    review: bool
    wkb: bytes


@dataclass(frozen=True)
class Total:
    """How many sites of each layer move from one office to another, and the compounds' floor area.

    ``floor_area_m2`` sums what is known; ``unknown`` compounds are not in it.
    """

    former: Side
    coming: Side
    sites: Mapping[str, int]
    floor_area_m2: float
    unknown: int


@dataclass(frozen=True)
class Comparison:
    """An edition beside the active one: what would move, and from whom to whom.

    ``code_lists`` are those of the active and the coming edition; ``appearing`` and ``leaving``
    are the offices only one of them has; ``sites`` counts all sites of each layer.
    """

    edition_id: int
    active_id: int
    code_lists: tuple[str, str]
    appearing: tuple[Side, ...]
    leaving: tuple[Side, ...]
    sites: Mapping[str, int]
    moves: tuple[Move, ...]

    @property
    def same_code_list(self) -> bool:
        """Whether a code means the same street office in both editions."""
        return self.code_lists[0] == self.code_lists[1]

    def totals(self) -> tuple[Total, ...]:
        """Return the moves summed up by from and to, in order of code, nobody last."""
        found: dict[tuple[Side, Side], list[Move]] = defaultdict(list)
        for move in self.moves:
            found[move.former, move.coming].append(move)
        ordered = sorted(found, key=lambda pair: [(side.code is None, side.code or "") for side in pair])
        return tuple(_total(*pair, found[pair]) for pair in ordered)


def _total(former: Side, coming: Side, moves: list[Move]) -> Total:
    areas = [move.floor_area_m2 for move in moves if move.layer == "compounds"]
    known = [area for area in areas if area is not None]
    counts = {layer: sum(move.layer == layer for move in moves) for layer in duty.SITES}
    return Total(former, coming, counts, round(sum(known), 6), len(areas) - len(known))


@dataclass(frozen=True)
class EditionRow:
    """An edition on record: its number, state, code list, number of offices, when loaded and activated."""

    id: int
    state: str
    code_list: str
    offices: int
    loaded_at: str
    activated_at: str | None


def editions(store: Store, person: Person) -> tuple[EditionRow, ...]:
    """Return all editions of the street offices, the newest first.

    Raises PermissionError_ for those who may not see what waits.
    """
    require(person, "compare")
    e, o, loads = tables.editions.c, tables.street_offices.c, tables.loads.c
    offices = select(func.count()).where(o.edition_id == e.id).scalar_subquery().label("offices")
    told = (e.id, e.state, e.code_list, offices, loads.at.label("loaded_at"), e.activated_at)
    rows = store.frame(select(*told).join(tables.loads, loads.id == e.load_id).order_by(e.id.desc()))
    return tuple(EditionRow(**row) for row in rows)


def outlines(store: Store, person: Person, edition_id: int) -> list[tuple[str, str, shapely.Geometry]]:
    """Return code, name and ground of an edition's street offices, by code."""
    require(person, "compare")
    o = tables.street_offices.c
    wanted = select(o.code, o.name, o.wkb).where(o.edition_id == edition_id).order_by(o.code)
    return [(row["code"], row["name"], shapely.from_wkb(row["wkb"])) for row in store.frame(wanted)]


def compare(store: Store, person: Person, edition_id: int | None = None) -> Comparison:
    """Return what would move if an edition (by default the newest that waits) were made active.

    Unpublished structures are told only to those who see them. Raises PermissionError_ for those
    who may not, NotFoundError where there is no such edition, RequestError where it is the
    active one or none is active yet.
    """
    require(person, "compare")
    with store.still() as store, store.reading() as connection:
        coming = _coming(connection, edition_id)
        active = duty.edition_of(connection)
        if active is None:
            raise RequestError("No edition of the street offices is active yet: there is nothing to compare.")
        if active.id == coming.id:
            raise RequestError("Edition %(id)s of the street offices is active already.", id=coming.id)
        names = {edition.id: _names(connection, edition.id) for edition in (active, coming)}
        sights = [visible(person, layer) for layer in duty.SITES]
        found = [_moves(connection, sight, active, coming, names) for sight in sights]
        return Comparison(
            coming.id,
            active.id,
            (active.code_list, coming.code_list),
            _only(names[coming.id], names[active.id]),
            _only(names[active.id], names[coming.id]),
            {sight.layer: count for sight, (count, _) in zip(sights, found, strict=True)},
            tuple(move for _, moves in found for move in moves),
        )


def _coming(connection: Connection, edition_id: int | None) -> duty.Edition:
    wanted = duty.newest_waiting(connection) if edition_id is None else edition_id
    found = duty.edition_of(connection, wanted)
    if found is None:
        raise NotFoundError("No edition of the street offices has the number %(id)s.", id=wanted)
    return found


def _names(connection: Connection, edition_id: int) -> dict[str, str]:
    o = tables.street_offices.c
    return dict(connection.execute(select(o.code, o.name).where(o.edition_id == edition_id)).all())


def _only(names: Mapping[str, str], others: Mapping[str, str]) -> tuple[Side, ...]:
    return tuple(Side(code, names[code]) for code in sorted(names.keys() - others.keys()))


def _moves(
    connection: Connection,
    sight: Sight,
    active: duty.Edition,
    coming: duty.Edition,
    names: Mapping[int, Mapping[str, str]],
) -> tuple[int, list[Move]]:
    """Return how many sites of a layer the person sees, and those that would move."""
    layer, known = sight.layer, _known(connection, sight)
    found = duty.answers(connection, layer, None, coming)
    turned = {decision["code"] for decision, state in found.turned if state == "review"}
    same_list = active.code_list == coming.code_list
    moves = []
    for code, before in known.items():
        after = found.answers.rows[code]
        office = before["street_office_code"], after["street_office_code"]
        if office[0] == office[1] and (same_list or office[0] is None):
            continue
        moves.append(
            Move(
                layer,
                code,
                before["name"],
                Side(office[0], names[active.id].get(office[0])),
                Side(office[1], names[coming.id].get(office[1])),
                before["floor_area_m2"],
                before["share"] or 0.0,
                after["share"],
                bool(after["border"]),
                code in turned,
                before["wkb"],
            )
        )
    return len(known), moves


def _known(connection: Connection, sight: Sight) -> dict[str, dict]:
    """Return the sites a person sees, and who answers for each now, by code."""
    f, a = tables.FEATURES[sight.layer], tables.assignments
    mine = (a.c.layer == sight.layer) & (a.c.code == f.c.code) & (a.c.edition_id == active_edition())
    area = [f.c.floor_area_m2] if sight.layer == "compounds" else []
    wanted = select(f.c.code, f.c.name, f.c.wkb, *area, a.c.street_office_code, a.c.share)
    seen = [] if sight.states is None else [f.c.state.in_(sorted(sight.states))]
    rows = connection.execute(wanted.select_from(f.outerjoin(a, mine)).where(*seen).order_by(f.c.code))
    return {row["code"]: {"floor_area_m2": None, **row} for row in rows.mappings()}
