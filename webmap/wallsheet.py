"""The sheets of the wall as PDF: the district's, an atlas with a page a street office, a compound's.

Puts together what is on record (``layers.wall``), the maps drawn of it (``webmap.sheetmap``) and
the words of the reader's language, and has them set from ``templates/wall.typ``. The same state of
the store gives the same bytes.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import shapely
from flask_babel import gettext

from layers import wall as walls
from layers.figures import Totals, stage_counts, totals
from layers.people import Person
from layers.store import District, Store
from layers.wall import Group, Task, Wall
from webmap import sheetlayout, sheetlegend, sheetmap, sheetmatrix, typeface, typesetting, words
from webmap.sheetlayout import POINT_MM, Box, Layout
from webmap.sheetlegend import Counts
from webmap.sheetmap import Land, Map
from webmap.sheetmatrix import Heading
from webmap.typesetting import Files

SOURCE, PARTS = "wall.typ", "wall_parts.typ"
#: The least size of small print, in points.
_SMALL = 6.5
#: The least size of a title of one line on A0, in points.
_TITLE = 66.0


class Paper(NamedTuple):
    """What a sheet is printed on: its size (A0 to A4) and how it is held."""

    size: str = "A0"
    orientation: str = "landscape"


class Leaf(NamedTuple):
    """What a page of the atlas is of: a street office, or all that has none; its ground in metres."""

    name: str
    ground: shapely.Geometry
    tasks: Sequence[Task]


def district_pdf(store: Store, person: Person, on: date, paper: Paper) -> bytes:
    """Return the sheet of the whole district, with the matrix of the plan that is shown on that day."""
    with store.still() as store:
        wall = walls.wall(store, person, on)
    files = Files()
    return typeset(SOURCE, wall, [_district(wall, paper, files)], files)


def atlas_pdf(store: Store, person: Person, on: date, paper: Paper) -> bytes:
    """Return the atlas: a page a street office, in order of code, and one for compounds without any."""
    with store.still() as store:
        wall = walls.wall(store, person, on)
    files, land = Files(), Land(wall)
    leaves = [_leaf(land, code, part) for code, part in atlas_parts(wall).items()]
    form = sheetlayout.layout(*paper, lines=0)
    marks = sheetmap.locators(land, _locator(form), form.scale, [leaf.ground for leaf in leaves])
    pages = [_office(land, leaf, paper, files) for leaf in leaves]
    for place, (page, mark) in enumerate(zip(pages, marks, strict=True), 1):
        page["locator"] = files.add(mark)
        page["place"] = gettext("Sheet %(place)s of %(count)s", place=place, count=len(pages))
    return typeset(SOURCE, wall, pages, files)


def atlas_parts(wall: Wall) -> dict[str | None, list[Task]]:
    """Return the compounds of each page of the atlas, by street office; the last (None): without any."""
    found: dict[str | None, list[Task]] = {precinct.code: [] for precinct in wall.precincts} | {None: []}
    for task in wall.tasks:
        found.setdefault(task.office, []).append(task)
    return {code: part for code, part in found.items() if code is not None or part}


def typeset(source: str, wall: Wall, pages: list[dict], files: Files) -> bytes:
    """Return the PDF of pages that a source of ours sets."""
    title = pages[0]["title"] if len(pages) == 1 else gettext("Atlas of the street offices")
    value = {"pages": pages, "title": title, "lang": words.language(), "family": typeface.FAMILY}
    parts = {PARTS: typesetting.source(PARTS), "data.json": typesetting.data(value)}
    made = typesetting.source(source)
    return typesetting.typeset(made, files.files | parts, wall.on, tagged=source != SOURCE)


def district_name(wall: Wall) -> str:
    """Return the district's name in the reader's language."""
    known = wall.district
    return (
        (known.name_zh if words.language() == "zh" else known.name_en) or known.name_zh or gettext("District")
    )


def _district(wall: Wall, paper: Paper, files: Files) -> dict:
    tasks, land = wall.in_plan, Land(wall)
    groups = walls.by_office(wall, tasks)
    form = sheetlayout.layout(*paper, lines=len(tasks) + len(groups) + 4 if tasks else 0)
    chart = sheetmap.fitted(form.map, land.ground.district.bounds)
    drawn = sheetmap.draw(land, chart, form.scale, tasks)
    named = district_name(wall)
    title = (
        gettext(
            "%(district)s: renovation of old compounds, plan of %(year)s",
            district=named,
            year=wall.plan.plan_year,
        )
        if wall.plan
        else gettext("%(district)s: renovation of old compounds", district=named)
    )
    page = _page(land, form, title, drawn, files)
    page["figures"] = _headline(wall)
    page["subtitle"] = _subtitle(wall)
    page["matrix"] = sheetmatrix.matrix(form, [_office_heading(g) for g in groups], groups, wall, files)
    return page


def _office(land: Land, leaf: Leaf, paper: Paper, files: Files) -> dict:
    wall, tasks = land.wall, leaf.tasks
    year = wall.plan.plan_year if wall.plan else None
    groups = walls.by_year(tasks, year)
    form = sheetlayout.layout(*paper, lines=len(tasks) + len(groups) + 4 if tasks else 0)
    chart = sheetmap.fitted(form.map, leaf.ground.bounds, air=0.04)
    named = [task for group in groups for task in group.tasks]
    drawn = sheetmap.draw(land, chart, form.scale, named, subject=leaf.ground)
    chosen = [task.row for task in tasks if task.plan_year == year is not None]
    counts = Counts(stage_counts(chosen), stage_counts([task.row for task in tasks]))
    page = _page(land, form, leaf.name, drawn, files, counts)
    page["over"] = district_name(wall)
    page["subtitle"] = counted(totals(task.row for task in tasks)) if tasks else gettext("no compound")
    page["matrix"] = sheetmatrix.matrix(form, [_year_heading(g) for g in groups], groups, wall, files)
    return page


def _leaf(land: Land, code: str | None, tasks: Sequence[Task]) -> Leaf:
    codes = [precinct.code for precinct in land.wall.precincts]
    if code in codes:
        place = codes.index(code)
        return Leaf(land.wall.precincts[place].name, land.ground.offices[place], tasks)
    sites = land.sites[[task.number - 1 for task in tasks]]
    return Leaf(gettext("without a street office"), shapely.union_all([*sites, land.ground.district]), tasks)


def _locator(form: Layout) -> Box:
    high = form.title.height * 0.94
    return Box(0, 0, high * 1.35, high)


def _page(
    land: Land, form: Layout, title: str, drawn: Map, files: Files, counts: Counts | None = None
) -> dict:
    """Return what every sheet with a map has."""
    wall = land.wall
    beside = form.matrix is not None and form.matrix.width < form.title.width
    room = form.title.width - (form.matrix.width if beside else form.title.width * 0.36)
    return {
        "width": form.width,
        "height": form.height,
        "margin": form.margin,
        "scale": form.scale,
        "boxes": {name: getattr(form, name)._asdict() for name in ("title", "map", "legend", "footer")},
        "title": title,
        "title_size": title_size(title, room, form.scale),
        "title_room": room,
        "day": gettext("As of %(day)s", day=words.day(wall.on)),
        **map_parts(drawn, files),
        "legend": sheetlegend.legend(wall, form, counts or Counts(wall.planned, wall.counts), files),
        "small": max(16.0 * form.scale, _SMALL),
        "source": notes(land, drawn),
        "stamp": stamp(wall.district),
        "locator": None,
        "over": "",
        "figures": [],
        "place": "",
    }


def stamp(district: District) -> str:
    """Return what a sheet says of its being public: approval number and mark, else that it is internal."""
    said = [gettext("Approval number of the map: %(number)s", number=district.approval)]
    said = (said if district.approval else []) + ([district.mark] if district.mark else [])
    return " · ".join(said) or gettext("For internal use")


def map_parts(drawn: Map, files: Files) -> dict:
    """Return what the template needs of a map: drawing, texts, scale and scale bar, north."""
    return {
        "map": {"file": files.add(drawn.svg), "texts": [_text(text) for text in drawn.texts]},
        "ratio": f"1:{drawn.chart.denominator:,.0f}",
        "bar": {"mm": drawn.bar_mm, "labels": _bar_labels(drawn.bar_m)},
        "north": drawn.north,
    }


def title_size(title: str, room: float, scale: float) -> float:
    """Return the size of a title in points: as large as there is room for, up to 120 on A0.

    One that would become too small to be read from three metres on one line is set on two.
    """
    whole = room / (typeface.bold_ems(title) * POINT_MM)
    size = min(120 * scale, whole) if whole >= _TITLE * scale else min(_TITLE * scale, 1.8 * whole)
    return round(size, 2)


def _text(text: sheetmap.Text) -> dict:
    left, top, right, bottom = (round(edge, 3) for edge in text.box)
    return {
        "x": left,
        "y": top,
        "w": round(right - left, 3),
        "h": round(bottom - top, 3),
        "number": text.number,
        "name": text.name,
        "size": text.size,
        "badge": text.badge,
        "late": text.late,
        "lead": list(text.lead) if text.lead else None,
    }


def _bar_labels(metres: int) -> list[str]:
    if metres < 1000:
        return ["0", f"{metres // 2:g}" if metres % 2 == 0 else "", f"{metres} m"]
    return ["0", f"{metres / 2000:g}", f"{metres / 1000:g} km"]


def counted(sums: Totals) -> str:
    """Return sums as a line: compounds, floor area, households."""
    said = [words.compounds(sums.compounds)]
    if sums.floor_area_m2 is not None:
        said.append(words.area(sums.floor_area_m2))
    if sums.households is not None:
        said.append(gettext("%(households)s households", households=words.number(sums.households)))
    return " · ".join(said)


def _subtitle(wall: Wall) -> str:
    if not wall.plan:
        return gettext("No plan yet")
    said = counted(wall.plan.planned)
    if wall.plan.due_on:
        said += " · " + gettext("all to be done by %(day)s", day=words.day(wall.plan.due_on))
    return said


def _headline(wall: Wall) -> list[dict]:
    """Return the figures of the plan, as large numbers with what they count."""
    if not wall.plan:
        return []
    plan = wall.plan
    return [
        {
            "value": words.number(plan.planned.compounds),
            "label": gettext("compounds in the plan"),
            "late": False,
        },
        {
            "value": f"{plan.done.numerator:,} / {plan.done.denominator:,}",
            "label": gettext("Done"),
            "late": False,
        },
        {"value": f"{plan.late:,}", "label": gettext("late"), "late": plan.late > 0},
    ]


def notes(land: Land, drawn: Map) -> list[str]:
    """Return the notes at the foot: where it is from, what it is drawn in, and what could not be printed."""
    wall = land.wall
    notes = [
        gettext("Source: the district's own record, revision %(revision)s.", revision=wall.revision),
        gettext(
            "CGCS2000, 3° zone %(meridian)s° E (%(crs)s); %(ratio)s printed at full size.",
            meridian=land.zone.meridian,
            crs=land.zone.crs,
            ratio=f"1:{drawn.chart.denominator:,.0f}",
        ),
    ]
    if wall.district.invented:
        notes.append(gettext("The district is invented."))
    return notes + _missing(land)


def _missing(land: Land) -> list[str]:
    """Return, for each name with characters that cannot be printed, which they are."""
    return [
        gettext(
            "%(mark)s in the name of %(code)s stands for %(points)s.",
            mark=typeface.MISSING,
            code=code,
            points=", ".join(f"U+{ord(character):04X}" for character in lost),
        )
        for code, lost in land.missing
    ]


def _office_heading(group: Group) -> Heading:
    name = group.name if group.key is not None else gettext("without a street office")
    return Heading(name, counted(group.totals))


def _year_heading(group: Group) -> Heading:
    name = gettext("in no plan") if group.key is None else gettext("Plan of %(year)s", year=group.key)
    return Heading(name, counted(group.totals))
