"""What a write costs: a large load beside pyogrio, an acknowledged edit beside bare sqlite3.

Pages by box are measured in bench_pages.py.
"""

import multiprocessing
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import filling
import inputs
import numpy
import pyogrio
import shapely
from sqlalchemy import select

from layers import driving, open_store, tables
from layers.catalogue import ILLEGAL_STRUCTURES
from layers.history import entry_hash
from layers.intake import Request, take_in
from layers.people import OPERATOR
from layers.rowhash import columns_hash
from layers.stages import StageRow
from layers.store import Store
from layers.tables import BOX

RUNS = 3
EDITS = 150
PROCESSES = 4
SECONDS = 6.0


def main() -> None:
    """Measure large writes and single edits; print a table of each."""
    given = inputs.inputs()
    on = filling.server()
    try:
        with tempfile.TemporaryDirectory() as folder:
            _bulk(given, Path(folder), on)
            _load(given, Path(folder))
            _edits(given, Path(folder), on)
    finally:
        if on is not None:
            on.stop()


# A large write.


def _bulk(given: inputs.Inputs, folder: Path, on: filling.Server | None) -> None:
    frame = _frame(given)
    addresses = {"store": [f"sqlite:///{folder / f'bulk{run}.db'}" for run in range(RUNS)]}
    if on is not None:
        addresses["PostGIS"] = [on.create() for _ in range(RUNS)]
    stores = {name: [open_store(address) for address in made] for name, made in addresses.items()}
    contenders = {name: partial(_into, iter(opened), frame) for name, opened in stores.items()}
    for name, arrow in (("pyogrio", False), ("pyogrio, Arrow", True)):
        contenders[name] = partial(_with_pyogrio, frame, folder, arrow)
    times, _ = inputs.medians(contenders, RUNS)
    for store in [store for opened in stores.values() for store in opened]:
        store.close()
    best = min(times["pyogrio"], times["pyogrio, Arrow"])
    rows = [(name, len(frame), t, len(frame) / t, best / t) for name, t in times.items()]
    title = f"Rows in memory → committed, with their index of places: medians of {RUNS} runs"
    inputs.table(title, ("by", "rows", "s", "rows/s", "× faster pyogrio"), rows)
    print(f"goal, the store at least 0.8: {'yes' if best / times['store'] >= 0.8 else 'NO'}")


def _frame(given: inputs.Inputs):
    """Return the points with every column that the layer has; most hold no value."""
    frame = given.frame("illegal_structures").reset_index()
    frame["found_on"] = frame["found"].astype(str)
    for field in ILLEGAL_STRUCTURES.stored:
        if field.name not in frame:
            frame[field.name] = None
    return frame[[field.name for field in ILLEGAL_STRUCTURES.stored] + ["geometry"]]


def _write(store: Store, frame) -> None:
    """Write a frame as a load does: rows, index, hash, one entry of the history."""
    with store.writing(OPERATOR) as work:
        load_id, many = work.open_load("illegal_structures", "0" * 64, {}), len(frame)
        columns = {name: frame[name].tolist() for name in frame.columns if name != "geometry"}
        shapes = numpy.asarray(frame.geometry.values)
        columns |= {"row": list(range(1, many + 1)), "wkb": shapely.to_wkb(shapes).tolist()}
        columns |= zip(BOX, shapely.bounds(shapes).T.tolist(), strict=True)
        hashed = columns_hash(tables.illegal_structures, columns)
        work.log("load", "illegal_structures", load_id=load_id, after={"rows": many, "sha256": hashed})
        columns |= {"version": [1] * many, "load_id": [load_id] * many}
        work.insert_columns(tables.illegal_structures, columns)
        work.bump("illegal_structures")


def _into(stores: Iterator[Store], frame) -> None:
    """Write into a new, empty store; making it is not counted."""
    _write(next(stores), frame)


def _with_pyogrio(frame, folder: Path, arrow: bool) -> None:
    file = folder / "bulk.gpkg"
    file.unlink(missing_ok=True)
    pyogrio.write_dataframe(frame, file, driver="GPKG", geometry_type="Point", use_arrow=arrow)


def _load(given: inputs.Inputs, folder: Path) -> None:
    """Print where the time of a whole load goes, from the file to the answer who is responsible."""
    steps: list[tuple[str, float]] = []
    with closing(open_store(f"sqlite:///{folder / 'load.db'}")) as store:
        take_in(
            store, Request("street_offices", given.file, layer_name="offices"), OPERATOR, folder / "files"
        )
        request = Request("illegal_structures", given.file, layer_name="points")
        say = lambda step: steps.append((step, perf_counter()))  # noqa: E731
        receipt = take_in(store, request, OPERATOR, folder / "files", say)
        steps.append(("", perf_counter()))
    took = [(name, after[1] - began) for (name, began), after in zip(steps, steps[1:], strict=False)]
    whole = sum(seconds for _, seconds in took)
    rows = [(name, seconds, seconds / whole) for name, seconds in [*took, ("all", whole)]]
    title = f"A whole load of {receipt.stored:,} points, {receipt.stored / whole:,.0f} rows/s: one run"
    inputs.table(title, ("step", "s", "share"), rows)


# Single edits.


def edit(store: Store, code: str, number: int) -> None:
    """Move a stage and change a number of one compound, acknowledged when this returns."""
    with store.writing(OPERATOR) as work:
        (row,) = work.known(tables.compounds, {code})
        work.update_feature("compounds", row["fid"], row["version"], {"households": number})
        work.log("update", "compounds", code=code, before=row["households"], after=number)
        day = date.fromordinal(738_000 + number)
        work.put_stages({code: [StageRow("design", actual_start=date(2022, 1, 1), actual_finish=day)]})
        work.bump_rows("compounds", [code])


class Bare:
    """The statements of an edit, as they were seen to run, on a bare connection."""

    def __init__(self, path: str, seen: list[tuple[str, dict]]) -> None:
        self.seen, self.code = seen, next(v["code"] for _, v in seen if "code" in v)
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=60)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "cell_size_check=ON", "cache_size=-32768"):
            self.connection.execute(f"PRAGMA {pragma}")

    def edit(self, code: str, number: int) -> None:
        """Run them for another compound; only what depends on the rows is worked out."""
        run, day = self.connection.execute, date.fromordinal(738_000 + number).isoformat()
        last = row = (0, "")
        run("BEGIN IMMEDIATE")
        for text, values in self.seen:
            values = {n: code if v == self.code else v for n, v in values.items()}
            if text.startswith("INSERT INTO history"):
                values |= {"seq": last[0] + 1, "previous": last[1]}
                values["hash"] = entry_hash(values)
                last = (values["seq"], values["hash"])
            elif text.startswith("UPDATE compounds"):
                values |= {
                    "was_fid": row[0],
                    "was_version": row[1],
                    "version": row[1] + 1,
                    "households": number,
                }
            elif text.startswith("UPDATE stage_history"):
                values["actual_finish"] = day
            found = run(text, values).fetchall()
            if text.startswith("SELECT history"):
                last = found[0]
            elif text.startswith("SELECT compounds"):
                row = found[0]
        run("COMMIT")


def _seen(address: str) -> list[tuple[str, dict]]:
    """Return the statements of one edit, with their values, as the store gives them to the driver."""
    seen, names = [], ("run", "run_many")
    kept = {name: getattr(driving, name) for name in names}

    def noting(name: str) -> Callable:
        def noted(connection, statement, values):
            for row in values if name == "run_many" else [values]:
                seen.append(driving.translated(connection.dialect, statement, row))
            return kept[name](connection, statement, values)

        return noted

    with closing(open_store(address)) as store:
        edit(store, _codes(store)[-1], 0)
        for name in names:
            setattr(driving, name, noting(name))
        try:
            edit(store, _codes(store)[-1], 1)
        finally:
            for name in names:
                setattr(driving, name, kept[name])
    return seen


def _codes(store: Store) -> list[str]:
    c = tables.compounds.c
    with store.reading() as connection:
        return list(connection.execute(select(c.code).order_by(c.code)).scalars())


def _alone(step: Callable[[str, int], None], codes: list[str]) -> float:
    began = perf_counter()
    for number in range(EDITS):
        step(codes[number % len(codes)], number + 2)
    return EDITS / (perf_counter() - began)


def _edits(given: inputs.Inputs, folder: Path, on: filling.Server | None) -> None:
    file = filling.filled_file(folder, given, "edits")
    seen, rows = _seen(file), []
    with closing(open_store(file)) as store:
        codes, bare = _codes(store), Bare(file.removeprefix("sqlite:///"), seen)
        rates: dict[str, list[float]] = {"store": [], "bare": []}
        for run in range(2 * RUNS):
            turn = {"store": partial(edit, store), "bare": bare.edit}
            for name in list(turn)[:: 1 if run % 2 else -1]:
                rates[name].append(_alone(turn[name], codes))
    ratio = median(rates["store"]) / median(rates["bare"])
    rows.append(("one writer", median(rates["store"]), median(rates["bare"]), ratio, "-", _met(ratio)))
    counts = {name: [] for name in rates}
    for run in range(RUNS):
        for name in list(counts)[:: 1 if run % 2 else -1]:
            counts[name].append(_together(name, file, seen))
    many = {name: median(sum(c) for c in found) / SECONDS for name, found in counts.items()}
    least = min(min(c) / max(c) for c in counts["store"])
    ratio = many["store"] / many["bare"]
    rows.append((f"{PROCESSES} processes", many["store"], many["bare"], ratio, least, _met(ratio)))
    if on is not None:
        with closing(open_store(filling.filled_database(on, given))) as store:
            rows.append(
                ("one writer, PostGIS", _alone(partial(edit, store), _codes(store)), "-", "-", "-", "-")
            )
    headings = ("who", "edits/s", "bare sqlite3", "/ bare", "least / most", "≥ 0.8")
    inputs.table("Acknowledged edits of one row, each on disk: medians", headings, rows)


def _met(ratio: float) -> str:
    return "yes" if ratio >= 0.8 else "NO"


def _together(name: str, address: str, seen: list) -> list[int]:
    """Return how many edits each of some processes did in the same seconds."""
    context = multiprocessing.get_context("spawn")
    done, ready = context.Queue(), context.Barrier(PROCESSES)
    work = [
        context.Process(target=_edit_on, args=(name, address, seen, i, ready, done)) for i in range(PROCESSES)
    ]
    for process in work:
        process.start()
    counts = [done.get() for _ in work]
    for process in work:
        process.join()
    return counts


def _edit_on(name: str, address: str, seen: list, place: int, ready, done) -> None:
    with closing(open_store(address, patience_s=60.0)) as store:
        codes = _codes(store)[place::PROCESSES]
        step = (
            partial(edit, store) if name == "store" else Bare(address.removeprefix("sqlite:///"), seen).edit
        )
        ready.wait()
        until, count = perf_counter() + SECONDS, 0
        while perf_counter() < until:
            step(codes[count % len(codes)], count + 2)
            count += 1
    done.put(count)


if __name__ == "__main__":
    main()
