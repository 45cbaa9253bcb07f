"""Mends what can be mended without guessing. A repair is a finding too.

Polygons are mended by GEOS's *structure* method: rings that wind a hole stay holes, both
halves of a bow-tie count, a hole outside its shell becomes a part, and what collapses to a line
is dropped. (``buffer(0)`` would lose one
half of a bow-tie; the *linework* method turns a spike into a mixed collection.)
"""

from typing import NamedTuple

import numpy as np
import shapely

from geo.check import TYPES
from geo.crs import areas
from geo.errors import Finding

#: Repair takes time that grows with vertices and crossings; above these the row is set aside.
MOST_VERTICES = 20_000
MOST_CROSSINGS = 5_000

_CHUNK = 256  # segments asked at once for their crossings, so that memory stays bounded


class Repaired(NamedTuple):
    """The geometries after repair (None where the row is set aside) and the findings."""

    geometries: np.ndarray
    findings: list[Finding]


def _crossings(geometry: shapely.Geometry) -> int:
    """Return how many times the edges cross each other, counted no further than the limit."""
    numbers, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(geometry)), return_index=True)
    inside = ring[1:] == ring[:-1]
    edges = shapely.linestrings(np.stack([numbers[:-1], numbers[1:]], axis=1)[inside])
    tree, count = shapely.STRtree(edges), 0
    for start in range(0, len(edges), _CHUNK):
        count += tree.query(edges[start : start + _CHUNK], predicate="crosses").shape[1]
        if count > 2 * MOST_CROSSINGS:
            break
    return count // 2  # each crossing is seen from both edges


def _too_tangled(geometry: shapely.Geometry) -> bool:
    return bool(
        shapely.get_num_coordinates(geometry) > MOST_VERTICES or _crossings(geometry) > MOST_CROSSINGS
    )


def _mend(geometry: shapely.Geometry) -> shapely.Geometry | None:
    """Return the valid polygon that an invalid one stands for; None when there is none."""
    mended = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    polygonal = shapely.get_type_id(mended) in TYPES["polygon"] and shapely.is_valid(mended)
    return mended if polygonal and not shapely.is_empty(mended) else None


def _repair_row(row: int, geometry: shapely.Geometry) -> tuple[shapely.Geometry | None, Finding]:
    try:
        if _too_tangled(geometry):
            vertices = str(shapely.get_num_coordinates(geometry))
            return None, Finding(row, "geometry", "too_tangled", "set_aside", vertices)
        mended = _mend(geometry)
    except shapely.GEOSException:  # such as a coordinate that is not finite
        mended = None
    if mended is None:
        reason = shapely.is_valid_reason(geometry)
        return None, Finding(row, "geometry", "not_repairable", "set_aside", reason)
    before, after = areas(np.array([geometry, mended]))
    return mended, Finding(row, "geometry", "repaired", "repaired", f"{before:.1f} → {after:.1f} m²")


def repair(geometries: np.ndarray, kind: str) -> Repaired:
    """Return the geometries with invalid polygons mended and lone points freed of their multipoint.

    Args:
        geometries: one shapely geometry or None for each row, in STORED; None (a row that
            ``check`` set aside) stays None without a finding.
        kind: what the layer takes: "point", "polygon" or "point or polygon".

    A valid polygon stays as it came, Polygon or MultiPolygon. Findings count rows from 1:
    ``repaired`` with the area in m² before and after, ``not_repairable`` and ``too_tangled``
    (both set aside). The area before is what the broken rings add up to, so a bow-tie has 0.

    >>> bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    >>> repair(np.array([bow_tie]), "polygon").geometries[0].area
    0.5
    """
    mended = np.array(geometries, dtype=object)
    types = shapely.get_type_id(mended)
    if "point" in kind:
        lone = np.isin(types, TYPES["point"]) & (shapely.get_num_geometries(mended) == 1)
        mended[lone] = shapely.get_geometry(mended[lone], 0)
    findings = []
    polygonal = np.flatnonzero(np.isin(types, TYPES["polygon"]))
    for row in polygonal[~shapely.is_valid(mended[polygonal])]:
        mended[row], finding = _repair_row(int(row) + 1, mended[row])
        findings.append(finding)
    return Repaired(mended, findings)
