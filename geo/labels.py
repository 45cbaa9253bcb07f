"""Where the texts of a map stand: none upon another, none out of the frame.

The texts are placed one by one, the most important first. Each has some wordings, the fullest
first, and each wording some places, the best first. A wording stands where it hides least of what
should be seen; where none of its places is free, the next wording is tried, and a text none of
whose wordings has a place is left out, which the caller is told.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import shapely

#: The places round a box: (how far along its width and height the text's middle lies, which of its
#: own sizes it is moved by), in the order cartographers prefer: right, above and below, left.
_AROUND = np.array(
    [(1, -1), (1, 1), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (-1, 0), (0.5, -1), (0.5, 1), (-0.5, -1)]
    + [(-0.5, 1)],
    dtype=float,
)


class Wording(NamedTuple):
    """One way to say a text: how wide and high it is, and where its middle may be, the best first.

    ``faults`` says how bad each place is by itself (None: none is), in shares of the text's own
    area that would be hidden.
    """

    width: float
    height: float
    places: np.ndarray
    faults: np.ndarray | None = None

    @property
    def boxes(self) -> np.ndarray:
        """The box at each place: left, top, right, bottom."""
        half = np.array([self.width, self.height]) / 2
        return np.hstack([self.places - half, self.places + half])


class Placed(NamedTuple):
    """Where a text stands: which of its wordings, its middle, and its box."""

    wording: int
    middle: tuple[float, float]
    box: tuple[float, float, float, float]


def around(box: Sequence[float], width: float, height: float, gap: float) -> np.ndarray:
    """Return the places of a text's middle round a box, the best first.

    Args:
        box: left, top, right and bottom of what the text is of, y down.
        width: of the text.
        height: of the text.
        gap: between box and text.

    >>> around((0, 0, 2, 2), 4, 1, 1)[2].tolist()
    [5.0, 1.0]
    """
    left, top, right, bottom = box
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    reach = np.array([(right - left + width) / 2 + gap, (bottom - top + height) / 2 + gap])
    # Beside the box a text is level with its upper, lower or middle part, not beyond its corners.
    level = np.array([reach[0], abs(bottom - top - height) / 2])
    beside = np.abs(_AROUND[:, 0]) == 1
    return middle + np.where(beside[:, None], _AROUND * level, _AROUND * reach)


def rings(middle: Sequence[float], step: float, most: int) -> np.ndarray:
    """Return places round a middle: ``most`` rings, ``step`` apart, each with eight places more."""
    found = [np.array([middle], dtype=float)]
    for ring in range(1, most + 1):
        angles = np.arange(8 * ring) * (2 * np.pi / (8 * ring))
        found.append(np.array(middle) + ring * step * np.column_stack([np.cos(angles), np.sin(angles)]))
    return np.vstack(found)


@lru_cache(maxsize=8)
def _square(across: int) -> np.ndarray:
    """Return the places of a grid over the unit square, row by row."""
    axis = np.linspace(0, 1, across)
    return np.column_stack([np.tile(axis, across), np.repeat(axis, across)])


def inside(area: shapely.Geometry, width: float, height: float, across: int = 12) -> np.ndarray:
    """Return places in an area for a text: those nearest to the middle of its widest part first.

    A text whose box lies wholly in the area comes before one that crosses its edge.

    Args:
        area: a polygon.
        width: of the text.
        height: of the text.
        across: how many places a row of the grid has that is tried.
    """
    left, top, right, bottom = area.bounds
    heart = np.array(shapely.maximum_inscribed_circle(area, tolerance=(right - left) / 50).coords[0])
    grid = np.vstack([heart, (left, top) + _square(across) * (right - left, bottom - top)])
    shapely.prepare(area)
    grid = grid[shapely.contains_xy(area, grid[:, 0], grid[:, 1])]
    half = np.array([width, height]) / 2
    whole = shapely.contains(area, shapely.box(*(grid - half).T, *(grid + half).T))
    far = np.hypot(*(grid - heart).T)
    return grid[np.lexsort([far, ~whole])]


def place(
    texts: Sequence[Iterable[Wording]],
    frame: Sequence[float],
    hidden: np.ndarray,
    weights: np.ndarray,
    own: Sequence[int | None] | None = None,
    taken: np.ndarray | None = None,
    apart: float = 0.0,
) -> list[Placed | None]:
    """Return where each text stands (None: nowhere), so that no two boxes meet and all are in the frame.

    Args:
        texts: the wordings of each text, the most important text first; a later wording is taken from
            them only where the one before has no place.
        frame: left, top, right and bottom of the map, y down.
        hidden: boxes of what the texts should not hide, one a row as the frame.
        weights: how bad it is to hide a unit of each of them.
        own: which of them each text is of, and may hide (None: of none).
        taken: boxes where no text may stand.
        apart: the least distance between two texts.
    """
    held = np.empty((0, 4)) if taken is None else np.asarray(taken, dtype=float)
    boxes, count = np.vstack([held, np.empty((len(texts), 4))]), len(held)
    found: list[Placed | None] = []
    for number, wordings in enumerate(texts):
        mine = own[number] if own else None
        minded = weights
        if mine is not None:
            minded = weights.copy()
            minded[mine] = 0.0
        spot = _first(wordings, frame, hidden, minded, boxes[:count])
        found.append(spot)
        if spot is not None:
            boxes[count] = np.array(spot.box) + (-apart, -apart, apart, apart)
            count += 1
    return found


def _first(
    wordings: Iterable[Wording],
    frame: Sequence[float],
    hidden: np.ndarray,
    weights: np.ndarray,
    taken: np.ndarray,
) -> Placed | None:
    for number, wording in enumerate(wordings):
        boxes = wording.boxes
        places = _free(boxes, frame, taken)
        if len(places):
            seen = _near(boxes[places], hidden)
            area = wording.width * wording.height
            cost = _common(boxes[places], hidden[seen]) @ weights[seen] / area
            cost += 0.0 if wording.faults is None else wording.faults[places]
            # A later place must be better by something that can be seen.
            best = places[np.argmin(np.round(cost, 1) + 0.02 * np.arange(len(places)) / len(places))]
            return Placed(number, tuple(wording.places[best].tolist()), tuple(boxes[best].tolist()))
    return None


def _free(boxes: np.ndarray, frame: Sequence[float], taken: np.ndarray) -> np.ndarray:
    """Return which boxes are in the frame and meet none that is taken, in order."""
    # Column by column: a reduction over two columns takes ten times as long.
    left, top, right, bottom = boxes.T
    within = (left >= frame[0]) & (top >= frame[1]) & (right <= frame[2]) & (bottom <= frame[3])
    places = np.flatnonzero(within)
    others = taken[_near(boxes[places], taken)]
    if not len(others):
        return places
    left, top, right, bottom = boxes[places].T[:, :, None]
    met = (left < others[:, 2]) & (right > others[:, 0]) & (top < others[:, 3]) & (bottom > others[:, 1])
    return places[~met.any(axis=1)]


def _common(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the area each box has in common with each of the others."""
    across = np.minimum(boxes[:, 2, None], others[:, 2]) - np.maximum(boxes[:, 0, None], others[:, 0])
    down = np.minimum(boxes[:, 3, None], others[:, 3]) - np.maximum(boxes[:, 1, None], others[:, 1])
    return np.maximum(across, 0) * np.maximum(down, 0)


def _near(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which of the others meet the box around all boxes."""
    if not len(boxes):
        return np.zeros(len(others), dtype=bool)
    left, top = boxes[:, 0].min(), boxes[:, 1].min()
    right, bottom = boxes[:, 2].max(), boxes[:, 3].max()
    low, high = (others[:, 0] < right) & (others[:, 1] < bottom), (others[:, 2] > left) & (others[:, 3] > top)
    return low & high
