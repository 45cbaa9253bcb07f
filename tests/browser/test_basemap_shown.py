"""A base map in GCJ-02 is laid where it truly is, below our layers, which stay where they are."""

import sqlite3
import struct
import threading
import zlib

import numpy as np
import pytest
from visits import Visit
from waitress import create_server

from geo.offsets import from_gcj02, to_gcj02

PLACES = [[117.3, 36.2], [121.47, 31.23], [87.6, 43.8]]


def picture():
    """Return a PNG of 256 pixels a side, all of one green."""
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress((b"\0" + b"\x8e\xc5\xa1" * 256) * 256),
        b"IEND": b"",
    }
    told = (
        struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(told)


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
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(10)


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
