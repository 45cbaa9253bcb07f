"""Vector tiles: valid by the specification, and what a plain way over shapely would draw."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from tilereading import read

from geo import cutting, noding, outlines, tilekernels, tilesets, tilewriting, touching
from geo.attributes import Column, column, text
from geo.errors import RequestError
from geo.mvt import layer

CHECKOUT = Path(__file__).resolve().parent.parent
EXTENT = 4096
Z, X, Y = 10, 853, 401  # a tile in Shandong
SIDE = 1 << 32 - Z
STATES = ["found", "ordered", None, "closed"]


def degrees(x, y):
    """Return longitudes and latitudes of places in tile X, Y of zoom Z, in shares of its side, y down."""
    lon = (X + np.asarray(x)) / 2**Z * 360 - 180
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (Y + np.asarray(y)) / 2**Z))))
    return lon, lat


def placed(shape):
    """Return a shape whose coordinates are shares of the tile's side, in degrees."""
    return shapely.transform(shape, lambda xy: np.column_stack(degrees(*xy.T)))


def attributes(count):
    """Return a code that is another in every row, and a state."""
    codes = [f"号{row:05}" for row in range(count)]
    states = [STATES[row % len(STATES)] for row in range(count)]
    return codes, states, [text("code", codes), column("state", states)]


def said(codes, states, row):
    """Return what a feature says about a row."""
    return {"code": codes[row]} | ({"state": states[row]} if states[row] else {})


# Points


def points(seed, count, spread=1.2):
    """Return points in and around the tile, many of them in a few places."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(-0.1, spread, (2, count))
    x[::3], y[::3] = 0.5 + x[::3] / 50, 0.25 + y[::3] / 50
    return degrees(x, y)


def plain_points(lon, lat, wanted, z, tx, ty, buffer):
    """Return the rows of a tile's points, with their places in it, by the definition."""
    size, unit = 1 << 32 - z, 2 ** (32 - z - 12)
    for row, (x, y) in enumerate(zip(*(a.tolist() for a in tilesets.world(lon, lat)), strict=True)):
        dx, dy = x - tx * size, y - ty * size
        if wanted[row] and all(-buffer * unit <= d < size + buffer * unit for d in (dx, dy)):
            yield row, [(int(np.floor(dx / unit + 0.5)), int(np.floor(dy / unit + 0.5)))]


@pytest.mark.parametrize("buffer", [0, 64, 300])
@pytest.mark.parametrize("z", [8, 10, 11, 14, 20])
def test_points_are_those_of_the_definition(z, buffer):
    count = 700
    lon, lat = points(z, count)
    codes, states, columns = attributes(count)
    wanted = np.random.default_rng(z).random(count) < 0.8
    found = tilesets.point_set(lon, lat)
    px, py = tilesets.world(lon[:1], lat[:1])
    tx, ty = int(px[0]) >> 32 - z, int(py[0]) >> 32 - z
    tile = layer("点", found, columns, z, tx, ty, keep=wanted, buffer=buffer)
    expected = [
        ([place], said(codes, states, row))
        for row, place in plain_points(lon, lat, wanted, z, tx, ty, buffer)
    ]
    drawn = [(f.parts, f.properties) for f in read(tile)["点"].features] if tile else []
    assert sorted(drawn, key=repr) == sorted(expected, key=repr)
    assert wanted[0] == (len(expected) > 0) or expected


@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(8, 12), st.booleans())
def test_no_point_is_lost_or_invented(seed, count, z, counted):
    lon, lat = points(seed, count)
    codes, states, columns = attributes(count)
    found = tilesets.point_set(lon, lat)
    cells = set(zip(*((a >> np.uint32(32 - z)).tolist() for a in tilesets.world(lon, lat)), strict=True))
    total, by_state, told = 0, {}, []
    for tx, ty in cells:
        tile = layer(
            "p", found, columns, z, tx, ty, buffer=0, counts="state" if counted else None, few=count // 4
        )
        for feature in read(tile)["p"].features:
            told += [feature.properties.get("code")] if "code" in feature.properties else []
            total += feature.properties.get("count", 1)
            for state in set(STATES) - {None}:
                one = feature.properties.get("state") == state
                by_state[state] = by_state.get(state, 0) + feature.properties.get(f"count_{state}", 0) + one
    assert total == count
    assert by_state == {state: states.count(state) for state in set(STATES) - {None}}
    assert len(set(told)) == len(told)
    assert counted or sorted(told) == codes


def test_neighbours_show_the_same_counts_beyond_the_edge():
    lon, lat = degrees(*np.random.default_rng(5).uniform([[0.985], [0]], [[1.015], [1]], (2, 5000)))
    _, _, columns = attributes(5000)
    found = tilesets.point_set(lon, lat)
    west, east = (
        {
            (f.parts[0][0][0] + shift, f.parts[0][0][1], *sorted(f.properties.items()))
            for f in read(layer("p", found, columns, Z, tx, Y, counts="state", few=100))["p"].features
        }
        for tx, shift in ((X, 0), (X + 1, EXTENT))
    )
    strip = {place for place in west | east if EXTENT - 63 < place[0] < EXTENT + 63}
    assert len(strip) > 5
    assert strip <= west & east


# Shapes


def star(random, x, y, size, count):
    """Return a polygon round a place, as wide as its vertices happen to lie."""
    angle = np.sort(random.uniform(0, 2 * np.pi, count)) + np.linspace(0, 1e-6, count)
    away = size * random.uniform(0.2, 1, count)
    ring = np.column_stack([x + away * np.cos(angle), y + away * np.sin(angle)])
    return shapely.Polygon(ring)


def shapes(seed, count):
    """Return valid polygons of many sizes in and around the tile, some with holes and parts."""
    random = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        size = 10 ** random.uniform(-4, 0.3)
        shape = star(random, *random.uniform(-0.1, 1.1, 2), size, random.integers(3, 60))
        if not shape.is_valid:
            continue
        if random.random() < 0.4:
            shape = shape.difference(shapely.transform(shape, lambda xy: xy.mean(0) * 0.6 + xy * 0.4))
        if random.random() < 0.2:
            shape = shape.union(shapely.affinity.translate(shape, 2.5 * size, 0.1 * size))
        if shape.is_valid and shape.area > 0 and shape.geom_type in ("Polygon", "MultiPolygon"):
            found.append(shape)
    return found


def drawn(shape_list, z=Z, tx=X, ty=Y, **more):
    """Return the features of a tile with shapes given in shares of tile X, Y, by their rows."""
    _, _, columns = attributes(len(shape_list))
    found = tilesets.shape_set(placed(np.array(shape_list, dtype=object)))
    tile = layer("s", found, columns, z, tx, ty, **more)
    features = read(tile)["s"].features if tile else []
    rows = [int(f.properties["code"][1:]) for f in features]
    assert len(set(rows)) == len(rows)
    return dict(zip(rows, features, strict=True))


@given(st.integers(0, 2**32))
@example(0)
@example(53295194)  # a corner cut off at the edge, a third of a unit wide: nothing is left of it
@example(1002708)  # a sliver at the edge that rounding turns over: the tile is not full of it
def test_polygons_are_valid_and_what_a_plain_way_draws(seed):
    given_ = shapes(seed, 12)
    codes, states, _ = attributes(12)
    features = drawn(given_)
    window = shapely.box(-64, -64, EXTENT + 64, EXTENT + 64)
    for row, shape in enumerate(given_):
        whole = shapely.transform(shape, lambda xy: xy * EXTENT)
        plain = whole.intersection(window)
        # Rounding, and leaving out vertices, move an outline by less than two units.
        near = (plain.length + 8) * 2
        if row not in features:
            assert plain.area <= near
            continue
        feature = features[row]
        small = feature.properties.pop("small", False)
        assert feature.properties == said(codes, states, row)
        assert feature.shape.is_valid, shapely.is_valid_reason(feature.shape)
        assert small or window.covers(feature.shape)
        if small:
            middle = shapely.box(*feature.shape.bounds).centroid
            assert feature.shape.area == outlines.LEAST**2
            assert middle.distance(shapely.box(*whole.bounds).centroid) < 2
            assert plain.area <= near
        else:
            assert feature.shape.symmetric_difference(plain).area <= near
            # What is wider than that is drawn, wherever it is; what is narrower may vanish.
            assert plain.buffer(-2.5).difference(feature.shape).is_empty
            assert feature.shape.difference(plain.buffer(64)).is_empty


@given(st.integers(0, 2**32))
def test_edges_of_neighbours_agree(seed):
    given_ = [shape for shape in shapes(seed, 8) if shape.length > 0.05]
    west, east = drawn(given_), drawn(given_, tx=X + 1)
    strip = shapely.box(EXTENT - 60, -60, EXTENT + 60, EXTENT + 60)
    for row in west.keys() | east.keys():
        there = [
            shapely.affinity.translate(side[row].shape, shift).intersection(strip)
            if row in side and "small" not in side[row].properties
            else shapely.Polygon()
            for side, shift in ((west, 0), (east, EXTENT))
        ]
        assert there[0].symmetric_difference(there[1]).area <= there[0].length + there[1].length + 8


@given(st.integers(0, 2**32), st.integers(7, 15))
def test_what_is_known_of_outlines_changes_no_tile(seed, z):
    """Where outlines are known to lie apart, what is far off is passed over, and nothing is mended."""
    random = np.random.default_rng(seed)
    given_ = [*shapes(seed, 12), star(random, *random.uniform(0, 1, 2), 0.9, 700)]
    found = tilesets.shape_set(placed(np.array(given_)))
    unknown = found._replace(apart=np.zeros_like(found.apart))
    assert found.apart.any()
    finer = max(z - Z, 0)
    for ty in range(Y << finer, (Y << finer) + (1 << finer), max(1 << finer >> 2, 1)):
        place = z, (X << finer) + (1 << finer >> 1) >> max(Z - z, 0), ty >> max(Z - z, 0)
        assert layer("s", found, [], *place) == layer("s", unknown, [], *place)


def test_a_polygon_round_the_whole_tile_fills_it():
    ring = shapely.box(-1, -1, 2, 2)
    assert drawn([ring])[0].shape.equals(shapely.box(-64, -64, 4160, 4160))
    assert drawn([ring - shapely.box(-0.5, -0.5, 1.5, 1.5)]) == {}
    holed = ring - shapely.box(0.25, 0.25, 0.75, 0.75)
    expected = shapely.box(-64, -64, 4160, 4160) - shapely.box(1024, 1024, 3072, 3072)
    assert drawn([holed])[0].shape.equals(expected)
    crossed = ring - shapely.box(0.25, -2, 0.75, 3)
    pieces = shapely.box(-64, -64, 1024, 4160) | shapely.box(3072, -64, 4160, 4160)
    assert drawn([crossed])[0].shape.equals(pieces)


@pytest.mark.parametrize("z", [Z, Z + 4, 20, 24])
def test_a_polygon_is_cut_at_every_zoom(z):
    shift = z - Z
    tx, ty = (X << shift) + (1 << shift) // 2, (Y << shift) + (1 << shift) // 2
    found = drawn([shapely.box(0.1, 0.1, 2.5, 3.7), shapely.Polygon([(0, 0), (2, 0), (0, 2)])], z, tx, ty)
    assert set(found) == {0, 1}
    assert all(feature.shape.is_valid for feature in found.values())
    if z > Z:
        assert found[0].shape.equals(shapely.box(-64, -64, 4160, 4160))


def test_a_neck_that_rounding_closes_makes_two_parts():
    neck = shapely.union_all(
        [
            shapely.box(0.1, 0.1, 0.2, 0.2),
            shapely.box(0.2, 0.15, 0.3, 0.15 + 0.1 / EXTENT),
            shapely.box(0.3, 0.1, 0.4, 0.2),
        ]
    )
    shape = drawn([neck])[0].shape
    assert shape.is_valid
    assert len(shapely.get_parts(shape)) == 2
    assert abs(shape.area / EXTENT**2 - neck.area) < 1e-4


def test_small_polygons_leave_a_square_in_one_tile():
    random = np.random.default_rng(9)
    given_ = [star(random, *random.uniform(0, 2, 2), 1e-5, 6) for _ in range(200)]
    given_.append(shapely.box(0.3, 0.3, 0.9, 0.3 + 1e-7))  # long, and thinner than a unit
    codes, states, _ = attributes(201)
    tiles = [drawn(given_, tx=X + dx, ty=Y + dy, buffer=0) for dx in range(2) for dy in range(2)]
    assert sorted(row for tile in tiles for row in tile) == list(range(201))
    for tile in tiles:
        for row, feature in tile.items():
            assert feature.properties == {**said(codes, states, row), "small": True}
            assert feature.shape.is_valid and feature.shape.area == outlines.LEAST**2


def test_many_small_polygons_are_counted():
    random = np.random.default_rng(10)
    given_ = [star(random, *random.uniform(0, 2, 2), 1e-5, 6) for _ in range(900)]
    given_ += [shapely.box(x, x, x + 0.05, x + 0.05) for x in np.linspace(0, 1.9, 30)]
    _, states, columns = attributes(930)
    found = tilesets.shape_set(placed(np.array(given_)))
    total, by_state, large = 0, dict.fromkeys(set(STATES) - {None}, 0), set()
    for dx in range(2):
        for dy in range(2):
            tile = layer("s", found, columns, Z, X + dx, Y + dy, buffer=0, counts="state", few=50)
            for feature in read(tile)["s"].features:
                assert feature.shape.is_valid
                if "count" not in feature.properties:
                    large.add(feature.properties["code"])
                    continue
                assert feature.properties["small"] is True
                total += feature.properties["count"]
                for state in by_state:
                    by_state[state] += feature.properties.get(f"count_{state}", 0)
    assert total == 900
    assert by_state == {state: states[:900].count(state) for state in by_state}
    assert large == {f"号{row:05}" for row in range(900, 930)}


def test_small_polygons_are_counted_in_the_cell_of_their_middle_alone():
    """Their box may reach into a cell that their middle does not lie in, on any side of those counted."""
    unit, strip = 1 / EXTENT, 1 / 16  # cells are counted a sixteenth beyond the tile
    ends = (-strip - unit, 0.5, 1 + strip - unit / 2)
    given_ = [shapely.box(x, y, x + 1.5 * unit, y + 1.5 * unit) for x in ends for y in ends]
    _, _, columns = attributes(9)
    found = tilesets.shape_set(placed(np.array(given_)))
    (feature,) = read(layer("s", found, columns, Z, X, Y, counts="state", few=0))["s"].features
    assert feature.properties == {"count": 1, "count_found": 1, "small": True}
    # What lies a row or a column beyond would be counted in another cell, or written over what is not ours.
    outside = np.array([(-1, 0), (0, -1), (4, 1), (1, 4), (-40, 1), (1, 40)]).T
    x, y = (np.append(side, 2).astype(np.uint32 if side.min() >= 0 else np.int64) for side in outside)
    cells = tilekernels.count_cells(x, y, np.zeros(7, np.int32), np.zeros(1, np.uint8), 1, 0, 0, 0, 4)
    assert cells[10].tolist() == [2, 2, 1, 1] and cells.sum() == 6


def test_a_shape_that_lies_beside_the_tile_is_not_in_it():
    corner = shapely.Polygon([(-0.5, 1.4), (1.4, 1.4), (1.4, -0.5), (1.5, -0.5), (1.5, 1.5), (-0.5, 1.5)])
    assert drawn([corner]) == {}


def test_lines_are_cut_into_parts():
    given_ = [
        shapely.LineString([(-1, 0.5), (2, 0.5)]),
        shapely.LineString([(0.25, -1), (0.25, 2), (0.75, 2), (0.75, -1)]),
        shapely.LineString([(0.5, 0.5), (0.6, 0.6)]),
        shapely.MultiLineString([[(0.1, 0.1), (0.2, 0.1)], [(3, 3), (4, 4)]]),
        shapely.LineString([(0.5, 0.5), (0.50001, 0.5)]),
        shapely.LineString([(0.3, 0.3), (0.4, 0.3), (0.4, 0.4), (0.3, 0.3)]),
    ]
    found = drawn(given_)
    assert found[0].parts == [[(-64, 2048), (4160, 2048)]]
    assert found[1].parts == [[(1024, -64), (1024, 4160)], [(3072, 4160), (3072, -64)]]
    assert found[2].parts == [[(2048, 2048), (2458, 2458)]]
    assert found[3].parts == [[(410, 410), (819, 410)]]
    assert found[4].parts == [[(2044, 2048), (2052, 2048)]] and found[4].properties["small"]
    assert found[5].parts == [[(1229, 1229), (1638, 1229), (1638, 1638), (1229, 1229)]]
    assert {feature.kind for feature in found.values()} == {2}


def line_near(line, other):
    """Return whether a line is nowhere far from another."""
    return line.difference(other.buffer(2)).length < 1e-6


@given(st.integers(0, 2**32))
def test_lines_are_what_a_plain_way_draws(seed):
    random = np.random.default_rng(seed)
    given_ = [shapely.LineString(random.uniform(-0.4, 1.4, (random.integers(2, 30), 2))) for _ in range(6)]
    window = shapely.box(-64, -64, EXTENT + 64, EXTENT + 64)
    found = drawn(given_)
    for row, line in enumerate(given_):
        whole = shapely.transform(line, lambda xy: xy * EXTENT)
        plain = whole.intersection(window)
        if row not in found:
            assert plain.length < 4
        else:
            assert window.covers(found[row].shape)
            assert line_near(found[row].shape, whole)
            inner = whole.intersection(shapely.box(-62, -62, EXTENT + 62, EXTENT + 62))
            assert line_near(inner, found[row].shape)


# What is said about features


def test_every_kind_of_value_is_kept():
    values = ["小区", "", True, False, 0, 1, -1, 2**40, -(2**40), 1.5, -0.0, None]
    lon, lat = degrees(np.linspace(0.1, 0.9, len(values)), np.full(len(values), 0.5))
    tile = layer("p", tilesets.point_set(lon, lat), [column("v", values)], Z, X, Y)
    found = {f.parts[0][0][0]: f.properties for f in read(tile)["p"].features}
    in_order = [found[x] for x in sorted(found)]
    assert [properties.get("v") for properties in in_order] == values
    assert [type(properties.get("v")) for properties in in_order] == [type(value) for value in values]
    assert in_order[-1] == {}


@pytest.mark.parametrize("distinct", [3, 300, 70_000])
def test_values_are_numbered_however_many_there_are(distinct):
    values = [f"v{row}" for row in range(distinct)]
    index = np.arange(distinct)[::-1].astype(np.min_scalar_type(distinct))
    lon, lat = degrees(*np.random.default_rng(3).uniform(0, 1, (2, distinct)))
    keep = np.random.default_rng(4).random(distinct) < 200 / distinct
    columns = [Column("v", tuple(values), index), text("code", [str(row) for row in range(distinct)])]
    tile = layer("p", tilesets.point_set(lon, lat), columns, Z, X, Y, keep=keep)
    found = read(tile)["p"].features
    assert sorted(int(f.properties["code"]) for f in found) == np.flatnonzero(keep).tolist()
    assert all(f.properties["v"] == values[distinct - 1 - int(f.properties["code"])] for f in found)


def test_nothing_there_is_no_layer():
    nowhere = tilesets.point_set(np.array([0.0]), np.array([0.0]))
    assert layer("p", nowhere, [], Z, X, Y) == b""
    assert layer("p", tilesets.point_set(np.empty(0), np.empty(0)), [], Z, X, Y) == b""
    assert layer("s", tilesets.shape_set(np.empty(0, object)), [], Z, X, Y) == b""
    all_there = tilesets.point_set(*degrees([0.5], [0.5]))
    assert layer("p", all_there, [], Z, X, Y, keep=np.array([False])) == b""


@pytest.mark.parametrize("tile", [(-1, 0, 0), (25, 0, 0), (3, 8, 0), (3, 0, 8), (3, -1, 0)])
def test_no_such_tile(tile):
    with pytest.raises(RequestError):
        layer("p", tilesets.point_set(np.empty(0), np.empty(0)), [], *tile)


# Other readers


def made_tile(seed):
    """Return a tile of two layers."""
    given_ = [shape for shape in shapes(seed, 30) if shape.intersects(shapely.box(0, 0, 1, 1))]
    _, _, columns = attributes(len(given_))
    polygons = layer("小区", tilesets.shape_set(placed(np.array(given_))), columns, Z, X, Y)
    _, _, columns = attributes(50)
    return polygons + layer("点", tilesets.point_set(*points(seed, 50, 0.9)), columns, Z, X, Y)


def test_gdal_reads_the_same(tmp_path):
    tile = made_tile(1)
    file = tmp_path / str(Z) / str(X) / f"{Y}.pbf"
    file.parent.mkdir(parents=True)
    file.write_bytes(tile)
    side = 2 * np.pi * 6378137 / 2**Z
    for name, expected in read(tile).items():
        found = pyogrio.read_dataframe(file, layer=name, CLIP="NO")
        units = shapely.transform(
            found.geometry.to_numpy(),
            lambda xy: np.rint(
                (xy / side + np.array([2**Z / 2, -(2**Z) / 2])) * [EXTENT, -EXTENT] - [X * EXTENT, Y * EXTENT]
            ),
        )
        told = {
            row.code: (row.state if isinstance(row.state, str) else None, unit.normalize())
            for row, unit in zip(found.itertuples(), units, strict=True)
        }
        assert len(told) == len(expected.features)
        for feature in expected.features:
            state, unit = told[feature.properties["code"]]
            assert state == feature.properties.get("state")
            assert shapely.get_parts(unit.normalize()).tolist() == (
                shapely.get_parts(feature.shape.normalize()).tolist()
            )


def test_mapbox_vector_tile_reads_the_same():
    import mapbox_vector_tile

    tile = made_tile(2)
    found = mapbox_vector_tile.decode(tile, default_options={"y_coord_down": True})
    for name, expected in read(tile).items():
        assert found[name]["extent"] == EXTENT
        pairs = zip(found[name]["features"], expected.features, strict=True)
        for feature, mine in pairs:
            assert feature["properties"] == mine.properties
            assert shapely.geometry.shape(feature["geometry"]).equals(mine.shape)


# The compiler


@pytest.mark.parametrize(
    ("module", "held"),
    [
        (cutting, (tilekernels,)),
        (touching, (noding,)),
        (outlines, (tilekernels, cutting, noding, touching)),
        (tilewriting, (tilekernels, cutting, noding, touching, outlines)),
    ],
)
def test_loops_on_disk_are_made_anew_with_the_loops_they_hold(module, held):
    content = b"".join(Path(other.__file__).read_bytes() for other in held)
    assert hashlib.sha256(content).hexdigest() == module.HELD, f"write it into {module.__name__}"


def test_what_is_warmed_is_all_that_tiles_need():
    """Signatures that numba has not compiled yet would be compiled while somebody waits."""
    tile = [sys.executable, "-c", WARMED, str(CHECKOUT / "tests")]
    path = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    told = subprocess.run(tile, capture_output=True, text=True, env=path, check=False)
    assert (told.stdout, told.stderr) == ("True\n", "")


WARMED = """
import sys
sys.path.append(sys.argv[1])
from geo import kernels, mending, outlines, ranking, tilekernels, tilewriting, warming
assert warming.warm() > 500

def known():
    return [
        (module.__name__, name, str(loop.signatures))
        for module in (mending, outlines, ranking, tilekernels, tilewriting)
        for name, loop in sorted(vars(module).items())
        if hasattr(loop, "signatures")
    ]

before = known()
import test_mvt
test_mvt.made_tile(3)
test_mvt.test_many_small_polygons_are_counted()
test_mvt.test_polygons_are_valid_and_what_a_plain_way_draws.hypothesis.inner_test(1002708)
print(known() == before)
"""


ASK = """
import sys
if sys.argv[1] == "without":
    sys.modules["numba"] = None
sys.path.append(sys.argv[2])
import test_mvt
from geo import kernels
tile = test_mvt.made_tile(3)
import hashlib
print(kernels.COMPILED, hashlib.sha256(tile).hexdigest())
"""


def test_without_numba_the_tile_is_the_same():
    told = []
    for way in ("with", "without"):
        command = [sys.executable, "-W", "error", "-c", ASK, way, str(CHECKOUT / "tests")]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.split())
    assert [compiled for compiled, _ in told] == ["True", "False"]
    assert told[0][1] == told[1][1]
