"""A comparison of editions as a file: GeoJSON with the sites' shapes, or CSV for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator

from layers import writing
from layers.moving import Comparison, Move

#: The columns of an exported move.
COLUMNS = (
    "layer",
    "code",
    "name",
    "from_code",
    "from_name",
    "to_code",
    "to_name",
    "floor_area_m2",
    "share_from",
    "share_to",
    "border",
    "review",
)


def _properties(move: Move) -> dict[str, object]:
    same = ("layer", "code", "name", "floor_area_m2", "share_from", "share_to", "border", "review")
    told = {name: getattr(move, name) for name in same}
    told |= dict(zip(("from_code", "from_name"), move.former, strict=True))
    told |= dict(zip(("to_code", "to_name"), move.coming, strict=True))
    return {name: told[name] for name in COLUMNS}


def as_geojson(comparison: Comparison) -> Iterator[bytes]:
    """Yield the moves as a GeoJSON feature collection, with the sites' shapes."""
    lists = dict(zip(("active_code_list", "coming_code_list"), comparison.code_lists, strict=True))
    extra = {"edition": comparison.edition_id, "active_edition": comparison.active_id, **lists}
    rows = ((f"{move.layer}/{move.code}", _properties(move), move.wkb) for move in comparison.moves)
    return writing.feature_collection(rows, matched=len(comparison.moves), extra=extra)


def as_csv(comparison: Comparison) -> Iterator[bytes]:
    """Yield the moves as CSV (UTF-8 with a byte order mark, which spreadsheets need)."""
    yield "\ufeff".encode()
    yield _line(COLUMNS)
    for move in comparison.moves:
        yield _line([_cell(value) for value in _properties(move).values()])


def _cell(value: object) -> object:
    """Return a value for a sheet; a text that a spreadsheet would take for a formula is marked."""
    if isinstance(value, bool):
        return int(value)
    return writing.plain_text(value) if isinstance(value, str) else value


def _line(values: Iterable[object]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerow(values)
    return written.getvalue().encode()
