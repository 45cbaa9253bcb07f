"""The sample district: an invented town with its register, made by rule from a seed.

Nothing in it is real and nobody is meant. It carries the figures of the brief, so that the
screens can be checked against them: in 2022 exactly 27 compounds with 1.07 million m² of floor
area, due on 30 November; the 2021 plan built and waiting for acceptance; 80 % of the pre-2000
compounds to be done by the end of 2023, when done and planned together reach 79.2 %.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import geopandas
import pandas
import shapely
from sqlalchemy import delete, select

from geo.errors import StoreError
from layers import duty, intake, tables
from layers.catalogue import COMPOUNDS, FACILITIES, ILLEGAL_STRUCTURES, STREET_OFFICES, Layer
from layers.people import Person, require
from layers.progress import Plan, Target, Timetable, describe, set_timetable
from layers.sample_ledger import facilities, structures
from layers.sample_register import CROSS_ROADS, REFERENCE_DATE, ROADS, register, street_office_rows
from layers.sample_sheet import Point, Ring, lonlat
from layers.sample_town import Town, draw_town
from layers.service import set_standards
from layers.stages import StageRow
from layers.standards import read_standards
from layers.store import Store

NAME_ZH = "示例区（虚构）"
NAME_EN = "Sample District (invented)"
CRS = "EPSG:4490"
#: What the sample's city asks of its facilities; the form of such a file besides.
STANDARDS = Path(__file__).parent.parent / "data" / "seed" / "standards" / "sample.toml"
#: In the order in which they are loaded: the street offices last, so that a store which holds
#: them holds the whole sample, and a load that was cut short can simply be run again.
LAYER_NAMES = ("compounds", "illegal_structures", "facilities", "street_offices")

#: How a value of a field's type is held, so that a missing one stays missing.
_HELD = {"integer": "Int64", "year": "Int64", "number": "float64", "flag": "boolean"}


class Sample(NamedTuple):
    """The whole sample: a frame for each layer (EPSG:4490), and what is beside the layers.

    ``stage_rows`` holds the stage rows of each compound in a plan by its code; ``backdrop``
    has ``kind`` (road-major, road-minor, river, water, green, block) and ``name``.
    """

    street_offices: geopandas.GeoDataFrame
    compounds: geopandas.GeoDataFrame
    illegal_structures: geopandas.GeoDataFrame
    facilities: geopandas.GeoDataFrame
    stage_rows: dict[str, tuple[StageRow, ...]]
    timetable: Timetable
    backdrop: geopandas.GeoDataFrame
    reference_date: date = REFERENCE_DATE
    name_zh: str = NAME_ZH
    name_en: str = NAME_EN


def make_sample(seed: int = 2022) -> Sample:
    """Return the sample district of a seed, the same to the last bit on every machine.

    >>> sample = make_sample()
    >>> plan = sample.compounds[sample.compounds["plan_year"] == 2022]
    >>> len(plan), float(plan["floor_area_m2"].sum())
    (27, 1070000.0)
    """
    town = draw_town(seed, ROADS, CROSS_ROADS)
    compounds = register(seed, town)
    offices = street_office_rows()
    cases = structures(seed, town, compounds)
    services = facilities(seed, town, compounds)
    parks = [thing.place for thing in services if isinstance(thing.place, list)]
    return Sample(
        _frame(STREET_OFFICES, offices.values(), (_polygon(town.offices[letter]) for letter in offices)),
        _frame(COMPOUNDS, (c.values for c in compounds), (_polygon(c.ring) for c in compounds)),
        _frame(ILLEGAL_STRUCTURES, (t.values for t in cases), (_point(t.place) for t in cases)),
        _frame(FACILITIES, (t.values for t in services), (_shape(t.place) for t in services)),
        {c.values["code"]: c.stages for c in compounds if c.stages},
        timetable(),
        _backdrop(town, parks),
    )


def timetable() -> Timetable:
    """Return the year plans of the sample, each due on 30 November, and its two targets."""
    plans = [Plan(year, date(year, 11, 30), (("survey", date(year, 3, 31)),)) for year in range(2019, 2025)]
    return Timetable(tuple(plans), (Target(date(2023, 12, 31), 0.8), Target(date(2025, 12, 31), 1.0)))


def write_files(sample: Sample, folder: Path) -> dict[str, Path]:
    """Write each layer of the sample into a folder as GeoJSON, and return the files by layer."""
    files = {}
    for name in LAYER_NAMES:
        files[name] = folder / f"{name}.geojson"
        files[name].write_text(geojson(getattr(sample, name)), encoding="utf-8", newline="\n")
    return files


def takes_sample(store: Store) -> bool:
    """Return whether the store is empty, or holds a sample whose loading was cut short.

    A store that anything was loaded into, or that was given a name, is somebody's own.
    """
    if store.district().invented:
        return not store.frame(select(tables.street_offices.c.code).limit(1))
    return not any(
        store.frame(select(t).limit(1)) for t in (tables.loads, tables.settings, tables.year_plans)
    )


def load_sample(
    store: Store, person: Person, folder: Path, say: Callable[[str], None] = duty.quiet, seed: int = 2022
) -> None:
    """Load the sample district of a seed into an empty store.

    ``folder`` is the data folder, in which originals are kept; ``say`` is told each step. The
    layers go through the ordinary intake. Raises StoreError for a store in use.
    """
    require(person, "load")
    if not takes_sample(store):
        raise StoreError("The store is in use already; the sample is for an empty store.")
    sample = make_sample(seed)
    with store.writing(person) as work:
        work.set("invented", "1")
    describe(
        store, person, name_zh=sample.name_zh, name_en=sample.name_en, reference_date=sample.reference_date
    )
    set_timetable(store, person, sample.timetable)
    set_standards(store, person, read_standards(STANDARDS))
    with store.writing(person) as work:
        work.put_stages(sample.stage_rows)
        work.connection.execute(delete(tables.backdrop))
        work.insert(tables.backdrop, _backdrop_rows(sample.backdrop))
        work.bump("backdrop")
    with tempfile.TemporaryDirectory() as place:
        for name, file in write_files(sample, Path(place)).items():
            intake.take_in(store, intake.Request(name, file), person, folder / "files", say)


def _backdrop_rows(backdrop: geopandas.GeoDataFrame) -> list[dict[str, object]]:
    drawn = zip(backdrop["kind"], backdrop["name"], backdrop.geometry, strict=True)
    return [{"kind": kind, "name": name, "wkb": shape.wkb} for kind, name, shape in drawn]


def geojson(frame: geopandas.GeoDataFrame) -> str:
    """Return a frame as RFC 7946 GeoJSON, one feature a line, every number in full.

    The frame's ``code`` is also the feature's id; what is missing is null.
    """
    names = [name for name in frame.columns if name != frame.geometry.name]
    columns = [[_plain(value) for value in frame[name]] for name in names]
    rows = zip(*columns, strict=True)
    features = []
    for row, geometry in zip(rows, frame.geometry, strict=True):
        properties = dict(zip(names, row, strict=True))
        feature = {"type": "Feature", "properties": properties, "geometry": geometry.__geo_interface__}
        features.append(feature | ({"id": properties["code"]} if "code" in properties else {}))
    lines = ",\n".join(json.dumps(f, ensure_ascii=False, sort_keys=True, allow_nan=False) for f in features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, date):
        return value.isoformat()
    if pandas.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _frame(
    layer: Layer, rows: Iterable[dict[str, object]], shapes: Iterable[shapely.Geometry]
) -> geopandas.GeoDataFrame:
    """A layer's frame: the catalogue's fields in order, without the stage, which comes as rows."""
    rows = list(rows)
    columns = {
        field.name: pandas.Series([row[field.name] for row in rows], dtype=_HELD.get(field.type, object))
        for field in layer.stored
        if field.name != "stage"
    }
    return geopandas.GeoDataFrame(columns, geometry=list(shapes), crs=CRS)


def _polygon(ring: Ring) -> shapely.Polygon:
    return shapely.Polygon([lonlat(point) for point in ring])


def _point(place: Point) -> shapely.Point:
    return shapely.Point(lonlat(place))


def _shape(place: Point | Ring) -> shapely.Geometry:
    return _polygon(place) if isinstance(place, list) else _point(place)


def _drawn(town: Town, parks: list[Ring]) -> Iterator[tuple[str, str | None, shapely.Geometry]]:
    """What is drawn below the layers, from the ground up."""
    for lot in town.lots:
        yield "block", None, _polygon(lot.outline)
    for park in parks:
        yield "green", None, _polygon(park)
    yield "river", "晴川河", _polygon(town.river)
    yield "water", "月湖", _polygon(town.lake)
    for street in sorted(town.streets, key=lambda street: street.major):
        line = shapely.LineString([lonlat(point) for point in street.line])
        yield f"road-{'major' if street.major else 'minor'}", street.name or None, line


def _backdrop(town: Town, parks: list[Ring]) -> geopandas.GeoDataFrame:
    kinds, names, shapes = zip(*_drawn(town, parks), strict=True)
    columns = {"kind": pandas.Series(kinds, dtype=object), "name": pandas.Series(names, dtype=object)}
    return geopandas.GeoDataFrame(columns, geometry=list(shapes), crs=CRS)
