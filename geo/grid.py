"""Which areas points and sites lie in, at the speed of a grid: the answers of geo.locate and geo.assign.

A uniform grid is laid over the areas. A cell that no edge passes lies wholly in the same areas,
and its points need no exact test; the other cells carry the few edges that pass them. A site all
of whose cells are of the first kind lies wholly in their area; of another the parts are measured
from the edges near it. What rounding leaves in doubt is asked of ``geo.locate.cover`` and
``geo.assign.parts``.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property, partial

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo import kernels, locate, sharing
from geo.assign import SLIVER, Assigned, Parts, Shared, parts, shared, told
from geo.borders import edge_distances
from geo.cells import Outlines, built, outlines_of
from geo.check import require
from geo.crs import require_stored
from geo.errors import GeometryError
from geo.threads import share_out

#: Part of the key: another layout of the arrays must not be taken for this one.
LAYOUT = "guatu grid 2"

_POINTS, _SITES, _VERTICES = 32_768, 512, 65_536  # that a thread takes at a time


def _key(outlines: Outlines, labels: pd.Index) -> str:
    """Return a sha256 over the areas: their codes and outlines."""
    pieces = share_out(lambda a, b: hashlib.sha256(outlines.xy[a:b]).digest(), len(outlines.xy), _VERTICES)
    digest = hashlib.sha256(repr((LAYOUT, labels.tolist())).encode())
    for part in (*pieces, *outlines[1:]):
        digest.update(part)
    return digest.hexdigest()


def _coordinates(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return x and y of points; None where one cannot be trusted, or is not just a point."""
    try:
        x, y = shapely.get_x(shapes), shapely.get_y(shapes)
    except shapely.GEOSException:  # an empty point has none
        return None
    # NaN, for a missing geometry or one of another type, is in no range.
    plain = len(x) == 0 or (x.min() >= -180 and x.max() <= 180 and y.min() >= -90 and y.max() <= 90)
    return (x, y) if plain else None


class Grid:
    """Areas made ready for looking up many points: ``locate`` as geo.locate.locate, but fast.

    Args:
        areas: polygons in STORED, indexed by code.
        kept: the ``arrays`` of a grid of the same areas, for which nothing is built or checked again.
        key: the ``key`` that belongs to ``kept``.

    ``key`` is a sha256 over the areas, ``arrays`` all that was built from them; empty where there
    is nothing to build from or with: no areas, no numba, or edges no height of a row tells apart.

    Raises:
        CrsError: the areas are not in STORED.
        GeometryError: an area is missing, of the wrong type or invalid, a label comes twice, or
            the key is not that of the areas.

    >>> areas = gpd.GeoSeries([shapely.box(117, 36, 118, 37)], index=["370102"], crs="EPSG:4490")
    >>> Grid(areas).locate(gpd.GeoSeries([shapely.Point(117.5, 36.5)], crs="EPSG:4490"))["area"].tolist()
    ['370102']
    """

    def __init__(
        self, areas: gpd.GeoSeries, kept: Mapping[str, np.ndarray] | None = None, key: str = ""
    ) -> None:
        require_stored(areas)
        if kept is None:
            require(areas, "polygon")
        self._areas, self._order = areas, locate.ranks(areas.index)
        self._outlines = outlines_of(areas.to_numpy(), self._order)
        if kept is not None and key != self.key:
            raise GeometryError("The grid was made for other areas.")
        can = kernels.COMPILED and len(areas) > 0
        self.arrays: dict[str, np.ndarray] = (
            dict(kept) if kept is not None else built(self._outlines) if can else {}
        )
        usable = self.arrays and kernels.COMPILED
        self._cells = sharing.Cells(self._outlines.xy, **self.arrays) if usable else None

    @cached_property
    def key(self) -> str:
        """A sha256 over the areas: a file's grid is theirs when it says the same."""
        return _key(self._outlines, self._areas.index)

    def locate(self, points: gpd.GeoSeries) -> pd.DataFrame:
        """Return the area each point lies in, and whether another could claim it.

        Args:
            points: points in STORED.

        Returns and raises what geo.locate.locate does.
        """
        require_stored(points)
        shapes = points.to_numpy()
        area, several = np.empty(len(shapes), dtype=object), np.empty(len(shapes), dtype=bool)
        left = share_out(partial(self._tell, shapes, area, several), len(shapes), _POINTS)
        if any(one is None for one in left):
            require(points, "point", labelled=False)
            left = [np.arange(len(shapes))]
        doubtful = np.concatenate([np.empty(0, dtype=np.intp), *left])
        lowest, several[doubtful] = self._asked(shapes[doubtful])
        area[doubtful] = self._codes[lowest]
        column = pd.Series(area, index=points.index, dtype=object, copy=False)
        return pd.DataFrame({"area": column, "several": several}, index=points.index, copy=False)

    def _tell(
        self, shapes: np.ndarray, area: np.ndarray, several: np.ndarray, begin: int, end: int
    ) -> np.ndarray | None:
        """Write what is said of points from ``begin`` to ``end``; return those in doubt; None if unusable."""
        xy = _coordinates(shapes[begin:end])
        if xy is None:
            return None
        lowest = self._looked_up(*xy, several[begin:end])
        area[begin:end] = self._codes[np.maximum(lowest, kernels.NONE)]
        return begin + np.flatnonzero(lowest == kernels.DOUBT)

    def assign(self, sites: gpd.GeoSeries, border_above: float = 0.01) -> Assigned:
        """Return which areas share each site, and which one answers for it.

        Args:
            sites: polygons in STORED, indexed by code.
            border_above: a site lies on a border when the areas beside the main one hold more of it.

        Returns and raises what geo.assign.assign does.
        """
        require(sites, "polygon")
        found = self._shared_out(sites.to_numpy())
        return told(found, sites.index, self._areas.index, border_above)

    @property
    def areas(self) -> gpd.GeoSeries:
        """The areas, on their codes."""
        return self._areas

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self._areas.to_numpy())

    @cached_property
    def _codes(self) -> np.ndarray:
        """The areas' codes in order, and None, to which the rank NONE points."""
        return np.append(self._areas.index.sort_values().to_numpy(dtype=object), None)

    def covering(self, point: shapely.Point) -> tuple[str | None, bool]:
        """Return what ``locate`` says of one point in STORED: a code, and whether several claim it."""
        lowest, several = self.look_up(np.array([point.x]), np.array([point.y]))
        return self._codes[lowest[0]], bool(several[0])

    def candidates(self, point: shapely.Point) -> tuple[str, ...]:
        """Return what ``geo.borders.candidates`` says of one point in STORED."""
        found = self._tree.query(point, predicate="intersects")
        return tuple(sorted(self._areas.index[found]))

    def nearest(self, point: shapely.Point) -> tuple[str | None, float]:
        """Return what ``geo.locate.nearest`` says of one point in STORED: code and metres."""
        if not len(self._areas):
            return None, np.nan
        area, metres = locate.nearest_one(point, self._areas.to_numpy(), self._order, self._tree)
        return self._areas.index[area], metres

    def is_near_edge(self, point: shapely.Point, within_m: float) -> bool:
        """Return whether ``geo.borders.edge_distances`` finds an edge so near to one point in STORED."""
        place = gpd.GeoSeries([point], crs=self._areas.crs)
        reach = 1.01 * within_m / locate.metres_per_degree(np.array([point.y])).min()
        near = self._areas.iloc[self._tree.query(point, predicate="dwithin", distance=reach)]
        return bool(edge_distances(place, near, within_m).notna().any())

    def shares(self, shapes: np.ndarray, border_above: float) -> Shared:
        """Return what ``assign`` says of sites, in numbers; areas are counted as in ``areas``.

        Args:
            shapes: valid shapely polygons in STORED: nothing is checked again.
            border_above: as in ``assign``.
        """
        return shared(self._shared_out(shapes), np.arange(len(shapes)), self._order, border_above)

    def _shared_out(self, shapes: np.ndarray) -> Parts:
        plainly = self._cells is None or len(shapes) == 0
        return parts(shapes, self._areas.to_numpy()) if plainly else self._parts(shapes)

    def _parts(self, shapes: np.ndarray) -> Parts:
        """Return the parts of sites, those in doubt as geo.assign.parts has them."""
        areas = np.argsort(self._order)  # by rank

        def measured(begin: int, end: int) -> Parts:
            found = sharing.measured(shapes[begin:end], self._cells)
            kept = found.part_m2 >= SLIVER * found.m2[found.site]
            site, area, m2 = found.site[kept], areas[found.rank[kept]], found.part_m2[kept]
            # Of nothing numpy counts in whole numbers.
            covered_m2 = np.bincount(site, m2, end - begin).astype(float)
            exact = np.flatnonzero(found.state == sharing.DOUBTFUL)
            if len(exact):
                asked = parts(shapes[begin:end][exact], self._areas.to_numpy())
                site, area = np.append(site, exact[asked.site]), np.append(area, asked.area)
                m2 = np.append(m2, asked.m2)
                found.m2[exact], covered_m2[exact] = asked.site_m2, asked.covered_m2
            return Parts(site + begin, area, m2, found.m2, covered_m2)

        return Parts(*map(np.concatenate, zip(*share_out(measured, len(shapes), _SITES), strict=True)))

    def look_up(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return of each place the lowest rank of the areas that cover it, and whether several claim it.

        Args:
            x: longitudes in STORED, finite.
            y: latitudes in STORED, finite.

        The rank is the place of the area's code in the order of codes, -1 where none covers.
        """
        several = np.empty(len(x), dtype=bool)

        def look(begin: int, end: int) -> np.ndarray:
            return self._looked_up(x[begin:end], y[begin:end], several[begin:end])

        lowest = np.concatenate([np.empty(0, dtype=np.int32), *share_out(look, len(x), _POINTS)])
        doubtful = np.flatnonzero(lowest == kernels.DOUBT)
        lowest[doubtful], several[doubtful] = self._asked(shapely.points(x[doubtful], y[doubtful]))
        return lowest, several

    def _looked_up(self, x: np.ndarray, y: np.ndarray, several: np.ndarray) -> np.ndarray:
        """Return the lowest rank at each of some places, DOUBT where it is to be asked; write ``several``."""
        lowest = np.full(len(x), kernels.DOUBT, dtype=np.int32)
        if self._cells is not None:
            xy, *grid = self._cells
            kernels.look_up(x, y, xy, *grid, lowest, several)
        return lowest

    def _asked(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what ``look_up`` does of shapely points, as the exact test has it."""
        if len(points) == 0:
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=bool)
        lowest, several = locate.cover(points, self._areas.to_numpy(), self._order)
        return np.where(lowest == len(self._areas), kernels.NONE, lowest), several
