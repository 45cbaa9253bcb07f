"""The queue of writers: in turn; nobody who is gone, stopped or forked off is in it."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from layers import open_store
from layers.people import OPERATOR
from layers.turns import Turns

ROOT = Path(__file__).resolve().parents[1]
SOON_S = 5.0

#: Takes a turn, and is survived by a child that it forked off meanwhile.
FORK = """
import os, sys, time
from pathlib import Path
from layers.turns import Turns
with Turns(Path(sys.argv[1])).taken(60):
    child = os.fork()
    if child:
        print(child, flush=True)
    time.sleep(30)
"""

#: Takes a turn (or a place before it) and keeps it until it is killed.
KEEP = """
import sys, time
from pathlib import Path
from layers.turns import Turns
print("asking", flush=True)
with Turns(Path(sys.argv[1])).taken(60):
    print("taken", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def keeper(tmp_path):
    """Start processes that take a turn of the store ``district.db`` and keep it."""
    started = []

    def start(until: str) -> subprocess.Popen:
        command = [sys.executable, "-c", KEEP, tmp_path / "district.db"]
        process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE)
        started.append(process)
        while process.stdout.readline().strip() != until:
            pass
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def turns(tmp_path):
    return Turns(tmp_path / "district.db")


def took_s(turns: Turns, patience_s: float = 60) -> float:
    """Return how long a turn was waited for, and give it up again."""
    before = time.monotonic()
    with turns.taken(patience_s):
        return time.monotonic() - before


def await_places(folder: Path, number: int) -> None:
    """Return when so many are in the queue: the next one, who looks for the turn, and who wait behind him."""
    until = time.monotonic() + SOON_S
    while time.monotonic() < until:
        inodes = {f":{path.stat().st_ino} " for path in folder.glob("district.db-next")}
        locks = Path("/proc/locks").read_text().splitlines()
        if sum(any(inode in line for inode in inodes) for line in locks) == number:
            return
        time.sleep(0.005)
    raise AssertionError(f"there are not {number} in the queue")


def open_files(folder: Path) -> list[Path]:
    """Return the files of a folder that this process has open, each as often as it has."""
    opened = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return [path.readlink() for path in opened if folder in path.readlink().parents]


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not show its locks")
@pytest.mark.parametrize("shared", [True, False])
def test_who_came_first_is_served_first(tmp_path, turns, shared):
    served = []

    def write(number: int) -> None:
        with (turns if shared else Turns(tmp_path / "district.db")).taken(60):
            served.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    with turns.taken(60):
        for number, thread in enumerate(threads, 1):
            thread.start()
            while shared and turns.waiting < number:
                time.sleep(0.001)
            await_places(tmp_path, 0 if shared else number)
    for thread in threads:
        thread.join()
    assert served == [0, 1, 2, 3, 4, 5]


@pytest.fixture
def other(tmp_path):
    """Somebody else who waits from the moment on that he is started: (start him, what was served)."""
    served = []

    def write() -> None:
        with Turns(tmp_path / "district.db").taken(60):
            served.append("other")

    thread = threading.Thread(target=write)

    def start() -> None:
        thread.start()
        await_places(tmp_path, 1)

    yield start, served
    thread.join()


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not show its locks")
def test_who_writes_on_and_on_does_not_pass_those_who_wait(turns, other):
    start, served = other
    for _ in range(3):
        with turns.taken(60):
            pass
    with turns.taken(60):
        start()
    with turns.taken(60):
        served.append("again")
    assert served == ["other", "again"]


def test_writers_of_one_process_do_not_keep_the_turn_from_another(keeper, turns):
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with turns.taken(60):
                time.sleep(0.002)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        keeper("taken").kill()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_one_who_is_killed_leaves_the_queue(keeper, turns):
    first = keeper("taken")
    second = keeper("asking")
    time.sleep(0.2)
    for process in (second, first):
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert took_s(turns) < SOON_S


def test_one_who_waited_in_vain_does_not_keep_the_turn_later(turns):
    with turns.taken(60):
        for _ in range(3):
            with turns.taken(0.02) as left_s:
                assert left_s == 0.0
    assert took_s(turns) < SOON_S
    with turns.taken(60) as left_s:
        assert 60 - SOON_S < left_s <= 60


def test_one_who_is_stopped_in_the_queue_shuts_nobody_out_of_a_store_that_is_free(keeper, tmp_path):
    stopped = keeper("taken")
    stopped.send_signal(signal.SIGSTOP)
    url = f"sqlite:///{tmp_path / 'district.db'}"
    with ExitStack() as opened:
        store = open_store(url, patience_s=0.2)
        opened.callback(store.close)
        with store.writing(OPERATOR) as work:
            work.set("name_en", "Free")
        assert store.district().name_en == "Free"


def test_a_child_that_was_forked_meanwhile_does_not_keep_the_turn(turns):
    with turns.taken(60):
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
    try:
        assert took_s(turns) < SOON_S
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_child_that_outlives_one_who_is_killed_does_not_keep_the_turn(turns, tmp_path):
    command = [sys.executable, "-c", FORK, tmp_path / "district.db"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as process:
        child = int(process.stdout.readline())
        try:
            process.kill()
            process.wait()
            assert took_s(turns) < SOON_S
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not show what is open")
def test_a_process_has_one_place_whoever_writes_in_it(tmp_path):
    turns = Turns(tmp_path / "district.db")

    def write() -> None:
        for _ in range(50):
            with turns.taken(60):
                pass

    known = set(threading.enumerate())
    for _ in range(2):
        threads = [threading.Thread(target=write) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        standing = [t for t in threading.enumerate() if t.name == "guatu-turn" and t not in known]
        assert len(standing) <= 1
        assert len(open_files(tmp_path)) == 2
    turns.close()
    assert open_files(tmp_path) == []


def test_where_no_lock_file_can_be_made_nobody_waits():
    with Turns(Path("/proc/nowhere/district.db")).taken(60) as left_s:
        assert 60 - SOON_S < left_s <= 60


def test_an_error_of_the_writer_is_passed_on_and_the_turn_is_given_up(turns):
    with pytest.raises(OSError, match="of the writer"), turns.taken(60):
        raise OSError("of the writer")
    assert took_s(turns) < SOON_S
