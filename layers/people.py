"""Roles, and the one rule for every read (``visible``) and every write (``may``).

Until sign-in exists everyone is a visitor, but for the operator at the command line and the
local role that a loopback installation grants itself: both act as bureau.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from geo.errors import PermissionError_
from layers.catalogue import PUBLISHED_STATES, layer_named

ROLES = ("visitor", "street_office", "bureau", "planner", "auditor")

#: What each role may do. A role or action that is not here may not.
_ACTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "bureau": frozenset(
            {"load", "activate", "assign", "decide", "describe", "plan", "compare", "read_record"}
            | {"grant", "back_up", "restore", "read_private"}
        ),
        "planner": frozenset({"compare", "read_record"}),
        "auditor": frozenset({"compare", "read_record", "read_private"}),
    }
)
#: Who reads cases that are not published yet.
_READS_UNPUBLISHED = frozenset({"bureau", "planner", "auditor"})


@dataclass(frozen=True)
class Person:
    """Who acts: role, street office answered for (if any), and the name history writes down."""

    role: str = "visitor"
    office: str | None = None
    name: str = ""


VISITOR = Person()
#: The command line: whoever can open the store's file acts as the bureau.
OPERATOR = Person("bureau", None, "operator")


@dataclass(frozen=True)
class Sight:
    """What a person sees of a layer: these fields, of the rows whose state is one of these.

    ``states`` None means every row. ``kind`` names the visibility class, for cache keys.
    """

    layer: str
    fields: tuple[str, ...]
    states: frozenset[str] | None
    kind: str


def visible(person: Person, layer: str, *, private: bool = False) -> Sight:
    """Return what the person sees of a layer; every read is limited by it.

    ``private`` asks for the private fields too, which raises PermissionError_ for those who
    may not have them.

    >>> "person" in visible(OPERATOR, "illegal_structures").fields
    False
    """
    if private:
        require(person, "read_private")
    fields = tuple(f.name for f in layer_named(layer).fields if private or not f.private)
    every = layer != "illegal_structures" or person.role in _READS_UNPUBLISHED
    kind = ("every" if every else "published") + ("-private" if private else "")
    return Sight(layer, fields, None if every else PUBLISHED_STATES, kind)


def may(person: Person, action: str, office: str | None = None) -> bool:
    """Return whether the person may do the action (for a street office, where it has one).

    >>> may(OPERATOR, "load"), may(VISITOR, "load")
    (True, False)
    """
    if action not in _ACTIONS.get(person.role, frozenset()):
        return False
    # Whoever answers for one street office acts for no other, and without an office for none.
    bound = person.role == "street_office" or person.office is not None
    return not bound or (person.office is not None and person.office == office)


def require(person: Person, action: str, office: str | None = None) -> None:
    """Raise PermissionError_ unless the person may do the action."""
    if not may(person, action, office):
        raise PermissionError_(
            "The role %(role)s may not do this: %(action)s.", role=person.role, action=action
        )
