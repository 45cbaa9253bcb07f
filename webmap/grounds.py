"""What the map shows below and around the compounds, as GeoJSON: street offices, streets and blocks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import shapely

from geo.thinning import thinned
from layers import figures, writing
from layers.districts import district_of
from layers.kept import Kept
from layers.mapping import told_of
from layers.people import Person, visible
from layers.querying import Query
from layers.store import Row, Store
from webmap import viewing


class Outlines(NamedTuple):
    """Street offices as they are drawn: the outline of each, and where its name goes, in degrees."""

    shapes: np.ndarray
    label_at: list[list[float]]


#: The outlines that were asked for last: no edit of a compound changes them.
_outlines: Kept[Outlines] = Kept(4)


def backdrop(still: Store) -> Iterator[bytes]:
    """Yield streets, water, parks and blocks."""
    rows, told = list(still.backdrop()), told_of("backdrop")
    features = ((row.code, told(row), row.wkb) for row in rows)
    return writing.feature_collection(features, matched=len(rows), decimals=viewing.DECIMALS)


def offices(still: Store, person: Person, asked: Query, said: Mapping[str, object]) -> Iterator[bytes]:
    """Yield the street offices asked for: how many compounds each has, and where its name goes.

    Args:
        still: what ``Store.still`` (or ``access.still``) gave.
        person: who asks.
        asked: the question, of the layer ``street_offices``.
        said: more members of the collection.
    """
    counted = {office.code: office.compounds for office in figures.offices(still, person, asked.on)}
    rows, plain = list(still.rows(visible(person, "street_offices"), asked)), told_of("street_offices")
    step = viewing.step(district_of(still).bounds)
    if step is not None and rows:
        said = {**said, "fine": step}
    drawn = tuple(row.code for row in rows), asked.on, step
    shapes, label_at = _outlines.of(still, ("street_offices",), drawn, lambda: _outlined(rows, step))
    features = (
        (row.code, plain(row) | {"compounds": counted.get(row.code, 0), "label_at": at}, shape)
        for row, at, shape in zip(rows, label_at, shapes, strict=True)
    )
    return writing.feature_collection(features, matched=len(rows), extra=said, decimals=viewing.DECIMALS)


def _outlined(rows: Sequence[Row], step: float | None) -> Outlines:
    shapes = shapely.from_wkb([row.wkb for row in rows])
    # The middle of the widest place, not of the outline's box.
    widest = shapely.get_point(shapely.maximum_inscribed_circle(shapes, 1e-4), 0)
    label_at = shapely.get_coordinates(widest).round(viewing.DECIMALS).tolist()
    return Outlines(thinned(shapes, step) if step is not None and rows else shapes, label_at)
