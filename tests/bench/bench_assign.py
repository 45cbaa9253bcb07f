"""Who answers for what: our ways against geopandas, SedonaDB and PostGIS; the same answers, row by row.

    python tests/bench/bench_assign.py [district] [city] [nation] [points] [compounds]

Without sizes those of GUATU_BENCH_SIZES, else district and city; without a kind of work, both.
The nation is asked for by its name: it takes minutes, and gigabytes with the peers.
Points: geo.locate, geo.grid and the grid's file against the joins of others, which give pairs of
point and office; to make the lowest office of them is not on their clock. Compounds: all shares,
measured in square metres. Imports are done and all layers in memory on both sides.
"""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from math import log
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import geopandas
import inputs
import numpy as np
import pandas
import peers

from geo import assign, grid, locate
from layers import gridfile

RUNS = {"district": 5, "city": 5, "nation": 1}
EQUAL = 1e-9  # of a part's area; and of its site's, for nothing is measured finer than some nanometres
WORK = ("points", "compounds")
#: Ours, theirs, and the least ratio of their time to ours; or "≤" and the most of our time to theirs.
GOALS = {
    "city": [
        ("grid, as frame", "sjoin, points within", "≥", 18),
        ("grid, as frame", "SedonaDB, points", "≥", 6),
        ("grid, as frame", "PostGIS, points", "≥", 25),
        ("grid from its file, new process", "sjoin, points within", "≥", 8),
        ("grid, built", "sjoin, points within", "≤", 0.15),
        ("grid, all shares", "overlay", "≥", 8),
        ("grid, all shares", "SedonaDB, shares", "≥", 4.5),
    ],
    "nation": [
        ("grid, as frame", "sjoin, points within", "≥", 14),
        ("grid, as frame", "SedonaDB, points", "≥", 10),
        ("grid from its file, new process", "sjoin, points within", "≥", 8),
        ("grid, built", "sjoin, points within", "≤", 0.5),
        ("grid, all shares", "overlay", "≥", 5),
        ("grid, all shares", "SedonaDB, shares", "≥", 2.5),
    ],
}
MEGABYTES = {"city": 100, "nation": 1500}


class Layers(NamedTuple):
    """The layers of a size, each on its codes."""

    size: str
    offices: geopandas.GeoSeries
    compounds: geopandas.GeoSeries
    points: geopandas.GeoSeries

    @property
    def file(self) -> Path:
        """The file of the offices' grid."""
        return inputs.MADE / f"{self.size}.grid"


def layers(size: str) -> Layers:
    """Return the layers of a size."""
    given = inputs.made(size)
    return Layers(given.size, *(given.frame(layer, []).geometry for layer in inputs.LAYERS))


def ours(given: Layers, work: str) -> dict[str, Callable[[], object]]:
    """Return our ways, which may be alone in a process: to measure their memory or a cold start."""
    if work == "points":
        return {
            "grid, built": lambda: grid.Grid(given.offices),
            "grid from its file": lambda: gridfile.kept_grid(given.offices, given.file).locate(given.points),
            "geo.locate": lambda: locate.locate(given.points, given.offices),
            "sjoin": lambda: peers.sjoin(peers.numbered(given.points), peers.numbered(given.offices)),
        }
    return {
        "grid built, all shares": lambda: grid.Grid(given.offices).assign(given.compounds),
        "geo.assign": lambda: assign.assign(given.compounds, given.offices),
        "overlay": lambda: peers.overlay(given.compounds, given.offices),
    }


def alone(size: str, work: str, way: str) -> dict[str, float]:
    """Return what ``measure_alone`` prints in a new process."""
    command = [sys.executable, __file__, "--alone", size, work, way]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measure_alone(size: str, work: str, way: str) -> None:
    """Print the seconds a way takes, those to start numba before it, and the megabytes beyond the input."""
    import numba

    given = layers(size)
    task = ours(given, work)[way]
    began = perf_counter()
    numba.njit(lambda: 0)()
    ready = perf_counter()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on
    before = megabytes("VmRSS")
    start = perf_counter()
    task()
    taken = perf_counter() - start
    print(json.dumps({"numba": ready - began, "work": taken, "megabytes": megabytes("VmHWM") - before}))


def megabytes(line: str) -> float:
    """Return what the kernel says of this process's memory."""
    told = dict(one.split(":") for one in Path("/proc/self/status").read_text().splitlines())
    return int(told[line].split()[0]) / 1024


def point_times(given: Layers, postgis: peers.Postgis | None) -> dict[str, float]:
    """Return the seconds of each way to locate the points; assert that all answers are the same."""
    made = gridfile.kept_grid(given.offices, given.file)
    x, y = given.points.x.to_numpy(), given.points.y.to_numpy()
    left, right, indexed = (peers.numbered(s) for s in (given.offices, given.points, given.points))
    contenders = {
        "grid, as frame": lambda: made.locate(given.points),
        "grid, as arrays": lambda: made.look_up(x, y),
        "grid, built": lambda: grid.Grid(given.offices),
        "sjoin, points within": lambda: peers.sjoin_as_called(right.copy(), left),
        "sjoin": lambda: peers.sjoin(right.copy(), left),
    }
    if given.size != "nation":  # there it would take more memory than one process is to have
        indexed.sindex  # noqa: B018  # built and kept by the frame
        contenders["sjoin, indexed"] = lambda: peers.sjoin(indexed, left)
        contenders["geo.locate"] = lambda: locate.locate(given.points, given.offices)
    if peers.SEDONA:
        contenders["SedonaDB, points"] = peers.sedona(given.offices, points=given.points)
    if postgis:
        contenders["PostGIS, points"] = postgis.find_points
    times, answers = inputs.medians(contenders, RUNS.get(given.size, 5))
    if postgis:
        answers["PostGIS, points"] = postgis.answer("pairs")
    same_points(given, answers)
    runs = [alone(given.size, "points", "grid from its file") for _ in range(RUNS.get(given.size, 5))]
    times["grid from its file, new process"] = float(np.median([run["work"] for run in runs]))
    times["… and numba's own start"] = float(np.median([run["work"] + run["numba"] for run in runs]))
    return times


def same_points(given: Layers, answers: dict[str, object]) -> None:
    """Assert that every answer gives each point the same lowest office."""
    order = locate.ranks(given.offices.index)
    expected = peers.lowest(answers["sjoin"], len(given.points), order)
    for name in {"sjoin, indexed", "SedonaDB, points", "PostGIS, points"} & answers.keys():
        assert (peers.lowest(answers[name], len(given.points), order) == expected).all(), name
    frame, (found, several) = answers["grid, as frame"], answers["grid, as arrays"]
    assert (found == expected).all()
    assert (several == frame["several"]).all()
    assert (given.offices.index.sort_values().get_indexer(frame["area"]) == expected).all()
    within = peers.lowest(answers["sjoin, points within"], len(given.points), order)
    assert (within == expected)[~several].all()
    if "geo.locate" in answers:
        pandas.testing.assert_frame_equal(frame, answers["geo.locate"])
    print(f"the same for {len(given.points):,} points, {several.sum():,} of them on edges")


def site_times(given: Layers, postgis: peers.Postgis | None) -> dict[str, float]:
    """Return the seconds of each way to share the compounds out; assert that all shares are the same."""
    made = gridfile.kept_grid(given.offices, given.file)
    contenders = {
        "grid, all shares": lambda: made.assign(given.compounds),
        "grid built, all shares": lambda: grid.Grid(given.offices).assign(given.compounds),
        "overlay": lambda: peers.overlay(given.compounds, given.offices),
    }
    if given.size != "nation":
        contenders["geo.assign"] = lambda: assign.assign(given.compounds, given.offices)
    if peers.SEDONA:
        contenders["SedonaDB, shares"] = peers.sedona(given.offices, sites=given.compounds)
    if postgis:
        contenders["PostGIS, shares"] = postgis.find_sites
    times, answers = inputs.medians(contenders, RUNS.get(given.size, 5))
    if postgis:
        answers["PostGIS, shares"] = postgis.answer("shares")
    for name in {"overlay", "SedonaDB, shares", "PostGIS, shares"} & answers.keys():
        same_shares(given, answers["grid, all shares"], answers[name], name)
    if "geo.assign" in answers:
        plain, found = answers["geo.assign"], answers["grid, all shares"]
        assert plain.shares[["site", "area"]].equals(found.shares[["site", "area"]])
        assert plain.main[["area", "border"]].equals(found.main[["area", "border"]])
    return times


def same_shares(given: Layers, found: assign.Assigned, theirs: object, name: str) -> None:
    """Assert that both give every office the same part of every site, and print how near."""
    number = {"site": given.compounds.index, "area": given.offices.index}
    rows = {f"row_{key}": index.get_indexer(found.shares[key]) for key, index in number.items()}
    columns = {"row_site": rows["row_site"], "row_office": rows["row_area"], "m2": found.shares["area_m2"]}
    other = pandas.DataFrame({key: np.asarray(theirs[key]) for key in ("row_site", "row_office", "m2")})
    both = pandas.DataFrame(columns).merge(
        other, on=["row_site", "row_office"], how="outer", suffixes=("", "_theirs")
    )
    site_m2 = (found.shares["area_m2"] / found.shares["share"]).groupby(rows["row_site"]).max()
    size = site_m2.reindex(both["row_site"]).to_numpy()
    both = both[(both["m2_theirs"].fillna(1) >= 2 * assign.SLIVER * size) | both["m2"].notna()]
    size = site_m2.reindex(both["row_site"]).to_numpy()
    apart = (both["m2"].fillna(0) - both["m2_theirs"].fillna(0)).abs()
    assert (apart <= EQUAL * size).all(), name
    rest = apart[apart > EQUAL * both["m2_theirs"]]
    print(
        f"{name}: {len(both):,} parts, all within {(apart / size).max():.1e} of their sites,"
        f" all but {len(rest):,} within {EQUAL} of themselves, these within {rest.max():.1e} m²"
    )


def table(title: str, times: dict[str, float], against: tuple[str, ...]) -> None:
    """Print seconds, and the ratios to those who are there of some peers."""
    there = [name for name in against if name in times]
    rows = [(name, t, *[times[peer] / t for peer in there]) for name, t in times.items()]
    inputs.table(title, ("by", "s", *[f"× {name}" for name in there]), rows)


def goals(size: str, times: dict[str, float], memory: dict[str, float]) -> None:
    """Print which goals are met."""
    rows = []
    for our, their, sense, goal in GOALS.get(size, []):
        if our in times and their in times:
            reached = times[their] / times[our] if sense == "≥" else times[our] / times[their]
            rows.append((our, their, f"{sense} {goal:g} ×", reached, _met(reached, sense, goal)))
    for way, most in memory.items():
        if size in MEGABYTES and way.startswith("grid"):
            goal = MEGABYTES[size]
            rows.append((way, "beyond the input", f"≤ {goal:g} MB", most, _met(most, "≤", goal)))
    inputs.table(f"goals, {size}", ("ours", "theirs", "goal", "reached", "met"), rows)


def _met(reached: float, sense: str, goal: float) -> str:
    return "yes" if (reached >= goal if sense == "≥" else reached <= goal) else "NO"


def measure(size: str, works: list[str]) -> tuple[dict[str, float], dict[str, int]]:
    """Print the tables of a size; return the seconds, and how many rows each work has."""
    given = layers(size)
    counts = {"points": len(given.points), "compounds": len(given.compounds)}
    print(f"\n== {size}: {len(given.offices):,} offices, {counts}")
    postgis = None
    if peers.POSTGIS and (size != "nation" or os.environ.get("GUATU_BENCH_POSTGIS")):
        postgis = peers.Postgis(offices=given.offices, sites=given.compounds, points=given.points)
    times = {}
    try:
        if "points" in works:
            found = point_times(given, postgis)
            table(
                f"points, {size}",
                found,
                ("sjoin, points within", "sjoin", "SedonaDB, points", "PostGIS, points"),
            )
            times |= found
        if "compounds" in works:
            found = site_times(given, postgis)
            table(f"compounds, {size}", found, ("overlay", "SedonaDB, shares", "PostGIS, shares"))
            times |= found
    finally:
        if postgis:
            postgis.server.stop()
    ways = [
        (work, way)
        for work in works
        for way in ours(given, work)
        if size != "nation" or way.startswith("grid")
    ]
    memory = {way: alone(size, work, way)["megabytes"] for work, way in ways}
    inputs.table(f"most megabytes beyond the input, {size}", ("by", "MB"), list(memory.items()))
    goals(size, times, memory)
    return times, counts


def growth(found: dict[str, tuple[dict[str, float], dict[str, int]]]) -> None:
    """Print the exponent with which time grows with the number of rows, from each size to the next.

    The goal is that of n · log n between the same two sizes, a little above 1.
    """
    rows = []
    for work, way in (("points", "grid, as frame"), ("compounds", "grid, all shares")):
        measured = [
            (size, counts[work], times[way]) for size, (times, counts) in found.items() if way in times
        ]
        for (small, few, quick), (large, many, slow) in pairwise(measured):
            exponent = log(slow / quick) / log(many / few)
            goal = log(many * log(many) / (few * log(few))) / log(many / few)
            rows.append((way, f"{small} → {large}", exponent, f"≤ {goal:.3f}", _met(exponent, "≤", goal)))
    inputs.table("growth: exponent of the number of rows", ("by", "from", "exponent", "n·log n", "met"), rows)


def main(words: list[str]) -> None:
    """Measure the sizes and kinds of work that are named."""
    works = [word for word in words if word in WORK] or list(WORK)
    sizes = [word for word in words if word not in WORK]
    sizes = sizes or os.environ.get("GUATU_BENCH_SIZES", "district city").split()
    growth({size: measure(size, works) for size in sizes})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        measure_alone(*sys.argv[2:])
    else:
        main(sys.argv[1:])
