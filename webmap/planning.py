"""The planner's pages: every number of the programme by street office with its basis, and one kind's gaps."""

from collections.abc import Iterator
from typing import NamedTuple

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext
from markupsafe import Markup

from layers import figures, gaps, health, needs, plancoverage, programme, service, shapes, writing
from layers.districts import district_of
from layers.people import visible
from layers.querying import FILTERS, RESTS_ON, Query
from layers.stages import STAGES
from layers.store import Row, Store
from webmap import access, gapmap, streams, words

blueprint = Blueprint("planning", __name__)

#: So many rows of a ranked list are on a page; its file holds all of them.
LISTED = 50
#: Whose changes change a gap: the shapes, the facilities' reach, and who answers.
_RESTS_ON = tuple(sorted({*RESTS_ON["compounds"], "settings"}))


class Measure(NamedTuple):
    """One way to count compounds: its name, its unit, the field of Totals, how it is said."""

    code: str
    label: str
    unit: str
    said: str


def measures() -> tuple[Measure, ...]:
    """Return the ways the stage table counts, in the reader's language."""

    def label(field: str) -> str:
        return words.field_label("compounds", field)

    return (
        Measure("compounds", words.layer_label("compounds"), words.unit("个"), "number"),
        Measure("buildings", label("buildings"), words.unit("栋"), "number"),
        Measure("households", label("households"), words.unit("户"), "number"),
        Measure("floor_area_m2", label("floor_area_m2"), words.large_area_unit(), "large_area"),
    )


def _in_heading(unit: str) -> Markup:
    return Markup(" <small>({})</small>").format(unit) if unit else Markup()


def amount(measure: Measure, value: float | None) -> str:
    """Return so much of a measure as the tables write it."""
    return words.FILTERS[measure.said](value)


def said(measure: Measure, totals: figures.Totals) -> str:
    """Return one measure of a sum as the tables write it."""
    return amount(measure, getattr(totals, measure.code))


def pace(measure: Measure, per_month: float) -> str:
    """Return so much of a measure a month, in the unit of the measure: a month is little beside a whole."""
    if measure.said == "number":
        return words.number(per_month, 2 if measure.code == "compounds" else 1)
    return words.number(per_month / 1e4, 2) if words.language() == "zh" else words.number(per_month / 1e6, 3)


def share(numerator: int, denominator: int) -> figures.Rate:
    """Return a rate of two counts of compounds."""
    return figures.Rate(numerator, denominator, figures.BY_COMPOUNDS)


def _rate_in(rate: figures.Rate, unit_m2: float, decimals: int) -> Markup:
    """Return a rate of areas in a larger unit, as the tables write it."""
    part, whole = (words.number(m2 / unit_m2, decimals) for m2 in (rate.numerator, rate.denominator))
    told = Markup('<span class="rate"><b>{}</b> <span class="of">{} / {}</span></span>')
    return told.format(words.percent(rate.value), part, whole)


def large_rate(rate: figures.Rate) -> Markup:
    """Return a rate of floor areas in the unit of ``large_area``."""
    return _rate_in(rate, 1e4, 1) if words.language() == "zh" else _rate_in(rate, 1e6, 2)


def hectare_rate(rate: figures.Rate) -> Markup:
    """Return a rate of land in hectares."""
    return _rate_in(rate, 1e4, 1)


@blueprint.get("/planning")
def page() -> str:
    """Return the planner's tables, or what to do first where there is nothing to count."""
    still, person = access.still(), access.person()
    access.check_arguments("on", "lang")
    district = district_of(still)
    if district.bounds is None:
        return render_template("districtmap_empty.html", district=district)
    on = access.reference_date()
    plan = programme.planning(still, person, on)
    return render_template(
        "planning.html",
        district=district,
        on=on,
        plan=plan,
        year_plan=programme.plan_shown(plan.plans, plan.plan_year),
        stages=tuple(STAGES),
        measures=measures(),
        cover=plancoverage.plan_coverage(still, person, on),
        service=service.service(still, person, on),
        needs=needs.needs(still, person, on),
        health=health.health(still, person, on),
        listed=LISTED,
        revision=still.revision("compounds", "street_offices", "facilities"),
        basis=figures.BY_COMPOUNDS,
        said=said,
        amount=amount,
        pace=pace,
        share=share,
        large_rate=large_rate,
        hectare_rate=hectare_rate,
        count_unit=_in_heading(words.unit("个")),
    )


@blueprint.get("/planning/coverage")
def coverage() -> str:
    """Return what one kind of facility serves and where not, with a map, and the best next places.

    Where no kind is asked for, there is the choice of all of them.
    """
    still, person = access.still(), access.person()
    access.check_arguments("kind", "on", "lang")
    district = district_of(still)
    if district.bounds is None:
        return render_template("districtmap_empty.html", district=district)
    on = access.reference_date()
    every = service.service(still, person, on)
    told = {
        "district": district,
        "on": on,
        "service": every,
        "hectare_rate": hectare_rate,
        "revision": still.revision(*_RESTS_ON),
        "count_unit": _in_heading(words.unit("个")),
    }
    if not request.args.get("kind"):
        return render_template("planning_coverage_empty.html", **told)
    found = gaps.gaps(still, person, access.facility_kind(), on)
    return render_template(
        "planning_coverage.html",
        found=found,
        picture=_picture(still, found),
        letters=gapmap.LETTERS,
        numbered=gapmap.NUMBERED,
        listed=LISTED,
        **told,
    )


@blueprint.get("/planning/gaps.geojson")
def listed_gaps() -> Response:
    """Return the gaps of one kind of facility as GeoJSON, those with most households first."""
    access.check_arguments("kind", "on", "lang")
    person, kind, on = access.person(), access.facility_kind(), access.reference_date()

    def make(still: Store) -> Iterator[bytes]:
        found = gaps.gaps(still, person, kind, on).gaps
        rows = ((gap.code, _told(rank, gap), gap.wkb) for rank, gap in enumerate(found, 1))
        return writing.feature_collection(rows, matched=len(found))

    return streams.answer(access.tag("", *_RESTS_ON), make)


def _told(rank: int, gap: gaps.Gap) -> dict[str, object]:
    return {
        "rank": rank,
        "code": gap.code,
        "name": gap.name,
        "street_office_name": gap.street_office_name,
        "share_served": round(gap.share_served, 9),
        "households_unserved": gap.households,
        "area_m2": gap.area_m2,
    }


@blueprint.get("/planning/outside_plan.csv")
def outside_plan() -> Response:
    """Return all needy compounds outside the year's plan as CSV, ranked, with the points of each reason."""
    access.check_arguments("on", "lang")
    person, on = access.person(), access.reference_date()
    found = needs.needs(access.still(), person, on)
    content = b"".join(writing.csv_lines([_headings(), *_ranked(found)]))
    response = Response(content, mimetype="text/csv")
    name = f"outside-plan-{found.plan_year}-{on.isoformat()}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    kind = visible(person, "illegal_structures").kind
    return access.tagged(response, f"{access.tag(kind, *FILTERS, 'settings')}-{words.language()}")


def _headings() -> list[str]:
    """Return what the columns of the list are called: a measure, its unit, and the points it gives."""

    def field(name: str) -> str:
        return words.field_label("compounds", name)

    reasons = {
        gettext("Age"): gettext("years"),
        gettext("Facilities missing"): "",
        gettext("Structures standing"): words.unit("个"),
        field("households"): words.unit("户"),
    }
    told = []
    for reason, unit in reasons.items():
        told += [f"{reason} ({unit})" if unit else reason, gettext("Points: %(reason)s", reason=reason)]
    first = gettext("Rank"), field("code"), field("name"), gettext("Street office"), gettext("Points")
    return [
        *first,
        *told,
        field("plan_year"),
        field("built_year"),
        f"{field('floor_area_m2')} ({gettext('m²')})",
    ]


def _ranked(found: needs.Needs) -> Iterator[list[object]]:
    for rank, one in enumerate(found.listed, 1):
        missing = "、".join(words.kind_label(kind) for kind in one.missing)
        yield [
            rank,
            one.code,
            one.name,
            one.street_office_name,
            one.score,
            one.age,
            one.points["age"],
            missing,
            one.points["facilities"],
            one.structures,
            one.points["structures"],
            one.households,
            one.points["households"],
            one.plan_year,
            one.built_year,
            one.floor_area_m2,
        ]


def _picture(still: Store, found: gaps.Gaps) -> Markup:
    """Return the map of a kind's gaps."""
    sight = visible(access.person(), "street_offices")
    offices: list[Row] = list(still.rows(sight, Query(layer="street_offices", on=found.on)))
    with still.reading() as connection:
        outlines = shapes.of_layer(connection, "compounds").to_wkb().tolist()
    kind = words.kind_label(found.service.kind)
    title = gettext("Map: what %(kind)s serves and where not; the list below tells the same", kind=kind)
    return gapmap.gaps_svg(found, offices, still.backdrop(), outlines, title)
