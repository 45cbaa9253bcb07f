"""What the map is told of a row, the same whether it comes as GeoJSON or in a tile."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from layers.stages import ORDER
from layers.store import Row

#: What the map needs of each layer's fields; everything else is told by the panel.
TRIMMED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "compounds": ("code", "name", "stage", "street_office_name"),
        "illegal_structures": ("code", "state", "kind", "area_m2"),
        "street_offices": ("code", "name"),
        "facilities": ("code", "name", "kind", "radius_m"),
        "backdrop": ("kind",),
    }
)
#: The layers of which another day tells another thing; of the others holds what is told now.
DATED = frozenset({"compounds", "illegal_structures", "street_offices"})
#: The entries of the history (by their subject) after which what is told of any row may have changed;
#: those about a layer itself, and of a compound's stages, name the rows.
WHOLLY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "compounds": frozenset({"editions", "year_plans", "settings"}),
        "illegal_structures": frozenset(),
        "street_offices": frozenset({"editions", "settings", "street_offices"}),
        "facilities": frozenset(),
    }
)
#: By what is counted where a tile would hold too many.
COUNTED: Mapping[str, str | None] = MappingProxyType(
    {"compounds": "stage", "illegal_structures": "state", "street_offices": None, "facilities": "kind"}
)
#: The deepest zoom there are tiles of: a unit of theirs is then a decimetre and a half.
DEEPEST = 16
#: The stages whose end is marked with a ✓, "next stage not begun": the last one has no next.
TICKED = frozenset(ORDER[:-1])


def told_of(layer: str) -> Callable[[Row], dict]:
    """Return what tells the map of a row of a layer, by name, and no more than it needs."""

    def told(row: Row) -> dict:
        known = {name: row.properties.get(name) for name in TRIMMED[layer]}
        if layer != "compounds":
            return known
        ticked = row.standing["finished"] and known["stage"] in TICKED
        return known | {"finished": ticked, "late": row.standing["late"]}

    return told


def told_columns(layer: str, columns: Mapping[str, Sequence]) -> dict[str, Sequence]:
    """Return what tells the map of rows given as columns (``Store.columns``), as ``told_of`` does of one."""
    without = (None,) * len(columns["code"])
    known = {name: columns.get(name, without) for name in TRIMMED[layer]}
    if layer != "compounds":
        return known
    places = zip(columns["finished"], known["stage"], strict=True)
    ticked = [bool(finished) and stage in TICKED for finished, stage in places]
    return known | {"finished": ticked, "late": list(map(bool, columns["late"]))}
