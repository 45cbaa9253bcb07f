"""Ask PostGIS of every row of a benchmark size what our engine says of it, and stop at the first difference.

Run by hand, with the size that ``inputs`` knows or ``nation``, for it takes minutes:
``PYTHONPATH=.:tests python tests/bench/check_assign.py city``. Besides the points and compounds
of that size it asks of every vertex of some offices and the middle of each of their edges.
"""

import sys
from collections.abc import Iterator
from contextlib import closing
from time import perf_counter

import geopandas
import inputs
import numpy as np
import pandas
import shapely
from cluster import Cluster, find_programs
from postgis_oracle import Oracle, assert_same_shares

from geo.assign import assign
from geo.crs import STORED
from geo.grid import Grid

POINTS, COMPOUNDS = 1_000_000, 50_000  # that PostGIS is asked at a time
OFFICES_WITH_EDGES = 1_000


def pieces(shapes: geopandas.GeoSeries, size: int) -> Iterator[geopandas.GeoSeries]:
    """Yield the shapes, so many at a time."""
    for begin in range(0, len(shapes), size):
        yield shapes.iloc[begin : begin + size]


def on_edges(offices: geopandas.GeoSeries) -> geopandas.GeoSeries:
    """Return the vertices and the middles of the edges of some offices, as points."""
    chosen = np.random.default_rng(1).permutation(len(offices))[:OFFICES_WITH_EDGES]
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(offices.to_numpy()[chosen])]
    xy = np.unique(np.concatenate(rings + [(ring[1:] + ring[:-1]) / 2 for ring in rings]), axis=0)
    return geopandas.GeoSeries(shapely.points(xy), index=pandas.RangeIndex(len(xy)).astype(str), crs=STORED)


def check_points(oracle: Oracle, grid: Grid, name: str, points: geopandas.GeoSeries) -> None:
    """Assert that the grid says of every point what PostGIS does."""
    began, nowhere, several = perf_counter(), 0, 0
    for part in pieces(points, POINTS):
        told = oracle.located(part)
        pandas.testing.assert_frame_equal(grid.locate(part), told)
        nowhere, several = nowhere + told["area"].isna().sum(), several + told["several"].sum()
    print(
        f"{name}: {len(points):,} the same ({nowhere:,} in no office, {several:,} claimed by several"
        f" or on an edge) in {perf_counter() - began:.0f} s",
        flush=True,
    )


def check_compounds(oracle: Oracle, offices: geopandas.GeoSeries, compounds: geopandas.GeoSeries) -> None:
    """Assert that every share of every compound is that of PostGIS."""
    began, worst, parts = perf_counter(), 0.0, 0
    for part in pieces(compounds, COMPOUNDS):
        ours = assign(part, offices)
        worst = max(worst, assert_same_shares(ours, oracle.assigned(part)))
        parts += len(ours.shares)
    print(
        f"compounds: {parts:,} shares of {len(compounds):,} the same, no area off by more than"
        f" {worst:.1e} of itself, in {perf_counter() - began:.0f} s",
        flush=True,
    )


def main() -> None:
    """Check one size against a server of its own."""
    given = inputs.inputs("nation")
    offices = given.frame("street_offices").geometry
    cluster = Cluster(find_programs())
    try:
        with closing(cluster.connect(cluster.name_in(cluster.create()))) as connection:
            print(connection.execute("SELECT postgis_full_version()").fetchone()[0])
            oracle = Oracle(connection, offices)
            check_compounds(oracle, offices, given.frame("compounds").geometry)
            grid = Grid(offices)
            check_points(oracle, grid, "on edges", on_edges(offices))
            check_points(oracle, grid, "points", given.frame("illegal_structures").geometry)
    finally:
        cluster.stop()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
