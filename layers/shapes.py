"""The shapes of the store's rows by code: what ``geo`` takes."""

from collections.abc import Collection, Iterable
from functools import lru_cache

import geopandas
import pandas
import shapely
from sqlalchemy import Connection, Select, bindparam, select

from geo.crs import STORED
from layers import driving
from layers.tables import FEATURES

#: Up to so many rows are asked for by their codes; for more, the whole layer is read.
FEW = 200


def by_code(rows: Iterable[tuple[str, bytes]]) -> geopandas.GeoSeries:
    """Return the shapes of rows (code, WKB) in STORED, on their codes.

    >>> by_code([("A", shapely.Point(117, 36).wkb)]).to_wkt().to_dict()
    {'A': 'POINT (117 36)'}
    """
    pairs = list(rows)
    index = pandas.Index([code for code, _ in pairs], dtype=object)
    return geopandas.GeoSeries(shapely.from_wkb([wkb for _, wkb in pairs]), index=index, crs=STORED)


def of_layer(connection: Connection, layer: str, codes: Collection[str] | None = None) -> geopandas.GeoSeries:
    """Return the shapes of the rows of a layer that have one of the codes (None: all), in order of code."""
    feature = FEATURES[layer].c
    wanted = select(feature.code, feature.wkb).order_by(feature.code)
    few = codes is not None and len(codes) <= FEW
    found = by_code(connection.execute(wanted.where(feature.code.in_(codes)) if few else wanted))
    return found if codes is None else found.loc[found.index.isin(list(codes))]


def few(connection: Connection, layer: str, codes: Iterable[str]) -> dict[str, shapely.Geometry]:
    """Return the shapes of a few rows of a layer by code; a code that is not there is left out."""
    asked = (driving.fetch(connection, _of_code(layer), {"code": code}).rows for code in codes)
    return {code: shapely.from_wkb(wkb) for rows in asked for code, wkb in rows}


@lru_cache
def _of_code(layer: str) -> Select:
    feature = FEATURES[layer].c
    return select(feature.code, feature.wkb).where(feature.code == bindparam("code"))
