"""The campaigns of ``make prove``, a short version of each; and that none of them can pass in vain."""

import os
import signal
import sqlite3
from contextlib import closing
from random import Random

import pytest
from builders import without_guards
from campaign import Result, launch
from crew import Crew, edit, make_rows
from migrate import fingerprint_of
from soundness import Acknowledged, check_store
from sqlalchemy import text

from layers import open_store
from layers.disks import NETWORK_FILE_SYSTEMS
from layers.people import OPERATOR

SEED = 7


def short(name: str, size: int) -> dict[str, float]:
    """Run a short campaign, which must find no fault, and return what it counted."""
    result = launch(name, SEED, size, timeout_s=240)
    assert result.faults == []
    return result.counts


def test_a_store_whose_writers_are_killed_loses_nothing_and_stays_sound():
    counts = short("kill", 8)
    assert (counts["cycles"], counts["lost"]) == (8, 0)
    assert counts["acknowledged"] >= 8
    assert counts["with a log left behind"] >= 4


def test_a_store_whose_power_is_cut_loses_nothing_and_would_lose_something_at_other_settings():
    counts = short("powercut", 12)
    assert (counts["cuts"], counts["lost"], counts["corrupt"]) == (12, 0, 0)
    assert counts["acknowledged"] >= 100
    assert counts["cuts after the log began to move into the file"] >= 3
    for setting in ("OFF", "NORMAL"):
        assert counts[f"control {setting}: cuts that lost or broke something"] >= 1


def test_a_store_that_is_hammered_while_gdal_loads_and_exports_loses_nothing_and_turns_nobody_away():
    counts = short("hammer", 8)
    assert counts["lost"] == 0
    assert counts["acknowledged"] >= 100
    assert counts["loads a minute"] >= 4 * 60 / 8
    assert counts["exports a minute"] >= 4 * 60 / 8
    assert counts["reads a minute"] >= 100


def test_the_hammer_sees_what_gdal_would_do_to_the_stores_own_file():
    assert short("gdal", 10)["tries that hurt the store"] == 1


def test_a_full_disk_a_read_only_one_a_share_and_a_wrong_clock_are_told_clearly_and_lose_nothing():
    counts = short("hardships", 1)
    assert counts["lost"] == 0
    assert (counts["quotas used up"], counts["clocks set back"]) == (1, 1)
    assert counts["network shares refused"] == len(NETWORK_FILE_SYSTEMS)
    assert counts["acknowledged"] >= 50


@pytest.mark.postgis
def test_a_server_whose_clients_or_processes_are_killed_loses_nothing_and_stays_sound():
    counts = short("server", 4)
    assert (counts["fsync"], counts["lost"]) == (1, 0)
    assert counts["acknowledged"] >= 4
    assert [name for name in counts if name.startswith("cycles")] == [
        "cycles, killed: clients",
        "cycles, killed: a server process",
        "cycles, killed: the server at once",
        "cycles, killed: all server processes",
    ]


@pytest.mark.postgis
def test_a_migration_that_is_killed_leaves_the_old_store_or_the_new_one():
    counts = short("migrate", 6)
    for kind in ("embedded", "PostGIS"):
        assert counts[f"{kind}: rows that came over"] >= 50
        assert sum(n for name, n in counts.items() if name.startswith(f"{kind}: killed")) == 6


# What the campaigns look with must see what is wrong.


@pytest.fixture
def edited(store):
    """A store with a few edits, and the words they were acknowledged by."""
    make_rows(store)
    return [edit(store, Random(i)) for i in range(6)]


def test_a_sound_store_has_no_faults(store, edited):
    result = Result()
    assert check_store(store, result) == set(edited)
    assert (result.faults, result.counts) == ([], {"corrupt": 0})


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("DELETE FROM history WHERE seq = (SELECT max(seq) FROM history)", "rows and history tell different"),
        ("DELETE FROM history WHERE seq = 3", "the history is broken at entry 4"),
        ("UPDATE history SET after = '{\"version\":9}' WHERE seq = 3", "the history is broken at entry 3"),
        ("UPDATE compounds SET version = 9 WHERE code = 'C1'", "rows and history tell different versions"),
        ("UPDATE revisions SET revision = 3 WHERE layer = 'compounds'", "revision 3 after 6 edits"),
    ],
)
def test_a_store_that_lost_or_changed_something_is_found_out(store, edited, step, said):
    with store.writing(OPERATOR) as work:
        without_guards(work)
        work.connection.execute(text(step.replace(":9", "\\:9")))
    result = Result()
    check_store(store, result)
    assert any(said in fault for fault in result.faults), result.faults


@pytest.mark.parametrize(
    "step",
    [
        "DELETE FROM compounds_box WHERE fid = 3",
        "INSERT INTO compounds_box VALUES (9999, 1, 2, 1, 2)",
        "UPDATE compounds_box SET west = west + 0.001, east = east + 0.001 WHERE fid = 3",
    ],
)
def test_an_index_that_differs_from_its_rows_is_found_out(tmp_path, step):
    result = Result()
    with closing(open_store(f"sqlite:///{tmp_path / 'district.db'}")) as store:
        make_rows(store)
        with store.writing(OPERATOR) as work:
            work.connection.execute(text(step))
        check_store(store, result)
    assert ["compounds:" in fault for fault in result.faults] == [True]


@pytest.mark.parametrize(
    "step",
    [
        "ALTER TABLE settings ADD COLUMN more TEXT",
        "DELETE FROM compounds WHERE code = 'C1'",
        "UPDATE alembic_version SET version_num = '0000'",
        "DELETE FROM compounds_box WHERE fid = 3",
        "DROP TRIGGER history_no_update",
    ],
)
def test_a_store_between_two_schemas_is_found_out(tmp_path, step):
    path = tmp_path / "district.db"
    with closing(open_store(f"sqlite:///{path}")) as store:
        make_rows(store)
    before = fingerprint_of(path)
    assert fingerprint_of(path) == before
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(step)
    assert fingerprint_of(path) != before


def test_a_word_that_was_lost_or_told_twice_is_found_out():
    result = Result()
    acknowledged = Acknowledged(result)
    acknowledged.hear(["C1 2", "C1 3", "C1 3", "C2 2"])
    acknowledged.check({"C1 2", "C1 3"})
    assert result.counts == {"acknowledged": 4, "acknowledged twice": 1, "lost": 1}
    assert result.faults == ["C1 3 was acknowledged twice", "lost: ['C2 2']"]


def test_an_error_of_a_killed_process_is_a_fault():
    def work(number, ack):
        ack(f"C{number} 2")
        raise OSError("disk gone")

    crew = Crew(2, work)
    result = Result()
    Acknowledged(result).hear(crew.words())
    assert len(result.faults) == 2
    assert all("disk gone" in fault for fault in result.faults)


def test_a_process_that_was_ended_by_another_signal_than_ours_is_a_fault():
    ended = Crew(1, lambda _number, _ack: os.kill(os.getpid(), signal.SIGTERM)).words()
    assert ended == ["error: ended by SIGTERM"]
    killed = Crew(1, lambda _number, _ack: signal.pause()).kill()
    assert killed == []


def test_a_campaign_that_breaks_down_or_takes_too_long_has_not_passed():
    assert launch("nothing", SEED, 1, 60).faults == ["the campaign itself ended with 2"]
    assert launch("kill", SEED, 1000, 3.0).faults == ["not done after 3 s"]
