"""What has happened to a compound: its stages and who answers for it, as the history has it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import select

from layers import lookup, tables
from layers.lookup import Step
from layers.people import Person
from layers.store import Store

#: What is told of a stage row that changed, in the order it is told.
TOLD = ("planned_start", "planned_finish", "actual_start", "actual_finish", "reported")
STAGES_MOVED = "stages"


@dataclass(frozen=True)
class StageChange:
    """One value of one stage before and after: an ISO date or None, or whether it was reported."""

    stage: str
    field: str
    before: str | bool | None
    after: str | bool | None


@dataclass(frozen=True)
class Event:
    """What happened at one time: a step of the answer (``lookup.Step``), or stages that moved.

    ``person`` is None for those who may not read it.
    """

    at: str
    action: str
    person: str | None
    step: Step | None
    stages: tuple[StageChange, ...]


def events(store: Store, person: Person, code: str) -> list[Event]:
    """Return what has happened to a compound, the latest first.

    Stage moves that were written together are one event. Raises NotFoundError where the person
    sees no such compound.
    """
    with store.still() as store:
        steps = lookup.steps(store, person, "compounds", code)
        answered = [Event(step.at, step.action, step.person, step, ()) for step in steps]
        moved = list(_moved(store, lookup.reads_record(person), code))
    # Both are in order, the latest first; what has one time keeps the stages last: they came first.
    return sorted([*answered, *moved], key=lambda event: event.at, reverse=True)


def _moved(store: Store, reads: bool, code: str) -> Iterator[Event]:
    h = tables.history.c
    wanted = select(h.at, h.person, h.before, h.after).where(h.subject == "stage_history", h.code == code)
    rows = store.frame(wanted.order_by(h.seq.desc()))
    for (at, who), together in groupby(rows, key=lambda row: (row["at"], row["person"])):
        changes = tuple(change for row in reversed(list(together)) for change in _changes(row))
        yield Event(at, STAGES_MOVED, who if reads else None, None, changes)


def _changes(row: Mapping) -> Iterator[StageChange]:
    before, after = (json.loads(row[name]) if row[name] else {} for name in ("before", "after"))
    for field in TOLD:
        was, now = before.get(field), after.get(field)
        if field == "reported":
            was, now = bool(was), bool(now)
        if was != now:
            yield StageChange(after["stage"], field, was, now)
