"""A page by box: the same rows from both stores, and those that shapely finds by looking at every one."""

import math
from contextlib import contextmanager

import pytest
import shapely
from builders import DAY, WEST, codes, put, put_edition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from geo.errors import RequestError
from layers.boxes import box_values
from layers.people import OPERATOR, VISITOR, visible
from layers.querying import Query, select_rows
from layers.store import Store

KEPT = [HealthCheck.function_scoped_fixture]
#: Degrees at which 64 bits tell places apart that 32 bits do not, and a few that lie far from each other.
SIDE = st.one_of(
    st.sampled_from([117.0, 117.1, math.nextafter(117.1, 118), math.nextafter(117.1, 117), 117.10001]),
    st.floats(116.9, 117.3),
)
LINE = SIDE.map(lambda degrees: degrees - 80)
POINT = st.builds(shapely.Point, SIDE, LINE)
SHAPE = st.one_of(
    st.builds(lambda x, y, w, h: shapely.box(x, y, x + w, y + h), SIDE, LINE, *[st.floats(1e-9, 0.2)] * 2),
    st.builds(
        lambda x, y, r: shapely.Polygon([(x, y), (x + r, y), (x, y + r)]), SIDE, LINE, st.floats(1e-6, 0.2)
    ),
    # Two parts and a hole: the box of the whole says little.
    st.builds(
        lambda x, y, r: shapely.MultiPolygon(
            [
                shapely.box(x, y, x + r, y + r).difference(
                    shapely.box(x + r / 4, y + r / 4, x + r / 2, y + r / 2)
                ),
                shapely.box(x + 3 * r, y, x + 4 * r, y + r),
            ]
        ),
        SIDE,
        LINE,
        st.floats(1e-4, 0.05),
    ),
)
BOX = st.tuples(SIDE, LINE, SIDE, LINE).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@contextmanager
def holding(store: Store, layer: str, shapes: list):
    """Give a store that holds these shapes, for as long as this lasts, with codes in another order."""
    with store.writing(OPERATOR) as work:
        edition = put_edition(work) if layer == "street_offices" else None
        more = {} if edition is None else {"edition_id": edition, "name": ""}
        rows = [{"code": code_of(i), "shape": shape, **more} for i, shape in enumerate(shapes)]
        put(work, layer, *rows)
        yield Store(store.engine, work.connection)
        work.discard()


def code_of(number: int) -> str:
    return f"{number * 7 % 11}-{number}"


def brute(shapes: list, box: tuple) -> list[str]:
    """Return the codes of the shapes that meet the box, each looked at in 64 bits."""
    asked = shapely.from_wkb(box_values(box)["box"])
    return sorted(code_of(i) for i, shape in enumerate(shapes) if shapely.intersects(shape, asked))


@settings(suppress_health_check=KEPT, max_examples=60)
@given(shapes=st.lists(POINT, max_size=12), boxes=st.lists(BOX, min_size=1, max_size=5))
def test_a_box_finds_the_points_that_lie_in_it_to_the_last_bit(store, shapes, boxes):
    with holding(store, "illegal_structures", shapes) as held:
        for box in boxes:
            assert codes(held, "illegal_structures", box=box) == brute(shapes, box)


@pytest.mark.parametrize("layer", ["street_offices", "compounds", "facilities"])
@settings(suppress_health_check=KEPT, max_examples=30)
@given(shapes=st.lists(SHAPE, max_size=8), boxes=st.lists(BOX, min_size=1, max_size=5))
def test_a_box_finds_the_shapes_that_meet_it(store, layer, shapes, boxes):
    with holding(store, layer, shapes) as held:
        for box in boxes:
            found = brute(shapes, box)
            assert codes(held, layer, box=box) == found
            assert held.count(visible(OPERATOR, layer), Query(layer=layer, on=DAY, box=box)) == len(found)


def test_what_the_index_of_32_bits_finds_and_is_not_meant_is_left_out(store):
    beyond = math.nextafter(117.1, 118)
    with holding(store, "illegal_structures", [shapely.Point(beyond, 37), shapely.Point(117.1, 37)]) as held:
        found = text(
            "SELECT count(*) FROM illegal_structures_box WHERE west <= 117.1"
            if held.engine.dialect.name == "sqlite"
            else "SELECT count(*) FROM illegal_structures "
            "WHERE shape && ST_MakeEnvelope(117, 36, 117.1, 38, 4490)"
        )
        with held.reading() as connection:
            assert connection.scalar(found) == 2
        assert codes(held, "illegal_structures", box=(117.0, 36.0, 117.1, 38.0)) == [code_of(1)]


def test_a_box_beside_a_shape_inside_its_box_finds_nothing(store):
    triangle = shapely.Polygon([(117, 37), (117.1, 37), (117, 37.1)])
    with holding(store, "compounds", [triangle]) as held:
        assert codes(held, "compounds", box=(117.08, 37.08, 117.09, 37.09)) == []
        assert codes(held, "compounds", box=(117.05, 37.05, 117.09, 37.09)) == [code_of(0)]


# Pages.


@settings(suppress_health_check=KEPT, max_examples=20)
@given(many=st.integers(0, 11), limit=st.integers(1, 12))
def test_pages_one_after_the_other_hold_every_row_once(store, many, limit):
    shapes = [shapely.Point(117 + i / 1000, 37) for i in range(many)]
    with holding(store, "facilities", shapes) as held:
        for asked in ({}, {"box": (117.0, 36.0, 117.0045, 38.0)}):
            whole, pages, after = codes(held, "facilities", **asked), [], None
            while page := codes(held, "facilities", **asked, limit=limit, after=after):
                pages.append(page)
                after = page[-1]
            assert sum(pages, []) == whole
            assert all(len(page) == limit for page in pages[:-1])
            sight, query = (
                visible(OPERATOR, "facilities"),
                Query(layer="facilities", on=DAY, limit=1, **asked),
            )
            assert held.count(sight, query) == len(whole)


@pytest.mark.parametrize(
    "filters", [{"stage": "construction"}, {"plan_year": 2022}, {"street_office": "A"}, {}]
)
def test_a_row_of_a_page_is_the_row_of_the_whole_layer(district, filters):
    sight = visible(VISITOR, "compounds")
    every = list(district.rows(sight, Query(layer="compounds", on=DAY, **filters)))
    paged = Query(layer="compounds", on=DAY, **filters, limit=100, box=(WEST, 36.0, WEST + 1, 37.0))
    assert list(district.rows(sight, paged)) == every
    assert len(every) >= 2


def test_no_page_shows_a_visitor_an_unpublished_case(district):
    sight = visible(VISITOR, "illegal_structures")
    assert codes(district, "illegal_structures", sight, box=(-180, -90, 180, 90), limit=9) == ["S2", "S3"]


def test_what_is_shown_beside_the_rows_in_a_box_lies_in_the_box_too():
    query = Query(layer="compounds", on=DAY, box=(1, 2, 3, 4), limit=5, after="C")
    beside = query.beside("illegal_structures")
    assert (beside.box, beside.limit, beside.after) == ((1, 2, 3, 4), None, None)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"box": "1,2,3,4"}, "four numbers"),
        ({"box": (1, 2, 3)}, "four numbers"),
        ({"box": (1, 2, 3, "4")}, "four numbers"),
        ({"box": (1, 2, 3, True)}, "four numbers"),
        ({"box": (1, 2, 3, math.nan)}, "between 180°"),
        ({"box": (1, 2, 3, math.inf)}, "between 180°"),
        ({"box": (-181, 2, 3, 4)}, "between 180°"),
        ({"box": (1, 2, 3, 91)}, "between 180°"),
        ({"box": (170, 2, -170, 4)}, "from west to east"),
        ({"box": (1, 4, 3, 2)}, "from west to east"),
        ({"limit": 0}, "from 1 to 1000000"),
        ({"limit": 1_000_001}, "from 1 to 1000000"),
        ({"limit": True}, "from 1 to 1000000"),
        ({"limit": "9"}, "from 1 to 1000000"),
        ({"after": "a\nb"}, "control characters"),
        ({"after": 7}, "control characters"),
    ],
)
def test_a_box_or_page_that_cannot_be_is_refused(asked, said):
    with pytest.raises(RequestError, match=said):
        Query(layer="compounds", on=DAY, **asked)


# How it is asked.


def test_questions_of_one_form_share_one_statement():
    def asked(**filters) -> object:
        query = Query(layer="compounds", on=DAY, box=(1, 2, 3, 4), limit=5, **filters)
        return select_rows(visible(VISITOR, "compounds"), query).statement

    assert asked(plan_year=2021) is asked(plan_year=2022)
    assert asked(plan_year=2021) is not asked(plan_year="none")
    assert asked(text="none") is asked(text="100%")
