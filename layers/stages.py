"""The seven stages of a renovation, in order, and what follows from their dates. No storage.

Stages may overlap (the brief: what can run side by side must). The stage shown is the furthest
one begun; ``not_begun`` before the first. *Done* (完工) means construction finished; *accepted*
is counted beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

NOT_BEGUN = "not_begun"


@dataclass(frozen=True)
class Stage:
    """One stage: code, titles, colour, and a pattern that reads in black and white."""

    code: str
    title: str
    label: str
    colour: str
    pattern: str


#: In order. The colours are an order too, checked in grey and for colour-blind eyes.
STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        stage.code: stage
        for stage in (
            Stage(NOT_BEGUN, "未启动", "Not begun", "#d9d9d9", "blank"),
            Stage("survey", "调查摸底", "Survey", "#fde0a8", "dots"),
            Stage("demolition", "拆违拆临", "Demolition", "#f09b46", "dense-dots"),
            Stage("design", "方案设计", "Design", "#c6b3e0", "horizontal"),
            Stage("tender", "招投标", "Tender", "#7a5fcd", "vertical"),
            Stage("construction", "施工", "Construction", "#3b8bc2", "diagonal"),
            Stage("acceptance", "综合验收", "Acceptance", "#3aa89b", "cross-hatch"),
            Stage("handover", "长效管理", "Handover", "#1b7a3d", "solid"),
        )
    }
)
#: The codes in order, ``not_begun`` left out: what an event can be about.
ORDER: tuple[str, ...] = tuple(STAGES)[1:]


class StageRow(NamedTuple):
    """Planned and actual dates of one stage of one compound; None is unknown or not yet.

    ``reported`` says that a file called the stage begun without giving a date: it then counts
    as begun on every date.
    """

    stage: str
    planned_start: date | None = None
    planned_finish: date | None = None
    actual_start: date | None = None
    actual_finish: date | None = None
    reported: bool = False

    def begun(self, on: date) -> bool:
        """Return whether the stage has begun by a date."""
        return self.reported or _reached(self.actual_start, on) or self.finished(on)

    def finished(self, on: date) -> bool:
        """Return whether the stage is finished by a date."""
        return _reached(self.actual_finish, on)


def _reached(day: date | None, on: date) -> bool:
    return day is not None and day <= on


class Standing(NamedTuple):
    """Where a compound stands on a date.

    ``stage`` the furthest one begun; ``finished`` that it is finished with no successor begun
    (shown with a ✓); ``done`` that construction is finished; ``accepted`` that acceptance is.
    """

    stage: str
    finished: bool
    done: bool
    accepted: bool


def standing(rows: Iterable[StageRow], on: date) -> Standing:
    """Return where a compound stands on a date, from its stage rows.

    A stage counts as begun when it is reported so, or its actual start or finish is on or
    before ``on``. A begun
    acceptance implies finished construction, a begun handover implies acceptance.

    >>> standing([StageRow("construction", actual_start=date(2021, 5, 1),
    ...                    actual_finish=date(2021, 11, 20))], date(2022, 6, 30))
    Standing(stage='construction', finished=True, done=True, accepted=False)
    """
    rows = tuple(rows)
    begun = {r.stage for r in rows if r.begun(on)}
    over = {r.stage for r in rows if r.finished(on)}
    furthest = max(begun, key=ORDER.index, default=NOT_BEGUN)
    accepted = "acceptance" in over or "handover" in begun
    done = accepted or "construction" in over or "acceptance" in begun
    return Standing(furthest, furthest in over, done, accepted)


def late_stages(
    rows: Iterable[StageRow], on: date, deadlines: Mapping[str, date] = MappingProxyType({})
) -> tuple[str, ...]:
    """Return the stages that should be finished by now and are not, in order.

    A stage should be finished when its planned finish has passed, or the deadline its year's
    plan sets for it; a plan's deadline says nothing of stages before the furthest one begun,
    whose dates may just be unknown. What lies behind a compound is late no more: the works
    once they are done, the acceptance once it is accepted.

    >>> late_stages([StageRow("survey", planned_finish=date(2022, 3, 31))], date(2022, 4, 1))
    ('survey',)
    """
    known = {row.stage: row for row in rows}
    where = standing(known.values(), on)
    reached = -1 if where.stage == NOT_BEGUN else ORDER.index(where.stage)
    behind = (
        ORDER.index("acceptance") + 1 if where.accepted else ORDER.index("acceptance") if where.done else 0
    )
    late = []
    for place, stage in enumerate(ORDER[behind:], behind):
        row = known.get(stage, StageRow(stage))
        planned = row.planned_finish is not None and row.planned_finish < on
        missed = stage in deadlines and deadlines[stage] < on and place >= reached
        if (planned or missed) and not row.finished(on):
            late.append(stage)
    return tuple(late)
