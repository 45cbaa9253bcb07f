"""What the record said on a day in the past, in SQL: who answered, under which edition.

The record's clock is the time at which a row was written (UTC). The answer of a day is the one
that held at its end; of a site that was not on record yet, the first one there is, since its
outline and fields are shown as they are known as well. ``lookup.answer_on`` tells the two apart.
The district's reference date is its today: on that day and later ones what holds now is shown.
"""

from datetime import date

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, bindparam, case, func, or_, select

from layers import driving
from layers.tables import TEXT, activations, assignments, editions, former_assignments, settings


def active_edition() -> ColumnElement:
    """Return the scalar sub-query of the active edition's id."""
    return select(editions.c.id).where(editions.c.state == "active").scalar_subquery()


def end_of(day: date) -> str:
    """Return the end of a day (UTC) as text that sorts among the record's times.

    >>> "2026-11-24T23:59:59.999999+00:00" < end_of(date(2026, 11, 24)) < "2026-11-25T00:00:00"
    True
    """
    return f"{day.isoformat()}T24"


def edition_on(end: str | ColumnElement) -> ColumnElement:
    """Return the scalar sub-query of the edition active at a day's ``end_of``, else of the first."""
    a = activations.c
    last = select(a.edition_id).where(a.at < end).order_by(a.id.desc()).limit(1)
    first = select(a.edition_id).order_by(a.id).limit(1)
    return func.coalesce(last.scalar_subquery(), first.scalar_subquery(), active_edition())


def past_day(connection: Connection, day: date) -> date | None:
    """Return the day where it must be looked up what held at its end, None where it is what holds now.

    That is so on the reference date and later, and where neither an answer nor the active edition
    has changed since.
    """
    asked = {"day": day.isoformat(), "end": end_of(day)}
    ((changed,),) = driving.fetch(connection, _CHANGED_SINCE, asked).rows
    return day if changed else None


def settled(connection: Connection) -> bool:
    """Return whether on every day the street offices, and who answers for what, were what they are now."""
    return past_day(connection, date.min) is None


def _changed_since() -> Select:
    a, f, s = activations.c, former_assignments.c, settings.c
    day, end = bindparam("day", type_=TEXT), bindparam("end", type_=TEXT)
    today = select(s.value).where(s.key == "reference_date", s.value <= day).exists()
    first = select(func.min(a.id)).scalar_subquery()
    answers = select(f.until).where(f.until > end).exists()
    turns = select(a.id).where(a.at > end, a.id > first).exists()
    return select(case((and_(~today, or_(answers, turns)), 1), else_=0))


#: Asked with each question for rows: built once.
_CHANGED_SINCE = _changed_since()


def with_answers(
    source: FromClause, layer: str, code: ColumnElement, end: str | ColumnElement | None
) -> tuple[FromClause, dict[str, ColumnElement]]:
    """Join who answers for each row of a source: now (None), or who did at a day's ``end_of``.

    Returns the join, and the columns of the answer by name.
    """
    a, f = assignments, former_assignments
    joined = source.outerjoin(
        a, and_(a.c.layer == layer, a.c.code == code, a.c.edition_id == active_edition())
    )
    now = {column.name: column for column in a.c}
    if end is None:
        return joined, now
    later = former_assignments.alias("later")
    ended = select(func.min(later.c.until)).where(
        later.c.layer == layer, later.c.code == code, later.c.until > end
    )
    same = and_(
        f.c.layer == layer, f.c.code == code, f.c.until == ended.correlate(code.table).scalar_subquery()
    )
    then = {name: case((f.c.code.is_not(None), f.c[name]), else_=column) for name, column in now.items()}
    return joined.outerjoin(f, same), then
