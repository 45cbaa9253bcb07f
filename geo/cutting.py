"""The compiled loops that cut a window out of lines and polygons, in whole numbers.

Vertices are rounded to the tile's units first, for that is the same in every tile; then the window
is cut out. Its edges lie half a unit beyond the outermost units that are drawn, so that no vertex
lies on them: what crosses an edge does so between two vertices, and is drawn to the outermost unit.

A polygon's rings are walked with the inside on one side, shells and holes alike. A way within the
window from where it is entered to where it is left is a *run*. From the end of each run the window's
edge is followed, with the inside on the same side, to the start of the next: so runs join to loops,
each the outline of a piece, and pieces never hang together along the edge of the window.

Rounding may turn a sliver over where it crosses the window's edge, and beyond the window nothing of
it is seen. Its run would be joined the wrong way round and hold all but the sliver; that is told by
a corner of the window, which loops must hold where the rings do, and nowhere else.
"""

import numpy as np

from geo.kernels import compiled
from geo.tilekernels import SPAN, in_units

#: The sha256 of geo/tilekernels.py, whose loops are compiled into these: the copies on disk are made
#: anew when this file is another one.
HELD = "fe52e72bf6f67c07cba6282d05b54a38faa266e96ddd2b42dca036cbf268c911"


@compiled
def gather(xy, rank, begin, end, detail, shift, west, north, x, y):
    """Write the vertices of a ring or line that matter, in units of a tile; return how many they are.

    Args:
        xy: of a ShapeSet.
        rank: of a ShapeSet: a vertex matters where the detail is below it.
        begin: the first vertex.
        end: the one after the last.
        detail: the shift to the units that are to be shown.
        shift: of the square's numbers to the tile's units.
        west: of the tile, in its units.
        north: of the tile.
        x: int64, written.
        y: beside it.
    """
    count = ax = ay = 0
    for i in range(begin, end):
        if detail >= rank[i]:
            continue
        bx, by = in_units(np.int64(xy[i, 0]), shift) - west, in_units(np.int64(xy[i, 1]), shift) - north
        if count == 0 or bx != ax or by != ay:
            x[count], y[count] = bx, by
            ax, ay = bx, by
            count += 1
    return count


@compiled
def gather_near(xy, rank, spans, begin, end, shift, west, north, low, high, x, y):
    """Write as ``gather`` does by which vertices a ring comes to the window; return how many they are.

    Of what lies beyond one of the window's sides only the first and the last vertex are written: what
    is between them goes round no part of the window.

    Args:
        xy: of a ShapeSet.
        rank: of a ShapeSet.
        spans: of a ShapeSet.
        begin: the first vertex.
        end: the one after the last.
        shift: of the square's numbers to the tile's units.
        west: of the tile, in its units.
        north: of the tile.
        low: the least unit drawn, in both directions.
        high: the greatest.
        x: int64, written.
        y: beside it.
    """
    count, i, sides = 0, begin, 0
    while i < end:
        after = i + 1
        if i % SPAN == 0 and i + SPAN <= end:
            beyond = _sides(spans[i // SPAN], shift, west, north, low, high)
            after = i + SPAN if beyond else after
        else:
            beyond = 0
        first, last = i, after - 1
        while first < after and rank[first] <= shift:
            first += 1
        if first < after:
            while rank[last] <= shift:
                last -= 1
            if sides & beyond:
                count -= 1  # the last one of those before
                sides &= beyond
            else:
                x[count] = in_units(np.int64(xy[first, 0]), shift) - west
                y[count] = in_units(np.int64(xy[first, 1]), shift) - north
                count += 1
                sides = beyond
            if beyond:
                x[count] = in_units(np.int64(xy[last, 0]), shift) - west
                y[count] = in_units(np.int64(xy[last, 1]), shift) - north
                count += 1
        i = after
    return count


@compiled
def _sides(box, shift, west, north, low, high):
    """Return beyond which sides of the window a box lies whole, as bits."""
    sides = 0
    if in_units(np.int64(box[0]), shift) - west > high:
        sides |= 1
    if in_units(np.int64(box[1]), shift) - north > high:
        sides |= 2
    if in_units(np.int64(box[2]), shift) - west < low:
        sides |= 4
    if in_units(np.int64(box[3]), shift) - north < low:
        sides |= 8
    return sides


@compiled
def tidy(x, y, begin, end, closed):
    """Take out vertices that repeat the one before or lie between their neighbours; return the new end.

    Args:
        x: vertices; those kept move together.
        y: beside them.
        begin: the first vertex.
        end: the one after the last.
        closed: whether the last one is followed by the first.
    """
    count, ax, ay, bx, by = begin, 0, 0, 0, 0
    for i in range(begin, end):  # a and b are the last two that are kept
        cx, cy = x[i], y[i]
        if count > begin and bx == cx and by == cy:
            continue
        px, py, qx, qy = bx - ax, by - ay, cx - bx, cy - by
        if count > begin + 1 and px * qy == py * qx and px * qx + py * qy >= 0:
            count -= 1
        else:
            ax, ay = bx, by
        x[count], y[count] = cx, cy
        bx, by = cx, cy
        count += 1
    if not closed:
        return count
    while count > begin + 1 and x[count - 1] == x[begin] and y[count - 1] == y[begin]:
        count -= 1
    while count > begin + 2 and _between(x, y, count - 2, count - 1, begin):
        count -= 1
    if count > begin + 2 and _between(x, y, count - 1, begin, begin + 1):
        for i in range(begin, count - 1):
            x[i], y[i] = x[i + 1], y[i + 1]
        count -= 1
    return count


@compiled
def _between(x, y, a, b, c):
    """Return whether b lies on the straight way from a to c."""
    px, py, qx, qy = x[b] - x[a], y[b] - y[a], x[c] - x[b], y[c] - y[b]
    return px * qy == py * qx and px * qx + py * qy >= 0


@compiled
def doubled_area(x, y, begin, end):
    """Return twice the area of a ring, positive when its inside lies as a shell's does."""
    if begin == end:
        return 0.0
    total = 0.0  # exact as long as a ring is less than 2**26 units wide
    px, py = float(x[end - 1] - x[begin]), float(y[end - 1] - y[begin])
    for i in range(begin, end):
        qx, qy = float(x[i] - x[begin]), float(y[i] - y[begin])
        total += px * qy - qx * py
        px, py = qx, qy
    return total


@compiled
def inside(x, y, begin, end, px, py):
    """Return whether a ring goes round a place that is not on it."""
    found = False
    j = end - 1
    for i in range(begin, end):
        if (y[i] <= py) != (y[j] <= py):
            side = float(x[j] - x[i]) * (py - y[i]) - float(px - x[i]) * (y[j] - y[i])
            if (side > 0) == (y[j] > y[i]):
                found = not found
        j = i
    return found


@compiled
def _pass(ax, ay, bx, by, low, high):
    """Return where on an edge, from 0 to 1, it comes into the window and leaves it, and by which sides."""
    enter, leave, entered, left = 0.0, 1.0, -1, -1
    dx, dy = float(bx - ax), float(by - ay)
    for side in range(4):
        if side == 0:
            speed, room = -dy, ay - (low - 0.5)
        elif side == 1:
            speed, room = dx, (high + 0.5) - ax
        elif side == 2:
            speed, room = dy, (high + 0.5) - ay
        else:
            speed, room = -dx, ax - (low - 0.5)
        if speed == 0:
            if room < 0:
                return 1.0, 0.0, -1, -1
        elif speed < 0:
            if room / speed > enter:
                enter, entered = room / speed, side
        elif room / speed < leave:
            leave, left = room / speed, side
    return enter, leave, entered, left


@compiled
def _on_side(ax, ay, bx, by, part, side, low, high):
    """Return a place on the window's edge: its unit, and how far round the edge it is."""
    size = float(high - low + 1)
    x, y = ax + part * (bx - ax), ay + part * (by - ay)
    px = min(max(int(np.floor(x + 0.5)), low), high)
    py = min(max(int(np.floor(y + 0.5)), low), high)
    if side == 0:
        return px, low, min(max(x - (low - 0.5), 0.0), size)
    if side == 1:
        return high, py, size + min(max(y - (low - 0.5), 0.0), size)
    if side == 2:
        return px, high, 2 * size + min(max((high + 0.5) - x, 0.0), size)
    return low, py, 3 * size + min(max((high + 0.5) - y, 0.0), size)


@compiled
def runs_of(x, y, count, closed, low, high, out, ends, around, runs, place):
    """Write the runs of a ring or line within the window; return the new numbers of runs and vertices.

    Args:
        x: vertices of the ring or line.
        y: beside them.
        count: how many they are.
        closed: whether it is a ring.
        low: the least unit drawn, in both directions.
        high: the greatest.
        out: two rows, written: the vertices of runs.
        ends: written: where runs end.
        around: two rows, written: how far round the window's edge runs start and end.
        runs: how many there are already.
        place: how many vertices there are already.
    """
    first = 0
    if closed:  # begin outside, so that no run is cut in two
        while first < count and low <= x[first] <= high and low <= y[first] <= high:
            first += 1
        if first == count:
            return runs, place
    was = low <= x[first] <= high and low <= y[first] <= high
    if was:
        out[0, place], out[1, place] = x[first], y[first]
        place += 1
    for step in range(count if closed else count - 1):
        i = (first + step) % count
        j = (first + step + 1) % count
        ax, ay, bx, by = x[i], y[i], x[j], y[j]
        now = low <= bx <= high and low <= by <= high
        if not (was and now):
            if not (was or now) and (
                (ax < low and bx < low)
                or (ax > high and bx > high)
                or (ay < low and by < low)
                or (ay > high and by > high)
            ):
                continue
            enter, leave, entered, left = _pass(ax, ay, bx, by, low, high)
            if not was and not now and not enter < leave:
                continue
            if not was:
                out[0, place], out[1, place], around[0, runs] = _on_side(
                    ax, ay, bx, by, enter, entered, low, high
                )
                place += 1
            if not now:
                out[0, place], out[1, place], around[1, runs] = _on_side(
                    ax, ay, bx, by, leave, left, low, high
                )
                place += 1
                ends[runs] = place
                runs += 1
        if now:
            out[0, place], out[1, place] = bx, by
            place += 1
        was = now
    if was:  # a line may end within
        ends[runs] = place
        runs += 1
    return runs, place


@compiled
def join(run_xy, run_ends, around, runs, corners, low, high, x, y, loops, count, place):
    """Join runs to loops; return the new number of loops and of vertices, or -1 when they do not fit.

    Args:
        run_xy: as runs_of writes it.
        run_ends: as runs_of writes it.
        around: as runs_of writes it.
        runs: how many they are.
        corners: how often the rings hold the place half a unit before ``low``, both ways: 1 or 0.
        low: the least unit drawn.
        high: the greatest.
        x: written: vertices of loops.
        y: beside it.
        loops: written: where loops end.
        count: how many loops there are already.
        place: how many vertices there are already.
    """
    size = float(high - low + 1)
    taken = np.zeros(runs, np.bool_)
    for start in range(runs):
        if taken[start]:
            continue
        run = start
        while True:
            taken[run] = True
            for i in range(run_ends[run - 1] if run else 0, run_ends[run]):
                x[place], y[place] = run_xy[0, i], run_xy[1, i]
                place += 1
            here, following, nearest = around[1, run], -1, 8 * size
            for other in range(runs):
                way = around[0, other] - here
                if way < 0:
                    way += 4 * size
                if way < nearest:
                    following, nearest = other, way
            corner = int(here / size) + 1  # the next one round the edge
            while corner * size < here + nearest:
                which = corner % 4
                x[place] = high if which == 1 or which == 2 else low
                y[place] = high if which >= 2 else low
                place += 1
                corner += 1
                corners -= which == 0
            if following == start:
                break
            if taken[following]:
                return -1, place
            run = following
        loops[count] = place
        count += 1
    return count if corners == 0 else -1, place
