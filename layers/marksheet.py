"""The assessment as a statistics sheet, so that workbook, CSV and PDF are written as those of any other."""

from collections.abc import Iterable

from layers.figures import Rate
from layers.marks import BY_POINTS, Assessment, Change, Mark, Result
from layers.scores import ScoreSheet
from layers.sheets import NOT_REPORTED, TOTAL, Cell, Column, Line, Plan, Sheet, Sum, Value

POINTS = "分"


def _written(_site: object) -> None:
    """Stand for columns whose words are put in as they are."""


def sheet_of(assessment: Assessment) -> Sheet:
    """Return the assessment as a sheet: places, points by item, points won, score, grade, change."""
    plan = _plan(assessment.scores)
    lines = tuple(_line(result, assessment.changes.get(result.code)) for result in assessment.results)
    return Sheet(
        plan,
        assessment.period,
        lines,
        _line(assessment.district, assessment.changes.get(TOTAL)),
        False,
        assessment.revision,
    )


def _plan(scores: ScoreSheet) -> Plan:
    items = tuple(
        Column(item.code, "", POINTS, names=(item.name.title, item.name.label)) for item in scores.items
    )
    columns = (
        Column("place", "place", "", told=_written),
        *items,
        Column("won", "won", POINTS),
        Column("possible", "possible", POINTS),
        Column("score", "score", POINTS, rate=("won", "possible"), basis=BY_POINTS),
        Column("grade", "grade", "", told=_written),
        Column("change", "change", POINTS),
    )
    law = Sum("won", tuple(item.code for item in scores.items), live=True)
    return Plan(scores.code, "streets", columns, (law,))


def _line(result: Result, change: Change | None) -> Line:
    values: dict[str, Value] = {
        "place": place_said(result),
        **{mark.item.code: _points(mark) for mark in result.marks},
        "won": float(result.won),
        "possible": float(result.possible),
        "score": Rate(float(result.won), float(result.possible), BY_POINTS),
        "grade": result.grade.name if result.grade else "—",
        "change": "—" if change is None or change.score is None else float(change.score),
    }
    return Line(result.code, result.name, {code: Cell(value) for code, value in values.items()})


def place_said(result: Result) -> str:
    """Return a place as it is written: 3, or =3 where another has it too."""
    if result.place is None:
        return "—"
    return f"{result.place} =" if result.tied else str(result.place)


def _points(mark: Mark) -> Value:
    if mark.points is not None:
        return float(mark.points)
    return NOT_REPORTED if mark.value is NOT_REPORTED else "—"


def not_assessed(results: Iterable[Result]) -> tuple[str, ...]:
    """Return the codes of the items that nobody has been assessed by, in order."""
    marks = [mark for result in results for mark in result.marks]
    assessed = {mark.item.code for mark in marks if mark.points is not None}
    return tuple(dict.fromkeys(m.item.code for m in marks if m.item.code not in assessed))
