"""A file of any accepted format → its raw rows, exactly as many as it holds.

For GeoPackages and shapefiles Fiona looks (schema, coordinate system, count) and pyogrio takes
the rows in bulk; GDAL is used here and nowhere else, on files already known to be what they
say (``layers.formats``). Zip archives are unpacked first, CSV and GeoJSON read without GDAL.
"""

import codecs
import math
import sqlite3
import struct
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import fiona
import numpy as np
import shapely
from pyogrio.raw import read as read_bulk

from geo.errors import FileError, FormatError
from layers.formats import (
    CSV,
    FINDINGS,
    GEOJSON,
    GPKG,
    PARTS,
    SHAPEFILE,
    ZIP,
    Reading,
    codec,
    fingerprint,
    fits,
    frame,
    kind_of,
    parts,
    simple,
    unreadable,
)
from layers.textfiles import read_csv, read_geojson
from layers.unpacking import unpacked
from layers.values import shown

__all__ = ["FINDINGS", "Reading", "fingerprint", "parts", "read"]


def read(path: Path, *, layer_name: str | None = None, encoding: str | None = None) -> Reading:
    """Return the raw rows of a GeoJSON, GeoPackage, shapefile (plain or zipped) or CSV file.

    Args:
        path: the file; of a shapefile the .shp, with its siblings beside it.
        layer_name: which layer of a GeoPackage that holds several.
        encoding: of its text, where the file does not say or says it wrongly.

    Raises:
        FileError: there is no such file.
        FormatError: it is not what its name says, is cut short, holds no rows, or is unsafe.
        HeadingError: a heading is missing or is given twice.
    """
    path = Path(path)
    kind = kind_of(path)
    if encoding is not None and not codec(encoding):
        raise FormatError("No encoding is called %(encoding)s.", encoding=shown(encoding))
    with tempfile.TemporaryDirectory(prefix="guatu-") as folder:
        source = unpacked(path, Path(folder)) if kind == ZIP else path
        kind = kind_of(source)
        if layer_name is not None and kind != GPKG:
            raise FormatError(
                "%(file)s: a %(format)s has no named layers.", file=shown(source.name), format=kind
            )
        reading = _READERS[kind](source, layer_name, encoding)
    if not len(reading.rows):
        raise FormatError("%(file)s: it holds no rows.", file=shown(path.name))
    return reading._replace(sha256=fingerprint(path))


def _read_gpkg(path: Path, layer_name: str | None, encoding: str | None) -> Reading:
    if path.with_name(path.name + "-wal").exists():
        raise FormatError(
            "%(file)s: another program has it open; close it there first.", file=shown(path.name)
        )
    with _gdal(path) as plain, closing(_sqlite(plain)) as database:
        layers = dict(database.execute(_GPKG_LAYERS).fetchall())
        if layer_name is None and len(layers) != 1 or layer_name not in (None, *layers):
            raise FormatError(
                "%(file)s: it holds %(count)s layers with geometry (%(layers)s); "
                "say which one to read (--layer-name).",
                file=shown(path.name),
                count=len(layers),
                layers=shown(", ".join(layers) or "-"),
            )
        name = layer_name or next(iter(layers))
        taken = _take(path, plain, "GPKG", layer=name)
        sql = "SELECT rowid FROM {} WHERE {} IS NOT NULL".format(*map(_quoted, (name, layers[name])))
        present = np.isin(taken.fids, [fid for (fid,) in database.execute(sql)])
    return _reading(path, GPKG, taken, present, "utf-8")


#: Tables only: a view can run for ever, and the rows of one are another layer's.
_GPKG_LAYERS = """
    SELECT c.table_name, g.column_name FROM gpkg_contents c
    JOIN gpkg_geometry_columns g ON lower(g.table_name) = lower(c.table_name)
    JOIN sqlite_master m ON lower(m.name) = lower(c.table_name) AND m.type = 'table'
    WHERE c.data_type = 'features' AND m.sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY c.table_name
"""


def _sqlite(path: Path) -> sqlite3.Connection:
    """Open a foreign file to look at it only, trusting nothing its schema would run."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _read_shapefile(path: Path, layer_name: str | None, encoding: str | None) -> Reading:
    dbf, present = _checked(path)
    encoding = codec(encoding) if encoding else _dbf_encoding(path, dbf)
    with _gdal(path) as plain:
        # As Latin-1 every byte comes through, even of a name or text cut inside a character.
        taken = _take(path, plain, "ESRI Shapefile", _deleted(dbf), encoding="ISO-8859-1")
    headings = [_redecoded(path, heading, encoding) for heading in taken.headings]
    columns = [
        [_redecoded(path, value, encoding) if isinstance(value, str) else value for value in column]
        for column in taken.columns
    ]
    taken = taken._replace(headings=headings, columns=columns)
    return _reading(path, SHAPEFILE, taken, present[taken.fids], encoding)


def _checked(path: Path) -> tuple[bytes, np.ndarray]:
    """Return the .dbf's bytes, and for each record whether it has a shape; all parts must be whole."""
    beside = {part.suffix.lower(): part for part in parts(path)}
    missing = [suffix for suffix in PARTS[:3] if suffix not in beside]
    if missing:
        raise FormatError(
            "%(file)s: %(missing)s is missing beside it.", file=shown(path.name), missing=", ".join(missing)
        )
    shp, shx, dbf = (beside[suffix].read_bytes() for suffix in PARTS[:3])
    for suffix, content in ((".shp", shp), (".shx", shx)):
        if len(content) < 100 or len(content) < 2 * struct.unpack_from(">i", content, 24)[0]:
            raise FormatError("%(file)s: its %(part)s is cut short.", file=shown(path.name), part=suffix)
    records, header, width = struct.unpack_from("<IHH", dbf.ljust(12, b"\0"), 4)
    if header < 33 or width < 1 or len(dbf) < header + records * width:
        raise FormatError("%(file)s: its %(part)s is cut short.", file=shown(path.name), part=".dbf")
    index = np.frombuffer(shx[100 : 100 + (len(shx) - 100) // 8 * 8], ">i4").reshape(-1, 2)
    offsets = index[:, 0].astype(np.int64) * 2
    if len(offsets) != records or (offsets < 100).any() or (offsets + 12 > len(shp)).any():
        raise FormatError("%(file)s: its parts do not belong together.", file=shown(path.name))
    return dbf, np.array([shp[at + 8 : at + 12] != b"\0\0\0\0" for at in offsets], dtype=bool)


def _dbf_encoding(path: Path, dbf: bytes) -> str:
    """Return the encoding of a table: what the .cpg says, its language byte, or what its bytes are."""
    cpg = next((part for part in parts(path) if part.suffix.lower() == ".cpg"), None)
    said = cpg.read_text("latin-1").strip() if cpg else ""
    if said and said.lower() not in ("system", "oem"):  # which say nothing away from their machine
        known = codec(said)
        if not known:
            raise FormatError(
                "%(file)s: its .cpg names an encoding that is not known: %(encoding)s.",
                file=shown(path.name),
                encoding=shown(said),
            )
        return known
    if dbf[29] == 0x4D:
        return "gb18030"
    return "utf-8" if all(fits(cell, "utf-8") for cell in _dbf_texts(dbf)) else "gb18030"


def _deleted(dbf: bytes) -> int:
    """Return how many records of a table are marked as deleted; they are no rows."""
    records, header, width = struct.unpack_from("<IHH", dbf, 4)
    return dbf[header : header + records * width : width].count(b"*")


def _dbf_texts(dbf: bytes) -> Iterator[bytes]:
    """Yield the field names of a table, then the cells of its text fields."""
    records, header, width = struct.unpack_from("<IHH", dbf, 4)
    spans, at = [], 1
    for field in range(32, header - 31, 32):
        if dbf[field] == 0x0D:
            break
        yield dbf[field : field + 11].split(b"\0")[0]
        if dbf[field + 11 : field + 12] == b"C":
            spans.append((at, at + dbf[field + 16]))
        at += dbf[field + 16]
    for start in range(header, header + records * width, width):
        for first, last in spans:
            yield dbf[start + first : start + last]


def _redecoded(path: Path, text: str, encoding: str) -> str:
    """Return text that came as Latin-1 in its real encoding, without a last character cut in half."""
    if text.isascii():
        return text
    try:
        return codecs.getincrementaldecoder(encoding)().decode(text.encode("latin-1"))
    except UnicodeDecodeError as error:
        raise FormatError(
            "%(file)s: its text is not valid %(encoding)s; say which encoding it is in.",
            file=shown(path.name),
            encoding=encoding,
        ) from error


@contextmanager
def _gdal(path: Path) -> Iterator[Path]:
    """Give a file to GDAL under a plain name; what it raises becomes one clear line.

    In a file's name GDAL's wrappers read more than a name (an ``!`` is an archive to them), and
    GDAL may leave files of its own beside what it opens.
    """
    with tempfile.TemporaryDirectory(prefix="guatu-") as folder:
        for part in parts(path):
            Path(folder, "rows" + part.suffix.lower()).symlink_to(part.resolve())
        try:
            with warnings.catch_warnings():
                # They are about what is checked here: counts, geometries and encodings.
                warnings.simplefilter("ignore")
                yield Path(folder, "rows" + path.suffix.lower())
        except FileError:
            raise
        except Exception as error:  # the wrappers' families have no other parent in common
            raise FormatError(
                "%(file)s: it is damaged or cut short (%(reason)s).",
                file=shown(path.name),
                reason=shown(str(error).replace(folder, "")),
            ) from error


class _Layer(NamedTuple):
    """The rows of one layer as GDAL gives them, and the numbers it knows them by."""

    headings: list[str]
    columns: list[list]
    geometries: np.ndarray
    fids: np.ndarray
    crs: str | None


def _take(path: Path, plain: Path, driver: str, deleted: int = 0, **options: str) -> _Layer:
    """Return the rows of one layer: Fiona looks, pyogrio takes them all but the deleted ones."""
    with fiona.open(plain, enabled_drivers=[driver], ignore_geometry=True, **options) as source:
        count, crs = len(source) - deleted, _crs_text(source.crs)
    about, fids, wkb, columns = read_bulk(
        plain, force_2d=True, datetime_as_string=True, return_fids=True, **options
    )
    if len(wkb) != count:
        raise FormatError(
            "%(file)s: it holds %(held)s rows but only %(read)s can be read.",
            file=shown(path.name),
            held=count,
            read=len(wkb),
        )
    headings = [str(name) for name in about["fields"]]
    lists = [_objects(column) for column in columns]
    for at, (column, declared) in enumerate(zip(columns, about["dtypes"], strict=True)):
        if column.dtype.kind == "f" and np.dtype(declared).kind in "iub":
            # Whole numbers with gaps come as floats, which lose digits: take these one by one.
            with fiona.open(plain, enabled_drivers=[driver], ignore_geometry=True, **options) as source:
                lists[at] = [row.properties[headings[at]] for row in source]
    with np.errstate(all="ignore"):
        geometries = shapely.from_wkb(wkb, on_invalid="ignore")
    return _Layer(headings, lists, shapely.force_2d(geometries), fids, crs)


def _objects(column: np.ndarray) -> list:
    """Return a bulk column as Python objects, None where it has no value."""
    if column.dtype.kind == "f":
        return [None if math.isnan(value) else simple(value) for value in column.tolist()]
    return [value.hex() if isinstance(value, bytes) else value for value in column.tolist()]


def _crs_text(crs: fiona.crs.CRS) -> str | None:
    """Return a coordinate system as EPSG code where it has one, else as WKT; None if undefined."""
    wkt = crs.to_wkt() if crs else ""
    if not wkt or "undefined" in wkt.lower() or wkt.startswith(("LOCAL_CS", "ENGCRS")):
        return None
    authority = crs.to_authority(confidence_threshold=90)
    return f"EPSG:{authority[1]}" if authority and authority[0] == "EPSG" else wkt


def _reading(path: Path, kind: str, taken: _Layer, present: np.ndarray, encoding: str) -> Reading:
    """Return a layer GDAL gave as a reading; ``present`` says which rows have a geometry in the file."""
    rows = frame(path, taken.headings, taken.columns, len(taken.fids))
    lost = present & shapely.is_missing(taken.geometries)
    findings = [unreadable(int(at) + 1) for at in np.flatnonzero(lost)]
    return Reading(rows, taken.geometries, taken.crs, taken.crs and "file", kind, encoding, "", findings)


_READERS: Mapping[str, Callable[[Path, str | None, str | None], Reading]] = MappingProxyType(
    {GEOJSON: read_geojson, GPKG: _read_gpkg, SHAPEFILE: _read_shapefile, CSV: read_csv}
)
