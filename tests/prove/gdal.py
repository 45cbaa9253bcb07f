"""The control of the hammer: were GDAL to open the store's own file, edits would be lost.

When GDAL closes a file it drops the locks that SQLite holds on it in the same process. The hammer
must find that out: what it cannot see it has not shown. One try in three may come off unhurt.
"""

import tempfile
from contextlib import closing, suppress
from pathlib import Path

import pyogrio
from beside import Desk
from campaign import Result, main, steps
from hammer import PROCESSES, Hammer
from soundness import Acknowledged, check_store

from geo.errors import GuatuError
from layers import open_store

#: How long a try lasts.
SECONDS = 6


def run(seed: int, size: int) -> Result:
    """Try at most ``size`` times; it is a fault when none of them hurt the store."""
    result = Result()
    for number in steps(size):
        found = _try(seed + number)
        result.add("tries")
        for name in ("acknowledged", "acknowledged twice", "lost"):
            result.add(name, found.counts.get(name, 0))
        if not found.passed:
            result.add("tries that hurt the store")
            return result
    result.check(False, "GDAL opened the store's own file and the hammer saw nothing of it")
    return result


def _try(seed: int) -> Result:
    found = Result()
    with tempfile.TemporaryDirectory(prefix="guatu-prove-") as folder:
        hammer = Hammer(Path(folder), Acknowledged(found))
        hammer.edits(seed, SECONDS, PROCESSES, {_open_the_store_itself: 0.001})
        try:
            with closing(open_store(hammer.url)) as store:
                hammer.acknowledged.check(check_store(store, found, only_edits=False))
        except Exception as error:
            found.check(False, f"{type(error).__name__}: {error}")
    return found


def _open_the_store_itself(desk: Desk) -> None:
    # What it makes of the file is no matter: it opens and closes it.
    with suppress(GuatuError, ValueError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        pyogrio.read_info(desk.folder / "district.db", layer="compounds")


if __name__ == "__main__":
    main(run)
