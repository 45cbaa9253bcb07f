"""Stores filled for the benchmarks, on a file and on a PostGIS server of their own, with the same rows."""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas
import numpy
import shapely
from inputs import CHECKOUT, LAYERS, MADE, Inputs
from sqlalchemy import insert

sys.path.append(str(CHECKOUT / "tests"))

from cluster import Cluster, find_programs  # noqa: E402

from layers import open_store, tables  # noqa: E402
from layers.intake import Request, take_in  # noqa: E402
from layers.people import OPERATOR  # noqa: E402
from layers.rtree import neighbours  # noqa: E402
from layers.stages import ORDER  # noqa: E402
from layers.store import Store  # noqa: E402
from layers.work import Work  # noqa: E402

#: How many compounds are made up where the whole country is asked for.
NATION = 300_000
OFFICES = [f"J{i:03}" for i in range(200)]
KINDS = ("clinic", "school", "park", "garage", "canteen")


class Server(Cluster):
    """A server set up as for a city: memory for its tables, and on disk what it says is."""

    def _start(self) -> subprocess.Popen:
        listen = "listen_addresses=" if self.port is None else f"port={self.port}"
        settings = (listen, "shared_buffers=1GB", "work_mem=32MB", "max_wal_size=4GB", "jit=off")
        settings += ("random_page_cost=1.1", "effective_cache_size=4GB")
        options = [part for setting in settings for part in ("-c", setting)]
        start = self._run("postgres", "-k", str(self.folder), *options)
        with (self.folder / "log").open("w") as log:
            return subprocess.Popen(start, cwd=self.folder, stdout=log, stderr=log, **self.account)


def server(port: int | None = None) -> Server | None:
    """Return a running server, None where PostgreSQL with PostGIS is not installed."""
    programs = find_programs()
    return None if programs is None else Server(programs, port)


def settle(server: Server, address: str) -> None:
    """Have the server learn how its rows are spread, as its own housekeeping would by and by."""
    with server.connect(server.name_in(address)) as connection:
        connection.execute("VACUUM ANALYZE")


def nation(rng: numpy.random.Generator) -> geopandas.GeoDataFrame:
    """Return compounds all over the country, three of four in towns: stars of 8 to 40 corners."""
    towns = numpy.c_[rng.uniform(80, 125, 400), rng.uniform(22, 48, 400)]
    anywhere = numpy.c_[rng.uniform(80, 125, NATION), rng.uniform(22, 48, NATION)]
    in_town = towns[rng.integers(0, 400, NATION)] + rng.normal(size=(NATION, 2)) * 0.3
    centre = numpy.where((rng.random(NATION) < 0.75)[:, None], in_town, anywhere)
    corners = rng.integers(8, 41, NATION)
    star = numpy.repeat(numpy.arange(NATION), corners)
    step = numpy.arange(len(star)) - numpy.r_[0, numpy.cumsum(corners)][star]
    angle = 2 * numpy.pi * (step + rng.uniform(-0.35, 0.35, len(star))) / corners[star]
    radius = (rng.lognormal(numpy.log(90), 0.45, NATION).clip(30, 400) / 1e5)[star]
    radius *= rng.uniform(0.6, 1.15, len(star))
    ring = centre[star] + numpy.c_[radius * numpy.cos(angle), radius * numpy.sin(angle)]
    shapes = shapely.polygons(shapely.linearrings(numpy.round(ring, 8), indices=star))
    return geopandas.GeoDataFrame(geometry=shapes, crs=4490)


def fill(store: Store, given: Inputs | None) -> None:
    """Fill a store with compounds, structures and facilities of the inputs; None: compounds of a nation."""
    rng = numpy.random.default_rng(11)
    with store.writing(OPERATOR) as work:
        edition = _edition(work)
        frame = nation(rng) if given is None else given.frame("compounds")
        codes = _layer(
            work, edition, "compounds", "C", frame.geometry.values, rng, **_compounds(rng, len(frame))
        )
        _stages(work, codes, rng)
        if given is None:
            return
        frame = given.frame("illegal_structures")
        told = {
            "state": frame["state"].tolist(),
            "kind": frame["kind"].tolist(),
            "area_m2": frame["area_m2"].tolist(),
        }
        _layer(work, edition, "illegal_structures", "S", frame.geometry.values, rng, **told)
        tenth = frame.geometry.values[::10]
        kinds = [KINDS[i] for i in rng.integers(0, len(KINDS), len(tenth))]
        _layer(work, edition, "facilities", "F", tenth, rng, kind=kinds)


def _compounds(rng: numpy.random.Generator, many: int) -> dict[str, list]:
    years = {"plan_year": (2019, 2026), "built_year": (1955, 2000), "households": (40, 2500)}
    return {name: rng.integers(*between, many).tolist() for name, between in years.items()}


def _edition(work: Work) -> int:
    load_id = work.open_load("street_offices", "0" * 64, {})
    values = {"load_id": load_id, "code_list": "local", "state": "active"}
    edition = work.connection.execute(insert(tables.editions), values).inserted_primary_key[0]
    shape = {"wkb": shapely.box(0, 0, 1, 1).wkb, "west": 0.0, "south": 0.0, "east": 1.0, "north": 1.0}
    known = {"version": 1, "load_id": load_id, "edition_id": edition, **shape}
    rows = [{"row": i, "code": c, "name": f"街道{c}", **known} for i, c in enumerate(OFFICES, 1)]
    work.insert(tables.street_offices, rows)
    return edition


def _layer(work: Work, edition: int, layer: str, letter: str, shapes, rng, **told: list) -> list[str]:
    """Write a layer and who answers for its rows; the codes lie about as in real registers."""
    many, load_id = len(shapes), work.open_load(layer, "0" * 64, {})
    codes = [f"{letter}{i:07}" for i in rng.permutation(many).tolist()]
    columns = {"code": codes, "name": [f"名称{code}" for code in codes], **told}
    columns |= {"version": [1] * many, "load_id": [load_id] * many, "row": list(range(1, many + 1))}
    shapes = numpy.asarray(shapes)
    columns["wkb"] = shapely.to_wkb(shapes).tolist()
    columns |= zip(tables.BOX, shapely.bounds(shapes).T.tolist(), strict=True)
    work.insert_columns(tables.FEATURES[layer], columns)
    same = {"layer": layer, "edition_id": edition, "share": 1.0, "outside": 0.0, "claimed_twice": 0.0}
    same |= {"border": 0, "method": "containment", "at": work.at, "person": "operator"}
    duty = {"code": codes, "street_office_code": [OFFICES[i % len(OFFICES)] for i in range(many)]}
    work.insert_columns(
        tables.assignments, {**duty, **{name: [value] * many for name, value in same.items()}}
    )
    return codes


def _stages(work: Work, codes: list[str], rng: numpy.random.Generator) -> None:
    begun = numpy.repeat(rng.integers(0, 8, len(codes)), len(ORDER))
    place = numpy.tile(numpy.arange(len(ORDER)), len(codes))
    started, over = (place < begun).tolist(), (place < begun - 1).tolist()
    place = place.tolist()
    columns = {
        "code": [code for code in codes for _ in ORDER],
        "stage": list(ORDER) * len(codes),
        "position": [i + 1 for i in place],
        "planned_finish": [f"2022-{i + 1:02}-28" for i in place],
        "actual_start": [f"2021-{i + 1:02}-01" if s else None for i, s in zip(place, started, strict=True)],
        "actual_finish": [f"2021-{i + 1:02}-20" if o else None for i, o in zip(place, over, strict=True)],
        "reported": [0] * len(place),
    }
    work.insert_columns(tables.stage_history, columns)
    due = [{"plan_year": year, "due_on": f"{year}-12-31"} for year in range(2019, 2026)]
    work.insert(tables.year_plans, due)


def filled_file(folder: Path, given: Inputs | None, name: str) -> str:
    """Return the address of a filled store on a file."""
    address = f"sqlite:///{folder / name}.db"
    store = open_store(address)
    fill(store, given)
    store.close()
    return address


def loaded(given: Inputs) -> str:
    """Return the address of a store with the layers of the inputs as they are taken in from their file.

    It takes its time and is kept in build/bench, for who only reads it.
    """
    file = MADE / f"{given.size}.db"
    if not file.exists():
        making = file.with_suffix(".making")
        making.unlink(missing_ok=True)
        store = open_store(f"sqlite:///{making}")
        with TemporaryDirectory() as folder:
            for layer, name in LAYERS.items():
                take_in(store, Request(layer, given.file, layer_name=name), OPERATOR, Path(folder))
        store.close()
        making.rename(file)
    return f"sqlite:///{file}"


def nation_loaded(given: Inputs) -> str:
    """Return the address of a store with a nation's layers, written at once: to take them in takes hours.

    The rows of a layer lie in the order of their places, as in a register that is kept by division; each
    has the office that its number falls to. It is kept in build/bench, for who only reads it.
    """
    file = MADE / f"{given.size}.db"
    if not file.exists():
        making = file.with_suffix(".making")
        making.unlink(missing_ok=True)
        store = open_store(f"sqlite:///{making}")
        with store.writing(OPERATOR) as work:
            _offices(work, given)
            rng = numpy.random.default_rng(11)
            frame = _in_place(given.frame("compounds"))
            codes = _rows(work, "compounds", "C", frame, **_compounds(rng, len(frame)))
            _stages(work, codes, rng)
            frame = _in_place(given.frame("illegal_structures"))
            told = {name: frame[name].tolist() for name in ("state", "kind", "area_m2")}
            _rows(work, "illegal_structures", "S", frame, **told)
            work.bump(*LAYERS)
        store.close()
        making.rename(file)
    return f"sqlite:///{file}"


def _offices(work: Work, given: Inputs) -> None:
    frame, load_id = given.frame("street_offices"), work.open_load("street_offices", "0" * 64, {})
    values = {"load_id": load_id, "code_list": "local", "state": "active"}
    edition = work.connection.execute(insert(tables.editions), values).inserted_primary_key[0]
    _rows(work, "street_offices", "J", frame, load_id, edition_id=[edition] * len(frame))


def _in_place(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame.iloc[neighbours(frame.bounds.to_numpy())]


def _rows(work: Work, layer: str, letter: str, frame, load_id: int | None = None, **told: list) -> list[str]:
    """Write the rows of a frame with codes that go on by one; return the codes."""
    many, load_id = len(frame), load_id or work.open_load(layer, "0" * 64, {})
    codes = [f"{letter}{i:08}" for i in range(many)]
    columns = {"code": codes, "name": [f"名称{code}" for code in codes], **told}
    columns |= {"version": [1] * many, "load_id": [load_id] * many, "row": list(range(1, many + 1))}
    columns["wkb"] = shapely.to_wkb(frame.geometry.values).tolist()
    columns |= zip(tables.BOX, frame.bounds.to_numpy().T.tolist(), strict=True)
    work.insert_columns(tables.FEATURES[layer], columns)
    return codes


def copy_of(address: str, name: str) -> str:
    """Return the address of a copy of a store on a file, which nobody has open."""
    source = Path(address.removeprefix("sqlite:///"))
    target = source.with_name(f"{name}.db")
    shutil.copyfile(source, target)
    return f"sqlite:///{target}"


def filled_database(on: Server, given: Inputs | None) -> str:
    """Return the address of a filled store on a server."""
    address = on.create()
    store = open_store(address)
    fill(store, given)
    store.close()
    settle(on, address)
    return address
