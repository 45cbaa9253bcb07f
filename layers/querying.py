"""What is asked of a layer, and the SQL that answers it; it holds no connection.

A ``Query`` is the reader's own filter. It is AND-ed with the person's ``Sight``, never used
instead of it.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, FromClause, Select, Subquery, and_, case, exists, func, or_, select

from geo.errors import RequestError
from layers.catalogue import LAYERS
from layers.people import Sight
from layers.stages import ORDER, STAGES
from layers.tables import FEATURES, assignments, coverage, places, plan_deadlines, stage_history, year_plans
from layers.validity import active_edition, edition_on, with_answers

NONE = "none"

#: Which filters mean something for which layer; any other is an error, never "all rows".
FILTERS = {
    "street_offices": {"street_office", "without_sites", "code", "text"},
    "compounds": {
        "plan_year",
        "street_office",
        "stage",
        "built_before",
        "uncovered",
        "border",
        "code",
        "text",
    },
    "illegal_structures": {
        "plan_year",
        "street_office",
        "stage",
        "built_before",
        "border",
        "state",
        "compound",
        "code",
        "text",
    },
    "facilities": {"street_office", "kind", "code", "text"},
}

#: Which filters of a question for compounds the layers shown beside them follow: map, legend and
#: export take them from here. (A border case of a point is another thing than one of a compound.)
BESIDE = {
    "compounds": FILTERS["compounds"],
    "illegal_structures": {"plan_year", "street_office", "stage", "built_before", "state"},
    "street_offices": {"without_sites"},
    "facilities": set(),
}

#: Whose changes change the rows of a layer as they are shown.
RESTS_ON = {
    "compounds": ("compounds", "street_offices", "facilities"),
    "illegal_structures": ("illegal_structures", "compounds", "street_offices"),
    "street_offices": ("street_offices", "compounds"),
    "facilities": ("facilities", "street_offices"),
}
#: No name and no code is longer; a longer text is no search.
_LONGEST_TEXT = 100


@dataclass(frozen=True, kw_only=True)
class Query:
    """A layer on a date, filtered. Absent filters are None; ``"none"`` asks for rows without.

    ``plan_year`` and ``stage`` choose compounds, and the structures inside them; ``uncovered``
    compounds not wholly served by a kind of facility; ``without_sites`` street offices with no
    compound; ``text`` is looked for in name and code.
    """

    layer: str
    on: date
    plan_year: int | str | None = None
    street_office: str | None = None
    stage: str | None = None
    built_before: int | None = None
    uncovered: str | None = None
    border: bool | None = None
    without_sites: bool | None = None
    state: str | None = None
    compound: str | None = None
    kind: str | None = None
    code: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        """Refuse a filter this layer does not have, and values no row can have."""
        for name in self.filters():
            if name not in FILTERS.get(self.layer, ()):
                raise RequestError("Layer %(layer)s has no filter %(filter)s.", layer=self.layer, filter=name)
        for name, value in self.filters().items():
            if isinstance(value, str) and not value.isprintable():
                raise RequestError("%(filter)s contains control characters.", filter=name)
        if isinstance(self.built_before, str) or (isinstance(self.plan_year, str) and self.plan_year != NONE):
            raise RequestError("A year is a number such as 2022.")
        if self.stage is not None and self.stage not in STAGES:
            raise RequestError("No stage is called %(stage)s.", stage=self.stage)
        if self.text is not None and len(self.text) > _LONGEST_TEXT:
            raise RequestError("Text to look for has at most %(most)s characters.", most=_LONGEST_TEXT)
        if self.state is not None and self.state not in LAYERS["illegal_structures"].field("state").choices:
            raise RequestError("No state is called %(state)s.", state=self.state)

    def filters(self) -> dict[str, object]:
        """Return the filters that are set, by name."""
        names = (n for n in self.__dataclass_fields__ if n not in ("layer", "on"))
        return {n: getattr(self, n) for n in names if getattr(self, n) is not None}

    def beside(self, layer: str) -> "Query":
        """Return the question for the rows of another layer that are shown beside these.

        >>> from datetime import date
        >>> Query(layer="compounds", on=date(2022, 6, 30), plan_year=2022, border=True).beside(
        ...     "illegal_structures"
        ... ).filters()
        {'plan_year': 2022}
        """
        shared = {name: value for name, value in self.filters().items() if name in BESIDE[layer]}
        return Query(layer=layer, on=self.on, **shared)


def standings(on: date) -> Subquery:
    """Return one row a compound with any stage row: where it stands on a date.

    The columns are ``code``, ``position`` (of the furthest stage begun, 1 to 7, or null),
    ``finished``, ``done``, ``accepted`` and ``overdue`` as 0 or 1; ``stages.standing`` and
    ``stages.late_stages`` say the same of single rows, and a test holds them together.
    """
    h, day = stage_history.c, on.isoformat()
    over = h.actual_finish <= day
    begun = or_(h.actual_start <= day, over, h.reported == 1)
    acceptance, construction = ORDER.index("acceptance") + 1, ORDER.index("construction") + 1
    furthest = func.max(case((begun, h.position)))
    last_over = func.max(case((over, h.position)))
    built = func.max(case((and_(over, h.position == construction), 1), else_=0))
    accepted = func.max(
        case((and_(over, h.position == acceptance), 1), (and_(begun, h.position > acceptance), 1), else_=0)
    )
    overdue = and_(h.planned_finish < day, or_(h.actual_finish.is_(None), h.actual_finish > day))
    works = func.max(case((and_(overdue, h.position < acceptance), 1), else_=0))
    unaccepted = func.max(case((and_(overdue, h.position == acceptance), 1), else_=0))
    unhanded = func.max(case((and_(overdue, h.position > acceptance), 1), else_=0))
    done = func.coalesce(or_(built == 1, furthest >= acceptance), False)
    late = or_(and_(works == 1, ~done), and_(unaccepted == 1, accepted == 0), unhanded == 1)
    return (
        select(
            h.code,
            furthest.label("position"),
            case((furthest == last_over, 1), else_=0).label("finished"),
            case((done, 1), else_=0).label("done"),
            accepted.label("accepted"),
            case((late, 1), else_=0).label("overdue"),
        )
        .group_by(h.code)
        .subquery("standing")
    )


def _stage_name(position: ColumnElement) -> ColumnElement:
    names = [(position == i, code) for i, code in enumerate(ORDER, 1)]
    return case(*names, else_="not_begun")


def _late(compound: ColumnElement, standing: Subquery, on: date) -> ColumnElement:
    """A stage is overdue, or the plan's deadline for it or for the whole year has passed."""
    day, h, d = on.isoformat(), stage_history.c, plan_deadlines.c
    reached = func.coalesce(standing.c.position, 0)
    order = case(*[(d.stage == code, i) for i, code in enumerate(ORDER, 1)])
    over = exists().where(h.code == compound.code, h.stage == d.stage, h.actual_finish <= day)
    # Left to itself SQLAlchemy correlates one level up only: any compound would then do.
    finished = over.correlate(FEATURES["compounds"], plan_deadlines)
    missed = exists().where(d.plan_year == compound.plan_year, d.due_on < day, order >= reached, ~finished)
    due = exists().where(year_plans.c.plan_year == compound.plan_year, year_plans.c.due_on < day)
    undone = func.coalesce(standing.c.done, 0) == 0
    return case((or_(standing.c.overdue == 1, missed, and_(due, undone)), 1), else_=0)


def select_rows(sight: Sight, query: Query, *, shapes: bool = True, past: date | None = None) -> Select:
    """Return the SELECT of the rows that ``query`` asks for and ``sight`` lets through.

    The columns are ``code``, the sight's fields, ``wkb`` (where ``shapes``) and, for
    compounds, ``finished``, ``done``, ``accepted`` and ``late``; in order of code. Who answers
    is told as it was at the end of the day ``past`` (see ``validity.past_day``; None: now).
    """
    feature = FEATURES[query.layer].c
    columns = {f: feature[f] for f in sight.fields if f in feature}
    source = FEATURES[query.layer]
    conditions = _sight_conditions(sight, feature)
    if query.layer == "street_offices":
        conditions.append(feature.edition_id == (active_edition() if past is None else edition_on(past)))
    else:
        source, duty = _with_duty(source, query.layer, past)
        columns |= {name: column for name, column in duty.items() if name in sight.fields}
        conditions += _duty_conditions(query, duty)
    if query.layer == "compounds":
        standing = standings(query.on)
        source = source.outerjoin(standing, standing.c.code == feature.code)
        columns |= _standing_columns(feature, standing, query.on)
    if query.layer == "illegal_structures":
        source = source.outerjoin(places, places.c.code == feature.code)
        columns["compound_code"] = places.c.compound_code
    conditions += _conditions(query, feature, columns, past)
    listed = [columns[name].label(name) for name in columns]
    listed += [feature.wkb] if shapes else []
    return select(*listed).select_from(source).where(*conditions).order_by(feature.code)


def _sight_conditions(sight: Sight, feature) -> list[ColumnElement]:
    return [] if sight.states is None else [feature.state.in_(sorted(sight.states))]


def _with_duty(
    source: FromClause, layer: str, past: date | None
) -> tuple[FromClause, dict[str, ColumnElement]]:
    """Join who answers for each row (on a day), and what that street office is called."""
    o = FEATURES["street_offices"].alias("office")
    joined, answer = with_answers(source, layer, source.c.code, past)
    same = and_(o.c.edition_id == answer["edition_id"], o.c.code == answer["street_office_code"])
    return joined.outerjoin(o, same), {
        "street_office_code": answer["street_office_code"],
        "street_office_name": o.c.name,
        "street_office_share": answer["share"],
        "border": answer["border"],
    }


def _duty_conditions(query: Query, duty: dict[str, ColumnElement]) -> list[ColumnElement]:
    found = []
    if query.street_office is not None:
        office = duty["street_office_code"]
        found.append(office.is_(None) if query.street_office == NONE else office == query.street_office)
    if query.border is not None:
        found.append(func.coalesce(duty["border"], 0) == int(query.border))
    return found


def _standing_columns(feature, standing: Subquery, on: date) -> dict[str, ColumnElement]:
    flags = {name: func.coalesce(standing.c[name], 0) for name in ("finished", "done", "accepted")}
    stage = _stage_name(func.coalesce(standing.c.position, 0))
    return {"stage": stage, **flags, "late": _late(feature, standing, on)}


def _conditions(
    query: Query, feature, columns: dict[str, ColumnElement], past: date | None
) -> list[ColumnElement]:
    found = []
    if query.code is not None:
        found.append(feature.code == query.code)
    if query.text is not None:
        found.append(or_(*(feature[n].icontains(query.text, autoescape=True) for n in ("name", "code"))))
    if query.state is not None:
        found.append(feature.state == query.state)
    if query.kind is not None:
        found.append(feature.kind == query.kind)
    if query.compound is not None:
        found.append(columns["compound_code"] == query.compound)
    if query.without_sites is not None:
        found.append(_has_sites(feature, past) != query.without_sites)
    if query.layer == "street_offices" and query.street_office is not None:
        found.append(feature.code == query.street_office)
    return found + _compound_conditions(query, feature, columns, past)


def _has_sites(office, past: date | None) -> ColumnElement:
    """Return whether a street office answers for any compound (on a day)."""
    if past is None:
        a = assignments.c
        same = a.edition_id == office.edition_id, a.street_office_code == office.code
        return exists().where(a.layer == "compounds", *same)
    compounds = FEATURES["compounds"].alias("site")
    joined, answer = with_answers(compounds, "compounds", compounds.c.code, past)
    answered = answer["street_office_code"] == office.code, answer["edition_id"] == office.edition_id
    return select(compounds.c.code).select_from(joined).where(*answered).exists()


def _compound_conditions(
    query: Query, feature, columns: dict[str, ColumnElement], past: date | None
) -> list[ColumnElement]:
    """Return the filters on compounds; for structures, on the compound they lie in."""
    if query.layer == "illegal_structures":
        if query.plan_year is query.stage is query.built_before is None:
            return []
        inner = Query(
            layer="compounds",
            on=query.on,
            plan_year=query.plan_year,
            stage=query.stage,
            built_before=query.built_before,
        )
        sight = Sight("compounds", ("code",), None, "")
        within = select_rows(sight, inner, shapes=False, past=past).subquery()
        return [columns["compound_code"].in_(select(within.c.code))]
    found = []
    if query.plan_year is not None:
        year = feature.plan_year
        found.append(year.is_(None) if query.plan_year == NONE else year == query.plan_year)
    if query.built_before is not None:
        found.append(feature.built_year < query.built_before)
    if query.stage is not None:
        found.append(columns["stage"] == query.stage)
    if query.uncovered is not None:
        c = coverage.c
        whole = exists().where(c.code == feature.code, c.kind == query.uncovered, c.share >= 1)
        found.append(~whole)
    return found
