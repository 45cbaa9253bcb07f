"""Answers that follow from some layers alone, kept in the process until one of these layers changes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from layers.store import Store

Answer = TypeVar("Answer")


class Kept(Generic[Answer]):
    """Up to so many answers, of all stores of the process, the least lately asked for given up first.

    An answer is known by the store's address, its state (its word and the revisions of the layers it
    rests on, which never come twice, see ``layers/epoch.py``, and its reference date), and by what was
    asked. It must follow from these alone: who asks, or another day, belongs to what is asked.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[tuple, Answer] = OrderedDict()
        self._making: dict[tuple, Lock] = {}
        self._lock = Lock()

    def of(
        self, store: Store, layers: tuple[str, ...], asked: Hashable, make: Callable[[], Answer]
    ) -> Answer:
        """Return the answer, made where it is not there yet; ``store`` must be a ``still`` one.

        Who asks while it is made waits for it.
        """
        key = _key(store, layers, asked)
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
            making = self._making.setdefault(key, Lock())
        with making:
            try:
                return self._made(key, make)
            finally:
                with self._lock:
                    self._making.pop(key, None)

    def known(self, store: Store, layers: tuple[str, ...], asked: Hashable) -> Answer | None:
        """Return the answer, None where it is not there; ``store`` must be a ``still`` one."""
        with self._lock:
            return self._answers.get(_key(store, layers, asked))

    def _made(self, key: tuple, make: Callable[[], Answer]) -> Answer:
        """Return the answer that somebody else has made meanwhile, else make it."""
        with self._lock:
            if key in self._answers:
                return self._answers[key]
        made = make()
        with self._lock:
            self._answers[key] = made
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return made


def _key(store: Store, layers: tuple[str, ...], asked: Hashable) -> tuple:
    return store.engine.url, store.state().of(layers), layers, asked
