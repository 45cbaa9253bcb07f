"""Rows → GeoJSON as RFC 7946 has it, in pieces; and a file replaced as a whole or not at all."""

import csv
import io
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from itertools import islice
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.errors import FileError, GeometryError
from layers import disk

#: A row to write: its code, its properties, and its geometry (or that as WKB) in degrees.
Row = tuple[str, Mapping[str, object], BaseGeometry | bytes | None]

#: What a text in a cell may not begin with: a sheet program would take it for a formula.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")

_BATCH = 256
_PIECE = 64 * 1024
# In a page, "<" could end the script it stands in, and these two would end a line of it.
_ESCAPES = str.maketrans({"<": r"\u003c", "\u2028": r"\u2028", "\u2029": r"\u2029"})


def feature(
    code: str,
    properties: Mapping[str, object],
    geometry: BaseGeometry | bytes | None,
    decimals: int | None = None,
) -> str:
    """Return one GeoJSON feature with the code as its ``id``.

    Args:
        code: the row's key.
        properties: str, bool, int, finite float, date, list, dict or None.
        geometry: a geometry or its WKB, longitude before latitude, in degrees.
        decimals: to round coordinates to, at least 6; None keeps every digit.

    Raises:
        GeometryError: a coordinate is no finite number.
        ValueError: a property is no finite number or no valid text.

    >>> feature("110101001", {"name": "东华门街道"}, shapely.Point(116.4, 39.9))
    '{"type":"Feature","id":"110101001","properties":{"name":"东华门街道"},\
"geometry":{"type":"Point","coordinates":[116.4,39.9]}}'
    """
    return _features([(code, properties, geometry)], decimals)[0]


def feature_collection(
    rows: Iterable[Row],
    *,
    matched: int,
    extra: Mapping[str, object] | None = None,
    decimals: int | None = None,
) -> Iterator[bytes]:
    """Yield a GeoJSON feature collection in pieces of about 64 KiB; memory does not grow with it.

    Args:
        rows: (code, properties, geometry) in the order to write.
        matched: how many rows the request found, written first as ``numberMatched``.
        extra: more members of the collection, written before the features.
        decimals: as in ``feature``.
    """
    members = {"type": "FeatureCollection", "numberMatched": matched, **(extra or {})}
    pending = [_json(members)[:-1], ',"features":[']
    size, comma = 0, "\n"
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        for text in _features(batch, decimals):
            pending += comma, text
            comma = ",\n"
            size += len(text)
            if size >= _PIECE:
                yield "".join(pending).encode()
                pending, size = [], 0
    pending.append("\n]}\n")
    yield "".join(pending).encode()


def publish(path: Path, pieces: Iterable[bytes]) -> int:
    """Write a file as a whole or not at all, and return its number of bytes.

    The pieces go to a file beside it, which takes its place only when all of it is on the disk;
    whatever happens before, the former file stays as it was.

    Raises:
        FileError: the folder is missing, or the file cannot be written.
    """
    target = Path(path).resolve()
    beside = target.with_name(f".guatu-{secrets.token_hex(6)}.part")
    try:
        _check_replaceable(target)
        written = _write(beside, pieces)
        beside.replace(target)
    except OSError as error:
        raise FileError(
            "%(file)s cannot be written: %(reason)s.", file=target, reason=error.strerror
        ) from error
    finally:
        with suppress(OSError):  # where it could not even be made; gone when it took its place
            beside.unlink()
    disk.sync(target.parent)
    return written


def _json(value: object) -> str:
    return _ENCODER.encode(value).translate(_ESCAPES)


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"no JSON for {type(value).__name__}")


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _features(rows: list[Row], decimals: int | None) -> list[str]:
    """Return the rows as GeoJSON features, their geometries written together."""
    shapes = _shapes([row[2] for row in rows], decimals)
    return [
        f'{{"type":"Feature","id":{_json(code)},"properties":{_json(dict(properties))},'
        f'"geometry":{shape or "null"}}}'
        for (code, properties, _), shape in zip(rows, shapes, strict=True)
    ]


def _shapes(geometries: list, decimals: int | None) -> np.ndarray:
    """Return geometries as GeoJSON texts: flat, exterior rings counter-clockwise, finite."""
    array = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    packed = np.array([isinstance(geometry, bytes) for geometry in geometries], dtype=bool)
    array[packed] = shapely.from_wkb(array[packed])
    array[shapely.is_empty(array)] = None  # GeoJSON has no other word for it
    array = shapely.orient_polygons(shapely.force_2d(array))
    coordinates = shapely.get_coordinates(array)
    if not np.isfinite(coordinates).all():
        raise GeometryError("A geometry to be written has a coordinate that is no finite number.")
    if decimals is not None:
        if decimals < 6:
            raise ValueError("fewer than 6 decimals of a degree would move things visibly")
        array = shapely.set_coordinates(array, np.round(coordinates, decimals))
    return shapely.to_geojson(array)


def _check_replaceable(target: Path) -> None:
    if not target.parent.is_dir():
        raise FileError("%(file)s: there is no folder %(folder)s.", file=target.name, folder=target.parent)
    if target.exists() and not target.is_file():
        raise FileError("%(file)s is no file that can be replaced.", file=target)
    if target.exists() and not os.access(target, os.W_OK):
        raise FileError("%(file)s may not be written.", file=target)


def _write(path: Path, pieces: Iterable[bytes]) -> int:
    written = 0
    with path.open("xb") as file:
        for piece in pieces:
            written += file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return written


def plain_text(text: str) -> str:
    """Return a text that no sheet program takes for a formula: one that could be is marked as text.

    >>> plain_text("=1+1"), plain_text("一号院")
    ("'=1+1", '一号院')
    """
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """Yield rows as CSV in UTF-8 with the mark by which sheet programs know it; texts are plain ones.

    >>> b"".join(csv_lines([["编号", "late"], ["=K1", True]])).decode("utf-8-sig").splitlines()
    ['编号,late', "'=K1,1"]
    """
    yield "\ufeff".encode()
    for row in rows:
        written = io.StringIO(newline="")
        csv.writer(written).writerow([_csv_cell(value) for value in row])
        yield written.getvalue().encode()


def _csv_cell(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return plain_text(value) if isinstance(value, str) else value
