"""The planner's first page: every number of the programme by street office, with its basis."""

from typing import NamedTuple

from flask import Blueprint, render_template
from markupsafe import Markup

from layers import figures, programme
from layers.stages import STAGES
from webmap import access, words

blueprint = Blueprint("planning", __name__)


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


def said(measure: Measure, totals: figures.Totals) -> str:
    """Return one measure of a sum as the tables write it."""
    return words.FILTERS[measure.said](getattr(totals, measure.code))


def share(numerator: int, denominator: int) -> figures.Rate:
    """Return a rate of two counts of compounds."""
    return figures.Rate(numerator, denominator, figures.BY_COMPOUNDS)


@blueprint.get("/planning")
def page() -> str:
    """Return the planner's tables, or what to do first where there is nothing to count."""
    still, person = access.still(), access.person()
    access.check_arguments("on", "lang")
    district = still.district()
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
        revision=still.revision("compounds", "street_offices", "facilities"),
        basis=figures.BY_COMPOUNDS,
        said=said,
        share=share,
        count_unit=_in_heading(words.unit("个")),
    )
