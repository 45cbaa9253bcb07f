"""A comparison of editions as a file: GeoJSON with the sites' shapes, or CSV for a spreadsheet."""

from collections.abc import Iterator

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
    """Yield the moves as CSV."""
    return writing.csv_lines([COLUMNS, *(_properties(move).values() for move in comparison.moves)])
