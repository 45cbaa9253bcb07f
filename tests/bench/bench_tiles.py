"""Vector tiles: ours against PostGIS, mapbox-vector-tile, tippecanoe and freestiler, the same tiles.

    python tests/bench/bench_tiles.py [city] [nation] [tiles] [pyramid]

Without sizes city; without a kind of work, tiles and, of a city, the pyramid. Tiles are drawn at
random, dense places more often; of each zoom the median time of a tile is compared, then the
geometric mean over zooms. PostGIS has its shapes in EPSG:3857 with an index, a prepared statement
and one core. Imports are done and the layers in memory or in tables, indexed, on all sides.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from math import exp, log
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import geopandas
import inputs
import mapbox_vector_tile
import numpy as np
import shapely
from isal import igzip

sys.path.append(str(inputs.CHECKOUT / "tests"))
import cluster  # noqa: E402  # they lie with the tests

from geo import attributes, mvt, tilesets  # noqa: E402
from geo.threads import share_out  # noqa: E402

ZOOMS = range(8, 15)
#: Our layer → the first zoom it is drawn at, and what is said of it beside the code.
LAYERS = {"street_offices": (8, "name"), "compounds": (10, "stage"), "illegal_structures": (12, "state")}
TILES, REPEATS = 12, 5
#: The least ratio of their time to ours.
GOALS = {
    "city": {"PostGIS": 20, "mapbox-vector-tile": 200, "tippecanoe": 8, "freestiler": 5},
    "nation": {"PostGIS": 10},
}
MOST_BYTES = 1.1  # of PostGIS's
MOST_GIGABYTES = 3
Tile = tuple[int, int, int]


class Layer(NamedTuple):
    """A layer as everybody is given it: shapes in degrees, codes, and one more attribute."""

    name: str
    first_zoom: int
    shapes: np.ndarray
    codes: list[str]
    attribute: str
    values: list[str]


def read_layers(size: str) -> list[Layer]:
    """Return the layers of a size."""
    given, found = inputs.made(size), []
    for name, (zoom, attribute) in LAYERS.items():
        frame = given.frame(name, [attribute])
        x, y = tilesets.world(*shapely.get_coordinates(shapely.centroid(frame.geometry.to_numpy())).T)
        frame = frame.iloc[np.argsort(tilesets.curve(x, y))]  # neighbours side by side, for everybody
        found.append(
            Layer(name, zoom, frame.geometry.to_numpy(), list(frame.index), attribute, list(frame[attribute]))
        )
    return found


class Ours:
    """Our tiles, from sets in memory."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = []
        for layer in layers:
            columns = [attributes.text("code", layer.codes), attributes.column(layer.attribute, layer.values)]
            if layer.shapes[0].geom_type == "Point":
                made = tilesets.point_set(*shapely.get_coordinates(layer.shapes).T)
            else:
                made = tilesets.shape_set(layer.shapes)
            self.layers.append((layer.name, layer.first_zoom, made, attributes.pack(columns)))

    def tile(self, z: int, x: int, y: int) -> bytes:
        """Return a tile."""
        return b"".join(
            mvt.layer(name, made, told, z, x, y) for name, first, made, told in self.layers if z >= first
        )

    def memory(self) -> list[tuple]:
        """Return rows of what the sets take: bytes a point with its columns, or shares of the coordinates."""
        rows = []
        for name, _, made, told in self.layers:
            size = sum(array.nbytes for array in made)
            if isinstance(made, tilesets.PointSet):
                rows.append(
                    (
                        name,
                        f"{(size + told.bytes) / len(made.row):.1f} bytes a point",
                        "≤ 60",
                        (size + told.bytes) <= 60 * len(made.row),
                    )
                )
            else:
                share = size / (16 * len(made.xy))
                rows.append((name, f"{share:.2f} × the coordinates", "≤ 2", share <= 2))
        return rows


class Postgis:
    """A server of our own with the layers in tables in EPSG:3857, indexed; ``with`` ends it."""

    def __init__(self, layers: list[Layer]) -> None:
        self.server = cluster.Cluster(cluster.find_programs())
        self.connection = self.server.connect(self.server.name_in(self.server.create()))
        self.connection.execute("SET max_parallel_workers_per_gather = 0")
        self.connection.execute("SET work_mem = '256MB'")
        self.layers = layers
        for layer in layers:
            self._load(layer)

    def _load(self, layer: Layer) -> None:
        run = self.connection.execute
        run(f"CREATE UNLOGGED TABLE {layer.name} (code text, {layer.attribute} text, shape geometry)")
        wkb = shapely.to_wkb(shapely.set_srid(layer.shapes, 4326), include_srid=True, hex=True)
        copied = f"COPY {layer.name} FROM STDIN"
        with self.connection.cursor().copy(copied) as copy:
            for row in zip(layer.codes, layer.values, wkb, strict=True):
                copy.write_row(row)
        run(f"UPDATE {layer.name} SET shape = ST_Transform(shape, 3857)")
        run(f"CREATE INDEX ON {layer.name} USING gist (shape)")
        run(f"VACUUM FULL ANALYZE {layer.name}")

    def tile(self, z: int, x: int, y: int) -> bytes:
        """Return a tile."""
        found = []
        for layer in self.layers:
            if z < layer.first_zoom:
                continue
            query = f"""
                SELECT ST_AsMVT(q, '{layer.name}', 4096, 'shape') FROM (
                    SELECT code, {layer.attribute},
                        ST_AsMVTGeom(shape, ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64, true) AS shape
                    FROM {layer.name}
                    WHERE shape && ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 64.0 / 4096)
                ) q WHERE shape IS NOT NULL"""
            cursor = self.connection.execute(query, {"z": z, "x": x, "y": y}, prepare=True, binary=True)
            found.append(cursor.fetchone()[0])
        return b"".join(found)

    def __enter__(self) -> "Postgis":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.server.stop()


class Mapbox:
    """mapbox-vector-tile, given what shapely finds and cuts."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = []
        for layer in layers:
            shapes = geopandas.GeoSeries(layer.shapes, crs=4326).to_crs(3857).to_numpy()
            self.layers.append((layer, shapes, shapely.STRtree(shapes)))

    def tile(self, z: int, x: int, y: int) -> bytes:
        """Return a tile."""
        side = 2 * np.pi * 6378137 / 2**z
        west, north = x * side - np.pi * 6378137, np.pi * 6378137 - y * side
        bounds, margin = (west, north - side, west + side, north), side / 64
        window = (bounds[0] - margin, bounds[1] - margin, bounds[2] + margin, bounds[3] + margin)
        told = []
        for layer, shapes, tree in self.layers:
            if z < layer.first_zoom:
                continue
            rows = tree.query(shapely.box(*window))
            cut = shapely.clip_by_rect(shapes[rows], *window)
            features = [
                {
                    "geometry": shape,
                    "properties": {"code": layer.codes[row], layer.attribute: layer.values[row]},
                }
                for row, shape in zip(rows, cut, strict=True)
                if not shape.is_empty
            ]
            told.append({"name": layer.name, "features": features})
        return mapbox_vector_tile.encode(told, default_options={"quantize_bounds": bounds, "extents": 4096})


def sample(layers: list[Layer], z: int) -> list[Tile]:
    """Return tiles of a zoom that points drawn at random lie in."""
    random = np.random.default_rng(z)
    points = shapely.get_coordinates(layers[-1].shapes)
    x, y = tilesets.world(*points[random.integers(0, len(points), 4 * TILES)].T)
    found = dict.fromkeys(
        zip((x >> np.uint32(32 - z)).tolist(), (y >> np.uint32(32 - z)).tolist(), strict=True)
    )
    return [(z, *tile) for tile in found][:TILES]


def timed(make: Callable[..., bytes], tile: Tile, repeats: int) -> tuple[float, bytes]:
    """Return the median time of a tile, in seconds, and the tile."""
    times = []
    for _ in range(repeats):
        began = perf_counter()
        made = make(*tile)
        times.append(perf_counter() - began)
    return median(times), made


def invalid(tile: bytes) -> tuple[int, int, float]:
    """Return how many features a tile has, how many are not valid, and the area of all, in units."""
    shapes = []
    for layer in mapbox_vector_tile.decode(tile, default_options={"y_coord_down": True}).values():
        shapes += [shapely.geometry.shape(feature["geometry"]) for feature in layer["features"]]
    return len(shapes), int(np.count_nonzero(~shapely.is_valid(shapes))), float(np.sum(shapely.area(shapes)))


def compare_tiles(size: str, layers: list[Layer], ours: Ours) -> None:
    """Compare tile by tile, in turn, and print what was found."""
    peers: dict[str, Callable[..., bytes]] = {}
    rows, ratios, bytes_ratio, slower = [], {}, [], False
    with Postgis(layers) as postgis:
        peers["PostGIS"] = postgis.tile
        if size == "city":
            peers["mapbox-vector-tile"] = Mapbox(layers).tile
        for z in ZOOMS:
            tiles, times, sizes = sample(layers, z), {}, {}
            checked = np.zeros((2, 3))
            for n, tile in enumerate(tiles):
                mine, made = timed(ours.tile, tile, REPEATS)
                times.setdefault("ours", []).append(mine)
                for name, make in peers.items():
                    if name != "PostGIS" and n >= 3:
                        continue
                    took, theirs = timed(make, tile, 1 if name != "PostGIS" else 3)
                    times.setdefault(name, []).append(took)
                    if name == "PostGIS":
                        sizes.setdefault("ours", []).append(len(made))
                        sizes.setdefault(name, []).append(len(theirs))
                        checked += [invalid(made), invalid(theirs)]
            mine = median(times["ours"])
            for name in peers:
                first = median(times["ours"][: len(times[name])])
                ratios.setdefault(name, []).append(median(times[name]) / first)
            slower |= ratios["PostGIS"][-1] < 1
            bytes_ratio.append(sum(sizes["ours"]) / sum(sizes["PostGIS"]))
            rows.append(
                (
                    f"z{z}", len(tiles), mine * 1000, *(ratios[name][-1] for name in peers), bytes_ratio[-1],
                    f"{checked[0, 0]:.0f}/{checked[1, 0]:.0f}", f"{checked[0, 1]:.0f}/{checked[1, 1]:.0f}",
                    f"{checked[0, 2] / checked[1, 2]:.4f}",
                )
            )  # fmt: skip
    headings = (
        "zoom",
        "tiles",
        "ours ms",
        *(f"{name} ÷ ours" for name in peers),
        "bytes",
        "features",
        "invalid",
        "area",
    )
    inputs.table(f"{size}: tiles on one core, ours beside PostGIS's", headings, rows)
    goals = []
    for name, found in ratios.items():
        mean = exp(sum(map(log, found)) / len(found))
        goals.append(
            (
                f"{name} ÷ ours, geometric mean",
                f"{mean:.1f}",
                f"≥ {GOALS[size][name]}",
                mean >= GOALS[size][name],
            )
        )
    goals.append(
        (
            "bytes ÷ PostGIS's, most of a zoom",
            f"{max(bytes_ratio):.2f}",
            f"≤ {MOST_BYTES}",
            max(bytes_ratio) <= MOST_BYTES,
        )
    )
    goals.append(("no zoom slower than PostGIS", "", "", not slower))
    verdicts(goals + ours.memory())


def verdicts(goals: list[tuple]) -> None:
    """Print goals and whether they are met."""
    inputs.table(
        "goals", ("what", "found", "goal", "met"), [(*goal[:3], "yes" if goal[3] else "NO") for goal in goals]
    )


def all_tiles(layers: list[Layer]) -> list[Tile]:
    """Return the tiles of all zooms that boxes of anything lie in."""
    found = set()
    for layer in layers:
        box = shapely.bounds(layer.shapes)
        west, north = tilesets.world(box[:, 0], box[:, 3])
        east, south = tilesets.world(box[:, 2], box[:, 1])
        for z in range(max(layer.first_zoom, ZOOMS[0]), ZOOMS[-1] + 1):
            ends = np.unique(np.column_stack([west, north, east, south]) >> np.uint32(32 - z), axis=0)
            for w, n, e, s in ends.tolist():
                found.update((z, x, y) for x in range(w, e + 1) for y in range(n, s + 1))
    return sorted(found)


def pyramid(ours: Ours, tiles: list[Tile], file: Path) -> int:
    """Write all tiles, compressed, one after the other, on all cores; return how many are not empty."""

    def make(begin: int, end: int) -> list[bytes]:
        made = (ours.tile(*tile) for tile in tiles[begin:end])
        return [igzip.compress(tile, 2, mtime=0) for tile in made if tile]

    parts = share_out(make, len(tiles), 32)
    file.write_bytes(b"".join(tile for part in parts for tile in part))
    return sum(map(len, parts))


def tippecanoe(folder: Path) -> None:
    """Make the pyramid with tippecanoe."""
    options = ["-Z8", "-z14", "-r1", "--no-feature-limit", "--no-tile-size-limit", "--force", "--quiet"]
    named = [f"--named-layer={name}:{folder / name}.geojsonl" for name in LAYERS]
    program = Path(sys.executable).with_name("tippecanoe")
    command = [program, *options, "--read-parallel", "-o", folder / "tippecanoe.mbtiles", *named]
    subprocess.run(command, check=True, capture_output=True)


def frame(layer: Layer) -> geopandas.GeoDataFrame:
    """Return a layer as a frame."""
    columns = {"code": layer.codes, layer.attribute: layer.values}
    return geopandas.GeoDataFrame(columns, geometry=layer.shapes, crs=4326)


def compare_pyramids(layers: list[Layer], ours: Ours) -> None:
    """Make the whole pyramid once with each, and print what was found."""
    tiles = all_tiles(layers)
    with tempfile.TemporaryDirectory() as made:
        folder, rows = Path(made), []
        contenders: dict[str, Callable[[], object]] = {"ours": lambda: pyramid(ours, tiles, folder / "ours")}
        for layer in layers:
            with (folder / f"{layer.name}.geojsonl").open("w") as file:
                for code, value, shape in zip(
                    layer.codes, layer.values, shapely.to_geojson(layer.shapes), strict=True
                ):
                    told = json.dumps({"code": code, layer.attribute: value}, ensure_ascii=False)
                    zoom = f'"tippecanoe":{{"minzoom":{layer.first_zoom}}}'
                    file.write(f'{{"type":"Feature",{zoom},"properties":{told},"geometry":{shape}}}\n')
        if Path(sys.executable).with_name("tippecanoe").exists():
            contenders["tippecanoe"] = lambda: tippecanoe(folder)
        try:
            import freestiler
        except ImportError:
            freestiler = None
        if freestiler is not None:
            given = {
                layer.name: freestiler.freestile_layer(frame(layer), min_zoom=layer.first_zoom, max_zoom=14)
                for layer in layers
            }
            contenders["freestiler"] = lambda: freestiler.freestile(
                given, folder / "freestiler.pmtiles", min_zoom=8, max_zoom=14, quiet=True
            )
        times, answers = inputs.medians(contenders, 1)
        rows = [(name, took, took / times["ours"]) for name, took in times.items()]
        rows += [(name, "missing", "") for name in ("tippecanoe", "freestiler") if name not in times]
        written = sum(file.stat().st_size for file in folder.glob("ours"))
    inputs.table(
        f"city: the pyramid, {answers['ours']:,} tiles, {written / 1e6:.1f} MB", ("who", "s", "÷ ours"), rows
    )
    verdicts(
        [
            (
                f"{n} ÷ ours",
                f"{times[n] / times['ours']:.1f}",
                f"≥ {GOALS['city'][n]}",
                times[n] >= GOALS["city"][n] * times["ours"],
            )
            for n in times
            if n != "ours"
        ]
    )


def main() -> None:
    """Run what the command line names."""
    sizes = [name for name in sys.argv[1:] if name in GOALS] or ["city"]
    work = [name for name in sys.argv[1:] if name in ("tiles", "pyramid")] or ["tiles", "pyramid"]
    for size in sizes:
        layers = read_layers(size)
        began = perf_counter()
        ours = Ours(layers)
        print(f"{size}: our sets made in {perf_counter() - began:.1f} s")
        for layer in layers:  # compiled, or taken from the disk
            ours.tile(*sample(layers, max(8, layer.first_zoom))[0])
        if "tiles" in work:
            if cluster.find_programs() is None:
                print("PostGIS is missing: tiles are not compared")
            else:
                compare_tiles(size, layers, ours)
        if "pyramid" in work and size == "city":
            compare_pyramids(layers, ours)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
