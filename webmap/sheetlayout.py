"""How a printed sheet is divided: paper, frame of the map, room of the matrix. All in millimetres.

Everything is drawn for A0 and made smaller with the paper, but for what must stay legible: where
the lines of the matrix would become too small to read beside the map, it goes on pages of its own.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from geo.errors import RequestError

#: Width and height of upright paper.
SIZES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"A0": (841, 1189), "A1": (594, 841), "A2": (420, 594), "A3": (297, 420), "A4": (210, 297)}
)
ORIENTATIONS = ("landscape", "portrait")
#: Millimetres of a typographic point.
POINT_MM = 25.4 / 72
#: Scales that a person can measure with, times a power of ten.
_ROUND = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.5, 8.0)
#: The least height of a line of the matrix, and how much of it the letters take.
_LEAST_LINE, _LETTERS = 4.8, 0.48
#: The height of a line on A0 where there is room.
_LINE = 16.5
#: The columns of the matrix on A0: number, name, floor area, households; then the seven stages.
_FACTS = (21.0, 104.0, 38.0, 34.0)
_STAGE = 33.5


class Box(NamedTuple):
    """A rectangle on the paper, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Layout(NamedTuple):
    """A sheet: its paper, how much smaller than A0 it is, and where everything stands.

    ``matrix`` is None where the matrix has pages of its own; ``line`` is the height of its lines.
    """

    width: float
    height: float
    scale: float
    margin: float
    title: Box
    map: Box
    legend: Box
    footer: Box
    matrix: Box | None
    line: float

    @property
    def columns(self) -> tuple[float, ...]:
        """The widths of the matrix's columns."""
        room = self.matrix.width if self.matrix else self.width - 2 * self.margin
        widths = (*_FACTS, *(7 * (_STAGE,)))
        return tuple(width * room / sum(widths) for width in widths)

    @property
    def letters(self) -> float:
        """The size of the matrix's letters, in points."""
        return self.line * _LETTERS / POINT_MM


def paper(size: str, orientation: str = "landscape") -> tuple[float, float]:
    """Return width and height of the paper; raise RequestError for one there is not.

    >>> paper("A4")
    (297, 210)
    """
    if size not in SIZES:
        raise RequestError(
            "%(size)s is no size of paper here; there are %(sizes)s.", size=size, sizes=", ".join(SIZES)
        )
    if orientation not in ORIENTATIONS:
        raise RequestError(
            "%(orientation)s is no way to hold the paper; there are %(orientations)s.",
            orientation=orientation,
            orientations=", ".join(ORIENTATIONS),
        )
    short, long = SIZES[size]
    return (long, short) if orientation == "landscape" else (short, long)


def layout(size: str, orientation: str, lines: int) -> Layout:
    """Return how a sheet is divided whose matrix has so many lines.

    Raises:
        RequestError: there is no such paper.
    """
    width, height = paper(size, orientation)
    scale = min(width, height) / SIZES["A0"][0]
    margin = max(24 * scale, 8.0)
    inner = width - 2 * margin
    gap = max(12 * scale, 4.0)
    title = Box(margin, margin, inner, max(74 * scale, 20.0))
    footer = Box(margin, height - margin - max(20 * scale, 8.0), inner, max(20 * scale, 8.0))
    top, bottom = title.y + title.height + gap / 2, footer.y - gap / 2
    legend = max(96 * scale, 30.0) if width > height else max(118 * scale, 46.0)
    matrix, frame = _beside(Box(margin, top, inner, bottom - top), scale, gap, legend, lines)
    if matrix is None:
        frame = Box(margin, top, inner, bottom - top)
    chart = Box(frame.x, frame.y, frame.width, frame.height - legend - gap / 2)
    strip = Box(frame.x, chart.y + chart.height + gap / 2, frame.width, legend)
    line = min(matrix.height / lines, _LINE * scale) if matrix else max(_LINE * scale, 1.25 * _LEAST_LINE)
    return Layout(width, height, scale, margin, title, chart, strip, footer, matrix, line)


def _beside(room: Box, scale: float, gap: float, legend: float, lines: int) -> tuple[Box | None, Box]:
    """Return the boxes of the matrix (None: too small to read) and of the map that share a room."""
    if room.width > room.height:
        wide = (sum(_FACTS) + 7 * _STAGE) * scale
        matrix = Box(room.x + room.width - wide, room.y, wide, room.height)
        frame = Box(room.x, room.y, room.width - wide - gap, room.height)
    else:
        high = min(lines * 13.0 * scale, 0.46 * room.height)
        matrix = Box(room.x, room.y + room.height - high, room.width, high)
        frame = Box(room.x, room.y, room.width, room.height - high - gap)
    fits = lines > 0 and min(matrix.height / lines, _LINE * scale) >= _LEAST_LINE
    return (matrix if fits else None), frame


def round_scale(metres: Sequence[float], frame: Sequence[float]) -> int:
    """Return the denominator of the largest round scale at which a ground fits a frame.

    Args:
        metres: width and height of the ground.
        frame: width and height of the frame in millimetres.

    >>> round_scale((9500, 7500), (697, 570))
    15000
    """
    least = max(ground * 1000 / room for ground, room in zip(metres, frame, strict=True))
    power = 10 ** (len(str(int(max(least, 1)))) - 1)
    return next(int(step * power) for step in (*_ROUND, 10.0) if step * power >= least)


def bar_length(denominator: float, width: float) -> int:
    """Return how many metres a scale bar stands for: a round number, at most so many millimetres wide.

    >>> bar_length(15000, 150)
    2000
    """
    most = denominator * width / 1000
    power = 10 ** (len(str(int(max(most, 1)))) - 1)
    return int(max(step * power for step in (1, 2, 5) if step * power <= max(most, 1)))
