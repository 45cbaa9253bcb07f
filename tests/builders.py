"""Rows made by hand, for tests that must know every value in the store; and the store told as a value."""

from datetime import date

import shapely
from sqlalchemy import insert, select, text

from layers import tables
from layers.people import OPERATOR, Sight, visible
from layers.querying import Query
from layers.stages import StageRow
from layers.store import Store
from layers.tables import BOX
from layers.work import Work

DAY = date(2022, 6, 30)
WEST, SOUTH = 117.0, 36.6
GUARDS = {
    "sqlite": ["history_no_update", "history_no_delete", "history_no_replace"],
    "postgresql": ["history_append_only ON history"],
}


def square(column: int, line: int = 0, side: float = 0.001) -> shapely.Polygon:
    """Return a square on a grid of the invented district."""
    west, south = WEST + column * 0.002, SOUTH + line * 0.002
    return shapely.box(west, south, west + side, south + side)


def feature(load_id: int, number: int, row: dict) -> dict:
    """Return a whole feature row; what ``row`` does not say is a square beside the one before."""
    values = dict(row)
    shape = values.pop("shape", None) or square(number)
    return {
        "version": 1,
        "load_id": load_id,
        "row": number,
        "wkb": shape.wkb,
        **dict(zip(BOX, shape.bounds, strict=True)),
        **values,
    }


def put(work: Work, layer: str, *rows: dict) -> None:
    """Insert rows into a layer, as one load; each row must have the same keys."""
    load_id = work.open_load(layer, "0" * 64, {})
    work.insert(tables.FEATURES[layer], [feature(load_id, i, row) for i, row in enumerate(rows, 1)])
    work.bump(layer)


def put_edition(work: Work, *codes: str, state: str = "active") -> int:
    """Insert an edition of street offices with these codes, named ``Office CODE``; return its number."""
    load_id = work.open_load("street_offices", "0" * 64, {})
    values = {"load_id": load_id, "code_list": "local", "state": state}
    edition_id = work.connection.execute(insert(tables.editions), values).inserted_primary_key[0]
    rows = [{"code": c, "name": f"Office {c}", "edition_id": edition_id} for c in codes]
    work.insert(tables.street_offices, [feature(load_id, i, row) for i, row in enumerate(rows, 1)])
    work.bump("street_offices")
    return edition_id


def put_duty(
    work: Work, edition_id: int, layer: str, code: str, office: str | None, **values: object
) -> None:
    """Insert who answers for a row."""
    row = {
        "layer": layer,
        "code": code,
        "edition_id": edition_id,
        "street_office_code": office,
        "share": 0.0 if office is None else 1.0,
        "outside": 1.0 if office is None else 0.0,
        "claimed_twice": 0.0,
        "border": 0,
        "method": "none" if office is None else "containment",
        "at": work.at,
        "person": work.person.name,
        **values,
    }
    work.insert(tables.assignments, [row])


def put_district(store: Store) -> None:
    """Fill a store with a district of three street offices in which every filter finds something.

    The compounds are C1 (2022, under construction, in A), C2 (2022, done, in B, on a border),
    C3 (2021, not begun, built 2005, in A) and C4 (no plan, surveyed, in no street office).
    """
    with store.writing(OPERATOR) as work:
        waiting = put_edition(work, "A", "Z", state="waiting")
        edition = put_edition(work, "A", "B", "C")
        put(
            work,
            "compounds",
            {"code": "C1", "name": "Plum 100%_Yard", "plan_year": 2022, "built_year": 1985, "contact": "Li"},
            {"code": "C2", "name": "杏花里", "plan_year": 2022, "built_year": 1999, "contact": "Wang"},
            {"code": "C3", "name": "Pear", "plan_year": 2021, "built_year": 2005, "contact": None},
            {"code": "C4", "name": None, "plan_year": None, "built_year": None, "contact": None},
        )
        put(
            work,
            "illegal_structures",
            {"code": "S1", "compound_code": "C1", "state": "found", "person": "Zhao"},
            {"code": "S2", "compound_code": None, "state": "ordered", "person": "Qian"},
            {"code": "S3", "compound_code": "C2", "state": "demolished", "person": "Sun"},
            {"code": "S4", "compound_code": None, "state": None, "person": None},
        )
        put(
            work,
            "facilities",
            {"code": "F1", "name": "Clinic", "kind": "clinic", "radius_m": 500.0},
            {"code": "F2", "name": "School", "kind": "school", "radius_m": 300.0},
        )
        placed = {"S1": "C1", "S2": "C1", "S3": "C2"}
        work.insert(tables.places, [{"code": s, "compound_code": c} for s, c in placed.items()])
        put_duty(work, edition, "compounds", "C1", "A")
        put_duty(
            work, edition, "compounds", "C2", "B", share=0.6, outside=0.0, border=1, method="largest_share"
        )
        put_duty(work, edition, "compounds", "C3", "A")
        put_duty(work, edition, "compounds", "C4", None)
        put_duty(work, waiting, "compounds", "C1", "Z")
        put_duty(work, edition, "illegal_structures", "S1", "A")
        put_duty(work, edition, "illegal_structures", "S2", "A", border=1)
        put_duty(work, edition, "illegal_structures", "S3", "B")
        put_duty(work, edition, "illegal_structures", "S4", None)
        put_duty(work, edition, "facilities", "F1", "A")
        put_duty(work, edition, "facilities", "F2", "B")
        work.insert(
            tables.coverage,
            [
                {"code": "C1", "kind": "clinic", "share": 1.0},
                {"code": "C2", "kind": "clinic", "share": 0.5},
            ],
        )
        work.put_stages(
            {
                "C1": [StageRow("survey", None, date(2022, 3, 31), date(2022, 1, 5), date(2022, 3, 1))]
                + [StageRow("construction", actual_start=date(2022, 5, 1))],
                "C2": [StageRow("construction", None, None, date(2022, 2, 1), date(2022, 6, 1))],
                "C4": [StageRow("survey", reported=True)],
            }
        )
        work.set("reference_date", DAY.isoformat())
        work.set("name_zh", "示例区")
        work.set("name_en", "Sample")


def codes(store: Store, layer: str, sight: Sight | None = None, **filters: object) -> list[str]:
    """Return the codes of the rows that a query finds, by default in the bureau's sight."""
    asked = Query(layer=layer, on=filters.pop("on", DAY), **filters)
    return [row.code for row in store.rows(sight or visible(OPERATOR, layer), asked)]


def told(store: Store) -> dict[str, list[tuple]]:
    """Return all that a store holds, by table: two stores are equal when this is."""
    with store.reading() as connection:
        return {
            t.name: [tuple(r) for r in connection.execute(select(t).order_by(*t.primary_key))]
            for t in tables.carried()
        }


def without_guards(work: Work) -> None:
    """Drop the triggers that keep the history, as somebody with the database in hand could."""
    for name in GUARDS[work.connection.dialect.name]:
        work.connection.execute(text(f"DROP TRIGGER {name}"))
