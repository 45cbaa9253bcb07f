"""Partitions worked out by themselves say what all sites together do."""

import dask
import dask.dataframe
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import batch
from geo.assign import assign
from geo.crs import STORED
from geo.errors import CrsError, GeometryError
from geo.locate import locate


def offices(count=6, side=0.01):
    """Return squares in a row that overlap by a tenth; the last one stands alone."""
    west = 117 + np.append(np.arange(count - 1) * side * 0.9, 1.0)
    codes = pd.Index([f"37010{number}" for number in range(count)], dtype=object)
    return gpd.GeoSeries(shapely.box(west, 36.6, west + side, 36.6 + side), index=codes, crs=STORED)


def strips(west, width):
    codes = pd.Index([f"c{number:03}" for number in range(len(west))], dtype=object)
    return gpd.GeoSeries(shapely.box(west, 36.605, np.add(west, width), 36.606), index=codes, crs=STORED)


def partitioned(sites, division):
    """Return the sites as a dask frame whose partitions are the divisions."""
    frame = gpd.GeoDataFrame(geometry=sites)
    parts = [frame[np.asarray(division) == name] for name in sorted(set(division))]
    return dask.dataframe.from_map(lambda number: parts[number], range(len(parts)), meta=frame.iloc[:0])


def computed(delayed):
    with dask.config.set(scheduler="synchronous"):
        return dask.compute(*delayed)


@pytest.fixture(autouse=True, scope="module")
def labels_as_they_are():
    """Keep dask from making another kind of text of the labels."""
    with dask.config.set({"dataframe.convert-string": False}):
        yield


divisions = st.lists(st.integers(0, 4), min_size=40, max_size=40)
WEST = 116.995 + np.arange(40) * 0.0015


@settings(max_examples=25)
@given(divisions)
def test_law_partitioning_changes_no_share(division):
    sites = strips(WEST, 0.002)
    whole, parts = (
        assign(sites, offices()),
        computed(batch.assigned(partitioned(sites, division), batch.Held(offices()))),
    )
    main = pd.concat([part.main for part in parts]).reindex(sites.index)
    pd.testing.assert_frame_equal(main, whole.main, check_exact=True)
    shares = pd.concat([part.shares for part in parts]).sort_values("site", kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(shares, whole.shares, check_exact=True)
    assert 0 < whole.main["border"].sum() < 40


@settings(max_examples=25)
@given(divisions)
def test_law_partitioning_moves_no_point(division):
    points = gpd.GeoSeries(shapely.points(WEST, 36.61), index=strips(WEST, 1).index, crs=STORED)
    parts = computed(batch.located(partitioned(points, division), batch.Held(offices())))
    pd.testing.assert_frame_equal(pd.concat(parts).reindex(points.index), locate(points, offices()))


def test_many_points_are_looked_up_in_a_grid_with_the_same_answers(monkeypatch):
    points = gpd.GeoSeries(shapely.points(WEST, 36.61), index=strips(WEST, 1).index, crs=STORED)
    monkeypatch.setattr(batch, "MANY", 1)
    (found,) = computed(batch.located(partitioned(points, [0] * 40), batch.Held(offices())))
    pd.testing.assert_frame_equal(found, locate(points, offices()))


def test_a_partition_is_given_no_more_areas_than_may_meet_it():
    asked = []

    def areas(bounds):
        asked.append(bounds)
        return offices()

    sites = strips(WEST, 0.002)
    computed(batch.assigned(partitioned(sites, [0] * 20 + [1] * 20), areas))
    assert sorted(asked) == [pytest.approx(sites[:20].total_bounds), pytest.approx(sites[20:].total_bounds)]
    held = batch.Held(offices())
    assert list(held((117.005, 36.6, 117.008, 36.7)).index) == ["370100"]
    assert list(held((117.0095, 36.61, 118.0, 36.7)).index) == [
        f"37010{n}" for n in range(6)
    ]  # touching counts
    assert list(held((117.2, 36.6, 117.3, 36.7)).index) == []


def test_nothing_to_assign_and_nothing_to_assign_to():
    sites = strips(WEST, 0.002)
    (found,) = computed(batch.assigned(partitioned(sites, [0] * 40), batch.Held(offices()[:0])))
    assert found.main["area"].isna().all()
    nobody = dask.dataframe.from_map(lambda _: gpd.GeoDataFrame(geometry=sites[:0]), [0])
    (found,) = computed(batch.assigned(nobody, batch.Held(offices())))
    assert len(found.main) == len(found.shares) == 0


def test_what_cannot_be_trusted_is_refused():
    sites = strips(WEST, 0.002)
    for wrong, error in (
        (sites.set_crs(3857, allow_override=True), CrsError),
        (sites.where(sites.index != "c007", None), GeometryError),
        (sites.set_axis(["same"] * 40), GeometryError),
    ):
        with pytest.raises(error):
            computed(batch.assigned(partitioned(wrong, [0] * 40), batch.Held(offices())))
