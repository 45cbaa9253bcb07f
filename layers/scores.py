"""Score sheets (考核办法) as data: items with weights and sources, and grades that leave no score out.

A file is TOML; see ``data/seed/scores/quarterly.toml``. Grades and steps are intervals closed
below and open above, the last one closed above too. That they cover the whole without gap or overlap is
proved when the file is read: 95, 85 or 75 exactly can fall into no hole.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from geo.errors import FileError, FormatError, NotFoundError
from layers.contents import PLANS

#: All weights together, and the best score.
WHOLE = Decimal(100)


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

    Raises FileError when it cannot be opened and FormatError, saying what is wrong, where grades or
    steps leave a gap or overlap, weights are not 100 together, or a figure is none of ours.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(
            "%(file)s cannot be read: %(reason)s.", file=path.name, reason=error.strerror
        ) from error
    try:
        told = tomllib.loads(content.decode("utf-8-sig"), parse_float=Decimal)
        return _score_sheet(path.stem, told)
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise FormatError("%(file)s is no score sheet: %(reason)s.", file=path.name, reason=error) from error


def _score_sheet(code: str, told: Mapping) -> ScoreSheet:
    _only(told, "title", "label", "ranked_from", "item", "grade")
    items = tuple(_item(item) for item in told.get("item", ()))
    names = [item.code for item in items]
    if len(set(names)) < len(names):
        raise ValueError("two items have the same code")
    if sum(item.weight for item in items) != WHOLE:
        raise ValueError(f"the weights add up to {sum(item.weight for item in items)}, not to 100")
    grades = tuple(_grade(grade) for grade in told.get("grade", ()))
    prove_cover([(grade.low, grade.high) for grade in grades], WHOLE, "grades")
    least = _number(told, "ranked_from")
    if not 0 <= least <= WHOLE:
        raise ValueError("ranked_from is not between 0 and 100")
    return ScoreSheet(
        code, _named(told), least, items, tuple(sorted(grades, key=lambda g: g.low, reverse=True))
    )


def prove_cover(intervals: Sequence[tuple[Decimal, Decimal]], whole: Decimal, what: str) -> None:
    """Raise ValueError unless intervals closed below follow each other from 0 to the whole.

    >>> prove_cover([(Decimal(95), Decimal(100)), (Decimal(0), Decimal(95))], Decimal(100), "grades")
    """
    reached = Decimal(0)
    if not intervals:
        raise ValueError(f"there are no {what}")
    for low, high in sorted(intervals):
        if low >= high:
            raise ValueError(f"the {what} from {low} to {high} hold nothing")
        if low > reached:
            raise ValueError(f"the {what} leave out what lies from {reached} to {low}")
        if low < reached:
            raise ValueError(f"the {what} overlap from {low} to {min(reached, high)}")
        reached = high
    if reached != whole:
        raise ValueError(f"the {what} end at {reached}, not at {whole}")


def _item(told: Mapping) -> Item:
    _only(told, "code", "group", "title", "label", "weight", "figure", "entered", "step")
    code, weight = _text(told, "code"), _number(told, "weight")
    if weight <= 0:
        raise ValueError(f"the weight of {code} is not above 0")
    group = told.get("group")
    if not (isinstance(group, list) and len(group) == 2 and all(isinstance(part, str) for part in group)):
        raise ValueError(f"the group of {code} is not a Chinese and an English name")
    if ("figure" in told) == ("entered" in told):
        raise ValueError(f"{code} needs either a figure or what is entered")
    figure = _figure(_text(told, "figure")) if "figure" in told else None
    steps = tuple(_step(step, weight) for step in told.get("step", ()))
    if steps:
        prove_cover([(step.low, step.high) for step in steps], Decimal(1), f"steps of {code}")
    entered = _text(told, "entered") if "entered" in told else ""
    return Item(code, Named(*group), _named(told), weight, figure, entered, steps)


def _figure(text: str) -> tuple[str, str]:
    name, _, column = text.partition("/")
    if name not in PLANS or PLANS[name].rows != "streets":
        raise ValueError(f"{text} is in no sheet by street office")
    if not any(known.code == column and known.rate for known in PLANS[name].columns):
        raise ValueError(f"{text} is no rate")
    return name, column


def _step(told: Mapping, weight: Decimal) -> Step:
    _only(told, "from", "to", "points")
    points = _number(told, "points")
    if not 0 <= points <= weight:
        raise ValueError(f"{points} points are not between 0 and {weight}")
    return Step(_number(told, "from"), _number(told, "to"), points)


def _grade(told: Mapping) -> Grade:
    _only(told, "title", "label", "from", "to")
    return Grade(_named(told), _number(told, "from"), _number(told, "to"))


def _named(told: Mapping) -> Named:
    return Named(_text(told, "title"), _text(told, "label"))


def _only(told: Mapping, *names: str) -> None:
    for name in told:
        if name not in names:
            raise ValueError(f"nothing here is called {name}")


def _text(told: Mapping, name: str) -> str:
    value = told.get(name)
    if not (isinstance(value, str) and value.strip()):
        raise ValueError(f"{name} is missing or no text")
    return value


def _number(told: Mapping, name: str) -> Decimal:
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        raise ValueError(f"{name} is missing or no number")
    return Decimal(value)
