"""The sheet of one compound: facts, the seven steps, the illegal structures inside, a small map."""

from datetime import date

import numpy as np
import shapely
from flask_babel import gettext

from geo import zones
from layers import wall as walls
from layers.facts import Facts, StageDates, compound_facts
from layers.figures import Rate
from layers.people import Person
from layers.stages import ORDER
from layers.store import Row, Store
from layers.wall import Structures, Task, Wall
from webmap import palette, sheetlayout, sheetlegend, sheetmap, wallsheet, words
from webmap.sheetdrawing import Dot
from webmap.sheetlayout import Box
from webmap.sheetmap import Land
from webmap.typesetting import Files
from webmap.wallsheet import Paper

SOURCE = "wall_compound.typ"
#: What the sheet tells of a compound, in order; what is unknown is said to be.
TOLD = (
    "address",
    "community",
    "built_year",
    "buildings",
    "entrances",
    "households",
    "floor_area_m2",
    "land_area_m2",
    "tenure",
    "management",
    "work_categories",
    "investment_wan_yuan",
    "responsible_body",
    "designer",
    "builder",
    "supervisor",
    "auditor",
)
#: The columns of the list of structures.
LISTED = ("code", "place", "kind", "material", "area_m2", "state", "due_on", "demolished_on")
#: How far the map reaches beyond the compound, in sizes of the compound, and at least in metres.
_BEYOND, _LEAST_M = 0.7, 90.0


def compound_pdf(store: Store, person: Person, on: date, paper: Paper, code: str) -> bytes:
    """Return the sheet of one compound; raise NotFoundError where the person sees none of that code."""
    with store.still() as store:
        facts = compound_facts(store, person, code, on)
        wall = walls.wall(store, person, on)
        inside = walls.structures(store, person, code, on)
    files = Files()
    page = _page(wall, walls.task(wall, code), facts, inside, paper, files)
    return wallsheet.typeset(SOURCE, wall, [page], files)


def _page(wall: Wall, task: Task, facts: Facts, inside: Structures, paper: Paper, files: Files) -> dict:
    width, height = sheetlayout.paper(*paper)
    scale = min(width, height) / 210
    margin = 12 * scale
    room = Box(0, 0, (width - 2 * margin) * 0.6, height * (0.34 if height > width else 0.48))
    land = Land(wall)
    drawn = _map(land, task, inside, room, scale)
    known = facts.properties
    shares = " · ".join(f"{share.name} {words.percent(share.share)}" for share in facts.shares)
    year = known["plan_year"]
    return {
        "width": width,
        "height": height,
        "margin": margin,
        "scale": scale,
        "boxes": {"map": room._asdict()},
        "title": task.name,
        "code": facts.code,
        "over": wallsheet.district_name(wall),
        "day": gettext("As of %(day)s", day=words.day(wall.on)),
        "plan": gettext("Plan of %(year)s", year=year) if year else gettext("in no plan"),
        "late": gettext("late") if facts.standing["late"] else "",
        "stage": {
            "label": words.stage_label(known["stage"]),
            "colour": palette.stage_colour(known["stage"]),
            "file": files.add(sheetlegend.swatch(known["stage"], scale / 4, 9 * scale, 5 * scale)),
        },
        **wallsheet.map_parts(drawn, files),
        "facts": [
            [
                words.field_label("compounds", "street_office_name"),
                shares or gettext("without a street office"),
            ],
            *(
                [words.field_label("compounds", name), words.value("compounds", name, known[name])]
                for name in TOLD
            ),
        ],
        "steps": [_step(dated, cell.mark) for dated, cell in zip(facts.stages, task.cells, strict=True)],
        "words": {
            "planned": gettext("planned"),
            "real": gettext("real"),
            "structures": gettext("Illegal structures inside"),
            "none": gettext("none"),
        },
        "cleared": [
            [gettext("Cleared by number"), _rate(inside.cleared)],
            [gettext("Cleared by area"), _rate(inside.cleared_area)],
        ],
        "structures": {
            "heads": [words.field_label("illegal_structures", name) for name in LISTED],
            "rows": [_structure(row) for row in inside.rows],
        },
        "small": max(6.5 * scale, 6.5),
        "source": wallsheet.notes(land, drawn),
        "stamp": wallsheet.stamp(wall.district),
    }


def _map(land: Land, task: Task, inside: Structures, room: Box, scale: float) -> sheetmap.Map:
    shape = land.sites[task.number - 1]
    west, south, east, north = shape.bounds
    beyond = max(_BEYOND * max(east - west, north - south), _LEAST_M)
    chart = sheetmap.fitted(room, (west - beyond, south - beyond, east + beyond, north + beyond), air=0)
    window = shapely.box(*chart.window)
    near = [
        other
        for other, met in zip(land.wall.tasks, shapely.within(land.sites, window), strict=True)
        if met and other is not task
    ]
    places = zones.projected(np.array(inside.shapes, dtype=object), land.zone)
    dots = [Dot(place, row.properties["state"] or "") for place, row in zip(places, inside.rows, strict=True)]
    return sheetmap.draw(land, chart, scale / 2.4, [task, *near], dots=dots)


def _rate(rate: Rate) -> str:
    if not rate.denominator:
        return gettext("none")
    return f"{rate.numerator:,.0f} / {rate.denominator:,.0f} = {words.percent(rate.value)}"


def _step(dated: StageDates, mark: str) -> dict:
    stage = dated.stage
    return {
        "label": words.stage_label(stage),
        "place": ORDER.index(stage) + 1,
        "mark": mark,
        "colour": palette.stage_colour(stage),
        "planned": [words.day(dated.planned_start), words.day(dated.planned_finish)],
        "real": [words.day(dated.actual_start), words.day(dated.actual_finish)],
    }


def _structure(row: Row) -> dict:
    look = palette.STATES[row.properties["state"] or ""]
    said = [
        words.state_label(row.properties[name])
        if name == "state"
        else words.value("illegal_structures", name, row.properties[name])
        if row.properties[name] is not None
        else "–"
        for name in LISTED
    ]
    return {"said": said, "colour": look.colour, "filled": look.filled}
