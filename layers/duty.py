"""Who answers for what: assignments written whenever sites or boundaries change.

Points lie in the street office whose closed area holds them (the lowest code where several
do); compounds belong to the one with the largest share, every share kept. No office and
several offices are both answers, and both are written down. A load of street offices is an
*edition*: the first activates itself, a later one waits for ``activate``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import geopandas
import pandas
import shapely
from sqlalchemy import and_, func, select, update

from geo import assign, coverage, crs, locate
from geo.errors import NotFoundError, RequestError
from layers import tables
from layers.people import Person, require
from layers.querying import active_edition
from layers.store import Store
from layers.work import Work

SITES = ("compounds", "illegal_structures", "facilities")
#: A compound lies on a border when other offices than the main one hold more of it than this.
BORDER_ABOVE = 0.01
#: From so many points on, a grid is worth the half second that a new process needs to be able to use it.
MANY = 100_000


class Activation(NamedTuple):
    """What making an edition active did: its number, and how many rows of each layer moved."""

    edition_id: int
    moved: dict[str, int]


class Engine(Protocol):
    """What works answers out, by itself or elsewhere: as geo.assign and geo.locate do, with their answers."""

    def assign(
        self, sites: geopandas.GeoSeries, areas: geopandas.GeoSeries, border_above: float
    ) -> assign.Assigned:
        """Return what geo.assign.assign returns."""

    def locate(self, points: geopandas.GeoSeries, areas: geopandas.GeoSeries) -> pandas.DataFrame:
        """Return what geo.locate.locate returns."""


def quiet(_step: str) -> None:
    """Take note of a step and say nothing."""


def activate(
    store: Store, person: Person, edition_id: int | None = None, say: Callable[[str], None] = quiet
) -> Activation:
    """Make an edition of the street offices the active one and assign every site anew.

    Without ``edition_id`` it is the newest one that waits. Raises NotFoundError where there is
    none, PermissionError_ for those who may not.
    """
    require(person, "activate")
    with store.writing(person) as work:
        return activate_edition(work, _newest_waiting(work) if edition_id is None else edition_id, say)


def _newest_waiting(work: Work) -> int:
    e = tables.editions.c
    found = work.connection.scalar(select(func.max(e.id)).where(e.state == "waiting"))
    active = work.connection.scalar(select(active_edition()))
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
    work.connection.execute(update(e).where(e.c.state == "active").values(state="former"))
    work.connection.execute(
        update(e).where(e.c.id == edition_id).values(state="active", activated_at=work.at)
    )
    work.log("activate", "editions", code=str(edition_id), before=former, after=edition_id)
    work.bump("street_offices")
    assign_sites(work, say=say)
    after = _answers(work, edition_id)
    moved = {layer: sum(after[k] != before.get(k) for k in after if k[0] == layer) for layer in SITES}
    return Activation(edition_id, moved)


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
    layers = SITES if changed is None else (changed[0],)
    codes = None if changed is None else changed[1]
    touched: dict[str, set[str]] = {layer: set() for layer in SITES}
    offices, edition_id = _offices(work)
    if edition_id is not None:
        for layer in layers:
            say(layer)
            touched[layer] |= _assign_layer(work, layer, codes, offices, edition_id, engine)
    if "compounds" in layers or "illegal_structures" in layers:
        touched["illegal_structures"] |= _place(work, codes if "compounds" not in layers else None, engine)
    if "compounds" in layers or "facilities" in layers:
        say("coverage")
        touched["compounds"] |= _cover(work, codes if "facilities" not in layers else None)
    for layer in SITES:
        if touched[layer]:
            work.bump_rows(layer, touched[layer])
    return {layer: len(rows) for layer, rows in touched.items()}


def unanswered(work: Work, layer: str) -> set[str]:
    """Return the codes of a layer for which no street office of the active edition answers."""
    a = tables.assignments.c
    nobodys = (a.layer == layer, a.edition_id == active_edition(), a.street_office_code.is_(None))
    return set(work.connection.execute(select(a.code).where(*nobodys)).scalars())


def _offices(work: Work) -> tuple[geopandas.GeoSeries, int | None]:
    edition_id = work.connection.scalar(select(active_edition()))
    o = tables.street_offices.c
    return _shapes(work, select(o.code, o.wkb).where(o.edition_id == edition_id)), edition_id


def _shapes(work: Work, statement) -> geopandas.GeoSeries:
    """Return the shapes of a statement (code, wkb), by code."""
    rows = work.connection.execute(statement).all()
    index = pandas.Index([row[0] for row in rows], dtype=object)
    return geopandas.GeoSeries(shapely.from_wkb([row[1] for row in rows]), index=index, crs=crs.STORED)


def _layer_shapes(work: Work, layer: str, codes: list[str] | None = None) -> geopandas.GeoSeries:
    feature = tables.FEATURES[layer].c
    found = _shapes(work, select(feature.code, feature.wkb).order_by(feature.code))
    return found if codes is None else found.loc[found.index.isin(codes)]


def _located(
    work: Work,
    points: geopandas.GeoSeries,
    layer: str,
    areas: geopandas.GeoSeries,
    engine: Engine | None = None,
) -> pandas.DataFrame:
    """Return what ``locate`` says of the points in a layer's areas; many are looked up in a grid."""
    if engine is not None:
        return engine.locate(points, areas)
    if len(points) < MANY:
        return locate.locate(points, areas)
    from layers.gridfile import Grid, kept_grid  # with it comes numba, which takes its time

    store = Path(work.connection.engine.url.database or "")
    # Only a store that is a file has a place beside it.
    beside = store.with_name(f"{store.name}.{layer}.grid") if store.is_absolute() else None
    return (Grid(areas) if beside is None else kept_grid(areas, beside)).locate(points)


def _assign_layer(
    work: Work,
    layer: str,
    codes: list[str] | None,
    offices: geopandas.GeoSeries,
    edition_id: int,
    engine: Engine | None,
) -> set[str]:
    sites = _layer_shapes(work, layer, codes)
    if layer == "compounds":
        assigned = (engine or assign).assign(sites, offices, BORDER_ABOVE)
        rows = _compound_rows(assigned.main)
        _write_shares(work, sites.index, assigned.shares, edition_id)
    else:
        points = geopandas.GeoSeries(shapely.point_on_surface(sites.values), index=sites.index, crs=sites.crs)
        rows = _point_rows(_located(work, points, "street_offices", offices, engine))
    known = {"layer": layer, "edition_id": edition_id, "at": work.at, "person": work.person.name}
    return _write_assignments(work, [{**known, **row} for row in rows])


def _compound_rows(main: pandas.DataFrame) -> list[dict]:
    def method(share: float) -> str:
        return "none" if share == 0 else "containment" if share == 1 else "largest_share"

    return [
        {
            "code": row.Index,
            "street_office_code": row.area,
            "share": row.share,
            "outside": row.outside,
            "claimed_twice": row.overlap,
            "border": int(row.border),
            "method": method(row.share),
        }
        for row in main.itertuples()
    ]


def _point_rows(located: pandas.DataFrame) -> list[dict]:
    return [
        {
            "code": row.Index,
            "street_office_code": row.area,
            "share": 0.0 if row.area is None else 1.0,
            "outside": 1.0 if row.area is None else 0.0,
            "claimed_twice": 0.0,
            "border": int(row.several),
            "method": "none" if row.area is None else "containment",
        }
        for row in located.itertuples()
    ]


def _write_assignments(work: Work, rows: list[dict]) -> set[str]:
    """Write the rows that say something new, and return their codes; what they said is history."""
    if not rows:
        return set()
    a = tables.assignments
    layer, edition_id = rows[0]["layer"], rows[0]["edition_id"]
    same_layer = and_(a.c.layer == layer, a.c.edition_id == edition_id)
    known = {r["code"]: dict(r) for r in work.connection.execute(select(a).where(same_layer)).mappings()}
    told = ("street_office_code", "share", "outside", "claimed_twice", "border", "method")
    fresh = [r for r in rows if r["code"] not in known or any(known[r["code"]][n] != r[n] for n in told)]
    former = [known[r["code"]] for r in fresh if r["code"] in known]
    work.remove(a, [{"code": row["code"]} for row in former], same_layer)
    work.insert(a, fresh)
    if fresh:
        work.log("assign", layer, after={"edition_id": edition_id, "rows": len(fresh)})
    now = {r["code"]: r for r in fresh}
    work.log_all(
        ("assign", layer, r["code"], None, {n: r[n] for n in told}, {n: now[r["code"]][n] for n in told})
        for r in former
    )
    return set(now)


def _write_shares(work: Work, codes: pandas.Index, shares: pandas.DataFrame, edition_id: int) -> None:
    s = tables.shares
    work.remove(s, [{"code": code} for code in codes], s.c.edition_id == edition_id)
    rows = shares.rename(columns={"site": "code", "area": "street_office_code"})
    work.insert(s, rows.assign(edition_id=edition_id).to_dict("records"))


def _place(work: Work, codes: list[str] | None, engine: Engine | None) -> set[str]:
    """Write which compound each structure belongs to, and return the structures that moved."""
    structures = _layer_shapes(work, "illegal_structures", codes)
    compounds = _layer_shapes(work, "compounds")
    found = _located(work, structures, "compounds", compounds, engine)["area"].to_dict()
    p, s = tables.places, tables.illegal_structures.c
    # A compound nobody has on record holds nothing: then it counts where the structure lies.
    said = select(s.code, s.compound_code).join(tables.compounds, tables.compounds.c.code == s.compound_code)
    found |= {code: compound for code, compound in work.connection.execute(said) if code in found}
    known = dict(work.connection.execute(select(p.c.code, p.c.compound_code)).all())
    changed = [code for code in structures.index if known.get(code) != found[code]]
    work.remove(p, [{"code": code} for code in changed if code in known])
    placed = [{"code": c, "compound_code": found[c]} for c in changed if found[c] is not None]
    work.insert(p, placed)
    return set(changed)


def _cover(work: Work, codes: list[str] | None) -> set[str]:
    """Write which share of each compound each kind of facility serves; return what changed."""
    f = tables.facilities.c
    served = select(f.code, f.kind, f.radius_m).where(f.kind.is_not(None), f.radius_m > 0)
    facilities = pandas.DataFrame(work.connection.execute(served).all(), columns=["code", "kind", "radius_m"])
    shapes = _layer_shapes(work, "facilities")
    compounds = _layer_shapes(work, "compounds", codes)
    rows = []
    for kind, group in facilities.groupby("kind"):
        radius = group["radius_m"].to_numpy(dtype=float)
        area = coverage.served_area(shapes.loc[group["code"]], radius)
        share = coverage.coverage(compounds, area)["share"]
        rows += [{"code": code, "kind": kind, "share": value} for code, value in share.items()]
    return _write_coverage(work, compounds.index, rows)


def _write_coverage(work: Work, codes: pandas.Index, rows: list[dict]) -> set[str]:
    c = tables.coverage
    known = {(r.code, r.kind): r.share for r in work.connection.execute(select(c)) if r.code in codes}
    found = {(r["code"], r["kind"]): r["share"] for r in rows}
    former = [key for key, share in known.items() if found.get(key) != share]
    work.remove(c, [{"code": code, "kind": kind} for code, kind in former])
    fresh = [r for r in rows if known.get((r["code"], r["kind"])) != r["share"]]
    work.insert(c, fresh)
    return {r["code"] for r in fresh} | {code for code, kind in known if (code, kind) not in found}
