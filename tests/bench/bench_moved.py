"""One moved site re-assigned through the record: one point, and one compound, at the size of a city.

Each move writes the row, and who answers for it now, inside a transaction that is taken back. The
answers of the first moves are compared with those of the plain way, which looks at every office.
"""

import random
import sys
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import filling
import inputs
import numpy
import shapely
from sqlalchemy import insert

from layers import answering, duty, open_store, tables
from layers.people import OPERATOR
from layers.store import Store
from layers.work import Work

MOVES, COMPARED = 100, 3


def main() -> None:
    """Move sites of both stores, at the size the command line names."""
    given = inputs.made(sys.argv[1] if len(sys.argv) > 1 else "city")
    on, rows = filling.server(), []
    try:
        with tempfile.TemporaryDirectory() as folder:
            files = {"file": filling.filled_file(Path(folder), given, "moved")}
            files |= {"PostGIS": filling.filled_database(on, given)} if on else {}
            for name, address in files.items():
                with closing(open_store(address)) as store:
                    _put_offices(store, given)
                    rows += [(name, *row) for row in _measured(store)]
    finally:
        if on:
            on.stop()
    title = f"One moved site, {given.size}: medians of {MOVES} moves, ms"
    inputs.table(title, ("store", "layer", "row written", "re-assigned", "95 %", "changed", "< 1 ms"), rows)


def _put_offices(store: Store, given: inputs.Inputs) -> None:
    """Make the given street offices the active edition; answers come with the moves."""
    frame = given.frame("street_offices", [])
    with store.writing(OPERATOR) as work:
        work.connection.execute(tables.editions.update().values(state="former"))
        work.bump("facilities")  # as the load that brought them would have
        load_id = work.open_load("street_offices", "1" * 64, {})
        values = {"load_id": load_id, "code_list": "local", "state": "active"}
        edition = work.connection.execute(insert(tables.editions), values).inserted_primary_key[0]
        same = {"version": 1, "load_id": load_id, "edition_id": edition}
        boxes = shapely.bounds(frame.geometry.values).tolist()
        work.insert(
            tables.street_offices,
            [
                {"row": i, "code": code, "name": code, "wkb": shape.wkb, **same, **_box(box)}
                for i, (code, shape, box) in enumerate(
                    zip(frame.index, frame.geometry, boxes, strict=True), 1
                )
            ],
        )


def _box(sides) -> dict[str, float]:
    return dict(zip(tables.BOX, sides, strict=True))


def _measured(store: Store) -> list[tuple]:
    found = []
    for layer in sys.argv[2:] or ("illegal_structures", "compounds"):
        with store.writing(OPERATOR) as work:
            codes = random.Random(3).sample(sorted(_codes(work, layer)), MOVES)
            # Answered once, so that a move finds an answer to replace.
            for code in codes:
                duty.assign_sites(work, (layer, [code]))
            taken = [_moved(work, layer, code, number) for number, code in enumerate(codes)]
            work.discard()
        written, assigned = ([one[i] * 1000 for one in taken] for i in (0, 1))
        most = float(numpy.percentile(assigned, 95))
        changed, ms = sum(one[2] for one in taken), median(assigned)
        found.append((layer, median(written), ms, most, changed, "yes" if ms < 1 else "NO"))
    return found


def _codes(work: Work, layer: str) -> list[str]:
    return list(
        work.connection.scalars(
            tables.FEATURES[layer].select().with_only_columns(tables.FEATURES[layer].c.code)
        )
    )


def _moved(work: Work, layer: str, code: str, number: int) -> tuple[float, float, int]:
    """Move a site by some tens of metres; return the seconds to write it and to re-assign it."""
    (row,) = work.known(tables.FEATURES[layer], [code])
    steps = numpy.random.default_rng(number).normal(scale=5e-4, size=2)
    shape = shapely.transform(shapely.from_wkb(row["wkb"]), partial(numpy.add, steps))
    began = perf_counter()
    work.update_feature(layer, row["fid"], row["version"], {"wkb": shape.wkb, **_box(shape.bounds)})
    written = perf_counter()
    changed = duty.assign_sites(work, (layer, [code]))
    done = perf_counter()
    if number < COMPARED:
        _compare(work, layer, code)
    return written - began, done - written, changed[layer]


def _compare(work: Work, layer: str, code: str) -> None:
    edition = duty.edition_of(work.connection)
    plain = duty.answers(work.connection, layer, [code], edition).answers.rows[code]
    told = (
        work.connection.execute(
            tables.assignments.select().where(
                tables.assignments.c.layer == layer,
                tables.assignments.c.code == code,
                tables.assignments.c.edition_id == edition.id,
            )
        )
        .mappings()
        .one()
    )
    for name in answering.TOLD:
        same = told[name] == plain[name]
        assert same or abs(told[name] - plain[name]) < 1e-9, (layer, code, name)


if __name__ == "__main__":
    main()
