"""Rows a second from file to store, by layer, beside pyogrio reading and writing a GeoPackage.

Not the same work: a load places, checks and types every row, compares it with the record,
keeps the original, writes history and answers who is responsible; the other copies bytes.
"""

import tempfile
from pathlib import Path

import inputs
import pyogrio

from layers import open_store
from layers.intake import Receipt, Request, take_in
from layers.people import OPERATOR


def main() -> None:
    """Load every layer, copy every layer, print the table."""
    given = inputs.inputs()
    runs = 3 if given.size != "city" else 1
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        stores = [open_store(f"sqlite:///{folder}/{run}.db") for run in range(runs)]
        for layer, name in inputs.LAYERS.items():
            rows += _compared(given, layer, name, iter(stores), Path(folder), runs)
        for store in stores:
            store.close()
    title = f"Loading, {given.size}: medians of {runs} runs, each into a store of its own"
    inputs.table(title, ("layer", "by", "rows", "s", "rows/s", "× pyogrio"), rows)


def _compared(given: inputs.Inputs, layer: str, name: str, stores, folder: Path, runs: int) -> list[tuple]:
    def load() -> Receipt:
        request = Request(layer, given.file, layer_name=name)
        return take_in(next(stores), request, OPERATOR, folder / "files")

    def copy() -> int:
        frame = pyogrio.read_dataframe(given.file, layer=name)
        pyogrio.write_dataframe(frame, folder / f"{name}.gpkg", driver="GPKG")
        return len(frame)

    times, answers = inputs.medians({"take_in": load, "pyogrio": copy}, runs)
    receipt = answers["take_in"]
    assert receipt.stored == receipt.inserted == answers["pyogrio"]
    return [(layer, n, receipt.read, t, receipt.read / t, times["pyogrio"] / t) for n, t in times.items()]


if __name__ == "__main__":
    main()
