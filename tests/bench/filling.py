"""Stores filled for the benchmarks, on a file and on a PostGIS server of their own, with the same rows."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
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
        edition = _edition(work, OFFICES, [shapely.box(0, 0, 1, 1)] * len(OFFICES))
        frame = nation(rng) if given is None else given.frame("compounds")
        codes = _layer(
            work, edition, "compounds", "C", frame.geometry.values, rng, **_compounds(rng, len(frame))
        )
        _stages(work, codes, rng)
        if given is None:
            return
        frame = given.frame("illegal_structures")
        _layer(work, edition, "illegal_structures", "S", frame.geometry.values, rng, **_structures(frame))
        tenth = frame.geometry.values[::10]
        kinds = [KINDS[i] for i in rng.integers(0, len(KINDS), len(tenth))]
        _layer(work, edition, "facilities", "F", tenth, rng, kind=kinds)


def _compounds(rng: numpy.random.Generator, many: int) -> dict[str, list]:
    years = {"plan_year": (2019, 2026), "built_year": (1955, 2000), "households": (40, 2500)}
    return {name: rng.integers(*between, many).tolist() for name, between in years.items()}


def _structures(frame: geopandas.GeoDataFrame) -> dict[str, list]:
    return {name: frame[name].tolist() for name in ("state", "kind", "area_m2")}


def _edition(work: Work, codes: list[str], shapes) -> int:
    """Write an active edition of street offices and return its number."""
    load_id = work.open_load("street_offices", "0" * 64, {})
    values = {"load_id": load_id, "code_list": "local", "state": "active"}
    edition = work.connection.execute(insert(tables.editions), values).inserted_primary_key[0]
    _rows(work, "street_offices", load_id, codes, shapes, edition_id=[edition] * len(codes))
    return edition


def _rows(work: Work, layer: str, load_id: int, codes: list[str], shapes, **told: list) -> None:
    """Write the rows of a layer, of which everybody needs to know a code, a name and a shape."""
    many, shapes = len(codes), numpy.asarray(shapes)
    columns = {"code": codes, "name": [f"名称{code}" for code in codes], **told}
    columns |= {"version": [1] * many, "load_id": [load_id] * many, "row": list(range(1, many + 1))}
    columns["wkb"] = shapely.to_wkb(shapes).tolist()
    columns |= zip(tables.BOX, shapely.bounds(shapes).T.tolist(), strict=True)
    work.insert_columns(tables.FEATURES[layer], columns)


def _layer(work: Work, edition: int, layer: str, letter: str, shapes, rng, **told: list) -> list[str]:
    """Write a layer and who answers for its rows; the codes lie about as in real registers."""
    many = len(shapes)
    codes = [f"{letter}{i:07}" for i in rng.permutation(many).tolist()]
    _rows(work, layer, work.open_load(layer, "0" * 64, {}), codes, shapes, **told)
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

    def take(store: Store) -> None:
        with TemporaryDirectory() as folder:
            for layer, name in LAYERS.items():
                take_in(store, Request(layer, given.file, layer_name=name), OPERATOR, Path(folder))

    return _made_once(given, take)


def nation_loaded(given: Inputs) -> str:
    """Return the address of a store with a nation's layers, written at once: to take them in takes hours.

    The rows of a layer lie in the order of their places, as in a register that is kept by division;
    nobody answers for them. It is kept in build/bench, for who only reads it.
    """

    def write(store: Store) -> None:
        with store.writing(OPERATOR) as work:
            frame, rng = given.frame("street_offices"), numpy.random.default_rng(11)
            _edition(work, _numbered("J", len(frame)), frame.geometry.values)
            frame = _in_place(given.frame("compounds"))
            codes = _numbered("C", len(frame))
            of_load = work.open_load("compounds", "0" * 64, {}), codes, frame.geometry.values
            _rows(work, "compounds", *of_load, **_compounds(rng, len(frame)))
            _stages(work, codes, rng)
            frame = _in_place(given.frame("illegal_structures"))
            of_load = work.open_load("illegal_structures", "0" * 64, {}), _numbered("S", len(frame))
            _rows(work, "illegal_structures", *of_load, frame.geometry.values, **_structures(frame))
            work.bump(*LAYERS)

    return _made_once(given, write)


def _made_once(given: Inputs, fill_it: Callable[[Store], None]) -> str:
    """Return the address of a store that is filled where it is not there yet."""
    file = MADE / f"{given.size}.db"
    if not file.exists():
        making = file.with_suffix(".making")
        making.unlink(missing_ok=True)
        with closing(open_store(f"sqlite:///{making}")) as store:
            fill_it(store)
        making.rename(file)
    return f"sqlite:///{file}"


def _in_place(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame.iloc[neighbours(frame.bounds.to_numpy())]


def _numbered(letter: str, many: int) -> list[str]:
    return [f"{letter}{i:08}" for i in range(many)]


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
