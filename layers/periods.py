"""The month, quarter or year that a sheet is about: it ends on a day, and opens the day before it began."""

from dataclasses import dataclass
from datetime import date, timedelta

from geo.errors import RequestError

#: How many months each kind of period has, in the order they are offered.
MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Period:
    """A calendar period up to a day: its kind, its first day and its last."""

    kind: str
    start: date
    end: date

    @property
    def opening(self) -> date:
        """The day whose end is the beginning of the period (上期末)."""
        return self.start - timedelta(days=1)

    @property
    def before(self) -> "Period":
        """The whole period before this one."""
        return period_ending(self.kind, self.opening)

    def holds(self, day: date | None) -> bool:
        """Return whether a day lies in the period."""
        return day is not None and self.start <= day <= self.end


def period_ending(kind: str, on: date) -> Period:
    """Return the calendar period of a kind that holds a day, up to that day.

    Raises:
        RequestError: there is no such kind of period.

    >>> period_ending("quarter", date(2022, 6, 30))
    Period(kind='quarter', start=datetime.date(2022, 4, 1), end=datetime.date(2022, 6, 30))
    >>> period_ending("quarter", date(2022, 6, 30)).before.start
    datetime.date(2022, 1, 1)
    """
    if kind not in MONTHS:
        raise RequestError(
            "No period is called %(kind)s; the periods are %(kinds)s.", kind=kind, kinds=", ".join(MONTHS)
        )
    if on.year == date.min.year:
        raise RequestError("There is no period before %(day)s.", day=on.isoformat())
    first = (on.month - 1) // MONTHS[kind] * MONTHS[kind] + 1
    return Period(kind, date(on.year, first, 1), on)
