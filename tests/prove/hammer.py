"""Four processes write and read one store while files are loaded into it and exported from it by GDAL.

GDAL reads and writes other files in the same processes: were it ever to open the store's own, that
would drop the locks which SQLite holds on it, and edits would be lost.
"""

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from beside import Desk, exports, loads, reads
from campaign import Result, main
from crew import Ack, Crew, edit, make_rows
from soundness import Acknowledged, check_store
from sqlalchemy import select

from layers import open_store, tables
from layers.store import Store

PROCESSES = 4
#: How long each process waits between two of a kind.
EVERY_S = {reads: 0.05, loads: 60.0, exports: 60.0}
#: One writer alone is timed first, for this part of the time.
ALONE = 0.1
#: From so many seconds on the times are judged: a short run is not alone on its machine.
JUDGED_FROM_S = 60
#: The slowest hundredth of the edits takes at most so many times the median alone.
AT_MOST = 10


def run(seed: int, size: int) -> Result:
    """Time one writer alone, then hammer the store for ``size`` seconds, then look at all of it."""
    result = Result()
    with tempfile.TemporaryDirectory(prefix="guatu-prove-") as name:
        hammer = Hammer(Path(name), Acknowledged(result))
        alone = hammer.edits(seed, max(2, size * ALONE), 1, {})
        together = hammer.edits(seed + 1, size, PROCESSES, EVERY_S)
        with closing(open_store(hammer.url)) as store:
            hammer.acknowledged.check(check_store(store, result, only_edits=False) | _loads(store))
        for name, number in hammer.done.items():
            result.add(f"{name} a minute", round(number / size * 60, 1))
    _judge(alone, together, size, result)
    return result


def _loads(store: Store) -> set[str]:
    """Return the words of the loads that the store holds."""
    return {f"load {row['id']}" for row in store.frame(select(tables.loads.c.id))}


def _judge(alone: list[float], together: list[float], size: int, result: Result) -> None:
    usual, slow = median(alone), sorted(together)[int(len(together) * 0.99)]
    times = {
        "seconds": size,
        "edits a second": len(together) / size,
        "median of an edit alone, ms": usual * 1000,
        "median of an edit, ms": median(together) * 1000,
        "p99 of an edit, ms": slow * 1000,
        "slowest edit, ms": max(together) * 1000,
        "p99 as a multiple of the median alone": slow / usual,
    }
    for name, number in times.items():
        result.add(name, round(number, 2))
    if size >= JUDGED_FROM_S:
        result.check(slow <= AT_MOST * usual, f"the p99 of an edit is {slow / usual:.1f} × its median alone")


@dataclass
class Hammer:
    """A store with rows, in a folder of its own, and what was acknowledged of edits in it."""

    folder: Path
    acknowledged: Acknowledged

    def __post_init__(self) -> None:
        self.url = f"sqlite:///{self.folder / 'district.db'}"
        self.done: dict[str, int] = {}
        with closing(open_store(self.url)) as store:
            make_rows(store)

    def edits(self, seed: int, seconds: float, number: int, every_s: dict[Callable, float]) -> list[float]:
        """Let so many processes edit, with other work beside; return how long each edit took."""

        def work(process: int, ack: Ack) -> None:
            until = time.monotonic() + seconds
            with closing(open_store(self.url)) as store:
                desk = Desk(store, self.folder, process, Random(seed + process / 10), ack)
                threads = desk.begin(until, every_s)
                took = _edit(store, desk.random, until, ack)
                for thread in threads:
                    thread.join()
            (self.folder / f"{process}.told").write_text(json.dumps({"took": took, "done": desk.done}))

        self.acknowledged.hear(Crew(number, work).words())
        told = [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.told"))]
        for name in {name for one in told for name in one["done"]}:
            self.done[name] = sum(one["done"].get(name, 0) for one in told)
        return [s for one in told for s in one["took"]]


def _edit(store: Store, random: Random, until: float, ack: Ack) -> list[float]:
    took = []
    while (before := time.monotonic()) < until:
        word = edit(store, random)
        took.append(time.monotonic() - before)
        ack(word)
    return took


if __name__ == "__main__":
    main(run)
