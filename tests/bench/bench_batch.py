"""What it costs to assign on dask's workers: beside the single process, and dask_geopandas's own join.

Each contender begins with the same folder of partitions and ends with the answers in files; the
workers are running. The partitions are the cells of a grid laid over the district, as divisions are.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import dask_geopandas
import distributed
import geopandas
import inputs
import numpy as np
import pandas
import psutil

from geo.assign import assign
from geo.grid import Grid
from layers import batching, partitions

WORKERS = 2
#: How many divisions each size is cut into, along its longer side.
ACROSS = {"sample": 3, "district": 3, "city": 4, "nation": 12}
FOLDER = inputs.MADE / "partitions"


def divisions(sites: geopandas.GeoSeries, box: np.ndarray, across: int) -> np.ndarray:
    """Return the name of the cell each site's first corner lies in."""
    place = (sites.bounds.to_numpy()[:, :2] - box[:2]) / (box[2:] - box[:2])
    column, row = (place * across).astype(int).clip(0, across - 1).T
    return np.array([f"{number:06}" for number in range(across * across)], dtype=object)[
        row * across + column
    ]


def made(given: inputs.Inputs) -> Path:
    """Return the folder of partitions of a size, written where it is not there yet."""
    folder = FOLDER / given.size
    if not (folder / partitions.OFFICES).exists():
        offices = given.frame("street_offices").geometry
        for layer in (batching.SHARED, "illegal_structures"):
            sites = given.frame(layer).geometry
            named = divisions(sites, offices.total_bounds, ACROSS[given.size])
            partitions.write_sites(folder, layer, sites, named)
        partitions.write_offices(offices, folder / partitions.OFFICES)
    return folder


def single(folder: Path, layer: str) -> Callable[[], pandas.DataFrame]:
    """Return what one process does: all sites at once, all offices at once, the answers in one file."""

    def work() -> pandas.DataFrame:
        offices = partitions.read_sites(folder / partitions.OFFICES).geometry
        sites = pandas.concat([partitions.read_sites(file) for file in partitions.files_of(folder, layer)])
        if layer == batching.SHARED:
            answers = assign(sites.geometry, offices).main
        else:
            answers = Grid(offices).locate(sites.geometry)
        partitions.write_answers(folder / f"{layer}.parquet", answers)
        return answers["area"]

    return work


def batched(client: distributed.Client, folder: Path, layer: str) -> Callable[[], pandas.DataFrame]:
    """Return what our workers do with one layer of the folder."""
    alone = folder / "alone" / layer
    alone.mkdir(parents=True, exist_ok=True)
    if not (alone / layer).exists():
        shutil.copytree(folder / layer, alone / layer)

    def work() -> pandas.DataFrame:
        offices = partitions.read_sites(folder / partitions.OFFICES).geometry
        batching.assign_folder(client, alone, offices)
        files = partitions.files_of(alone / partitions.ANSWERS, layer)
        return lambda: pandas.concat([partitions.read_answers(f) for f in files]).set_index("code")[
            "street_office_code"
        ]

    return work


def sjoined(client: distributed.Client, folder: Path) -> Callable[[], pandas.DataFrame]:
    """Return dask_geopandas's join of points and offices, the pairs written to files."""

    def work() -> pandas.DataFrame:
        with dask.config.set({"dataframe.convert-string": False}):
            points = dask_geopandas.read_parquet(folder / "illegal_structures", columns=["code", "geometry"])
            offices = geopandas.read_parquet(folder / partitions.OFFICES)[["code", "geometry"]]
            joined = dask_geopandas.sjoin(points, offices, predicate="intersects")
            into = folder / "sjoin"
            joined[["code_left", "code_right"]].to_parquet(into)
        return lambda: pandas.read_parquet(into).groupby("code_left")["code_right"].min()

    return work


@contextmanager
def watched(client: distributed.Client) -> Iterator[list[float]]:
    """Give the most memory, in MB, that any worker was seen to hold until this ends (one number)."""
    import os

    processes = [psutil.Process(pid) for pid in client.run(os.getpid).values()]
    most, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], *(process.memory_info().rss / 1e6 for process in processes))

    watcher = threading.Thread(target=look)
    watcher.start()
    yield most
    over.set()
    watcher.join()


def same(ours: pandas.Series, theirs: pandas.Series) -> None:
    """Assert that two contenders name the same office for every site."""
    theirs = theirs.reindex(ours.index)
    assert (ours.eq(theirs) | (ours.isna() & theirs.isna())).all()


def measure(title: str, contenders: dict, client: distributed.Client, rows: int, runs: int) -> None:
    """Print the table of one layer; assert that all answers are the same."""
    with watched(client) as most:
        times, answers = inputs.medians(contenders, runs)
    found = {name: answer() if callable(answer) else answer for name, answer in answers.items()}
    for answer in found.values():
        same(found["one process"], answer)
    table = [
        (name, t, rows / t, times["one process"] / t, times.get("dask_geopandas.sjoin", np.nan) / t)
        for name, t in times.items()
    ]
    headings = ("by", "s", "rows/s", "× one process", "× dask_geopandas.sjoin")
    inputs.table(f"{title}: medians of {runs} runs, files to files, equal answers", headings, table)
    print(f"most memory of a worker: {most[0]:,.0f} MB")


def main() -> None:
    """Run both layers and print the tables."""
    given = inputs.inputs("nation")
    folder = made(given)
    runs = 1 if given.size == "nation" else 3
    with batching.workers(count=WORKERS) as client:
        for layer in ("illegal_structures", batching.SHARED):
            files = partitions.files_of(folder, layer)
            rows = partitions.require_once(files)
            contenders = {
                "one process": single(folder, layer),
                f"flask assign --engine dask, {WORKERS} workers": batched(client, folder, layer),
            }
            if layer != batching.SHARED:
                contenders["dask_geopandas.sjoin"] = sjoined(client, folder)
            measure(
                f"{rows:,} {layer} in {len(files)} partitions, {given.size}", contenders, client, rows, runs
            )


if __name__ == "__main__":
    main()
