"""The district map: time to the page and to its layers, and their bytes, beside folium.GeoJson."""

import tempfile
from pathlib import Path

import folium
import geopandas
import inputs
from flask import Flask

from app import create_app
from layers.intake import Request, take_in
from layers.people import OPERATOR
from webmap.access import store

RUNS = 5
#: The map without filters asks for these once; with more rows than a view holds, tiles will.
ADDRESSES = {
    "page": "/",
    "compounds": "/map/compounds.geojson",
    "illegal_structures": "/map/illegal_structures.geojson",
    "street_offices": "/map/street_offices.geojson",
}


def fill(app: Flask, given: inputs.Inputs, folder: Path) -> None:
    """Load the layers into the app's store."""
    with app.app_context():
        for layer, name in inputs.LAYERS.items():
            take_in(store(), Request(layer, given.file, layer_name=name), OPERATOR, folder / "files")


def folium_page(frames: dict[str, geopandas.GeoDataFrame]) -> bytes:
    """Return the page folium makes of the same layers, with their data inside."""
    page = folium.Map()
    for layer, frame in frames.items():
        folium.GeoJson(frame, name=layer).add_to(page)
    return page.get_root().render().encode()


def plain(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Return a frame whose dates are text, as folium wants them."""
    dates = frame.select_dtypes("datetime").columns
    return frame.assign(**{name: frame[name].astype(str) for name in dates})


def main() -> None:
    """Ask for everything the map needs, let folium make its page, print the table."""
    given = inputs.inputs()
    frames = {layer: plain(given.frame(layer)) for layer in inputs.LAYERS}
    with tempfile.TemporaryDirectory() as folder:
        app = create_app({"STORE": f"sqlite:///{folder}/district.db", "DATA": folder, "LOCAL_ROLE": "bureau"})
        fill(app, given, Path(folder))
        client = app.test_client()

        def asking(address: str, **headers: str):
            return lambda: client.get(address, headers=headers).get_data()

        contenders = {name: asking(address) for name, address in ADDRESSES.items()}
        runs = RUNS if given.size != "city" else 1
        times, answers = inputs.medians({**contenders, "folium": lambda: folium_page(frames)}, runs)
        packed = {n: len(asking(a, **{"Accept-Encoding": "gzip"})()) for n, a in ADDRESSES.items()}
        app.extensions["guatu"].close()
    rows = [(n, t, len(answers[n]), packed.get(n, "-")) for n, t in times.items()]
    seconds, size = times["folium"], len(answers["folium"])
    ours, ours_bytes = sum(times[n] for n in ADDRESSES), sum(len(answers[n]) for n in ADDRESSES)
    rows.append(("all of ours", ours, ours_bytes, sum(packed.values())))
    rows.append(("folium / page", seconds / times["page"], size / len(answers["page"]), "-"))
    rows.append(("folium / all of ours", seconds / ours, size / ours_bytes, "-"))
    title = f"The map, {given.size}: medians of {runs} runs, without a browser"
    inputs.table(title, ("what", "s", "bytes", "bytes, gzip"), rows)


if __name__ == "__main__":
    main()
