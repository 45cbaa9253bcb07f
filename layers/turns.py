"""The queue of those who write to one file: in turn, in every process of the machine.

SQLite has a writer that finds the file taken sleep and ask again, so that under load some wait
long while others pass. Here each process waits in the kernel's own queue for a lock on a file beside
the store, and its writers wait for it in their order; whoever is killed leaves the queue by that. Who
is the next of all looks for the turn himself, again and again: to be woken takes as long as half an
edit. A turn is one write where another process waits. To hold it for many was tried: a tenth was gained
where nobody read, but beside readers and loads the slowest hundredth waited nine times as long. The
locks only order the writers: what keeps two of them apart is SQLite's own lock, and where no queue can
be kept SQLite's waiting does.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from weakref import WeakSet

try:
    import fcntl
except ImportError:  # not on this system: SQLite's own waiting serves
    fcntl = None

#: What the names of the lock files add to the store's.
BESIDE = ("-next", "-turn")
#: So long a process's thread stays when nobody asks: to start one costs as much as half an edit.
LINGER_S = 2.0
#: So long, a third of an edit, the next one looks for the turn without a rest; then he rests for a
#: sixteenth of the time he has waited, but never longer than LONGEST_REST_S. Restless for ten times as long
#: he keeps a processor from those who edit.
RESTLESS_S = 0.0001
LONGEST_REST_S = 0.002


class _Place:
    """Where a writer of this process waits until called: to write, or to look for the turn as the next."""

    def __init__(self) -> None:
        self.called = threading.Lock()
        self.called.acquire()
        self.has_turn = False


class Turns:
    """A process's place in the queue before one store; the two lock files lie beside it and hold nothing.

    Who holds ``-next`` is the next process to write, and looks for ``-turn``. With one lock alone a
    process that lets go and asks again at once would pass those whom the kernel is only just waking.

    The kernel's queue knows no patience: a thread waits in it for ``-next``, and where it comes to it
    when nobody wants to write any more it gives it up.
    """

    def __init__(self, store: Path) -> None:
        self._paths = [store.with_name(store.name + end) for end in BESIDE]
        self._files: list[int] = []
        self._begin()
        _every.add(self)

    def _begin(self) -> None:
        self._mutex, self._wanted = threading.Lock(), threading.Lock()
        self._wanted.acquire()
        self._is_wanted = False
        self._thread: threading.Thread | None = None
        self._waiting: deque[_Place] = deque()
        # One of ours was called, and writes or looks for the turn; the thread waits in the kernel's queue.
        self._writing = self._asking = False

    def __del__(self) -> None:
        self._close_files()

    @property
    def waiting(self) -> int:
        """How many writers of this process wait for their turn."""
        return len(self._waiting)

    def close(self) -> None:
        """Close the files, unless somebody writes or waits."""
        with self._mutex:
            if not (self._writing or self._asking):
                self._close_files()

    def forget(self) -> None:
        """Begin anew in a process that was forked off: what is held stays with its parent."""
        self._close_files()
        self._begin()

    @contextmanager
    def taken(self, patience_s: float) -> Iterator[float]:
        """Wait for this writer's turn, hold it, and give how many seconds of the patience are left.

        Nothing is raised where the turn did not come in time (then 0 seconds are left) or no queue
        can be kept: a writer that was stopped in the queue must not shut the others out of a store
        that is free.
        """
        until = monotonic() + patience_s
        came = self._came(self._enter(), until)
        try:
            yield max(0.0, until - monotonic()) if came else 0.0
        finally:
            if came:
                self._leave()

    def _enter(self) -> _Place | None:
        """Become the next one, where nobody is (None), or take a place to wait at."""
        with self._mutex:
            if not (self._writing or self._waiting or self._asking) and self._is_next():
                self._writing = True
                return None
            place = _Place()
            self._waiting.append(place)
            if not (self._writing or self._asking):
                self._ask()
            return place

    def _came(self, place: _Place | None, until: float) -> bool:
        """Wait at a place, and for the turn; return whether it came in time."""
        if place is not None:
            called = place.called.acquire(timeout=max(0.0, until - monotonic()))
            if not called and self._withdrawn(place):
                return False
        came = place is not None and place.has_turn
        try:
            came = came or self._found(until)
        finally:
            if not came:
                with self._mutex:
                    self._let_go_or_ask()
        return came

    def _withdrawn(self, place: _Place) -> bool:
        """Leave a place, and return whether he who stood there had not been called meanwhile."""
        with self._mutex, suppress(ValueError):
            self._waiting.remove(place)
            return True
        return False

    def _found(self, until: float) -> bool:
        """Look for the turn, as the next one; return whether it was free in time, or no queue can be kept."""
        if fcntl is None:
            return True
        began = monotonic()
        with suppress(OSError):  # a file system without locks, or one that cannot be written
            self._open_files()
            while not _taken(self._files[1]):
                now = monotonic()
                if now > until:
                    return False
                waited_s = now - began
                sleep(min(waited_s / 16, LONGEST_REST_S) if waited_s > RESTLESS_S else 0)
            self._unlock(self._files[:1])
        return True

    def _leave(self) -> None:
        """Let the next one write: of another process that waits, else of ours."""
        with self._mutex:
            if self._waiting and not self._is_awaited():
                self._call(has_turn=True)
                return
            self._let_go_or_ask()

    def _let_go_or_ask(self) -> None:
        self._writing = False
        self._let_go()
        if self._waiting:
            self._ask()

    def _call(self, *, has_turn: bool) -> None:
        self._writing = True
        place = self._waiting.popleft()
        place.has_turn = has_turn
        place.called.release()

    def _is_awaited(self) -> bool:
        """Return whether another process waits for the turn."""
        with suppress(OSError):
            if self._files and not _taken(self._files[0]):
                return True
            self._unlock(self._files[:1])
        return False

    def _is_next(self) -> bool:
        """Return whether no other process waits, or no queue can be kept: nobody is before this one then."""
        with suppress(OSError):
            if fcntl is not None:
                self._open_files()
                return _taken(self._files[0])
        return True

    def _let_go(self) -> None:
        # A process forked meanwhile may have the files too: closing them alone would not let go.
        self._unlock(self._files)

    def _unlock(self, files: list[int]) -> None:
        try:
            for file in files:
                fcntl.flock(file, fcntl.LOCK_UN)
        except OSError:
            pass  # a file system that knows no such locks

    def _open_files(self) -> None:
        while len(self._files) < len(self._paths):
            self._files.append(_opened(self._paths[len(self._files)]))

    def _close_files(self) -> None:
        files, self._files = self._files, []
        for file in files:
            os.close(file)

    # The thread.

    def _ask(self) -> None:
        """Have the thread queue before the turn."""
        self._asking = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._stand, daemon=True, name="guatu-turn")
            self._thread.start()
        elif not self._is_wanted:
            self._is_wanted = True
            self._wanted.release()

    def _stand(self) -> None:
        """Queue for the writers until nobody has asked for a while."""
        while True:
            if self._asking:
                self._queue()
            called = self._wanted.acquire(timeout=LINGER_S)
            with self._mutex:
                self._is_wanted &= not called
            if not called and self._is_over():
                return

    def _queue(self) -> None:
        with suppress(OSError):
            self._open_files()
            fcntl.flock(self._files[0], fcntl.LOCK_EX)
        with self._mutex:
            self._asking = False
            if self._waiting:
                self._call(has_turn=False)
            else:
                self._let_go()

    def _is_over(self) -> bool:
        with self._mutex:
            if self._asking or self._is_wanted:
                return False
            self._thread = None
            return True


def _taken(file: int) -> bool:
    """Take a lock, and return whether it was free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


_every: WeakSet[Turns] = WeakSet()


def _forget_all() -> None:
    """Forget, in a process that was forked off, the turns of its parent: dead, that must hold nothing."""
    for turns in list(_every):
        turns.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
