"""A layer as the map draws it, in one state of the store: arrays that tiles are cut from.

What is read, renewed and kept of them is in ``layers/pictures.py``.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import ref

import numpy as np

from geo import crowding, mvt, tilesets
from geo.attributes import Column, Text, Told
from geo.tilesets import PointSet, ShapeSet
from layers.boxes import Box
from layers.mapping import COUNTED, DEEPEST

_MOST_CROWDS = 200  # answers that a picture keeps in mind


class Moment(NamedTuple):
    """A state of a layer: number and hash of the history's last entry, and the layer's revision."""

    seq: int
    hash: str
    revision: int


@dataclass(frozen=True, eq=False)
class Picture:
    """A layer's points, its lines and polygons, and what is told of each row.

    The first ``ordered`` rows are in order of their codes. A row that is in neither set is not seen.
    """

    layer: str
    moment: Moment
    points: PointSet
    shapes: ShapeSet
    told: Told
    ordered: int
    _crowds: OrderedDict[tuple, tuple] = field(default_factory=OrderedDict, repr=False)

    @property
    def codes(self) -> Text:
        """The codes of all rows."""
        return self.told.columns[0]

    @property
    def many(self) -> int:
        """How many rows there are."""
        return len(self.codes.starts) - 1

    def row_of(self, code: str) -> int:
        """Return the row of a code, -1 where there is none."""
        found = self.codes.find(code, self.ordered)
        if found >= 0:
            return found
        late = (row for row in range(self.ordered, self.many) if self.codes.at(row) == code)
        return next(late, -1)

    def tile(
        self, z: int, x: int, y: int, keep: np.ndarray | None = None, counts: Column | None = None
    ) -> bytes:
        """Return a vector tile: a layer of its name, and one of its shapes where it has points too.

        Args:
            z: zoom.
            x: column of the tile, from the west.
            y: row of the tile, from the north.
            keep: of every row whether it is drawn; all are without it.
            counts: what is counted where many are drawn as one, by row; without it what COUNTED names.
        """
        asked = {"keep": keep, "counts": counts or COUNTED[self.layer]}
        named = f"{self.layer}_areas" if len(self.points.x) and len(self.shapes.row) else self.layer
        few = [self._few(features, z, keep) for features in (self.points, self.shapes)]
        drawn = mvt.layer(self.layer, self.points, self.told, z, x, y, few=few[0], **asked)
        return drawn + mvt.layer(named, self.shapes, self.told, z, x, y, few=few[1], **asked)

    def _few(self, features: PointSet | ShapeSet, z: int, keep: np.ndarray | None) -> int:
        """Return how many a tile of a zoom draws one by one: all of them in all tiles, or none in any.

        Only at the deepest zoom a tile decides for itself: nobody can look closer.
        """
        if z >= DEEPEST:
            return mvt.FEW
        key, most = (id(features), z, id(keep), mvt.FEW), len(features.row)
        seen, found = self._crowds.get(key, (None, 0))
        if seen is None or seen() is not keep:
            found = 0 if crowding.crowded(features, z, mvt.FEW, keep) else most
            self._crowds[key] = (lambda: None) if keep is None else ref(keep), found
            while len(self._crowds) > _MOST_CROWDS:
                self._crowds.popitem(last=False)
        return found

    def rows_of(self, codes: Sequence[str]) -> np.ndarray:
        """Return of every row whether its code is one of these, which are in order."""
        found = np.zeros(self.many, bool)
        if len(codes) > self.many // 50:
            wanted = set(codes)
            found[:] = [code in wanted for code in self.codes.texts()]
        else:
            rows = np.array([self.row_of(code) for code in codes], np.int64)
            found[rows[rows >= 0]] = True
        return found

    def count(self, keep: np.ndarray | None = None, box: Box | None = None) -> int:
        """Return how many rows are drawn, in a box those whose own boxes meet it."""
        return sum(int(np.count_nonzero(chosen)) for _, chosen in self._chosen(keep, box))

    def bounds(self, keep: np.ndarray | None = None) -> Box | None:
        """Return west, south, east and north of what is drawn, degrees; None where there is nothing."""
        found = [boxes[chosen] for boxes, chosen in self._chosen(keep, None) if chosen.any()]
        if not found:
            return None
        west, north = np.min([boxes[:, :2].min(axis=0) for boxes in found], axis=0)
        east, south = np.max([boxes[:, 2:].max(axis=0) for boxes in found], axis=0)
        lon, lat = tilesets.degrees(np.array([west, east]), np.array([south, north]))
        return float(lon[0]), float(lat[0]), float(lon[1]), float(lat[1])

    def _chosen(self, keep: np.ndarray | None, box: Box | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the boxes of the points, and of the shapes, and which of them are meant."""
        at = self.points
        for boxes, rows in (
            (np.column_stack([at.x, at.y, at.x, at.y]), at.row),
            (self.shapes.boxes, self.shapes.row),
        ):
            meant = np.ones(len(rows), bool) if keep is None else keep[rows]
            if box is not None:
                (west, east), (south, north) = tilesets.world(np.array(box[::2]), np.array(box[1::2]))
                meant &= (boxes[:, 0] <= east) & (boxes[:, 2] >= west)
                meant &= (boxes[:, 1] <= south) & (boxes[:, 3] >= north)
            yield boxes, meant

    @property
    def bytes(self) -> int:
        """How much memory its arrays take."""
        held = [*self.points, *self.shapes]
        return sum(array.nbytes for array in held) + self.told.bytes
