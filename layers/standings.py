"""Where compounds stand on a date, in SQL: ``stages`` says the same of the rows of one."""

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    Subquery,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.sql.elements import BindParameter

from layers.stages import NOT_BEGUN, ORDER
from layers.tables import compounds, plan_deadlines, stage_history, year_plans

# Written into the SQL: a parameter for each would take longer to bind than to use.
_YES, _NO = literal_column("1"), literal_column("0")
_STAGES = literal_column("255")


def _position(stage: str) -> ColumnElement:
    return literal_column(str(ORDER.index(stage) + 1))


def _text(code: str) -> ColumnElement:
    return literal_column(f"'{code}'")


def _over(day: BindParameter) -> ColumnElement:
    return stage_history.c.actual_finish <= day


def _begun(day: BindParameter) -> ColumnElement:
    h = stage_history.c
    return or_(h.actual_start <= day, _over(day), h.reported == _YES)


def standings(day: BindParameter, among: Select | None = None) -> Subquery:
    """Return one row a compound with any stage row: where it stands on a day, an ISO date.

    ``among`` selects the codes of the compounds that are asked for, by default all. The columns
    are ``code``, ``position`` (of the furthest stage begun, 1 to 7, or null),
    ``finished``, ``done``, ``accepted`` and ``overdue`` as 0 or 1; ``stages.standing`` and
    ``stages.late_stages`` say the same of single rows, and a test holds them together.
    """
    h = stage_history.c
    furthest, over, overdue = _gathered(day)
    found = select(h.code, furthest.label("position"), *_flags(furthest, over, overdue)).group_by(h.code)
    return (found if among is None else found.where(h.code.in_(among))).subquery("standing")


def standings_of(day: BindParameter, chosen: CTE) -> Subquery:
    """Return one row for each that was chosen, a few, in their order: its ``fid``, and as ``standings``.

    ``chosen`` has the columns ``fid`` and ``code``. Each is asked by itself: to gather the stage rows of
    all and look theirs up again takes half as long again.
    """
    furthest, over, overdue = _gathered(day)
    # Eight bits hold the stages of a set.
    packed = func.coalesce(furthest, _NO).op("<<")(literal_column("16"))
    packed = packed.op("|")(over.op("<<")(literal_column("8"))).op("|")(overdue)
    of_one = select(packed).where(stage_history.c.code == chosen.c.code).scalar_subquery()
    # Materialized, each is worked out once, however many columns it is the origin of.
    asked = select(chosen.c.fid, chosen.c.code, of_one.label("packed")).cte("stood")
    stood = asked.prefix_with("MATERIALIZED").c
    bits = [stood.packed.op(">>")(literal_column(str(by))).op("&")(_STAGES) for by in (16, 8, 0)]
    furthest, over, overdue = bits
    told = _flags(furthest, over, overdue)
    return select(stood.fid, stood.code, furthest.label("position"), *told).subquery("standing")


def _gathered(day: BindParameter) -> tuple[ColumnElement, ColumnElement, ColumnElement]:
    """Return, of the stage rows of a compound, the furthest position begun, and the stages over and overdue.

    These are three aggregates: one for each flag takes twice as long.
    """
    h = stage_history.c
    passed = and_(h.planned_finish < day, or_(h.actual_finish.is_(None), h.actual_finish > day))
    return func.max(case((_begun(day), h.position))), _set(_over(day)), _set(passed)


def _flags(furthest: ColumnElement, over: ColumnElement, overdue: ColumnElement) -> list[ColumnElement]:
    """Return finished, done, accepted and overdue as 0 or 1, from what was gathered."""
    reached, acceptance = func.coalesce(furthest, _NO), _position("acceptance")
    done = or_(_holds(over, "construction"), reached >= acceptance)
    accepted = or_(_holds(over, "acceptance"), reached > acceptance)
    late = or_(
        and_(_holds(overdue, *ORDER[: ORDER.index("acceptance")]), ~done),
        and_(_holds(overdue, "acceptance"), ~accepted),
        _holds(overdue, *ORDER[ORDER.index("acceptance") + 1 :]),
    )
    flags = {"finished": over >= _bit(furthest), "done": done, "accepted": accepted, "overdue": late}
    return [case((flag, _YES), else_=_NO).label(name) for name, flag in flags.items()]


def _bit(position: ColumnElement) -> ColumnElement:
    # PostgreSQL shifts by numbers of 4 bytes only.
    return _YES.op("<<")(cast(position, Integer))


def _set(condition: ColumnElement) -> ColumnElement:
    """Return the stages of a compound for which a condition holds, as bits: 2 for the first, then 4, 8."""
    return func.sum(case((condition, _bit(stage_history.c.position)), else_=_NO))


def _holds(stages: ColumnElement, *some: str) -> ColumnElement:
    """Return the condition that a set of stages holds any of some."""
    bits = sum(2 << ORDER.index(stage) for stage in some)
    return stages.op("&")(literal_column(str(bits))) != _NO


def stands_in(stage: str, day: BindParameter) -> ColumnElement:
    """Return the condition that a compound stands in a stage (or in none yet) on a day.

    It asks the stage rows of this one compound only.
    """
    h = stage_history.c
    furthest = select(func.max(h.position)).where(h.code == compounds.c.code, _begun(day)).scalar_subquery()
    return furthest.is_(None) if stage == NOT_BEGUN else furthest == _position(stage)


def standing_columns(standing: Subquery, day: BindParameter) -> dict[str, ColumnElement]:
    """Return what is shown of a compound's standing: ``stage``, and its flags as 0 or 1."""
    flags = {name: func.coalesce(standing.c[name], _NO) for name in ("finished", "done", "accepted")}
    position = func.coalesce(standing.c.position, _NO)
    names = [(position == _position(code), _text(code)) for code in ORDER]
    return {"stage": case(*names, else_=_text(NOT_BEGUN)), **flags, "late": _late(standing, day)}


def _late(standing: Subquery, day: BindParameter) -> ColumnElement:
    """A stage is overdue, or the plan's deadline for it or for the whole year has passed."""
    h, d, compound = stage_history.c, plan_deadlines.c, compounds.c
    reached = func.coalesce(standing.c.position, _NO)
    order = case(*[(d.stage == _text(code), _position(code)) for code in ORDER])
    over = exists().where(h.code == compound.code, h.stage == d.stage, _over(day))
    # Left to itself SQLAlchemy correlates one level up only: any compound would then do.
    finished = over.correlate(compounds, plan_deadlines)
    missed = exists().where(d.plan_year == compound.plan_year, d.due_on < day, order >= reached, ~finished)
    due = exists().where(year_plans.c.plan_year == compound.plan_year, year_plans.c.due_on < day)
    undone = func.coalesce(standing.c.done, _NO) == _NO
    return case((or_(standing.c.overdue == _YES, missed, and_(due, undone)), _YES), else_=_NO)
