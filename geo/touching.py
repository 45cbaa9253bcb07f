"""The compiled loops that tell whether outlines touch or cross themselves or one another.

All edges are compared in stripes. Where an outline is known to touch itself nowhere, as rounding to
units left it, only the edges that end on the window's edge are compared: cutting moved their ends.
"""

import numpy as np

from geo.kernels import compiled
from geo.noding import folds, next_of, sorted_edges, turns_back

#: The sha256 of geo/noding.py, whose loops are compiled into these: the copies on disk are made anew
#: when this file is another one.
HELD = "307bfae0bfb68734275ab2fb5675d560bb85e9156d2875126a63965a88657db1"
_FEW_CUT = 24  # so many edges are compared with all others, one by one


@compiled
def _meet(ax, ay, bx, by, cx, cy, dx, dy):
    """Return whether two edges whose boxes meet have a place in common."""
    one = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    other = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
    if (one > 0 and other > 0) or (one < 0 and other < 0):
        return False
    one = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
    other = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
    return not ((one > 0 and other > 0) or (one < 0 and other < 0))


@compiled
def touching(x, y, loops, count):
    """Return whether loops touch or cross themselves or one another.

    Args:
        x: vertices of loops, one after the other.
        y: beside them.
        loops: where loops end.
        count: how many they are.
    """
    total = loops[count - 1]
    following = next_of(loops, count)
    if folds(x, y, following, total).any():
        return True
    order, reach = sorted_edges(x, y, following, total)
    for p in range(total):
        i, last, top, bottom = order[p], reach[1, p], reach[2, p], reach[3, p]
        k = following[i]
        west, east = min(x[i], x[k]), max(x[i], x[k])
        for q in range(p + 1, total):
            if reach[0, q] > last:
                break
            if reach[2, q] > bottom or reach[3, q] < top:
                continue
            j = order[q]
            m = following[j]
            if k == j or m == i:
                continue
            if max(x[j], x[m]) < west or min(x[j], x[m]) > east:
                continue
            if _meet(x[i], y[i], x[k], y[k], x[j], y[j], x[m], y[m]):
                return True
    return False


@compiled
def _meets_another(x, y, loops, count, i, k):
    """Return whether the edge from i to k touches or crosses another one, or goes back along it."""
    west, east = min(x[i], x[k]), max(x[i], x[k])
    top, bottom = min(y[i], y[k]), max(y[i], y[k])
    begin = 0
    for loop in range(count):
        j = loops[loop] - 1
        for m in range(begin, loops[loop]):
            if k == j or m == i:  # neighbours
                if turns_back(x, y, i, k, m) if k == j else turns_back(x, y, j, i, k):
                    return True
            elif (
                j != i
                and max(x[j], x[m]) >= west
                and min(x[j], x[m]) <= east
                and max(y[j], y[m]) >= top
                and min(y[j], y[m]) <= bottom
                and _meet(x[i], y[i], x[k], y[k], x[j], y[j], x[m], y[m])
            ):
                return True
            j = m
        begin = loops[loop]
    return False


@compiled
def touching_at_edge(x, y, loops, count, low, high):
    """Return as ``touching`` does, of loops that touch nowhere but where the window has cut them."""
    cut = np.empty((_FEW_CUT, 2), np.int64)
    many = begin = 0
    for loop in range(count):
        i = loops[loop] - 1
        for k in range(begin, loops[loop]):
            if (
                x[i] == low
                or x[k] == low
                or y[i] == low
                or y[k] == low
                or x[i] == high
                or x[k] == high
                or y[i] == high
                or y[k] == high
            ):
                if many == _FEW_CUT:
                    return touching(x, y, loops, count)
                cut[many, 0], cut[many, 1] = i, k
                many += 1
            i = k
        begin = loops[loop]
    found = False
    for n in range(many):
        found = found or _meets_another(x, y, loops, count, cut[n, 0], cut[n, 1])
    return found
