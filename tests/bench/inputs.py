"""What the benchmarks run on, how they take turns, and how they say what they found.

The layers come from the generator beside the checkout (it needs scipy and pyarrow), else from
the sample district. What is made is kept in build/bench and used again.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import geopandas
import pyogrio

from layers.sample import make_sample

CHECKOUT = Path(__file__).resolve().parents[2]
GENERATOR = CHECKOUT.parent / "shared" / "bench" / "make_data.py"
MADE = CHECKOUT / "build" / "bench"
LAYERS = {"street_offices": "offices", "compounds": "compounds", "illegal_structures": "points"}


class Inputs(NamedTuple):
    """One district's layers in a GeoPackage, and how large it is said to be."""

    size: str
    file: Path

    def frame(self, layer: str, columns: list[str] | None = None) -> geopandas.GeoDataFrame:
        """Return one of our layers as a frame in CGCS2000 on its codes, with all its columns or some."""
        table = MADE / f"{self.size}_{LAYERS[layer]}.parquet"  # faster to read, where it is
        if table.exists():
            found = geopandas.read_parquet(
                table, columns=None if columns is None else ["code", *columns, "geometry"]
            )
        else:
            found = pyogrio.read_dataframe(
                self.file, layer=LAYERS[layer], columns=None if columns is None else ["code", *columns]
            )
        found["code"] = found["code"].astype(str)
        return found.set_geometry(found.geometry.set_crs(4490, allow_override=True)).set_index("code")


def inputs(*more: str) -> Inputs:
    """Return the layers of the size the command line names: district, the default, city, or one of more."""
    size = sys.argv[1] if len(sys.argv) > 1 else "district"
    if size not in (sizes := ("district", "city", *more)):
        sys.exit(f"{size} is none of {', '.join(sizes)}")
    return made(size)


def option(name: str) -> str | None:
    """Return what the command line says of a name (``name=value``), None where it says nothing."""
    return next((word.partition("=")[2] for word in sys.argv[1:] if word.startswith(f"{name}=")), None)


def made(size: str) -> Inputs:
    """Return the layers of a size: district, city, nation or sample, made where they are not there yet.

    Where the generator does not run, the sample district stands for a district.
    """
    if size not in ("district", "city", "nation", "sample"):
        sys.exit(f"{size} is none of district, city, nation and sample")
    file, table = MADE / f"{size}.gpkg", MADE / f"{size}_points.parquet"
    if size != "sample" and (file.exists() or table.exists() or _generated(size)):
        return Inputs(size, file)
    if size in ("city", "nation"):
        sys.exit(f"only the generator makes a {size}")
    return Inputs("sample", _sample())


def _generated(size: str) -> bool:
    """Run the generator and return whether it made the file."""
    if not GENERATOR.exists():
        print(f"no {GENERATOR.name} beside the checkout: running on the sample district")
        return False
    MADE.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(GENERATOR), size]
    environment = {**os.environ, "GUATU_BENCH_DATA": str(MADE)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1]
        print(f"{GENERATOR.name} does not run here ({reason}): running on the sample district")
    return done.returncode == 0


def _sample() -> Path:
    """Write the sample district's layers to a GeoPackage."""
    MADE.mkdir(parents=True, exist_ok=True)
    file, sample = MADE / "sample.gpkg", make_sample()
    file.unlink(missing_ok=True)
    for layer, name in LAYERS.items():
        pyogrio.write_dataframe(getattr(sample, layer), file, layer=name, driver="GPKG")
    return file


def medians(contenders: Mapping[str, Callable[[], object]], runs: int) -> tuple[dict, dict]:
    """Return each contender's median time in seconds and its last answer.

    In every run another contender begins, so that none always finds the machine warm.
    """
    names, answers = list(contenders), {}
    times: dict[str, list[float]] = {name: [] for name in names}
    for run in range(runs):
        first = run % len(names)
        for name in names[first:] + names[:first]:
            began = perf_counter()
            answers[name] = contenders[name]()
            times[name].append(perf_counter() - began)
    return {name: median(found) for name, found in times.items()}, answers


def table(title: str, headings: tuple[str, ...], rows: list[tuple]) -> None:
    """Print a small table."""
    cells = [headings, *[tuple(_cell(value) for value in row) for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    print(f"\n{title}")
    for row in cells:
        first, *others = (
            text.ljust(widths[0]) if i == 0 else text.rjust(widths[i]) for i, text in enumerate(row)
        )
        print("  ".join((first, *others)))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
