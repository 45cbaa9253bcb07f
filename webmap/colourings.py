"""How compounds are coloured and what the legend says of it; what a class is says ``layers.classes``."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import shapely
from flask import request
from flask_babel import gettext

from layers import classes
from layers.figures import Overview
from layers.people import Person, visible
from layers.querying import NONE, Query
from layers.store import Store
from webmap import palette, words
from webmap.palette import ClassLook

COLOURING_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "stage": "Stage",
        "lateness": "Days late",
        "street_office": "Street office",
        "cleared_area": "Demolition completed, by area",
        "cleared": "Demolition completed, by number",
        "plan_year": "Plan year",
        "work_categories": "Work categories",
    }
)
CLASS_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "in_time": "in time",
        "late_30": "up to 30 days late",
        "late_90": "31 to 90 days late",
        "late_180": "91 to 180 days late",
        "late_more": "more than 180 days late",
        "cleared_nothing": "nothing yet",
        "cleared_some": "less than half",
        "cleared_50": "50% to under 80%",
        "cleared_80": "80% to under 100%",
        "cleared_all": "all of it, 100%",
        "no_structures": "no structure on record",
        "area_unknown": "area unknown",
    }
)
#: What is said of those that are in no class, by colouring.
NONE_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "lateness": "no date to keep",
        "street_office": "without a street office",
        "plan_year": "in no plan",
        "work_categories": "no category on record",
    }
)
#: What the classes of a colouring rest on, told below the legend.
BASIS_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "lateness": "Days since the first date of the timetable that has passed and was not kept.",
        "cleared_area": "Area cleared / area on record, in each compound, on the day shown.",
        "cleared": "Structures cleared / structures on record, in each compound, on the day shown.",
        "street_office": "No two neighbours have one colour; the name tells which it is.",
    }
)
#: The categories of the trade in English; any other keeps its own name.
_ENGLISH_CATEGORIES = {"基础类": "basic", "完善类": "improving", "提升类": "upgrading"}


class Entry(NamedTuple):
    """One class in the legend: its code, what it is called, its look, and how many are of it."""

    code: str
    label: str
    look: ClassLook
    compounds: int = 0
    finished: int = 0
    late: int = 0


class Legend(NamedTuple):
    """The legend of a colouring, which is the filter for one of its classes as well."""

    colouring: str
    entries: tuple[Entry, ...]
    basis: str

    @property
    def compounds(self) -> int:
        """How many compounds there are in all classes."""
        return sum(entry.compounds for entry in self.entries)


def asked() -> str:
    """Return the colouring that the address asks for, by stage where it asks for none."""
    return classes.check_colouring(request.args.get("colour") or classes.STAGE)


def names() -> dict[str, str]:
    """Return every colouring and what it is called."""
    return {name: gettext(text) for name, text in COLOURING_TEXTS.items()}


def legend(still: Store, person: Person, query: Query, told: Overview, colouring: str) -> Legend:
    """Return the legend of a colouring for what is asked for; ``told`` are the figures beside it."""
    if colouring == classes.STAGE:
        entries = tuple(_stage_entry(count) for count in told.stages)
    else:
        counted = {c.code: c for c in classes.class_counts(still, person, query, colouring)}
        entries = tuple(
            entry
            if entry.code not in counted
            else entry._replace(compounds=counted[entry.code].totals.compounds, late=counted[entry.code].late)
            for entry in _ENTRIES[colouring](still, person, query, told)
        )
    basis = BASIS_TEXTS.get(colouring)
    return Legend(colouring, entries, gettext(basis) if basis else "")


def _stage_entry(count) -> Entry:
    ticked = count.finished if count.stage in palette.TICKED else 0
    look, label = palette.stage_look(count.stage), words.stage_label(count.stage)
    return Entry(count.stage, label, look, count.totals.compounds, ticked, count.late)


def _without(colouring: str, look: ClassLook = palette.NO_CLASS) -> Entry:
    return Entry(NONE, gettext(NONE_TEXTS[colouring]), look)


def _of(looks: Mapping[str, ClassLook], colouring: str) -> tuple[Entry, ...]:
    return tuple(
        _without(colouring, look) if code == NONE else Entry(code, gettext(CLASS_TEXTS[code]), look)
        for code, look in looks.items()
    )


def _years(still: Store, person: Person, query: Query, told: Overview) -> tuple[Entry, ...]:
    many = len(told.plan_years)
    entries = (Entry(str(y), str(y), palette.year_look(i, many)) for i, y in enumerate(told.plan_years))
    return (*entries, _without("plan_year"))


def _sets(still: Store, person: Person, query: Query, told: Overview) -> tuple[Entry, ...]:
    found = classes.category_sets(still)
    entries = (Entry(code, category_label(code), palette.kind_look(i)) for i, code in enumerate(found))
    return (*entries, _without("work_categories"))


def class_label(colouring: str, code: str) -> dict[str, str]:
    """Return what a colouring and one of its classes are called: ``colouring`` and ``name``."""
    if code == NONE:
        label = gettext(NONE_TEXTS[colouring])
    else:
        label = gettext(CLASS_TEXTS[code]) if code in CLASS_TEXTS else category_label(code)
    return {"colouring": gettext(COLOURING_TEXTS[colouring]), "name": label}


def category_label(written: str) -> str:
    """Return what a set of work categories is called."""
    if words.language() == "zh":
        return written
    return " + ".join(_ENGLISH_CATEGORIES.get(part, part) for part in written.split("、"))


def _offices(still: Store, person: Person, query: Query, told: Overview) -> tuple[Entry, ...]:
    rows = list(still.rows(visible(person, "street_offices"), Query(layer="street_offices", on=query.on)))
    number = six_colours(tuple(row.wkb for row in rows))
    entries = (
        Entry(row.code, row.properties["name"], palette.kind_look(number[i])) for i, row in enumerate(rows)
    )
    return (*entries, _without("street_office"))


@lru_cache(maxsize=4)
def six_colours(shapes: tuple[bytes, ...]) -> tuple[int, ...]:
    """Return a number from 0 to 5 for each area of a map (WKB), so that neighbours have different ones.

    The areas are numbered in the reverse of the order in which each is the one with the fewest
    neighbours left: in a plane there is always one with five at most, so that six numbers do
    (Matula and Beck 1983, smallest-last ordering). Where areas overlap in ways no plane allows, the
    number that the fewest neighbours have is taken.
    """
    found = shapely.from_wkb(list(shapes))
    touching = _neighbours(found)
    left, order = dict(enumerate(map(set, touching))), []
    while left:
        least = min(left, key=lambda i: (len(left[i]), i))
        order.append(least)
        for other in left.pop(least):
            left[other].discard(least)
    numbers: dict[int, int] = {}
    used = [0] * len(palette.OFFICES)
    for area in reversed(order):
        near = [numbers[other] for other in touching[area] if other in numbers]
        numbers[area] = min(range(len(used)), key=lambda n: (near.count(n), used[n], n))
        used[numbers[area]] += 1
    return tuple(numbers[i] for i in range(len(found)))


def _neighbours(shapes: Iterable[shapely.Geometry]) -> list[list[int]]:
    """Return of each area those it has a point in common with."""
    shapes = np.array(list(shapes), dtype=object)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    found: list[list[int]] = [[] for _ in shapes]
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        if one != other:
            found[one].append(other)
    return found


_ENTRIES: Mapping[str, Callable[[Store, Person, Query, Overview], tuple[Entry, ...]]] = MappingProxyType(
    {
        "lateness": lambda *_: _of(palette.LATENESS, "lateness"),
        "cleared": lambda *_: _of(
            {c: look for c, look in palette.CLEARED.items() if c != classes.AREA_UNKNOWN}, "cleared"
        ),
        "cleared_area": lambda *_: _of(palette.CLEARED, "cleared_area"),
        "street_office": _offices,
        "plan_year": _years,
        "work_categories": _sets,
    }
)
