"""Statistics: every sheet, file and chart of the sample district beside one export of its layers.

A person does not wait: each must answer within the time of three exports. What was asked for is
proved: the sheet's total is the count of the store.
"""

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import inputs

from app import create_app
from layers import open_store, sample
from layers.catalogue import LAYERS
from layers.contents import PLANS
from layers.people import OPERATOR

RUNS = 5
GOAL = 3


def main() -> None:
    """Ask for everything in turns, print the table."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/district.db"
        store = open_store(url)
        sample.load_sample(store, OPERATOR, Path(folder))
        store.close()
        client = create_app({"STORE": url, "DATA": Path(folder)}).test_client()
        exports = [f"/export/{layer}.geojson" for layer in LAYERS]
        asked = {"one export of all layers": exports, **{path: [path] for path in _paths()}}
        times: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(RUNS):
            for name, paths in asked.items():
                times[name].append(_spent(client, paths))
    once = median(times["one export of all layers"])
    rows = [(n, 1000 * median(t), median(t) / once, _met(median(t) / once)) for n, t in times.items()]
    title = f"Statistics of the sample district: medians of {RUNS} runs in turns"
    inputs.table(title, ("answer", "ms", "exports", f"≤ {GOAL}"), rows)


def _paths() -> list[str]:
    sheets = [f"/sheets/{name}" for name in PLANS]
    files = [
        f"/sheets/{name}.{form}" for name in ("progress", "compounds") for form in ("xlsx", "csv", "pdf")
    ]
    others = ["/sheets", "/sheets/demolition/rows?column=ledger", "/assessment", "/assessment.xlsx"]
    return [*sheets, *files, *others, "/assessment.pdf", "/charts"]


def _spent(client, paths: list[str]) -> float:
    begun = perf_counter()
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200 and answer.data, path
    return perf_counter() - begun


def _met(ratio: float) -> str:
    return "yes" if ratio <= GOAL else "NO"


if __name__ == "__main__":
    main()
