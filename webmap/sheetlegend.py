"""The legend of a sheet: every stage with how many compounds are in it, and a sample of every other sign."""

from typing import NamedTuple

from flask_babel import gettext

from layers.figures import StageCount
from layers.stages import STAGES
from layers.wall import Wall
from webmap import palette, words
from webmap.sheetdrawing import BAND, ROADS_M, mm, pale, shape, svg
from webmap.sheetlayout import POINT_MM, Layout
from webmap.sheetpaths import UNITS
from webmap.typesetting import Files


class Counts(NamedTuple):
    """How many compounds a map shows at each stage: of the plan, and of all."""

    planned: tuple[StageCount, ...]
    all: tuple[StageCount, ...]


def legend(wall: Wall, form: Layout, counts: Counts, files: Files) -> dict:
    """Return the legend: every stage with its counts, and every other sign of the map."""
    year = wall.plan.plan_year if wall.plan else None
    told = files.once((form.legend, form.scale), lambda: _frame(form, year, files))
    numbers = (
        {"planned": words.number(planned.totals.compounds), "all": words.number(every.totals.compounds)}
        for planned, every in zip(*counts, strict=True)
    )
    late, shown = (
        [words.number(sum(map(of, part))) for part in counts]
        for of in (lambda count: count.late, lambda count: count.totals.compounds)
    )
    return told | {
        "stages": [stage | number for stage, number in zip(told["stages"], numbers, strict=True)],
        "late": told["late"] | {"counts": late},
        "total": told["total"] | {"counts": shown},
    }


def _frame(form: Layout, year: int | None, files: Files) -> dict:
    """Return what of a legend is the same on all pages: everything but the counts."""
    flat = form.legend.width > 5 * form.legend.height
    line = form.legend.height / (5.2 if flat else 8.6)
    wide, high = line * 0.98, line * 0.62
    return {
        "wide": wide,
        "high": high,
        "line": line,
        "flat": flat,
        "signs_line": 1.0 if flat else 0.95,
        "size": min(line * 0.42 / POINT_MM, 24 * form.scale + 2),
        "heads": [
            gettext("Stage"),
            gettext("Plan of %(year)s", year=year) if year else gettext("No plan yet"),
            gettext("all"),
        ],
        "stages": [
            {"file": files.add(swatch(stage, form.scale, wide, high)), "label": words.stage_label(stage)}
            for stage in STAGES
        ],
        "late": {"label": gettext("late")},
        "total": {"label": gettext("Total")},
        "signs": _signs(form, wide, high, year, files),
    }


def _signs(form: Layout, wide: float, high: float, year: int | None, files: Files) -> list[dict]:
    named = {
        "planned": gettext("compound in the plan of %(year)s, with its number", year=year) if year else None,
        "other": gettext("other compound"),
        "office": gettext("boundary of a street office"),
        "district": gettext("boundary of the district"),
        "road-major": gettext("main road"),
        "road-minor": gettext("other road"),
        "block": gettext("block"),
        "green": gettext("green space"),
        "water": gettext("water"),
    }
    return [
        {"file": files.add(sign(kind, form.scale, wide, high)), "label": label}
        for kind, label in named.items()
        if label
    ]


def swatch(stage: str, scale: float, width: float, height: float, planned: bool = True) -> str:
    """Return the sample of a stage for a legend, as SVG."""
    colour = palette.stage_colour(stage)
    frame = f'width="{width * UNITS:.0f}" height="{height * UNITS:.0f}"'
    parts = [
        f'<rect {frame} fill="{colour if planned else pale(colour)}"/>',
        f'<rect {frame} fill="url(#{stage})"/>' if palette.stage_path(stage) else "",
    ]
    return svg(width, height, scale, parts)


def sign(kind: str, scale: float, width: float, height: float) -> str:
    """Return the sample of a sign of the map for its legend, as SVG."""
    across, down = width * UNITS, height * UNITS
    whole = f"M0 0h{across:.0f}v{down:.0f}h{-across:.0f}z"
    line = f"M0 {down / 2:.0f}h{across:.0f}"
    thin = max(0.9 * scale, 0.22)
    dashes = " ".join(mm(thin * part) for part in (9, 3, 1.5, 3))
    ink = {"fill": "none", "stroke": palette.INK_LINE}
    if kind == "office":
        parts = [shape(line, stroke_width=mm(thin), stroke_dasharray=dashes, **ink)]
    elif kind == "district":
        parts = [
            shape(line, fill="none", stroke=BAND, stroke_width=mm(3.5 * scale)),
            shape(line, stroke_width=mm(thin * 1.6), **ink),
        ]
    elif kind in ("planned", "other"):
        edge = max((0.75 if kind == "planned" else 0.25) * scale, 0.12) * 2
        fill = palette.stage_colour("construction")
        fill = fill if kind == "planned" else pale(fill)
        parts = [shape(whole, fill=fill, stroke=palette.CHOSEN, stroke_width=mm(edge))]
    elif kind in ROADS_M:
        wide = mm(min(max(ROADS_M[kind] / 10 * scale, 0.3), height * 0.6))
        parts = [
            shape(whole, fill=palette.BACKDROP["block"]),
            shape(line, fill="none", stroke=palette.BACKDROP[kind], stroke_width=wide),
        ]
    else:
        parts = [shape(whole, fill=palette.BACKDROP[kind])]
    return svg(width, height, scale, parts)
