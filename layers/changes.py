"""What changed between two days: which compounds moved on, were finished, accepted, became late."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date

from layers.figures import Totals, totals
from layers.people import Person, visible
from layers.querying import Query
from layers.stages import STAGES
from layers.store import Row, Store


@dataclass(frozen=True)
class StageChange:
    """How many compounds stood at a stage on the earlier and on the later day."""

    stage: str
    before: int
    after: int

    @property
    def more(self) -> int:
        """How many more there are on the later day."""
        return self.after - self.before


@dataclass(frozen=True)
class Changes:
    """What two days tell apart, of the compounds that are asked for on both.

    ``moved_on`` stand at a later stage, ``moved_back`` at an earlier one than before; ``done`` had
    their works finished in between, ``accepted`` were accepted; ``late`` became late, and
    ``late_no_more`` were late before.
    """

    earlier: date
    later: date
    stages: tuple[StageChange, ...]
    moved_on: Totals
    moved_back: Totals
    done: Totals
    accepted: Totals
    late: Totals
    late_no_more: Totals
    late_before: int
    late_after: int


def changes(store: Store, person: Person, query: Query, other: date) -> Changes:
    """Return what changed between the day of a query and another one, the earlier one first.

    The stage that is asked for is left aside: it is what changes.
    """
    earlier, later = sorted((query.on, other))
    with store.still() as store:
        before, after = (_rows(store, person, query, on) for on in (earlier, later))
    both = [(before[code], after[code]) for code in after if code in before]
    order = list(STAGES)

    def among(wanted: Callable[[Row, Row], bool]) -> Totals:
        return totals(new for old, new in both if wanted(old, new))

    def place(row: Row) -> int:
        return order.index(row.properties["stage"])

    def became(flag: str) -> Totals:
        return among(lambda old, new: new.standing[flag] and not old.standing[flag])

    return Changes(
        earlier,
        later,
        tuple(StageChange(stage, _at(stage, before), _at(stage, after)) for stage in STAGES),
        among(lambda old, new: place(new) > place(old)),
        among(lambda old, new: place(new) < place(old)),
        became("done"),
        became("accepted"),
        became("late"),
        among(lambda old, new: old.standing["late"] and not new.standing["late"]),
        _late(before.values()),
        _late(after.values()),
    )


def _rows(store: Store, person: Person, query: Query, on: date) -> dict[str, Row]:
    asked = replace(query, on=on, stage=None)
    rows = store.rows(visible(person, "compounds"), asked, shapes=False)
    return {row.code: row for row in rows}


def _at(stage: str, rows: dict[str, Row]) -> int:
    return sum(row.properties["stage"] == stage for row in rows.values())


def _late(rows: Iterable[Row]) -> int:
    return sum(row.standing["late"] for row in rows)
