"""Tiles through the whole app, permission check included: kept or made anew, and the first one after an edit.

On the layers of a city in a file; beside TiPG on PostGIS where TIPG names the root of its tiles, such as
http://127.0.0.1:8000/collections/public.points/tiles/WebMercatorQuad.
"""

import random
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from datetime import date
from math import asinh, pi, radians, tan
from pathlib import Path
from statistics import median
from time import perf_counter

import filling
import inputs
from sqlalchemy import func, select

from app import create_app
from layers import open_store, pictures, tables
from layers.people import OPERATOR, visible
from layers.querying import Query
from layers.stages import StageRow
from layers.store import Store

ZOOMS = (8, 10, 12, 13, 14)
MOST = 30  # tiles of each zoom
LAYERS = ("illegal_structures", "compounds")
PACKED = {"Accept-Encoding": "gzip"}


def places(store: Store, z: int) -> list[tuple[int, int, int]]:
    """Return some tiles of a zoom that the structures lie in."""
    s = tables.illegal_structures.c
    sides = (func.min(s.west), func.max(s.north), func.max(s.east), func.min(s.south))
    with store.reading() as connection:
        west, north, east, south = connection.execute(select(*sides)).one()
    (x0, y0), (x1, y1) = (_tile(z, *corner) for corner in ((west, north), (east, south)))
    found = [(z, x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)]
    return random.Random(z).sample(found, min(MOST, len(found)))


def _tile(z: int, lon: float, lat: float) -> tuple[int, int]:
    down = (1 - asinh(tan(radians(lat))) / pi) / 2
    return int((lon / 360 + 0.5) * 2**z), int(down * 2**z)


def took(asked: Callable[[], object]) -> float:
    """Return the milliseconds of a call."""
    began = perf_counter()
    asked()
    return (perf_counter() - began) * 1000


def theirs(root: str, z: int, x: int, y: int) -> float:
    """Return the milliseconds TiPG takes for a tile."""

    def ask() -> None:
        with urllib.request.urlopen(f"{root}/{z}/{x}/{y}", timeout=60) as answer:
            answer.read()

    return took(ask)


def edit(store: Store, number: int) -> None:
    """Move a compound to another stage."""
    with store.writing(OPERATOR) as work:
        code = work.connection.scalar(select(tables.compounds.c.code).offset(number).limit(1))
        work.put_stages({code: [StageRow("handover", actual_start=date(2022, 1, 1 + number))]})


def main() -> None:
    """Ask for tiles, kept and not, and after edits; print the tables."""
    given, root = inputs.inputs(), next((a for a in sys.argv[2:] if a.startswith("http")), None)
    with tempfile.TemporaryDirectory() as folder:
        url = filling.filled_file(Path(folder), given, "tiles")
        app = create_app({"STORE": url, "DATA": folder, "LOCAL_ROLE": "bureau"})
        client, store = app.test_client(), open_store(url)
        rows, anew = [], {}
        for layer in LAYERS:
            first = took(lambda name=layer: client.get(f"/tiles/{name}/8/0/0.mvt"))
            rows.append((layer, "first, with its picture", "", first, "", "", ""))
            for z in ZOOMS:
                asked = [f"/tiles/{layer}/{z}/{x}/{y}.mvt" for _, x, y in places(store, z)]
                made, kept = (
                    median(took(lambda path=path: client.get(path, headers=PACKED)) for path in asked)
                    for _ in range(2)
                )
                peer = median(theirs(root, *p) for p in places(store, z)) if root else None
                told = (peer / made, peer / kept) if peer else ("-", "-")
                anew[layer, z] = made
                rows.append((layer, z, len(asked), made, kept, *told))
        heads = ("layer", "zoom", "tiles", "made, ms", "kept, ms", "TiPG ÷ made", "TiPG ÷ kept")
        inputs.table(f"Tiles through the app, {given.size}: medians", heads, rows)
        after = []
        for number in range(1, 8):
            _, x, y = places(store, 12)[number % len(places(store, 12))]
            edit(store, number)
            after.append(took(lambda x=x, y=y: client.get(f"/tiles/compounds/12/{x}/{y}.mvt")))
        share = median(after) / anew["compounds", 12]
        print(f"\nfirst tile after an edit ÷ one made anew: {share:.1f} (goal ≤ 5)")
        tell_memory(store)
        store.close()
        app.extensions["guatu"].close()


def tell_memory(store: Store) -> None:
    """Print how much memory pictures take."""
    with store.still() as still:
        for layer in LAYERS:
            query = Query(layer=layer, on=still.district().reference_date)
            found = pictures.picture(still, visible(OPERATOR, layer), query)
            if len(found.points.x):
                print(f"{layer}: {found.bytes / found.many:.1f} bytes a point (goal ≤ 60)")
            else:
                outlines = sum(array.nbytes for array in found.shapes)
                print(f"{layer}: {outlines / 16 / len(found.shapes.xy):.2f} × the coordinates (goal ≤ 2)")


if __name__ == "__main__":
    main()
