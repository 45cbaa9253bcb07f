"""What it costs to assign on dask's workers: beside the single process, and dask_geopandas's own join.

Each contender begins with the same files and ends with the answers in files; the workers are
running already. The partitions are the cells of a grid laid over the district, as divisions are.
"""

import os
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
#: Into how many cells the longer side of each size is cut.
ACROSS = {"sample": 3, "district": 3, "city": 4, "nation": 12}
FOLDER = inputs.MADE / "partitions"
HERE, OURS, THEIRS = "one process", f"{WORKERS} workers of ours", f"dask_geopandas.sjoin, {WORKERS} workers"


def divisions(sites: geopandas.GeoSeries, box: np.ndarray, across: int) -> np.ndarray:
    """Return the name of the cell each site's corner lies in."""
    place = (sites.bounds.to_numpy()[:, :2] - box[:2]) / (box[2:] - box[:2])
    column, row = (place * across).astype(int).clip(0, across - 1).T
    return np.char.zfill((row * across + column).astype(str), 6).astype(object)


def made(given: inputs.Inputs) -> Path:
    """Return the folder of partitions of a size, written where it is not there yet."""
    folder = FOLDER / given.size
    if not (folder / partitions.OFFICES).exists():
        offices = given.frame("street_offices").geometry
        for layer in (batching.SHARED, "illegal_structures"):
            sites = given.frame(layer).geometry
            named = divisions(sites, offices.total_bounds, ACROSS[given.size])
            partitions.write_sites(folder / layer, layer, sites, named)
        partitions.write_offices(offices, folder / partitions.OFFICES)
    return folder


def offices_in(folder: Path) -> geopandas.GeoSeries:
    """Return all street offices of a folder."""
    return partitions.read_sites(folder / partitions.OFFICES).geometry


def answered(files: list[Path]) -> pandas.Series:
    """Return the office of every site in files of answers."""
    return pandas.concat([partitions.read_answers(f) for f in files]).set_index("code")["street_office_code"]


def here(folder: Path, layer: str) -> Callable[[], Callable]:
    """Return what one process does: all sites and all offices at once, the answers in one file."""

    def work() -> Callable:
        files, offices = partitions.files_of(folder / layer, layer), offices_in(folder)
        sites = pandas.concat([partitions.read_sites(file) for file in files]).geometry
        shared = layer == batching.SHARED
        answers = assign(sites, offices) if shared else Grid(offices).locate(sites)
        partitions.write_answers(folder / f"{layer}.parquet", answers.main if shared else answers)
        if shared:
            partitions.write_answers(folder / f"{batching.SHARES}.parquet", answers.shares)
        return lambda: answered([folder / f"{layer}.parquet"])

    return work


def ours(client: distributed.Client, folder: Path, layer: str) -> Callable[[], Callable]:
    """Return what our workers do with one layer of the folder."""

    def work() -> Callable:
        batching.assign_folder(client, folder / layer, offices_in(folder))
        return lambda: answered(partitions.files_of(folder / layer / partitions.ANSWERS, layer))

    return work


def theirs(client: distributed.Client, folder: Path, layer: str) -> Callable[[], Callable]:
    """Return dask_geopandas's join of points and offices, the pairs written to files."""

    def work() -> Callable:
        into = folder / "sjoin"
        shutil.rmtree(into, ignore_errors=True)
        with client.as_current(), dask.config.set({"dataframe.convert-string": False}):
            points = dask_geopandas.read_parquet(folder / layer / layer, columns=["code", "geometry"])
            offices = geopandas.read_parquet(folder / partitions.OFFICES)[["code", "geometry"]]
            joined = dask_geopandas.sjoin(points, offices, predicate="intersects")
            joined[["code_left", "code_right"]].to_parquet(into)
        return lambda: pandas.read_parquet(into).groupby("code_left")["code_right"].min()

    return work


@contextmanager
def watched(pids: list[int], most: dict[str, float], name: str) -> Iterator[None]:
    """Note the most memory, in MB, that any of the processes was seen to hold until this ends."""
    processes, over = [psutil.Process(pid) for pid in pids], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            held = max(process.memory_info().rss / 1e6 for process in processes)
            most[name] = max(most.get(name, 0.0), held)

    watcher = threading.Thread(target=look)
    watcher.start()
    yield
    over.set()
    watcher.join()


def assert_same(one: pandas.Series, other: pandas.Series) -> None:
    """Assert that two contenders name the same office for every site."""
    other = other.reindex(one.index)
    assert (one.eq(other) | (one.isna() & other.isna())).all()


def measure(title: str, contenders: dict, pids: dict, rows: int, runs: int) -> None:
    """Print the table of one layer; assert that all answers are the same."""
    most: dict[str, float] = {}

    def watching(name: str) -> Callable:
        def work() -> Callable:
            with watched(pids[name], most, name):
                return contenders[name]()

        return work

    times, answers = inputs.medians({name: watching(name) for name in contenders}, runs)
    expected = answers[HERE]()
    for answer in answers.values():
        assert_same(expected, answer())
    peers = [name for name in (HERE, THEIRS) if name in times]
    table = [(n, t, rows / t, *(times[peer] / t for peer in peers), most[n]) for n, t in times.items()]
    headings = ("by", "s", "rows/s", *(f"× {peer}" for peer in peers), "MB in a process")
    inputs.table(f"{title}: medians of {runs}, from files to files, equal answers", headings, table)


def main() -> None:
    """Run both layers and print the tables."""
    given = inputs.inputs("nation")
    folder, runs = made(given), 1 if given.size == "nation" else 3
    with batching.workers(count=WORKERS) as client, batching.workers(count=WORKERS) as other:
        pids = {HERE: [os.getpid()]}
        pids |= {n: list(c.run(os.getpid).values()) for n, c in ((OURS, client), (THEIRS, other))}
        for layer in (batching.SHARED, "illegal_structures"):
            files = partitions.files_of(folder / layer, layer)
            rows = partitions.require_once(files)
            contenders = {OURS: ours(client, folder, layer), HERE: here(folder, layer)}
            if layer != batching.SHARED and given.size != "nation":
                contenders[THEIRS] = theirs(other, folder, layer)
            title = f"{rows:,} {layer} in {len(files)} partitions, {given.size}"
            measure(title, contenders, pids, rows, runs)


if __name__ == "__main__":
    main()
