"""The map in headless Chromium: from navigation to the first complete picture, beside Folium's own pages.

    python tests/bench/bench_browser.py [district] [city] [nation] [runs=3] [modules=FOLDER]

A district beside folium.GeoJson as one calls it (opened once, for at most three minutes: it makes a
marker with a picture of every point), beside folium at its best (points as rounds, everything on a
canvas) and beside GeoDataFrame.explore of the same layers; a city beside the page of FastMarkerCluster
with its points alone. Everybody is asked by a visitor who has kept nothing.
Our pages are made while he waits; theirs lie ready as files, and so do Leaflet and the plug-ins they
draw with: what else they would fetch from other hosts is left out, and so is a base map.
A nation is opened beside our own page of a city, when both servers have made themselves ready.

explore needs a Python that has geopandas, folium, matplotlib and mapclassify, which PEER_PYTHON names
(by default the one that runs this, where it has them); FastMarkerCluster the packages
leaflet.markercluster and leaflet.awesome-markers in a folder of modules. Who is missing is named.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from math import isfinite
from pathlib import Path
from statistics import median
from time import perf_counter

import filling
import folium
import geopandas
import inputs
import serving
import visiting
from folium.plugins import FastMarkerCluster
from visiting import OURS, THEIRS, Opened

RUNS = 3
SIZES = ("district", "city", "nation")
#: What is told of each feature, as on our map.
TOLD = {"street_offices": ["name"], "compounds": ["stage"], "illegal_structures": ["state"]}
TILED = {"district": ("illegal_structures",)} | dict.fromkeys(
    ("city", "nation"), ("compounds", "illegal_structures")
)
MOST_HTML, MOST_RECEIVED = 80_000, 3_000_000
#: Who may take minutes is opened once, and waited for so long.
PLAIN, PATIENCE_S = "folium.GeoJson", 180
HEADS = ("s", "HTML", "bytes received", "requests", "of them tiles")
FASTER = {"district": 10, "city": 4}
PEER = Path(__file__).with_name("peer_page.py")
#: The files of packages that their pages draw with.
MODULES = (
    "leaflet/dist/leaflet.js",
    "leaflet/dist/leaflet.css",
    "leaflet.markercluster/dist/leaflet.markercluster.js",
    "leaflet.markercluster/dist/MarkerCluster.css",
    "leaflet.markercluster/dist/MarkerCluster.Default.css",
    "leaflet.awesome-markers/dist/leaflet.awesome-markers.js",
    "leaflet.awesome-markers/dist/leaflet.awesome-markers.css",
)
_FOREIGN = re.compile(r'<(?:script src|link rel="stylesheet" href)="(https:[^"]*)"\s*/?>(?:</script>)?')


def runs() -> int:
    """Return how often each page is opened."""
    return int(inputs.option("runs") or RUNS)


def modules() -> dict[str, Path]:
    """Return the files of MODULES that are there, by their names."""
    asked = inputs.option("modules")
    folders = [inputs.CHECKOUT / "node_modules", *([Path(asked)] if asked else [])]
    paths = [folder / file for folder in folders for file in MODULES]
    return {path.name: path for path in paths if path.is_file()}


def write_page(text: str, name: str, folder: Path, known: Mapping[str, Path]) -> None:
    """Write a page that asks no other host: what we have of its files comes from beside it."""

    def local(found: re.Match) -> str:
        file = found[1].rpartition("/")[2]
        if file not in known:
            return ""
        (folder / file).write_bytes(known[file].read_bytes())
        pictures = known[file].parent / "images"  # of the markers: a page without them waits for each
        if pictures.is_dir():
            shutil.copytree(pictures, folder / "images", dirs_exist_ok=True)
        return found[0].replace(found[1], file)

    (folder / f"{name}.html").write_text(_FOREIGN.sub(local, text), encoding="utf-8")


def framed(given: inputs.Inputs, zoom: int, *, canvas: bool = False) -> folium.Map:
    """Return an empty map of the place."""
    west, south, east, north = given.frame("compounds", []).total_bounds
    middle = ((south + north) / 2, (west + east) / 2)
    return folium.Map(middle, zoom_start=zoom, tiles=None, prefer_canvas=canvas)


def plain(given: inputs.Inputs) -> str:
    """Return folium's page of the layers as one calls it: every point a marker with picture and shadow."""
    shown = framed(given, 12)
    for layer, columns in TOLD.items():
        folium.GeoJson(given.frame(layer, columns), name=layer).add_to(shown)
    return shown.get_root().render()


def rounds(given: inputs.Inputs) -> str:
    """Return folium's page of the layers at its best: points as rounds, everything on a canvas."""
    shown = framed(given, 12, canvas=True)
    for layer, columns in TOLD.items():
        rounds = folium.CircleMarker(radius=3)
        folium.GeoJson(given.frame(layer, columns), name=layer, marker=rounds).add_to(shown)
    return shown.get_root().render()


def clusters(given: inputs.Inputs) -> str:
    """Return folium's page of the points in clusters."""
    points = given.frame("illegal_structures", []).geometry
    places = [list(place) for place in zip(points.y.round(6), points.x.round(6), strict=True)]
    shown = framed(given, 10)
    shown.options["maxZoom"] = 18  # clusters refuse a map without
    FastMarkerCluster(places).add_to(shown)
    return shown.get_root().render()


def explore(given: inputs.Inputs, folder: Path) -> str | None:
    """Return geopandas's page of the layers, None where nobody can make it."""
    needed = ("matplotlib", "mapclassify")
    here = sys.executable if all(map(importlib.util.find_spec, needed)) else None
    python = os.environ.get("PEER_PYTHON", here)
    if python is None:
        return None
    for layer, columns in TOLD.items():
        frame: geopandas.GeoDataFrame = given.frame(layer, columns).reset_index()
        frame.to_file(folder / f"{layer}.gpkg")
    done = subprocess.run([python, str(PEER), str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the peer failed: {done.stderr.strip().splitlines()[-1]}")
    return (folder / "explore.html").read_text(encoding="utf-8")


def peers(given: inputs.Inputs, folder: Path) -> dict[str, float]:
    """Write the pages of those who are there; return how long each took to make."""
    known, made = modules(), {}
    if given.size == "city":
        makers = {"FastMarkerCluster": lambda: clusters(given)}
        lacking = [Path(file).name for file in MODULES if Path(file).name not in known]
        if lacking:
            print(f"FastMarkerCluster is left out: {', '.join(lacking)} are not there (modules=FOLDER)")
            return {}
    else:
        makers = {
            PLAIN: lambda: plain(given),
            "folium on a canvas": lambda: rounds(given),
            "explore": lambda: explore(given, folder),
        }
    for name, make in makers.items():
        began = perf_counter()
        text = make()
        if text is None:
            print(f"{name} is left out: PEER_PYTHON names a Python that has matplotlib and mapclassify")
            continue
        made[name] = perf_counter() - began
        write_page(text, name, folder, known)
    return made


def in_turn(contenders: Mapping[str, Callable[[], Opened]], times: int) -> dict[str, list[Opened]]:
    """Open each page so many times, another first in every run."""
    names, found = list(contenders), {name: [] for name in contenders}
    for run in range(times):
        first = run % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(contenders[name]())
    return found


def check(size: str, name: str, opened: Opened) -> None:
    """Assert that a page has drawn what it is timed for."""
    if name != "ours":
        colours = opened.colours.get("overlay", set())
        assert opened.signs > 3 or len(colours) > 1, f"{name} has drawn nothing"
        return
    for layer in TILED.get(size, ()):
        assert _tiles(opened, layer), f"no tile of {layer} was asked for"
        assert len(opened.colours[f"tiles-{layer}"]) > 5, f"no tile of {layer} is drawn"
    if size != "nation":  # of forty thousand none is outlined before somebody looks closer
        assert opened.colours["offices"], "no outline of an office is drawn"


def _tiles(opened: Opened, layer: str) -> int:
    return sum(f"/tiles/{layer}/" in url for url in opened.asked)


def beside_city(given: inputs.Inputs) -> None:
    """Open our pages of a nation and of a city in turn, and print whether the nation's comes later."""
    panes = ("offices", "tiles-compounds", "tiles-illegal_structures")
    stores = {"nation": filling.nation_loaded(given), "city": filling.loaded(inputs.made("city"))}
    with tempfile.TemporaryDirectory() as name, visiting.chromium() as browser, ExitStack() as stack:
        if browser is None:
            sys.exit("Chromium is not installed: nothing can be opened")
        contenders = {}
        for size, store in stores.items():
            address = stack.enter_context(serving.served(store, Path(name) / size))
            contenders[size] = visiting.opener(browser, f"{address}/", OURS, *panes)
            serving.await_rest(600)
        found = in_turn(contenders, runs())
    for opened in found["nation"]:
        check("nation", "ours", opened)
    rows = [(size, *_row(visits)) for size, visits in found.items()]
    inputs.table(f"To the first complete picture: medians of {runs()} visits", ("page", *HEADS), rows)
    share = _seconds(found["nation"]) / _seconds(found["city"])
    show_goals("nation", [("nation / city ≤ 1", share, share <= 1)], found["nation"][-1])


def measure(given: inputs.Inputs) -> None:
    """Open everybody's pages and print the tables of a size."""
    size, panes = given.size, ("overlay", "offices", "tiles-compounds", "tiles-illegal_structures")
    with tempfile.TemporaryDirectory() as name, visiting.chromium() as browser:
        if browser is None:
            sys.exit("Chromium is not installed: nothing can be opened")
        folder, store = Path(name), filling.loaded(given)
        made = peers(given, folder)
        with serving.served(store, folder / "data") as ours, serving.files(folder) as theirs:
            contenders = {"ours": visiting.opener(browser, f"{ours}/", OURS, *panes)}
            for peer in (name for name in made if name != PLAIN):
                contenders[peer] = visiting.opener(browser, f"{theirs}/{peer}.html", THEIRS, "overlay")
            cold = contenders["ours"]()
            found = in_turn(contenders, runs())
            if PLAIN in made:
                address, most = f"{theirs}/{PLAIN}.html", 1000 * PATIENCE_S
                found[PLAIN] = [visiting.opener(browser, address, THEIRS, "overlay", patience=most)()]
    for peer, visits in found.items():
        for opened in visits:
            if isfinite(opened.seconds):
                check(size, peer, opened)
    show(size, {"ours, first of all": [cold], **found}, made)


def _told(seconds: float) -> float | str:
    return seconds if isfinite(seconds) else f"> {PATIENCE_S}"


def _seconds(visits: list[Opened]) -> float:
    return median(one.seconds for one in visits)


def _row(visits: list[Opened]) -> tuple:
    """Return what HEADS tell of visits: the median of the seconds, and the rest of the last."""
    last, tiles = visits[-1], sum(_tiles(visits[-1], layer) for layer in inputs.LAYERS)
    return _told(_seconds(visits)), last.html, last.received, len(last.asked), tiles


def show(size: str, found: dict[str, list[Opened]], made: dict[str, float]) -> None:
    """Print what was found, and whether each goal is met."""
    seconds = {name: _seconds(visits) for name, visits in found.items()}
    rows = [(name, *_row(visits), made.get(name, "-")) for name, visits in found.items()]
    heads = ("page", *HEADS, "s to make before")
    inputs.table(f"To the first complete picture, {size}: medians of {runs()} visits", heads, rows)
    if PLAIN in found:
        print(f"{PLAIN} was opened once, for at most {PATIENCE_S} s.")
    goals = []
    for name in made:
        least, wanted = min(seconds[name], PATIENCE_S) / seconds["ours"], FASTER.get(size, 10)
        told = least if isfinite(seconds[name]) else f"> {least:.3g}"
        goals.append((f"{name} / ours ≥ {wanted}", told, least >= wanted))
    show_goals(size, goals, found["ours"][-1])


def show_goals(size: str, goals: list[tuple], ours: Opened) -> None:
    """Print whether the goals of a size are met (name, value, whether), and those of every page."""
    goals = [*goals, (f"HTML ≤ {MOST_HTML:,} bytes", ours.html, ours.html <= MOST_HTML)]
    if size == "city":
        goals.append((f"received ≤ {MOST_RECEIVED:,} bytes", ours.received, ours.received <= MOST_RECEIVED))
    shown = [(name, value, "yes" if met else "NO") for name, value, met in goals]
    inputs.table(f"Goals, {size}", ("goal", "value", "met"), shown)


def main() -> None:
    """Measure the sizes that are named, a district where none is."""
    sizes = [word for word in sys.argv[1:] if "=" not in word] or ["district"]
    if unknown := set(sizes) - set(SIZES):
        sys.exit(f"{', '.join(unknown)}: the sizes are {', '.join(SIZES)}")
    for size in sizes:
        (beside_city if size == "nation" else measure)(inputs.made(size))


if __name__ == "__main__":
    main()
