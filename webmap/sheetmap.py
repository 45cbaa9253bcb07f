"""The maps of the wall's sheets: what is drawn of a wall, at which scale, and where its texts stand.

Values in, values out: a wall read from the record, and a frame on the paper. A compound bears
everywhere the number it has in the matrix; where there is room its name stands beside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import shapely

from geo import labels, zones
from geo.labels import Wording
from layers.wall import Task, Wall
from webmap import sheetdrawing, sheetpaths, typeface
from webmap.sheetdrawing import Dot, Ground, Plate, Site
from webmap.sheetlayout import POINT_MM, Box, bar_length, round_scale
from webmap.sheetpaths import Chart

#: Sizes of texts on A0 in points, and the least on any paper.
_BADGE, _NAME, _OFFICE = 21.0, 17.0, 36.0
_LEAST = 6.5
#: How bad it is to hide a site of the plan, another one, or a boundary.
_HIDES = (6.0, 2.5)


class Text(NamedTuple):
    """A text on a map: its box in the frame, what it says and in which size (points).

    ``number`` is "" for the name of a street office; ``lead`` is where a line to the compound
    begins, for a text that does not stand beside it.
    """

    box: tuple[float, float, float, float]
    number: str
    name: str
    size: float
    badge: float
    late: bool
    lead: tuple[float, float] | None


class Map(NamedTuple):
    """A map of a sheet: where it is, its drawing, its texts, scale and scale bar."""

    chart: Chart
    svg: str
    texts: tuple[Text, ...]
    bar_m: int
    bar_mm: float
    north: float


@dataclass(frozen=True)
class Land:
    """A wall's shapes in metres of its zone."""

    wall: Wall

    @cached_property
    def zone(self) -> zones.Zone:
        """The zone of the district's middle."""
        return zones.zone_of(self.middle[0])

    @cached_property
    def middle(self) -> tuple[float, float]:
        """The middle of the district, in degrees."""
        west, south, east, north = shapely.total_bounds([p.shape for p in self.wall.precincts])
        return (west + east) / 2, (south + north) / 2

    @cached_property
    def ground(self) -> Ground:
        """Streets and water, street offices, the district."""
        kinds = np.array([kind for kind, _ in self.wall.backdrop], dtype=object)
        shapes = zones.projected([shape for _, shape in self.wall.backdrop], self.zone)
        backdrop = {kind: shapes[kinds == kind] for kind in dict.fromkeys(kinds.tolist())}
        offices = zones.projected([p.shape for p in self.wall.precincts], self.zone)
        return sheetdrawing.ground(backdrop, offices)

    @cached_property
    def year(self) -> int | None:
        """The year of the plan that is shown, None where there is none."""
        return self.wall.plan.plan_year if self.wall.plan else None

    @cached_property
    def plate(self) -> Plate:
        """What its maps are drawn of."""
        sites = (
            Site(shape, task.row.properties["stage"], task.row.standing["late"], task.plan_year == self.year)
            for task, shape in zip(self.wall.tasks, self.sites, strict=True)
        )
        return sheetdrawing.plate(self.ground, list(sites))

    @cached_property
    def north(self) -> float:
        """Where north is on its maps, in degrees from the upright."""
        return -zones.convergence(*self.middle, self.zone)

    @cached_property
    def scale_factor(self) -> float:
        """How much longer a length is on its maps than on the ground."""
        return zones.scale_factor(*self.middle, self.zone)

    @cached_property
    def weights(self) -> np.ndarray:
        """How bad it is to hide each compound."""
        return np.array([_HIDES[task.plan_year != self.year] for task in self.wall.tasks])

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each compound stands among the tasks, by its code."""
        return {task.row.code: place for place, task in enumerate(self.wall.tasks)}

    @cached_property
    def missing(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The codes of what has a name with characters that cannot be printed, and those characters."""
        named = [(task.row.code, task.name) for task in self.wall.tasks]
        named += [(precinct.code, precinct.name) for precinct in self.wall.precincts]
        found = ((code, typeface.lacking([name])) for code, name in named)
        return tuple((code, lost) for code, lost in found if lost)

    @cached_property
    def sites(self) -> np.ndarray:
        """The compounds, in the order of the tasks."""
        return zones.projected([task.shape for task in self.wall.tasks], self.zone)


def fitted(frame: Box, ground: Sequence[float], air: float = 0.02) -> Chart:
    """Return the map of a ground in a frame at the largest round scale at which it fits, with some air."""
    west, south, east, north = ground
    room = (frame.width * (1 - 2 * air), frame.height * (1 - 2 * air))
    return sheetpaths.chart(frame, ground, round_scale((east - west, north - south), room))


def draw(
    land: Land,
    chart: Chart,
    scale: float,
    named: Sequence[Task],
    dots: Sequence[Dot] = (),
    subject: shapely.Geometry | None = None,
) -> Map:
    """Return a map of a wall.

    Args:
        land: the wall's shapes.
        chart: where they are on the paper.
        scale: of the paper, to A0.
        named: the compounds that get a text, the important ones first.
        dots: illegal structures, in metres.
        subject: the ground the map is of, in metres: what lies around it is veiled.
    """
    length, mm = _bar(land, chart)
    return Map(
        chart,
        sheetdrawing.drawing(chart, land.plate, scale, dots, subject),
        texts(land, chart, scale, named),
        length,
        mm,
        land.north,
    )


def _bar(land: Land, chart: Chart) -> tuple[int, float]:
    """Return how many metres the scale bar stands for, and its length in millimetres at this latitude."""
    length = bar_length(chart.denominator, max(chart.frame.width * 0.13, 26.0))
    return length, length * 1000 / chart.denominator * land.scale_factor


def texts(land: Land, chart: Chart, scale: float, named: Sequence[Task]) -> tuple[Text, ...]:
    """Return the texts of a map, none upon another and none out of the frame; see ``draw``."""
    boxes = chart.boxes(land.sites) if len(land.sites) else np.empty((0, 4))
    sizes = _Sizes.of(scale)
    frame = (0.0, 0.0, chart.frame.width, chart.frame.height)
    asked = [_of_site(task, boxes[land.places[task.row.code]], sizes) for task in named]
    offices = list(_offices(land, chart, sizes))
    # The offices first: their names have fewer places, and they stand clear of the compounds.
    every = [*offices, *asked]
    own = [None] * len(offices) + [land.places[task.row.code] for task in named]
    wordings = [one for one, _ in every]
    placed = labels.place(wordings, frame, boxes, land.weights, own, apart=0.35 * sizes.gap)
    return tuple(told(spot) for (_, told), spot in zip(every, placed, strict=True) if spot is not None)


class _Sizes(NamedTuple):
    badge: float
    name: float
    office: float
    gap: float

    @classmethod
    def of(cls, scale: float) -> "_Sizes":
        return cls(
            max(_BADGE * scale, _LEAST),
            max(_NAME * scale, _LEAST),
            max(_OFFICE * scale, _LEAST * 1.25),
            max(2.4 * scale, 0.5),
        )


def _of_site(task: Task, box: np.ndarray, sizes: _Sizes) -> tuple[Iterable[Wording], object]:
    """Return the wordings of a compound's text (number and name, number alone), and how it is then told."""
    late, number, name = task.row.standing["late"], str(task.number), typeface.printable(task.name)
    said = f"{number}!" if late else number
    height = sizes.badge * POINT_MM * 1.28
    badge = max(typeface.bold_ems(said) * sizes.badge * POINT_MM + 0.55 * height, height)
    whole = badge + 0.3 * height + typeface.bold_ems(name) * sizes.name * POINT_MM + 0.2 * height
    middle = (box[:2] + box[2:]) / 2
    roomy = whole < 0.85 * (box[2] - box[0]) and height < 0.4 * (box[3] - box[1])

    def wordings() -> Iterable[Wording]:
        outside = labels.around(box, whole, height, sizes.gap)
        yield Wording(whole, height, np.vstack([middle, outside]) if roomy else outside)
        beside = labels.around(box, badge, height, sizes.gap)
        away = labels.rings(middle, 1.6 * height, 8)
        # Rather upon a neighbour than at the end of a long line.
        faults = np.concatenate([np.zeros(len(beside)), 1.2 * np.hypot(*(away - middle).T) / height])
        yield Wording(badge, height, np.vstack([beside, away]), faults)

    def told(spot: labels.Placed) -> Text:
        left, top, right, bottom = spot.box
        touching = left < box[2] + 2 * sizes.gap and right > box[0] - 2 * sizes.gap
        touching &= top < box[3] + 2 * sizes.gap and bottom > box[1] - 2 * sizes.gap
        shown = name if spot.wording == 0 else ""
        lead = None if touching else tuple(middle.tolist())
        return Text(spot.box, said, shown, sizes.name, badge, late, lead)

    return wordings(), told


def _offices(land: Land, chart: Chart, sizes: _Sizes) -> Iterable[tuple[Iterable[Wording], object]]:
    """Yield the same of the names of the street offices that are on the map."""
    window = shapely.box(*chart.window)
    shown = shapely.intersects(land.ground.offices, window)
    for precinct, shape, met in zip(land.wall.precincts, land.ground.offices, shown, strict=True):
        if not met:
            continue
        parts = shapely.get_parts(shapely.clip_by_rect(shape, *chart.window))
        seen = max(parts, key=shapely.area, default=shapely.Polygon())
        if seen.geom_type != "Polygon" or seen.is_empty:
            continue
        yield _of_office(typeface.printable(precinct.name), _on_paper(chart, seen), sizes)


def _on_paper(chart: Chart, shape: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(shape, chart.places)


def _of_office(name: str, seen: shapely.Geometry, sizes: _Sizes) -> tuple[Iterable[Wording], object]:
    parts = (1.0, 0.8, 0.62)

    def wordings() -> Iterable[Wording]:
        for part in parts:
            high = sizes.office * part * POINT_MM
            # Set apart: the name of an area is spread over it.
            wide = typeface.bold_ems(name) * high + 0.12 * high * len(name)
            yield Wording(wide, high * 1.05, labels.inside(seen, wide, high))

    def told(spot: labels.Placed) -> Text:
        return Text(spot.box, "", name, sizes.office * parts[spot.wording], 0.0, False, None)

    return wordings(), told


def locators(land: Land, frame: Box, scale: float, grounds: Sequence[shapely.Geometry]) -> list[str]:
    """Return where each of some grounds lies in the district, as SVG."""
    bounds = land.ground.district.bounds
    chart = sheetpaths.chart(frame, bounds, _tight(frame, bounds))
    begin, end = sheetdrawing.overview(chart, land.ground, scale)
    return [f"{begin}{mark}{end}" for mark in sheetdrawing.marked(chart, grounds)]


def _tight(frame: Box, ground: Sequence[float]) -> float:
    west, south, east, north = ground
    return max((east - west) / frame.width, (north - south) / frame.height) * 1000 * 1.05
