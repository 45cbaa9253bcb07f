"""How answers are said: who answers for a site, how that was found, why it is a border case."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from flask import Flask
from flask_babel import gettext

from layers.cases import Case
from webmap import words

METHOD_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "largest_share": "largest share",
        "containment": "lies in it",
        "nearest": "nearest within the tolerance",
        "manual": "decided",
        "none": "lies in no street office",
    }
)
REASON_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "several_offices": "other street offices hold a part of it",
        "low_share": "its main street office holds a small part only",
        "several_candidates": "several street offices claim the place",
        "on_edge": "it lies on a boundary",
        "near_edge": "it lies near a boundary",
        "office_gone": "the street office decided upon is no longer there",
    }
)
STATE_TEXTS: Mapping[str, str] = MappingProxyType(
    {"review": "for review", "undecided": "undecided", "decided": "decided"}
)
EDITION_TEXTS: Mapping[str, str] = MappingProxyType(
    {"waiting": "waits", "active": "in force", "former": "former"}
)
#: What a step of a site's history is called.
STEP_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "assign": "assigned anew",
        "move": "moved by a new edition",
        "decide": "decided",
        "withdraw": "decision withdrawn",
        "review": "put up for review: what the decision rested on has changed",
        "stand": "decision stands again: what it rested on is as it was",
        "stages": "stage dates",
    }
)
#: What of a stage's dates has changed.
DATE_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "planned_start": "planned start",
        "planned_finish": "planned finish",
        "actual_start": "real start",
        "actual_finish": "real finish",
        "reported": "reported as begun",
    }
)


def office_named(code: str | None, name: str | None) -> str:
    """Return a street office by name and code (two may have one name); nobody where there is no code."""
    if code is None:
        return gettext("no street office")
    return f"{name} ({code})" if name else code


def moment(at: str) -> str:
    """Return a time of the record as people write it, in UTC: 2022年6月30日 14:05 UTC."""
    return f"{words.day(at[:10])} {at[11:16]} UTC"


def method_label(method: str) -> str:
    """Return how an answer was found."""
    return gettext(METHOD_TEXTS[method])


def border_reason(reason: str) -> str:
    """Return why a site is a border case."""
    return gettext(REASON_TEXTS[reason])


def case_state(state: str) -> str:
    """Return whether a case is decided, undecided or for review."""
    return gettext(STATE_TEXTS[state])


def edition_state(state: str) -> str:
    """Return whether an edition waits, is in force or was."""
    return gettext(EDITION_TEXTS[state])


def map_title(case: Case) -> str:
    """Return what a screen reader says of the map of a case."""
    return gettext("Map of %(site)s and the street offices around it", site=case.name or case.code)


def step_label(action: str) -> str:
    """Return what was done to a site's answer."""
    return gettext(STEP_TEXTS[action])


def stage_field(field: str) -> str:
    """Return what of a stage's dates has changed."""
    return gettext(DATE_TEXTS[field])


def stage_value(told: str | bool | None) -> str:
    """Return a date of a stage, or whether it was reported; a dash for what is not known."""
    if isinstance(told, bool):
        return gettext("yes") if told else gettext("no")
    return words.day(told)


FILTERS: Mapping[str, Callable] = MappingProxyType(
    {
        f.__name__: f
        for f in (
            moment,
            method_label,
            border_reason,
            case_state,
            edition_state,
            step_label,
            stage_field,
            stage_value,
        )
    }
)


def install(app: Flask) -> None:
    """Give every template these words as filters, and the way a street office is named."""
    words.add_filters(app, FILTERS)
    app.jinja_env.globals["office_named"] = office_named
