"""The compiled loops that find, once for all zooms, at which of them a vertex of an outline matters.

By the rule of Douglas and Peucker: of a way between two vertices that are kept, the vertex farthest
from the straight line matters as much as it is far, and no more than what was found before it. Ways
begin and end where the neighbours of a vertex are not the same in all outlines that pass it, so
that neighbours who share a border keep the same vertices of it, whichever way they go along it.
"""

import numpy as np

from geo.kernels import compiled

ALWAYS = 255
#: A vertex matters where it is at least this many units of a tile from the line.
TOLERANCE = 1.0


@compiled
def mark_corners(xy, rings, closed, order, rank):
    """Give the rank ALWAYS to vertices that outlines come to by different ways, and to ends of lines.

    Args:
        xy: of a ShapeSet.
        rings: of a ShapeSet.
        closed: of each ring or line whether it is a ring.
        order: the vertices, those of one place one after the other.
        rank: written.
    """
    count = len(xy)
    before, after = np.empty(count, np.int32), np.empty(count, np.int32)
    for r in range(len(rings) - 1):
        begin, end = rings[r], rings[r + 1]
        for i in range(begin, end):
            before[i], after[i] = i - 1, i + 1
        if begin < end:
            before[begin], after[end - 1] = end - 1, begin
            if not closed[r]:
                rank[begin] = rank[end - 1] = ALWAYS
    first = 0
    while first < count:
        a = order[first]
        last, differ = first + 1, rank[a] == ALWAYS
        while last < count and xy[order[last], 0] == xy[a, 0] and xy[order[last], 1] == xy[a, 1]:
            b = order[last]
            same = _same(xy, before[a], before[b]) and _same(xy, after[a], after[b])
            turned = _same(xy, before[a], after[b]) and _same(xy, after[a], before[b])
            if rank[b] == ALWAYS or not (same or turned):
                differ = True
            last += 1
        if differ:
            for k in range(first, last):
                rank[order[k]] = ALWAYS
        first = last


@compiled
def _same(xy, i, j):
    return xy[i, 0] == xy[j, 0] and xy[i, 1] == xy[j, 1]


@compiled
def _less(xy, i, j):
    return xy[i, 0] < xy[j, 0] or (xy[i, 0] == xy[j, 0] and xy[i, 1] < xy[j, 1])


@compiled
def _farthest(xy, begin, size, i, j):
    """Return the vertex farthest from the line between two others of a ring, and its distance squared."""
    a, b = begin + i % size, begin + j % size
    if _less(xy, b, a):  # the same whichever way the ring goes
        a, b = b, a
    ax, ay = float(xy[a, 0]), float(xy[a, 1])
    dx, dy = float(xy[b, 0]) - ax, float(xy[b, 1]) - ay
    long = dx * dx + dy * dy
    found, most = -1, -1.0
    for k in range(i + 1, j):
        v = begin + k % size
        px, py = float(xy[v, 0]) - ax, float(xy[v, 1]) - ay
        along = px * dx + py * dy
        if long == 0 or along <= 0:
            away = px * px + py * py
        elif along >= long:
            away = (px - dx) * (px - dx) + (py - dy) * (py - dy)
        else:
            cross = px * dy - py * dx
            away = cross * cross / long
        if away > most or (away == most and _less(xy, v, begin + found % size)):
            found, most = k, away
    return found, most


@compiled
def _rank_of(squared):
    """Return the least shift at which a distance is below the tolerance."""
    rank, least = 0, TOLERANCE * TOLERANCE
    while rank < 40 and squared >= least:
        rank += 1
        least *= 4
    return rank


@compiled
def rank_vertices(xy, rings, closed, rank):
    """Find the ranks of all vertices: one matters where the shift to a tile's units is below it.

    Args:
        xy: of a ShapeSet.
        rings: of a ShapeSet.
        closed: of each ring or line whether it is a ring.
        rank: ALWAYS for corners, else 0; written.
    """
    most = 0
    for r in range(len(rings) - 1):
        most = max(most, rings[r + 1] - rings[r])
    waiting = np.empty((most + 2, 3), np.int64)
    for r in range(len(rings) - 1):
        begin, size = rings[r], rings[r + 1] - rings[r]
        first, least = -1, 0
        for k in range(size):
            if first < 0 and rank[begin + k] == ALWAYS:
                first = k
            if _less(xy, begin + k, begin + least):
                least = k
        if first < 0:
            first = least
            rank[begin + first] = ALWAYS
        i = first
        for k in range(first + 1, first + size + 1 if closed[r] else size):
            if rank[begin + k % size] != ALWAYS:
                continue
            waiting[0, 0], waiting[0, 1], waiting[0, 2] = i, k, ALWAYS
            left = 1
            while left:
                left -= 1
                a, b, limit = waiting[left]
                if b - a < 2:
                    continue
                middle, away = _farthest(xy, begin, size, a, b)
                limit = min(limit, _rank_of(away))
                rank[begin + middle % size] = limit
                waiting[left, 0], waiting[left, 1], waiting[left, 2] = a, middle, limit
                waiting[left + 1, 0], waiting[left + 1, 1], waiting[left + 1, 2] = middle, b, limit
                left += 2
            i = k
