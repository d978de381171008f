"""A clock for tests: it stands still until somebody moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """What ``env.now()`` goes by in a test. PostgreSQL stamps records (``create_date``) and jobs by its own clock."""

    def __init__(self, moment: datetime | None = None) -> None:
        """Start at an aware ``moment``; without one at the present, in whole seconds."""
        self._moment = datetime.now(UTC).replace(microsecond=0)
        if moment is not None:
            self.set(moment)

    def __call__(self) -> datetime:
        """Give the moment, in UTC."""
        return self._moment

    def set(self, moment: datetime) -> None:
        """Go to an aware moment, back too."""
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone; write datetime(..., tzinfo=UTC)")
        self._moment = moment.astimezone(UTC)

    def advance(
        self, interval: timedelta | None = None, *, days: float = 0, hours: float = 0, minutes: float = 0
    ) -> datetime:
        """Go on by an interval, and by days, hours and minutes; give the moment that is then."""
        self._moment += (interval or timedelta()) + timedelta(days=days, hours=hours, minutes=minutes)
        return self._moment
