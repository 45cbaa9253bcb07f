"""Four processes write to the embedded store and are killed at a random moment, again and again."""

import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path
from random import Random

from campaign import Result, main, steps
from crew import Ack, Crew, edit, make_rows
from soundness import Acknowledged, check_store

from layers import open_store

WRITERS = 4
#: A new store after so many cycles: all of its history is read again after each of them.
CYCLES_A_STORE = 50


def run(seed: int, size: int) -> Result:
    """Kill all writers ``size`` times, and look at all of the store after each time."""
    random, result = Random(seed), Result()
    with tempfile.TemporaryDirectory(prefix="guatu-prove-") as folder:
        acknowledged = Acknowledged(result)
        for cycle in steps(size):
            if cycle % CYCLES_A_STORE == 1:
                url = _new_store(Path(folder) / f"{cycle}.db")
                acknowledged = Acknowledged(result)
            _cycle(url, random, result, acknowledged)
    return result


def _new_store(path: Path) -> str:
    template = path.with_name("template.db")
    if not template.exists():
        with closing(open_store(f"sqlite:///{template}")) as store:
            make_rows(store)
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


def _cycle(url: str, random: Random, result: Result, acknowledged: Acknowledged) -> None:
    seed = random.random()
    crew = Crew(WRITERS, lambda number, ack: _write(url, seed + number, ack))
    # Mostly in the midst of writing; now and then already while the store is being opened.
    if random.random() < 0.9:
        crew.await_word(20)
    time.sleep(random.uniform(0, 0.25))
    acknowledged.hear(crew.kill())
    result.add("cycles")
    log = Path(url.removeprefix("sqlite:///") + "-wal")
    result.add("with a log left behind", int(log.exists() and log.stat().st_size > 0))
    with closing(open_store(url)) as store:
        acknowledged.check(check_store(store, result))


def _write(url: str, seed: float, ack: Ack) -> None:
    store, random = open_store(url), Random(seed)
    while True:
        ack(edit(store, random))


if __name__ == "__main__":
    main(run)
