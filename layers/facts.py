"""Everything known of one compound: its street offices, stages, structures and coverage."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from sqlalchemy import select

from geo.errors import NotFoundError
from layers import tables
from layers.figures import Rate, StateCount, cleared, cleared_area, state_counts
from layers.lookup import Share, compound_shares, outside_shares
from layers.people import Person, visible
from layers.querying import Query
from layers.stages import ORDER, StageRow, late_stages
from layers.store import Row, Store


@dataclass(frozen=True)
class StageDates:
    """Planned and actual dates of one stage, and whether it is late."""

    stage: str
    planned_start: date | None
    planned_finish: date | None
    actual_start: date | None
    actual_finish: date | None
    late: bool
    begun: bool
    finished: bool


@dataclass(frozen=True)
class Facts:
    """What the panel shows of one compound."""

    code: str
    properties: dict[str, object]
    standing: dict[str, bool]
    shares: tuple[Share, ...]
    outside: float
    stages: tuple[StageDates, ...]
    cleared: Rate
    cleared_area: Rate
    states: tuple[StateCount, ...]
    coverage: tuple[tuple[str, float], ...]
    bounds: tuple[float, float, float, float] = field(default=(0.0, 0.0, 0.0, 0.0))


def compound_facts(store: Store, person: Person, code: str, on: date) -> Facts:
    """Return everything known of one compound; raise NotFoundError where there is none."""
    with store.still() as store:
        asked = Query(layer="compounds", on=on, code=code)
        row = next(iter(list(store.rows(visible(person, "compounds"), asked, shapes=False))), None)
        if row is None:
            raise NotFoundError("No compound has the code %(code)s.", code=code)
        return _facts(store, person, row, on)


def _facts(store: Store, person: Person, row: Row, on: date) -> Facts:
    code = row.code
    inside = Query(layer="illegal_structures", on=on, compound=code)
    states = state_counts(store, person, inside)
    c, f = tables.coverage.c, tables.compounds.c
    covered = store.frame(select(c.kind, c.share).where(c.code == code).order_by(c.kind))
    box = store.frame(select(f.west, f.south, f.east, f.north).where(f.code == code))[0]
    return Facts(
        code,
        row.properties,
        row.standing,
        compound_shares(store, [code], on).get(code, ()),
        outside_shares(store, [code], on).get(code, 1.0),
        stage_dates(store, [row], on)[code],
        cleared(states),
        cleared_area(states),
        states,
        tuple((r["kind"], r["share"]) for r in covered),
        tuple(box.values()),
    )


def stage_dates(store: Store, compounds: Sequence[Row], on: date) -> dict[str, tuple[StageDates, ...]]:
    """Return the dates of all seven stages of compounds, by code."""
    h, d = tables.stage_history.c, tables.plan_deadlines.c
    asked = select(h.code, h.stage, *(h[name] for name in StageRow._fields[1:]))
    if len(compounds) == 1:  # of many all are read, whatever their number
        asked = asked.where(h.code == compounds[0].code)
    written: dict[str, dict[str, StageRow]] = defaultdict(dict)
    deadlines: dict[int, dict[str, date]] = defaultdict(dict)
    with store.reading() as connection:
        for code, stage, *days, reported in connection.execute(asked):
            written[code][stage] = StageRow(stage, *map(_day, days), reported=bool(reported))
        for year, stage, due in connection.execute(select(d.plan_year, d.stage, d.due_on)):
            deadlines[year][stage] = _day(due)
    return {c.code: _dated(written[c.code], deadlines[c.properties["plan_year"]], on) for c in compounds}


def _dated(
    written: Mapping[str, StageRow], deadlines: Mapping[str, date], on: date
) -> tuple[StageDates, ...]:
    rows = [written.get(stage) or StageRow(stage) for stage in ORDER]
    late = late_stages(rows, on, deadlines)
    return tuple(StageDates(*row[:5], row.stage in late, row.begun(on), row.finished(on)) for row in rows)


@lru_cache(maxsize=1 << 12)
def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
