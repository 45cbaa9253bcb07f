"""A file's raw rows made ready to be written: placed, checked, repaired, typed. Nothing is written."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy
import pandas
import shapely

from geo import check, crs, repair
from geo.errors import CrsError, Finding
from layers import reading, values
from layers.catalogue import CODE_LISTS, Layer
from layers.history import canonical
from layers.receipt import Request
from layers.tables import BOX

#: Texts of the findings about reading and comparing; the others stand beside the checks they are of.
FINDINGS: Mapping[str, str] = MappingProxyType(
    {
        **reading.FINDINGS,
        "duplicate_code": "The code stands in an earlier row of the file already.",
        "code_given": "The row has no code; it was given one.",
        "stage_goes_back": "The stage lies before the one on record, which stays.",
        "in_no_street_office": "The row lies in no street office.",
        "unknown_compound": "No compound with this code is on record; where the structure lies decides.",
        "crs_from_headings": "The file names no coordinate system; its headings say degrees, "
        "taken as CGCS2000.",
    }
)


class Prepared(NamedTuple):
    """A file's rows, ready to be written: by code, what to store; set aside; and the findings.

    ``brought`` names the columns the file has something to say about; ``stages`` is the stage
    each compound is reported in, by code, where the file says one.
    """

    rows: dict[str, dict]
    brought: frozenset[str]
    stages: dict[str, str]
    set_aside: list[dict]
    findings: list[Finding]
    unmapped: tuple[str, ...]
    crs: str


def prepare(
    layer: Layer, source: reading.Reading, request: Request, extent: tuple[float, ...] | None
) -> Prepared:
    """Return a file's rows placed, checked, repaired and typed; nothing is written.

    ``extent`` is the district's box, against which coordinate systems are proposed where the
    file names none. Raises CrsError or HeadingError.
    """
    declared = _declared(source, request, extent)
    placed = crs.to_stored(source.geometries, declared)
    found = [*source.findings, *_checked(placed, layer, source.findings)]
    placed[[f.row - 1 for f in found if f.severity == "set_aside"]] = None
    mended = repair.repair(placed, layer.geometry)
    headings = values.match_headings(layer, list(source.rows.columns), request.fields)
    headings = _without_id(headings, source.rows)
    typed = values.typed(layer, source.rows, headings)
    found += [*mended.findings, *typed.findings]
    if source.crs_from == "headings" and request.crs is None:
        found.append(Finding(0, "geometry", "crs_from_headings", "note"))
    frame = typed.values
    frame["code"] = _codes(layer, frame["code"], source.sha256, found)
    found += values.code_findings(frame["code"], CODE_LISTS[request.code_list])
    found += _duplicates(frame["code"], found)
    aside = {f.row for f in found if f.severity == "set_aside"}
    found = [f for f in found if f.code != "code_given" or f.row not in aside]
    rows, stages = _rows(frame, typed.unmapped, mended.geometries, aside)
    originals = [_original(source, row) for row in sorted(aside)]
    brought = {"code", "wkb", *BOX, "row", *headings.matched, *(("unmapped",) if headings.unmapped else ())}
    return Prepared(
        rows,
        frozenset(brought),
        stages,
        originals,
        sorted(set(found)),
        headings.unmapped,
        crs.normalise(declared),
    )


def _without_id(headings: values.Headings, rows: pandas.DataFrame) -> values.Headings:
    """Leave out a GeoJSON feature's id where it only says the code again."""
    code = headings.matched.get("code")
    if "id" not in headings.unmapped or code is None or not rows["id"].map(str).equals(rows[code].map(str)):
        return headings
    return headings._replace(unmapped=tuple(name for name in headings.unmapped if name != "id"))


def _declared(source: reading.Reading, request: Request, extent: tuple[float, ...] | None) -> str:
    """Return what the coordinates are in: as the file says, else as the person says."""
    said, asked = source.crs, request.crs
    if asked is not None and source.crs_from != "file":
        return asked
    if said is None:
        raise _crs_missing(request.path, source.geometries, extent)
    if asked is not None and not _same_places(source.geometries, said, asked):
        raise CrsError(
            "%(file)s: the file says itself that it is in %(said)s, where %(asked)s gives other places.",
            file=request.path.name,
            said=crs.normalise(said),
            asked=asked,
        )
    return said


def _same_places(geometries: numpy.ndarray, *systems: str) -> bool:
    boxes = [shapely.total_bounds(crs.to_stored(geometries, system)) for system in systems]
    return bool(numpy.allclose(*boxes, rtol=0, atol=1e-7, equal_nan=True))


def _crs_missing(path: Path, geometries: numpy.ndarray, extent: tuple[float, ...] | None) -> CrsError:
    """Say that the file names no coordinate system, and which ones would fit the district."""
    bounds = shapely.total_bounds(geometries)
    fitting = [] if extent is None else crs.candidates(tuple(bounds), extent)
    if not fitting:
        return CrsError(
            "%(file)s: the file names no coordinate system; say it with --crs EPSG:….", file=path.name
        )
    return CrsError(
        "%(file)s: the file names no coordinate system; these would place it in the district: "
        "%(proposals)s. Confirm one with --crs.",
        file=path.name,
        proposals=", ".join(f"{c.crs} ({c.name}{', X/Y' if c.swapped else ''})" for c in fitting),
    )


def _checked(placed: numpy.ndarray, layer: Layer, known: list[Finding]) -> list[Finding]:
    """Return the findings about shapes; one that could not be read is not called missing besides."""
    unreadable = {f.row for f in known if f.code == "unreadable_geometry"}
    found = check.check(placed, layer.geometry)
    return [f for f in found if f.code != "no_geometry" or f.row not in unreadable]


def _codes(layer: Layer, codes: pandas.Series, sha256: str, found: list[Finding]) -> pandas.Series:
    """Return the codes, given where they are missing: from the file's sha256, so known again."""
    missing = codes.isna()
    if layer.name == "street_offices":
        return codes
    found += [Finding(row, "code", "code_given", "note") for row in codes.index[missing]]
    given = [f"{layer.alias}-{sha256[:12]}-{row}" for row in codes.index]
    return codes.where(~missing, pandas.Series(given, index=codes.index, dtype=object))


def _duplicates(codes: pandas.Series, found: list[Finding]) -> list[Finding]:
    """Return a finding for each row whose code an earlier, storable row has."""
    aside = {f.row for f in found if f.severity == "set_aside"}
    kept = codes[~codes.index.isin(aside)].dropna()
    again = kept[kept.duplicated()]
    return [Finding(row, "code", "duplicate_code", "set_aside", code) for row, code in again.items()]


def _rows(
    frame: pandas.DataFrame, unmapped: list[dict], geometries: numpy.ndarray, aside: set[int]
) -> tuple[dict[str, dict], dict[str, str]]:
    """Return what to store by code, and the stage each compound was reported in."""
    columns = {name: _stored(frame[name].tolist()) for name in frame.columns}
    columns["wkb"] = shapely.to_wkb(geometries).tolist()
    columns |= zip(BOX, shapely.bounds(geometries).T.tolist(), strict=True)
    columns["unmapped"] = [canonical(rest) if rest else None for rest in unmapped]
    columns["row"] = frame.index.tolist()
    rows, stages = {}, {}
    for record in zip(*columns.values(), strict=True):
        row = dict(zip(columns, record, strict=True))
        if row["row"] in aside:
            continue
        stage = row.pop("stage", None)
        if stage is not None:
            stages[row["code"]] = stage
        rows[row["code"]] = row
    return rows, stages


def _stored(column: list) -> list:
    plain = all(value is None or type(value) in (str, int, float) for value in column)
    return column if plain else [stored_value(value) for value in column]


def stored_value(value: object) -> object:
    """Return a value as the tables keep it: dates as ISO text, flags as 0 or 1."""
    if isinstance(value, bool):
        return int(value)
    return value.isoformat() if isinstance(value, date) else value


def _original(source: reading.Reading, row: int) -> dict:
    """Return a set-aside row with the values and the geometry it had in the file."""
    place = source.rows.index.get_loc(row)
    shape = source.geometries[place]
    kept = {str(k): None if pandas.isna(v) else str(v) for k, v in source.rows.loc[row].items()}
    return {"row": int(row), "original": canonical(kept), "geometry": None if shape is None else shape.wkt}
