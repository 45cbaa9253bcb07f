"""The compiled loops of tiles that choose what a tile holds.

Without numba they are called all the same, as plain Python, and are slow. Numbers are taken out of
arrays of unsigned ones as int64 first, which keeps both ways of running to the same arithmetic.
"""

import numpy as np

from geo.kernels import compiled

BRANCH = 16  # boxes that one box of the next level holds
SLACK = 8  # bytes that are copied together, and may be written or read behind the last one
SPAN = 16  # vertices that have one box
_FEW = 32  # points that are looked at one by one, no more divided
_MOVE_TO = 9


@compiled
def put(out, place, number):
    """Write a number as a varint; return the place after it."""
    while number >= 128:
        out[place] = (number & 127) | 128
        number >>= 7
        place += 1
    out[place] = number
    return place + 1


@compiled
def length(number):
    """Return how many bytes a number takes as a varint."""
    count = 1
    while number >= 128:
        number >>= 7
        count += 1
    return count


@compiled
def zigzag(number):
    """Return a signed number as an unsigned one, small ones small."""
    return (number << 1) ^ (number >> 63)


@compiled
def grown(array, needed):
    """Return the array, or a larger copy of it when it has not the room needed."""
    if needed <= len(array):
        return array
    larger = np.empty(max(needed, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger


@compiled
def in_units(number, shift):
    """Return a number of the square in units of a tile, rounded."""
    if shift > 0:
        return (number + (1 << (shift - 1))) >> shift
    return number << -shift


@compiled
def first_not_before(x, y, begin, end, atx, aty):
    """Return the first point of a stretch that is not before a place on the z-curve, or the stretch's end."""
    while begin < end:
        middle = (begin + end) // 2
        px, py = np.int64(x[middle]), np.int64(y[middle])
        dx, dy = px ^ atx, py ^ aty
        # The highest bit that differs is one of x or of y.
        before = px < atx if dy < dx and dy < (dx ^ dy) else py < aty
        if before:
            begin = middle + 1
        else:
            end = middle
    return begin


@compiled
def choose_points(x, y, row, keep, window, chosen):
    """Return the places of the points in a window and how many they are, along the z-curve.

    Args:
        x: of a PointSet.
        y: beside it.
        row: beside them.
        keep: of every row whether it is wanted; of length 0 when all are.
        window: west, north, east, south in the square; the last two are not part of it.
        chosen: int64, a place to write to; a larger one is made when it is too small.
    """
    west, north, east, south = window
    cells = np.empty((160, 5), np.int64)  # west, north, side's logarithm, first and last point
    cells[0] = 0, 0, 32, 0, len(x)
    waiting, count = 1, 0
    while waiting:
        waiting -= 1
        cx, cy, level, begin, end = cells[waiting]
        side = 1 << level
        if begin == end or cx >= east or cy >= south or cx + side <= west or cy + side <= north:
            continue
        within = cx >= west and cy >= north and cx + side <= east and cy + side <= south
        if within or end - begin <= _FEW or level == 0:
            chosen = grown(chosen, count + end - begin)
            for i in range(begin, end):
                if west <= x[i] < east and north <= y[i] < south and (len(keep) == 0 or keep[row[i]]):
                    chosen[count] = i
                    count += 1
            continue
        half = side >> 1
        last = end
        for k in range(3, -1, -1):  # the first cell of the curve is to be on top
            px, py = cx + half * (k & 1), cy + half * (k >> 1)
            first = first_not_before(x, y, begin, last, px, py) if k else begin
            cells[waiting, 0], cells[waiting, 1], cells[waiting, 2] = px, py, level - 1
            cells[waiting, 3], cells[waiting, 4] = first, last
            waiting += 1
            last = first
    return chosen, count


@compiled
def choose_shapes(boxes, nodes, levels, row, keep, window, chosen):
    """Return the places of the shapes whose boxes meet a window and how many they are, in their order.

    Args:
        boxes: of a ShapeSet: west, north, east, south.
        nodes: boxes of BRANCH boxes each, level by level from the finest, that of the shapes.
        levels: where levels begin in ``nodes``, and where the last one ends.
        row: of the shapes.
        keep: of every row whether it is wanted; of length 0 when all are.
        window: west, north, east, south in the square; the last two are not part of it.
        chosen: int64, a place to write to; a larger one is made when it is too small.
    """
    west, north, east, south = window
    waiting = np.empty((len(levels) * BRANCH + 1, 2), np.int64)  # level and place in it; -1: shapes
    top = len(levels) - 2
    waiting[0, 0], waiting[0, 1] = top, 0
    left, count = (1 if len(boxes) else 0), 0
    while left:
        left -= 1
        level, place = waiting[left, 0], waiting[left, 1]
        box = boxes[place] if level < 0 else nodes[levels[level] + place]
        if box[0] >= east or box[1] >= south or box[2] < west or box[3] < north:
            continue
        if level < 0:
            if len(keep) == 0 or keep[row[place]]:
                chosen = grown(chosen, count + 1)
                chosen[count] = place
                count += 1
            continue
        size = len(boxes) if level == 0 else levels[level] - levels[level - 1]
        for child in range(min(size, (place + 1) * BRANCH) - 1, place * BRANCH - 1, -1):
            waiting[left, 0], waiting[left, 1] = level - 1, child
            left += 1
    return chosen, count


@compiled
def count_cells(x, y, rows, index, values, level, west, north, across):
    """Return what the cells of a grid hold, in rows: sums of x and of y, how many, how many of each value.

    Args:
        x: places in the square.
        y: beside them.
        rows: beside them.
        index: which value each row has.
        values: how many values there are.
        level: the logarithm of a cell's side.
        west: the column of the first cell in the square.
        north: the row of the first cell in the square.
        across: how many cells there are in each direction.

    What lies in none of the cells, as the middle of a shape may that reaches into one, is not counted.
    """
    cells = np.zeros((across * across, 3 + values), np.int64)
    for n in range(len(x)):
        px, py = np.int64(x[n]), np.int64(y[n])
        column, line = (px >> level) - west, (py >> level) - north
        if not (0 <= column < across and 0 <= line < across):
            continue
        cell = line * across + column
        cells[cell, 0] += px
        cells[cell, 1] += py
        cells[cell, 2] += 1
        cells[cell, 3 + np.int64(index[rows[n]])] += 1
    return cells


@compiled
def point_commands(x, y, chosen, shift, west, north):
    """Return the geometries of points, one after the other and SLACK bytes, and where they end.

    Args:
        x: of a PointSet.
        y: beside it.
        chosen: the places of those to write.
        shift: of the square's numbers to the tile's units.
        west: of the tile, in its units.
        north: of the tile.
    """
    out, ends = np.empty(len(chosen) * 11 + SLACK, np.uint8), np.empty(len(chosen), np.int64)
    place = 0
    for n in range(len(chosen)):
        i = chosen[n]
        out[place] = _MOVE_TO
        place = put(out, place + 1, zigzag(in_units(np.int64(x[i]), shift) - west))
        place = put(out, place, zigzag(in_units(np.int64(y[i]), shift) - north))
        ends[n] = place
    return out, ends


@compiled
def take(starts, blob, places):
    """Return the pieces of a blob at some places, one after the other."""
    size = 0
    for n in range(len(places)):
        size += starts[places[n] + 1] - starts[places[n]]
    out = np.empty(size, np.uint8)
    place = 0
    for n in range(len(places)):
        for k in range(starts[places[n]], starts[places[n] + 1]):
            out[place] = blob[k]
            place += 1
    return out
