"""Base maps: files on disk read tile by tile, what the page and the policy say, and the map's foot."""

import gzip
import re
import sqlite3
import struct

import pytest

from geo.errors import FileError, NotFoundError
from layers.tilefiles import open_tile_file, tile_number

PNG = b"\x89PNG\r\n\x1a\nrest"
JPEG = b"\xff\xd8\xff\xe0rest"


def mbtiles(path, tiles):
    """Write an MBTiles file of tiles by (zoom, column, row from the north)."""
    with sqlite3.connect(path) as file:
        file.execute(
            "CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB)"
        )
        rows = [(z, x, (1 << z) - 1 - y, content) for (z, x, y), content in tiles.items()]
        file.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
    file.close()
    return path


def varint(number):
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def directory(entries, packed):
    """Return a directory of (tile, offset, length, run)."""
    numbers, last = [len(entries)], 0
    for tile, *_ in entries:
        numbers.append(tile - last)
        last = tile
    numbers += [run for *_, run in entries] + [length for _, _, length, _ in entries]
    end = None
    for _, offset, length, _ in entries:
        numbers.append(0 if offset == end else offset + 1)
        end = offset + length
    content = b"".join(map(varint, numbers))
    return gzip.compress(content) if packed else content


def pmtiles(path, tiles, packed=True, nested=False, kind=2):
    """Write a PMTiles file of (tile number, run, content)."""
    data, entries = b"", []
    for tile, run, content in tiles:
        entries.append((tile, len(data), len(content), run))
        data += content
    leaves = directory(entries, packed) if nested else b""
    root = directory([(tiles[0][0], 0, len(leaves), 0)], packed) if nested else directory(entries, packed)
    leaf, begin = 127 + len(root), 127 + len(root) + len(leaves)
    places = (127, len(root), leaf, 0, leaf, len(leaves), begin, len(data), 0, 0, 0)
    header = struct.pack("<7sB11Q", b"PMTiles", 3, *places) + bytes([0, 2 if packed else 1, 1, kind, 0, 5])
    path.write_bytes(header.ljust(127, b"\0") + root + leaves + data)
    return path


def test_mbtiles_are_read_from_the_north(tmp_path):
    found = open_tile_file(mbtiles(tmp_path / "a.mbtiles", {(3, 1, 2): PNG, (4, 0, 0): JPEG}))
    assert found.tile(3, 1, 2) == (PNG, "image/png")
    assert found.tile(4, 0, 0).mimetype == "image/jpeg"
    assert found.tile(3, 1, 5) is None
    assert found.deepest() == 4


def test_tiles_of_pmtiles_are_numbered_as_its_makers_number_them():
    # From the tests of the reference implementation.
    assert [tile_number(0, 0, 0), tile_number(2, 0, 0), tile_number(12, 3423, 1763)] == [0, 5, 19078479]
    for z in range(6):
        numbers = {tile_number(z, x, y) for x in range(1 << z) for y in range(1 << z)}
        assert numbers == set(range((4**z - 1) // 3, (4 ** (z + 1) - 1) // 3))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("nested", [True, False])
def test_pmtiles_are_read_through_their_directories(tmp_path, packed, nested):
    first, far = tile_number(2, 0, 0), tile_number(5, 17, 3)
    tiles = [(first, 3, PNG), (first + 4, 1, JPEG), (far, 1, PNG + b"!")]
    found = open_tile_file(pmtiles(tmp_path / "a.pmtiles", tiles, packed, nested))
    assert [found.tile(2, 0, 0), found.tile(5, 17, 3)] == [(PNG, "image/png"), (PNG + b"!", "image/png")]
    by_number = {tile_number(2, x, y): found.tile(2, x, y) for x in range(4) for y in range(4)}
    assert [n - first for n, tile in by_number.items() if tile] and {
        n - first for n, tile in by_number.items() if tile
    } == {0, 1, 2, 4}
    assert found.tile(5, 17, 4) is None and found.tile(0, 0, 0) is None
    assert found.deepest() == 5


def test_what_is_no_base_map_is_told(tmp_path):
    (tmp_path / "no.pmtiles").write_bytes(b"x" * 200)
    (tmp_path / "no.mbtiles").write_bytes(b"x" * 200)
    with pytest.raises(FileError):
        open_tile_file(tmp_path / "no.pmtiles")
    with pytest.raises(FileError):
        open_tile_file(tmp_path / "a.tif")
    with pytest.raises(NotFoundError):
        open_tile_file(tmp_path / "none.pmtiles")
    vector = open_tile_file(mbtiles(tmp_path / "v.mbtiles", {(0, 0, 0): b"\x1f\x8bvector"}))
    with pytest.raises(FileError, match="no pictures"):
        vector.tile(0, 0, 0)


def pictures_from(answer):
    return re.search(r"img-src ([^;]*)", answer.headers["Content-Security-Policy"])[1]


def test_without_a_base_map_nothing_is_said_of_one(make_app, sample_store):
    client = make_app(sample_store).test_client()
    page = client.get("/")
    assert 'id="basemap"' not in page.text and "map-foot" not in page.text
    assert pictures_from(page) == "'self' data: blob:"
    assert client.get("/basemap/0/0/0").status_code == 404


def test_the_policy_lets_in_the_host_of_the_base_map_and_no_other(make_app, sample_store):
    url = "http://tiles.bureau.lan:8080/wmts?z={z}&x={x}&y={y}&tk=KEY"
    app = make_app(sample_store, BASEMAP=url, BASEMAP_SYSTEM="gcj02", BASEMAP_ATTRIBUTION="<b>局</b>")
    page = app.test_client().get("/")
    assert pictures_from(page) == "'self' data: blob: http://tiles.bureau.lan:8080"
    assert 'data-urls="http://tiles.bureau.lan:8080/wmts?z={z}&amp;x={x}&amp;y={y}&amp;tk=KEY"' in page.text
    assert 'data-system="gcj02"' in page.text and "&lt;b&gt;局&lt;/b&gt;" in page.text


def test_several_addresses_lie_one_on_the_other(make_app, sample_store):
    vec, cva = (f"http://t{n}.tianditu.lan/{name}_c?z={{z}}&x={{x}}&y={{y}}" for n, name in enumerate("vn"))
    page = make_app(sample_store, BASEMAP=f"{vec} {cva}", BASEMAP_GRID="4490").test_client().get("/")
    assert pictures_from(page) == "'self' data: blob: http://t0.tianditu.lan http://t1.tianditu.lan"
    assert f'data-urls="{vec} {cva}"'.replace("&", "&amp;") in page.text
    assert 'data-grid="4490" data-deepest="18"' in page.text and 'data-kind="pictures"' in page.text


@pytest.mark.parametrize(
    "settings",
    [
        {"BASEMAP_SYSTEM": "mars"},
        {"BASEMAP_GRID": "4326"},
        {"BASEMAP_GRID": "4490", "BASEMAP_SYSTEM": "gcj02"},
        {"BASEMAP": "vector", "BASEMAP_SYSTEM": "gcj02"},
        {"BASEMAP": "vector", "BASEMAP_GRID": "4490"},
    ],
)
def test_what_no_base_map_can_be_is_refused(make_app, sample_store, tmp_path, settings):
    file = pmtiles(tmp_path / "v.pmtiles", [(0, 1, b"vector")], kind=1)
    named = {"BASEMAP": "http://tiles.lan/{z}/{x}/{y}"} | settings
    named["BASEMAP"] = named["BASEMAP"].replace("vector", str(file))
    assert make_app(sample_store, **named).test_client().get("/").status_code == 400


def test_a_base_map_on_disk_is_served(make_app, sample_store, tmp_path):
    file = mbtiles(tmp_path / "a.mbtiles", {(3, 1, 2): PNG})
    client = make_app(sample_store, BASEMAP=str(file)).test_client()
    page = client.get("/")
    assert 'data-urls="/basemap/{z}/{x}/{y}"' in page.text and 'data-deepest="3"' in page.text
    answer = client.get("/basemap/3/1/2")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/png", PNG)
    assert [client.get(f"/basemap/{place}").status_code for place in ("3/1/1", "3/8/0")] == [204, 400]


@pytest.mark.parametrize("packed", [True, False])
def test_vector_tiles_on_disk_are_served_unpacked(make_app, sample_store, tmp_path, packed):
    content = gzip.compress(b"vector") if packed else b"vector"
    file = mbtiles(tmp_path / "v.mbtiles", {(3, 1, 2): content})
    with sqlite3.connect(file) as opened:
        opened.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        opened.execute("INSERT INTO metadata VALUES ('format', 'pbf')")
    opened.close()
    for path in (file, pmtiles(tmp_path / "v.pmtiles", [(tile_number(3, 1, 2), 1, content)], kind=1)):
        client = make_app(sample_store, BASEMAP=str(path)).test_client()
        assert 'data-kind="vector"' in client.get("/").text
        answer = client.get("/basemap/3/1/2")
        assert (answer.mimetype, answer.data) == ("application/vnd.mapbox-vector-tile", b"vector")


def test_the_foot_tells_the_approval_number_and_the_mark(make_app, sample_store):
    app = make_app(sample_store)
    asked = ["describe", "--approval", "鲁S(2022)001号", "--mark", "内部使用"]
    assert app.test_cli_runner().invoke(args=asked).exit_code == 0
    page = app.test_client().get("/").text
    assert "审图号：鲁S(2022)001号" in page and "<b>内部使用</b>" in page
