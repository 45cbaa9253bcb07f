"""Work shared out to the cores we may use: for loops that release the interpreter's lock."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

Result = TypeVar("Result")


def share_out(work: Callable[[int, int], Result], count: int, size: int) -> list[Result]:
    """Return what work(begin, end) returns for parts of so many of a count, in their order.

    Args:
        work: done on as many threads as there are cores for us.
        count: how much there is to do.
        size: how much a thread takes at a time.

    >>> share_out(lambda begin, end: (begin, end), 5, 2)
    [(0, 2), (2, 4), (4, 5)]
    """
    cuts = list(pairwise([*range(0, count, size), count]))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if min(cores, len(cuts)) < 2:
        return [work(*cut) for cut in cuts]
    with ThreadPoolExecutor(min(cores, len(cuts))) as pool:
        return list(pool.map(lambda cut: work(*cut), cuts))
