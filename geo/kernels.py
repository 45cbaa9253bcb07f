"""The few compiled loops: a grid of cells over areas, and points looked up in it.

Compiled by numba and kept on disk, so that only the first process ever pays for it. Without
numba COMPILED is False and nothing here is to be called: callers have a plain way to the same
answer. The loops release the interpreter's lock, so their callers share them out to threads.

How a point is told. Inside a cell the areas that hold a point change only where one of the
cell's edges lies between. So the point is joined to the cell's west side and from there to far
south, and every edge of the cell that this way crosses toggles the areas it bounds in the
cell's ``base``, a set of bits over the cell's areas. An edge that lies beside the cell crosses
or not, the same for all points of the cell, hence a list may hold more edges than it must.
The way counts as led a hair to the north and its southward part a hair to the east, which
settles edges that end on it.
"""

from collections.abc import Callable

import numpy as np

try:
    from numba import njit
except ImportError:
    njit = None

COMPILED = njit is not None

#: A cell takes in the edges this part of a cell around it too, so that no rounding loses one.
MARGIN = 1 / 1024
#: What a cell number stands for: no area; ask the exact test; from FIRST_CROSSED down, cells with edges.
NONE, ASK, FIRST_CROSSED = -1, -2, -3
#: A cell of more areas than this has no set of bits and is left to the exact test.
MOST_AREAS = 32
#: A point's answer when rounding could have decided it.
DOUBT = -2

LEFT, RIGHT, ON, UNSURE = 0, 1, 2, 3
# A little more than (3 + 16 ε) ε, the bound on rounding in a 2 × 2 determinant of differences.
ROUNDING = 3.4e-16
# Where products underflow the bound above fails.
TINY = 1e-280
TOGETHER = 4096  # points whose edges are fetched before the first of them is told
MOST_COMPARED = 64  # twins are looked for among this many edges of a cell


def compiled(function: Callable) -> Callable:
    """Return the function compiled, from the copy on disk where there is one."""
    if njit is None:
        return function
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder can be written
        return njit(nogil=True)(function)


def inlined(function: Callable) -> Callable:
    """Return the function to be compiled as a part of the compiled ones that call it.

    Compiled by itself it would be compiled a second time with what calls it, and so would all it calls.
    """
    return function if njit is None else njit(inline="always")(function)


@compiled
def side_of(ax, ay, bx, by, x, y):
    """Return on which side of an edge that passes the height y the point lies."""
    if x > ax and x > bx:
        return RIGHT
    if x < ax and x < bx:
        return LEFT
    if ax == bx or (x == ax and y == ay) or (x == bx and y == by):
        return ON
    one, other = (bx - ax) * (y - ay), (x - ax) * (by - ay)
    if abs(one - other) <= ROUNDING * (abs(one) + abs(other)) + TINY:
        return UNSURE
    return RIGHT if (other > one) == (by > ay) else LEFT


@compiled
def touches(ax, ay, bx, by, x, y):
    """Return whether the point lies on an edge that does not pass its height."""
    if ay == y and by == y:
        return min(ax, bx) <= x <= max(ax, bx)
    return (ay == y and ax == x) or (by == y and bx == x)


@compiled
def crosses(ax, ay, bx, by, side, west, y):
    """Return whether an edge is crossed on the way west and south of a point on ``side`` of it."""
    beside = (ax <= west) != (bx <= west)
    if (ay <= y) == (by <= y):
        return beside and ay <= y
    if beside:
        rising = (bx > ax) == (by > ay)
        return (side == LEFT) == rising
    return side == RIGHT and ax > west


@compiled
def cells_of_edges(xy, starts, frame, columns, filling, place, edges):
    """Walk the cells that each edge passes; count them in ``place``, or fill ``edges`` by it.

    Args:
        xy: the vertices.
        starts: of each edge the number of its first vertex.
        frame: west, south, cells per unit of x, cells per unit of y.
        columns: how many cells a row has.
        filling: False to count, True to fill.
        place: counts by cell, or where the cell's next edge is to stand; written to.
        edges: written to when filling: the numbers of the edges, cell by cell.
    """
    west, south, across, up = frame
    for e in range(len(starts)):
        i = starts[e]
        ax, ay = (xy[i, 0] - west) * across, (xy[i, 1] - south) * up
        bx, by = (xy[i + 1, 0] - west) * across, (xy[i + 1, 1] - south) * up
        first, last = int(min(ax, bx) - MARGIN), int(max(ax, bx) + MARGIN)
        low, high = int(min(ay, by) - MARGIN), int(max(ay, by) + MARGIN)
        for row in range(low, high + 1):
            start, stop = first, last
            if low < high and first < last and ay != by:
                # The part of the edge in this row, each end a margin further.
                t = min(max((row - MARGIN - ay) / (by - ay), 0.0), 1.0)
                u = min(max((row + 1 + MARGIN - ay) / (by - ay), 0.0), 1.0)
                p, q = ax + t * (bx - ax), ax + u * (bx - ax)
                start = max(first, int(min(p, q) - MARGIN))
                stop = min(last, int(max(p, q) + MARGIN))
            for column in range(start, stop + 1):
                cell = row * columns + column
                if filling:
                    edges[place[cell]] = e
                place[cell] += 1


@compiled
def _toggle(held, count, area):
    """Put an area into a sorted list, or take it out; return the new length."""
    i = 0
    while i < count and held[i] < area:
        i += 1
    if i < count and held[i] == area:
        for j in range(i, count - 1):
            held[j] = held[j + 1]
        return count - 1
    for j in range(count, i, -1):
        held[j] = held[j - 1]
    held[i] = area
    return count + 1


@compiled
def _cross_all(xy, starts, owners, list_of_edges, west, x, y, held, count):
    """Toggle the areas between a place a hair north-east of (x, y) and far south; -1 when unsure."""
    for e in list_of_edges:
        i = starts[e]
        ax, ay, bx, by = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
        side = LEFT
        if (ay <= y) != (by <= y):
            side = side_of(ax, ay, bx, by, x, y)
            if side == ON and ax == bx:
                side = RIGHT
            if side >= ON:
                return -1
        if crosses(ax, ay, bx, by, side, west, y):
            count = _toggle(held, count, owners[e])
    return count


@compiled
def _twin(xy, vertices, begin, end, i):
    """Return where in vertices[begin:end] an edge with the ends of the edge at ``i`` stands, else end."""
    ax, ay, bx, by = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
    for k in range(begin, end):
        j = vertices[k]
        px, py, qx, qy = xy[j, 0], xy[j, 1], xy[j + 1, 0], xy[j + 1, 1]
        if (ax == px and ay == py and bx == qx and by == qy) or (
            ax == qx and ay == qy and bx == px and by == py
        ):
            return k
    return end


@compiled
def _name_areas(owners, list_of_edges, held, count, named):
    """Write the areas of a cell to ``named``, in order, and return how many; too many is one more."""
    total = min(count, MOST_AREAS + 1)
    named[:total] = held[:total]
    for e in list_of_edges:
        i = np.searchsorted(named[:total], owners[e])
        if i < total and named[i] == owners[e]:
            continue
        if total > MOST_AREAS:
            break
        total = _toggle(named, total, owners[e])
    return total


@compiled
def _settle(xy, starts, owners, there, base, named, vertices, bits, at):
    """Write a cell's edges from ``at`` on, twins as one; return where they end, and the base's bits."""
    held = np.uint32(0)
    for area in base:
        held |= np.uint32(1) << np.uint32(np.searchsorted(named, area))
    end = at
    for e in there:
        i = starts[e]
        bit = np.uint32(1) << np.uint32(np.searchsorted(named, owners[e]))
        twin = _twin(xy, vertices, max(at, end - MOST_COMPARED), end, i)
        if twin == end:
            vertices[end], bits[end] = i, bit
            end += 1
        else:
            bits[twin] ^= bit
    return end, held


@compiled
def settle_row(
    xy, starts, owners, sides, y, lists, place, edges, vertices, bits, numbers, crossed, areas, room
):
    """Settle a row of cells from west to east; return how many edges and areas, -1 when unsure.

    Args:
        xy: the vertices.
        starts: of each edge the number of its first vertex.
        owners: of each edge the rank of the area it bounds.
        sides: the x of every cell's west side and of the last one's east side, a little west of it.
        y: a height inside the row; where rounding leaves a side unsure, another one may help.
        lists: of each cell the number of its list of edges in this row, or NONE.
        place: where each list begins in ``edges``, and where the last one ends.
        edges: the lists of edges.
        vertices: written: the first vertices of the edges kept, list by list.
        bits: written beside: which of the cell's areas an edge bounds.
        numbers: written: what each cell holds; a list's number counts from FIRST_CROSSED down.
        crossed: written, a row for each list: first edge, first area, base.
        areas: room for MOST_AREAS ranks for each list; written, each cell's in order.
        room: two rows to work in, each for all areas and MOST_AREAS more.
    """
    held, named = room[0], room[1]
    count = end = used = 0
    for column in range(len(lists)):
        number = lists[column]
        if number == NONE:
            numbers[column] = NONE if count == 0 else 2 * held[0] + (count > 1)
            continue
        there = edges[place[number] : place[number + 1]]
        west, east = sides[column], sides[column + 1]
        count = _cross_all(xy, starts, owners, there, west, west, y, held, count)
        if count < 0:
            return -1, -1
        total = _name_areas(owners, there, held, count, named)
        crossed[number, 0], crossed[number, 1], numbers[column] = end, used, ASK
        if total <= MOST_AREAS:
            numbers[column] = FIRST_CROSSED - number
            areas[used : used + total] = named[:total]
            used += total
            end, base = _settle(xy, starts, owners, there, held[:count], named[:total], vertices, bits, end)
            crossed[number, 2] = np.int32(base)
        count = _cross_all(xy, starts, owners, there, west, east, y, held, count)
        if count < 0:
            return -1, -1
    return end, used


@compiled
def settle_rows(xy, starts, owners, sides, frame, heights, begin, end, place, edges, cells, room):
    """Settle rows of cells; return their lists, edges, bits and areas, and whether all of it is sure.

    Args:
        xy: as for ``settle_row``.
        starts: as for ``settle_row``.
        owners: as for ``settle_row``.
        sides: as for ``settle_row``.
        frame: west, south, cells per degree of longitude and of latitude.
        heights: parts of a row at which its sides are looked at, the next one where one is unsure.
        begin: the first row.
        end: the one after the last.
        place: where the edges of every cell begin in ``edges``, row by row, and where the last ones end.
        edges: the lists of edges.
        cells: written: what each cell of each row holds; lists count from these rows' first one.
        room: as for ``settle_row``.
    """
    columns = cells.shape[1]
    first, last = place[begin * columns], place[end * columns]
    vertices, bits = np.empty(last - first, np.int32), np.empty(last - first, np.uint32)
    many = 0
    for cell in range(begin * columns, end * columns):
        many += place[cell + 1] > place[cell]
    crossed, areas = np.zeros((many, 3), np.int32), np.empty(4 * many + MOST_AREAS * columns, np.int32)
    lists, begins = np.empty(columns, np.int32), np.empty(columns + 1, np.int32)
    made = kept = used = 0
    for row in range(begin, end):
        here, count = row * columns, 0
        for column in range(columns):
            lists[column] = NONE
            if place[here + column + 1] > place[here + column]:
                lists[column], begins[count] = count, place[here + column] - place[here]
                count += 1
        begins[count] = place[here + columns] - place[here]
        there = edges[place[here] : place[here + columns]]
        if used + MOST_AREAS * count > len(areas):
            larger = np.empty(2 * len(areas) + MOST_AREAS * count, np.int32)
            larger[:used] = areas[:used]
            areas = larger
        more = told = -1
        for height in heights:
            more, told = settle_row(
                xy,
                starts,
                owners,
                sides,
                frame[1] + (row + height) / frame[3],
                lists,
                begins[: count + 1],
                there,
                vertices[kept:],
                bits[kept:],
                cells[row],
                crossed[made : made + count],
                areas[used:],
                room,
            )
            if more >= 0:
                break
        if more < 0:
            return crossed[:0], vertices[:0], bits[:0], areas[:0], False
        for column in range(columns):
            if cells[row, column] <= FIRST_CROSSED:
                cells[row, column] -= made
        for n in range(made, made + count):
            crossed[n, 0] += kept
            crossed[n, 1] += used
        made, kept, used = made + count, kept + more, used + told
    return crossed, vertices[:kept].copy(), bits[:kept].copy(), areas[:used].copy(), True


@compiled
def in_cell(xy, vertices, bits, begin, end, base, west, x, y):
    """Return the bits of the areas that hold the point, of those on whose edge it lies, and if sure."""
    held, touched = base, np.uint32(0)
    for k in range(begin, end):
        i = vertices[k]
        ax, ay, bx, by = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
        side = LEFT
        if (ay <= y) != (by <= y):
            side = side_of(ax, ay, bx, by, x, y)
            if side == UNSURE:
                return held, touched, False
        elif (ay == y or by == y) and touches(ax, ay, bx, by, x, y):
            side = ON
        if side == ON:
            touched |= np.uint32(bits[k])
        elif crosses(ax, ay, bx, by, side, west, y):
            held ^= np.uint32(bits[k])
    return held, touched, True


@compiled
def _fetch_cells(x, y, frame, cells, numbers):
    """Write what the cell of each point holds, NONE outside all cells."""
    rows, columns = cells.shape
    west, south, across, up = frame
    for p in range(len(x)):
        column, row = (x[p] - west) * across, (y[p] - south) * up
        inside = 0 <= column < columns and 0 <= row < rows
        numbers[p] = cells[int(row), int(column)] if inside else NONE


@compiled
def _fetch_edges(xy, numbers, crossed, vertices, bits):
    """Return a sum over the edges of some cells: its worth is that they are then near at hand."""
    fetched = 0.0
    for number in numbers:
        if number <= FIRST_CROSSED:
            k = FIRST_CROSSED - number
            for place in range(crossed[k, 0], crossed[k + 1, 0]):
                fetched += xy[vertices[place], 0] + bits[place]
    return fetched


@compiled
def _tell_points(x, y, xy, frame, sides, crossed, vertices, bits, areas, lowest, several):
    """Write what ``look_up`` does over what the cells of the points hold, which stands in ``lowest``."""
    west, _, across, _ = frame
    for p in range(len(x)):
        number, several[p] = lowest[p], False
        if number >= 0:
            lowest[p], several[p] = number >> 1, (number & 1) == 1
        elif number == ASK:
            lowest[p] = DOUBT
        elif number <= FIRST_CROSSED:
            lowest[p] = NONE
            k = FIRST_CROSSED - number
            first, last, base = crossed[k, 0], crossed[k + 1, 0], np.uint32(crossed[k, 2])
            side = sides[int((x[p] - west) * across)]
            held, touched, sure = in_cell(xy, vertices, bits, first, last, base, side, x[p], y[p])
            covering = held | touched
            if not sure:
                lowest[p] = DOUBT
            elif covering:
                bit = 0
                while not covering >> np.uint32(bit) & np.uint32(1):
                    bit += 1
                lowest[p] = areas[crossed[k, 1] + bit]
                several[p] = touched != 0 or covering & (covering - np.uint32(1)) != 0


@compiled
def look_up(x, y, xy, frame, sides, cells, crossed, vertices, bits, areas, lowest, several):
    """Write the lowest rank of the areas that cover each point, and whether several claim it.

    What is returned means nothing (see ``_fetch_edges``).

    Args:
        x: of the points.
        y: of the points.
        xy: the vertices of the areas.
        frame: west, south, cells per unit of x, cells per unit of y.
        sides: the x of every cell's west side, a little west of it.
        cells: what each cell holds: twice a rank, one more where several areas cover it, or NONE,
            ASK, or a list's number counted from FIRST_CROSSED down.
        crossed: a row for each list: first edge, first area, base; and a last row for the ends.
        vertices: first vertices of the edges, list by list.
        bits: beside them: which of the list's areas the edge bounds.
        areas: ranks of the areas, list by list, in order.
        lowest: written: a rank, NONE, or DOUBT.
        several: written: more than one area covers the point, or it lies on an edge.
    """
    fetched = 0.0
    # What a grid holds is far apart in memory. Fetched by itself, much of it is on its way at once;
    # asked for when it is needed, every point would wait for its own.
    for begin in range(0, len(x), TOGETHER):
        cut = slice(begin, begin + TOGETHER)
        _fetch_cells(x[cut], y[cut], frame, cells, lowest[cut])
        fetched += _fetch_edges(xy, lowest[cut], crossed, vertices, bits)
        _tell_points(
            x[cut], y[cut], xy, frame, sides, crossed, vertices, bits, areas, lowest[cut], several[cut]
        )
    return fetched
