"""A clock that a test sets: what is written is written at that time."""

from datetime import UTC, datetime

import pytest

from layers import clock


class Clock:
    """Stands where the record's clock stands, and moves on by a second at every look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = datetime(2024, 1, 1, tzinfo=UTC)
        told = self

        class Told(datetime):
            @classmethod
            def now(cls, tz=None):
                told.time = told.time.replace(second=told.time.second + 1)
                return told.time

        monkeypatch.setattr(clock, "datetime", Told)

    def set(self, text: str) -> None:
        """Have it be this time (UTC), as in 2024-03-01T12:00."""
        self.time = datetime.fromisoformat(text).replace(tzinfo=UTC)
