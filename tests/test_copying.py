"""A district moves between the two kinds of store, whole or not at all."""

from contextlib import closing

import pytest
from builders import DAY, put, put_district, square, told
from sqlalchemy import delete, select, text, update

from geo.errors import StoreError
from layers import open_store, programme, tables
from layers.clock import now
from layers.copying import contents, copy_store
from layers.history import GENESIS
from layers.people import OPERATOR, VISITOR, visible
from layers.querying import Query
from layers.store import verify_history


def contained(store):
    with store.reading() as connection:
        return contents(connection)


@pytest.fixture(params=["embedded", pytest.param("postgis", marks=pytest.mark.postgis)])
def other(request, tmp_path):
    """A second store, empty: of each kind, whatever the first one is."""
    if request.param == "embedded":
        url = f"sqlite:///{tmp_path / 'other.db'}"
    else:
        cluster = request.getfixturevalue("cluster")
        url = cluster.create(request.getfixturevalue("migrated"))
    with closing(open_store(url)) as opened:
        yield opened
    if request.param == "postgis":
        cluster.drop(url)


def test_a_copy_holds_the_same_rows_and_the_same_history(store, other):
    put_district(store)
    copied = copy_store(store, other)
    assert told(other) == told(store)
    assert copied == contained(other) == contained(store)
    assert copied.rows == sum(map(len, told(store).values()))
    assert copied.head == store.frame(select(tables.history).order_by(tables.history.c.seq))[-1]["hash"]
    assert verify_history(other) is None


def test_a_copy_goes_on_where_the_first_one_stood(store, other):
    put_district(store)
    copy_store(store, other)
    moment = now()
    for each in (store, other):
        with each.writing(OPERATOR) as work:
            work._at = moment
            put(work, "compounds", {"code": "C9"})
            put(work, "facilities", {"code": "F9"})
            work.set("name_en", "Later")
    assert verify_history(other) is None
    assert contained(other) == contained(store)


def test_the_sample_district_says_the_same_from_either_store(sample_store, other):
    before = contained(sample_store)
    assert copy_store(sample_store, other) == before
    assert contained(sample_store) == before
    day = sample_store.district().reference_date
    for person in (OPERATOR, VISITOR):
        assert programme.planning(other, person, day) == programme.planning(sample_store, person, day)
        for layer in tables.FEATURES:
            asked = visible(person, layer), Query(layer=layer, on=day)
            assert list(other.rows(*asked)) == list(sample_store.rows(*asked))
    assert list(other.backdrop()) == list(sample_store.backdrop())


def test_a_store_that_is_not_empty_is_not_copied_into(store, other):
    put_district(store)
    with other.writing(OPERATOR) as work:
        work.set("name_en", "Elsewhere")
    before = told(other)
    with pytest.raises(StoreError, match="copy into is not empty: nothing was copied"):
        copy_store(store, other)
    assert told(other) == before


def test_an_empty_store_is_not_copied(store, other):
    with pytest.raises(StoreError, match="copy from is empty: nothing was copied"):
        copy_store(store, other)
    assert contained(other).rows == 0 and contained(other).head == GENESIS


def test_a_store_whose_history_was_altered_is_not_copied(store, other):
    put_district(store)
    with store.writing(OPERATOR) as work:
        work.insert(tables.history, [{**_last(work), "seq": 99, "hash": "x"}])
    with pytest.raises(StoreError, match="history of the store is broken at entry 99"):
        copy_store(store, other)
    assert contained(other).rows == 0


def _last(work) -> dict:
    newest = select(tables.history).order_by(tables.history.c.seq.desc()).limit(1)
    return dict(work.connection.execute(newest).mappings().one())


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A store with a row in every table, which no test here changes."""
    folder = tmp_path_factory.mktemp("full")
    rows = {
        "set_aside": {"load_id": 1, "row": 1, "original": "{}"},
        "findings": {"load_id": 1, "row": 1, "field": "", "code": "c", "severity": "note", "detail": ""},
        "shares": {"code": "C1", "edition_id": 1, "street_office_code": "A", "area_m2": 1.5, "share": 1.0},
        "former_assignments": {
            **{
                "layer": "compounds",
                "code": "C1",
                "until": "2022",
                "edition_id": 1,
                "share": 1.0,
                "outside": 0.0,
            },
            **{"claimed_twice": 0.0, "border": 0, "method": "containment", "at": "2021", "person": "p"},
        },
        "former_shares": {
            **{"code": "C1", "until": "2022", "street_office_code": "A", "area_m2": 1.5, "share": 1.0}
        },
        "decisions": {
            **{
                "layer": "compounds",
                "code": "C1",
                "street_office_code": "A",
                "reason": "r",
                "state": "decided",
            },
            **{"ground": "{}", "at": "2022", "person": "p"},
        },
        "activations": {"edition_id": 1, "at": "2022"},
        "year_plans": {"plan_year": 2022, "due_on": DAY.isoformat()},
        "plan_deadlines": {"plan_year": 2022, "stage": "survey", "due_on": DAY.isoformat()},
        "targets": {"by": DAY.isoformat(), "share": 0.5},
        "backdrop": {"kind": "road", "wkb": square(1).wkb},
    }
    with closing(open_store(f"sqlite:///{folder / 'district.db'}")) as opened:
        put_district(opened)
        with opened.writing(OPERATOR) as work:
            for name, row in rows.items():
                work.insert(tables.metadata.tables[name], [row])
        assert all(told(opened).values())
        yield opened


@pytest.mark.parametrize("name", [table.name for table in tables.carried()])
def test_rows_that_would_be_lost_on_the_way_stop_the_copy(full, tmp_path, name):
    with closing(open_store(f"sqlite:///{tmp_path / 'lossy.db'}")) as lossy:
        # A store that takes the rows of one table and keeps none of them.
        with lossy.writing(OPERATOR) as work:
            if name == "history":
                work.connection.execute(text("DROP TRIGGER history_no_delete"))
            lose = f'CREATE TRIGGER lose AFTER INSERT ON "{name}" BEGIN DELETE FROM "{name}"; END'
            work.connection.execute(text(lose))
        with pytest.raises(StoreError, match="nothing was copied|FOREIGN KEY"):
            copy_store(full, lossy)
        assert contained(lossy).rows == 0


def test_contents_tell_the_smallest_difference(store):
    put_district(store)
    seen = {contained(store)[0]["compounds"]}
    c = tables.compounds
    steps = [
        update(c).where(c.c.code == "C1").values(name="Plum 100%_yard"),
        update(c).where(c.c.code == "C1").values(name=None),
        update(c).where(c.c.code == "C1").values(west=c.c.west + 1e-13),
        update(c).where(c.c.code == "C1").values(wkb=square(7).wkb),
        delete(c).where(c.c.code == "C4"),
    ]
    for step in steps:
        with store.writing(OPERATOR) as work:
            work.connection.execute(step)
        digest = contained(store)[0]["compounds"]
        assert digest not in seen
        seen.add(digest)


@pytest.mark.postgis
def test_a_text_that_the_other_store_cannot_hold_is_said_and_nothing_is_copied(tmp_path, cluster, migrated):
    url = cluster.create(migrated)
    with closing(open_store(f"sqlite:///{tmp_path / 'd.db'}")) as one, closing(open_store(url)) as two:
        put_district(one)
        with one.writing(OPERATOR) as work:
            work.set("name_en", "nul\0")
        with pytest.raises(StoreError, match="cannot contain NUL"):
            copy_store(one, two)
        assert contained(two).rows == 0
    cluster.drop(url)
