"""The queue of those who write to one file: first come, first served, in every process of the machine.

SQLite has a writer that finds the file taken sleep and ask again, so that under load some wait
long while others pass. Here each waits in the kernel's own queue for a lock on a file beside the
store; whoever is killed leaves the queue by that. The locks only order the writers: what keeps
two of them apart is SQLite's own lock, and where no queue can be kept SQLite's waiting does.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from weakref import WeakSet

try:
    import fcntl
except ImportError:  # not on this system: SQLite's own waiting serves
    fcntl = None

#: What the names of the lock files add to the store's.
BESIDE = ("-next", "-turn")
#: So long the thread of a place stays when nobody asks: to start one costs as much as half an edit.
LINGER_S = 2.0


class Turns:
    """The queue before one store; its two lock files lie beside it and hold nothing.

    Who holds ``-next`` is the next to write, and waits for ``-turn``. With one lock alone a writer
    that lets go and asks again at once would pass those whom the kernel is only just waking.
    """

    def __init__(self, store: Path) -> None:
        self._paths = [store.with_name(store.name + end) for end in BESIDE]
        # Places that nobody has; a list, because its pop and append need no lock of their own.
        self._free: list[_Place] = []

    def close(self) -> None:
        """Close the files of the places that nobody has."""
        while self._free:
            with suppress(IndexError):
                self._free.pop().close()

    @contextmanager
    def taken(self, patience_s: float) -> Iterator[float]:
        """Wait for this writer's turn, hold it, and give how many seconds of the patience are left.

        Nothing is raised where the turn did not come in time (then 0 seconds are left) or no queue
        can be kept: a writer that was stopped in the queue must not shut the others out of a store
        that is free.
        """
        place = None
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks, or one that cannot be written
                place = self._place()
        try:
            yield patience_s if place is None or place.take_free() else place.wait(patience_s)
        finally:
            if place is not None:
                place.leave()

    def _place(self) -> "_Place":
        while self._free:
            with suppress(IndexError):  # another thread was quicker
                place = self._free.pop()
                if place.is_open:
                    return place
        return _Place(self._paths, self._free)


class _Place:
    """One writer's place before the two locks, and the thread that waits in the kernel's queue for it.

    The kernel's queue knows no patience: a writer waits for the thread instead, and where it goes
    without the turn the thread gives that up as soon as it comes. Places are kept and taken again.
    """

    def __init__(self, paths: list[Path], free: list["_Place"]) -> None:
        self._files: list[int] = []
        self._files += map(_opened, paths)
        self._free = free
        self._mutex, self._asked, self._granted = (threading.Lock() for _ in range(3))
        self._asked.acquire()
        self._thread: threading.Thread | None = None
        self._asking = self._left = False
        _places.add(self)

    def __del__(self) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether the place can be taken: in a process that was forked off it cannot."""
        return bool(self._files)

    def close(self) -> None:
        """Close the files; whatever is held stays with the process this one was forked off from."""
        files, self._files = self._files, []
        for file in files:
            os.close(file)

    def take_free(self) -> bool:
        """Return whether the turn is ours without waiting, or no queue can be kept."""
        following, turn = self._files
        try:
            if not (_taken(following) and _taken(turn)):
                return False
            fcntl.flock(following, fcntl.LOCK_UN)
        except OSError:
            pass  # a file system that knows no such locks
        return True

    def wait(self, patience_s: float) -> float:
        """Wait for the turn, and return how many seconds of the patience are left (0: it did not come)."""
        until = monotonic() + patience_s
        with self._mutex:
            self._asking, self._left, self._granted = True, False, threading.Lock()
            self._granted.acquire()
            if self._thread is None:
                self._thread = threading.Thread(target=self._stand, daemon=True, name="guatu-turn")
                self._thread.start()
            else:
                self._asked.release()
        self._granted.acquire(timeout=patience_s)
        return max(0.0, until - monotonic())

    def leave(self) -> None:
        """Give up the turn, or the waiting for it."""
        if not self.is_open:
            return
        with self._mutex:
            self._left = True
            if not self._asking:
                self._let_go()

    def _stand(self) -> None:
        """Queue for the writer, again and again, until nobody has asked for a while."""
        while True:
            with suppress(OSError):
                self._queue()
            with self._mutex:
                self._asking = False
                self._granted.release()
                if self._left:
                    self._let_go()
            if not self._asked.acquire(timeout=LINGER_S) and self._is_over():
                return

    def _queue(self) -> None:
        for file in self._files:
            fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.flock(self._files[0], fcntl.LOCK_UN)

    def _is_over(self) -> bool:
        with self._mutex:
            if self._asked.acquire(blocking=False):
                return False
            self._thread = None
            return True

    def _let_go(self) -> None:
        for file in self._files:
            # A process forked meanwhile may have the file too: closing it alone would not let go.
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_UN)
        self._free.append(self)


def _taken(file: int) -> bool:
    """Take a lock, and return whether it was free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


_places: WeakSet[_Place] = WeakSet()


def _forget_places() -> None:
    """Close, in a process that was forked off, the places of its parent: dead, that must hold nothing."""
    for place in list(_places):
        place.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_places)
