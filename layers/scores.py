"""Score sheets (考核办法) as data: items with weights and sources, and grades that leave no score out.

A file is TOML; see ``data/seed/scores/quarterly.toml``. Grades and steps are intervals closed
below and open above, the last one closed above too. That they cover the whole without gap or overlap is
proved when the file is read: 95, 85 or 75 exactly can fall into no hole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from geo.errors import NotFoundError, RulesError
from layers import tomlfiles
from layers.contents import PLANS
from layers.tomlfiles import Part

#: All weights together, and the best score.
WHOLE = Decimal(100)
_EXAMPLE = "data/seed/scores/quarterly.toml"


@dataclass(frozen=True)
class Named:
    """A title in Chinese and its English label."""

    title: str
    label: str


@dataclass(frozen=True)
class Step:
    """The points of an item whose rate lies in an interval, closed below."""

    low: Decimal
    high: Decimal
    points: Decimal


@dataclass(frozen=True)
class Item:
    """One item: its names, its weight, and its source.

    The source is ``figure``, a (sheet, column) of the statistics that holds a rate, or ``entered``,
    what a person gives points for.
    """

    code: str
    group: Named
    name: Named
    weight: Decimal
    figure: tuple[str, str] | None
    entered: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Grade:
    """A grade: its names, and its interval of scores, closed below."""

    name: Named
    low: Decimal
    high: Decimal


@dataclass(frozen=True)
class ScoreSheet:
    """A score sheet: its names, its items, and its grades from the best to the worst.

    Who was assessed by fewer points than ``ranked_from`` gets a score and a grade but no place: a
    street office without tasks is not the first among those that have them.
    """

    code: str
    name: Named
    ranked_from: Decimal
    items: tuple[Item, ...]
    grades: tuple[Grade, ...]

    @property
    def sheets(self) -> tuple[str, ...]:
        """The statistics sheets its figures are taken from; the first of them where there is none."""
        named = dict.fromkeys(item.figure[0] for item in self.items if item.figure)
        return tuple(named) or tuple(PLANS)[:1]

    def grade(self, score: Decimal) -> Grade:
        """Return the one grade of a score from 0 to 100."""
        return next(grade for grade in self.grades if grade.low <= score)


def score_sheets(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the files of score sheets by code; one in an earlier folder stands for one in a later."""
    found = [path for folder in reversed(folders) for path in sorted(folder.glob("*.toml"))]
    return {path.stem: path for path in found}


def score_sheet_named(code: str, folders: Sequence[Path]) -> ScoreSheet:
    """Return a score sheet by its code; raise NotFoundError, naming all, where there is none."""
    known = score_sheets(folders)
    if code not in known:
        raise NotFoundError(
            "No score sheet is called %(name)s; there are %(names)s.",
            name=code,
            names=", ".join(known) or "–",
        )
    return read_score_sheet(known[code])


def read_score_sheet(path: Path) -> ScoreSheet:
    """Return the score sheet of a TOML file.

    Raises RulesError when it cannot be opened and, with line, key and mend, where grades or steps
    leave a gap or overlap, weights are not 100 together, or a figure is none of ours.
    """
    top = tomlfiles.read(path, _EXAMPLE)
    top.only("title", "label", "ranked_from", "item", "grade")
    least, parts = top.decimal("ranked_from", 0, WHOLE), top.parts("item")
    items = tuple(map(_item, parts))
    tomlfiles.refuse_twice([item.code for item in items], "code", parts)
    total = sum(item.weight for item in items)
    if total != WHOLE:
        raise RulesError(
            "%(file)s, line %(line)s: each %(key)s together must make 100, not %(value)s.",
            value=total,
            **(parts or [top])[0].at("weight"),
        )
    grades = sorted(map(_grade, top.parts("grade")), key=lambda grade: grade.low, reverse=True)
    prove_cover([(grade.low, grade.high) for grade in grades], WHOLE, top.at("grade"))
    return ScoreSheet(path.stem, _named(top), least, items, tuple(grades))


def prove_cover(
    intervals: Sequence[tuple[Decimal, Decimal]], whole: Decimal, at: Mapping[str, object]
) -> None:
    """Raise RulesError unless intervals closed below follow each other from 0 to the whole.

    ``at`` tells in which file, line and under which key they stand.

    >>> at = {"file": "quarterly.toml", "line": 9, "key": "grade"}
    >>> prove_cover([(Decimal(95), Decimal(100)), (Decimal(0), Decimal(95))], Decimal(100), at)
    """
    reached = Decimal(0)
    for low, high in sorted(intervals):
        if low >= high:
            raise RulesError(
                "%(file)s, line %(line)s: the %(key)s from %(low)s to %(high)s holds nothing.",
                low=low,
                high=high,
                **at,
            )
        if low > reached:
            raise RulesError(
                "%(file)s, line %(line)s: no %(key)s holds what lies from %(low)s to %(high)s.",
                low=reached,
                high=low,
                **at,
            )
        if low < reached:
            raise RulesError(
                "%(file)s, line %(line)s: more than one %(key)s holds what lies from %(low)s to %(high)s.",
                low=low,
                high=min(reached, high),
                **at,
            )
        reached = high
    if reached != whole:
        raise RulesError(
            "%(file)s, line %(line)s: the last %(key)s ends at %(end)s, not at %(whole)s.",
            end=reached,
            whole=whole,
            **at,
        )


def _item(part: Part) -> Item:
    part.only("code", "group", "title", "label", "weight", "figure", "entered", "step")
    if ("figure" in part) == ("entered" in part):
        raise RulesError(
            "%(file)s, line %(line)s: an item has either a %(key)s or what is entered.", **part.at("figure")
        )
    weight = part.decimal("weight", 0, WHOLE, above=True)
    figure = _figure(part) if "figure" in part else None
    entered = part.text("entered") if "entered" in part else ""
    steps = _steps(part, weight) if "step" in part else ()
    return Item(part.text("code"), _group(part), _named(part), weight, figure, entered, steps)


def _group(part: Part) -> Named:
    group = part.values.get("group")
    if not (isinstance(group, list) and len(group) == 2 and all(isinstance(name, str) for name in group)):
        raise RulesError(
            "%(file)s, line %(line)s: write %(key)s as a list such as %(example)s.",
            example='["综合", "General"]',
            **part.at("group"),
        )
    return Named(*group)


def _figure(part: Part) -> tuple[str, str]:
    text = part.text("figure")
    name, _, column = text.partition("/")
    known = PLANS[name].columns if name in PLANS and PLANS[name].rows == "streets" else ()
    if not any(one.code == column and one.rate for one in known):
        raise RulesError(
            "%(file)s, line %(line)s: %(value)s is no rate of a sheet by street office;"
            " write %(key)s as progress/start_rate.",
            value=text,
            **part.at("figure"),
        )
    return name, column


def _steps(part: Part, weight: Decimal) -> tuple[Step, ...]:
    steps = []
    for row in part.rows("step", "[{ from = 0.0, to = 1.0, points = 5 }]"):
        row.only("from", "to", "points")
        steps.append(
            Step(row.decimal("from", 0, 1), row.decimal("to", 0, 1), row.decimal("points", 0, weight))
        )
    prove_cover([(step.low, step.high) for step in steps], Decimal(1), part.at("step"))
    return tuple(steps)


def _grade(part: Part) -> Grade:
    part.only("title", "label", "from", "to")
    return Grade(_named(part), part.decimal("from", 0, WHOLE), part.decimal("to", 0, WHOLE))


def _named(part: Part) -> Named:
    return Named(part.text("title"), part.text("label"))
