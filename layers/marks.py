"""The assessment of the street offices by a score sheet: points with their evidence, grades, ranking.

Points are rounded to a hundredth as they are printed, and it is the printed score that is graded:
no score reads as one grade and counts as another. An item without a figure yet counts neither
for nor against anybody, and every score says out of how many points it was won.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from types import MappingProxyType

from layers import tabulating
from layers.figures import Rate
from layers.people import Person
from layers.periods import Period
from layers.querying import NONE
from layers.scores import WHOLE, Grade, Item, ScoreSheet
from layers.sheets import NOT_REPORTED, TOTAL, Absent, Sheet
from layers.store import Store

#: What points and scores are rounded to.
HUNDREDTH = Decimal("0.01")
BY_POINTS = "by points assessed"


@dataclass(frozen=True)
class Entry:
    """Points a person gave, and the evidence for them; they are kept once people can sign in."""

    points: Decimal
    evidence: str


@dataclass(frozen=True)
class Mark:
    """An item of one street office: the rate it rests on, and its points (None: not assessed).

    ``value`` is the rate (without a quotient where there is nothing to divide by), or not
    reported, or unknown.
    """

    item: Item
    value: Rate | Absent | None
    points: Decimal | None


@dataclass(frozen=True)
class Result:
    """One street office: marks, points won of those that could be, score, grade and place.

    ``tied`` says that another has the same score and so the same place. Where nothing could be
    assessed there is neither score nor grade, where too little no place.
    """

    code: str
    name: str
    marks: tuple[Mark, ...]
    won: Decimal
    possible: Decimal
    score: Decimal | None
    grade: Grade | None
    place: int | None = None
    tied: bool = False

    @property
    def whole(self) -> bool:
        """Whether every item of the score sheet was assessed."""
        return self.possible == WHOLE


@dataclass(frozen=True)
class Change:
    """What changed since the period before: the score, the place (up is positive), points by item."""

    score: Decimal | None
    place: int | None
    points: Mapping[str, Decimal]


@dataclass(frozen=True)
class Assessment:
    """The street offices from the first place to the last, those without a score after them."""

    scores: ScoreSheet
    period: Period
    results: tuple[Result, ...]
    district: Result
    changes: Mapping[str, Change]
    revision: int


def assessment(store: Store, person: Person, scores: ScoreSheet, period: Period) -> Assessment:
    """Return the assessment as of the end of a period, with what changed since the one before."""
    with store.still() as store:
        sheets, former_sheets = (
            tabulating.sheets(store, person, each, scores.sheets) for each in (period, period.before)
        )
        revision = tabulating.revision_of(store, person)
    now, before = results(scores, sheets), results(scores, former_sheets)
    whole, whole_before = (_result(scores, each, {}, TOTAL, "") for each in (sheets, former_sheets))
    former = {result.code: result for result in (*before, whole_before)}
    changes = {r.code: _change(r, former[r.code]) for r in (*now, whole) if r.code in former}
    return Assessment(scores, period, now, whole, MappingProxyType(changes), revision)


def results(
    scores: ScoreSheet,
    sheets: Mapping[str, Sheet],
    entries: Mapping[tuple[str, str], Entry] = MappingProxyType({}),
) -> tuple[Result, ...]:
    """Return the street offices in order of their places.

    Args:
        scores: the score sheet.
        sheets: the statistics sheets it names, by name.
        entries: the points that were entered, by (street office, item).
    """
    lines = next(iter(sheets.values())).lines if sheets else ()
    assessed = [_result(scores, sheets, entries, line.code, line.name) for line in lines if line.code != NONE]
    return _ranked(assessed, scores.ranked_from)


def points_of(item: Item, rate: Rate) -> Decimal | None:
    """Return the points of a rate, to a hundredth; None where there is nothing to divide by."""
    if rate.value is None:
        return None
    share = Fraction(rate.numerator) / Fraction(rate.denominator)
    if item.steps:
        best = sorted(item.steps, key=lambda step: step.low)
        return next(step.points for step in reversed(best) if Fraction(step.low) <= share)
    return _rounded(Fraction(item.weight) * share)


def _result(
    scores: ScoreSheet, sheets: Mapping[str, Sheet], entries: Mapping, code: str, name: str
) -> Result:
    marks = tuple(_mark(item, sheets, entries.get((code, item.code)), code) for item in scores.items)
    assessed = [mark for mark in marks if mark.points is not None]
    won = sum((mark.points for mark in assessed), Decimal(0))
    possible = sum((mark.item.weight for mark in assessed), Decimal(0))
    score = _rounded(Fraction(WHOLE) * Fraction(won) / Fraction(possible)) if possible else None
    return Result(code, name, marks, won, possible, score, None if score is None else scores.grade(score))


def _mark(item: Item, sheets: Mapping[str, Sheet], entry: Entry | None, code: str) -> Mark:
    if item.figure is None:
        return Mark(item, NOT_REPORTED, entry.points if entry else None)
    name, column = item.figure
    value = sheets[name].line(code).cells[column].value
    return Mark(item, value, points_of(item, value) if isinstance(value, Rate) else None)


def _ranked(found: list[Result], least: Decimal) -> tuple[Result, ...]:
    enough = [r for r in found if r.score is not None and r.possible >= least]
    scored = sorted(enough, key=lambda r: (-r.score, r.code))
    ranked = []
    for result in scored:
        place = 1 + sum(other.score > result.score for other in scored)
        tied = sum(other.score == result.score for other in scored) > 1
        ranked.append(_placed(result, place, tied))
    return (*ranked, *(r for r in found if r not in enough))


def _placed(result: Result, place: int, tied: bool) -> Result:
    return Result(**{**vars(result), "place": place, "tied": tied})


def _change(now: Result, before: Result) -> Change:
    both = [(m, n) for m, n in zip(now.marks, before.marks, strict=True) if None not in (m.points, n.points)]
    return Change(
        None if None in (now.score, before.score) else now.score - before.score,
        None if None in (now.place, before.place) else before.place - now.place,
        MappingProxyType({m.item.code: m.points - n.points for m, n in both}),
    )


def _rounded(value: Fraction) -> Decimal:
    """Return a number rounded to a hundredth, a half away from nought; exactly."""
    hundredths = value * 100
    whole = hundredths.numerator * 2 + hundredths.denominator
    return (Decimal(whole // (hundredths.denominator * 2)) / 100).quantize(HUNDREDTH, ROUND_HALF_UP)
