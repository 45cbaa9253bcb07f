"""GCJ-02 and BD-09, the shifted degrees of China's public maps, to WGS 84 and back.

Neither system is in any register, and no authority has published its formulas: these are the ones
in public use since 2013, which agree with the maps to a few metres. What one of these functions
did, its counterpart undoes to the last digits. WGS 84 stands for CGCS2000 too (see ``crs``).
"""

from collections.abc import Callable

import numpy as np

#: Where places are shifted: west, south, east, north in degrees of WGS 84. Elsewhere GCJ-02 is WGS 84.
SHIFTED = (72.004, 0.8293, 137.8347, 55.8271)

#: The ellipsoid of GCJ-02 (Krasovsky 1940): its half axis in metres, its first eccentricity squared.
_AXIS, _ECCENTRICITY = 6378245.0, 0.00669342162296594323
#: Each round leaves less than a fiftieth of the error of the one before: eight, less than a double holds.
_ROUNDS = 8
_WAVE = np.pi * 3000 / 180
_BD_SHIFT = np.array([0.0065, 0.006])


def to_gcj02(places: np.ndarray) -> np.ndarray:
    """Return places of WGS 84 as GCJ-02 (the maps of 高德 and 腾讯), in degrees.

    Args:
        places: longitude and latitude in the last dimension; outside SHIFTED they stay as they are.

    The formula is that of github.com/googollee/eviltransform, in whose tests this example stands.

    >>> to_gcj02(np.array([116.377817, 39.911954])).round(6).tolist()
    [116.384047, 39.913345]
    """
    true = np.asarray(places, dtype=float)
    return np.where(_is_shifted(true), true + _shift(true), true)


def from_gcj02(places: np.ndarray) -> np.ndarray:
    """Return places of GCJ-02 as WGS 84, in degrees: what ``to_gcj02`` turns into them again.

    Args:
        places: longitude and latitude in the last dimension. Within a kilometre of the border of
            SHIFTED two places of WGS 84 can have one of GCJ-02; the one inside is told.
    """
    shifted = np.asarray(places, dtype=float)
    true = _undone(lambda guess: guess + _shift(guess), shifted)
    return np.where(_is_shifted(true), true, shifted)


def to_bd09(places: np.ndarray) -> np.ndarray:
    """Return places of GCJ-02 as BD-09 (百度), in degrees.

    Args:
        places: longitude and latitude in the last dimension.

    >>> to_bd09(np.array([116.404, 39.915])).round(6).tolist()
    [116.410369, 39.921337]
    """
    return _turned(np.asarray(places, dtype=float)) + _BD_SHIFT


def from_bd09(places: np.ndarray) -> np.ndarray:
    """Return places of BD-09 as GCJ-02, in degrees: what ``to_bd09`` turns into them again."""
    return _undone(_turned, np.asarray(places, dtype=float) - _BD_SHIFT)


def _is_shifted(places: np.ndarray) -> np.ndarray:
    west, south, east, north = SHIFTED
    lon, lat = places[..., 0], places[..., 1]
    return ((west <= lon) & (lon <= east) & (south <= lat) & (lat <= north))[..., None]


def _undone(way: Callable[[np.ndarray], np.ndarray], reached: np.ndarray) -> np.ndarray:
    """Return from where a way that hardly moves anything leads to the places reached."""
    start = reached
    for _ in range(_ROUNDS):
        start = start + (reached - way(start))
    return start


def _shift(places: np.ndarray) -> np.ndarray:
    """Return how far GCJ-02 moves places of WGS 84, in degrees; the polynomials are in metres."""
    x, y = places[..., 0] - 105, places[..., 1] - 35
    ripple = (20 * _sine(6 * x) + 20 * _sine(2 * x)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + ripple
    east += (20 * _sine(x) + 40 * _sine(x / 3) + 150 * _sine(x / 12) + 300 * _sine(x / 30)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + ripple
    north += (20 * _sine(y) + 40 * _sine(y / 3) + 160 * _sine(y / 12) + 320 * _sine(y / 30)) * 2 / 3
    return np.stack([east, north], axis=-1) * _degrees_per_metre(places[..., 1])


def _sine(halves: np.ndarray) -> np.ndarray:
    """Return the sine of so many half turns."""
    return np.sin(halves * np.pi)


def _degrees_per_metre(lat: np.ndarray) -> np.ndarray:
    flat = 1 - _ECCENTRICITY * np.sin(np.radians(lat)) ** 2
    east = _AXIS / np.sqrt(flat) * np.cos(np.radians(lat))
    north = _AXIS * (1 - _ECCENTRICITY) / flat**1.5
    return np.degrees(1 / np.stack([east, north], axis=-1))


def _turned(places: np.ndarray) -> np.ndarray:
    """Return places as BD-09 turns and stretches them about the origin, before its fixed shift."""
    lon, lat = places[..., 0], places[..., 1]
    reach = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _WAVE)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _WAVE)
    return np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=-1)
