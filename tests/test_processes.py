"""Several processes on one store: none loses an edit, and one that is killed leaves nothing half done."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select, text

from layers import open_store, tables
from layers.people import OPERATOR
from layers.store import verify_history

ROOT = Path(__file__).resolve().parents[1]

#: Adds one to a counter, so often; each time in a transaction of its own.
COUNT = """
import sys
from sqlalchemy import select
from layers import open_store, tables
from layers.people import OPERATOR
store = open_store(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with store.writing(OPERATOR) as work:
        known = work.connection.scalar(select(tables.settings.c.value).where(tables.settings.c.key == "n"))
        work.set("n", str(int(known or 0) + 1))
store.close()
"""

#: Loads fifty compounds at a time, for ever, and says so after each commit.
LOAD = """
import sys
sys.path.insert(0, sys.argv[2])
from builders import put
from layers import open_store
from layers.people import OPERATOR
store = open_store(sys.argv[1])
for i in range(int(sys.argv[3]), 10**6):
    with store.writing(OPERATOR) as work:
        put(work, "compounds", *({"code": f"{i}-{j}"} for j in range(50)))
        work.log("load", "compounds", code=str(i))
    print(i, flush=True)
"""


def python(script: str, *arguments: object, **options) -> subprocess.Popen:
    """Start a second process of the program."""
    command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, **options)


def count(store, table) -> int:
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def await_writers(store) -> None:
    """Return when whoever was writing is done: a server may still commit for a client that is gone."""
    with store.writing(OPERATOR) as work:
        work.discard()


def check_places(store, rows: int) -> None:
    """Check that the database is sound, and that each compound is found by its place."""
    sound = {
        "sqlite": ("PRAGMA integrity_check", "SELECT count(*) FROM compounds_box"),
        "postgresql": (
            "SELECT 'ok' WHERE NOT EXISTS (SELECT 1 FROM compounds WHERE NOT ST_IsValid(shape))",
            "SELECT count(*) FROM compounds WHERE shape && ST_MakeEnvelope(west, south, east, north, 4490)",
        ),
    }
    check, places = sound[store.engine.dialect.name]
    with store.reading() as connection:
        assert connection.execute(text(check)).scalar() == "ok"
        assert connection.execute(text(places)).scalar() == rows


def test_threads_and_processes_that_write_at_once_lose_nothing(store, store_url):
    def add() -> None:
        for _ in range(10):
            with store.writing(OPERATOR) as work:
                s = tables.settings.c
                known = work.connection.scalar(select(s.value).where(s.key == "n"))
                work.set("n", str(int(known or 0) + 1))

    other = python(COUNT, store_url, 10)
    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait(60) == 0
    assert store.frame(select(tables.settings)) == [{"key": "n", "value": "30"}]
    entries = store.frame(select(tables.history).order_by(tables.history.c.seq))
    assert [int(e["after"].strip('"')) for e in entries] == list(range(1, 31))
    assert store.revision("settings") == 30
    assert verify_history(store) is None


def test_a_second_process_opens_and_writes_while_the_first_serves(store, store_url):
    with store.reading() as connection:
        connection.execute(select(tables.settings)).all()
        assert python(COUNT, store_url, 1).wait(60) == 0
    assert store.frame(select(tables.settings)) == [{"key": "n", "value": "1"}]


def test_four_processes_that_open_a_missing_store_at_once_all_get_it(store_url, tmp_path):
    go = "import sys, time, pathlib\nwhile not pathlib.Path(sys.argv[3]).exists(): time.sleep(0.005)\n"
    loaded = COUNT.replace("store = open", f"\n{go}\nstore = open")
    processes = [python(loaded, store_url, 1, tmp_path / "go", stderr=subprocess.PIPE) for _ in range(4)]
    time.sleep(2)
    (tmp_path / "go").touch()
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    with closing(open_store(store_url)) as store:
        assert store.frame(select(tables.settings)) == [{"key": "n", "value": "4"}]
        with store.reading() as connection:
            assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1


def test_a_process_that_is_killed_while_it_loads_leaves_all_or_nothing_of_each_load(store_url):
    open_store(store_url).close()
    committed = 0
    for cycle in range(3):
        process = python(LOAD, store_url, Path(__file__).parent, committed, stdout=subprocess.PIPE)
        said = [process.stdout.readline() for _ in range(3)]
        time.sleep(0.013 * (cycle + 1))
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().splitlines()
        process.stdout.close()
        assert process.wait(60) == -signal.SIGKILL
        with closing(open_store(store_url)) as store:
            await_writers(store)
            loads, rows, entries = (count(store, t) for t in (tables.loads, tables.compounds, tables.history))
            assert (rows, entries) == (50 * loads, loads)
            # Every load that was acknowledged is there, and at most one more.
            assert loads - 1 <= int(said[-1]) + 1 <= loads
            assert verify_history(store) is None
            assert store.revision("compounds") == loads
            check_places(store, rows)
        committed = loads
    assert committed >= 9
