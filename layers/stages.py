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
            Stage("demolition", "拆违拆临", "Demolition", "#f6a95b", "dense-dots"),
            Stage("design", "方案设计", "Design", "#c6b3e0", "horizontal"),
            Stage("tender", "招投标", "Tender", "#8f86c9", "vertical"),
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


class Standing(NamedTuple):
    """Where a compound stands on a date.

    ``stage`` the furthest one begun; ``finished`` that it is finished with no successor begun
    (shown with a ✓); ``done`` that construction is finished; ``accepted`` that acceptance is.
    """

    stage: str
    finished: bool
    done: bool
    accepted: bool


def _reached(day: date | None, on: date) -> bool:
    return day is not None and day <= on


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
    begun = {
        r.stage for r in rows if r.reported or _reached(r.actual_start, on) or _reached(r.actual_finish, on)
    }
    over = {r.stage for r in rows if _reached(r.actual_finish, on)}
    furthest = max(begun, key=ORDER.index, default=NOT_BEGUN)
    accepted = "acceptance" in over or "handover" in begun
    done = accepted or "construction" in over or "acceptance" in begun
    return Standing(furthest, furthest in over, done, accepted)


def late_stages(rows: Iterable[StageRow], on: date) -> tuple[str, ...]:
    """Return the stages whose planned finish has passed on a date without being finished.

    >>> late_stages([StageRow("survey", planned_finish=date(2022, 3, 31))], date(2022, 4, 1))
    ('survey',)
    """
    late = [
        r.stage
        for r in rows
        if r.planned_finish is not None and r.planned_finish < on and not _reached(r.actual_finish, on)
    ]
    return tuple(sorted(late, key=ORDER.index))
