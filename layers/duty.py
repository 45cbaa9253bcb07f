"""Who answers for what: assignments written whenever sites or boundaries change.

Points lie in the street office whose closed area holds them (the lowest code where several
do); compounds belong to the one with the largest share, every share kept; a person's decision
goes before both. No office and several offices are both answers, and both are written down. A
load of street offices is an *edition*: the first activates itself, a later one waits for
``activate``.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import geopandas
import pandas
import shapely
from sqlalchemy import Connection, func, select, update

from geo import assign, locate
from geo.errors import ConflictError, NotFoundError, RequestError
from layers import deciding, placing, record, serving, shapes, tables
from layers.answering import Answers, Engine, compound_answers, point_answers
from layers.people import Person, require
from layers.ruling import Rule, rule
from layers.store import Store
from layers.validity import active_edition
from layers.work import Work

SITES = ("compounds", "illegal_structures", "facilities")
#: From so many points on, a grid is worth the half second that a new process needs to be able to use it.
MANY = 100_000
#: And from so many compounds on.
MANY_COMPOUNDS = 2_000


class Activation(NamedTuple):
    """What making an edition active did: its number, and how many rows of each layer moved."""

    edition_id: int
    moved: dict[str, int]


class Edition(NamedTuple):
    """An edition of the street offices: its number, the list its codes come from, the offices' areas."""

    id: int
    code_list: str
    offices: geopandas.GeoSeries


def quiet(_step: str) -> None:
    """Take note of a step and say nothing."""


def activate(
    store: Store,
    person: Person,
    edition_id: int | None = None,
    say: Callable[[str], None] = quiet,
    instead_of: int | None = None,
) -> Activation:
    """Make an edition of the street offices the active one and assign every site anew.

    Without ``edition_id`` it is the newest one that waits; ``instead_of`` is the edition that must
    still be the active one. Raises NotFoundError where there is none, PermissionError_ for those
    who may not, ConflictError where another one has become active.
    """
    require(person, "activate")
    with store.writing(person) as work:
        if instead_of is not None and work.connection.scalar(select(active_edition())) != instead_of:
            raise ConflictError("Another edition has been made active meanwhile: compare again.")
        return activate_edition(
            work, newest_waiting(work.connection) if edition_id is None else edition_id, say
        )


def newest_waiting(connection: Connection) -> int:
    """Return the number of the newest edition that waits; raise NotFoundError where there is none."""
    e = tables.editions.c
    found = connection.scalar(select(func.max(e.id)).where(e.state == "waiting"))
    active = connection.scalar(select(active_edition()))
    # One that is older than the active edition was passed over: it is gone back to by its number only.
    if found is None or (active is not None and found < active):
        raise NotFoundError("No newer edition of the street offices waits to be activated.")
    return found


def activate_edition(work: Work, edition_id: int, say: Callable[[str], None] = quiet) -> Activation:
    """Do ``activate`` inside a transaction that is already open."""
    e = tables.editions
    known = dict(work.connection.execute(select(e.c.id, e.c.state)).all())
    if edition_id not in known:
        raise NotFoundError("No edition of the street offices has the number %(id)s.", id=edition_id)
    if known[edition_id] == "active":
        raise RequestError("Edition %(id)s of the street offices is active already.", id=edition_id)
    former = next((i for i, state in known.items() if state == "active"), None)
    before = _answers(work, former)
    record.retire_edition(work, former)
    work.connection.execute(update(e).where(e.c.state == "active").values(state="former"))
    work.connection.execute(
        update(e).where(e.c.id == edition_id).values(state="active", activated_at=work.at)
    )
    work.insert(tables.activations, [{"edition_id": edition_id, "at": work.at}])
    work.log("activate", "editions", code=str(edition_id), before=former, after=edition_id)
    work.bump("street_offices")
    assign_sites(work, say=say)
    after = _answers(work, edition_id)
    moved = [key for key in after if after[key] != before.get(key)]
    work.log_all(
        ("move", layer, code, None, before[layer, code], after[layer, code])
        for layer, code in moved
        if (layer, code) in before
    )
    return Activation(edition_id, {layer: sum(key[0] == layer for key in moved) for layer in SITES})


def _answers(work: Work, edition_id: int | None) -> dict[tuple[str, str], str | None]:
    a = tables.assignments.c
    wanted = select(a.layer, a.code, a.street_office_code).where(a.edition_id == edition_id)
    return {(layer, code): office for layer, code, office in work.connection.execute(wanted)}


def assign_all(
    store: Store, person: Person, say: Callable[[str], None] = quiet, engine: Engine | None = None
) -> dict[str, int]:
    """Assign every site anew and return how many rows of each layer changed.

    ``engine`` works the answers out in the place of this process.
    """
    require(person, "assign")
    with store.writing(person) as work:
        return assign_sites(work, say=say, engine=engine)


def assign_sites(
    work: Work,
    changed: tuple[str, list[str]] | None = None,
    say: Callable[[str], None] = quiet,
    engine: Engine | None = None,
) -> dict[str, int]:
    """Write who answers for the sites, and return how many rows of each layer changed.

    ``changed`` names a layer and the codes in it that are new or moved; without it every site
    is assigned. What depends on a changed site (the structures inside a compound, the
    coverage by a facility) is worked out with it.
    """
    layers, codes = (SITES, None) if changed is None else ((changed[0],), changed[1])
    if codes is not None and len(codes) <= shapes.FEW and engine is None:
        touched = _assign_few(work, changed[0], codes, say)
    else:
        touched = _assign_many(work, layers, codes, say, engine)
    for layer in SITES:
        if touched[layer]:
            work.bump_rows(layer, touched[layer])
    return {layer: len(rows) for layer, rows in touched.items()}


def _assign_many(
    work: Work,
    layers: tuple[str, ...],
    codes: list[str] | None,
    say: Callable[[str], None],
    engine: Engine | None,
) -> dict[str, set[str]]:
    touched: dict[str, set[str]] = {layer: set() for layer in SITES}
    edition = edition_of(work.connection)
    if edition is not None:
        for layer in layers:
            say(layer)
            touched[layer] |= assign_layer(work, layer, codes, edition, engine)
    if "compounds" in layers or "illegal_structures" in layers:
        structures = codes if "compounds" not in layers else None
        located = engine or _Here(work.connection, "compounds")
        touched["illegal_structures"] |= placing.place(work, located, structures)
    if "compounds" in layers or "facilities" in layers:
        say("coverage")
        touched["compounds"] |= serving.cover(work, codes if "facilities" not in layers else None)
    return touched


def _assign_few(work: Work, layer: str, codes: list[str], say: Callable[[str], None]) -> dict[str, set[str]]:
    """Do the same for a few sites, from what is near them."""
    here = work.connection
    touched: dict[str, set[str]] = {name: set() for name in SITES}
    new = layer == "compounds" and any(not record.is_answered(here, layer, code) for code in codes)
    say(layer)
    touched[layer] |= _answer_few(work, layer, codes)
    if layer == "illegal_structures":
        touched[layer] |= placing.place_few(work, codes)
    elif layer == "compounds":
        touched["illegal_structures"] |= placing.place_about(work, codes, new)
    if layer != "illegal_structures":
        say("coverage")
        touched["compounds"] |= serving.cover(work, codes if layer == "compounds" else None)
    return touched


def _answer_few(work: Work, layer: str, codes: list[str]) -> set[str]:
    from layers import near, snapshot  # with them comes numba, which takes its time

    here = work.connection
    offices = snapshot.active_offices(here)
    if offices is None:
        return set()
    decided = [code for code in codes if deciding.is_decided(here, layer, code)]
    changed = assign_layer(work, layer, decided, edition_of(here)) if decided else set()
    ruled = [code for code in codes if code not in set(decided)]
    return changed | record.write(work, layer, offices.edition_id, near.answers(here, layer, ruled, offices))


def unanswered(work: Work, layer: str) -> set[str]:
    """Return the codes of a layer for which no street office of the active edition answers."""
    a = tables.assignments.c
    nobodys = (a.layer == layer, a.edition_id == active_edition(), a.street_office_code.is_(None))
    return set(work.connection.execute(select(a.code).where(*nobodys)).scalars())


def edition_of(connection: Connection, edition_id: int | None = None) -> Edition | None:
    """Return an edition of the street offices, by default the active one; None where there is none."""
    e, o = tables.editions.c, tables.street_offices.c
    wanted = active_edition() if edition_id is None else edition_id
    found = connection.execute(select(e.id, e.code_list).where(e.id == wanted)).first()
    if found is None:
        return None
    rows = connection.execute(select(o.code, o.wkb).where(o.edition_id == found.id))
    return Edition(*found, shapes.by_code(rows))


class _Here:
    """This process as the engine; what is much for the plain way is looked up in a grid, kept by a name."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._store, self._name = connection.engine.url.database, name

    def assign(
        self, sites: geopandas.GeoSeries, areas: geopandas.GeoSeries, border_above: float
    ) -> assign.Assigned:
        """Return what geo.assign.assign returns."""
        if len(sites) < MANY_COMPOUNDS:
            return assign.assign(sites, areas, border_above)
        return self._grid(areas).assign(sites, border_above)

    def locate(self, points: geopandas.GeoSeries, areas: geopandas.GeoSeries) -> pandas.DataFrame:
        """Return what geo.locate.locate returns."""
        return locate.locate(points, areas) if len(points) < MANY else self._grid(areas).locate(points)

    def _grid(self, areas: geopandas.GeoSeries):
        from layers.gridfile import grid_beside  # with it comes numba, which takes its time

        return grid_beside(self._store, self._name, areas)


def assign_layer(
    work: Work, layer: str, codes: list[str] | None, edition: Edition, engine: Engine | None = None
) -> set[str]:
    """Write who answers for these sites of a layer (None: all) and return the codes that changed."""
    found = answers(work.connection, layer, codes, edition, engine)
    for decision, state in found.turned:
        deciding.turn(work, decision, state)
    return record.write(work, layer, edition.id, found.answers)


def answers(
    connection: Connection,
    layer: str,
    codes: list[str] | None,
    edition: Edition,
    engine: Engine | None = None,
) -> deciding.Overlaid:
    """Return who answers for these sites of a layer (None: all) under an edition; nothing is written."""
    ruled = ruled_answers(connection, layer, codes, edition, engine)
    return deciding.overlay(connection, layer, *ruled, edition.offices, edition.code_list)


def ruled_answers(
    connection: Connection,
    layer: str,
    codes: list[str] | None,
    edition: Edition,
    engine: Engine | None = None,
) -> tuple[geopandas.GeoSeries, Answers]:
    """Return these sites of a layer (None: all), and what the rule alone says of them."""
    sites, by = shapes.of_layer(connection, layer, codes), rule(connection)
    active = connection.scalar(select(active_edition())) == edition.id
    engine = engine or _Here(connection, "street_offices" if active else "waiting")
    if layer == "compounds":
        return sites, compound_answers(engine.assign(sites, edition.offices, by.border_above), by)
    points = geopandas.GeoSeries(shapely.point_on_surface(sites.values), index=sites.index, crs=sites.crs)
    return sites, point_answers(points, edition.offices, engine.locate(points, edition.offices), by)


def set_rule(store: Store, person: Person, **values: float) -> Rule:
    """Set thresholds of the assignment (see ``Rule``), assign every site anew, and return the rule.

    Raises RequestError for what cannot be a share or a distance, PermissionError_ for those who
    may not.
    """
    require(person, "describe")
    with store.writing(person) as work:
        wanted = replace(rule(work.connection), **values)
        for name in values:
            work.set(name, repr(float(getattr(wanted, name))))
        if values:
            assign_sites(work)
        return wanted
