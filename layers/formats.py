"""What a file is, and the shape its raw rows come in: shared by the readers of every format.

What a file is, is decided by its name and its first bytes together, before GDAL sees it: GDAL
goes by content alone, and would follow a disguised file to other files or addresses.
"""

import codecs
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from geo.errors import FileError, Finding, FormatError, HeadingError
from layers.values import shown

#: The codes of findings about rows that cannot be read, and the sentence for each.
FINDINGS: Mapping[str, str] = MappingProxyType(
    {
        "unreadable_geometry": "The geometry is there but cannot be read: %(detail)s",
        "too_many_cells": "The row has more cells than there are headings: %(detail)s",
    }
)

GEOJSON, GPKG, SHAPEFILE, CSV, ZIP = "GeoJSON", "GeoPackage", "shapefile", "CSV", "zip"
SUFFIXES = {".geojson": GEOJSON, ".json": GEOJSON, ".gpkg": GPKG, ".shp": SHAPEFILE, ".zip": ZIP}
SUFFIXES |= {".csv": CSV, ".tsv": CSV, ".csv.gz": CSV, ".tsv.gz": CSV}
#: The files that together make a shapefile; the first three must be there.
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")

MAX_UNPACKED = 512 * 2**20
PIECE = 2**20


class Reading(NamedTuple):
    """The raw rows of one file.

    ``rows`` has the file's own headings and Python objects (None where nothing stands), indexed
    by row number from 1; ``geometries`` the shapely geometries in the same order, without Z and
    M, None where missing or unreadable; ``crs`` what they are said to be in ("EPSG:n" or WKT,
    x before y) and ``crs_from`` who says so (``file``, ``headings`` or None); ``sha256`` tells
    the file again.
    """

    rows: pd.DataFrame
    geometries: np.ndarray
    crs: str | None
    crs_from: str | None
    format: str
    encoding: str | None
    sha256: str
    findings: list[Finding]


def kind_of(path: Path) -> str:
    """Return a file's format, when its name and its first bytes agree."""
    if not path.is_file():
        if Path(path).is_dir():
            raise FileError("%(file)s is a folder, not a file.", file=shown(path))
        raise FileError("%(file)s: there is no such file.", file=shown(path))
    suffixes = [suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)]
    if not suffixes:
        accepted = ", ".join(SUFFIXES)
        raise FormatError(
            "%(file)s: not an accepted kind of file (%(accepted)s).", file=shown(path.name), accepted=accepted
        )
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise FileError(
            "%(file)s cannot be read: %(reason)s.", file=shown(path), reason=error.strerror
        ) from error
    kind = SUFFIXES[suffixes[-1]]
    if not head:
        raise FormatError("%(file)s: it is empty.", file=shown(path.name))
    if not _begins_like(kind, head, suffixes[-1].endswith(".gz")):
        raise FormatError(
            "%(file)s: it does not begin like a %(format)s file.", file=shown(path.name), format=kind
        )
    return kind


def _begins_like(kind: str, head: bytes, packed: bool) -> bool:
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if kind == GEOJSON:
        return text.startswith(b"{")
    if kind == CSV:
        return head.startswith(b"\x1f\x8b") if packed else not text.startswith((b"<", b"{", b"PK\3\4"))
    magic = {GPKG: b"SQLite format 3\0", SHAPEFILE: b"\0\0\x27\x0a", ZIP: b"PK\3\4"}
    return head.startswith(magic[kind])


def parts(path: Path) -> tuple[Path, ...]:
    """Return the files that belong together: a shapefile's own and its siblings, else the one."""
    if path.suffix.lower() != ".shp":
        return (path,)
    beside = {
        other.suffix.lower(): other
        for other in sorted(path.parent.iterdir())
        if other.stem == path.stem and other != path and other.is_file()
    }
    beside[".shp"] = path
    return tuple(beside[suffix] for suffix in PARTS if suffix in beside)


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file, or of all the parts of a shapefile, in hexadecimal."""
    together = parts(path)
    digest = hashlib.sha256()
    for part in together:
        if len(together) > 1:
            digest.update(f"{part.suffix.lower()} {part.stat().st_size}\n".encode())
        with part.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
    return digest.hexdigest()


def codec(name: str) -> str | None:
    """Return Python's name of a text encoding, None when it has none that fits a table."""
    name = name.strip().lower().removeprefix("ansi ").replace("big-5", "big5")
    name = {"65001": "utf-8", "88591": "latin-1"}.get(name, name)
    name = f"cp{name}" if name.isdecimal() else name
    try:
        found = codecs.lookup(name).name
        plain = "a".encode(found) == b"a"
    except (LookupError, ValueError):
        return None
    if found in ("gb2312", "gbk"):
        return "gb18030"  # which holds them both, and rare characters in names besides
    return found if plain else None


def fits(text: bytes, encoding: str) -> bool:
    """Say whether bytes are text of an encoding; the last character may be cut."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(text)
    except UnicodeDecodeError:
        return False
    return True


def decoded(path: Path, content: bytes, encoding: str | None) -> tuple[str, str]:
    """Return a file's text and its encoding: as told, else UTF-8, else GB18030."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        names = ["utf-16"]  # a spreadsheet's "Unicode text"
    else:
        names = [codec(encoding) or encoding] if encoding else ["utf-8", "gb18030"]
    for name in names:
        try:
            return content.decode("utf-8-sig" if name == "utf-8" else name), name
        except UnicodeDecodeError as error:
            # GB18030 hardly ever passes for eight good UTF-8 characters: that is damaged UTF-8.
            before = content[: error.start].decode(name)
            if name == "utf-8" and sum(character > "\x7f" for character in before) >= 8:
                break
        except UnicodeError:
            break
    raise FormatError(
        "%(file)s: its text is not valid %(encoding)s; say which encoding it is in.",
        file=shown(path.name),
        encoding=" / ".join(names),
    )


def frame(path: Path, headings: list[str], columns: list[list], count: int) -> pd.DataFrame:
    """Return a table of Python objects on row numbers from 1."""
    twice = sorted({heading for heading in headings if headings.count(heading) > 1})
    if twice:
        raise HeadingError(
            "%(file)s: the heading %(heading)s is given twice.",
            file=shown(path.name),
            heading=shown(twice[0]),
        )
    rows = pd.RangeIndex(1, count + 1)
    data = {
        heading: pd.Series(column, index=rows, dtype=object)
        for heading, column in zip(headings, columns, strict=True)
    }
    return pd.DataFrame(data, index=rows, columns=list(headings), dtype=object)


def simple(value: object) -> object:
    """Return a value as text where it is a list, an object or an infinite number, else as it is."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def unreadable(row: int, detail: object = "") -> Finding:
    """Return the finding about a geometry that is in the file but cannot be read."""
    return Finding(row, "geometry", "unreadable_geometry", "set_aside", shown(detail))


def in_degrees(geometries: np.ndarray) -> bool:
    """Say whether most shapes have a longitude and a latitude; the few that do not are set aside later."""
    west, south, east, north = shapely.bounds(geometries[~shapely.is_missing(geometries)]).T
    inside = (west >= -180) & (east <= 180) & (south >= -90) & (north <= 90)
    placed = ~np.isnan(west)
    return bool(inside[placed].mean() > 0.5) if placed.any() else True
