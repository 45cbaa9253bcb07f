"""Who is counted by a column of the statistics: conditions on a compound or structure and a period.

Each is asked of one item, of a record as of the period's end: whether it is in the plan, what it
had reached when the period opened, in it, and by its end.
"""

from collections.abc import Callable

from layers.figures import pre_programme
from layers.periods import Period
from layers.reached import Site, Structure, has_started
from layers.sheets import Item

Who = Callable[[Item, Period], bool]


def every(item: Item, period: Period) -> bool:
    """Return True: whoever there is."""
    return True


def all_of(*conditions: Who) -> Who:
    """Return the condition that all of some hold."""
    return lambda item, period: all(condition(item, period) for condition in conditions)


# Compounds.


def planned(site: Site, period: Period) -> bool:
    """Return whether a compound is in the plan of the period's year."""
    return site.row.properties["plan_year"] == period.end.year


def old(site: Site, period: Period) -> bool:
    """Return whether a compound is one the programme is for."""
    return pre_programme(site.row)


def stands(flag: str) -> Who:
    """Return the condition that a compound's standing carries a flag at the end of the period."""
    return lambda site, period: site.row.standing[flag]


def on_time(site: Site, period: Period) -> bool:
    """Return whether a compound is not late at the end of the period."""
    return not site.row.standing["late"]


def built(since: int, before: int) -> Who:
    """Return the condition that a compound was completed in these years."""

    def asked(site: Site, period: Period) -> bool:
        year = site.row.properties["built_year"]
        return year is not None and since <= year < before

    return asked


def known(name: str, known: bool = True) -> Who:
    """Return the condition that a field is known, or that it is not."""
    return lambda site, period: (site.row.properties[name] is not None) == known


def says(name: str, value: object) -> Who:
    """Return the condition that a field is known and says a value."""
    return lambda site, period: site.row.properties[name] is not None and site.row.properties[name] == value


def opened(step: str) -> Who:
    """Return whether a step was reached when the period opened, by where a compound stood on that day."""

    def asked(site: Site, period: Period) -> bool:
        stood = site.stood(period.opening)
        return has_started(stood.stage) if step == "started" else getattr(stood, step)

    return asked


def reached(step: str) -> Who:
    """Return whether a step is reached at the period's end: by the standing that map and planning show."""
    if step == "started":
        return lambda site, period: has_started(site.row.properties["stage"])
    return stands(step)


def during(step: str) -> Who:
    """Return whether a step was reached in the period, by its own day; of structures too."""
    return lambda item, period: period.holds(getattr(item, step))


# Illegal structures.


def by(step: str, opening: bool = False) -> Who:
    """Return whether a structure was listed or cleared by the end of the period, or when it opened."""

    def asked(structure: Structure, period: Period) -> bool:
        day = getattr(structure, step)
        return day is not None and day <= (period.opening if opening else period.end)

    return asked


def standing(structure: Structure, period: Period) -> bool:
    """Return whether a structure is on the ledger and not cleared at the end of the period."""
    return by("listed")(structure, period) and not by("cleared")(structure, period)


def overdue(structure: Structure, period: Period) -> bool:
    """Return whether a structure still stands after the day by which it was to be gone."""
    due = structure.row.properties["due_on"]
    return standing(structure, period) and due is not None and str(due) < period.end.isoformat()
