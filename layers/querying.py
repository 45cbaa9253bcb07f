"""What is asked of a layer, and the SQL that answers it; it holds no connection.

A ``Query`` is the reader's own filter. It is AND-ed with the person's ``Sight``, never used
instead of it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import CTE, ColumnElement, FromClause, Select, Table, func, literal_column, select

from geo.errors import RequestError
from layers import ledger
from layers.boxes import Box, box_values, check_box
from layers.catalogue import LAYERS
from layers.conditions import CLASSES, DUTY, NONE, OF_COMPOUNDS, Form, conditions_of, parameter, with_duty
from layers.people import Sight
from layers.stages import STAGES
from layers.standings import standing_columns, standings, standings_of
from layers.tables import FEATURES, places
from layers.validity import end_of

#: Which filters mean something for which layer; any other is an error, never "all rows".
FILTERS = {
    "street_offices": {"street_office", "without_sites", "code", "text"},
    "compounds": OF_COMPOUNDS | {"street_office", "border", "code", "text"},
    "illegal_structures": OF_COMPOUNDS
    | {"street_office", "border", "state", "compound", "compound_border", "compound_text", "code", "text"},
    "facilities": {"street_office", "kind", "code", "text"},
}

#: Which filters of a question for compounds the layers shown beside them follow, and what each is called
#: there: map, legend and export take them from here. (A border case of a point is another thing than
#: one of a compound, and its own code and texts are others.)
BESIDE: Mapping[str, Mapping[str, str]] = {
    "compounds": {name: name for name in FILTERS["compounds"]},
    "illegal_structures": {name: name for name in (*OF_COMPOUNDS, "street_office", "state")}
    | {"border": "compound_border", "text": "compound_text", "code": "compound"},
    "street_offices": {"without_sites": "without_sites"},
    "facilities": {},
}

#: Whose changes change the rows of a layer as they are shown.
RESTS_ON = {
    "compounds": ("compounds", "street_offices", "facilities"),
    "illegal_structures": ("illegal_structures", "compounds", "street_offices"),
    "street_offices": ("street_offices", "compounds"),
    "facilities": ("facilities", "street_offices"),
}
#: The layers that some filters rest on as well.
_ALSO_ON = {"uncovered": "facilities"} | dict.fromkeys(("cleared", "cleared_area"), "illegal_structures")
#: No name and no code is longer; a longer text is no search.
_LONGEST_TEXT = 100
_PAGES = range(1, 1_000_001)
_OF_EVERY_LAYER = frozenset({"layer", "on", "box", "limit", "after"})


class Among(NamedTuple):
    """The compounds of one class of a colouring: its code, and theirs (see ``classes.among``)."""

    name: str
    codes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Query:
    """A layer on a date, filtered. Absent filters are None; ``"none"`` asks for rows without.

    ``plan_year``, ``outside_plan`` (a year whose plan does not hold them), ``stage``, ``late``,
    ``work_category``, ``uncovered`` (not wholly served by a kind of facility) and those of CLASSES
    choose compounds, and the structures inside them; so do, of structures, ``compound``,
    ``compound_border`` and ``compound_text``; ``without_sites`` chooses street offices with no
    compound; ``text`` is looked for in name and code, and of compounds in address and community.
    ``box`` (west, south, east and north in degrees of STORED) asks, in any layer, for the rows whose
    shape has a point in common with it.

    ``limit`` asks for a page of so many rows, the first ones after the code ``after``. Rows come
    in order of code, so the next page begins after the last code of this one, whatever has been
    written meanwhile.
    """

    layer: str
    on: date
    plan_year: int | str | None = None
    outside_plan: int | None = None
    street_office: str | None = None
    stage: str | None = None
    built_before: int | None = None
    uncovered: str | None = None
    border: bool | None = None
    late: bool | None = None
    work_category: str | None = None
    lateness: Among | None = None
    cleared: Among | None = None
    cleared_area: Among | None = None
    work_categories: Among | None = None
    without_sites: bool | None = None
    state: str | None = None
    compound: str | None = None
    compound_border: bool | None = None
    compound_text: str | None = None
    kind: str | None = None
    code: str | None = None
    text: str | None = None
    box: Box | None = None
    limit: int | None = None
    after: str | None = None

    def __post_init__(self) -> None:
        """Refuse a filter this layer does not have, and values no row can have."""
        for name in self.filters():
            if name not in FILTERS.get(self.layer, ()):
                raise RequestError("Layer %(layer)s has no filter %(filter)s.", layer=self.layer, filter=name)
        for name, value in self.filters().items():
            if isinstance(value, str) and not value.isprintable():
                raise RequestError("%(filter)s contains control characters.", filter=name)
        self._check_page()
        years = self.built_before, self.outside_plan, None if self.plan_year == NONE else self.plan_year
        if any(isinstance(year, str) for year in years):
            raise RequestError("A year is a number such as 2022.")
        if self.stage is not None and self.stage not in STAGES:
            raise RequestError("No stage is called %(stage)s.", stage=self.stage)
        if any(text is not None and len(text) > _LONGEST_TEXT for text in (self.text, self.compound_text)):
            raise RequestError("Text to look for has at most %(most)s characters.", most=_LONGEST_TEXT)
        if self.state is not None and self.state not in LAYERS["illegal_structures"].field("state").choices:
            raise RequestError("No state is called %(state)s.", state=self.state)

    def _check_page(self) -> None:
        if self.box is not None:
            check_box(self.box)
        if self.limit is not None and (type(self.limit) is not int or self.limit not in _PAGES):
            raise RequestError("A page has from 1 to %(most)s rows.", most=_PAGES[-1])
        if self.after is not None and not (isinstance(self.after, str) and self.after.isprintable()):
            raise RequestError("%(filter)s contains control characters.", filter="after")

    def filters(self) -> dict[str, object]:
        """Return the layer's own filters that are set, by name: neither box nor page."""
        every = vars(self).items()
        return {name: value for name, value in every if value is not None and name not in _OF_EVERY_LAYER}

    def beside(self, layer: str) -> "Query":
        """Return the question for the rows of another layer that are shown beside these.

        >>> from datetime import date
        >>> Query(layer="compounds", on=date(2022, 6, 30), plan_year=2022, border=True).beside(
        ...     "illegal_structures"
        ... ).filters()
        {'plan_year': 2022, 'compound_border': True}
        """
        followed = BESIDE[layer]
        shared = {followed[name]: value for name, value in self.filters().items() if name in followed}
        return Query(layer=layer, on=self.on, box=self.box, **shared)


def rests_on(query: Query) -> tuple[str, ...]:
    """Return whose changes change the answer to a question.

    >>> from datetime import date
    >>> rests_on(Query(layer="illegal_structures", on=date(2022, 6, 30), uncovered="clinic"))
    ('compounds', 'facilities', 'illegal_structures', 'street_offices')
    """
    also = {_ALSO_ON[name] for name in query.filters() if name in _ALSO_ON}
    return tuple(sorted({*RESTS_ON[query.layer], *also}))


class Asked(NamedTuple):
    """A statement and the values of its parameters: ``connection.execute(*asked)``.

    The statement is the same object for all queries of one form, so that it is built and
    translated for a store only once.
    """

    statement: Select
    values: Mapping[str, object]


def _form(query: Query, past: date | None) -> tuple[Form, dict[str, object]]:
    """Return what decides the SQL of a query, and the values of its parameters."""
    every = vars(query).items()
    given = {name: value for name, value in every if value is not None and name not in ("layer", "on")}
    fixed = {name: value for name, value in given.items() if _is_fixed(name, value)}
    values = {name: value for name, value in given.items() if name not in fixed}
    for name in values.keys() & {"text", "compound_text"}:
        values[name] = re.sub("[/%_]", r"/\g<0>", values[name])
    for name in values.keys() & CLASSES:
        values[name] = json.dumps(sorted(values[name].codes))
    if "work_category" in values:
        named = re.sub("[/%_]", r"/\g<0>", values["work_category"].strip().removesuffix("类"))
        values["work_category"] = f",{named},"
    if "box" in values:
        values |= box_values(values.pop("box"))
    if past is not None:
        values["end"] = end_of(past)
    form = Form(query.layer, frozenset(given), frozenset(fixed.items()), past is not None)
    return form, {**values, "on": query.on.isoformat()}


def _is_fixed(name: str, value: object) -> bool:
    without = name in ("plan_year", "street_office") and value == NONE
    return without or name == "stage" or isinstance(value, bool)


def select_rows(
    sight: Sight, query: Query, *, shapes: bool = True, past: date | None = None, ordered: bool = True
) -> Asked:
    """Return the SELECT of the rows that ``query`` asks for and ``sight`` lets through.

    The columns are ``code``, the sight's fields, ``wkb`` (where ``shapes``) and, for
    compounds, ``finished``, ``done``, ``accepted`` and ``late``; in order of code, where ``ordered`` and
    no page is asked for (its rows are few: they are sorted when they are there).
    Who answers is told as it was at the end of the day ``past`` (see ``validity.past_day``; None: now).
    """
    form, values = _form(query, past)
    return Asked(_rows(sight, form, shapes, ordered), values)


def select_count(sight: Sight, query: Query, past: date | None = None) -> Asked:
    """Return the SELECT of how many rows a query asks for, on all its pages."""
    form, values = _form(replace(query, limit=None, after=None), past)
    return Asked(_count(sight, form), values)


def select_states(sight: Sight, query: Query, past: date | None = None) -> Asked:
    """Return the SELECT of (state, number, area) of the illegal structures on all pages of a query."""
    form, values = _form(replace(query, limit=None, after=None), past)
    return Asked(_states(sight, form), values)


@lru_cache(maxsize=512)
def _rows(sight: Sight, form: Form, shapes: bool, ordered: bool) -> Select:
    """Choose first, where anything is to be chosen: what is shown is then asked of these rows only.

    The rows of a page are looked up one by one, as they were chosen. Many rows are read as they lie.
    """
    table = FEATURES[form.layer]
    chosen = _chosen(sight, form) if form.given else None
    source, columns = _shown(sight, table, chosen, form)
    listed = [column.label(name) for name, column in columns.items()]
    listed += [table.c.wkb] if shapes else []
    found = select(*listed).select_from(source)
    if chosen is None:
        found = found.where(*conditions_of(sight, form)[1])
    elif not form.is_page:
        found = found.where(table.c.fid.in_(select(chosen.c.fid)))
    return found.order_by(table.c.code) if ordered and not form.is_page else found


def _chosen(sight: Sight, form: Form) -> CTE:
    source, conditions = conditions_of(sight, form)
    feature = FEATURES[form.layer].c
    found = select(feature.fid, feature.code).select_from(source).where(*conditions)
    if form.is_page:
        found = found.order_by(feature.code).limit(form.value("limit"))
    return found.cte("chosen")


@lru_cache(maxsize=512)
def _count(sight: Sight, form: Form) -> Select:
    source, conditions = conditions_of(sight, form)
    return select(func.count()).select_from(source).where(*conditions)


@lru_cache(maxsize=512)
def _states(sight: Sight, form: Form) -> Select:
    source, conditions = conditions_of(sight, form)
    state, area = ledger.state(parameter("on")).label("state"), FEATURES[form.layer].c.area_m2
    counted = select(state, func.count(), func.sum(area)).select_from(source).where(*conditions)
    # By its place: in PostgreSQL the expression with a parameter of its own would be another one.
    return counted.group_by(literal_column("1"))


def _shown(
    sight: Sight, table: Table, chosen: CTE | None, form: Form
) -> tuple[FromClause, dict[str, ColumnElement]]:
    """Return the layer joined with what is shown of its rows, and the columns by name."""
    source, columns = table, {f: table.c[f] for f in sight.fields if f in table.c}
    day, standing = parameter("on"), None
    if form.is_page:
        standing = standings_of(day, chosen) if table.name == "compounds" else None
        first = chosen if standing is None else standing
        source = first.join(table, table.c.fid == first.c.fid)
    elif table.name == "compounds":
        standing = standings(day, None if chosen is None else select(chosen.c.code))
        source = source.outerjoin(standing, standing.c.code == table.c.code)
    # What is not shown is not joined: of half a million structures that takes as long as to read them.
    if table.name != "street_offices" and not DUTY.isdisjoint(sight.fields):
        source, duty = with_duty(source, table.name, form.end)
        columns |= {name: column for name, column in duty.items() if name in sight.fields}
    if standing is not None:
        columns |= standing_columns(standing, day)
    if table.name == "illegal_structures":
        if "state" in columns:
            columns["state"] = ledger.state(day)
        if "compound_code" in sight.fields:
            source = source.outerjoin(places, places.c.code == table.c.code)
            columns["compound_code"] = places.c.compound_code
    return source, columns
