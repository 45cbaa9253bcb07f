"""Tiles through the whole app, permission check included: kept or made anew, and the first one after an edit.

    python tests/bench/bench_http.py [district|city]

The layers lie in a file for us, in PostGIS for TiPG (geometry stored in 3857, as its tiles are), and
the very tiles we gave as files for nginx. All are asked by the same client, one question at a time
and over several connections. TIPG_PYTHON names a Python that has tipg and uvicorn; who is missing is
named and left out.
"""

import os
import random
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from math import asinh, exp, log, pi, radians, tan
from pathlib import Path
from statistics import median
from time import perf_counter

import asking
import filling
import inputs
import serving
import shapely
from sqlalchemy import func, select

from app import create_app
from layers import open_store, pictures, tables
from layers.people import OPERATOR, visible
from layers.querying import Query
from layers.stages import StageRow
from layers.store import Store

ZOOMS = (11, 12, 13, 14)
MOST = 80  # tiles of each zoom
LINES = 8
LAYERS = {"compounds": ("code", "name", "stage"), "illegal_structures": ("code", "state", "kind")}
FASTER_MADE, FASTER_KEPT = 5, 20
EDITS = 21
#: Kept tiles are asked for again so often: one round of them is over too soon.
ROUNDS = 5


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


@contextmanager
def tipg(given: inputs.Inputs) -> Iterator[str | None]:
    """Give the address of TiPG on the layers, None where it or PostGIS is not installed."""
    python = os.environ.get("TIPG_PYTHON")
    if python is None or filling.find_programs() is None:
        print("TiPG is left out: it needs PostGIS, and TIPG_PYTHON to name a Python that has it")
        yield None
        return
    port = serving.free_port()
    server = filling.server(port)
    try:
        name = server.name_in(server.create())
        with closing(server.connect(name)) as connection:
            for layer, columns in LAYERS.items():
                _put(connection, layer, columns, given)
        database = f"postgresql://postgres@127.0.0.1:{port}/{name}"
        # Else it leaves out what is more than so many features in a tile.
        settings = {"DATABASE_URL": database, "TIPG_MAX_FEATURES_PER_TILE": "10000000"}
        command = [python, "-m", "uvicorn", "tipg.main:app", "--log-level", "warning", "--port"]
        with serving.program(lambda port: [*command, str(port)], settings) as address:
            yield address
    finally:
        server.stop()


def _put(connection, layer: str, columns: tuple[str, ...], given: inputs.Inputs) -> None:
    """Write a layer into a table as TiPG reads it best."""
    frame = given.frame(layer, [name for name in columns if name != "code"]).reset_index()
    told = ", ".join(f"{name} text" for name in columns)
    connection.execute(f"CREATE TABLE {layer} (id serial PRIMARY KEY, {told}, geom geometry(Geometry, 3857))")
    shapes = shapely.set_srid(frame.geometry.to_crs(3857).to_numpy(), 3857)
    wkb = shapely.to_wkb(shapes, hex=True, include_srid=True)
    with connection.cursor().copy(f"COPY {layer} ({', '.join(columns)}, geom) FROM STDIN") as copy:
        for row in zip(*(frame[name] for name in columns), wkb, strict=True):
            copy.write_row(row)
    connection.execute(f"CREATE INDEX ON {layer} USING gist (geom)")
    connection.execute(f"VACUUM ANALYZE {layer}")


OURS, THEIRS = (
    "/tiles/{layer}/{z}/{x}/{y}.mvt",
    "/collections/public.{layer}/tiles/WebMercatorQuad/{z}/{x}/{y}",
)


def timed(address: str, path: str, layer: str, tiles: list, rounds: int = 1) -> tuple[float, float]:
    """Return the milliseconds to an answer over one connection, and answers a second over several.

    The milliseconds are the geometric mean of the zooms' medians; half of the tiles are asked for in
    the one way, half in the other.
    """
    one, several = (
        [path.format(layer=layer, z=z, x=x, y=y) for z, x, y in half]
        for half in (tiles[::2] * rounds, tiles[1::2] * rounds)
    )
    answers, _ = asking.ask(address, one)
    by_zoom: dict[int, list[float]] = {}
    for (z, _, _), answered in zip(tiles[::2] * rounds, answers, strict=True):
        assert answered.status in (200, 204), answered
        by_zoom.setdefault(z, []).append(answered.seconds * 1000)
    _, seconds = asking.ask(address, several, LINES)
    return exp(sum(log(median(found)) for found in by_zoom.values()) / len(by_zoom)), len(several) / seconds


def write_tiles(address: str, layer: str, tiles: list, folder: Path) -> None:
    """Write the tiles we give as files, packed as they are sent."""
    for z, x, y in tiles:
        path = OURS.format(layer=layer, z=z, x=x, y=y)
        asked = urllib.request.Request(address + path, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(asked) as answer:
            file = folder / path[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(answer.read())


def beside(given: inputs.Inputs, url: str, store: Store, folder: Path) -> None:
    """Ask everybody for the same tiles and print who was how quick."""
    tiles = [place for z in ZOOMS for place in places(store, z)]
    random.Random(1).shuffle(tiles)
    rows, goals = [], []
    with ExitStack() as stack:
        theirs = stack.enter_context(tipg(given))
        ours = stack.enter_context(serving.served(url, folder / "data"))
        static = stack.enter_context(serving.nginx(folder / "static"))
        for layer in LAYERS:
            asking.ask(ours, [OURS.format(layer=layer, z=0, x=0, y=0)])  # its picture is there
            serving.await_rest()
            peer = [timed(theirs, THEIRS, layer, tiles)] if theirs else []
            made = timed(ours, OURS, layer, tiles)
            peer += [timed(theirs, THEIRS, layer, tiles)] if theirs else []
            kept = timed(ours, OURS, layer, tiles, ROUNDS)
            rows += [(layer, "TiPG", *found) for found in peer]
            rows += [(layer, "ours, made anew", *made), (layer, "ours, kept", *kept)]
            if static:
                write_tiles(ours, layer, tiles, folder / "static" / "root")
                rows.append((layer, "nginx, files", *timed(static, OURS, layer, tiles, ROUNDS)))
            if peer:
                goals += goals_of(layer, peer, made, kept)
    heads = ("layer", "server", "ms, one connection", f"tiles/s, {LINES} connections")
    inputs.table(f"Tiles over HTTP, {given.size}: zooms {ZOOMS[0]} to {ZOOMS[-1]}", heads, rows)
    if goals:
        inputs.table("Goals", ("goal", "value", "met"), goals)


def goals_of(layer: str, peer: list, made: tuple, kept: tuple) -> list[tuple]:
    """Return how many times quicker than TiPG we are, with what is made and with what is kept."""
    found = []
    for name, ours, before, least in (
        ("made", made, peer[0], FASTER_MADE),
        ("kept", kept, peer[1], FASTER_KEPT),
    ):
        for how, ratio in (("one connection", before[0] / ours[0]), ("several", ours[1] / before[1])):
            found.append(
                (f"{layer}, {name} ≥ {least} × TiPG, {how}", ratio, "yes" if ratio >= least else "NO")
            )
    return found


def edit(store: Store, number: int) -> None:
    """Move a compound to another stage."""
    with store.writing(OPERATOR) as work:
        code = work.connection.scalar(select(tables.compounds.c.code).offset(number).limit(1))
        work.put_stages({code: [StageRow("handover", actual_start=date(2022, 1, 1 + number))]})


def after_edits(url: str, store: Store, folder: Path) -> None:
    """Print how long the first tile after an edit takes beside one without."""
    app = create_app({"STORE": url, "DATA": folder, "LOCAL_ROLE": "bureau"})
    client = app.test_client()
    for layer in LAYERS:
        first = took(lambda name=layer: client.get(f"/tiles/{name}/8/0/0.mvt"))
        print(f"{layer}: the first tile, with its picture: {first:,.0f} ms")
    tiles = [OURS.format(layer="compounds", z=z, x=x, y=y) for z, x, y in places(store, 12)]
    anew = median(took(lambda path=path: client.get(path)) for path in tiles)
    after = []
    for number in range(1, EDITS + 1):
        path = tiles[number % len(tiles)]
        edit(store, number)
        after.append(took(lambda path=path: client.get(path)))
    share = median(after) / anew
    print(f"first tile after an edit ÷ one made anew: {share:.1f} (goal ≤ 5)")
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


def main() -> None:
    """Ask for tiles, kept and not, and after edits; print the tables."""
    given = inputs.inputs()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx reads as somebody else
        url = filling.filled_file(folder, given, "tiles")
        store = open_store(url)
        beside(given, url, store, folder)
        after_edits(url, store, folder)
        tell_memory(store)
        store.close()


if __name__ == "__main__":
    main()
