"""What the map asks for by code alone: classes on a day, and the months to play. No shape is in it."""

from dataclasses import replace
from datetime import date

import numpy as np
from flask import Blueprint, Response, jsonify, request

from layers import classes, months
from layers.mapping import TICKED
from layers.months import Days, Months, stood
from layers.people import visible
from layers.querying import FILTERS, NONE
from layers.stages import STAGES
from webmap import access

blueprint = Blueprint("mapdays", __name__)

#: How a compound stands, as one sign: the place of its stage in STAGES, + 8 late, + 16 ticked.
SIGNS = np.array(list("0123456789abcdefghijklmnopqrstuv"))
_TICKED = np.array([stage in TICKED for stage in STAGES])
#: How late a compound is, as one sign: the place of its class here.
LATENESS = (*classes.LATENESS, NONE)


@blueprint.get("/map/classes.json")
def coloured() -> Response:
    """Return the class of each compound by one colouring: ``of`` tells its place in ``classes``.

    With ``signs=1`` also how each one stood: see ``SIGNS``.
    """
    asked = access.query("compounds", "colour", "signs")
    colouring = request.args.get("colour", classes.STAGE)
    found = classes.classed(access.still(), access.person(), asked, colouring)
    codes = sorted(set(found.of.values()))
    place = {code: i for i, code in enumerate(codes)}
    of = {code: place[named] for code, named in found.of.items()}
    signs = {}
    if access.flag("signs"):
        days = months.days_of(access.still(), access.person(), asked)
        signs = {"signs": dict(zip(days.codes, _signs(days, asked.on).tolist(), strict=True))}
    return _tagged(jsonify(colour=colouring, on=asked.on.isoformat(), classes=codes, of=of, **signs))


@blueprint.get("/map/months.json")
def played() -> Response:
    """Return how many compounds stood at each stage, month by month; with ``each=1`` where each one stood.

    The stage that is asked for is left aside, and how late: it is what the months tell.
    """
    asked = replace(access.query("compounds", "each"), stage=None, late=None, lateness=None)
    still = access.still()
    days = months.days_of(still, access.person(), asked)
    told = months.months(still, days, still.day())
    each = _each(days, told) if access.flag("each") else {}
    return _tagged(
        jsonify(
            today=told.today.isoformat(),
            ends=[end.isoformat() for end in told.ends],
            counts=told.counts,
            late=told.late,
            settled=told.settled,
            plans=[
                {
                    "year": plan.plan_year,
                    "start": plan.start and plan.start.isoformat(),
                    "due": plan.due_on and plan.due_on.isoformat(),
                }
                for plan in told.plans
            ],
            **each,
        )
    )


def _each(days: Days, told: Months) -> dict[str, object]:
    """Return of each compound a text with one sign a month: how it stood, and how late it was."""
    at = [stood(days, end) for end in told.ends]
    signs = [SIGNS[_signs(days, end)] for end in told.ends]
    bounds = list(classes.LATENESS.values())
    late = [np.where(days.dated, np.searchsorted(bounds, s.late_days), len(bounds)) for s in at]
    return {
        "of": dict(zip(days.codes, _texts(signs), strict=True)),
        "lateness": LATENESS,
        "late_of": dict(zip(days.codes, _texts([SIGNS[n] for n in late]), strict=True)),
    }


def _signs(days: Days, on: date) -> np.ndarray:
    """Return how compounds stood on a day, as places in SIGNS."""
    s = stood(days, on)
    return s.stage + 8 * (s.late_days > 0) + 16 * (s.finished & _TICKED[s.stage])


def _texts(signs: list[np.ndarray]) -> list[str]:
    """Return the signs of each compound, month by month, as one text."""
    rows = np.ascontiguousarray(np.array(signs).T)
    return rows.view(f"U{rows.shape[1]}").ravel().tolist()


def _tagged(response: Response) -> Response:
    kind = visible(access.person(), "illegal_structures").kind
    return access.tagged(response, access.tag(kind, *FILTERS))
