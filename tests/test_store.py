"""What the store promises, whichever it is: all or nothing, one state for a reader, no lost edit."""

import warnings
from contextlib import closing
from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from builders import DAY, codes, put, put_district, square, told
from sqlalchemy import delete, func, select, text, update

from geo.errors import Finding, StoreBusyError, StoreError
from layers import open_store, tables
from layers.people import OPERATOR, visible
from layers.querying import Query
from layers.stages import StageRow
from layers.store import verify_history
from layers.work import MANY


def count(store, table) -> int:
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


# The schema.


def _ours(thing, name, kind, reflected, other):
    """Leave out where the places are indexed: each store does that in its own way."""
    extra = {"table": "_box" in name or name == "spatial_ref_sys", "column": name == "shape"}
    return not (reflected and other is None and extra.get(kind, name.endswith("_shape")))


def test_the_migrations_build_the_tables_that_the_program_describes(store):
    with store.reading() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Did not recognize type 'geometry'")
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _ours})
        assert compare_metadata(context, tables.metadata) == []


@pytest.mark.parametrize(
    ("table", "values", "said"),
    [
        ("revisions", "'compounds', 'many'", "cannot store TEXT value in INTEGER|for type bigint"),
        ("targets", "'2023-12-31', 'most'", "cannot store TEXT value in REAL|for type double precision"),
        ("backdrop", "1, 'road', null, 5", "cannot store INT value in BLOB|of type bytea but"),
        ("year_plans", "2022, null", "NOT NULL|not-null"),
        ("plan_deadlines", "1999, 'survey', '1999-03-31'", "FOREIGN KEY|foreign key"),
        ("editions", "1, 1, 'local', 'asleep', null", "CHECK|check constraint"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(store, table, values, said):
    with pytest.raises(StoreError, match=said), store.writing(OPERATOR) as work:
        work.connection.execute(text(f"INSERT INTO {table} VALUES ({values})"))
    assert count(store, tables.metadata.tables[table]) == 0


def test_a_row_without_code_or_with_a_code_that_is_there_is_refused(store):
    for rows in ([{"code": None}], [{"code": "C1"}, {"code": "C1"}]):
        with (
            pytest.raises(StoreError, match="NOT NULL|UNIQUE|not-null|unique"),
            store.writing(OPERATOR) as work,
        ):
            put(work, "compounds", *rows)
    assert count(store, tables.compounds) == count(store, tables.loads) == 0


# All or nothing.


def test_a_write_that_fails_leaves_nothing(store):
    put_district(store)
    before = told(store)
    with pytest.raises(ZeroDivisionError), store.writing(OPERATOR) as work:
        put(work, "compounds", {"code": "C9"})
        work.put_stages({"C9": [StageRow("survey", reported=True)]})
        work.set("name_en", "Other")
        1 / 0  # noqa: B018
    assert told(store) == before


def test_a_write_that_is_discarded_leaves_nothing_and_the_next_one_is_whole(store):
    put_district(store)
    before = told(store)
    with store.writing(OPERATOR) as work:
        put(work, "compounds", {"code": "C9"})
        work.set("name_en", "Other")
        work.discard()
    assert told(store) == before
    with store.writing(OPERATOR) as work:
        work.set("name_en", "Other")
    assert store.district().name_en == "Other"
    assert verify_history(store) is None


def test_a_row_that_somebody_else_changed_meanwhile_is_not_overwritten(store):
    with store.writing(OPERATOR) as work:
        put(work, "compounds", {"code": "C1", "name": "first"})
        row = work.features("compounds")["C1"]
        work.update_feature("compounds", row["fid"], row["version"], {"code": "C1", "name": "second"})
    with (
        pytest.raises(StoreError, match="Row C1 was changed by somebody else"),
        store.writing(OPERATOR) as work,
    ):
        work.update_feature("compounds", row["fid"], row["version"], {"code": "C1", "name": "third"})
    (kept,) = store.frame(select(tables.compounds))
    assert (kept["name"], kept["version"]) == ("second", row["version"] + 1)


def test_a_reader_sees_one_state_while_a_writer_commits(store):
    with store.writing(OPERATOR) as work:
        put(work, "facilities", *({"code": f"{i:05}", "name": "old"} for i in range(2500)))
    sight, query = visible(OPERATOR, "facilities"), Query(layer="facilities", on=DAY)
    rows = store.rows(sight, query)
    names = [next(rows).properties["name"]]
    with store.writing(OPERATOR) as work:
        work.connection.execute(update(tables.facilities).values(name="new"))
        work.connection.execute(delete(tables.facilities).where(tables.facilities.c.code > "02000"))
    names += [row.properties["name"] for row in rows]
    assert names == ["old"] * 2500
    assert {row.properties["name"] for row in store.rows(sight, query)} == {"new"}
    assert store.count(sight, query) == 2001


def test_a_reader_never_waits_for_a_writer(store):
    with store.writing(OPERATOR) as work:
        work.set("name_en", "new")
        assert store.district().name_en == ""
    assert store.district().name_en == "new"


def test_a_store_that_stays_busy_is_said_to_be_so(store, store_url):
    with closing(open_store(store_url, patience_s=0.05)) as impatient:
        with store.writing(OPERATOR) as work:
            work.set("name_en", "first")
            with (
                pytest.raises(StoreBusyError, match="^Another process is writing to the store"),
                impatient.writing(OPERATOR) as other,
            ):
                other.set("name_en", "second")
        assert impatient.district().name_en == "first"
        with impatient.writing(OPERATOR) as work:
            work.set("name_en", "then")
    assert store.district().name_en == "then"


def test_a_write_that_failed_leaves_no_gap_in_the_history(store):
    for name in ("one", "two"):
        with store.writing(OPERATOR) as work:
            work.set("name_en", "never")
            work.discard()
        with store.writing(OPERATOR) as work:
            work.set("name_en", name)
    assert [entry["seq"] for entry in store.frame(select(tables.history))] == [1, 2]
    assert verify_history(store) is None


def test_whole_numbers_of_eight_bytes_and_numbers_to_the_last_digit_are_kept(store):
    with store.writing(OPERATOR) as work:
        put(work, "compounds", {"code": "C1", "households": 2**62 + 1, "floor_area_m2": 0.1 + 0.2})
    (row,) = store.frame(select(tables.compounds))
    assert (row["households"], row["floor_area_m2"]) == (2**62 + 1, 0.1 + 0.2)


def test_rows_come_in_the_order_of_their_code_points_whatever_the_language(store):
    names = ["b", "B", "a", "A", "é", "中", "阿", "10", "9", "_", "C-1", "C1", "c 1"]
    with store.writing(OPERATOR) as work:
        put(work, "compounds", *({"code": name} for name in names))
    assert codes(store, "compounds") == sorted(names)


def test_many_rows_are_written_as_few_are(store):
    names = ["", "\\N", "\t", "一", "'", None, "a" * 2000]
    many = [
        {"code": f"{i:05}", "name": names[i % 7], "radius_m": [None, 0.1 + 0.2, 1e300][i % 3]}
        for i in range(MANY)
    ]
    with store.writing(OPERATOR) as work:
        put(work, "facilities", *many)
        put(work, "facilities", *({**row, "code": f"few {row['code']}"} for row in many[: MANY - 1]))
    f = tables.facilities.c
    rows = store.frame(select(tables.facilities).order_by(f.load_id, f.row))
    assert len({row["fid"] for row in rows}) == len(rows) == 2 * MANY - 1
    told = [(row["code"], row["name"], row["radius_m"], row["wkb"], row["west"]) for row in rows]
    assert [row[0:3] for row in told[:MANY]] == [tuple(row.values()) for row in many]
    assert [(row[0].removeprefix("few "), *row[1:]) for row in told[MANY:]] == told[: MANY - 1]


def test_many_rows_of_which_one_is_refused_leave_nothing(store):
    rows = [{"code": f"{i:05}"} for i in range(MANY)]
    for wrong in ({"code": "00007"}, {"code": None}):
        with (
            pytest.raises(StoreError, match="NOT NULL|UNIQUE|not-null|unique"),
            store.writing(OPERATOR) as work,
        ):
            put(work, "facilities", *rows, wrong)
    assert count(store, tables.facilities) == count(store, tables.loads) == 0


# What is read.


def test_a_new_store_knows_nothing_and_its_day_is_today(store):
    district = store.district()
    assert (district.name_zh, district.name_en, district.invented, district.bounds) == ("", "", False, None)
    assert date.today() >= district.reference_date >= date.fromordinal(date.today().toordinal() - 1)
    assert store.revision(*tables.FEATURES) == 0
    assert list(store.backdrop()) == []
    assert [codes(store, layer) for layer in tables.FEATURES] == [[], [], [], []]


def test_the_district_is_told_from_the_active_edition(store):
    put_district(store)
    district = store.district()
    assert (district.name_zh, district.name_en, district.reference_date) == ("示例区", "Sample", DAY)
    assert district.bounds == (*square(1).bounds[:2], *square(3).bounds[2:])


def test_a_revision_grows_with_each_change_of_its_layer_only(store):
    with store.writing(OPERATOR) as work:
        put(work, "compounds", {"code": "C1"})
    one = store.revision("compounds"), store.revision("facilities"), store.revision("compounds", "facilities")
    assert one == (1, 0, 1)
    with store.writing(OPERATOR) as work:
        work.bump("facilities", "compounds")
    assert (store.revision("compounds"), store.revision("compounds", "facilities")) == (2, 3)


def test_the_state_tells_the_word_the_day_and_the_revisions(store):
    new = store.state()
    assert (new.epoch, new.day, new.of(tables.FEATURES)) == (
        store.epoch(),
        None,
        (new.epoch, date.today(), 0),
    )
    put_district(store)
    with store.writing(OPERATOR) as work:
        work.bump("facilities")
    known = store.state()
    with store.still() as still:
        assert still.state() == known
    assert (known.epoch, known.day) == (new.epoch, DAY)
    names = (*tables.FEATURES, tables.PUBLISHED_STRUCTURES, "backdrop", "year_plans")
    for some in (names, names[:2], ()):
        assert known.of(some) == (known.epoch, DAY, store.revision(*some))


def test_stages_are_written_with_before_and_after_and_the_same_again_changes_nothing(store):
    rows = {"C1": [StageRow("survey", None, DAY), StageRow("design", reported=True)]}
    with store.writing(OPERATOR) as work:
        assert work.put_stages(rows) == 2
    before = told(store)
    with store.writing(OPERATOR) as work:
        assert work.put_stages(rows) == 0
    assert told(store) == before
    with store.writing(OPERATOR) as work:
        assert work.put_stages({"C1": [StageRow("survey", None, DAY, DAY, DAY)]}) == 1
    last = store.frame(select(tables.history).order_by(tables.history.c.seq))[-1]
    assert (last["action"], last["code"]) == ("move", "C1")
    assert '"actual_finish":null' in last["before"] and '"actual_finish":"2022-06-30"' in last["after"]
    assert count(store, tables.stage_history) == 2


def test_a_load_keeps_its_receipt_findings_and_the_rows_set_aside(store):
    found = Finding(2, "geometry", "empty", "set_aside", "POINT EMPTY")
    with store.writing(OPERATOR) as work:
        load_id = work.open_load("compounds", "a" * 64, {"crs": None})
        work.close_load(load_id, {"read": 2}, [found], [{"row": 2, "original": "{}", "geometry": None}])
    (load,) = store.frame(select(tables.loads))
    assert (load["person"], load["options"], load["receipt"]) == (
        "bureau:operator",
        '{"crs":null}',
        '{"read":2}',
    )
    (row,) = store.frame(select(tables.findings))
    assert Finding(*(row[name] for name in Finding._fields)) == found
    assert store.frame(select(tables.set_aside)) == [
        {"load_id": load_id, "row": 2, "original": "{}", "geometry": None}
    ]


def test_whoever_uses_the_connection_of_a_write_commits_nothing_of_it(store):
    with store.writing(OPERATOR) as work:
        work.set("name_en", "Former")
    with store.writing(OPERATOR) as work:
        # As each step of a migration does.
        with MigrationContext.configure(work.connection).begin_transaction(_per_migration=True):
            work.set("name_en", "Half")
        work.discard()
    assert store.district().name_en == "Former"
