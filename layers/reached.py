"""What every compound and every structure has reached, and on which day: what sheets and charts count.

Of a compound: works begun (construction or a later stage), done, accepted. Of a structure: on the
ledger since it was found, cleared since it was demolished. What is known without its day counts
as reached on every day, as a stage does that was reported without one.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from layers import tables
from layers.catalogue import CLEARED_STATES
from layers.people import Person, visible
from layers.querying import Query
from layers.stages import NOT_BEGUN, ORDER, StageRow, Standing, standing
from layers.store import Row, Store

#: The day of what is known without one.
ALWAYS = date.min
#: What a compound reaches one after the other.
STEPS_REACHED = ("started", "done", "accepted")
_BUILDING = ORDER.index("construction")


@dataclass(frozen=True)
class Site:
    """A compound with its stages; each step tells the day on which it was reached (None: not yet)."""

    row: Row
    stages: tuple[StageRow, ...]
    started: date | None
    done: date | None
    accepted: date | None

    def stood(self, on: date) -> Standing:
        """Return where the compound stood on a day."""
        return standing(self.stages, on)

    def stage(self, code: str) -> StageRow:
        """Return one stage's dates; all unknown where nothing is written of it."""
        return next((row for row in self.stages if row.stage == code), StageRow(code))


@dataclass(frozen=True)
class Structure:
    """An illegal structure: since when it is on the ledger, and since when cleared (None: not)."""

    row: Row
    listed: date
    cleared: date | None


@dataclass(frozen=True)
class Record:
    """All compounds and structures a person sees, as of a day."""

    on: date
    sites: tuple[Site, ...]
    structures: tuple[Structure, ...]
    #: Whether the person sees the published structures only.
    published_only: bool


def record(
    store: Store, person: Person, on: date, layers: Collection[str] = ("compounds", "illegal_structures")
) -> Record:
    """Return what compounds and structures have reached, as far as the person sees them.

    ``layers`` names those that are read; of the other one nothing is told.
    """
    with store.still() as store:
        rows = {
            layer: store.rows(visible(person, layer), Query(layer=layer, on=on), shapes=False)
            for layer in layers
        }
        stages = _stages(store) if "compounds" in layers else {}
        return Record(
            on,
            tuple(site(row, stages.get(row.code, ())) for row in rows.get("compounds", ())),
            tuple(map(structure, rows.get("illegal_structures", ()))),
            visible(person, "illegal_structures").states is not None,
        )


def _stages(store: Store) -> dict[str, list[StageRow]]:
    h, found = tables.stage_history, {}
    for written in store.frame(select(h).order_by(h.c.code, h.c.position)):
        found.setdefault(written["code"], []).append(_stage_row(written))
    return found


def has_started(stage: str) -> bool:
    """Return whether the works of a compound in this stage have begun."""
    return stage != NOT_BEGUN and ORDER.index(stage) >= _BUILDING


def site(row: Row, stages: Iterable[StageRow]) -> Site:
    """Return a compound with the days on which it reached each step."""
    stages = tuple(stages)
    known = {stage.stage: stage for stage in stages}
    begun = {code: _begun(known[code]) for code in ORDER[_BUILDING:] if code in known}
    over = {code: stage.actual_finish for code, stage in known.items()}
    handed_over = begun.get("handover")
    accepted = _first([over.get("acceptance"), handed_over])
    done = _first([over.get("construction"), begun.get("acceptance"), accepted])
    return Site(row, stages, _first(begun.values()), done, accepted)


def _begun(stage: StageRow) -> date | None:
    return ALWAYS if stage.reported else _first([stage.actual_start, stage.actual_finish])


def structure(row: Row) -> Structure:
    """Return a structure with the days on which it was listed and cleared."""
    listed, cleared = _day(row.properties["found_on"]), _day(row.properties["demolished_on"])
    gone = row.properties["state"] in CLEARED_STATES
    return Structure(row, listed or ALWAYS, (cleared or ALWAYS) if gone else None)


def _first(days: Iterable[date | None]) -> date | None:
    return min((day for day in days if day is not None), default=None)


def _day(value: date | str | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _stage_row(written: dict) -> StageRow:
    days = [_day(written[name]) for name in StageRow._fields[1:5]]
    return StageRow(written["stage"], *days, reported=bool(written["reported"]))
