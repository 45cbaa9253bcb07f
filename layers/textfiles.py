"""CSV and GeoJSON → raw rows, read here and not by GDAL: exactly, and without following anything."""

import csv
import gzip
import io
import json
import re
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError as UnknownCrsError

from geo.errors import Finding, FormatError, HeadingError
from layers.formats import (
    CSV,
    GEOJSON,
    MAX_UNPACKED,
    Reading,
    decoded,
    frame,
    in_degrees,
    simple,
    unreadable,
)
from layers.values import shown

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_LON = {"lon", "lng", "long", "longitude", "经度"}
_LAT = {"lat", "latitude", "纬度"}
_NAMED_CRS = re.compile(r"(?:urn:ogc:def:crs:)?(EPSG|OGC)(?::[\d.]*)?:(CRS84|\d+)", re.IGNORECASE)


def read_csv(path: Path, layer_name: str | None, encoding: str | None) -> Reading:
    """Return the rows of a table of comma, semicolon or tab separated values with lon and lat.

    Such a file names no coordinate system: its headings say degrees, taken as CGCS2000 while
    all of them can be.
    """
    text, encoding = decoded(path, _content(path), encoding)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        # A line in which nothing stands is no row: spreadsheets leave many at the end.
        table = [cells for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise FormatError(
            "%(file)s: line %(line)s is not valid CSV: %(reason)s.",
            file=shown(path.name),
            line=reader.line_num,
            reason=shown(error),
        ) from error
    if not table:
        raise FormatError("%(file)s: it holds no rows.", file=shown(path.name))
    headings = [cell.strip() or f"column_{n}" for n, cell in enumerate(table[0], 1)]
    while len(headings) > 1 and not table[0][len(headings) - 1].strip() and _unused(table, len(headings)):
        headings.pop()
    width, records = len(headings), table[1:]
    findings = [
        Finding(n, "", "too_many_cells", "set_aside", shown(", ".join(cells[width:])))
        for n, cells in enumerate(records, 1)
        if any(cell.strip() for cell in cells[width:])
    ]
    columns = [[cells[n] if n < len(cells) else None for cells in records] for n in range(width)]
    rows = frame(path, headings, columns, len(records))
    geometries, broken = _points(_coordinates(path, rows, _LON), _coordinates(path, rows, _LAT))
    crs = ("EPSG:4490", "headings") if in_degrees(geometries) else (None, None)
    return Reading(rows, geometries, *crs, CSV, encoding, "", sorted(findings + broken))


def _content(path: Path) -> bytes:
    """Return a file's bytes, unpacked when they are gzipped, up to the limit."""
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as file:
            content = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError("%(file)s: it is damaged or cut short.", file=shown(path.name)) from error
    if len(content) > MAX_UNPACKED:
        raise FormatError(
            "%(file)s: it unpacks to more than %(limit)s bytes.", file=shown(path.name), limit=MAX_UNPACKED
        )
    return content


def _delimiter(text: str) -> str:
    first = re.sub(r'"[^"]*"', "", text.lstrip().split("\n", 1)[0])
    return max(",;\t", key=first.count)


def _unused(table: list[list[str]], width: int) -> bool:
    """Say whether no row has anything in the last column of this width."""
    return not any(len(cells) >= width and cells[width - 1].strip() for cells in table)


def _coordinates(path: Path, rows: pd.DataFrame, names: set[str]) -> list:
    found = [heading for heading in rows.columns if heading.strip().lower() in names]
    if len(found) != 1:
        raise HeadingError(
            "%(file)s: exactly one heading of %(names)s must be there; there are %(count)s.",
            file=shown(path.name),
            names=" / ".join(sorted(names)),
            count=len(found),
        )
    return rows[found[0]].tolist()


def _points(lon: list, lat: list) -> tuple[np.ndarray, list[Finding]]:
    """Return a point for each pair of texts; None with a finding where it is no number."""
    geometries = np.full(len(lon), None, dtype=object)
    findings, good, xy = [], [], []
    for at, pair in enumerate(zip(lon, lat, strict=True)):
        texts = [(text or "").strip() for text in pair]
        if all(_NUMBER.fullmatch(text) for text in texts):
            good.append(at)
            xy.append([float(text) for text in texts])
        elif any(texts):
            findings.append(unreadable(at + 1, ", ".join(texts)))
    if good:
        geometries[good] = shapely.points(np.array(xy))
    return geometries, findings


def read_geojson(path: Path, layer_name: str | None, encoding: str | None) -> Reading:
    """Return the rows of a GeoJSON feature collection, single feature or bare geometry."""
    text, encoding = decoded(path, path.read_bytes(), encoding)
    try:
        # NaN and Infinity are no JSON: they stay text, and no field takes them for a number.
        document = json.loads(text, object_pairs_hook=_member, parse_constant=str)
        features = _features(path, document)
    except ValueError as error:  # also a number of thousands of digits, which has no line
        line = getattr(error, "lineno", "?")
        raise FormatError(
            "%(file)s: line %(line)s is not valid JSON.", file=shown(path.name), line=line
        ) from error
    except RecursionError as error:
        raise FormatError("%(file)s: it is nested too deeply.", file=shown(path.name)) from error
    except _TwiceError as error:
        raise FormatError(
            "%(file)s: the name %(name)s is given twice.", file=shown(path.name), name=shown(error)
        ) from error
    shapes = [feature.get("geometry") for feature in features]
    geometries = np.full(len(shapes), None, dtype=object)
    with np.errstate(all="ignore"):  # 1e999 is found as an unreadable geometry
        geometries[:] = shapely.from_geojson(np.array(shapes, dtype=object), on_invalid="ignore")
    findings = [
        unreadable(row, shape)
        for row, (shape, geometry) in enumerate(zip(shapes, geometries, strict=True), 1)
        if shape is not None and geometry is None
    ]
    geometries = shapely.force_2d(geometries)
    crs = _geojson_crs(path, document, geometries)
    rows = frame(path, *_properties(features), len(features))
    return Reading(rows, geometries, crs, crs and "file", GEOJSON, encoding, "", findings)


class _TwiceError(Exception):
    """A JSON object gives one name twice, so that one value would be lost."""


def _member(pairs: list[tuple[str, object]]) -> dict:
    """Return a JSON object; of a feature the geometry becomes text at once, which saves memory."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    if found.get("type") == "Feature" and found.get("geometry") is not None:
        found["geometry"] = json.dumps(found["geometry"])
    return found


def _features(path: Path, document: dict) -> list[dict]:
    """Return the features of a collection, of a single feature or of a bare geometry."""
    kind = document.get("type")
    if kind == "FeatureCollection" and isinstance(document.get("features"), list):
        features = document["features"]
    elif kind == "Feature":
        features = [document]
    elif "coordinates" in document or "geometries" in document:
        features = [{"type": "Feature", "geometry": json.dumps(document)}]
    else:
        raise FormatError("%(file)s: it is JSON but no GeoJSON.", file=shown(path.name))
    for row, feature in enumerate(features, 1):
        sound = isinstance(feature, dict) and feature.get("type") == "Feature"
        if not sound or not isinstance(feature.get("properties") or {}, dict):
            raise FormatError("%(file)s: row %(row)s is no GeoJSON feature.", file=shown(path.name), row=row)
    return features


def _properties(features: list[dict]) -> tuple[list[str], list[list]]:
    """Return headings and columns; a feature's own id is one more heading where it is free."""
    properties = [feature.get("properties") or {} for feature in features]
    headings = list(dict.fromkeys(name for row in properties for name in row))
    columns = [[simple(row.get(name)) for row in properties] for name in headings]
    if "id" not in headings and any("id" in feature for feature in features):
        headings.append("id")
        columns.append([simple(feature.get("id")) for feature in features])
    return headings, columns


def _geojson_crs(path: Path, document: dict, geometries: np.ndarray) -> str | None:
    """Return the coordinate system: the named one, else degrees as RFC 7946 has it."""
    if "crs" not in document:
        return "EPSG:4326" if in_degrees(geometries) else None
    crs = document["crs"]
    if crs is None:
        return None
    # A "link" is an address to fetch: never followed. An unknown name is not taken as WGS 84.
    properties = crs.get("properties") if isinstance(crs, dict) and crs.get("type") == "name" else None
    name = properties.get("name") if isinstance(properties, dict) else None
    found = _NAMED_CRS.fullmatch(name.strip()) if isinstance(name, str) else None
    if found:
        authority, code = found.group(1).upper(), found.group(2).upper()
        if (authority, code) == ("OGC", "CRS84"):
            return "EPSG:4326"
        with suppress(UnknownCrsError):
            CRS.from_authority(authority, code)
            return f"{authority}:{code}"
    raise FormatError(
        "%(file)s: its coordinate system is not known: %(crs)s.", file=shown(path.name), crs=shown(crs)
    )
