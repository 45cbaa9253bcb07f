"""Plan coverage: how far the programme has come with the compounds it is for, and when it will be through.

The programme is for the pre-2000 compounds (``figures.pre_programme``). On a day each of them is
in exactly one of four states: done, under way, planned or not planned; so the parts add up to the
whole, in every street office and by every measure.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from layers import figures
from layers.figures import BY_COMPOUNDS, Rate, Totals, pre_programme, totals
from layers.people import Person, visible
from layers.programme import NO_OFFICE, TargetRow, needed, target_rows
from layers.querying import Query
from layers.stages import NOT_BEGUN
from layers.store import Row, Store

#: Construction finished; a stage begun but that; a plan year but no stage begun; none of these.
PARTS = ("done", "under_way", "planned", "not_planned")

BY_BUILDINGS = "by number of buildings"
BY_DWELLINGS = "by number of households"
BY_FLOORS = "by floor area"
#: The measures of ``Totals`` and what a rate of each counts.
MEASURES = {
    "compounds": BY_COMPOUNDS,
    "buildings": BY_BUILDINGS,
    "households": BY_DWELLINGS,
    "floor_area_m2": BY_FLOORS,
}
#: A month of a forecast: the twelfth part of a year of 365.25 days.
_MONTH_DAYS = 30.4375


@dataclass(frozen=True)
class Forecast:
    """When a target will be reached at the present pace, and which pace would reach it in time.

    Everything is told by one of ``MEASURES``, which the basis of ``done`` names. A target is a share
    of the number of compounds; by the other measures the same share of what is known is ``needed``.
    The present pace is what became done from ``since`` to ``on``, the twelve months before the day
    that is shown, and it is taken to go on evenly. ``reached_on`` is the first day on which
    ``needed`` would be done: ``on`` where it is, None where nothing became done in these months.
    ``needed_per_month`` is None where the target is reached or its day has passed.
    """

    by: date
    share: float
    done: Rate
    needed: float
    remaining: float
    since: date
    finished: float
    per_month: float
    reached_on: date | None
    needed_per_month: float | None

    @property
    def in_time(self) -> bool:
        """Whether the target is reached by its day, at the present pace."""
        return self.reached_on is not None and self.reached_on <= self.by


@dataclass(frozen=True)
class PlanRow:
    """One street office's pre-2000 compounds by ``PARTS``; the total's code is "" and its name empty.

    ``done`` tells by each of ``MEASURES`` how much of the whole is done, ``forecasts`` what will
    become of each target, in order of its day.
    """

    code: str
    name: str
    whole: Totals
    parts: dict[str, Totals]
    done: dict[str, Rate]
    forecasts: dict[str, tuple[Forecast, ...]]


@dataclass(frozen=True)
class PlanCoverage:
    """The pre-2000 compounds of the district by street office."""

    on: date
    streets: tuple[PlanRow, ...]
    total: PlanRow

    @property
    def forecasts(self) -> tuple[Forecast, ...]:
        """The targets' own forecasts: of the whole district, by number of compounds."""
        return self.total.forecasts["compounds"]


class _Outlook(NamedTuple):
    """What forecasts are made from: the day, the targets, and what was done a year before."""

    on: date
    targets: tuple[TargetRow, ...]
    done_before: frozenset[str]


def plan_coverage(store: Store, person: Person, on: date) -> PlanCoverage:
    """Return how far the programme has come on a day, as far as the person sees the compounds."""
    with store.still() as store:
        asked = Query(layer="compounds", on=on)
        rows = [r for r in store.rows(visible(person, "compounds"), asked, shapes=False) if pre_programme(r)]
        outlook = _outlook(store, person, rows, on)
        answered = figures.by_office(rows)
        listed = figures.offices(store, person, on)
        nobody = [NO_OFFICE] if answered.get(None) else []
        return PlanCoverage(
            on,
            tuple(
                _row(o.code, o.name, answered.get(None if o is NO_OFFICE else o.code, []), outlook)
                for o in (*listed, *nobody)
            ),
            _row("", "", rows, outlook),
        )


def _outlook(store: Store, person: Person, rows: list[Row], on: date) -> _Outlook:
    targets = target_rows(store, rows, on)
    asked = Query(layer="compounds", on=year_before(on))
    before = store.rows(visible(person, "compounds"), asked, shapes=False) if targets else ()
    return _Outlook(on, targets, frozenset(row.code for row in before if row.standing["done"]))


def part_of(row: Row) -> str:
    """Return which of ``PARTS`` a compound is in on the day its row is of."""
    if row.standing["done"]:
        return "done"
    if row.properties["stage"] != NOT_BEGUN:
        return "under_way"
    return "not_planned" if row.properties["plan_year"] is None else "planned"


def _row(code: str, name: str, rows: list[Row], outlook: _Outlook) -> PlanRow:
    parts = {part: [row for row in rows if part_of(row) == part] for part in PARTS}
    summed = {part: totals(found) for part, found in parts.items()}
    new = totals(row for row in parts["done"] if row.code not in outlook.done_before)
    whole, done, forecasts = totals(rows), {}, {}
    for measure, basis in MEASURES.items():
        # What is unknown is in neither the one nor the other.
        part, all_of_it, finished = (getattr(sums, measure) or 0 for sums in (summed["done"], whole, new))
        done[measure] = Rate(part, all_of_it, basis)
        forecasts[measure] = tuple(
            forecast(t.by, t.share, done[measure], needed(t.share, all_of_it), finished, outlook.on)
            for t in outlook.targets
        )
    return PlanRow(code, name, whole, summed, done, forecasts)


def year_before(day: date) -> date:
    """Return the same day a year earlier; of 29 February the day before March begins.

    >>> year_before(date(2024, 2, 29))
    datetime.date(2023, 2, 28)
    """
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 2, 28)
    return day.replace(year=day.year - 1)


def forecast(by: date, share: float, done: Rate, needed: float, finished: float, on: date) -> Forecast:
    """Return the forecast of one target from how many became ``finished`` in the year before a day.

    >>> found = forecast(date(2023, 12, 31), 0.8, Rate(90, 240, BY_COMPOUNDS), 192, 60, date(2022, 6, 30))
    >>> found.remaining, found.per_month, found.reached_on, found.in_time
    (102, 5.0, datetime.date(2024, 3, 12), False)
    """
    since, remaining = year_before(on), max(0, round(needed - done.numerator, 6))
    left = (by - on).days
    asked = remaining / left * _MONTH_DAYS if remaining and left > 0 else None
    return Forecast(
        by,
        share,
        done,
        needed,
        remaining,
        since,
        finished,
        finished / 12,
        _reached(remaining, finished, (on - since).days, on),
        None if asked is None else round(asked, 6),
    )


def _reached(remaining: float, finished: float, days: int, on: date) -> date | None:
    if not remaining:
        return on
    # Rounded up without the dust of binary fractions.
    wait = math.ceil(round(remaining * days / finished, 9)) if finished > 0 else None
    # Beyond the calendar's end is never.
    return None if wait is None or wait > (date.max - on).days else on + timedelta(days=wait)
