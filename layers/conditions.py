"""Which rows of a layer a question is about: its conditions, in SQL that both stores share."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from layers import ledger
from layers.boxes import beside_places, meets
from layers.people import Sight
from layers.standings import standing_columns, standings, stands_in
from layers.tables import FEATURES, TEXT, WHOLE, assignments, coverage, places
from layers.validity import active_edition, edition_on, with_answers

NONE = "none"
#: What is shown of a row about who answers for it.
DUTY = frozenset({"street_office_code", "street_office_name", "street_office_share", "border"})

#: What stands between work categories that are written in one text.
BETWEEN_CATEGORIES = "、，；;/|+和及 "
#: The filters that choose the compounds of one class, whose codes are their value.
CLASSES = frozenset({"lateness", "cleared", "cleared_area", "work_categories"})
#: The filters that only compounds answer to: of structures they ask for those inside such compounds.
OF_COMPOUNDS = {
    "plan_year",
    "outside_plan",
    "stage",
    "built_before",
    "uncovered",
    "late",
    "work_category",
} | CLASSES
#: All filters on structures that are of the compound they lie in, and what each is called there.
_COMPOUNDS_OF_STRUCTURES = {name: name for name in OF_COMPOUNDS} | {
    "compound_border": "border",
    "compound_text": "text",
}


class Form(NamedTuple):
    """What of a query decides its SQL: the filters that are set, and those values that are no parameters.

    ``inside`` says that it is about the compounds that structures lie in: the parameters are theirs.
    """

    layer: str
    given: frozenset[str]
    fixed: frozenset[tuple[str, object]]
    past: bool
    inside: bool = False

    @property
    def is_page(self) -> bool:
        """Return whether a page of so many rows is asked for."""
        return "limit" in self.given

    @property
    def end(self) -> BindParameter | None:
        """Return the end of the day as of which is told who answers, None where that is now."""
        return parameter("end") if self.past else None

    def value(self, name: str) -> object:
        """Return a filter's value where the form fixes it, else its parameter."""
        called = "compound_text" if self.inside and name == "text" else name
        return dict(self.fixed).get(name, parameter(called))

    def of_compounds(self) -> "Form":
        """Return the form of the question for the compounds that structures must lie in."""
        there = _COMPOUNDS_OF_STRUCTURES
        given = frozenset(there[name] for name in self.given & there.keys())
        fixed = frozenset((there[name], value) for name, value in self.fixed if name in there)
        return Form("compounds", given, fixed, self.past, inside=True)


def parameter(name: str) -> BindParameter:
    """Return the parameter of a filter, of the type of its values."""
    whole = name in ("plan_year", "outside_plan", "built_before", "limit")
    return bindparam(name, type_=WHOLE if whole else TEXT)


def conditions_of(sight: Sight, form: Form) -> tuple[FromClause, list[ColumnElement]]:
    """Return the layer, joined with as much as its conditions need, and the conditions."""
    table = source = FEATURES[form.layer]
    found = [] if sight.states is None else [or_(*(table.c.state == state for state in sorted(sight.states)))]
    if table.name == "street_offices":
        found.append(table.c.edition_id == (edition_on(form.end) if form.past else active_edition()))
    elif form.given & {"street_office", "border"}:
        source, duty = with_duty(source, table.name, form.end)
        found += _duty_conditions(form, duty)
    if table.name == "compounds" and "late" in form.given:
        source, late = _with_lateness(source)
        found.append(late == int(form.value("late")))
    if table.name == "illegal_structures":
        found.append(ledger.listed(parameter("on")))
        if form.given & {"compound", *_COMPOUNDS_OF_STRUCTURES}:
            source = source.outerjoin(places, places.c.code == table.c.code)
            found += _place_conditions(form)
    makers = {**_CONDITIONS, **_CONDITIONS_OF.get(table.name, {})}
    found += [make(table.c, form) for name, make in makers.items() if name in form.given]
    if "box" not in form.given:
        return source, found
    # Last: where a row lies exactly is asked only of those that are meant for all else.
    return beside_places(source, table), [*found, meets(table.c)]


def with_duty(
    source: FromClause, layer: str, end: ColumnElement | None
) -> tuple[FromClause, dict[str, ColumnElement]]:
    """Join who answers for each row (at the end of a day), and what that street office is called."""
    o = FEATURES["street_offices"].alias("office")
    joined, answer = with_answers(source, layer, FEATURES[layer].c.code, end)
    same = and_(o.c.edition_id == answer["edition_id"], o.c.code == answer["street_office_code"])
    return joined.outerjoin(o, same), {
        "street_office_code": answer["street_office_code"],
        "street_office_name": o.c.name,
        "street_office_share": answer["share"],
        "border": answer["border"],
    }


def _duty_conditions(form: Form, duty: dict[str, ColumnElement]) -> list[ColumnElement]:
    found = []
    if "street_office" in form.given:
        office, asked = duty["street_office_code"], form.value("street_office")
        found.append(office.is_(None) if asked == NONE else office == asked)
    if "border" in form.given:
        found.append(func.coalesce(duty["border"], 0) == int(form.value("border")))
    return found


def _with_lateness(source: FromClause) -> tuple[FromClause, ColumnElement]:
    """Join where compounds stand on the day, and return whether they are late as 0 or 1."""
    day, code = parameter("on"), FEATURES["compounds"].c.code
    standing = standings(day).alias("lateness")
    return source.outerjoin(standing, standing.c.code == code), standing_columns(standing, day)["late"]


def _place_conditions(form: Form) -> list[ColumnElement]:
    """Return the filters on structures that are of the compound they lie in."""
    found = []
    if "compound" in form.given:
        found.append(places.c.compound_code == form.value("compound"))
    if form.given & _COMPOUNDS_OF_STRUCTURES.keys():
        source, conditions = conditions_of(_EVERY_COMPOUND, form.of_compounds())
        within = select(FEATURES["compounds"].c.code).select_from(source).where(*conditions)
        found.append(places.c.compound_code.in_(within))
    return found


# Of no type, as those of ``boxes``: SQLAlchemy would write "= 1" behind a Boolean.
class _listed(FunctionElement):
    """Whether a code is one of those that a text of JSON lists."""

    inherit_cache = True
    type = NullType()


@compiles(_listed, "sqlite")
def _in_json(element: _listed, compiler, **options) -> str:
    code, codes = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{code} IN (SELECT value FROM json_each({codes}))"


@compiles(_listed, "postgresql")
def _in_json_elements(element: _listed, compiler, **options) -> str:
    code, codes = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{code} IN (SELECT json_array_elements_text(CAST({codes} AS json)))"


def _of_class(name: str) -> Callable[..., ColumnElement]:
    return lambda compound, form: _listed(compound.code, form.value(name))


def _has_text(feature, form: Form) -> ColumnElement:
    fields = [feature[name] for name in ("name", "code", "address", "community") if name in feature]
    return or_(*(field.icontains(form.value("text"), escape="/") for field in fields))


def _has_category(compound, form: Form) -> ColumnElement:
    """Of the categories that are written in one text, one is the one asked for, whole."""
    written = func.replace(compound.work_categories, "类", "")
    for sign in BETWEEN_CATEGORIES:
        written = func.replace(written, sign, ",")
    around = literal(",", TEXT)
    return (around + written + around).contains(form.value("work_category"), escape="/")


def _in_year(feature, form: Form) -> ColumnElement:
    asked = form.value("plan_year")
    return feature.plan_year.is_(None) if asked == NONE else feature.plan_year == asked


def _outside_plan(compound, form: Form) -> ColumnElement:
    return or_(compound.plan_year.is_(None), compound.plan_year != form.value("outside_plan"))


def _without_sites(office, form: Form) -> ColumnElement:
    site = _has_sites(office, form.end)
    return ~site if form.value("without_sites") else site


def _has_sites(office, end: ColumnElement | None) -> ColumnElement:
    """Return whether a street office answers for any compound (at the end of a day)."""
    if end is None:
        a = assignments.c
        same = a.edition_id == office.edition_id, a.street_office_code == office.code
        return exists().where(a.layer == "compounds", *same)
    compounds = FEATURES["compounds"].alias("site")
    joined, answer = with_answers(compounds, "compounds", compounds.c.code, end)
    answered = answer["street_office_code"] == office.code, answer["edition_id"] == office.edition_id
    return select(compounds.c.code).select_from(joined).where(*answered).exists()


def _uncovered(compound, form: Form) -> ColumnElement:
    c = coverage.c
    return ~exists().where(c.code == compound.code, c.kind == form.value("uncovered"), c.share >= 1)


_EVERY_COMPOUND = Sight("compounds", ("code",), None, "")
#: What makes a filter a condition on the columns of a layer; duty and place have theirs above.
_CONDITIONS = {
    "after": lambda feature, form: feature.code > form.value("after"),
    "code": lambda feature, form: feature.code == form.value("code"),
    "text": _has_text,
    "state": lambda feature, form: ledger.state(parameter("on")) == form.value("state"),
    "kind": lambda feature, form: feature.kind == form.value("kind"),
    "without_sites": _without_sites,
}
_CONDITIONS_OF = {
    "compounds": {
        "plan_year": _in_year,
        "outside_plan": _outside_plan,
        "built_before": lambda compound, form: compound.built_year < form.value("built_before"),
        "stage": lambda compound, form: stands_in(form.value("stage"), parameter("on")),
        "uncovered": _uncovered,
        "work_category": _has_category,
        **{name: _of_class(name) for name in sorted(CLASSES)},
    },
    "street_offices": {"street_office": lambda office, form: office.code == form.value("street_office")},
}
