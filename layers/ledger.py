"""Where illegal structures stood on a day, in SQL: what map, table, chart and sheet tell of a day alike.

A structure is on the ledger (台账) from the day it was found. One that was taken down later than
the day still stood on it, its owner ordered to clear it, as goes before every demolition. Which other
state one had before its present one is written nowhere: it is shown as it is known.
``reached.structure`` says the same of single rows.
"""

from sqlalchemy import ColumnElement, and_, case, literal_column, or_

from layers.catalogue import CLEARED_STATES
from layers.tables import illegal_structures

#: The states of what has been taken down, whatever came after.
TAKEN_DOWN = CLEARED_STATES | {"rebuilt"}
#: The state of what stood until it was taken down.
BEFORE = "ordered"

_s = illegal_structures.c
_GONE = or_(*(_s.state == state for state in sorted(TAKEN_DOWN)))


def listed(day: ColumnElement | str) -> ColumnElement:
    """Return the condition that a structure was on the ledger on a day (ISO); without a day it always was."""
    return or_(_s.found_on.is_(None), _s.found_on <= day)


def state(day: ColumnElement | str) -> ColumnElement:
    """Return the state of a structure on a day (ISO)."""
    stood = and_(_s.demolished_on > day, _GONE)
    return case((stood, literal_column(f"'{BEFORE}'")), else_=_s.state)
