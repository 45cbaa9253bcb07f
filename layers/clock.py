"""What time it is for the record, which must never go backwards."""

from datetime import UTC, datetime, timedelta

from geo.errors import StoreError

#: So much may the clocks of the machines that share a store differ (Kerberos allows as much).
TOLERANCE = timedelta(minutes=5)


def now() -> str:
    """Return this moment in UTC, to the microsecond; later moments sort after it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def moment(last: str | None, now: str) -> str:
    """Return when something is written after an entry of the moment ``last``: now, never before it.

    A clock that is a little behind is another machine's; one that is far behind was set back, or
    was far ahead when the last entry was written. Raises StoreError, which names both times.

    >>> moment("2022-06-30T08:00:00.000000+00:00", "2022-06-30T07:59:58.000000+00:00")
    '2022-06-30T08:00:00.000000+00:00'
    """
    if last is None or now >= last:
        return now
    if datetime.fromisoformat(last) - datetime.fromisoformat(now) > TOLERANCE:
        raise StoreError(
            "The clock of this machine says %(now)s, but the last entry of the history is of %(last)s: "
            "set the clock right. If it is right, and was wrong then, run flask accept-clock.",
            now=now,
            last=last,
        )
    return last
