"""Who answers for what: our ways against geopandas and, where it is there, SedonaDB; same answers.

Points: geo.locate, geo.grid and the grid's file against the joins of others, which give pairs of
point and office; to make the lowest office of them is not on their clock. Compounds: geo.assign
against overlay.
"""

import importlib.util
import json
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import geopandas
import inputs
import numpy as np
import pandas

from geo import assign, crs, grid, locate
from layers import gridfile

RUNS = 5
#: Whose time is divided by each row's; the last may not be there.
PEERS = ("sjoin, points within", "sjoin", "SedonaDB")


def numbered(shapes: geopandas.GeoSeries) -> geopandas.GeoDataFrame:
    """Return shapes with their places in the series, in ``row``."""
    return geopandas.GeoDataFrame({"row": np.arange(len(shapes))}, geometry=shapes.to_numpy(), crs=shapes.crs)


def sjoin(points: geopandas.GeoDataFrame, offices: geopandas.GeoDataFrame) -> pandas.DataFrame:
    """Return the pairs (row_office, row_point) that meet.

    The offices stand on the left, which lets GEOS prepare them: many times faster than the
    other way round, and with the same pairs.
    """
    return offices.sjoin(points, predicate="intersects", lsuffix="office", rsuffix="point")


def sjoin_as_called(points: geopandas.GeoDataFrame, offices: geopandas.GeoDataFrame) -> pandas.DataFrame:
    """Return the pairs of points that lie within offices, not on their edges, as most callers ask."""
    return points.sjoin(offices, predicate="within", lsuffix="point", rsuffix="office")


def sedona(points: geopandas.GeoDataFrame, offices: geopandas.GeoDataFrame) -> Callable[[], object]:
    """Return what makes the same pairs with SedonaDB, with both tables in its memory."""
    import pyarrow
    import sedonadb

    session = sedonadb.connect()
    for name, frame in (("points", points), ("offices", offices)):
        session.create_data_frame(frame.to_crs(4326)).to_memtable().to_view(name)
    query = """SELECT o."row" AS row_office, p."row" AS row_point
        FROM points p JOIN offices o ON ST_Intersects(o.geometry, p.geometry)"""
    return lambda: pyarrow.table(session.sql(query))


def lowest(pairs: object, points: geopandas.GeoSeries, offices: geopandas.GeoSeries) -> np.ndarray:
    """Return the rank of each point's lowest office among the pairs; -1 where there is none."""
    found = np.full(len(points), len(offices))
    office, point = (np.asarray(pairs[name]) for name in ("row_office", "row_point"))
    np.minimum.at(found, point, locate.ranks(offices.index)[office])
    return np.where(found == len(offices), -1, found)


def ranked(answer: pandas.DataFrame, offices: geopandas.GeoSeries) -> np.ndarray:
    """Return the ranks of the offices in one of our answers; -1 where there is none."""
    return offices.index.sort_values().get_indexer(answer["area"])


def cold(size: str, file: Path) -> dict[str, float]:
    """Return the seconds a new process needs with the grid's file, and those to start numba."""
    command = [sys.executable, __file__, size, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measure_cold(file: Path) -> None:
    """Print what ``cold`` returns: arrays in memory and imports done, nothing else."""
    import numba

    given = inputs.inputs()
    offices, points = (given.frame(layer).geometry for layer in ("street_offices", "illegal_structures"))
    began = perf_counter()
    numba.njit(lambda: 0)()
    ready = perf_counter()
    gridfile.kept_grid(offices, file).locate(points)
    print(json.dumps({"numba": ready - began, "work": perf_counter() - ready}))


def same_with_edges(offices: geopandas.GeoSeries) -> int:
    """Assert that the grid says what locate says of every vertex of the offices; return how many."""
    vertices = offices.get_coordinates().drop_duplicates()
    points = geopandas.GeoSeries.from_xy(vertices["x"], vertices["y"], crs=offices.crs)
    points = points.reset_index(drop=True)
    pandas.testing.assert_frame_equal(grid.Grid(offices).locate(points), locate.locate(points, offices))
    return len(points)


def memory(work: Callable[[], object]) -> float:
    """Return the most megabytes that the work held at a time beyond what was there."""
    tracemalloc.start()
    kept = work()
    most = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    del kept
    return most


def point_rows(
    given: inputs.Inputs, offices: geopandas.GeoSeries, points: geopandas.GeoSeries
) -> list[tuple]:
    """Return the rows of the points' table; assert that all answers are the same."""
    file = inputs.MADE / f"{given.size}.grid"
    made = gridfile.kept_grid(offices, file)
    x, y = points.x.to_numpy(), points.y.to_numpy()
    left, right = numbered(offices), numbered(points)
    indexed = numbered(points)
    indexed.sindex  # noqa: B018  # built and kept by the frame
    contenders = {
        "geo.locate": lambda: locate.locate(points, offices),
        "grid, as frame": lambda: made.locate(points),
        "grid, as arrays": lambda: made.look_up(x, y),
        "grid, built": lambda: grid.Grid(offices),
        "sjoin, points within": lambda: sjoin_as_called(right.copy(), left),
        "sjoin": lambda: sjoin(right.copy(), left),
        "sjoin, indexed": lambda: sjoin(indexed, left),
    }
    if importlib.util.find_spec("sedonadb"):
        contenders["SedonaDB"] = sedona(right, left)
    times, answers = inputs.medians(contenders, RUNS)
    expected = lowest(answers["sjoin"], points, offices)
    for name in {"sjoin, indexed", "SedonaDB"} & answers.keys():
        assert (lowest(answers[name], points, offices) == expected).all(), name
    assert (ranked(answers["geo.locate"], offices) == expected).all()
    on_edges = answers["geo.locate"]["several"]
    within = lowest(answers["sjoin, points within"], points, offices)
    assert (within == expected)[~on_edges].all()
    pandas.testing.assert_frame_equal(answers["grid, as frame"], answers["geo.locate"])
    assert (answers["grid, as arrays"][0] == expected).all()
    assert (answers["grid, as arrays"][1] == answers["geo.locate"]["several"]).all()
    runs = [cold(given.size, file) for _ in range(RUNS)]
    times["grid from its file, new process"] = float(np.median([run["work"] for run in runs]))
    times["… and numba's own start"] = float(np.median([run["work"] + run["numba"] for run in runs]))
    peers = [times[name] for name in PEERS if name in times]
    return [(name, t, *[peer / t for peer in peers]) for name, t in times.items()]


def overlay(sites: geopandas.GeoSeries, offices: geopandas.GeoSeries) -> pandas.DataFrame:
    """Return every share of each site, largest first."""
    left = geopandas.GeoDataFrame({"site": sites.index}, geometry=sites.to_numpy(), crs=sites.crs)
    right = geopandas.GeoDataFrame({"area": offices.index}, geometry=offices.to_numpy(), crs=offices.crs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it leaves out lines and points
        parts = left.overlay(right, how="intersection", keep_geom_type=True)
    whole = pandas.Series(left.to_crs(crs.AREA).area.to_numpy(), index=sites.index)
    parts["share"] = parts.to_crs(crs.AREA).area.to_numpy() / whole[parts["site"]].to_numpy()
    return parts[["site", "area", "share"]].sort_values(["site", "share"], ascending=[True, False])


def same_shares(ours: assign.Assigned, theirs: pandas.DataFrame) -> None:
    """Assert that both give every office the same share of every site."""
    keys = ["site", "area"]
    both = ours.shares.merge(theirs[theirs["share"] > 1e-6], on=keys, how="outer", suffixes=("", "_theirs"))
    assert np.allclose(both["share"].fillna(0), both["share_theirs"].fillna(0), atol=1e-6)


def main() -> None:
    """Run both comparisons and print the tables."""
    given = inputs.inputs()
    offices, compounds, points = (given.frame(layer).geometry for layer in inputs.LAYERS)
    rows = point_rows(given, offices, points)
    title = f"{len(points):,} points in {len(offices)} street offices, {given.size}: medians of {RUNS} runs"
    peers = [f"× {name}" for name in PEERS][: len(rows[0]) - 2]
    inputs.table(f"{title}, equal answers", ("by", "s", *peers), rows)
    building = memory(lambda: grid.Grid(offices))
    asking = memory(lambda: grid.Grid(offices).locate(points))
    print(f"most memory: building {building:.0f} MB, with the answers {asking:.0f} MB")
    print(f"the same for {same_with_edges(offices):,} vertices")
    times, answers = inputs.medians(
        {
            "geo.assign": lambda: assign.assign(compounds, offices),
            "overlay": lambda: overlay(compounds, offices),
        },
        RUNS,
    )
    same_shares(answers["geo.assign"], answers["overlay"])
    rows = [(name, t, len(compounds) / t, times["overlay"] / t) for name, t in times.items()]
    title = f"{len(compounds):,} compounds, {given.size}: medians of {RUNS} runs, equal answers"
    inputs.table(title, ("by", "s", "rows/s", "× overlay"), rows)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure_cold(Path(sys.argv[2]))
    else:
        main()
