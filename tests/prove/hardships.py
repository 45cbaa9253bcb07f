"""Disk full, read-only, a network share, a clock that is set back: a clear error, and nothing lost."""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from beside import Desk, loads
from campaign import Result, main, steps
from crew import Ack, Crew, edit, make_rows
from soundness import Acknowledged, check_store
from sqlalchemy import select

from geo.errors import GuatuError, StoreError
from layers import disks, embedded, open_store, tables, work
from layers.store import Store

NOBODY = 65534
SHARE = "22 1 0:9 / / rw - {kind} nas:/ rw"


def run(seed: int, size: int) -> Result:
    """Go through every hardship ``size`` times."""
    random, result = Random(seed), Result()
    for _ in steps(size):
        for hardship in (_small_files, _small_disk, _read_only_disk, _reader, _share, _clock):
            with tempfile.TemporaryDirectory(prefix="guatu-prove-") as folder:
                hardship(Path(folder), random, result)
    return result


def _new(folder: Path) -> str:
    url = f"sqlite:///{folder / 'district.db'}"
    with closing(open_store(url)) as store:
        make_rows(store)
    return url


def _until_refused(store: Store, random: Random, ack: Ack, most: int = 5000) -> str:
    """Edit until the store refuses to, and return what it says; any other error is passed on."""
    for _ in range(most):
        try:
            word = edit(store, random)
        except StoreError as error:
            return str(error)
        ack(word)
    raise AssertionError(f"not refused after {most} edits")


def _check(url: str, words: list[str], result: Result) -> None:
    acknowledged = Acknowledged(result)
    acknowledged.hear(word for word in words if not word.startswith("said "))
    with closing(open_store(url)) as store:
        acknowledged.check(check_store(store, result))


# The disk is full.


def _small_files(folder: Path, random: Random, result: Result) -> None:
    """No file of the process may grow beyond a limit, as where a quota is used up."""
    url = _new(folder)
    most = (folder / "district.db").stat().st_size + random.randrange(1 << 16, 1 << 20)

    def write(_number: int, ack: Ack) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        with closing(open_store(url)) as store:
            said = _until_refused(store, random, ack)
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            ack("said " + said)
            for _ in range(10):
                ack(edit(store, random))

    _refused_then_written(url, Crew(1, write).words(), ("disk I/O error",), result)
    result.add("quotas used up")


def _refused_then_written(url: str, words: list[str], expected: tuple[str, ...], result: Result) -> None:
    """Check that a writer was told why, and that it could go on when there was room again."""
    said = [word for word in words if word.startswith("said ")]
    result.check(len(said) == 1 and any(e in said[0] for e in expected), f"said {said}, not {expected}")
    result.check(len(words) - words.index(said[0]) == 11 if said else False, "no edits after there was room")
    _check(url, words, result)


@contextmanager
def _disk(folder: Path, size: str) -> Iterator[Path | None]:
    """Mount a disk in memory of so many bytes; None where this may not be done."""
    place = folder / "disk"
    place.mkdir()
    if not _mounted("-t", "tmpfs", "-o", f"size={size}", "none", str(place)):
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _mounted(*options: str) -> bool:
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    return subprocess.run(["mount", *options], capture_output=True).returncode == 0


def _small_disk(folder: Path, random: Random, result: Result) -> None:
    """The disk is full while edits are written, and while a file is loaded."""
    with _disk(folder, "1600k") as disk:
        result.add("disks filled", int(disk is not None))
        if disk is None:
            return
        url = _new(disk)

        def write(_number: int, ack: Ack) -> None:
            with closing(open_store(url)) as store:
                said = _until_refused(store, random, ack)
                _load_is_refused(store, folder, random)
                _mounted("-o", "remount,size=64m", str(disk))
                ack("said " + said)
                for _ in range(10):
                    ack(edit(store, random))

        _refused_then_written(
            url, Crew(1, write).words(), ("The disk of the store is full: nothing was written.",), result
        )


def _load_is_refused(store: Store, folder: Path, random: Random) -> None:
    """Check that a file cannot be loaded onto a full disk, and that nothing of it is there then."""
    before = store.entries()
    for number in range(50):
        try:
            loads(Desk(store, folder, number, random, lambda _word: None))
        except GuatuError:
            break
        before = store.entries()
    else:
        raise AssertionError("a full disk took fifty loads")
    assert store.entries() == before, "a load that was refused left something"
    rows = len(store.frame(select(tables.facilities.c.fid)))
    assert rows % 20 == 0, f"{rows} rows of loads of twenty"


# What may not be written.


def _read_only_disk(folder: Path, random: Random, result: Result) -> None:
    """A store on a read-only disk is read to its last edit, or it is said where that is."""
    with _disk(folder, "16m") as disk:
        result.add("read-only disks", int(disk is not None))
        if disk is None:
            return
        url = _new(disk)
        with closing(open_store(url)) as store:
            words = [edit(store, random) for _ in range(5)]
        _mounted("-o", "remount,ro", str(disk))
        _check(url, words, result)
        with closing(open_store(url)) as store:
            said = _until_refused(store, random, words.append)
        result.check("its file or its folder is read-only" in said, f"said {said}")
        _mounted("-o", "remount,rw", str(disk))
        _check(url, words, result)


def _reader(folder: Path, random: Random, result: Result) -> None:
    """Somebody who may only read the file sees every edit of one who writes, or is told why not."""
    if os.geteuid() != 0:
        result.add("readers", 0)
        return
    url = _new(folder)
    path = folder / "district.db"
    folder.chmod(0o755)
    with closing(open_store(url)) as store:
        words = [edit(store, random) for _ in range(5)]
        _check_as_nobody(url, words, result)
        words.append(edit(store, random))
        _check_as_nobody(url, words, result)
    said = Crew(1, lambda _number, ack: _as_nobody(lambda: ack("said " + _refusal(url)))).words()
    result.check("its folder is read-only" in said[0], f"said {said}")
    result.check(path.stat().st_uid == 0, "the file has changed hands")
    _check(url, words, result)
    result.add("readers")


def _as_nobody(act) -> None:
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    act()


def _check_as_nobody(url: str, words: list[str], result: Result) -> None:
    def look() -> None:
        found = Result()
        _check(url, words, found)
        assert found.passed, found.faults
        with closing(open_store(url)) as store:
            said = _until_refused(store, Random(1), words.append)
        assert "read-only" in said, said

    told = Crew(1, lambda _number, ack: _as_nobody(look)).words()
    result.check(told == [], f"one who may only read: {told}")


def _refusal(url: str) -> str:
    try:
        open_store(url).close()
    except StoreError as error:
        return str(error)
    return "nothing"


def _share(folder: Path, _random: Random, result: Result) -> None:
    """A store on a network share is refused, and nothing is put there."""
    for kind in sorted(disks.NETWORK_FILE_SYSTEMS):
        said = ""
        try:
            embedded.open_embedded(f"sqlite:///{folder / 'district.db'}", mounts=SHARE.format(kind=kind))
        except StoreError as error:
            said = str(error)
        result.check(f"({kind})" in said, f"{kind}: said {said}")
        result.add("network shares refused")
    result.check(list(folder.iterdir()) == [], "something was put on a network share")


# The clock.


def _clock(folder: Path, random: Random, result: Result) -> None:
    """The clock jumps about a little, then far back; the history stays in order."""
    url, words = _new(folder), []
    with closing(open_store(url)) as store, _shifted(lambda: timedelta(seconds=random.uniform(-100, 100))):
        words += [edit(store, random) for _ in range(20)]
    with closing(open_store(url)) as store, _shifted(lambda: timedelta(days=-1)):
        said = _until_refused(store, random, words.append)
        result.check("The clock of this machine says" in said, f"said {said}")
    with closing(open_store(url)) as store:
        words += [edit(store, random) for _ in range(3)]
        moments = [row["at"] for row in store.frame(select(tables.history).order_by(tables.history.c.seq))]
    result.check(moments == sorted(moments), "the history went backwards")
    result.add("clocks set back")
    _check(url, words, result)


@contextmanager
def _shifted(by) -> Iterator[None]:
    """Let the record's clock differ from the machine's."""
    right = work.now
    work.now = lambda: (datetime.now(UTC) + by()).isoformat(timespec="microseconds")
    try:
        yield
    finally:
        work.now = right


if __name__ == "__main__":
    main(run)
