"""How a file differs from the record: which rows are new, which changed, which stages moved."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import select

from geo.errors import Finding
from layers import tables
from layers.preparing import Prepared
from layers.stages import NOT_BEGUN, ORDER, StageRow
from layers.work import Work


class Change(NamedTuple):
    """What a file changes: new rows, (before, after) of changed ones, stages that move forward.

    ``findings`` are about what the file says and the record contradicts.
    """

    inserted: list[dict]
    updated: list[tuple[dict, dict]]
    stages: dict[str, list[StageRow]]
    findings: list[Finding]

    @property
    def anything(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.inserted or self.updated or self.stages)

    @property
    def updated_codes(self) -> set[str]:
        """The codes of known rows of which a field or the stage changes."""
        new = {row["code"] for row in self.inserted}
        return {after["code"] for _, after in self.updated} | (self.stages.keys() - new)


#: What, changed, changes who answers for a row or who is served, where that is not only its shape.
_WATCHED = {"facilities": ("wkb", "kind", "radius_m"), "illegal_structures": ("wkb", "compound_code")}
#: What the store says of a row beyond what a file can: never compared.
_OWN = ("fid", "version", "load_id", "row", "edition_id")


def compare(work: Work, layer: str, prepared: Prepared, code_list: str) -> Change:
    """Return how prepared rows differ from the record; editions are compared as a whole."""
    if layer == "street_offices":
        same = _is_newest_edition(work, prepared.rows, code_list)
        return Change([] if same else list(prepared.rows.values()), [], {}, [])
    known = work.features(layer)
    inserted = [row for code, row in prepared.rows.items() if code not in known]
    updated = [
        (known[code], brought)
        for code, row in prepared.rows.items()
        if code in known
        # What the file has no column for stays as it was.
        and _differs(known[code], brought := {n: v for n, v in row.items() if n in prepared.brought})
    ]
    stages, found = _reported_stages(work, prepared)
    return Change(inserted, updated, stages, found + _unknown_compounds(work, layer, prepared))


def _unknown_compounds(work: Work, layer: str, prepared: Prepared) -> list[Finding]:
    """Return a note for each structure whose compound is not on record (yet)."""
    if layer != "illegal_structures":
        return []
    known = set(work.connection.execute(select(tables.compounds.c.code)).scalars())
    return [
        Finding(row["row"], "compound_code", "unknown_compound", "note", row["compound_code"])
        for row in prepared.rows.values()
        if row["compound_code"] is not None and row["compound_code"] not in known
    ]


def _differs(known: dict, row: dict) -> bool:
    return any(known[name] != value for name, value in row.items() if name not in _OWN)


def _is_newest_edition(work: Work, rows: dict[str, dict], code_list: str) -> bool:
    """Return whether the rows say what the newest edition says."""
    e = tables.editions.c
    newest = work.connection.execute(select(e.id, e.code_list).order_by(e.id.desc()).limit(1)).first()
    if newest is None or newest.code_list != code_list:
        return False
    known = work.features("street_offices", newest.id)
    return known.keys() == rows.keys() and not any(_differs(known[code], rows[code]) for code in rows)


def _reported_stages(work: Work, prepared: Prepared) -> tuple[dict[str, list[StageRow]], list[Finding]]:
    """Return the stages the file moves forward to; one that goes back is a finding."""
    known = _stage_rows(work) if prepared.stages else {}
    moved, found = {}, []
    for code, stage in prepared.stages.items():
        rows = known.get(code, {})
        furthest = max((ORDER.index(r.stage) + 1 for r in rows.values() if r.begun(date.max)), default=0)
        position = 0 if stage == NOT_BEGUN else ORDER.index(stage) + 1
        if position > furthest:
            moved[code] = [rows.get(stage, StageRow(stage))._replace(reported=True)]
        elif position < furthest:
            found.append(Finding(prepared.rows[code]["row"], "stage", "stage_goes_back", "note", stage))
    return moved, found


def _stage_rows(work: Work) -> dict[str, dict[str, StageRow]]:
    """Return the stage rows on record, by compound and stage."""
    found: dict[str, dict[str, StageRow]] = {}
    for row in work.connection.execute(select(tables.stage_history)).mappings():
        written = [row[name] for name in StageRow._fields[1:5]]
        days = [None if day is None else date.fromisoformat(day) for day in written]
        found.setdefault(row["code"], {})[row["stage"]] = StageRow(row["stage"], *days, bool(row["reported"]))
    return found


def must_reassign(layer: str, before: dict, after: dict) -> bool:
    """Return whether a changed row changes who answers for what, or who is served."""
    return any(before[name] != after[name] for name in _WATCHED.get(layer, ("wkb",)) if name in after)
