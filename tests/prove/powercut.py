"""The power is cut while the embedded store is written to, again and again.

The store's own code writes, at its own settings and with its own log of a thousand pages, through
the SQLite of apsw, whose files can lose what was not synced; what is left is opened as any store
is. The same with synchronous OFF and NORMAL, which must lose something: else nothing was shown.
"""

import tempfile
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import apsw
from campaign import Result, main, steps
from crew import edit, make_rows
from losing_disk import Connection, LosingDisk, PowerCut
from soundness import Acknowledged, check_store

from layers import embedded, open_store

#: The longest that the power lasts, in writes and syncs.
LASTS = 1500
#: SQLite moves its log into the file when it has 1,000 pages; a start this close sees it done.
PAGES_BEFORE = 940
_PAGE = 4096 + 24
CONTROLS = ("OFF", "NORMAL")
#: For one cut of each control so many at the store's own settings.
CUTS_A_CONTROL = 10


def run(seed: int, size: int) -> Result:
    """Cut the power ``size`` times, and a tenth as often in each control."""
    random, result = Random(seed), Result()
    with tempfile.TemporaryDirectory(prefix="guatu-prove-", dir=_fast()) as folder:
        bench = _Bench(Path(folder))
        for _ in steps(size):
            bench.cut(random, result)
        result.add("syncs a cut", round(bench.disk.syncs / size, 1))
        for setting in CONTROLS:
            _control(bench, setting, random, result, max(10, size // CUTS_A_CONTROL))
    return result


def _fast() -> str | None:
    """Return a folder in memory: what reaches the disk is ours to say."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _control(bench: "_Bench", setting: str, random: Random, result: Result, size: int) -> None:
    """Cut the power at another setting of synchronous, where something must be lost."""
    ours, apart = embedded._PRAGMAS, Result()
    embedded._PRAGMAS = tuple(p.replace("synchronous=FULL", f"synchronous={setting}") for p in ours)
    for _ in steps(size):
        bench.cut(random, apart)
    embedded._PRAGMAS = ours
    hurt = apart.counts["cuts that lost or broke something"]
    result.add(f"control {setting}: cuts", size)
    result.add(f"control {setting}: cuts that lost or broke something", hurt)
    result.check(hurt > 0, f"with synchronous={setting} nothing was lost: the campaign shows nothing")


class _Bench:
    """A store that is about to move its log into its file, and a disk to write to it on."""

    def __init__(self, folder: Path) -> None:
        self.disk = LosingDisk()
        self.before, self.after = folder / "before" / "district.db", folder / "after" / "district.db"
        for path in (self.before, self.after):
            path.parent.mkdir()
        self.start = self._start()

    def _start(self) -> dict[Path, bytes]:
        """Make a store in the ordinary way and write until its log is nearly full; return its files."""
        log = Path(f"{self.before}-wal")
        with closing(open_store(f"sqlite:///{self.before}")) as store:
            make_rows(store)
        with closing(open_store(f"sqlite:///{self.before}")) as store:
            number = 0
            while not log.exists() or log.stat().st_size < PAGES_BEFORE * _PAGE:
                edit(store, Random(number))
                number += 1
            return {path: path.read_bytes() for path in (self.before, log)}

    def cut(self, random: Random, result: Result) -> None:
        """Write until the power is cut, then open what is left and check it."""
        words = self._write(random)
        self._leave(random)
        found = Result()
        acknowledged = Acknowledged(found)
        acknowledged.hear(words)
        try:
            with closing(open_store(f"sqlite:///{self.after}")) as store:
                acknowledged.check(check_store(store, found))
        except Exception as error:
            found.add("corrupt")
            found.check(False, f"{type(error).__name__}: {error}")
        result.add("cuts")
        moved = self.disk.images[str(self.before)].written > 0
        result.add("cuts after the log began to move into the file", int(moved))
        result.add("cuts that lost or broke something", int(not found.passed))
        for name in ("acknowledged", "lost", "corrupt"):
            result.add(name, found.counts.get(name, 0))
        for fault in found.faults:
            result.check(False, fault)

    def _write(self, random: Random) -> list[str]:
        """Edit through the losing disk until it loses power; return what was acknowledged."""
        for path in self.before.parent.iterdir():
            path.unlink()
        self.disk.start(self.start, random.randrange(1, LASTS))
        ours, words = embedded._connect, []
        embedded._connect = lambda _address, _patience_s: Connection(self.before)
        try:
            store = open_store(f"sqlite:///{self.before}")
            with suppress(PowerCut, apsw.Error):
                while True:
                    words.append(edit(store, random))
            store.close()
        finally:
            embedded._connect = ours
        assert self.disk.dead, "an edit failed while there was power"
        return words

    def _leave(self, random: Random) -> None:
        """Put what is left after the cut where it is opened from."""
        for path in self.after.parent.iterdir():
            path.unlink()
        for name, content in self.disk.cut(random).items():
            (self.after.parent / Path(name).name).write_bytes(content)


if __name__ == "__main__":
    main(run)
