"""A few sites that moved are answered for from what is near them, as if all were worked out anew."""

import pytest
import shapely
from desk import Desk, feature, point, square
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from layers import cases, duty, tables
from layers.people import OPERATOR

#: Two offices side by side, a gap of 90 m, a third one, and one that claims ground of two.
OFFICES = [
    feature(square(117.0, 36.6, 117.01, 36.61), code="a", name="甲"),
    feature(square(117.01, 36.6, 117.02, 36.61), code="b", name="乙"),
    feature(square(117.021, 36.6, 117.03, 36.61), code="c", name="丙"),
    feature(square(117.018, 36.608, 117.024, 36.614), code="d", name="丁"),
]
SITES = {
    "compounds": [
        feature(square(117.001, 36.602, 117.003, 36.604), code="K", name="K"),
        feature(square(117.002, 36.603, 117.006, 36.606), code="J", name="J"),
        feature(square(117.012, 36.602, 117.014, 36.604), code="L", name="L"),
    ],
    "illegal_structures": [
        feature(point(117.0025, 36.6035), code="S", state="found"),
        feature(point(117.005, 36.605), code="T", state="found"),
        feature(point(117.0135, 36.6035), code="U", state="found", compound_code="K"),
    ],
    "facilities": [
        feature(point(117.004, 36.604), code="F", kind="school", radius_m=300),
        feature(point(117.013, 36.603), code="G", kind="park", radius_m=150),
    ],
}
TOLD = ("assignments", "shares", "places", "coverage")
#: Many of these places lie on an edge or a corner of an office, in the gap, or in no office at all.
EASTS = st.integers(-4, 64).map(lambda step: 117 + step * 0.0005)
NORTHS = st.integers(-4, 32).map(lambda step: 36.6 + step * 0.0005)
BOXES = st.tuples(EASTS, NORTHS, st.integers(1, 30), st.integers(1, 12)).map(
    lambda told: shapely.box(told[0], told[1], told[0] + told[2] * 0.0005, told[1] + told[3] * 0.0005)
)
MOVES = st.one_of(
    st.tuples(st.just("compounds"), st.sampled_from("KJL"), BOXES),
    st.tuples(st.just("illegal_structures"), st.sampled_from("STU"), st.builds(shapely.Point, EASTS, NORTHS)),
    st.tuples(st.just("facilities"), st.sampled_from("FG"), st.builds(shapely.Point, EASTS, NORTHS)),
)


@pytest.fixture
def desk(store, tmp_path):
    made = Desk(store, tmp_path)
    made.load("street_offices", OFFICES)
    for layer, rows in SITES.items():
        made.load(layer, rows)
    cases.decide(store, OPERATOR, "compounds", "J", "b", "as agreed")
    return made


def move(work, layer, code, shape):
    """Move a site as an edit does, and work out what follows from it."""
    (row,) = work.known(tables.FEATURES[layer], [code])
    box = dict(zip(tables.BOX, shape.bounds, strict=True))
    work.update_feature(layer, row["fid"], row["version"], {"wkb": shape.wkb, **box})
    return duty.assign_sites(work, (layer, [code]))


def told(work):
    """Return what is on record of who answers, who is where and who is served: texts, and numbers."""
    texts, numbers = {}, {}
    for name in TOLD:
        table = tables.metadata.tables[name]
        for row in work.connection.execute(select(table)).mappings():
            key = name, *(row[column.name] for column in table.primary_key.columns)
            shown = {column: value for column, value in row.items() if column != "at"}
            numbers |= {(*key, n): v for n, v in shown.items() if isinstance(v, float)}
            texts[key] = {n: v for n, v in shown.items() if not isinstance(v, float)}
    return texts, numbers


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(MOVES, min_size=1, max_size=4),
    edge_m=st.sampled_from((0.0, 60.0)),
    tolerance_m=st.sampled_from((0.0, 50.0)),
)
def test_what_moved_alone_is_told_as_when_all_are_worked_out(desk, moves, edge_m, tolerance_m):
    with desk.store.writing(OPERATOR) as work:
        work.set("edge_m", repr(edge_m))
        work.set("tolerance_m", repr(tolerance_m))
        duty.assign_sites(work)
        for step in moves:
            move(work, *step)
        texts, numbers = told(work)
        assert duty.assign_sites(work) == dict.fromkeys(duty.SITES, 0)
        for name in TOLD:
            work.connection.execute(tables.metadata.tables[name].delete())
        duty.assign_sites(work)
        whole, sizes = told(work)
        work.discard()
    assert texts == whole
    assert numbers == pytest.approx(sizes, rel=1e-9, abs=1e-9)


def test_a_compound_that_moves_takes_along_and_leaves_behind_what_lies_in_it(desk):
    placed = dict.fromkeys("SU", "K") | {"T": "J"}
    assert {row["code"]: row["compound_code"] for row in desk.rows(tables.places)} == {**placed, "S": "J"}
    with desk.store.writing(OPERATOR) as work:
        counts = move(work, "compounds", "J", shapely.box(117.02, 36.602, 117.021, 36.604))
    # S falls to the compound that holds it too; no compound holds T; U stays where its file says.
    assert {row["code"]: row["compound_code"] for row in desk.rows(tables.places)} == {"S": "K", "U": "K"}
    assert (counts["illegal_structures"], counts["facilities"]) == (2, 0)


def test_a_new_compound_draws_the_structures_that_name_it(desk):
    desk.load("illegal_structures", [feature(point(117.0, 36.6), code="V", state="found", compound_code="N")])
    assert "V" not in {row["code"] for row in desk.rows(tables.places)}
    desk.load("compounds", [feature(square(117.025, 36.605, 117.026, 36.606), code="N", name="N")])
    assert {"code": "V", "compound_code": "N"} in desk.rows(tables.places)


def test_one_moved_site_reads_no_layer_whole(desk, asked):
    with desk.store.writing(OPERATOR) as work:
        move(work, "illegal_structures", "S", shapely.Point(117.0101, 36.605))
        asked.clear()
        move(work, "illegal_structures", "S", shapely.Point(117.0141, 36.605))
        move(work, "compounds", "L", shapely.box(117.013, 36.602, 117.015, 36.604))
        few = [text for text in asked if "wkb" in text]
        asked.clear()
        duty.assign_sites(work)
        every = [text for text in asked if "wkb" in text]
    assert len(few) > 0
    assert [text for text in few if "WHERE" not in text or "street_offices" in text] == []
    assert [text for text in every if "WHERE" not in text] != []
