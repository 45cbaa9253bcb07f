"""What the statistics sheets contain: the national survey's annual plan, progress, effect and facts.

Beside these four stand the stages, the illegal structures by street office and by batch, and the
compounds of the year's plan one by one. What later work brings (quantities of works, changes of the
plan, confirmations) has its column already and waits to be reported.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from layers import counted
from layers.figures import BY_AREA, BY_COMPOUNDS, BY_STRUCTURES
from layers.headings import BY_MONEY, DURING, END, OPENING
from layers.reached import Site
from layers.sheets import Column, Plan, Sum
from layers.stages import STAGES


def _flow(step: str, text: str, also: Callable, code: str = "", **more: object) -> tuple[Column, ...]:
    """Return 上期末, 本期, 本期末 of a step that compounds reach."""
    code = code or text
    return (
        Column(f"{code}_opening", text, part=OPENING, who=counted.all_of(also, counted.opened(step)), **more),
        Column(f"{code}_during", text, part=DURING, who=counted.all_of(also, counted.during(step)), **more),
        Column(code, text, part=END, who=counted.all_of(also, counted.reached(step)), **more),
    )


def _ledger(step: str, text: str, unit: str, measure: str = "") -> tuple[Column, ...]:
    """Return 上期末, 本期, 本期末 of what happens to structures."""
    more = {"unit": unit, "measure": measure, "layer": "illegal_structures"}
    on_ledger = counted.by("listed") if step == "cleared" else counted.every
    return (
        Column(
            f"{text}_opening",
            text,
            part=OPENING,
            who=counted.all_of(on_ledger, counted.by(step, opening=True)),
            **more,
        ),
        Column(
            f"{text}_during", text, part=DURING, who=counted.all_of(on_ledger, counted.during(step)), **more
        ),
        Column(text, text, part=END, who=counted.all_of(on_ledger, counted.by(step)), **more),
    )


def _flows(*codes: str) -> tuple[Sum, ...]:
    return tuple(Sum(code, (f"{code}_opening", f"{code}_during"), live=True) for code in codes)


def _sums(who: Callable, *columns: tuple[str, str, str]) -> tuple[Column, ...]:
    """Return columns that sum up fields of the same compounds, from (code, field, unit)."""
    return tuple(
        Column(code, code, unit, who=who, measure=field, reported=unit == "万元")
        for code, field, unit in columns
    )


def _counts(*columns: tuple[str, Callable]) -> tuple[Column, ...]:
    return tuple(Column(code, code, who=who) for code, who in columns)


_AGES = (
    ("before_1980", counted.built(0, 1980)),
    ("before_1990", counted.built(1980, 1990)),
    ("before_2000", counted.built(1990, 2000)),
    ("since_2000", counted.built(2000, 10_000)),
    ("built_unknown", counted.known("built_year", known=False)),
)
_INVESTMENT = _sums(counted.planned, ("investment", "investment_wan_yuan", "万元"))


def _plan_columns() -> tuple[Column, ...]:
    return (
        *_counts(("planned", counted.planned)),
        *_sums(
            counted.planned,
            ("planned_buildings", "buildings", "栋"),
            ("planned_households", "households", "户"),
            ("planned_area", "floor_area_m2", "㎡"),
        ),
        *_counts(*((code, counted.all_of(counted.planned, built)) for code, built in _AGES)),
        *_INVESTMENT,
        *_sums(counted.planned, ("funds", "funds_wan_yuan", "万元")),
        Column("funds_rate", "funds_rate", "%", rate=("funds", "investment"), basis=BY_MONEY),
        Column("added", "added", part=DURING),
        Column("removed", "removed", part=DURING),
    )


def _progress_columns() -> tuple[Column, ...]:
    households = {"unit": "户", "measure": "households"}
    return (
        *_counts(("planned", counted.planned)),
        *_sums(counted.planned, ("planned_households", "households", "户")),
        *_flow("started", "started", counted.planned),
        *_flow("started", "started_households", counted.planned, **households),
        *_flow("done", "done", counted.planned),
        *_flow("accepted", "accepted", counted.planned),
        Column("start_rate", "start_rate", "%", rate=("started", "planned"), basis=BY_COMPOUNDS),
        Column("done_rate", "done_rate", "%", rate=("done", "planned"), basis=BY_COMPOUNDS),
        *_counts(
            ("on_time", counted.all_of(counted.planned, counted.on_time)),
            ("late", counted.all_of(counted.planned, counted.stands("late"))),
        ),
        Column("on_time_rate", "on_time_rate", "%", rate=("on_time", "planned"), basis=BY_COMPOUNDS),
        *_INVESTMENT,
        *_sums(counted.planned, ("invested", "invested_wan_yuan", "万元")),
        Column("invested_rate", "invested_rate", "%", rate=("invested", "investment"), basis=BY_MONEY),
        Column("quantities", "quantities", "项"),
        Column("confirmed", "confirmed"),
    )


def _stage_columns() -> tuple[Column, ...]:
    here = (
        (f"at_{stage}", counted.all_of(counted.planned, counted.says("stage", stage))) for stage in STAGES
    )
    return (*_counts(("planned", counted.planned)), *_counts(*here))


def _effect_columns() -> tuple[Column, ...]:
    return (
        *_counts(("old", counted.old)),
        *_flow("done", "old_done", counted.old),
        Column("old_rate", "old_rate", "%", rate=("old_done", "old"), basis=BY_COMPOUNDS),
        *_flow("done", "done", counted.every),
        *_flow("done", "done_households", counted.every, unit="户", measure="households"),
        *_flow("done", "done_area", counted.every, unit="㎡", measure="floor_area_m2"),
        Column("lifts", "lifts", "部"),
        Column("parking", "parking"),
        Column("care", "care"),
    )


def _fact_columns() -> tuple[Column, ...]:
    return (
        *_counts(("every", counted.every)),
        *_sums(
            counted.every,
            ("buildings", "buildings", "栋"),
            ("entrances", "entrances", "个"),
            ("households", "households", "户"),
            ("area", "floor_area_m2", "㎡"),
            ("land", "land_area_m2", "㎡"),
        ),
        *_counts(*_AGES),
        *_counts(
            ("managed", counted.known("management")),
            ("unmanaged", counted.known("management", known=False)),
            ("committee", counted.says("owners_committee", True)),
            ("no_committee", counted.says("owners_committee", False)),
            ("committee_unknown", counted.known("owners_committee", known=False)),
            ("ever_planned", counted.known("plan_year")),
            ("never_planned", counted.known("plan_year", known=False)),
        ),
    )


def _structure_columns() -> tuple[Column, ...]:
    layer = "illegal_structures"
    rates = (
        Column("cleared_rate", "cleared_rate", "%", rate=("cleared", "ledger"), basis=BY_STRUCTURES),
        Column(
            "cleared_area_rate", "cleared_area_rate", "%", rate=("cleared_area", "ledger_area"), basis=BY_AREA
        ),
    )
    return (
        *_ledger("listed", "ledger", "处"),
        *_ledger("cleared", "cleared", "处"),
        Column("standing", "standing", "处", layer=layer, who=counted.standing),
        Column("overdue", "overdue", "处", layer=layer, who=counted.overdue),
        rates[0],
        *_ledger("listed", "ledger_area", "㎡", "area_m2"),
        *_ledger("cleared", "cleared_area", "㎡", "area_m2"),
        rates[1],
        Column("rechecked", "rechecked", "处"),
    )


def _day_of(stage: str, name: str) -> Callable[[Site], object]:
    return lambda site: getattr(site.stage(stage), name)


def _compound_columns() -> tuple[Column, ...]:
    layer = "illegal_structures"
    return (
        Column("office", "office", "", told=lambda site: site.row.properties["street_office_name"]),
        Column("stage", "stage", "", told=lambda site: STAGES[site.row.properties["stage"]]),
        Column("built", "built", "", told=lambda site: site.row.properties["built_year"]),
        *_counts(("every", counted.every)),
        *_sums(
            counted.every,
            ("buildings", "buildings", "栋"),
            ("households", "households", "户"),
            ("area", "floor_area_m2", "㎡"),
        ),
        Column("due", "due", "", told=_day_of("construction", "planned_finish")),
        Column("begun_on", "begun_on", "", told=_day_of("construction", "actual_start")),
        Column("done_on", "done_on", "", told=_day_of("construction", "actual_finish")),
        *_counts(
            ("started", counted.reached("started")),
            ("done", counted.stands("done")),
            ("accepted", counted.stands("accepted")),
            ("late", counted.stands("late")),
        ),
        Column("ledger", "ledger", "处", layer=layer, who=counted.by("listed")),
        Column(
            "cleared",
            "cleared",
            "处",
            layer=layer,
            who=counted.all_of(counted.by("listed"), counted.by("cleared")),
        ),
        Column("cleared_rate", "cleared_rate", "%", rate=("cleared", "ledger"), basis=BY_STRUCTURES),
        *_sums(
            counted.every,
            ("investment", "investment_wan_yuan", "万元"),
            ("invested", "invested_wan_yuan", "万元"),
        ),
    )


_AGE_CODES = tuple(code for code, _ in _AGES)
_LEDGER = (
    *_flows("ledger", "cleared", "ledger_area", "cleared_area"),
    Sum("ledger", ("cleared", "standing")),
)
PLANS: Mapping[str, Plan] = MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan("plan", "streets", _plan_columns(), (Sum("planned", _AGE_CODES),)),
            Plan(
                "progress",
                "streets",
                _progress_columns(),
                (
                    *_flows("started", "started_households", "done", "accepted"),
                    Sum("planned", ("on_time", "late")),
                ),
            ),
            Plan(
                "stages",
                "streets",
                _stage_columns(),
                (Sum("planned", tuple(f"at_{stage}" for stage in STAGES)),),
            ),
            Plan(
                "effect",
                "streets",
                _effect_columns(),
                _flows("old_done", "done", "done_households", "done_area"),
            ),
            Plan(
                "facts",
                "streets",
                _fact_columns(),
                (
                    Sum("every", _AGE_CODES),
                    Sum("every", ("managed", "unmanaged")),
                    Sum("every", ("committee", "no_committee", "committee_unknown")),
                    Sum("every", ("ever_planned", "never_planned")),
                ),
            ),
            Plan("demolition", "streets", _structure_columns(), _LEDGER),
            Plan("batches", "batches", _structure_columns(), _LEDGER),
            Plan("compounds", "compounds", _compound_columns()),
        )
    }
)
