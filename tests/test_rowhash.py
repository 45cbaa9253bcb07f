"""The hash of the rows a load wrote: the same from either store, and another for any other rows."""

import hashlib
import json
import struct

import pytest
from desk import Desk, feature, point
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from layers import tables
from layers.people import OPERATOR
from layers.rowhash import columns_hash, written_hash

ROWS = [
    {"code": "F2", "name": "诊所", "kind": "clinic", "radius_m": 500, "note": "a"},
    {"code": "F1", "name": None, "kind": "school", "radius_m": 0.25},
    {"code": "F3", "name": "", "kind": None, "radius_m": None},
]
TEXTS = st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=6)


@pytest.fixture
def desk(store, tmp_path):
    return Desk(store, tmp_path)


def said(desk: Desk, load_id: int) -> dict:
    """Return what the history says of a load."""
    h = tables.history.c
    (entry,) = desk.store.frame(select(h.after).where(h.action == "load", h.load_id == load_id))
    return json.loads(entry["after"])


def found(desk: Desk, load_id: int) -> str:
    with desk.store.reading() as connection:
        return written_hash(connection, "facilities", load_id)


def features(rows: list[dict]) -> list[dict]:
    return [feature(point(117 + i / 100, 36.6), **row) for i, row in enumerate(rows)]


def test_what_the_history_says_of_a_load_is_found_in_the_store(desk):
    load_id = desk.load("facilities", features(ROWS)).load_id
    hashed = found(desk, load_id)
    assert said(desk, load_id) == {"rows": 3, "inserted": 3, "updated": 0, "sha256": hashed}


def test_a_second_load_speaks_of_the_rows_it_wrote_as_they_are_after_it(desk):
    first = desk.load("facilities", features(ROWS))
    again = [{"code": "F1", "radius_m": 9}, {"code": "F4", "radius_m": 1}, {"code": "F2", "radius_m": 500}]
    places = [point(117.01, 36.6), point(117.5, 36.6), point(117.0, 36.6)]
    second = desk.load("facilities", [feature(p, **row) for p, row in zip(places, again, strict=True)])
    assert (second.inserted, second.updated, second.unchanged) == (1, 1, 1)
    assert said(desk, second.load_id)["sha256"] == found(desk, second.load_id)
    assert said(desk, first.load_id)["sha256"] != found(desk, first.load_id)


@pytest.mark.parametrize(
    "change", [{"name": "诊"}, {"radius_m": 500.5}, {"west": 117.0000001}, {"row": 9}, {"kind": None}]
)
def test_a_row_altered_behind_the_history_is_found_out(desk, change):
    load_id = desk.load("facilities", features(ROWS)).load_id
    with desk.store.writing(OPERATOR) as work:
        work.connection.execute(
            update(tables.facilities).where(tables.facilities.c.code == "F2").values(**change)
        )
    assert said(desk, load_id)["sha256"] != found(desk, load_id)


@given(one=TEXTS, other=TEXTS)
def test_only_the_same_values_in_the_same_order_have_the_same_hash(one, other):
    def hashed(values):
        return columns_hash(tables.facilities, {"name": values})

    assert (hashed(one) == hashed(other)) == (one == other)


def test_the_hash_is_made_as_it_is_described():
    columns = {"code": ["A", "区"], "radius_m": [None, 0.5], "row": [1, 2], "wkb": [b"", b"xy"]}
    expected = b""
    for column in tables.facilities.c:
        name, values = column.name, columns.get(column.name, [None, None])
        if name in ("fid", "version", "load_id"):
            continue
        expected += name.encode() + b"\0" + struct.pack("<q", 2)
        expected += bytes([sum(128 >> i for i, value in enumerate(values) if value is not None)])
        there = [value for value in values if value is not None]
        if name in ("code", "wkb"):
            there = [v.encode() if isinstance(v, str) else v for v in there]
            expected += b"".join(struct.pack("<q", len(v)) for v in there) + b"".join(there)
        else:
            expected += b"".join(struct.pack("<q" if isinstance(v, int) else "<d", v) for v in there)
    assert columns_hash(tables.facilities, columns) == hashlib.sha256(expected).hexdigest()
