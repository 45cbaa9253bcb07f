"""The files the browser needs, copied from node_modules into our own static folder.

No page asks another host for anything, so every script, style and picture of a browser
package that is used is named here and served by us. Set-up runs this file before the program
can start; it therefore needs nothing but Python.
"""

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from types import MappingProxyType

from geo.errors import FileError, RequestError

CHECKOUT = Path(__file__).resolve().parent.parent
STATIC = CHECKOUT / "webmap" / "static"
VENDOR = STATIC / "vendor"


@dataclass(frozen=True)
class Package:
    """One browser package: its name, the folder in it we take from, the files, its licence file."""

    name: str
    folder: str
    files: tuple[str, ...]
    licence: str


PACKAGES = (
    Package(
        "leaflet",
        "dist",
        (
            "leaflet.js",
            "leaflet.css",
            "images/layers.png",
            "images/layers-2x.png",
            "images/marker-icon.png",
            "images/marker-icon-2x.png",
            "images/marker-shadow.png",
        ),
        "LICENSE",
    ),
    # What printed sheets are set in: no machine they are made on has to bring Chinese letters.
    Package(
        "@expo-google-fonts/noto-sans-sc",
        "",
        ("400Regular/NotoSansSC_400Regular.ttf", "700Bold/NotoSansSC_700Bold.ttf"),
        "LICENSE_FONT",
    ),
    Package("protomaps-leaflet", "dist", ("protomaps-leaflet.js",), "LICENSE"),
    # They are inside protomaps-leaflet.js, and ask that their licence comes with them.
    Package("@mapbox/point-geometry", "", (), "LICENSE"),
    Package("@mapbox/vector-tile", "", (), "LICENSE.txt"),
    Package("color2k", "", (), "LICENSE"),
    Package("fflate", "", (), "LICENSE"),
    Package("pbf", "", (), "LICENSE"),
    Package("potpack", "", (), "LICENSE"),
    Package("quickselect", "", (), "LICENSE"),
    Package("rbush", "", (), "LICENSE"),
)

#: Folium's name of a resource → our file, below static/vendor.
ASSETS: Mapping[str, str] = MappingProxyType(
    {
        "leaflet": "leaflet/leaflet.js",
        "leaflet_css": "leaflet/leaflet.css",
        "protomaps_leaflet": "protomaps-leaflet/protomaps-leaflet.js",
    }
)


def asset_path(name: str) -> str:
    """Return the path below static/ of the file that stands for a resource Folium names.

    Args:
        name: Folium's name of the resource, as in the pairs of its ``default_js``.

    Raises:
        RequestError: we have no such file; the page would have to ask another host for it.

    >>> asset_path("leaflet")
    'vendor/leaflet/leaflet.js'
    """
    if name not in ASSETS:
        raise RequestError("No browser file is kept for %(name)s; see webmap/assets.py.", name=name)
    return f"vendor/{ASSETS[name]}"


def locked_packages(checkout: Path = CHECKOUT) -> dict[str, tuple[str, str]]:
    """Return (version, licence) of the browser packages in package-lock.json, by name.

    What only the tests use is none of them.
    """
    lock = json.loads((checkout / "package-lock.json").read_text(encoding="utf-8"))
    return {
        path.removeprefix("node_modules/"): (entry["version"], entry["license"])
        for path, entry in sorted(lock["packages"].items())
        if path and not entry.get("dev")
    }


def copy_assets(modules: Path = CHECKOUT / "node_modules", vendor: Path = VENDOR) -> list[Path]:
    """Return the files written: exactly those PACKAGES names, each package with its licence.

    Args:
        modules: the node_modules folder that npm filled from package-lock.json.
        vendor: the folder to fill; what it held before is removed.

    Raises:
        FileError: a file is missing, or a package is not of the locked version.
    """
    locked = locked_packages()
    pairs = [pair for package in PACKAGES for pair in _pairs(package, modules, vendor, locked)]
    shutil.rmtree(vendor, ignore_errors=True)
    for source, target in pairs:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return [target for _, target in pairs]


def _pairs(
    package: Package, modules: Path, vendor: Path, locked: Mapping[str, tuple[str, str]]
) -> list[tuple[Path, Path]]:
    """Return (source, target) of each file of a package, all there and of the locked version."""
    home = modules / package.name
    sources = {name: home / package.folder / name for name in package.files}
    sources["LICENSE"] = home / package.licence
    for source in (home / "package.json", *sources.values()):
        if not source.is_file():
            raise FileError("The browser file %(path)s is missing; run npm ci.", path=str(source))
    found = json.loads((home / "package.json").read_text(encoding="utf-8"))["version"]
    wanted, _ = locked.get(package.name, ("nothing", ""))
    if found != wanted:
        raise FileError(
            "%(name)s is of version %(found)s, but package-lock.json names %(wanted)s; run npm ci.",
            name=package.name,
            found=found,
            wanted=wanted,
        )
    return [(source, vendor / package.name / name) for name, source in sources.items()]


def pinned_packages(checkout: Path = CHECKOUT) -> dict[str, str]:
    """Return the version of every Python package in requirements.txt, by name.

    Where Python versions need different ones, all are named: "2.4.6, 2.5.5".
    """
    text = (checkout / "requirements.txt").read_text(encoding="utf-8")
    pins: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, flags=re.MULTILINE):
        pins.setdefault(name, []).append(version)
    return {name: ", ".join(versions) for name, versions in sorted(pins.items())}


def _python_licence(name: str) -> str | None:
    """Return the licence an installed package declares; None when it is not installed."""
    try:
        declared = metadata(name)
    except PackageNotFoundError:  # pinned for a kind of Python this is not
        return None
    classifiers = [c.rpartition(" :: ")[2] for c in declared.get_all("Classifier", []) if "License ::" in c]
    stated = declared.get("License-Expression") or "; ".join(classifiers) or declared.get("License", "")
    if not stated.strip():
        raise FileError("The package %(name)s declares no licence.", name=name)
    return stated.strip().splitlines()[0]


def notice() -> str:
    """Return the text of NOTICE: every package that comes with Guatu, its version and licence."""
    browser = [f"{name} {version} - {licence}" for name, (version, licence) in locked_packages().items()]
    python = [
        f"{name} {version} - {licence}"
        for name, version in pinned_packages().items()
        if (licence := _python_licence(name))
    ]
    return "\n".join(
        [
            "Guatu",
            "Licensed under the Apache License, Version 2.0 (see LICENSE).",
            "",
            "Browser files, fetched at set-up into webmap/static/vendor with their licences:",
            "",
            *browser,
            "",
            "Python packages, installed at set-up from requirements.txt:",
            "",
            *python,
            "",
        ]
    )


def main(arguments: list[str]) -> int:
    """Return the exit status: copy the browser files or, asked with --notice, write NOTICE."""
    try:
        if arguments == ["--notice"]:
            (CHECKOUT / "NOTICE").write_text(notice(), encoding="utf-8")
            print("NOTICE written")
        elif arguments:
            print("usage: python -m webmap.assets [--notice]", file=sys.stderr)
            return 2
        else:
            print(f"{len(copy_assets())} browser files in webmap/static/vendor")
    except FileError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
