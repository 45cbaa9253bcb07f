"""Areas drawn by hypothesis: with shared edges, overlaps, gaps, holes, parts and odd vertices."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from hypothesis import strategies as st

from geo.crs import STORED


def series(shapes):
    return gpd.GeoSeries(list(shapes.values()), index=pd.Index(list(shapes), dtype=object), crs=STORED)


def vertices(areas):
    return np.unique(shapely.get_coordinates(areas.to_numpy()), axis=0)


CORNERS = st.tuples(st.integers(0, 6), st.integers(0, 6))
#: Ways to lay the small integers: binary numbers hold some exactly and others not.
BENDS = {
    "as they are": np.array([[1.0, 0, 0], [0, 1, 0]]),
    "turned": np.array([[1, 0.1, 0], [-0.1, 1, 0]]),
    "a district": np.array([[0.01, 0.003, 117.1], [0.001, 0.01, 36.6]]),
    "a street": np.array([[1e-5, 0, 117.1], [0, 1e-5, 36.6]]),
    "a hair": np.array([[1e-11, 0, 117.1], [0, 1e-11, 36.6]]),
}


def polygonal(shape):
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


@st.composite
def shapes(draw):
    """Draw a polygon with integer CORNERS, or two of them joined or cut: parts, holes, odd vertices."""
    rings = st.lists(CORNERS, min_size=3, max_size=8).map(shapely.Polygon).filter(shapely.is_valid)
    boxes = st.tuples(CORNERS, CORNERS).map(lambda ends: shapely.box(*ends[0], *ends[1]))
    one, two = draw(rings | boxes), draw(rings | boxes)
    join = draw(st.sampled_from([lambda a, b: a, shapely.union, shapely.difference]))
    return polygonal(join(one, two))


@st.composite
def quilts(draw):
    """Draw a partition of patches with shifted corners, some patches missing, some laid twice."""
    size = draw(st.integers(2, 12))
    seed = np.random.default_rng(draw(st.integers(0, 2**32)))
    column, row = np.meshgrid(np.arange(size + 1), np.arange(size + 1))
    knots = np.stack([column, row], axis=-1) * 8 + seed.integers(-2, 3, (size + 1, size + 1, 2))
    rings = np.stack([knots[:-1, :-1], knots[:-1, 1:], knots[1:, 1:], knots[1:, :-1]], axis=2).reshape(
        -1, 4, 2
    )
    patches = np.append(
        shapely.polygons(rings), shapely.box(*seed.integers(0, 4 * size, 2), 7 * size, 7 * size)
    )
    chosen = np.flatnonzero(seed.random(len(patches)) < 0.95)
    scale, shift = draw(st.sampled_from([(0.5, 0.0), (1 / 3, 0.1), (1e-4, 36.6)]))
    names = seed.permutation(len(chosen)).astype(str)
    areas = series(
        dict(zip(names, shapely.transform(patches[chosen], lambda xy: xy * scale + shift), strict=True))
    )
    places = seed.integers(-2, 16 * size + 4, (400, 2)) / 2 * scale + shift
    return areas, np.concatenate([places, vertices(areas)])
