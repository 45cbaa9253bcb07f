"""The compiled loops that make outlines of cut polygons, and find those that are not valid as they are.

Rounding may press an outline together until it touches itself. Such ones are told apart here.
"""

import numpy as np

from geo.cutting import doubled_area, gather, gather_near, inside, join, runs_of, tidy
from geo.kernels import compiled, inlined
from geo.noding import noded
from geo.tilekernels import SLACK, grown, in_units, put, zigzag
from geo.touching import touching, touching_at_edge

DRAWN, SMALL, DOUBTFUL = 0, 1, 2  # states of a shape
#: The sha256 of geo/tilekernels.py, geo/cutting.py, geo/noding.py and geo/touching.py, whose loops are
#: compiled into these: the copies on disk are made anew when this file is another one.
HELD = "2bdf388caa56cb13a821939a4884eadaf1b40fe393eca971738153842eb9734d"
_LINE = 2  # as vector tiles number kinds of geometry
#: What is smaller than this many units both ways is drawn as a square of this side.
LEAST = 8
_MOVE_TO, _CLOSE = 9, 15
_FINEST, _COARSEST = 4, 16  # shifts: those of zooms 16 and 4
_TRIES = 2  # what is in doubt may not be with fewer vertices: within two units, no more


@compiled
def _surrounded(x, y, loops, count, areas, shell):
    """Find the shell of each hole; return whether all loops lie as those of a valid polygon do.

    Args:
        x: vertices of loops that have at most vertices in common, one after the other.
        y: beside them.
        loops: where loops end.
        count: how many they are.
        areas: of each twice its area, negative for holes; 0, written, for one that lies wrong.
        shell: written: of a hole its shell, of a shell itself.
    """
    right = True
    for loop in range(count):
        at = loops[loop - 1] if loop else 0
        # The middle of an edge, for a vertex may lie on another loop.
        px, py = 0.5 * (x[at] + x[at + 1]), 0.5 * (y[at] + y[at + 1])
        shell[loop], around, least = loop, 0, 0.0
        for other in range(count):
            begin = loops[other - 1] if other else 0
            if other == loop or areas[other] == 0 or not inside(x, y, begin, loops[other], px, py):
                continue
            around += 1 if areas[other] > 0 else -1
            if areas[other] > 0 and areas[loop] < 0 and (least == 0 or areas[other] < least):
                shell[loop], least = other, areas[other]
        if areas[loop] != 0 and around != (1 if areas[loop] < 0 else 0):
            areas[loop] = 0.0
            right = False
    return right


@compiled
def _outline(shapes, begin, end, sure, detail, shift, west, north, low, high, x, y, loops, areas, spare):
    """Write the loops that a polygon makes in the window; ``sure`` says that no ring collapses.

    Returns:
        How many lie in it whole, tidy and with their areas, and how many they are with those that were
        cut; instead of that -1 when all shells have collapsed, -2 when runs do not join.
    """
    xy, rank, rings, hole, spans = shapes
    run_xy, run_ends, around = spare
    count = place = runs = run_place = covered = corners = 0
    collapsed = True
    for r in range(begin, end):
        gx, gy = x[place:], y[place:]
        if sure:
            n = gather_near(xy, rank, spans, rings[r], rings[r + 1], shift, west, north, low, high, gx, gy)
        else:
            n = gather(xy, rank, rings[r], rings[r + 1], detail, shift, west, north, gx, gy)
        n = tidy(gx, gy, 0, n, True)
        area = doubled_area(gx, gy, 0, n)
        if not sure and (n < 3 or area == 0 or (area < 0) != hole[r]):
            continue
        if not hole[r]:
            collapsed = False
        left, top, right, bottom = gx[0], gy[0], gx[0], gy[0]
        for i in range(1, n):
            left, right = min(left, gx[i]), max(right, gx[i])
            top, bottom = min(top, gy[i]), max(bottom, gy[i])
        if left > high or top > high or right < low or bottom < low:
            continue
        if left >= low and top >= low and right <= high and bottom <= high:
            place += n
            loops[count], areas[count] = place, area
            count += 1
            continue
        before = runs
        runs, run_place = runs_of(gx, gy, n, True, low, high, run_xy, run_ends, around, runs, run_place)
        if inside(gx, gy, 0, n, low - 0.5, low - 0.5):
            corners += -1 if hole[r] else 1
        middle = (low + high) // 2
        if runs == before and inside(gx, gy, 0, n, middle, middle):
            covered += -1 if hole[r] else 1
    whole = count
    if collapsed:
        return whole, -1
    if runs:
        count, place = join(run_xy, run_ends, around, runs, corners, low, high, x, y, loops, count, place)
        return whole, count if count >= 0 else -2
    if covered > 0:
        x[place], y[place], x[place + 1], y[place + 1] = low, low, high, low
        x[place + 2], y[place + 2], x[place + 3], y[place + 3] = high, high, low, high
        loops[count] = place + 4
        count += 1
    return whole, count


@compiled
def _tidied(x, y, loops, whole, count, areas):
    """Tidy loops behind the first ones and leave out those without an area; return how many are left."""
    begin = place = loops[whole - 1] if whole else 0
    kept = whole
    for loop in range(whole, count):
        end = tidy(x, y, begin, loops[loop], True)
        areas[kept] = doubled_area(x, y, begin, end)
        if end - begin >= 3 and areas[kept] != 0:
            for i in range(begin, end):
                x[place], y[place] = x[i], y[i]
                place += 1
            begin = loops[loop]
            loops[kept] = place
            kept += 1
        else:
            begin = loops[loop]
    return kept


@compiled
def put_way(out, place, x, y, begin, end, px, py, closed):
    """Write a ring or a line that follows on a place; return the place after it in ``out``."""
    out[place] = _MOVE_TO
    place = put(out, put(out, place + 1, zigzag(x[begin] - px)), zigzag(y[begin] - py))
    place = put(out, place, (end - begin - 1) << 3 | 2)
    for i in range(begin + 1, end):
        place = put(out, put(out, place, zigzag(x[i] - x[i - 1])), zigzag(y[i] - y[i - 1]))
    if closed:
        out[place] = _CLOSE
        place += 1
    return place


@compiled
def _put_polygon(out, place, x, y, loops, count, areas, shell):
    """Write the loops of a polygon, each shell before its holes; return the place after it."""
    px = py = 0
    for s in range(count):
        if areas[s] <= 0:
            continue
        for loop in range(-1, count):
            which = s if loop < 0 else loop
            if loop >= 0 and (loop == s or areas[loop] == 0 or shell[loop] != s):
                continue
            begin, end = loops[which - 1] if which else 0, loops[which]
            place = put_way(out, place, x, y, begin, end, px, py, True)
            px, py = x[end - 1], y[end - 1]
    return place


@compiled
def _put_outline(out, place, x, y, loops, whole, count, areas, shell, apart, low, high):
    """Write the loops of a polygon, mended where they touch; return ``out``, its new end and the state."""
    count = _tidied(x, y, loops, whole, count, areas)
    if apart:
        mend = whole < count and touching_at_edge(x, y, loops, count, low, high)
    else:
        mend = count > 0 and touching(x, y, loops, count)
    if mend:
        x, y, loops, count = noded(x, y, loops, count)
        if count < 0:
            return out, place, DOUBTFUL
        areas, shell = np.empty(count), np.empty(count, np.int64)
        begin = 0
        for loop in range(count):
            areas[loop] = doubled_area(x, y, begin, loops[loop])
            begin = loops[loop]
    if mend or count > 1:
        # One loop that lies wrong may have made others seem to.
        right = _surrounded(x, y, loops, count, areas, shell)
        if not right and not (mend and _surrounded(x, y, loops, count, areas, shell)):
            return out, place, DOUBTFUL
    elif count == 1:
        if areas[0] < 0:
            return out, place, DOUBTFUL
        shell[0] = 0
    if not count:
        return out, place, SMALL
    out = grown(out, place + 12 * loops[count - 1] + 12 * count + 64)
    before = place
    place = _put_polygon(out, place, x, y, loops, count, areas, shell)
    return out, place, DRAWN if place > before else SMALL


@compiled
def _put_lines(shapes, begin, end, shift, west, north, low, high, out, place, gx, gy, spare):
    """Write what of lines lies in the window; return the place after it."""
    xy, rank, rings, _, _ = shapes
    run_xy, run_ends, around = spare
    px = py = 0
    for r in range(begin, end):
        n = gather(xy, rank, rings[r], rings[r + 1], shift, shift, west, north, gx, gy)
        n = tidy(gx, gy, 0, n, False)
        if n < 2:
            continue
        runs, _ = runs_of(gx, gy, n, False, low, high, run_xy, run_ends, around, 0, 0)
        first = 0
        for run in range(runs):
            last = tidy(run_xy[0], run_xy[1], first, run_ends[run], False)
            if last - first >= 2:
                place = put_way(out, place, run_xy[0], run_xy[1], first, last, px, py, False)
                px, py = run_xy[0, last - 1], run_xy[1, last - 1]
            first = run_ends[run]
    return place


@compiled
def middle(box):
    """Return x and y of the middle of a box."""
    return (np.int64(box[0]) + np.int64(box[2])) >> 1, (np.int64(box[1]) + np.int64(box[3])) >> 1


@compiled
def _put_small(out, place, kind, x, y):
    """Write a square or a line round a place, for what is too small to draw; return the place after it."""
    half = LEAST // 2
    wx, wy = np.empty(4, np.int64), np.empty(4, np.int64)
    if kind == _LINE:
        wx[0], wy[0], wx[1], wy[1] = x - half, y, x + half, y
        return put_way(out, place, wx, wy, 0, 2, 0, 0, False)
    wx[0], wx[1], wx[2], wx[3] = x - half, x + half, x + half, x - half
    wy[0], wy[1], wy[2], wy[3] = y - half, y - half, y + half, y + half
    return put_way(out, place, wx, wy, 0, 4, 0, 0, True)


@compiled
def _most(rings, starts, chosen):
    """Return how many vertices, and how many rings, a shape has at most."""
    most = most_rings = 1
    for n in range(len(chosen)):
        i = chosen[n]
        most = max(most, rings[starts[i + 1]] - rings[starts[i]])
        most_rings = max(most_rings, starts[i + 1] - starts[i])
    return most, most_rings


@inlined
def shape_commands(shapes, chosen, window, shift, west, north, low, high):
    """Return geometries of shapes, one after the other and SLACK bytes, where they end, and shapes' states.

    Args:
        shapes: the arrays of a ShapeSet: xy, rank, rings, hole, spans, shapes, kind, apart, boxes.
        chosen: the places of those to write.
        window: west, north, east, south in the square; the last two are not part of it.
        shift: of the square's numbers to the tile's units.
        west: of the tile, in its units.
        north: of the tile.
        low: the least unit drawn, in both directions.
        high: the greatest.

    A SMALL shape is drawn as a square or a line where its middle lies in the window. A DOUBTFUL one
    has no geometry: the loops here did not make it valid.
    """
    xy, rank, rings, hole, spans, starts, kind, apart, boxes = shapes
    vertices = xy, rank, rings, hole, spans
    most, most_rings = _most(rings, starts, chosen)
    room, ways = 8 * most + 16, most + most_rings + 1
    x, y = np.empty(room, np.int64), np.empty(room, np.int64)
    loops, areas, shell = np.empty(ways, np.int64), np.empty(ways), np.empty(ways, np.int64)
    spare = np.empty((2, 3 * most + 1), np.int64), np.empty(ways, np.int64), np.empty((2, ways))
    out, ends = np.empty(4096, np.uint8), np.empty(len(chosen), np.int64)
    states = np.zeros(len(chosen), np.uint8)
    place = np.int64(0)  # of one type from the start, or what it is given to is compiled twice
    for n in range(len(chosen)):
        i = chosen[n]
        begin, end, box = starts[i], starts[i + 1], boxes[i]
        out = grown(out, place + 64 + 32 * (rings[end] - rings[begin]))
        left, top = in_units(np.int64(box[0]), shift), in_units(np.int64(box[1]), shift)
        right, bottom = in_units(np.int64(box[2]), shift), in_units(np.int64(box[3]), shift)
        if right - left < LEAST and bottom - top < LEAST:
            states[n] = SMALL
        elif kind[i] == _LINE:
            place = _put_lines(vertices, begin, end, shift, west, north, low, high, out, place, x, y, spare)
        else:
            out, place, states[n] = _put_shape(
                vertices, begin, end, shift, west, north, low, high, x, y, loops, areas, shell, spare,
                is_apart(apart[i], shift), out, place
            )  # fmt: skip
        if states[n] == SMALL:
            px, py = middle(box)
            if window[0] <= px < window[2] and window[1] <= py < window[3]:
                px, py = in_units(px, shift) - west, in_units(py, shift) - north
                place = _put_small(out, place, np.int64(kind[i]), px, py)
        ends[n] = place
    return grown(out, place + SLACK), ends, states


@inlined
def _put_shape(
    vertices, begin, end, shift, west, north, low, high, x, y, loops, areas, shell, spare, apart, out, place
):
    """Write a polygon; return ``out``, its new end and the state."""
    state = DRAWN
    for detail in range(shift, shift + _TRIES):
        state, sure = DRAWN, apart and detail == shift
        whole, count = _outline(
            vertices, begin, end, sure, detail, shift, west, north, low, high, x, y, loops, areas, spare
        )
        if count > 0:
            out, place, state = _put_outline(
                out, place, x, y, loops, whole, count, areas, shell, sure, low, high
            )
        elif count < 0:
            state = SMALL if count == -1 and detail == shift else DOUBTFUL
        if state != DOUBTFUL:
            break
    return out, place, state


@compiled
def is_apart(told, shift):
    """Return whether it is known of a polygon that in such units it has all its rings, and they lie apart."""
    return 0 <= shift < 32 and (np.int64(told) >> shift) & 1 == 1


@compiled
def find_apart(shapes, begin, end, told):
    """Find in which units polygons have all their rings, and those touch neither themselves nor others.

    Args:
        shapes: arrays of a ShapeSet: xy, rank, rings, hole, spans, shapes, kind, boxes.
        begin: the first shape.
        end: the one after the last.
        told: uint32, written: of each a bit for every shift that it holds for.
    """
    xy, rank, rings, hole, spans, starts, kind, boxes = shapes
    most, most_rings = _most(rings, starts, np.arange(begin, end))
    room, ways = 8 * most + 16, most + most_rings + 1
    x, y = np.empty(room, np.int64), np.empty(room, np.int64)
    loops, areas = np.empty(ways, np.int64), np.empty(ways)
    spare = np.empty((2, 1), np.int64), np.empty(1, np.int64), np.empty((2, 1))
    vertices = xy, rank, rings, hole, spans
    zero, low, high, sure = np.int64(0), np.int64(-1), np.int64(1 << 32), np.bool_(False)
    for i in range(begin, end):
        told[i] = 0
        if kind[i] == _LINE:
            continue
        size = max(np.int64(boxes[i, 2]) - boxes[i, 0], np.int64(boxes[i, 3]) - boxes[i, 1])
        bits = 0
        for shift in range(_FINEST, _COARSEST + 1):
            if size >> shift < LEAST - 1:
                break
            whole, count = _outline(
                vertices, starts[i], starts[i + 1], sure, shift, shift, zero, zero, low, high, x, y, loops,
                areas, spare
            )  # fmt: skip
            if count == starts[i + 1] - starts[i] and not touching(x, y, loops, count):
                bits |= 1 << shift
        told[i] = bits


@compiled
def small_commands(x, y, kind, shift, west, north):
    """Return what stands for shapes too small to draw at some places, one after the other, and their ends.

    Args:
        x: places in the square.
        y: beside them.
        kind: line or polygon.
        shift: of the square's numbers to the tile's units.
        west: of the tile, in its units.
        north: of the tile.
    """
    out, ends = np.empty(len(x) * 40, np.uint8), np.empty(len(x), np.int64)
    place = np.int64(0)
    for n in range(len(x)):
        px, py = in_units(np.int64(x[n]), shift) - west, in_units(np.int64(y[n]), shift) - north
        place = _put_small(out, place, kind, px, py)
        ends[n] = place
    return out[:place], ends


@compiled
def whole_rings(shapes, chosen, shift, west, north):
    """Return all rings of polygons in units of a tile, closed: vertices, where rings and polygons begin."""
    xy, rank, rings, hole, _, starts, kind, _, boxes = shapes
    total = many = 0
    for n in range(len(chosen)):
        begin, end = starts[chosen[n]], starts[chosen[n] + 1]
        total += rings[end] - rings[begin] + end - begin
        many += end - begin
    x, y, out = np.empty(total + 1, np.int64), np.empty(total + 1, np.int64), np.empty((total, 2))
    ends, polygons = np.zeros(many + 1, np.int64), np.zeros(len(chosen) + 1, np.int64)
    place = count = 0
    for n in range(len(chosen)):
        for r in range(starts[chosen[n]], starts[chosen[n] + 1]):
            size = gather(xy, rank, rings[r], rings[r + 1], shift, shift, west, north, x, y)
            size = tidy(x, y, 0, size, True)
            if size < 3:
                continue
            for i in range(size + 1):
                out[place, 0], out[place, 1] = x[i % size], y[i % size]
                place += 1
            count += 1
            ends[count] = place
        polygons[n + 1] = count
    return out[:place], ends[: count + 1], polygons


@compiled
def ring_commands(xy, rings, owners, count):
    """Return the geometries of polygons given as closed rings, each shell before its holes, and their ends.

    Args:
        xy: vertices, int64.
        rings: where rings begin, and where the last one ends.
        owners: of each ring its polygon, in order.
        count: how many polygons there are; one without a ring has no geometry.
    """
    out, ends = np.empty(len(xy) * 12 + 16 * len(owners), np.uint8), np.empty(count, np.int64)
    x, y = xy[:, 0].copy(), xy[:, 1].copy()
    place, r = np.int64(0), 0
    for n in range(count):
        px = py = 0
        while r < len(owners) and owners[r] == n:
            end = rings[r + 1] - 1
            place = put_way(out, place, x, y, rings[r], end, px, py, True)
            px, py = x[end - 1], y[end - 1]
            r += 1
        ends[n] = place
    return out[:place], ends
