"""The compiled loop that measures what areas share of a site, without making the shared shapes.

A part's area is a sum over the pieces of its boundary: the pieces of the site's edges that lie in
the area and the pieces of the area's edges that lie in the site, each as long as from one vertex of
the part to the next, its ends projected. Only crossings and sides are needed for that, and whatever
rounding could decide (an edge along an edge, a vertex on an edge) is left to the exact way, as is a
site that areas claim twice. The pieces of a part must close into rings, which is checked.
"""

from math import atanh, cos, pi, sin, sqrt
from typing import NamedTuple

import numpy as np
import shapely

from geo.kernels import (
    ASK,
    FIRST_CROSSED,
    LEFT,
    MOST_AREAS,
    MOST_COMPARED,
    NONE,
    RIGHT,
    ROUNDING,
    TINY,
    compiled,
    crosses,
    in_cell,
    side_of,
    touches,
)

#: What is known of a site: nobody shares it, one area holds it whole, or its parts are measured.
NOBODY, WHOLE, PARTED = 0, 1, 2
#: Rounding could decide it, or areas claim it twice: the exact way is to be asked.
DOUBTFUL = 3

_MOST_EDGES, _MOST_CROSSINGS, _MOST_PARTS = 4096, 4096, 64  # of one site; beyond them, the exact way
_MOST_OPEN = 256
_OPEN_RING = 1e-11  # how far, in parts of the site's size, a part's ends may miss each other

# EPSG:6933, a cylindrical equal-area projection of the WGS 84 ellipsoid, true at 30°.
_MAJOR = 6378137.0
_SQUARE = (2 - 1 / 298.257223563) / 298.257223563
_FIRST = sqrt(_SQUARE)
_TRUE = cos(pi / 6) / sqrt(1 - _SQUARE / 4)
_EAST = _MAJOR * _TRUE * pi / 180
_NORTH = _MAJOR * (1 - _SQUARE) / (2 * _TRUE)


#: The sha256 of geo/kernels.py, whose loops are compiled into these: the copies on disk are made anew
#: when this file changes, and a test holds that it does.
KERNELS = "4da1fa4c49d04549b0d9a787bc38a653757e6f8f2263f7ac84009d120796baf5"


class Sites(NamedTuple):
    """Polygons as arrays: vertices, where rings begin, which are holes, where sites' rings begin."""

    xy: np.ndarray
    rings: np.ndarray
    holes: np.ndarray
    firsts: np.ndarray


def sites_of(shapes: np.ndarray) -> Sites:
    """Return valid shapely polygons as the arrays of Sites."""
    pieces, site = shapely.get_parts(shapes, return_index=True)
    rings, piece = shapely.get_rings(pieces, return_index=True)
    ends, firsts = np.zeros(len(rings) + 1, np.int64), np.zeros(len(shapes) + 1, np.int64)
    np.cumsum(shapely.get_num_coordinates(rings), out=ends[1:])
    np.cumsum(np.bincount(site[piece], minlength=len(shapes)), out=firsts[1:])
    holes = np.zeros(len(rings), dtype=bool)
    holes[1:] = piece[1:] == piece[:-1]  # a polygon's first ring is its outside
    return Sites(shapely.get_coordinates(rings), ends, holes, firsts)


class Cells(NamedTuple):
    """A grid's arrays, as ``geo.kernels.look_up`` takes them."""

    xy: np.ndarray
    frame: np.ndarray
    sides: np.ndarray
    cells: np.ndarray
    crossed: np.ndarray
    vertices: np.ndarray
    bits: np.ndarray
    areas: np.ndarray


class _Room(NamedTuple):
    """What is known of one site while it is measured; as many rows as there are edges, crossings, parts.

    ``near``: of the areas' edges near it the first vertex, the place in the grid's lists, the list,
    the number of crossings. ``crossing``: the near edge, and whether it enters the site there.
    ``where``: the crossing's place in degrees, in metres, and how far along either edge it is.
    ``order``: the crossings of one edge, in order. ``rank``, ``twice`` its area, ``gap`` from where
    its pieces end to where they begin, ``inside`` and ``since`` when: of the parts. ``open``: first
    vertices of edges with an area on one side only. ``count``: of near edges,
    crossings, parts, open, pieces of edges in the site, and rings that begin in an area.
    """

    near: np.ndarray
    crossing: np.ndarray
    where: np.ndarray
    order: np.ndarray
    rank: np.ndarray
    twice: np.ndarray
    gap: np.ndarray
    inside: np.ndarray
    since: np.ndarray
    open: np.ndarray
    count: np.ndarray


@compiled
def _make_room():
    return _Room(
        np.empty((_MOST_EDGES, 4), np.int64),
        np.empty((_MOST_CROSSINGS, 2), np.int64),
        np.empty((_MOST_CROSSINGS, 6)),
        np.empty(_MOST_CROSSINGS, np.int64),
        np.empty(_MOST_PARTS, np.int64),
        np.empty(_MOST_PARTS),
        np.empty((_MOST_PARTS, 2)),
        np.empty(_MOST_PARTS, np.bool_),
        np.empty((_MOST_PARTS, 2)),
        np.empty(_MOST_OPEN, np.int64),
        np.empty(6, np.int64),
    )


@compiled
def _north(y):
    """Return how far north of the equator a latitude lies in AREA, in units of _NORTH."""
    sine = _FIRST * sin(y * (pi / 180))
    return (sine / (1 - sine * sine) + atanh(sine)) / _FIRST


@compiled
def _flat(x, y, origin):
    """Return a place projected to AREA, in metres from the origin: its x, y and _north."""
    return _EAST * (x - origin[0]), _NORTH * (_north(y) - origin[2])


@compiled
def _ring_twice(xy, begin, end):
    """Return twice the area of a ring in m², above 0 when it runs against the clock."""
    origin = (xy[begin, 0], xy[begin, 1], _north(xy[begin, 1]))
    twice, bx, by = 0.0, 0.0, 0.0
    for i in range(begin + 1, end - 1):
        ax, ay = bx, by
        bx, by = _flat(xy[i, 0], xy[i, 1], origin)
        twice += ax * by - bx * ay
    return twice


@compiled
def _turn(ax, ay, bx, by, x, y):
    """Return above 0 when the place lies left of the line from a to b, below when right, 0 when unsure."""
    one, other = (bx - ax) * (y - ay), (x - ax) * (by - ay)
    turn = one - other
    return turn if abs(turn) > ROUNDING * (abs(one) + abs(other)) + TINY else 0.0


@compiled
def _apart(ax, ay, bx, by, px, py, qx, qy):
    """Return whether the boxes around two edges do not even touch."""
    return (
        (ax < px and ax < qx and bx < px and bx < qx)
        or (ax > px and ax > qx and bx > px and bx > qx)
        or (ay < py and ay < qy and by < py and by < qy)
        or (ay > py and ay > qy and by > py and by > qy)
    )


@compiled
def _box(xy, begin, end):
    """Return west, south, east and north of some vertices."""
    west, south = east, north = xy[begin, 0], xy[begin, 1]
    for i in range(begin, end):
        west, east = min(west, xy[i, 0]), max(east, xy[i, 0])
        south, north = min(south, xy[i, 1]), max(north, xy[i, 1])
    return west, south, east, north


@compiled
def _add_near(room, vertex, place, number):
    """Put an edge among those near, sorted by vertex, unless it is there; return whether it fits."""
    near, low, high = room.near, 0, room.count[0]
    while low < high:
        middle = (low + high) // 2
        if near[middle, 0] < vertex:
            low = middle + 1
        else:
            high = middle
    if low < room.count[0] and near[low, 0] == vertex:
        return True
    if room.count[0] == _MOST_EDGES:
        return False
    for i in range(room.count[0], low, -1):
        near[i] = near[i - 1]
    near[low, 0], near[low, 1], near[low, 2], near[low, 3] = vertex, place, number, 0
    room.count[0] += 1
    return True


@compiled
def _collect(grid, box, room):
    """Collect the edges whose boxes touch a box; return False where it takes the exact way."""
    west, south, east, north = box
    rows, columns = grid.cells.shape
    left, right = (west - grid.frame[0]) * grid.frame[2], (east - grid.frame[0]) * grid.frame[2]
    low, high = (south - grid.frame[1]) * grid.frame[3], (north - grid.frame[1]) * grid.frame[3]
    if right < 0 or high < 0 or left >= columns or low >= rows:
        return True
    for row in range(int(max(low, 0.0)), int(min(high, rows - 1.0)) + 1):
        for column in range(int(max(left, 0.0)), int(min(right, columns - 1.0)) + 1):
            number = grid.cells[row, column]
            if number == ASK:
                return False
            if number > FIRST_CROSSED:
                continue
            k = FIRST_CROSSED - number
            first, last = grid.crossed[k, 0], grid.crossed[k + 1, 0]
            if last - first > MOST_COMPARED:
                return False
            for place in range(first, last):
                i = grid.vertices[place]
                px, py, qx, qy = grid.xy[i, 0], grid.xy[i, 1], grid.xy[i + 1, 0], grid.xy[i + 1, 1]
                if not _apart(west, south, east, north, px, py, qx, qy) and not _add_near(room, i, place, k):
                    return False
    return True


@compiled
def _part(room, rank):
    """Return the number of a rank's part, a new one where it has none; -1 when there are too many."""
    for k in range(room.count[2]):
        if room.rank[k] == rank:
            return k
    k = room.count[2]
    if k == _MOST_PARTS:
        return -1
    room.rank[k], room.twice[k], room.inside[k] = rank, 0.0, False
    room.gap[k, 0] = room.gap[k, 1] = 0.0
    room.count[2] += 1
    return k


@compiled
def _enter(grid, x, y, room):
    """Set the parts that a place lies in, and no others, to inside; return how many, -1 for the exact way."""
    room.inside[: room.count[2]] = False
    rows, columns = grid.cells.shape
    column, row = (x - grid.frame[0]) * grid.frame[2], (y - grid.frame[1]) * grid.frame[3]
    if not (0 <= column < columns and 0 <= row < rows):
        return 0
    number = grid.cells[int(row), int(column)]
    if number >= 0 and number & 1 == 0:
        k = _part(room, number >> 1)
        room.inside[k] = k >= 0
        return 1 if k >= 0 else -1
    if number > FIRST_CROSSED:
        return 0 if number == NONE else -1
    n = FIRST_CROSSED - number
    first, last, base = grid.crossed[n, 0], grid.crossed[n + 1, 0], np.uint32(grid.crossed[n, 2])
    held, touched, sure = in_cell(
        grid.xy, grid.vertices, grid.bits, first, last, base, grid.sides[int(column)], x, y
    )
    if not sure or touched or held & (held - np.uint32(1)):
        return -1
    return _flip(grid, held, n, room, 0.0, 0.0, 1.0)


@compiled
def _add_piece(room, k, ax, ay, bx, by, sign):
    """Add a piece to the boundary of a part that lies left of it (sign 1) or right of it (sign -1)."""
    room.twice[k] += sign * (ax * by - bx * ay)
    room.gap[k, 0] += sign * (bx - ax)
    room.gap[k, 1] += sign * (by - ay)


@compiled
def _flip(grid, bits, n, room, x, y, sign):
    """Let the parts of some bits of a list begin or end here; return how many then are inside, or -1."""
    bit = 0
    while bits >> np.uint32(bit):
        if bits >> np.uint32(bit) & np.uint32(1):
            k = _part(room, grid.areas[grid.crossed[n, 1] + bit])
            if k < 0:
                return -1
            if room.inside[k]:
                _add_piece(room, k, room.since[k, 0], room.since[k, 1], x, y, sign)
            room.inside[k] = not room.inside[k]
            room.since[k, 0], room.since[k, 1] = x, y
        bit += 1
        if bit == MOST_AREAS:
            break
    return room.inside[: room.count[2]].sum()


@compiled
def _add_crossing(room, begin, e, enters, origin, x, y, t, u):
    """Note a crossing and put it in its order along the site's edge, whose crossings begin there."""
    c = room.count[1]
    room.crossing[c, 0], room.crossing[c, 1] = e, enters
    flat = _flat(x, y, origin)
    room.where[c, 0], room.where[c, 1], room.where[c, 2], room.where[c, 3] = x, y, flat[0], flat[1]
    room.where[c, 4], room.where[c, 5] = t, u
    at = c
    while at > begin and room.where[room.order[at - 1], 4] > t:
        room.order[at] = room.order[at - 1]
        at -= 1
    room.order[at] = c
    room.near[e, 3] += 1
    room.count[1] += 1


@compiled
def _cross_edge(xy, i, sign, grid, room, origin):
    """Find where a site's edge crosses near edges; return False where it takes the exact way."""
    ax, ay, bx, by = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
    begin = room.count[1]
    for e in range(room.count[0]):
        j = room.near[e, 0]
        px, py, qx, qy = grid.xy[j, 0], grid.xy[j, 1], grid.xy[j + 1, 0], grid.xy[j + 1, 1]
        if _apart(ax, ay, bx, by, px, py, qx, qy):
            continue
        p, q = _turn(ax, ay, bx, by, px, py), _turn(ax, ay, bx, by, qx, qy)
        if p * q > 0:
            continue
        a, b = _turn(px, py, qx, qy, ax, ay), _turn(px, py, qx, qy, bx, by)
        if a * b > 0:
            continue
        if p == 0 or q == 0 or a == 0 or b == 0 or room.count[1] == _MOST_CROSSINGS:
            return False
        t, u = a / (a - b), p / (p - q)
        enters = (q > 0) == (sign > 0)
        _add_crossing(room, begin, e, enters, origin, px + u * (qx - px), py + u * (qy - py), t, u)
    return True


@compiled
def _walk_ring(xy, begin, end, sign, grid, room, origin):
    """Add the pieces of a site's ring; return False where it takes the exact way."""
    inside = _enter(grid, xy[begin, 0], xy[begin, 1], room)
    if inside < 0 or inside > 1:
        return False
    room.count[5] += inside
    bx, by = _flat(xy[begin, 0], xy[begin, 1], origin)
    parts = room.count[2]
    at_start = room.inside[:parts].copy()
    for k in range(parts):
        room.since[k, 0], room.since[k, 1] = bx, by
    for i in range(begin, end - 1):
        first = room.count[1]
        if not _cross_edge(xy, i, sign, grid, room, origin):
            return False
        for at in range(first, room.count[1]):
            c = room.order[at]
            e = room.crossing[c, 0]
            bits, n = np.uint32(grid.bits[room.near[e, 1]]), room.near[e, 2]
            inside = _flip(grid, bits, n, room, room.where[c, 2], room.where[c, 3], sign)
            if inside < 0 or inside > 1:
                return False
        bx, by = _flat(xy[i + 1, 0], xy[i + 1, 1], origin)
        for k in range(room.count[2]):
            if room.inside[k]:
                _add_piece(room, k, room.since[k, 0], room.since[k, 1], bx, by, sign)
                room.since[k, 0], room.since[k, 1] = bx, by
    return not room.inside[parts : room.count[2]].any() and (room.inside[:parts] == at_start).all()


@compiled
def _within(sites, s, x, y):
    """Return 1 when a place lies in a site, 0 when outside, -1 when unsure."""
    inside = 0
    for r in range(sites.firsts[s], sites.firsts[s + 1]):
        for i in range(sites.rings[r], sites.rings[r + 1] - 1):
            ax, ay, bx, by = sites.xy[i, 0], sites.xy[i, 1], sites.xy[i + 1, 0], sites.xy[i + 1, 1]
            if (ay <= y) != (by <= y):
                side = side_of(ax, ay, bx, by, x, y)
                if side > RIGHT:
                    return -1
                inside ^= side == RIGHT
    return inside


@compiled
def _beside(grid, j, x, y):
    """Return the list, its bits left and right of the edge from vertex j at a place on it, and if sure."""
    nothing = np.uint32(0)
    column, row = int((x - grid.frame[0]) * grid.frame[2]), int((y - grid.frame[1]) * grid.frame[3])
    number, west = grid.cells[row, column], grid.sides[column]
    if number > FIRST_CROSSED:
        return 0, nothing, nothing, False
    n = FIRST_CROSSED - number
    held, own = np.uint32(grid.crossed[n, 2]), nothing
    for place in range(grid.crossed[n, 0], grid.crossed[n + 1, 0]):
        i = grid.vertices[place]
        if i == j:
            own = np.uint32(grid.bits[place])
            continue
        ax, ay, bx, by = grid.xy[i, 0], grid.xy[i, 1], grid.xy[i + 1, 0], grid.xy[i + 1, 1]
        side = LEFT
        if (ay <= y) != (by <= y):
            side = side_of(ax, ay, bx, by, x, y)
        elif (ay == y or by == y) and touches(ax, ay, bx, by, x, y):
            return 0, nothing, nothing, False
        if side > RIGHT:
            return 0, nothing, nothing, False
        if crosses(ax, ay, bx, by, side, west, y):
            held ^= np.uint32(grid.bits[place])
    ax, ay, bx, by = grid.xy[j, 0], grid.xy[j, 1], grid.xy[j + 1, 0], grid.xy[j + 1, 1]
    # West of the edge; of a level one north, where the way of the point begins.
    if crosses(ax, ay, bx, by, LEFT, west, y):
        held ^= own
    passed = y == ay if ay == by else (ay <= y) != (by <= y)
    forward = bx > ax if ay == by else by > ay
    return (n, held, held ^ own, passed) if forward else (n, held ^ own, held, passed)


@compiled
def _add_inner(grid, j, room, x, y, ax, ay, bx, by):
    """Add the piece of the edge from vertex j that holds a place; return False for the exact way."""
    n, left, right, sure = _beside(grid, j, x, y)
    one = np.uint32(1)
    if not sure or left & (left - one) or right & (right - one):
        return False
    room.count[4] += 1
    both = left ^ right
    for bit in range(MOST_AREAS):
        if both >> np.uint32(bit) & one:
            k = _part(room, grid.areas[grid.crossed[n, 1] + bit])
            if k < 0:
                return False
            _add_piece(room, k, ax, ay, bx, by, 1.0 if left >> np.uint32(bit) & one else -1.0)
    if (left == 0) != (right == 0):
        if room.count[3] == _MOST_OPEN:
            return False
        room.open[room.count[3]] = j
        room.count[3] += 1
    return True


@compiled
def _crossings_of(room, e):
    """Put the crossings of a near edge into ``order``, as they follow along it; return how many."""
    count = 0
    for c in range(room.count[1]):
        if room.crossing[c, 0] == e:
            at = count
            while at > 0 and room.where[room.order[at - 1], 5] > room.where[c, 5]:
                room.order[at] = room.order[at - 1]
                at -= 1
            room.order[at] = c
            count += 1
    return count


@compiled
def _walk_near(sites, s, e, grid, room, origin):
    """Add the pieces of a near edge that lie in the site; return False for the exact way."""
    j = room.near[e, 0]
    x, y, qx, qy = grid.xy[j, 0], grid.xy[j, 1], grid.xy[j + 1, 0], grid.xy[j + 1, 1]
    count = _crossings_of(room, e) if room.near[e, 3] > 0 else 0
    inside = _within(sites, s, x, y) if count == 0 else 1 - room.crossing[room.order[0], 1]
    if count == 0 and inside <= 0:
        return inside == 0
    ax, ay = _flat(x, y, origin)
    for at in range(count + 1):
        if at < count:
            c = room.order[at]
            if room.crossing[c, 1] == inside:
                return False
            to_x, to_y, bx, by = room.where[c, 0], room.where[c, 1], room.where[c, 2], room.where[c, 3]
        else:
            to_x, to_y = qx, qy
            bx, by = _flat(qx, qy, origin)
        if inside and not _add_inner(grid, j, room, (x + to_x) / 2, (y + to_y) / 2, ax, ay, bx, by):
            return False
        inside, x, y, ax, ay = 1 - inside, to_x, to_y, bx, by
    return True


@compiled
def _meet(xy, i, j):
    """Return whether two edges may share more than an end of both."""
    ax, ay, bx, by = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
    px, py, qx, qy = xy[j, 0], xy[j, 1], xy[j + 1, 0], xy[j + 1, 1]
    if _apart(ax, ay, bx, by, px, py, qx, qy):
        return False
    if (ax == qx and ay == qy) or (bx == qx and by == qy):
        px, py, qx, qy = qx, qy, px, py
    if (bx == px and by == py) and not (ax == px and ay == py):
        ax, ay, bx, by = bx, by, ax, ay
    if ax == px and ay == py:
        return _turn(ax, ay, bx, by, qx, qy) == 0 and (bx - ax) * (qx - px) + (by - ay) * (qy - py) >= 0
    if _turn(ax, ay, bx, by, px, py) * _turn(ax, ay, bx, by, qx, qy) > 0:
        return False
    return _turn(px, py, qx, qy, ax, ay) * _turn(px, py, qx, qy, bx, by) <= 0


@compiled
def _one_claim(grid, room):
    """Return whether no two edges with an area on one side only meet, so that no claim hides between."""
    for m in range(room.count[3]):
        for n in range(m):
            i, j = room.open[m], room.open[n]
            if i != j and _meet(grid.xy, i, j):
                return False
    return True


@compiled
def _closed(room, size, m2):
    """Return whether the pieces of every part close, and no part is more than the site."""
    for k in range(room.count[2]):
        if abs(room.gap[k, 0]) + abs(room.gap[k, 1]) > _OPEN_RING * size:
            return False
        if not -1e-9 * m2 <= room.twice[k] / 2 <= (1 + 1e-9) * m2:
            return False
    return True


@compiled
def _measure(sites, s, m2, box, grid, room):
    """Measure the parts of a site; return what is known of it then."""
    room.count[:] = 0
    if not _collect(grid, box, room):
        return DOUBTFUL
    begin = sites.rings[sites.firsts[s]]
    if room.count[0] == 0:  # the same areas all over the box
        inside = _enter(grid, sites.xy[begin, 0], sites.xy[begin, 1], room)
        return DOUBTFUL if inside < 0 or inside > 1 else WHOLE if inside else NOBODY
    origin = (sites.xy[begin, 0], sites.xy[begin, 1], _north(sites.xy[begin, 1]))
    for r in range(sites.firsts[s], sites.firsts[s + 1]):
        first, last = sites.rings[r], sites.rings[r + 1]
        sign = 1.0 if (_ring_twice(sites.xy, first, last) > 0) != sites.holes[r] else -1.0
        if not _walk_ring(sites.xy, first, last, sign, grid, room, origin):
            return DOUBTFUL
    for e in range(room.count[0]):
        if not _walk_near(sites, s, e, grid, room, origin):
            return DOUBTFUL
    if room.count[1] == room.count[4] == 0:
        if room.count[2] == 0:
            return NOBODY
        if room.count[2] == 1 and room.count[5] == sites.firsts[s + 1] - sites.firsts[s]:
            return WHOLE
    east, north = _flat(box[2], box[3], (box[0], box[1], _north(box[1])))
    if not (_closed(room, east + north, m2) and _one_claim(grid, room)):
        return DOUBTFUL
    return PARTED


@compiled
def measure_sites(sites, grid, begin, end, m2, state, site, rank, part_m2):
    """Measure the sites from ``begin`` to ``end`` and their parts; return how many parts were written.

    Args:
        sites: Sites.
        grid: Cells.
        begin: the first site.
        end: the one after the last site.
        m2: written: the area of each site.
        state: written: NOBODY, WHOLE, PARTED or DOUBTFUL; the last has no parts written.
        site: written, a row for each part: its site.
        rank: written beside: the rank of its area.
        part_m2: written beside: its area. A site whose parts find no room left is DOUBTFUL.
    """
    room, count = _make_room(), 0
    for s in range(begin, end):
        first, last = sites.firsts[s], sites.firsts[s + 1]
        m2[s] = 0.0
        for r in range(first, last):
            twice = abs(_ring_twice(sites.xy, sites.rings[r], sites.rings[r + 1]))
            m2[s] += -twice / 2 if sites.holes[r] else twice / 2
        box = _box(sites.xy, sites.rings[first], sites.rings[last])
        state[s] = _measure(sites, s, m2[s], box, grid, room)
        if state[s] == DOUBTFUL or state[s] == NOBODY:
            continue
        if count + room.count[2] > len(site):
            state[s] = DOUBTFUL
            continue
        for k in range(room.count[2]):
            if state[s] == PARTED or room.inside[k]:
                site[count], rank[count] = s, room.rank[k]
                part_m2[count] = m2[s] if state[s] == WHOLE else room.twice[k] / 2
                count += 1
    return count


class Measured(NamedTuple):
    """What ``measure_sites`` writes."""

    m2: np.ndarray
    state: np.ndarray
    site: np.ndarray
    rank: np.ndarray
    part_m2: np.ndarray


def measured(shapes: np.ndarray, grid: Cells) -> Measured:
    """Return what ``measure_sites`` writes of valid shapely polygons."""
    count, room = len(shapes), 4 * len(shapes) + _MOST_PARTS
    m2, state = np.empty(count), np.empty(count, np.int8)
    parts = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    used = measure_sites(sites_of(shapes), grid, 0, count, m2, state, *parts)
    return Measured(m2, state, *(part[:used] for part in parts))
