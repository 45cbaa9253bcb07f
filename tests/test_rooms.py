"""The rooms import one way: app.py → webmap → layers → geo, and upwards inside each room."""

import ast
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

#: The files of each room, from the first to the last: one may import those before it. A file
#: that is not made yet may be missing; a file that is not named here has no place yet.
ORDER = {
    room: names.split()
    for room, names in {
        "geo": (
            "errors threads offsets crs check repair kernels sharing locate assign cells borders grid "
            "coverage siting "
            "overlaps "
            "tilekernels cutting noding touching outlines tilewriting attributes mending ranking "
            "tilesets crowding mvt warming "
            "pointing "
            "zones labels thinning "
            "batch __init__"
        ),
        "layers": (
            "catalogue values stages people address disk tables boxes standings schema migrations driving "
            "validity ledger conditions querying history clock work store turns disks rtree rowhash embedded "
            "session indexing roles postgis epoch copying shapes "
            "kept districts "
            "arrayfile gridfile snapshot mapping picture picturefile pictures tilefiles "
            "formats unpacking textfiles reading worker writing partitions ruling batching originals "
            "manifest inspecting backup swap restore answering near record deciding lookup placing "
            "tomlfiles standards "
            "serving "
            "pinyin wordbook around chronicle "
            "duty cases scene moving moved receipt preparing comparing intake progress figures facts "
            "months classes cellcounts changes programme plancoverage "
            "service gaps needs health "
            "periods reached sheets tallying headings counted contents "
            "wall "
            "tabulating printing spreadsheet sample_sheet sample_town sample_register sample_ledger "
            "sample "
            "scores marks marksheet "
            "courses "
            "__init__"
        ),
        "webmap": (
            "palette words wording assets bundling typeface typesetting drawing casemap "
            "gapmap "
            "access lasting forms streams "
            "viewing grounds "
            "commands colourings "
            "tooltexts "
            "sheetwords "
            "charts "
            "sheetfiles "
            "sheetlayout sheetpaths sheetdrawing sheetlegend sheetmap sheetmatrix wallsheet compoundsheet "
            "finding "
            "basemap "
            "districtmap mapdays gaplayer duties dutycommands editions timetable planning "
            "uploads downloads keeping granting"
            " statistics "
            "assessment "
            "charting "
            "tiles ogc wallmap statuses repeating readying listening __init__"
        ),
        "app": "app",
    }.items()
}
ROOMS = list(ORDER)
RANK = {
    room if name == "__init__" else name if room == "app" else f"{room}.{name}": (ROOMS.index(room), place)
    for room, names in ORDER.items()
    for place, name in enumerate(names)
}
#: What blueprints share; every other file of webmap but __init__ is a blueprint.
_SHARED = "palette words wording assets typeface typesetting drawing casemap access forms streams commands"
_SHARED += " colourings gapmap bundling lasting repeating readying listening"
_SHARED += " tooltexts"
_SHARED += " viewing grounds"
_SHARED += " sheetwords"
_SHARED += " sheetlayout sheetpaths sheetdrawing sheetlegend sheetmap sheetmatrix wallsheet compoundsheet"
_SHARED += " sheetfiles"
_SHARED += " charts"
SHARED_BY_BLUEPRINTS = {f"webmap.{name}" for name in _SHARED.split()}
BLUEPRINTS = {m for m in RANK if m.startswith("webmap.")} - SHARED_BY_BLUEPRINTS

#: Which of our modules (a room means all of it) may import these packages.
WEB, DATABASE, FILES = {"webmap", "app"}, {"layers"}, {"layers.reading", "layers.writing"}
ONLY_IN = {
    **dict.fromkeys(("flask", "flask_babel", "flask_compress", "werkzeug", "jinja2", "waitress"), WEB),
    **dict.fromkeys(("itsdangerous", "markupsafe"), WEB),
    **dict.fromkeys(("folium", "branca"), WEB),
    **dict.fromkeys(("sqlalchemy", "sqlite3", "alembic"), DATABASE),
    "psycopg": {"layers.postgis"},
    **dict.fromkeys(("fiona", "pyogrio"), FILES),
    **dict.fromkeys(("dask", "dask_geopandas", "distributed"), {"geo.batch", "layers.batching"}),
    "pyarrow": {"layers.partitions"},
    "typst": {"webmap.typesetting"},
    "xlsxwriter": {"layers.spreadsheet"},
    "tests": set(),
    "dotenv": set(),
}
#: Ways round the rules above: attributes that only these modules may use.
ATTRIBUTE_ONLY_IN = {
    **dict.fromkeys(("os.environ", "os.environb", "os.getenv", "os.putenv", "os.unsetenv"), {"app"}),
    **dict.fromkeys(("importlib.import_module", "importlib.util", "builtins.__import__"), set()),
}
METHOD_ONLY_IN = dict.fromkeys(("read_file", "to_file", "list_layers"), FILES)


class Import(NamedTuple):
    """One import: the line, the module, and the name taken from it ("" for the module itself)."""

    line: int
    module: str
    name: str


def module_of(path: Path) -> str:
    """Return the module of a file of ours, as RANK names it; all migrations count as one."""
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return "layers.migrations" if parts[:2] == ("layers", "migrations") else ".".join(parts)


def files() -> list[Path]:
    """Return every Python file of the rooms, and app.py."""
    found = [path for room in ROOMS if room != "app" for path in (CHECKOUT / room).rglob("*.py")]
    return sorted(p for p in [*found, CHECKOUT / "app.py"] if p.exists() and "vendor" not in p.parts)


def imports(tree: ast.AST) -> list[Import]:
    """Return all imports of a file, those inside functions too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [Import(node.lineno, alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [Import(node.lineno, node.module, alias.name) for alias in node.names]
    return found


def target(module: str, name: str) -> str:
    """Return which module of ours an import reaches: ``from layers import stages`` is layers.stages."""
    full = f"{module}.{name}" if name else module
    if full.startswith("layers.migrations"):
        return "layers.migrations"
    return full if full in RANK else module


def order_problems(module: str, tree: ast.AST) -> list[str]:
    """Return the imports that go up, or from a blueprint to a blueprint."""
    problems = [
        f"{node.lineno}: relative import"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    for line, source, name in imports(tree):
        if source.partition(".")[0] not in ORDER:
            continue
        reached = target(source, name)
        if reached == module == "layers.migrations":
            continue
        if reached not in RANK:
            problems.append(f"{line}: {reached} is no module of ours")
        elif RANK[reached] >= RANK[module]:
            problems.append(f"{line}: {module} is not below {reached}")
        elif module in BLUEPRINTS and reached in BLUEPRINTS:
            problems.append(f"{line}: blueprint {module} imports blueprint {reached}")
    return problems


def allowed(module: str, places: set[str]) -> bool:
    """Return whether a module is one of the places or lies in one of them."""
    return module in places or module.partition(".")[0] in places


def border_problems(module: str, tree: ast.AST) -> list[str]:
    """Return the uses of packages, attributes and methods that belong elsewhere."""
    problems = []
    for line, source, name in imports(tree):
        package, full = source.partition(".")[0], f"{source}.{name}" if name else source
        if package in ONLY_IN and not allowed(module, ONLY_IN[package]):
            problems.append(f"{line}: {package} does not belong in {module}")
        if full in ATTRIBUTE_ONLY_IN and not allowed(module, ATTRIBUTE_ONLY_IN[full]):
            problems.append(f"{line}: {full} does not belong in {module}")
        if full == "os.*" or (full == "importlib" and name == ""):
            problems.append(f"{line}: import {full} hides what is used")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "__import__":
            problems.append(f"{node.lineno}: __import__ hides an import")
        if not isinstance(node, ast.Attribute):
            continue
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        places = ATTRIBUTE_ONLY_IN.get(f"{owner}.{node.attr}", METHOD_ONLY_IN.get(node.attr))
        if places is not None and not allowed(module, places):
            problems.append(f"{node.lineno}: {node.attr} does not belong in {module}")
    return problems


def problems(module: str, source: str) -> list[str]:
    """Return all that is wrong with where a file reaches."""
    tree = ast.parse(source)
    return order_problems(module, tree) + border_problems(module, tree)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_file_has_a_place_and_keeps_to_it(path):
    module = module_of(path)
    assert module in RANK, "give the file a place in ORDER (and in the design)"
    assert problems(module, path.read_text(encoding="utf-8")) == []


def knowledge_of_stores(source: str) -> set[str]:
    """Return by which imports and attributes a file could come by the place of the live store."""
    tree = ast.parse(source)
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    reached = {target(module, name) for _, module, name in imports(tree)}
    stores = {"layers.store", "layers.work", "layers.embedded", "layers.postgis", "layers"}
    packages = {module.partition(".")[0] for module in reached} & {"sqlalchemy"}
    return (reached & stores) | packages | (named & {"engine", "database"})


@pytest.mark.parametrize("module", sorted(FILES))
def test_who_speaks_to_gdal_knows_no_store(module):
    # GDAL closing the store's file would drop the locks that SQLite holds on it.
    path = CHECKOUT / f"{module.replace('.', '/')}.py"
    assert knowledge_of_stores(path.read_text(encoding="utf-8")) == set()


def test_knowledge_of_a_store_is_found():
    source = (
        "import sqlalchemy\nfrom layers.store import Store\nfrom layers import tables\nx.engine.url.database"
    )
    assert knowledge_of_stores(source) == {"sqlalchemy", "layers.store", "engine", "database"}


def test_no_two_modules_of_one_name():
    planned = Counter(name for names in ORDER.values() for name in names if name != "__init__")
    assert [name for name, count in planned.items() if count > 1] == []
    named = Counter(
        path.stem for path in files() if path.stem != "__init__" and "migrations" not in path.parts
    )
    assert [name for name, count in named.items() if count > 1] == []


def test_there_are_no_packages_beside_the_rooms():
    beside = {path.parent.name for path in CHECKOUT.glob("*/__init__.py")}
    assert beside == {"geo", "layers", "webmap"}
    assert {path.name for path in CHECKOUT.glob("*.py")} <= {"app.py"}


@pytest.mark.parametrize(
    ("module", "source", "said"),
    [
        ("geo.crs", "from layers import stages", "geo.crs is not below layers.stages"),
        ("geo.crs", "import geo.check", "geo.crs is not below geo.check"),
        ("geo.crs", "from geo.crs import AREA", "geo.crs is not below geo.crs"),
        ("geo.crs", "def f():\n    import geo.check", "2: geo.crs is not below geo.check"),
        ("layers.store", "from layers import open_store", "layers.store is not below layers"),
        ("layers.store", "from layers.intake import take_in", "layers.store is not below layers.intake"),
        ("layers.store", "from . import tables", "relative import"),
        ("layers.store", "import layers.nowhere", "layers.nowhere is no module of ours"),
        ("layers.store", "import app", "layers.store is not below app"),
        ("layers.tables", "import layers.migrations.env", "layers.tables is not below layers.migrations"),
        ("webmap.planning", "import webmap.duties", "blueprint webmap.planning imports blueprint"),
        ("layers.figures", "from flask import g", "flask does not belong in layers.figures"),
        ("layers.figures", "import folium.plugins", "folium does not belong in layers.figures"),
        ("webmap.tiles", "def f():\n    import sqlite3", "2: sqlite3 does not belong in webmap.tiles"),
        ("app", "from sqlalchemy import text", "sqlalchemy does not belong in app"),
        ("layers.store", "import psycopg", "psycopg does not belong in layers.store"),
        ("layers.intake", "import fiona", "fiona does not belong in layers.intake"),
        (
            "geo.locate",
            "import geopandas\ngeopandas.read_file('x')",
            "2: read_file does not belong in geo.locate",
        ),
        ("layers.store", "import os\nos.environ['X']", "2: environ does not belong in layers.store"),
        ("webmap", "from os import getenv", "os.getenv does not belong in webmap"),
        ("webmap", "from os import *", "import os.* hides what is used"),
        (
            "webmap",
            "from importlib import import_module",
            "importlib.import_module does not belong in webmap",
        ),
        ("webmap", "__import__('sqlite3')", "__import__ hides an import"),
    ],
)
def test_a_wrong_import_is_found(module, source, said):
    found = problems(module, source)
    assert len(found) >= 1
    assert any(said in problem for problem in found), found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("app", "import os, webmap\nfrom layers import open_store\nos.environ.get('PORT')"),
        ("webmap", "from webmap import planning, tiles\nfrom layers.figures import targets"),
        ("webmap.planning", "from webmap import drawing\nfrom geo.errors import RequestError\nimport flask"),
        ("layers", "def open_store(url):\n    from layers.embedded import EmbeddedStore"),
        ("layers.migrations", "from alembic import context\nfrom layers.tables import metadata"),
        ("layers.store", "import sqlalchemy, shapely, numpy\nfrom layers import tables"),
        ("layers.reading", "import fiona, pyogrio\npyogrio.read_dataframe('x')"),
        ("geo.assign", "import shapely\nfrom geo.locate import locate"),
    ],
)
def test_a_right_import_is_left_alone(module, source):
    assert problems(module, source) == []
