"""Areas that should part the ground: what they share, and what they leave between them."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geo.crs import STORED, areas
from geo.errors import CrsError
from geo.overlaps import holes, overlaps


def series(**shapes):
    return gpd.GeoSeries(list(shapes.values()), index=pd.Index(list(shapes), dtype=object), crs=STORED)


#: Four blocks around a yard: B laps over A by a tenth of a block, the others only touch.
AROUND = series(
    a=shapely.box(117.00, 36.60, 117.01, 36.63),
    b=shapely.box(117.009, 36.62, 117.03, 36.63),
    c=shapely.box(117.02, 36.60, 117.03, 36.62),
    d=shapely.box(117.01, 36.60, 117.02, 36.61),
)


def test_shared_ground_is_told_with_its_area_and_a_shared_edge_is_none():
    found = overlaps(AROUND)
    assert found[["one", "other"]].to_numpy().tolist() == [["a", "b"]]
    shared = areas([shapely.box(117.009, 36.62, 117.01, 36.63)])[0]
    assert found["area_m2"].item() == pytest.approx(shared, rel=1e-9)
    assert overlaps(AROUND, least_m2=shared * 1.01).empty


def test_enclosed_ground_is_a_hole_and_the_outside_is_none():
    (hole,) = holes(AROUND)
    yard = areas([shapely.box(117.01, 36.61, 117.02, 36.62)])[0]
    assert hole.area == pytest.approx(yard, rel=1e-9)
    assert holes(AROUND[["a", "b", "c"]]).empty
    assert holes(AROUND, least_m2=yard * 1.01).empty


def test_the_largest_come_first():
    outer = shapely.box(117, 36, 117.1, 36.1)
    small, large = shapely.box(117.01, 36.01, 117.02, 36.02), shapely.box(117.05, 36.05, 117.08, 36.08)
    found = holes(series(a=outer.difference(small).difference(large)))
    assert found.area.tolist() == pytest.approx(areas([large, small]).tolist(), rel=1e-9)
    twice = overlaps(series(a=outer, b=small, c=large))
    assert twice["other"].tolist() == ["c", "b"]


def test_nothing_has_neither():
    assert overlaps(series()).empty
    assert holes(series()).empty
    with pytest.raises(CrsError):
        overlaps(AROUND.to_crs(3857))
