"""By which rule sites are assigned: thresholds and tolerances, settings of the district."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from sqlalchemy import Connection, or_, select

from geo.errors import RequestError
from layers import driving, tables

#: No point is meant to belong to a street office that is farther away than this.
FARTHEST_M = 1000.0


@dataclass(frozen=True)
class Rule:
    """The thresholds of the assignment, and their defaults.

    ``border_above``: a compound is a border case when the offices beside the main one hold more
    of it than this share. ``main_share_below``: or when the main one holds less than this (0:
    not asked). ``edge_m``: a point is a border case within so many metres of a boundary (0: on
    it). ``tolerance_m``: a point in no office belongs to the nearest one within so many metres
    (0: to none).
    """

    border_above: float = 0.01
    main_share_below: float = 0.0
    edge_m: float = 0.0
    tolerance_m: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be a share or a distance."""
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= most):
                raise RequestError(
                    "%(name)s lies between 0 and %(most)s, not at %(value)s.",
                    name=name,
                    most=f"{most:g}",
                    value=value,
                )


_MOST = {"border_above": 1.0, "main_share_below": 1.0, "edge_m": FARTHEST_M, "tolerance_m": FARTHEST_M}
NAMES = tuple(field.name for field in fields(Rule))


_s = tables.settings.c
_SET = select(_s.key, _s.value).where(or_(*(_s.key == name for name in NAMES)))


def rule(connection: Connection) -> Rule:
    """Return the rule that is set in a store; what is not set is the default."""
    known: Mapping[str, str] = dict(driving.fetch(connection, _SET, {}).rows)
    return Rule(**{name: float(text) for name, text in known.items()})
