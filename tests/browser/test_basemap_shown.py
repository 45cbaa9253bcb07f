"""A base map in GCJ-02 is laid where it truly is, below our layers, which stay where they are."""

import gzip
import sqlite3
import struct
import threading
import zlib
from contextlib import contextmanager, suppress

import mapbox_vector_tile
import numpy as np
import pytest
from playwright.sync_api import expect
from visits import DESK, Visit, distance, in_picture, saved_picture
from waitress import create_server

from geo.offsets import from_gcj02, to_gcj02

PLACES = [[117.3, 36.2], [121.47, 31.23], [87.6, 43.8]]


def picture(colours=((0x8E, 0xC5, 0xA1),) * 256):
    """Return a PNG of 256 pixels a side, each row of one colour."""
    rows = b"".join(b"\0" + bytes(colour) * 256 for colour in colours)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    told = (
        struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(told)


@contextmanager
def serving(app):
    """Serve an application, and give its address."""
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=_run, args=(server,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(10)


def _run(server):
    # It may be waiting for its own sockets at the moment they are closed.
    with suppress(OSError):
        server.run()


@pytest.fixture
def address(make_app, sample_store, tmp_path):
    places = [(x, (1 << 14) - 1 - y) for x in range(13500, 13560) for y in range(6390, 6450)]
    with sqlite3.connect(tmp_path / "base.mbtiles") as file:
        file.execute("CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data)")
        file.executemany("INSERT INTO tiles VALUES (14, ?, ?, ?)", [(*place, picture()) for place in places])
    file.close()
    app = make_app(
        sample_store, LOCAL_ROLE="bureau", BASEMAP=str(tmp_path / "base.mbtiles"), BASEMAP_SYSTEM="gcj02"
    )
    with serving(app) as found:
        yield found


def test_pictures_lie_where_they_truly_are(visit: Visit):
    page = visit.go("/?at=117.3,36.2,14")
    told = page.evaluate(
        """async (places) => { const { toGcj02, fromGcj02 } = await import("/static/map/basemap.js");
           return [places.map(toGcj02), places.map(fromGcj02)]; }""",
        PLACES,
    )
    assert np.allclose(told[0], to_gcj02(np.array(PLACES)), rtol=0, atol=1e-11)
    assert np.allclose(told[1], from_gcj02(np.array(PLACES)), rtol=0, atol=1e-11)
    page.wait_for_selector(".leaflet-basemap-pane img.leaflet-tile-loaded")
    found = page.evaluate(
        """() => [...document.querySelectorAll(".leaflet-basemap-pane img")].map((image) => {
             const box = image.getBoundingClientRect();
             const map = map_district.getContainer().getBoundingClientRect();
             const middle = [box.left + box.width / 2 - map.left, box.top + box.height / 2 - map.top];
             const { lng, lat } = map_district.containerPointToLatLng(middle);
             const [, x, y] = image.src.match(/basemap\\/(.*)/)[1].split("/").map(Number);
             return { x, y, lng, lat }; })"""
    )
    assert len(found) >= 12
    for tile in found:
        side = 360 / 2**14
        north = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (tile["y"] + 0.5) / 2**14))))
        true = from_gcj02(np.array([(tile["x"] + 0.5) * side - 180, north]))
        # A pixel is 7.7 m there, or 0.000086°; the shift is half a kilometre.
        assert np.abs(true - [tile["lng"], tile["lat"]]).max() < 0.0001


def test_a_base_map_lies_below_both_days_and_is_in_the_picture(visit: Visit, tmp_path):
    page = visit.go("/?lang=en&at=117.3,36.2,14.3&beside=2021-04-15")
    for holder in ("#beside-map", ".folium-map"):
        page.wait_for_selector(f"{holder} .leaflet-basemap-pane img.leaflet-tile-loaded")
    path = saved_picture(page, tmp_path / "two.png")
    expect(page.locator("#said")).to_have_text("The picture is saved.")
    for part in ((0.05, 0.4), (0.45, 0.75)):
        found = in_picture(page, path, *part)
        green = sum(many for colour, many in found.items() if distance(colour, "#8ec5a1") < 8)
        paper = sum(many for colour, many in found.items() if distance(colour, "#f6f3ec") < 8)
        # Nothing of the paper shines through between two pictures.
        assert green > 0.2 * found.total() and paper < 0.01 * found.total()


class Elsewhere:
    """A server of pictures by degrees: each row of pixels tells in its colour which one it is."""

    def __init__(self, allows):
        self.allows, self.asked = allows, []

    def __call__(self, environ, start_response):
        z, x, y = map(int, environ["PATH_INFO"].strip("/").split("/"))
        self.asked.append((z, x, y))
        headers = [("Content-Type", "image/png")] + [("Access-Control-Allow-Origin", "*")] * self.allows
        start_response("200 OK", headers)
        return [picture([(y % 256, row, 0x40) for row in range(256)])]


@pytest.mark.parametrize("allows", [True, False], ids=["may be saved", "may not"])
def test_pictures_by_degrees_of_another_host_lie_where_they_are(
    make_app, sample_store, browser, tmp_path, allows
):
    host = Elsewhere(allows)
    with serving(host) as elsewhere:
        app = make_app(sample_store, BASEMAP=f"{elsewhere}/{{z}}/{{x}}/{{y}}", BASEMAP_GRID="4490")
        with serving(app) as address:
            context = browser.new_context(viewport=DESK, locale="en-US")
            visit = Visit(context.new_page(), address)
            page = visit.go("/?lang=en&layers=compounds&at=117.3,36.2,13")
            page.wait_for_selector(".leaflet-basemap-pane canvas.leaflet-tile-loaded")
            page.wait_for_load_state("networkidle")
            assert any(z == 13 for z, *_ in host.asked)
            if allows:
                for lat, row in page.evaluate(ROWS):
                    assert abs((90 - lat) / 360 * 2**13 * 256 - row) < 1.5, lat
            path = saved_picture(page, tmp_path / "one.png")
            said = "The picture is saved." if allows else "The picture is saved without the base map"
            expect(page.locator("#said")).to_contain_text(said)
            found = in_picture(page, path)
            below = sum(many for colour, many in found.items() if colour.endswith("40"))
            assert (below > 0.3 * found.total()) == allows
            assert {url.split("/")[2] for url in visit.asked if url.startswith("http")} == {
                one.split("/")[2] for one in (address, elsewhere)
            }
            assert allows == (visit.complaints == [])
            context.close()


#: Latitudes along a meridian, and which row of the pixels of the whole world is drawn there.
ROWS = """() => {
  const tiles = [...document.querySelectorAll(".leaflet-basemap-pane canvas")]
    .map((canvas) => ({ canvas, box: canvas.getBoundingClientRect() }));
  const frame = map_district.getContainer().getBoundingClientRect();
  return Array.from({ length: 24 }, (_, i) => 30 + i * 30).map((y) => {
    const { lat } = map_district.containerPointToLatLng([frame.width / 2 + 7, y]);
    const [left, top] = [frame.left + frame.width / 2 + 7, frame.top + y];
    const inside = ({ box }) => left >= box.left && left < box.right && top >= box.top && top < box.bottom;
    const { canvas, box } = tiles.find(inside);
    const at = [left - box.left, top - box.top].map(Math.floor);
    const copy = new OffscreenCanvas(1, 1).getContext("2d");
    copy.drawImage(canvas, -at[0], -at[1]);
    const { data } = copy.getImageData(0, 0, 1, 1);
    const high = Math.floor(((90 - lat) / 360) * 2 ** 13 / 256);
    return [lat, (high * 256 + data[0]) * 256 + data[1] + 0.5];
  });
}"""


def test_vector_tiles_of_a_base_map_are_drawn(make_app, sample_store, browser, tmp_path):
    earth = mapbox_vector_tile.encode(
        [
            {
                "name": "water",
                "features": [
                    {
                        "geometry": "POLYGON((0 0, 4096 0, 4096 4096, 0 4096, 0 0))",
                        "properties": {"kind": "water"},
                    }
                ],
            }
        ]
    )
    path = tmp_path / "base.mbtiles"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data)")
        file.execute("CREATE TABLE metadata (name, value)")
        file.execute("INSERT INTO metadata VALUES ('format', 'pbf')")
        file.execute("INSERT INTO tiles VALUES (2, 3, 2, ?)", [gzip.compress(earth)])
    file.close()
    with serving(make_app(sample_store, BASEMAP=str(path))) as address:
        context = browser.new_context(viewport=DESK, locale="en-US")
        visit = Visit(context.new_page(), address)
        page = visit.go("/?lang=en&layers=compounds&at=117.3,36.2,13")
        page.wait_for_selector(".leaflet-basemap-pane canvas.leaflet-tile-loaded")
        found = page.evaluate(
            """() => { const canvas = document.querySelector(".leaflet-basemap-pane canvas");
               return [...canvas.getContext("2d").getImageData(9, 9, 1, 1).data]; }"""
        )
        assert found == [220, 220, 220, 255]
        assert visit.complaints == [] and all(url.startswith(address) for url in visit.asked)
        context.close()
