"""The classes that compounds are coloured by, and how many are of each; built from ``layers.figures``.

A colouring puts every compound into one class: the map, its legend and its tables take it from here.
A class is a code: of a stage, a street office, a year, one of those named here, or a set of work
categories written in one order. ``NONE`` is the class of those without any.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from sqlalchemy import case, func, select

from geo.errors import RequestError
from layers import ledger, tables
from layers.catalogue import CLEARED_STATES
from layers.figures import BY_AREA, BY_STRUCTURES, Rate, Totals, totals
from layers.kept import Kept
from layers.months import days_of, stood
from layers.people import Person, visible
from layers.querying import FILTERS, NONE, Among, Query
from layers.store import Row, Store

STAGE = "stage"
#: The colourings; the filter that asks for one of its classes is called as a colouring is.
COLOURINGS = (STAGE, "lateness", "street_office", "cleared_area", "cleared", "plan_year", "work_categories")
#: How late against the timetable, in days: class → the most days of it; none is in time.
LATENESS: Mapping[str, float] = MappingProxyType(
    {"in_time": 0, "late_30": 30, "late_90": 90, "late_180": 180, "late_more": float("inf")}
)
#: Which share of the structures is cleared: class → the least share of it; all is only the whole.
CLEARED: Mapping[str, float] = MappingProxyType(
    {"cleared_all": 1.0, "cleared_80": 0.8, "cleared_50": 0.5, "cleared_some": 0.0}
)
CLEARED_NOTHING, NO_STRUCTURES, AREA_UNKNOWN = "cleared_nothing", "no_structures", "area_unknown"
#: The categories of the programme since 2020, in the order of the trade.
CATEGORIES = ("基础类", "完善类", "提升类")
#: The classes of the colourings whose classes no record names.
_NAMES = {
    "lateness": {*LATENESS, NONE},
    "cleared": {*CLEARED, CLEARED_NOTHING, NO_STRUCTURES},
    "cleared_area": {*CLEARED, CLEARED_NOTHING, NO_STRUCTURES, AREA_UNKNOWN},
}
_BETWEEN = re.compile(r"[\s、，,；;/|+和及]+")


_kept: Kept[Mapping[str, str]] = Kept(32)


@dataclass(frozen=True)
class Classed:
    """The class of every compound by one colouring, on a day."""

    colouring: str
    on: date
    of: dict[str, str]


@dataclass(frozen=True)
class ClassCount:
    """How many compounds are of a class, what they hold, and how many of them are late."""

    code: str
    totals: Totals
    late: int


def check_colouring(name: str) -> str:
    """Return the name of a colouring; raise RequestError where there is none of that name."""
    if name not in COLOURINGS:
        raise RequestError(
            "There is no colouring %(name)s; the colourings are %(names)s.",
            name=name,
            names=", ".join(COLOURINGS),
        )
    return name


def classed(store: Store, person: Person, query: Query, colouring: str) -> Classed:
    """Return the class of each compound a query asks for."""
    check_colouring(colouring)
    with store.still() as store:
        rows = list(store.rows(visible(person, "compounds"), query, shapes=False))
        return Classed(colouring, query.on, _classes(store, person, query, rows, colouring))


def classes_of_all(still: Store, person: Person, colouring: str, on: date) -> Mapping[str, str]:
    """Return the class of every compound on a day, of a store that stands still."""
    # Which share is cleared rests on the structures that a person sees.
    asked = (visible(person, "illegal_structures").kind, colouring, on)
    query = Query(layer="compounds", on=on)
    return _kept.of(still, tuple(FILTERS), asked, lambda: classed(still, person, query, colouring).of)


def among(still: Store, person: Person, colouring: str, name: str, on: date) -> Among:
    """Return the compounds of a class on a day, as the filter of the colouring's name asks for them.

    Raises:
        RequestError: the colouring has no class of that name.
    """
    if colouring in _NAMES and name not in _NAMES[colouring]:
        raise RequestError("No class is called %(name)s.", name=name)
    of = classes_of_all(still, person, colouring, on)
    return Among(name, frozenset(code for code, found in of.items() if found == name))


def class_counts(store: Store, person: Person, query: Query, colouring: str) -> tuple[ClassCount, ...]:
    """Return how many compounds are of each class, without the filter that asks for one class.

    So the legend that is the filter still shows what the other classes hold. A class without any
    compound is left out.
    """
    asked = replace(query, **{check_colouring(colouring): None})
    with store.still() as store:
        rows = list(store.rows(visible(person, "compounds"), asked, shapes=False))
        of = _classes(store, person, asked, rows, colouring)
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[of[row.code]].append(row)
    return tuple(
        ClassCount(code, totals(group), sum(row.standing["late"] for row in group))
        for code, group in sorted(grouped.items())
    )


def _classes(
    store: Store, person: Person, query: Query, rows: Iterable[Row], colouring: str
) -> dict[str, str]:
    if colouring == "lateness":
        return _lateness(store, person, query)
    if colouring in ("cleared", "cleared_area"):
        known = clearings(store, person, query.on)
        of = CLASS_OF_CLEARING[colouring]
        return {row.code: of(known.get(row.code)) for row in rows}
    of = _CLASS_OF_ROW[colouring]
    return {row.code: of(row) for row in rows}


def _lateness(store: Store, person: Person, query: Query) -> dict[str, str]:
    days = days_of(store, person, query)
    late = stood(days, query.on).late_days
    told = zip(days.codes, late.tolist(), days.dated.tolist(), strict=True)
    return {code: lateness_class(days_late, dated) for code, days_late, dated in told}


def lateness_class(days_late: int, dated: bool) -> str:
    """Return how late a compound is that is so many days late; undated: nothing says by when.

    >>> lateness_class(30, True), lateness_class(31, True), lateness_class(0, False)
    ('late_30', 'late_90', 'none')
    """
    if not dated:
        return NONE
    return next(name for name, most in LATENESS.items() if days_late <= most)


@dataclass(frozen=True)
class Clearing:
    """How many structures of a compound are cleared, and how much of their area."""

    number: Rate
    area: Rate


def clearings(store: Store, person: Person, on: date) -> dict[str, Clearing]:
    """Return how far each compound with structures was cleared on a day, as far as the person sees them."""
    s, place = tables.illegal_structures.c, tables.places.c
    states = visible(person, "illegal_structures").states
    day = on.isoformat()
    over = ledger.state(day).in_(sorted(CLEARED_STATES))
    area = func.coalesce(s.area_m2, 0.0)
    told = (func.sum(case((over, 1), else_=0)), func.count())
    told += (func.sum(case((over, area), else_=0.0)), func.sum(area))
    joined = tables.places.join(tables.illegal_structures, s.code == place.code)
    seen = [] if states is None else [s.state.in_(sorted(states))]
    asked = select(place.compound_code, *told).select_from(joined)
    within = place.compound_code.is_not(None), ledger.listed(day)
    asked = asked.where(*within, *seen).group_by(place.compound_code)
    with store.reading() as connection:
        return {
            code: Clearing(
                Rate(int(done), int(all_), BY_STRUCTURES), Rate(round(m2, 6), round(whole, 6), BY_AREA)
            )
            for code, done, all_, m2, whole in connection.execute(asked)
        }


def cleared_class(rate: Rate) -> str:
    """Return the class of a share that is cleared, of something.

    >>> [cleared_class(Rate(n, 10, "")) for n in (0, 4, 5, 9, 10)]
    ['cleared_nothing', 'cleared_some', 'cleared_50', 'cleared_80', 'cleared_all']
    """
    if not rate.numerator:
        return CLEARED_NOTHING
    return next(name for name, least in CLEARED.items() if rate.numerator >= least * rate.denominator)


def _by_number(known: Clearing | None) -> str:
    return NO_STRUCTURES if known is None else cleared_class(known.number)


def _by_area(known: Clearing | None) -> str:
    if known is None:
        return NO_STRUCTURES
    return cleared_class(known.area) if known.area.denominator else AREA_UNKNOWN


def category_set(text: str | None) -> str:
    """Return the set of work categories that a free text names, written in one order.

    >>> category_set("提升类，基础类"), category_set("安防/环卫"), category_set(None)
    ('基础类、提升类', '安防、环卫', 'none')
    """
    named = {part for part in _BETWEEN.split(text or "") if part}
    known = [name for name in CATEGORIES if name in named or name.removesuffix("类") in named]
    others = named - {*CATEGORIES, *(name.removesuffix("类") for name in CATEGORIES)}
    return "、".join([*known, *sorted(others)]) or NONE


#: The sets that were asked for last.
_sets: Kept[tuple[str, ...]] = Kept(8)


def category_sets(still: Store) -> tuple[str, ...]:
    """Return every set of work categories of the record: small ones first, then in the order of the trade.

    ``still`` is what ``Store.still`` gave.
    """
    return _sets.of(still, ("compounds",), (), lambda: _category_sets(still))


def _category_sets(still: Store) -> tuple[str, ...]:
    c = tables.compounds.c
    texts = still.frame(select(c.work_categories).where(c.work_categories.is_not(None)).distinct())
    found = {category_set(row["work_categories"]) for row in texts} - {NONE}
    return tuple(sorted(found, key=_set_order))


def categories(still: Store) -> tuple[str, ...]:
    """Return every single work category of the record, in the order of the trade.

    ``still`` is what ``Store.still`` gave.

    >>> sorted({"b", "a", *CATEGORIES}, key=_set_order)
    ['基础类', '完善类', '提升类', 'a', 'b']
    """
    found = {part for written in category_sets(still) for part in written.split("、")}
    return tuple(sorted(found, key=_set_order))


def _set_order(written: str) -> tuple:
    parts = written.split("、")
    known = [CATEGORIES.index(part) for part in parts if part in CATEGORIES]
    return len(known) < len(parts), len(parts), known, parts


CLASS_OF_CLEARING: Mapping[str, Callable[[Clearing | None], str]] = MappingProxyType(
    {"cleared": _by_number, "cleared_area": _by_area}
)
_CLASS_OF_ROW: Mapping[str, Callable[[Row], str]] = MappingProxyType(
    {
        STAGE: lambda row: row.properties["stage"],
        "street_office": lambda row: row.properties["street_office_code"] or NONE,
        "plan_year": lambda row: str(row.properties["plan_year"] or NONE),
        "work_categories": lambda row: category_set(row.properties["work_categories"]),
    }
)
