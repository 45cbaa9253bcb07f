"""The 3° zones of CGCS2000: what Chinese large-scale maps are drawn in, conformal and in metres.

A sheet is drawn in the zone of its district's middle (EPSG:4534 to 4554, central meridians 75° E to
135° E every three degrees, false easting 500 km, no zone number before it). Angles are true; a
length on the sheet is longer than on the ground by the scale factor of the place, at most 1 in 2,900.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import shapely
from pyproj import Proj, Transformer

from geo.crs import STORED
from geo.errors import CrsError

_FIRST, _LAST, _STEP = 75, 135, 3
_CODE_OF_FIRST = 4534


class Zone(NamedTuple):
    """A 3° zone: its system, and its central meridian in degrees east."""

    crs: str
    meridian: int


def zone_of(longitude: float) -> Zone:
    """Return the 3° zone in which a longitude lies.

    Raises:
        CrsError: the longitude is none of the country's.

    >>> zone_of(117.3)
    Zone(crs='EPSG:4548', meridian=117)
    """
    meridian = round(longitude / _STEP) * _STEP
    if not _FIRST <= meridian <= _LAST:
        raise CrsError("No 3° zone of CGCS2000 reaches to %(longitude)s° E.", longitude=round(longitude, 3))
    return Zone(f"EPSG:{_CODE_OF_FIRST + (meridian - _FIRST) // _STEP}", meridian)


@lru_cache(maxsize=8)
def _into(crs: str) -> Transformer:
    return Transformer.from_crs(STORED, crs, always_xy=True)


@lru_cache(maxsize=8)
def _projection(crs: str) -> Proj:
    return Proj(crs)


def projected(geometries: np.ndarray, zone: Zone) -> np.ndarray:
    """Return geometries in metres of a zone, x = easting.

    Args:
        geometries: shapely geometries in STORED.
        zone: as ``zone_of`` gives it.

    >>> print(projected(np.array([shapely.Point(117, 0)]), zone_of(117))[0])
    POINT (500000 0)
    """
    way = _into(zone.crs)
    return shapely.transform(
        np.asarray(geometries, dtype=object), lambda xy: np.column_stack(way.transform(xy[:, 0], xy[:, 1]))
    )


def scale_factor(longitude: float, latitude: float, zone: Zone) -> float:
    """Return metres of the zone for one metre on the ellipsoid at a place (degrees of STORED).

    >>> scale_factor(117, 36.2, zone_of(117))
    1.0
    """
    return round(_projection(zone.crs).get_factors(longitude, latitude).meridional_scale, 9)


def convergence(longitude: float, latitude: float, zone: Zone) -> float:
    """Return how many degrees true north lies west of the zone's north at a place (degrees of STORED).

    >>> convergence(117, 36.2, zone_of(117))
    0.0
    """
    return round(_projection(zone.crs).get_factors(longitude, latitude).meridian_convergence, 9) + 0.0
