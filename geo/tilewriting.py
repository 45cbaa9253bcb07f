"""The compiled loops that write a layer of a tile down, from what lies in its window to its last byte.

What is told of features comes packed (geo.attributes.Told): a table with a row for each attribute,
where its things begin, and all bytes in one piece; so one loop serves whatever a layer tells.
A tile is a few calls then, for a small one costs what its calls do.
"""

import numpy as np

from geo.kernels import compiled
from geo.outlines import DOUBTFUL, SMALL, shape_commands
from geo.tilekernels import SLACK, choose_points, choose_shapes, grown, length, point_commands, put

#: The sha256 of geo/tilekernels.py, geo/cutting.py, geo/noding.py, geo/touching.py and geo/outlines.py,
#: whose loops are compiled into these: the copies on disk are made anew when this file is another one.
HELD = "e082885569d7e7d0b88329d6ae2e647640894f64e410aa07d3dbb0340fbc627e"
#: Kinds of attributes: of few values, a text of its own in every row, a number in every row.
VALUES, TEXTS, NUMBERS = 0, 1, 2
#: The number of the value that marks what is small, in every table of values.
TRUE = 0
#: What became of a layer: it is written, it is and holds something small, or it is not.
WRITTEN, SOME_SMALL, LEFT = 0, 1, 2
_POINT = 1
_DOUBLE = 9  # bytes of a number with its key


@compiled
def _slot_of(value, keys, numbers):
    """Return where a value is in a table of a power of two, or where it is to go."""
    mask = len(keys) - 1
    mixed = value ^ (value >> 32)
    slot = (mixed ^ (mixed >> 16)) & mask
    while numbers[slot] >= 0 and keys[slot] != value:
        slot = (slot + 1) & mask
    return slot


@compiled
def _room(values, most):
    """Return how large a table is to be for so many of some values."""
    room = 16
    while room < 2 * most and room < values:
        room *= 2
    return room


@compiled
def _copy(out, place, blob, begin, end):
    """Write a piece of a blob, SLACK bytes at a time; return the place after it.

    A loop over single bytes becomes a call that for so short a piece takes longer than all the rest.
    """
    after = place + end - begin
    while begin < end:
        for k in range(SLACK):
            out[place + k] = blob[begin + k]
        begin += SLACK
        place += SLACK
    return after


@compiled
def _number_values(first, at, size, where, blob, rows, keys, numbers, base, tags, used):
    """Number the values that rows have, in the order they are met; return the next number.

    Args:
        first: where the numbers of the attribute's values in the table of values begin in ``where``.
        at: where it is told in ``blob`` which value each row has.
        size: in how many bytes.
        where: of Told.
        blob: of Told.
        rows: of the features.
        keys: values that have a number already, in a table.
        numbers: beside them, which number; -1 for none.
        base: the next number.
        tags: written: the number of each feature's value, -1 without one.
        used: written: the values that are numbered here.
    """
    begin = base
    for n in range(len(rows)):
        here = at + np.int64(rows[n]) * size
        value = np.int64(blob[here])
        for k in range(1, size):
            value |= np.int64(blob[here + k]) << (8 * k)
        value = where[first + value]
        if value < 0:
            tags[n] = -1
            continue
        slot = _slot_of(value, keys, numbers)
        if numbers[slot] < 0:
            keys[slot], numbers[slot], used[base - begin] = value, base, value
            base += 1
        tags[n] = numbers[slot]
    return base


@compiled
def _put_used(out, place, used, count, values, where, blob, more_where, more):
    """Write values, those of the table or those that are told beside it; return ``out`` and its new end."""
    size = 0
    for n in range(count):
        if used[n] < values:
            size += where[used[n] + 1] - where[used[n]]
        else:
            size += more_where[used[n] - values + 1] - more_where[used[n] - values]
    out = grown(out, place + size + SLACK)
    for n in range(count):
        value = used[n]
        if value < values:
            place = _copy(out, place, blob, where[value], where[value + 1])
        else:
            place = _copy(out, place, more, more_where[value - values], more_where[value - values + 1])
    return out, place


@compiled
def _put_texts(out, place, first, at, where, blob, rows, base, tags):
    """Number and write the texts of rows; return ``out``, its new end and the next number."""
    size = 0
    for n in range(len(rows)):
        size += where[first + rows[n] + 1] - where[first + rows[n]]
    out = grown(out, place + size + 12 * len(rows) + SLACK)
    for n in range(len(rows)):
        begin, end = at + where[first + rows[n]], at + where[first + rows[n] + 1]
        if begin == end:
            tags[n] = -1
            continue
        out[place] = 4 << 3 | 2
        place = put(out, place + 1, 1 + length(end - begin) + end - begin)
        out[place] = 1 << 3 | 2
        place = _copy(out, put(out, place + 1, end - begin), blob, begin, end)
        tags[n] = base
        base += 1
    return out, place, base


@compiled
def _put_numbers(out, place, first, where, rows, base, tags):
    """Number and write the numbers of rows, each once; return ``out``, its new end and the next number."""
    out = grown(out, place + (_DOUBLE + 2) * len(rows))
    room = _room(1 << 62, len(rows))
    keys, numbers = np.empty(room, np.int64), np.full(room, -1, np.int64)
    for n in range(len(rows)):
        bits = where[first + rows[n]]
        if bits & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000:  # not a number
            tags[n] = -1
            continue
        slot = _slot_of(bits, keys, numbers)
        if numbers[slot] < 0:
            keys[slot], numbers[slot] = bits, base
            base += 1
            out[place], out[place + 1], out[place + 2] = 4 << 3 | 2, _DOUBLE, 3 << 3 | 1
            for k in range(8):
                out[place + 3 + k] = (bits >> (8 * k)) & 255
            place += _DOUBLE + 2
        tags[n] = numbers[slot]
    return out, place, base


@compiled
def _put_feature(out, place, kind, tags, keys, n, commands, begin, end):
    """Write a feature; return the place after it."""
    told = 0
    for key in range(keys):
        if tags[key, n] >= 0:
            told += length(key) + length(tags[key, n])
    tagged = 1 + length(told) + told if told else 0
    out[place] = 2 << 3 | 2
    place = put(out, place + 1, tagged + 2 + 1 + length(end - begin) + end - begin)
    if told:
        out[place] = 2 << 3 | 2
        place = put(out, place + 1, told)
        for key in range(keys):
            if tags[key, n] >= 0:
                place = put(out, put(out, place, key), tags[key, n])
    out[place], out[place + 1], out[place + 2] = 3 << 3, kind, 4 << 3 | 2
    return _copy(out, put(out, place + 3, end - begin), commands, begin, end)


@compiled
def write_layer(table, where, blob, values, rows, kinds, commands, ends, marks, more_where, more):
    """Return values and then features as parts of a layer, where the values end and where the features do.

    Args:
        table: of Told: of each attribute its kind, and where its things begin and how large they are.
        where: of Told.
        blob: of Told. Behind what it holds, as behind ``commands`` and ``more``, there are SLACK bytes.
        values: how many values there are in the table of values.
        rows: of the first features; the others have none, and only marks.
        kinds: point, line or polygon, of each feature.
        commands: their geometries, one after the other; none is empty.
        ends: where they end.
        marks: values that no row tells: a row for each key, the value of each feature, -1 without one.
        more_where: where the values begin that are not in the table, and where the last one ends.
        more: those values.
    """
    count, columns = len(ends), len(table) if len(rows) else 0
    total = columns + len(marks)
    tags = np.full((total, count), -1, np.int64)
    room = _room(values + len(more_where) - 1, count * total)
    keys, numbers = np.empty(room, np.int64), np.full(room, -1, np.int64)
    used = np.empty(count, np.int64)
    out = np.empty(len(commands) + count * (48 + 7 * total) + 64, np.uint8)
    place = base = 0
    for key in range(columns):
        kind, first, at, size = table[key, 0], table[key, 1], table[key, 2], table[key, 3]
        mine = tags[key]
        if kind == VALUES:
            after = _number_values(first, at, size, where, blob, rows, keys, numbers, base, mine, used)
            out, place = _put_used(out, place, used, after - base, values, where, blob, more_where, more)
            base = after
        elif kind == TEXTS:
            out, place, base = _put_texts(out, place, first, at, where, blob, rows, base, mine)
        else:
            out, place, base = _put_numbers(out, place, first, where, rows, base, mine)
    for key in range(len(marks)):
        after = base
        for n in range(count):
            value = marks[key, n]
            if value < 0:
                continue
            slot = _slot_of(value, keys, numbers)
            if numbers[slot] < 0:
                keys[slot], numbers[slot], used[after - base] = value, after, value
                after += 1
            tags[columns + key, n] = numbers[slot]
        out, place = _put_used(out, place, used, after - base, values, where, blob, more_where, more)
        base = after
    middle = place
    out = grown(out, place + len(commands) + count * (16 + 7 * total) + SLACK)  # numbers are below 2**28
    begin = 0
    for n in range(count):
        place = _put_feature(out, place, kinds[n], tags, total, n, commands, begin, ends[n])
        begin = ends[n]
    return out, middle, place


@compiled
def _window(shift, west, north, low, high):
    """Return west, north, east and south in the square of the units from the least to the greatest."""
    if shift >= 0:
        return (west + low) << shift, (north + low) << shift, (west + high) << shift, (north + high) << shift
    return (
        (west + low) >> -shift,
        (north + low) >> -shift,
        (west + high) >> -shift,
        (north + high) >> -shift,
    )


@compiled
def point_layer(x, y, row, keep, table, where, blob, values, shift, west, north, low, high, reach, few):
    """Return values and features of points, where the values end and the features do, and what became of it.

    Args:
        x: of a PointSet.
        y: beside it.
        row: beside them.
        keep: of every row whether it is wanted; of length 0 when all are.
        table: of Told, as are the next three.
        where: of Told.
        blob: of Told.
        values: of Told.
        shift: of the square's numbers to the tile's units.
        west: of the tile, in its units.
        north: of the tile.
        low: the least unit drawn, in both directions.
        high: the greatest.
        reach: how many units beyond the tile are looked at.
        few: of more than this nothing is written.
    """
    window = _window(shift, west, north, low, high)
    chosen, count = choose_points(x, y, row, keep, window, np.empty(256, np.int64))
    if count > few:
        return np.empty(0, np.uint8), 0, 0, LEFT
    commands, ends = point_commands(x, y, chosen[:count], shift, west, north)
    rows, kinds = np.empty(count, np.int32), np.full(count, _POINT, np.uint8)
    for n in range(count):
        rows[n] = row[chosen[n]]
    marks, nothing, more = np.empty((0, count), np.int64), np.zeros(1, np.int64), np.empty(0, np.uint8)
    out, middle, end = write_layer(
        table, where, blob, values, rows, kinds, commands, ends, marks, nothing, more
    )
    return out, middle, end, WRITTEN


@compiled
def shape_layer(
    xy, rank, rings, hole, spans, starts, kind, apart, boxes, row, nodes, levels,
    keep, table, where, blob, values, shift, west, north, low, high, reach, few,
):  # fmt: skip
    """Return values and features of shapes, where the values end and the features do, and what became of it.

    Nothing is written where a shape is in doubt; then geometries are returned in place of values, and at
    last, in rows, the places of shapes, where their geometries end, and their states.

    Args:
        xy: of a ShapeSet, as are the next eleven.
        rank: of a ShapeSet.
        rings: of a ShapeSet.
        hole: of a ShapeSet.
        spans: of a ShapeSet.
        starts: of a ShapeSet.
        kind: of a ShapeSet.
        apart: of a ShapeSet.
        boxes: of a ShapeSet.
        row: of a ShapeSet.
        nodes: of a ShapeSet.
        levels: of a ShapeSet.
        keep: of every row whether it is wanted; of length 0 when all are.
        table: of Told, as are the next three.
        where: of Told.
        blob: of Told.
        values: of Told.
        shift: of the square's numbers to the tile's units.
        west: of the tile, in its units.
        north: of the tile.
        low: the least unit drawn, in both directions.
        high: the greatest.
        reach: how many units beyond the tile are looked at.
        few: of more small ones than this nothing is written.
    """
    window = _window(shift, west, north, low, high)
    wanted = _window(shift, west, north, -reach, high + low + reach)
    chosen, count = choose_shapes(boxes, nodes, levels, row, keep, wanted, np.empty(256, np.int64))
    chosen = chosen[:count]
    shapes = (xy, rank, rings, hole, spans, starts, kind, apart, boxes)
    commands, ends, states = shape_commands(shapes, chosen, window, shift, west, north, low, high)
    kept = small = begin = 0
    doubt = False
    for n in range(count):
        doubt |= states[n] == DOUBTFUL
        if ends[n] > begin:
            begin = ends[n]
            kept += 1
            small += states[n] == SMALL
    if doubt or small > few:
        found = np.empty((3, count), np.int64)
        found[0], found[1], found[2] = chosen, ends, states
        return commands, 0, 0, LEFT, found
    rows, kinds = np.empty(kept, np.int32), np.empty(kept, np.uint8)
    marks = np.full((1 if small else 0, kept), -1, np.int64)
    begin = kept = 0
    for n in range(count):
        if ends[n] > begin:
            begin = ends[n]
            rows[kept], kinds[kept], ends[kept] = row[chosen[n]], kind[chosen[n]], begin
            if states[n] == SMALL:
                marks[0, kept] = TRUE
            kept += 1
    nothing, more = np.zeros(1, np.int64), np.empty(0, np.uint8)
    out, middle, end = write_layer(
        table, where, blob, values, rows, kinds, commands, ends[:kept], marks, nothing, more
    )
    return out, middle, end, SOME_SMALL if small else WRITTEN, np.empty((3, 0), np.int64)
