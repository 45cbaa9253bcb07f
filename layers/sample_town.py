"""The plan of the invented town: its streets, blocks, river and street offices. No records, no frames.

Everything is a rectangle of the sheet (``layers.sample_sheet``), or cut from one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from layers.sample_sheet import RIVER, Dice, Point, Ring

#: Where the avenues run, metres on the sheet: west to east, and south to north.
AVENUES = (-4500, -3620, -2760, -1980, -1240, -520, 260, 980, 1760, 2640, 3560, 4500)
CROSS_AVENUES = (-3500, -2600, -1760, RIVER, -180, 560, 1260, 2040, 2780, 3500)
BRIDGES = tuple(AVENUES[i] for i in (1, 3, 5, 6, 8, 10))
OLD_TOWN = (-100, 500)
#: Who answers for which square between avenues, north at the top; a dot is another district.
OFFICE_PLAN = (
    "..AAABBB...",
    ".CAAABBDDD.",
    "CCCEEFFDDDJ",
    "CCGEEFFHHJJ",
    "GGGIIKKHHJJ",
    "GGIIIKKHHJJ",
    "MMMNNNLLLLO",
    ".MMNNNLLLOO",
    "..MMNN.LLOO",
)
OUTSIDE = "."
NEW_TOWN = frozenset("JO")
LAKE_SQUARE = (6, 5)

_AVENUE, _STREET, _LANE = 40.0, 24.0, 14.0
_RIVER_MARGIN, _QUAY, _BANK = 142.0, 130.0, (74.0, 118.0)
_STEP = 100


class Divide(NamedTuple):
    """A boundary inside a square: along ``axis`` = ``at``; ``low`` answers below it, ``high`` above.

    ``spans`` are the compounds built across it: metres below and above the boundary.
    """

    axis: str
    at: float
    low: str
    high: str
    spans: tuple[tuple[float, float], ...]


#: By (column, row) of the square, counted from the south-west.
DIVIDES = {
    (3, 6): Divide("u", -1700, "C", "E", ((112, 8.4),)),
    (5, 5): Divide("u", -260, "E", "F", ((84, 56), (9, 110))),
    (5, 4): Divide("u", -150, "I", "K", ((96, 64),)),
    (7, 4): Divide("u", 1380, "K", "H", ((70, 70), (118, 6))),
    (5, 7): Divide("u", -140, "A", "B", ((30, 120),)),
    (3, 2): Divide("u", -1640, "M", "N", ((135, 15),)),
    (6, 1): Divide("u", 640, "N", "L", ((100, 75),)),
    (3, 5): Divide("v", 900, "I", "E", ((12, 108), (95, 40))),
    (7, 6): Divide("v", 1640, "H", "D", ((60, 84),)),
    (1, 8): Divide("u", -3180, OUTSIDE, "A", ((52, 110),)),
    (6, 0): Divide("v", -3040, OUTSIDE, "L", ((26, 104),)),
}


class Lot(NamedTuple):
    """A rectangle of the sheet up to the middle of the roads around it.

    ``margins`` is what the roads take: west, south, east, north. ``office`` answers for it
    (the larger part of it), ``spans`` says that it lies across a boundary.
    """

    west: float
    south: float
    east: float
    north: float
    margins: tuple[float, float, float, float]
    office: str
    spans: bool = False

    @property
    def inner(self) -> tuple[float, float, float, float]:
        """The block itself, without the roads: west, south, east, north."""
        w, s, e, n = self.margins
        return self.west + w, self.south + s, self.east - e, self.north - n

    @property
    def outline(self) -> Ring:
        """The block's edge as a ring of the sheet."""
        return rectangle(*self.inner)

    @property
    def middle(self) -> Point:
        """The middle of the block."""
        west, south, east, north = self.inner
        return (west + east) / 2, (south + north) / 2

    @property
    def area(self) -> float:
        """The block's size on the sheet, m²."""
        west, south, east, north = self.inner
        return (east - west) * (north - south)


class Street(NamedTuple):
    """A road's middle line on the sheet, its width in metres and its name ("" for a lane)."""

    line: Ring
    width: float
    major: bool
    name: str = ""


class Town(NamedTuple):
    """The whole plan, on the sheet: ``offices`` maps each letter of the plan to its outline."""

    offices: dict[str, Ring]
    lots: list[Lot]
    streets: list[Street]
    river: Ring
    banks: list[Ring]
    park: Lot
    lake: Ring


def _stops(lines: Iterable[float]) -> list[float]:
    """Where a long line gets a vertex, so that it bends smoothly and neighbours share them all."""
    fixed = set(lines)
    extra = (float(m) for m in range(-5500, 5501, _STEP))
    return sorted(fixed | {m for m in extra if all(abs(m - f) >= 30 for f in fixed)})


_U_STOPS = _stops([*AVENUES, *(d.at for d in DIVIDES.values() if d.axis == "u")])
_V_STOPS = _stops([*CROSS_AVENUES, *(d.at for d in DIVIDES.values() if d.axis == "v")])


def _run(start: Point, end: Point) -> Ring:
    """The points of a straight line of the sheet, both ends and all stops between."""
    across = start[1] == end[1]
    a, b = (start[0], end[0]) if across else (start[1], end[1])
    stops = _U_STOPS if across else _V_STOPS
    between = stops[bisect_right(stops, min(a, b)) : bisect_left(stops, max(a, b))]
    places = [a, *(between if a < b else reversed(between)), b]
    return [(p, start[1]) if across else (start[0], p) for p in places]


def rectangle(west: float, south: float, east: float, north: float) -> Ring:
    """Return a rectangle of the sheet as an open ring, counter-clockwise, with all its stops."""
    corners = [(west, south), (east, south), (east, north), (west, north)]
    sides = zip(corners, corners[1:] + corners[:1], strict=True)
    return [point for start, end in sides for point in _run(start, end)[:-1]]


def _outline(rings: Iterable[Ring]) -> Ring:
    """The ring around touching rectangles: what each runs one way and no other runs back."""
    onward: set[tuple[Point, Point]] = set()
    for ring in rings:
        for edge in zip(ring, ring[1:] + ring[:1], strict=True):
            if edge[::-1] in onward:
                onward.remove(edge[::-1])
            else:
                onward.add(edge)
    follow = dict(onward)
    outline = [min(follow)]
    while (point := follow[outline[-1]]) != outline[0]:
        outline.append(point)
    if len(outline) != len(onward):
        raise ValueError("a street office of the plan is in two parts or pinched")
    return outline


def _squares() -> Iterator[tuple[int, int, str]]:
    for row, line in enumerate(reversed(OFFICE_PLAN)):
        for column, office in enumerate(line):
            yield column, row, office


def _offices() -> dict[str, Ring]:
    parts: dict[str, list[Ring]] = {}
    for column, row, office in _squares():
        west, east = AVENUES[column : column + 2]
        south, north = CROSS_AVENUES[row : row + 2]
        divide = DIVIDES.get((column, row))
        if divide is None:
            boxes = [(office, (west, south, east, north))]
        elif divide.axis == "u":
            at = divide.at
            boxes = [(divide.low, (west, south, at, north)), (divide.high, (at, south, east, north))]
        else:
            at = divide.at
            boxes = [(divide.low, (west, south, east, at)), (divide.high, (west, at, east, north))]
        for owner, box in boxes:
            parts.setdefault(owner, []).append(rectangle(*box))
    return {owner: _outline(parts[owner]) for owner in sorted(parts) if owner != OUTSIDE}


class _Surveyor:
    """Cuts squares into blocks and keeps the streets that this makes."""

    def __init__(self, seed: int) -> None:
        self.dice = Dice(seed, "streets")
        self.streets: list[Street] = []

    def cut(self, lot: Lot, axis: str, at: float, width: float) -> tuple[Lot, Lot]:
        """Lay a street through a lot, and return the two sides."""
        w, s, e, n = lot.margins
        half = width / 2
        if axis == "u":
            line = _run((at, lot.south), (at, lot.north))
            sides = (
                lot._replace(east=at, margins=(w, s, half, n)),
                lot._replace(west=at, margins=(half, s, e, n)),
            )
        else:
            line = _run((lot.west, at), (lot.east, at))
            sides = (
                lot._replace(north=at, margins=(w, s, e, half)),
                lot._replace(south=at, margins=(w, half, e, n)),
            )
        self.streets.append(Street(line, width, False))
        return sides

    def divide(self, lot: Lot, divide: Divide) -> list[Lot]:
        """Cut a square along a boundary, leaving the compounds that lie across it whole."""
        other = "v" if divide.axis == "u" else "u"
        low, high = (lot.south, lot.north) if other == "v" else (lot.west, lot.east)
        bands, count = [], 2 * len(divide.spans) + 1
        rest = lot
        for band in range(1, count):
            at = low + (high - low) * (band + self.dice.between(-0.12, 0.12)) / count
            first, rest = self.cut(rest, other, at, _LANE)
            bands.append(first)
        lots = []
        for number, band_lot in enumerate([*bands, rest]):
            if number % 2 == 0:
                below, above = self.cut(band_lot, divide.axis, divide.at, _LANE)
            else:
                span = divide.spans[number // 2]
                below, right = self.cut(band_lot, divide.axis, divide.at - span[0] - _LANE / 2, _LANE)
                across, above = self.cut(right, divide.axis, divide.at + span[1] + _LANE / 2, _LANE)
                owner = divide.low if span[0] >= span[1] else divide.high
                lots.append(across._replace(office=owner, spans=True))
            lots += [below._replace(office=divide.low), above._replace(office=divide.high)]
        return lots

    def blocks(self, lot: Lot, depth: int = 0) -> list[Lot]:
        """Cut a lot into blocks: small in the old town, larger further out."""
        west, south, east, north = lot.inner
        width, height = east - west, north - south
        u, v = (lot.middle[0] - OLD_TOWN[0]) / 3600, (lot.middle[1] - OLD_TOWN[1]) / 2600
        away = u * u + v * v
        grain = (165 + 150 * min(away, 1)) * self.dice.between(0.95, 1.4)
        if lot.spans or max(width, height) < grain:
            return [lot]
        axis = "u" if width >= height else "v"
        share = self.dice.between(0.38, 0.62)
        at = west + width * share if axis == "u" else south + height * share
        parts = self.cut(lot, axis, at, _LANE if depth else _STREET)
        return [block for part in parts for block in self.blocks(part, depth + 1)]


def _square_lot(column: int, row: int, office: str) -> Lot:
    west, east = AVENUES[column : column + 2]
    south, north = CROSS_AVENUES[row : row + 2]
    half = _AVENUE / 2
    low = _RIVER_MARGIN if south == RIVER else half
    high = _RIVER_MARGIN if north == RIVER else half
    return Lot(west, south, east, north, (half, low, half, high), office)


def _lots(surveyor: _Surveyor) -> tuple[list[Lot], Lot]:
    """All blocks, and the park with the lake."""
    lots, park = [], None
    for column, row, office in _squares():
        square = _square_lot(column, row, office)
        divide = DIVIDES.get((column, row))
        if divide is not None:
            parts = surveyor.divide(square, divide)
        elif (column, row) == LAKE_SQUARE:
            town, park = surveyor.cut(square, "u", square.west + 250, _STREET)
            parts = [town]
        else:
            parts = [square] if office != OUTSIDE else []
        lots += [block for part in parts for block in surveyor.blocks(part)]
    return lots, park


def _built(column: int, row: int) -> bool:
    """Whether the square is part of the town."""
    inside = 0 <= row < len(OFFICE_PLAN) and 0 <= column < len(OFFICE_PLAN[0])
    return inside and (OFFICE_PLAN[-1 - row][column] != OUTSIDE or (column, row) in DIVIDES)


def _avenues(names: Sequence[str], cross_names: Sequence[str]) -> Iterator[Street]:
    """The avenues, a little beyond the district; only bridges cross the river."""
    for i, (u, name) in enumerate(zip(AVENUES, names, strict=True)):
        rows = [j for j in range(len(OFFICE_PLAN)) if _built(i - 1, j) or _built(i, j)]
        south, north = CROSS_AVENUES[rows[0]] - 300, CROSS_AVENUES[rows[-1] + 1] + 300
        if u in BRIDGES:
            yield Street(_run((u, south), (u, north)), _AVENUE, True, name)
        else:
            yield Street(_run((u, south), (u, RIVER - _QUAY)), _AVENUE, True, name)
            yield Street(_run((u, RIVER + _QUAY), (u, north)), _AVENUE, True, name)
    for j, (v, name) in enumerate(zip(CROSS_AVENUES, cross_names, strict=True)):
        columns = [i for i in range(len(OFFICE_PLAN[0])) if _built(i, j - 1) or _built(i, j)]
        west, east = AVENUES[columns[0]] - 300, AVENUES[columns[-1] + 1] + 300
        for at in (v,) if v != RIVER else (v - _QUAY, v + _QUAY):
            yield Street(_run((west, at), (east, at)), _AVENUE if v != RIVER else _STREET, v != RIVER, name)


def _rounded(ring: Ring, times: int) -> Ring:
    """The ring with its corners cut again and again (Chaikin), as water lies."""
    for _ in range(times):
        pairs = list(zip(ring, ring[1:] + ring[:1], strict=True))
        ring = [
            (a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part)
            for a, b in pairs
            for part in (0.25, 0.75)
        ]
    return ring


_LAKE = ((0.2, 0.12), (0.55, 0.1), (0.85, 0.2), (0.8, 0.42), (0.9, 0.68), (0.72, 0.9), (0.4, 0.86),
         (0.22, 0.66), (0.34, 0.5), (0.12, 0.34))  # fmt: skip


def _lake(park: Lot) -> Ring:
    west, south, east, north = park.inner
    return _rounded([(west + (east - west) * a, south + (north - south) * b) for a, b in _LAKE], 3)


def _river() -> Ring:
    """The river, wider downstream."""
    middle = _run((AVENUES[0] - 800, RIVER), (AVENUES[-1] + 800, RIVER))
    half = [48 + 0.002 * (u - AVENUES[0]) for u, _ in middle]
    south = [(u, v - h) for (u, v), h in zip(middle, half, strict=True)]
    return south + [(u, v + h) for (u, v), h in zip(middle, half, strict=True)][::-1]


def _banks() -> list[Ring]:
    """The green between the bridges, on either bank."""
    stretches = zip(BRIDGES, BRIDGES[1:], strict=False)
    near, far = _BANK
    return [
        rectangle(west + 26, RIVER + low, east - 26, RIVER + high)
        for west, east in stretches
        for low, high in ((near, far), (-far, -near))
    ]


def draw_town(seed: int, names: Sequence[str], cross_names: Sequence[str]) -> Town:
    """Return the plan of the town for a seed.

    ``names`` are the names of the avenues from west to east, ``cross_names`` those from south
    to north; the offices, the river and the avenues are the same for every seed.
    """
    surveyor = _Surveyor(seed)
    lots, park = _lots(surveyor)
    streets = [*_avenues(names, cross_names), *surveyor.streets]
    return Town(_offices(), lots, streets, _river(), _banks(), park, _lake(park))
