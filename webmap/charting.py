"""Charts where people would rather look than read: course of the plan, stages, street offices, batches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext
from markupsafe import Markup

from geo.errors import NotFoundError
from layers import courses, tabulating
from layers.courses import Course
from layers.districts import district_of
from layers.people import visible
from layers.periods import period_ending
from layers.sheets import Sheet
from layers.stages import STAGES
from webmap import access, charts, palette, sheetwords, words
from webmap.charts import Look, Part, Words

blueprint = Blueprint("charting", __name__)

#: Each chart is drawn for a desk and for a phone: letters that shrink are not read.
WIDTHS: Mapping[str, int] = MappingProxyType({"desk": 600, "phone": 330})
DONE = Look(palette.stage_colour("handover"), "solid")
BEGUN = Look(palette.stage_colour("construction"), "diagonal")
AHEAD = Look(palette.stage_colour("not_begun"), "blank")
CLEARED = Look(palette.STATES["demolished"].colour, "horizontal")
STANDING = Look(palette.STATES["found"].colour, "dots")
PLANNED = Look(palette.INK_LINE, "line", "7 4")
ACTUAL = Look(palette.stage_colour("construction"), "line")
#: Whose changes change a chart.
_RESTS_ON = ("compounds", "street_offices", "illegal_structures", "year_plans", "settings")


@dataclass(frozen=True)
class Chart:
    """A chart with what belongs to it: the finding as its title, what is counted, and its table.

    ``draw`` makes the drawing of a width under a name; the table is headings and rows of texts.
    """

    name: str
    finding: str
    counted: str
    draw: Callable[[Words, int], Markup]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sheet: str

    def drawn(self, kind: str) -> Markup:
        """Return the drawing for a kind of window: desk or phone."""
        return self.draw(Words(f"{self.name}-{kind}", self.finding, self.counted), WIDTHS[kind])


@blueprint.get("/charts")
def page() -> str:
    """Return all charts, or what to do first where there is nothing to draw."""
    access.check_arguments("on", "lang")
    district = district_of(access.still())
    if district.bounds is None:
        return render_template("districtmap_empty.html", district=district)
    on = access.reference_date()
    return render_template(
        "charts.html",
        district=district,
        on=on,
        charts=_charts(on),
        asked={"on": request.args["on"]} if request.args.get("on") else {},
        revision=tabulating.revision_of(access.still(), access.person()),
    )


@blueprint.get("/charts/<name>.svg")
def picture(name: str) -> Response:
    """Send one chart as a picture of its own, to be put into a report."""
    access.check_arguments("on", "lang")
    made = {chart.name: chart for chart in _charts(access.reference_date())}
    if name not in made:
        raise NotFoundError(
            "No chart is called %(name)s; the charts are %(names)s.", name=name, names=", ".join(made)
        )
    kind = visible(access.person(), "illegal_structures").kind
    response = Response(made[name].drawn("desk"), mimetype="image/svg+xml")
    return access.tagged(response, f"{access.tag(kind, *_RESTS_ON)}-{words.language()}-{name}")


def _charts(on: date) -> tuple[Chart, ...]:
    still, person = access.still(), access.person()
    period = period_ending("year", on)
    sheets = tabulating.sheets(still, person, period, ("stages", "progress", "batches"))
    return (
        _course(courses.course(still, person, on)),
        _funnel(sheets["stages"]),
        _streets(sheets["progress"]),
        _batches(sheets["batches"]),
    )


def _course(found: Course) -> Chart:
    planned, actual = found.today
    behind = planned - actual
    told = {"day": words.day(found.on), "actual": words.number(actual), "planned": words.number(planned)}
    if behind > 0:
        finding = gettext(
            "%(actual)s of %(planned)s stages due by %(day)s are finished: %(behind)s behind the plan",
            behind=words.number(behind),
            **told,
        )
    else:
        finding = gettext("%(actual)s stages are finished by %(day)s, %(planned)s were due: on time", **told)
    parts = (
        Part(gettext("planned"), PLANNED, found.planned),
        Part(gettext("actual"), ACTUAL, found.actual),
    )

    def draw(said: Words, width: int) -> Markup:
        each = (1 if width > 500 else 3) * (1 if len(found.days) < 15 else 3 if width > 500 else 2)
        labels = [_month(day, found.on, each) for day in found.days]
        return charts.lines(said, found.days, parts, labels, found.on, width)

    counted = gettext(
        "Finished stages of the compounds in the plan of %(year)s, of %(whole)s; "
        "%(undated)s have no day in any plan.",
        year=found.plan_year,
        whole=words.number(found.whole),
        undated=words.number(found.undated),
    )
    rows = tuple(
        (words.day(day), words.number(p), "—" if a is None else words.number(a))
        for day, p, a in zip(found.days, found.planned, found.actual, strict=True)
    )
    headings = gettext("By"), gettext("planned"), gettext("actual")
    return Chart("course", finding, counted, draw, headings, rows, "progress")


def _month(day: date, on: date, each: int) -> str:
    """Return what is written below the end of a month: its number, at every so many of them."""
    if day.month % each or (day == on and day.day < 28):
        return ""
    return f"{day.month}/{day.year % 100}" if day.month == 12 else str(day.month)


def _funnel(sheet: Sheet) -> Chart:
    cells = sheet.total.cells
    here = {stage: cells[f"at_{stage}"].value for stage in STAGES}
    order = list(STAGES)
    reached = {stage: sum(here[later] for later in order[place:]) for place, stage in enumerate(order)}
    steps = order[1:]
    whole = reached[order[0]]
    where = max(order, key=lambda stage: here[stage])
    finding = gettext(
        "%(reached)s of %(whole)s compounds have come as far as construction; "
        "most stand at: %(stage)s (%(most)s)",
        reached=words.number(reached["construction"]),
        whole=words.number(whole),
        stage=words.stage_label(where),
        most=words.number(here[where]),
    )
    names = [words.stage_label(stage) for stage in steps]
    values = [reached[stage] for stage in steps]
    ends = [f"{value} · {words.percent(value / whole if whole else None)}" for value in values]
    part = (Part(gettext("come as far as this stage"), BEGUN, values),)
    counted = gettext("Compounds in the plan of %(year)s, by number", year=sheet.plan_year)
    rows = tuple(
        (name, words.number(v), words.number(here[s]))
        for name, v, s in zip(names, values, steps, strict=True)
    )
    headings = gettext("Stage"), gettext("come as far as this stage"), gettext("stand at it")
    return Chart("stages", finding, counted, _bars(names, part, ends), headings, rows, "stages")


def _streets(sheet: Sheet) -> Chart:
    told = [
        (sheetwords.row_name(sheet, line), line.cells) for line in sheet.lines if line.cells["planned"].value
    ]
    told.sort(key=lambda row: -row[1]["planned"].value)
    names = [name for name, _ in told]

    def of(code: str) -> list[int]:
        return [cells[code].value for _, cells in told]

    planned, begun, done, late = of("planned"), of("started"), of("done"), of("late")
    parts = (
        Part(gettext("works done"), DONE, done),
        Part(gettext("works begun, not done"), BEGUN, [b - d for b, d in zip(begun, done, strict=True)]),
        Part(gettext("not begun"), AHEAD, [p - b for p, b in zip(planned, begun, strict=True)]),
    )
    ends = [
        gettext("%(planned)s, late ! %(late)s", planned=p, late=n) if n else str(p)
        for p, n in zip(planned, late, strict=True)
    ]
    worst = max(range(len(told)), key=lambda place: late[place], default=None)
    counted = gettext("Compounds in the plan of %(year)s, by number", year=sheet.plan_year)
    if worst is None:
        finding = gettext("No compound is in the plan of %(year)s", year=sheet.plan_year)
    elif late[worst]:
        finding = gettext(
            "%(late)s of %(planned)s compounds are late; most: %(street)s (%(most)s)",
            late=words.number(sum(late)),
            planned=words.number(sum(planned)),
            street=names[worst],
            most=words.number(late[worst]),
        )
    else:
        finding = gettext("None of %(planned)s compounds is late", planned=words.number(sum(planned)))
    rows = tuple(tuple(map(str, row)) for row in zip(names, planned, begun, done, late, strict=True))
    headings = (
        words.field_label("compounds", "street_office_name"),
        gettext("planned"),
        gettext("begun"),
        gettext("done"),
        gettext("late"),
    )
    return Chart("streets", finding, counted, _bars(names, parts, ends), headings, rows, "progress")


def _batches(sheet: Sheet) -> Chart:
    told = [(sheetwords.row_name(sheet, line), line.cells) for line in sheet.lines]
    names = [name for name, _ in told]
    cleared = [cells["cleared"].value for _, cells in told]
    standing = [cells["standing"].value for _, cells in told]
    ledger = [cells["ledger"].value for _, cells in told]
    ends = [f"{c} / {n}" for c, n in zip(cleared, ledger, strict=True)]
    parts = Part(gettext("cleared"), CLEARED, cleared), Part(gettext("still standing"), STANDING, standing)
    rate = sheet.total.cells["cleared_rate"].value
    worst = max(range(len(told)), key=lambda place: standing[place], default=None)
    if worst is None:
        finding = gettext("No illegal structure is on record")
    else:
        finding = gettext(
            "%(cleared)s of %(ledger)s structures are cleared (%(share)s); "
            "most still standing: %(batch)s (%(most)s)",
            cleared=words.number(rate.numerator),
            ledger=words.number(rate.denominator),
            share=words.percent(rate.value),
            batch=names[worst],
            most=words.number(standing[worst]),
        )
    counted = gettext("Illegal structures on the ledger by batch, by number")
    if sheet.published_only:
        counted = f"{counted} · {gettext('Illegal structures: published cases only.')}"
    shares = [words.percent(cells["cleared_rate"].value.value) for _, cells in told]
    rows = tuple(tuple(map(str, row)) for row in zip(names, ledger, cleared, standing, shares, strict=True))
    headings = (
        words.field_label("illegal_structures", "batch"),
        gettext("on the ledger"),
        gettext("cleared"),
        gettext("still standing"),
        gettext("Share cleared, by number"),
    )
    return Chart("batches", finding, counted, _bars(names, parts, ends), headings, rows, "batches")


def _bars(names: list[str], parts: tuple[Part, ...], ends: list[str]) -> Callable[[Words, int], Markup]:
    return lambda said, width: charts.bars(said, names, parts, ends, width)
