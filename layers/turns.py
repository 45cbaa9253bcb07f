"""The queue of those who write to one file: first come, first served, in every process of the machine.

SQLite has a writer that finds the file taken sleep and ask again, so that under load some wait
long while others pass. Here each waits in the kernel's own queue for a lock on a file beside the
store; whoever is killed leaves the queue by that. The locks only order the writers: what keeps
two of them apart is SQLite's own lock, and where no queue can be kept SQLite's waiting does.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic

try:
    import fcntl
except ImportError:  # not on this system: SQLite's own waiting serves
    fcntl = None


#: What the names of the lock files add to the store's.
BESIDE = ("-next", "-turn")


class Turns:
    """The queue before one store; its two lock files lie beside it and hold nothing.

    Who holds ``-next`` is the next to write, and waits for ``-turn``. With one lock alone a writer
    that lets go and asks again at once would pass those whom the kernel is only just waking.
    """

    def __init__(self, store: Path) -> None:
        self._next, self._turn = (store.with_name(store.name + end) for end in BESIDE)

    @contextmanager
    def taken(self, patience_s: float) -> Iterator[float]:
        """Wait for this writer's turn, hold it, and give how many seconds of the patience are left.

        Nothing is raised where the turn did not come in time (then 0 seconds are left) or no queue
        can be kept: a writer that was stopped in the queue must not shut the others out of a store
        that is free.
        """
        until = monotonic() + patience_s
        with ExitStack() as held:
            if fcntl is not None:
                with suppress(OSError):  # a file system without locks, or one that cannot be written
                    self._queue(held, until)
            yield max(0.0, until - monotonic())

    def _queue(self, held: ExitStack, until: float) -> None:
        with _Place(self._next) as following:
            if following.take(until):
                held.enter_context(_Place(self._turn)).take(until)


class _Place:
    """One writer's place before one lock file; at the end of the ``with`` it is given up."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._mutex = threading.Lock()
        self._asking = self._left = False
        self._granted = threading.Event()

    def __enter__(self) -> "_Place":
        return self

    def __exit__(self, *_error: object) -> None:
        with self._mutex:
            self._left = True
            if not self._asking:
                self._close()

    def take(self, until: float) -> bool:
        """Return whether the lock was got before the moment ``until``."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            self._asking = True
        # The kernel's queue knows no patience: a thread stands in it for us.
        threading.Thread(target=self._ask, daemon=True, name="guatu-turn").start()
        return self._granted.wait(max(0.0, until - monotonic()))

    def _ask(self) -> None:
        with suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._mutex:
            self._asking = False
            self._granted.set()
            if self._left:
                self._close()

    def _close(self) -> None:
        # A process forked meanwhile has the file too: closing it alone would not let go.
        with suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_UN)
        os.close(self._file)
