"""Findings about the geometries of a file's rows. Nothing is changed here; see repair.

A finding's code is a key of FINDINGS, which gives the sentence for the user; its detail says
what was found in this row.
"""

from collections.abc import Mapping
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import shapely

from geo.crs import require_stored
from geo.errors import Finding, GeometryError
from geo.threads import share_out

#: A geometry with more vertices than this is no street office and no compound.
MOST_VERTICES = 200_000

# That a thread looks at a time: few rows may have many vertices, and are shared out as well.
_ROWS, _FEWEST, _PIECES = 1024, 16, 8

_POINT, _POLYGON, _MULTIPOINT, _MULTIPOLYGON = 0, 3, 4, 6  # shapely.GeometryType
_POINTS, _POLYGONS = (_POINT, _MULTIPOINT), (_POLYGON, _MULTIPOLYGON)
#: The geometry types that a kind of layer takes.
TYPES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"point": _POINTS, "polygon": _POLYGONS, "point or polygon": _POINTS + _POLYGONS}
)

#: Code of a finding → its text for the user, ``%(detail)s`` being the finding's detail.
FINDINGS: Mapping[str, str] = MappingProxyType(
    {
        "no_geometry": "The row has no geometry.",
        "empty_geometry": "The geometry is empty.",
        "not_finite": "A coordinate is no finite number, or has no place in the file's coordinate system.",
        "outside_world": "The geometry lies outside the world: %(detail)s.",
        "wrong_type": "The layer does not take a geometry of this type: %(detail)s.",
        "several_points": "The row has several points: %(detail)s.",
        "too_many_vertices": "The geometry has too many vertices: %(detail)s.",
        "invalid_geometry": "The geometry is not valid: %(detail)s.",
        "repaired": "The geometry was repaired; area before → after: %(detail)s.",
        "not_repairable": "The geometry cannot be repaired without guessing: %(detail)s.",
        "too_tangled": "The geometry is too large or too tangled to be repaired: %(detail)s.",
    }
)


def _vertices_outside(geometries: np.ndarray) -> np.ndarray:
    west, south, east, north = shapely.bounds(geometries).T
    return (west < -180) | (east > 180) | (south < -90) | (north > 90)


def _finite(geometries: np.ndarray) -> np.ndarray:
    numbers, row = shapely.get_coordinates(geometries, return_index=True)
    finite = np.ones(len(geometries), dtype=bool)
    finite[row[~np.isfinite(numbers).all(axis=1)]] = False
    return finite


def _unusable(geometries: np.ndarray, kind: str) -> list[tuple[str, np.ndarray]]:
    """Return the faults that make further questions pointless, each with its rows (from 0)."""
    missing = shapely.is_missing(geometries)
    empty = ~missing & shapely.is_empty(geometries)
    infinite = ~missing & ~empty & ~_finite(geometries)
    wrong = ~missing & ~empty & ~infinite & ~np.isin(shapely.get_type_id(geometries), TYPES[kind])
    faults = {"no_geometry": missing, "empty_geometry": empty, "not_finite": infinite, "wrong_type": wrong}
    return [(code, np.flatnonzero(rows)) for code, rows in faults.items()]


def _crowded(geometries: np.ndarray) -> np.ndarray:
    return (shapely.get_type_id(geometries) == _MULTIPOINT) & (shapely.get_num_geometries(geometries) > 1)


def _doubtful(geometries: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Return the faults of usable geometries, each with its rows (from 0 among these)."""
    several = _crowded(geometries)
    large = shapely.get_num_coordinates(geometries) > MOST_VERTICES
    invalid = np.zeros(len(geometries), dtype=bool)
    invalid[~large] = ~shapely.is_valid(geometries[~large])
    faults = {
        "outside_world": _vertices_outside(geometries),
        "several_points": several,
        "too_many_vertices": large,
        "invalid_geometry": invalid,
    }
    return [(code, np.flatnonzero(rows)) for code, rows in faults.items()]


def _detail(code: str, geometry: shapely.Geometry | None) -> str:
    if code == "wrong_type":
        return geometry.geom_type
    if code == "outside_world":
        return ", ".join(f"{number:g}" for number in geometry.bounds)
    if code == "several_points":
        return str(shapely.get_num_geometries(geometry))
    if code == "too_many_vertices":
        return str(shapely.get_num_coordinates(geometry))
    return shapely.is_valid_reason(geometry) if code == "invalid_geometry" else ""


def check(geometries: np.ndarray, kind: str) -> list[Finding]:
    """Return what is wrong with the geometries, in the order of their rows, counted from 1.

    Args:
        geometries: one shapely geometry or None for each row, in STORED.
        kind: what the layer takes: "point", "polygon" or "point or polygon".

    Severity ``set_aside`` says that the row cannot be stored; ``invalid_geometry`` is a ``note``,
    for ``repair`` is to try it.

    >>> check(np.array([shapely.Point(117, 36), None]), "point")
    [Finding(row=2, field='geometry', code='no_geometry', severity='set_aside', detail='')]
    """
    geometries = np.asarray(geometries, dtype=object)
    unusable = _unusable(geometries, kind)
    usable = np.setdiff1d(np.arange(len(geometries)), np.concatenate([rows for _, rows in unusable]))
    doubtful = [(code, usable[rows]) for code, rows in _doubtful(geometries[usable])]
    found = []
    for code, rows in unusable + doubtful:
        severity = "note" if code == "invalid_geometry" else "set_aside"
        found += [
            Finding(int(row) + 1, "geometry", code, severity, _detail(code, geometries[row])) for row in rows
        ]
    return sorted(found, key=lambda finding: finding.row)


def _sound(geometries: np.ndarray, kind: str) -> bool:
    """Return whether ``check`` would find nothing, at less cost where that is so."""
    if not np.isin(shapely.get_type_id(geometries), TYPES[kind]).all():
        return False
    # An empty geometry has the bounds NaN, which are in no range; one that is not finite is not valid.
    west, south, east, north = shapely.bounds(geometries).T
    if not (west >= -180).all() & (east <= 180).all() & (south >= -90).all() & (north <= 90).all():
        return False
    if (shapely.get_num_coordinates(geometries) > MOST_VERTICES).any() or _crowded(geometries).any():
        return False
    return bool(shapely.is_valid(geometries).all())


def require(series: gpd.GeoSeries, kind: str, *, labelled: bool = True) -> None:
    """Pass when a calculation may trust the series: in STORED, no fault, each label once.

    Args:
        series: geometries under the labels of their rows.
        kind: what they must be: "point", "polygon" or "point or polygon".
        labelled: whether a label may come once only; not where each row has an answer of its own.

    Raises:
        CrsError: the series is not in STORED.
        GeometryError: a geometry has a finding, named with its label, or a label comes twice.
    """
    require_stored(series)
    geometries = series.to_numpy()
    rows = min(_ROWS, max(_FEWEST, len(geometries) // _PIECES))
    sound = all(share_out(lambda begin, end: _sound(geometries[begin:end], kind), len(geometries), rows))
    for finding in [] if sound else check(geometries, kind):
        text = "The geometry of %(label)s cannot be worked with: %(reason)s"
        reason = FINDINGS[finding.code] % {"detail": finding.detail}
        raise GeometryError(text, label=series.index[finding.row - 1], reason=reason)
    if labelled and not series.index.is_unique:
        twice = series.index[series.index.duplicated()][0]
        raise GeometryError("Two geometries have the label %(label)s.", label=twice)
