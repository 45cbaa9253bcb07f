"""The compiled loops that make outlines valid which touch or cross themselves after rounding.

Edges are split wherever they touch or cross, a crossing at the unit next to it, until none is left
(snap rounding, in rounds). What is gone along there and back bounds nothing and is left out. Then
areas are walked round one by one: where ways part, the one is taken that turns most to the inside.
"""

import numpy as np

from geo.kernels import compiled

_ROUNDS = 8
_FEW = 12  # so many places are compared with all vertices, one by one


@compiled
def next_of(loops, count):
    """Return of every vertex the one that follows it round its loop.

    Args:
        loops: where loops end.
        count: how many they are.
    """
    following = np.empty(loops[count - 1], np.int64)
    begin = 0
    for loop in range(count):
        for i in range(begin, loops[loop] - 1):
            following[i] = i + 1
        following[loops[loop] - 1] = begin
        begin = loops[loop]
    return following


@compiled
def sorted_edges(x, y, following, count):
    """Return edges in the order of stripes by their west ends, and beside them what they reach.

    Args:
        x: the vertices edges begin with.
        y: beside them.
        following: of each the one that the edge ends with.
        count: how many there are.

    Returns:
        The edges, and in rows of each its first and last stripe, its least and its greatest y.
    """
    west, east = x[0], x[0]
    for i in range(count):
        west, east = min(west, x[i]), max(east, x[i])
    level = 0  # the logarithm of a stripe's width
    while (east - west) >> level >= 2 * count:
        level += 1
    stripes = ((east - west) >> level) + 1
    starts = np.zeros(stripes + 1, np.int64)
    for i in range(count):
        starts[((min(x[i], x[following[i]]) - west) >> level) + 1] += 1
    for s in range(stripes):
        starts[s + 1] += starts[s]
    order, reach = np.empty(count, np.int64), np.empty((4, count), np.int64)
    for i in range(count):
        j = following[i]
        first = (min(x[i], x[j]) - west) >> level
        p = starts[first]
        starts[first] += 1
        order[p], reach[0, p], reach[1, p] = i, first, (max(x[i], x[j]) - west) >> level
        reach[2, p], reach[3, p] = min(y[i], y[j]), max(y[i], y[j])
    return order, reach


@compiled
def folds(x, y, following, count):
    """Return of every edge whether the next one goes back along it."""
    found = np.empty(count, np.bool_)
    for a in range(count):
        b = following[a]
        c = following[b]
        found[a] = turns_back(x, y, a, b, c)
    return found


@compiled
def turns_back(x, y, a, b, c):
    """Return whether the way from a to b goes back along itself to c."""
    px, py, qx, qy = x[b] - x[a], y[b] - y[a], x[c] - x[b], y[c] - y[b]
    return px * qy == py * qx and px * qx + py * qy < 0


@compiled
def _side(ax, ay, bx, by, px, py):
    """Return on which side of the way from a to b a place lies: above, below or at 0."""
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


@compiled
def _within(ax, ay, bx, by, px, py):
    """Return whether a place on the line through a and b lies between them and is neither."""
    along = (px - ax) * (bx - ax) + (py - ay) * (by - ay)
    return 0 < along < (bx - ax) * (bx - ax) + (by - ay) * (by - ay)


@compiled
def _splits(x, y, i, k, j, m, places):
    """Find where two edges whose boxes meet are to be split.

    Args:
        x: vertices.
        y: beside them.
        i: the first end of one edge.
        k: its other end.
        j: the first end of the other edge.
        m: its other end.
        places: written, in rows: 0 for the one edge or 1 for the other, and the place.

    Returns:
        How many places they are.
    """
    ax, ay, bx, by, cx, cy, dx, dy = x[i], y[i], x[k], y[k], x[j], y[j], x[m], y[m]
    c, d = _side(ax, ay, bx, by, cx, cy), _side(ax, ay, bx, by, dx, dy)
    if (c > 0 and d > 0) or (c < 0 and d < 0):
        return 0
    a, b = _side(cx, cy, dx, dy, ax, ay), _side(cx, cy, dx, dy, bx, by)
    if (a > 0 and b > 0) or (a < 0 and b < 0):
        return 0
    count = 0
    if c == 0 and _within(ax, ay, bx, by, cx, cy):
        places[count, 0], places[count, 1], places[count, 2] = 0, cx, cy
        count += 1
    if d == 0 and _within(ax, ay, bx, by, dx, dy):
        places[count, 0], places[count, 1], places[count, 2] = 0, dx, dy
        count += 1
    if a == 0 and _within(cx, cy, dx, dy, ax, ay):
        places[count, 0], places[count, 1], places[count, 2] = 1, ax, ay
        count += 1
    if b == 0 and _within(cx, cy, dx, dy, bx, by):
        places[count, 0], places[count, 1], places[count, 2] = 1, bx, by
        count += 1
    if a != 0 and b != 0 and c != 0 and d != 0:
        part = a / (a - b)
        px, py = int(np.floor(ax + part * (bx - ax) + 0.5)), int(np.floor(ay + part * (by - ay) + 0.5))
        if not ((px == ax and py == ay) or (px == bx and py == by)):
            places[count, 0], places[count, 1], places[count, 2] = 0, px, py
            count += 1
        if not ((px == cx and py == cy) or (px == dx and py == dy)):
            places[count, 0], places[count, 1], places[count, 2] = 1, px, py
            count += 1
    return count


@compiled
def _all_splits(x, y, following, total, found):
    """Find all places where edges are to be split; return how many, or -1 when there is no room for them."""
    order, reach = sorted_edges(x, y, following, total)
    fold = folds(x, y, following, total)
    places = np.empty((6, 3), np.int64)
    count = 0
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
            if (k == j and not fold[i]) or (m == i and not fold[j]):
                continue
            if max(x[j], x[m]) < west or min(x[j], x[m]) > east:
                continue
            many = _splits(x, y, i, k, j, m, places)
            if count + many > len(found):
                return -1
            for s in range(many):
                found[count, 0] = j if places[s, 0] else i
                found[count, 1], found[count, 2] = places[s, 1], places[s, 2]
                count += 1
    return count


@compiled
def _later_splits(x, y, following, total, before, found):
    """Find as ``_all_splits`` does where edges are to be split that were split before, or meet such.

    Args:
        x: vertices.
        y: beside them.
        following: of each the next one.
        total: how many there are.
        before: where edges were split, as it was found.
        found: written.
    """
    fresh, count = np.zeros(total, np.bool_), 0
    for i in range(total):
        for s in range(len(before)):
            if x[i] == before[s, 1] and y[i] == before[s, 2]:
                fresh[i] = True
    places = np.empty((6, 3), np.int64)
    for i in range(total):
        k = following[i]
        if not (fresh[i] or fresh[k]):
            continue
        west, east, top, bottom = min(x[i], x[k]), max(x[i], x[k]), min(y[i], y[k]), max(y[i], y[k])
        for j in range(total):
            m = following[j]
            if (
                j == i
                or max(x[j], x[m]) < west
                or min(x[j], x[m]) > east
                or max(y[j], y[m]) < top
                or min(y[j], y[m]) > bottom
                or (j < i and (fresh[j] or fresh[m]))
                or (k == j and not turns_back(x, y, i, k, m))
                or (m == i and not turns_back(x, y, j, i, k))
            ):
                continue
            there = _splits(x, y, i, k, j, m, places)
            if count + there > len(found):
                return -1
            for s in range(there):
                found[count, 0] = j if places[s, 0] else i
                found[count, 1], found[count, 2] = places[s, 1], places[s, 2]
                count += 1
    return count


@compiled
def _split(x, y, following, loops, count, found, splits):
    """Return vertices with those found put in, and where loops end now."""
    total = loops[count - 1]
    starts = np.zeros(total + 2, np.int64)
    for s in range(splits):
        starts[found[s, 0] + 2] += 1
    for i in range(total + 1):
        starts[i + 1] += starts[i]
    mine = np.empty(splits, np.int64)
    for s in range(splits):
        edge = found[s, 0] + 1
        mine[starts[edge]] = s
        starts[edge] += 1
    nx, ny = np.empty(total + splits, np.int64), np.empty(total + splits, np.int64)
    ends = np.empty(count, np.int64)
    place = begin = 0
    for loop in range(count):
        for i in range(begin, loops[loop]):
            nx[place], ny[place] = x[i], y[i]
            place += 1
            dx, dy = x[following[i]] - x[i], y[following[i]] - y[i]
            head = place
            for s in range(starts[i], starts[i + 1]):
                px, py = found[mine[s], 1], found[mine[s], 2]
                along = (px - x[i]) * dx + (py - y[i]) * dy
                at = place
                while at > head and (nx[at - 1] - x[i]) * dx + (ny[at - 1] - y[i]) * dy > along:
                    nx[at], ny[at] = nx[at - 1], ny[at - 1]
                    at -= 1
                nx[at], ny[at] = px, py
                place += 1
        ends[loop] = place
        begin = loops[loop]
    return nx, ny, ends


@compiled
def _without_repeats(x, y, loops, count):
    """Take out vertices that repeat the one before; return how many loops of three or more are left."""
    place = begin = kept = 0
    for loop in range(count):
        head = place
        for i in range(begin, loops[loop]):
            if place == head or x[place - 1] != x[i] or y[place - 1] != y[i]:
                x[place], y[place] = x[i], y[i]
                place += 1
        while place > head + 1 and x[place - 1] == x[head] and y[place - 1] == y[head]:
            place -= 1
        begin = loops[loop]
        if place - head < 3:
            place = head
        else:
            loops[kept] = place
            kept += 1
    return kept


@compiled
def _groups(x, y, total):
    """Return vertices place by place, where each place's begin among them, and the place of each."""
    room = 16
    while room < 2 * total:
        room *= 2
    slots, where = np.full(room, -1, np.int64), np.empty(total, np.int64)  # a slot holds a vertex
    starts = np.zeros(total + 2, np.int64)
    groups = 0
    for i in range(total):
        slot = (x[i] * 7919 + y[i]) & (room - 1)
        while slots[slot] >= 0 and (x[slots[slot]] != x[i] or y[slots[slot]] != y[i]):
            slot = (slot + 1) & (room - 1)
        if slots[slot] < 0:
            slots[slot] = i
            where[i] = groups
            groups += 1
        else:
            where[i] = where[slots[slot]]
        starts[where[i] + 2] += 1
    for group in range(groups):
        starts[group + 2] += starts[group + 1]
    order = np.empty(total, np.int64)
    for i in range(total):
        order[starts[where[i] + 1]] = i
        starts[where[i] + 1] += 1
    return order, starts, where


@compiled
def _cancel(following, order, starts, where, total, gone):
    """Mark the edges that are gone along there and back; return how many places there are."""
    for e in range(total):
        if gone[e]:
            continue
        u, v = where[e], where[following[e]]
        for k in range(starts[v], starts[v + 1]):
            f = order[k]
            if not gone[f] and f != e and where[following[f]] == u:
                gone[e] = gone[f] = True
                break
    return where.max() + 1


@compiled
def _more_inward(dx, dy, px, py, qx, qy):
    """Return whether, coming by d, the way p turns more to the inside than the way q."""
    p, q = dx * py - dy * px, dx * qy - dy * qx
    side, other = 0 if p == 0 else 1 if p > 0 else -1, 0 if q == 0 else 1 if q > 0 else -1
    if side != other:
        return side > other
    return qx * py - qy * px > 0


@compiled
def _earlier(px, py, qx, qy):
    """Return whether a direction comes before another one, turning from the east by the south."""
    upper, other = py < 0 or (py == 0 and px < 0), qy < 0 or (qy == 0 and qx < 0)
    if upper != other:
        return other
    return px * qy - py * qx > 0


@compiled
def _in_turn(x, y, following, order, starts, gone, groups):
    """Return whether round every place edges come and go in turn: else areas lie over one another."""
    total = len(gone)
    before = np.empty(total, np.int64)
    for i in range(total):
        before[following[i]] = i
    ways = np.empty((2 * total, 3), np.int64)
    for v in range(groups):
        if starts[v + 1] - starts[v] < 2:
            continue
        count = 0
        for k in range(starts[v], starts[v + 1]):
            i = order[k]
            for e, other, out in ((i, following[i], 1), (before[i], before[i], 0)):
                if gone[e]:
                    continue
                dx, dy = x[other] - x[i], y[other] - y[i]
                at = count
                while at > 0 and _earlier(dx, dy, ways[at - 1, 0], ways[at - 1, 1]):
                    ways[at] = ways[at - 1]
                    at -= 1
                ways[at, 0], ways[at, 1], ways[at, 2] = dx, dy, out
                count += 1
        if count <= 2:
            continue
        for n in range(count):
            a, b = ways[n], ways[(n + 1) % count]
            if a[2] == b[2] or not (_earlier(a[0], a[1], b[0], b[1]) or n == count - 1):
                return False
    return True


@compiled
def _walk(x, y, following, order, starts, where, gone, start, walk):
    """Write the edges round one area, from one of them on; return how many, or -1 when they do not close."""
    count, e = 0, start
    while True:
        walk[count] = e
        count += 1
        head = following[e]
        v, best = where[head], -1
        dx, dy = x[head] - x[e], y[head] - y[e]
        for k in range(starts[v], starts[v + 1]):
            f = order[k]
            if gone[f] and f != start:
                continue
            g = following[f]
            if best < 0 or _more_inward(
                dx, dy, x[g] - x[f], y[g] - y[f], x[following[best]] - x[best], y[following[best]] - y[best]
            ):
                best = f
        if best < 0:
            return -1
        if best == start:
            return count
        gone[best] = True
        e = best


@compiled
def _put_loops(x, y, where, walk, size, seen, nx, ny, ends, count):
    """Write a walk as loops that come to no place twice; return how many loops there are now."""
    place = ends[count - 1] if count else 0
    stack = np.empty(size, np.int64)
    top = 0
    for n in range(size + 1):
        v = where[walk[n % size]]
        if seen[v] >= 0:
            for k in range(seen[v], top):
                nx[place], ny[place] = x[stack[k]], y[stack[k]]
                place += 1
                if k > seen[v]:
                    seen[where[stack[k]]] = -1
            ends[count] = place
            count += 1
            top = seen[v] + 1
        elif n < size:
            seen[v] = top
            stack[top] = walk[n]
            top += 1
    for k in range(top):
        seen[where[stack[k]]] = -1
    return count


@compiled
def noded(x, y, loops, count):
    """Return valid loops for loops that touch or cross: vertices, where loops end, and how many they are.

    The number is -1 when some still cross, or bound areas that lie over one another.

    Args:
        x: vertices of loops, one after the other.
        y: beside them.
        loops: where loops end.
        count: how many they are.
    """
    px, py, ends = x[: loops[count - 1]].copy(), y[: loops[count - 1]].copy(), loops[:count].copy()
    found = np.empty((4 * len(px) + 64, 3), np.int64)
    before, splits = found[:0], 0
    for _ in range(_ROUNDS):
        following, total = next_of(ends, count), ends[count - 1]
        if 0 < len(before) <= _FEW:
            splits = _later_splits(px, py, following, total, before, found)
        else:
            splits = _all_splits(px, py, following, total, found)
        if splits <= 0:
            break
        before = found[:splits].copy()
        px, py, ends = _split(px, py, following, ends, count, found, splits)
        count = _without_repeats(px, py, ends, count)
        if count == 0:
            return px, py, ends, 0
    if splits != 0:
        return px, py, ends, -1
    return _areas(px, py, ends, count)


@compiled
def _areas(x, y, loops, count):
    """Return the loops round areas, given loops that meet at vertices alone."""
    total = loops[count - 1]
    following = next_of(loops, count)
    order, starts, where = _groups(x, y, total)
    gone = np.zeros(total, np.bool_)
    groups = _cancel(following, order, starts, where, total, gone)
    nx, ny = np.empty(2 * total, np.int64), np.empty(2 * total, np.int64)
    ends, walk, seen = np.empty(total + 1, np.int64), np.empty(total + 1, np.int64), np.full(total, -1)
    if not _in_turn(x, y, following, order, starts, gone, groups):
        return nx, ny, ends, -1
    made = 0
    for e in range(total):
        if gone[e]:
            continue
        gone[e] = True
        size = _walk(x, y, following, order, starts, where, gone, e, walk)
        if size < 0:
            return nx, ny, ends, -1
        made = _put_loops(x, y, where, walk, size, seen, nx, ny, ends, made)
    return nx, ny, ends, made
