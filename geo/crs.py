"""Coordinate systems: the one we store, the one we measure in, and the way there.

Everything is stored as longitude and latitude in CGCS2000, x before y whatever a register
says about axis order. WGS 84 is taken for the same system: the two differ by centimetres, and
no register offers a better shift than none. Every other datum needs a real operation, and
what PROJ can only bring over by assuming that there is no shift ("ballpark") is refused.
"""

from functools import lru_cache
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError as UnknownToProj
from pyproj.exceptions import ProjError

from geo.errors import CrsError

#: CGCS2000 longitude and latitude in degrees, x = longitude.
STORED = "EPSG:4490"

#: The one projection in which areas are measured, in metres: EASE-Grid 2.0, a cylindrical
#: equal-area projection. It is registered (anyone can repeat the figure), true to area everywhere,
#: and does not depend on the rows measured together, as a zone chosen from them would.
AREA = "EPSG:6933"

Bounds = tuple[float, float, float, float]

#: How far (degrees) outside the district's extent a proposed system may still land.
MARGIN = 0.05

_SAME_AS_STORED = ("China 2000", "World Geodetic System 1984")
# PROJ offers shifts for the first one, made for oil fields at sea and wrong by metres elsewhere.
_OLD_CHINESE = ("Beijing 1954", "Xian 1980", "New Beijing")


class Candidate(NamedTuple):
    """A coordinate system a file's numbers could be in.

    ``crs`` is its code, ``name`` its registered name, ``swapped`` says that the numbers are
    given with latitude or northing first.
    """

    crs: str
    name: str
    swapped: bool


def _parse(crs: str) -> CRS:
    """Return the map system of that code or text; raise CrsError when it is none."""
    text = str(crs)
    if "+init=" in text:  # a retired spelling of "EPSG:n", about which PROJ warns
        text = text.replace("+init=", "").strip()
    try:
        system = CRS.from_user_input(text)
    except UnknownToProj as error:
        raise CrsError("No coordinate system is known as %(crs)s.", crs=crs) from error
    if not (system.is_geographic or system.is_projected):
        raise CrsError("%(crs)s does not give places on a map.", crs=crs)
    return system


def normalise(crs: str) -> str:
    """Return the code ``EPSG:n`` of a coordinate system where it has one, else a text PROJ reads.

    Args:
        crs: a code, a name, WKT (ESRI's too) or a PROJ string; a height system is left out.
            A text that brings its own shift (``+towgs84``) stays as it is.

    Raises:
        CrsError: the system is unknown, or has no places on a map (heights, geocentric).

    >>> normalise("urn:ogc:def:crs:EPSG::4548")
    'EPSG:4548'
    """
    system = _parse(crs)
    if system.is_bound:
        return str(crs)
    epsg = system.to_epsg() or system.to_2d().to_epsg()
    return f"EPSG:{epsg}" if epsg else str(crs)


def _datum_is(system: CRS, names: tuple[str, ...]) -> bool:
    return not system.is_bound and system.datum is not None and system.datum.name.startswith(names)


@lru_cache(maxsize=64)
def _to_lonlat(crs: str) -> Transformer:
    """Return the way from a system to stored longitude and latitude, or raise CrsError."""
    system = _parse(crs)
    if _datum_is(system, _OLD_CHINESE):
        raise CrsError(
            "%(crs)s (%(name)s) has no public shift to CGCS2000: convert the file with the"
            " surveyors' parameters first.",
            crs=crs,
            name=system.name,
        )
    target = STORED if _datum_is(system, _SAME_AS_STORED[:1]) else "EPSG:4326"
    ballpark = _datum_is(system, _SAME_AS_STORED)
    try:
        return Transformer.from_crs(system.to_2d(), target, always_xy=True, allow_ballpark=ballpark)
    except ProjError as error:
        raise CrsError(
            "No exact way is known from %(crs)s (%(name)s) to CGCS2000.", crs=crs, name=system.name
        ) from error


def to_stored(geometries: np.ndarray, crs: str) -> np.ndarray:
    """Return the geometries as two-dimensional longitude and latitude in STORED.

    Args:
        geometries: shapely geometries in ``crs``, x (longitude, easting) first; None stays None.
        crs: the system they are in, as ``normalise`` accepts it.

    A row with a coordinate that is not finite, or that has no place in ``crs``, comes back with
    coordinates that are not finite, for ``check`` to set aside.

    Raises:
        CrsError: the system is unknown or cannot be brought over exactly; or no row at all has
            a place in it, so the numbers are in some other system.

    >>> print(to_stored(np.array([shapely.Point(39500000, 0, 7)]), "EPSG:4527")[0])
    POINT (117 0)
    """
    way = _to_lonlat(str(crs))
    flat = np.array(shapely.force_2d(np.asarray(geometries, dtype=object)), dtype=object)
    numbers, row = shapely.get_coordinates(flat, return_index=True)
    finite = np.isfinite(numbers).all(axis=1)
    placed = np.full_like(numbers, np.inf)  # NaN is unequal to itself and would open a ring
    placed[finite] = np.column_stack(way.transform(numbers[finite, 0], numbers[finite, 1]))
    usable = np.setdiff1d(row, row[~finite])
    lost = np.unique(row[~np.isfinite(placed).all(axis=1)])
    if len(usable) and np.isin(usable, lost).all():
        x, y = numbers[row == usable[0]][0]
        raise CrsError(
            "The numbers do not fit %(crs)s (%(name)s): %(x)s, %(y)s has no place in it.",
            crs=crs,
            name=_parse(crs).name,
            x=float(x),
            y=float(y),
        )
    return shapely.set_coordinates(flat, placed)


def swap(geometries: np.ndarray) -> np.ndarray:
    """Return the geometries, made two-dimensional, with x and y exchanged.

    >>> print(swap(np.array([shapely.Point(36, 117)]))[0])
    POINT (117 36)
    """
    return shapely.transform(np.asarray(geometries, dtype=object), lambda xy: xy[:, ::-1])


@lru_cache(maxsize=1)
def _to_area() -> Transformer:
    return Transformer.from_crs(STORED, AREA, always_xy=True)


def to_area(geometries: np.ndarray) -> np.ndarray:
    """Return geometries in STORED as they are in AREA, vertex by vertex; None stays None."""
    flat = np.asarray(geometries, dtype=object)
    return shapely.transform(flat, lambda xy: np.column_stack(_to_area().transform(*xy.T)))


def from_area(geometries: np.ndarray) -> np.ndarray:
    """Return geometries in AREA as they are in STORED, vertex by vertex; None stays None.

    >>> shapely.get_coordinates(from_area(to_area(np.array([shapely.Point(117, 36)])))).round(6).tolist()
    [[117.0, 36.0]]
    """
    flat = np.asarray(geometries, dtype=object)
    back = {"direction": "INVERSE"}
    return shapely.transform(flat, lambda xy: np.column_stack(_to_area().transform(*xy.T, **back)))


def areas(geometries: np.ndarray) -> np.ndarray:
    """Return the area of each geometry in m², measured in AREA.

    Args:
        geometries: shapely geometries in STORED; None gives NaN, points and lines 0.

    >>> areas(np.array([shapely.box(117, 36, 118, 37)])).round(-6)
    array([9.942e+09])
    """
    return shapely.area(to_area(geometries))


def require_stored(*series: gpd.GeoSeries) -> None:
    """Pass when every series is in STORED; raise CrsError for the first that is not."""
    for one in series:
        if one.crs is None or one.crs != STORED:
            raise CrsError(
                "The geometries are in %(crs)s, but %(stored)s is needed.", crs=one.crs, stored=STORED
            )


def _codes(extent: Bounds) -> list[str]:
    """Return the systems worth trying for a district: degrees, 3° zones, 6° zones, web map."""
    west, east = extent[0] - MARGIN, extent[2] + MARGIN
    three = range(max(25, round(west / 3)), min(45, round(east / 3)) + 1)
    six = range(max(13, int(west // 6) + 1), min(23, int(east // 6) + 1) + 1)
    codes = [4490]
    codes += [4488 + zone for zone in three]  # the zone's number before the easting
    codes += [4509 + zone for zone in three]  # without it
    codes += [4478 + zone for zone in six]
    codes += [4489 + zone for zone in six]
    return [f"EPSG:{code}" for code in [*codes, 3857]]


def _lands(bounds: Bounds, crs: str, extent: Bounds) -> bool:
    west, south, east, north = _to_lonlat(crs).transform_bounds(*bounds)
    return (
        extent[0] - MARGIN <= west <= east <= extent[2] + MARGIN
        and extent[1] - MARGIN <= south <= north <= extent[3] + MARGIN
    )


def candidates(bounds: Bounds, extent: Bounds) -> tuple[Candidate, ...]:
    """Return the systems in which a file's numbers land in the district: to propose, not to assume.

    Args:
        bounds: least x, least y, greatest x, greatest y of the file's numbers.
        extent: the district's west, south, east and north in STORED.

    Several can fit (a 3° and a 6° zone share a central meridian), or none: a person decides.

    >>> [c.crs for c in candidates((39495000, 4056000, 39505000, 4066000), (116.9, 36.6, 117.1, 36.8))]
    ['EPSG:4527']
    """
    left, low, right, high = bounds
    if not np.isfinite(bounds).all():
        return ()
    return tuple(
        Candidate(crs, _parse(crs).name, swapped)
        for crs in _codes(extent)
        for swapped, box in ((False, bounds), (True, (low, left, high, right)))
        if _lands(box, crs, extent)
    )
