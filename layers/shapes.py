"""The shapes of the store's rows as a series of shapes by code: what ``geo`` takes."""

from collections.abc import Iterable

import geopandas
import pandas
import shapely

from geo.crs import STORED


def by_code(rows: Iterable[tuple[str, bytes]]) -> geopandas.GeoSeries:
    """Return the shapes of rows (code, WKB) in STORED, on their codes.

    >>> by_code([("A", shapely.Point(117, 36).wkb)]).to_wkt().to_dict()
    {'A': 'POINT (117 36)'}
    """
    pairs = list(rows)
    index = pandas.Index([code for code, _ in pairs], dtype=object)
    return geopandas.GeoSeries(shapely.from_wkb([wkb for _, wkb in pairs]), index=index, crs=STORED)
