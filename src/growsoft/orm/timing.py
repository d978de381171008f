"""Timings: when a schedule runs next, by the calendar of a time zone and never by adding up intervals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from growsoft.errors import ValidationError

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HELP: Final = (
    "write `every 15 minutes`, `every 2 hours`, `daily 03:00`, `weekly mon,thu 07:30` or `monthly 1 02:00`"
    " (day 31 is the last one of a shorter month)"
)
_DAY_MINUTES: Final = 24 * 60
# A day that lies this far ahead is met by every timing.
_HORIZON: Final = 70

OnDay = Callable[[date], bool]


class BadTiming(ValidationError):
    """This is no timing; write it as `every 15 minutes` or `daily 03:00`."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When something happens again and again.

    ``every`` counts in minutes from midnight UTC; otherwise it happens ``at`` a wall-clock time on the days for
    which ``on_day`` holds. A wall-clock time that a change of the clock skips happens when the clock has jumped, one
    that comes twice happens the first time.
    """

    text: str
    zone: ZoneInfo
    every: int = 0
    at: time = time(0)
    on_day: OnDay = lambda _day: True

    def after(self, moment: datetime) -> datetime:
        """Give the first time (UTC) later than ``moment``, which is aware."""
        moment = moment.astimezone(UTC)
        return next(found for found in self._from(moment.astimezone(self.zone).date()) if found > moment)

    def _from(self, day: date) -> Iterator[datetime]:
        for number in range(_HORIZON):
            that = day + timedelta(days=number)
            if self.on_day(that):
                yield from (self._moment(that, at) for at in self._times())

    def _times(self) -> Iterator[time]:
        if not self.every:
            yield self.at
        for minute in range(0, _DAY_MINUTES if self.every else 0, self.every or 1):
            yield time(minute // 60, minute % 60)

    def _moment(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.zone).astimezone(UTC)


def timing(text: str, zone: str = "UTC") -> Timing:
    """Read a timing; ``zone`` is an IANA name. Raises ``BadTiming``."""
    for pattern, made in _FORMS:
        found = pattern.fullmatch(text.strip().lower())
        if found is not None:
            return made(found, text, _zone(zone))
    raise BadTiming(f"{text[:60]!r} is no timing: {_HELP}.")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadTiming(f"There is no time zone {name[:60]!r}; use a name such as Europe/Paris.") from None


def _every(found: re.Match[str], text: str, zone: ZoneInfo) -> Timing:
    minutes = int(found["number"] or 1) * (60 if found["unit"] == "hour" else 1)
    if minutes < 1 or _DAY_MINUTES % minutes:
        raise BadTiming(f"{text!r}: the day must be a whole number of these intervals, such as 5, 15 or 90 minutes.")
    del zone  # an interval is as long in the nights in which clocks are changed
    return Timing(text, ZoneInfo("UTC"), every=minutes)


def _daily(found: re.Match[str], text: str, zone: ZoneInfo) -> Timing:
    return Timing(text, zone, at=_clock(found, text))


def _weekly(found: re.Match[str], text: str, zone: ZoneInfo) -> Timing:
    names = [name.strip() for name in found["days"].split(",")]
    unknown = [name for name in names if name not in WEEKDAYS]
    if unknown:
        raise BadTiming(f"{unknown[0]!r} is no day of the week; use {', '.join(WEEKDAYS)}.")
    wanted = frozenset(WEEKDAYS.index(name) for name in names)
    return Timing(text, zone, at=_clock(found, text), on_day=lambda day: day.weekday() in wanted)


def _monthly(found: re.Match[str], text: str, zone: ZoneInfo) -> Timing:
    number = int(found["day"])
    if not 1 <= number <= 31:
        raise BadTiming(f"{text!r}: a day of the month is between 1 and 31.")
    return Timing(text, zone, at=_clock(found, text), on_day=lambda day: day.day == min(number, _last_day(day)))


def _last_day(day: date) -> int:
    return ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day


def _clock(found: re.Match[str], text: str) -> time:
    try:
        return time(int(found["hour"]), int(found["minute"]))
    except ValueError:
        raise BadTiming(f"{text!r}: a time is written as 00:00 to 23:59.") from None


_AT: Final = r" (?P<hour>\d\d):(?P<minute>\d\d)"
_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str, ZoneInfo], Timing]], ...]] = (
    (re.compile(r"every (?:(?P<number>\d{1,4}) )?(?P<unit>minute|hour)s?", re.ASCII), _every),
    (re.compile(r"daily" + _AT, re.ASCII), _daily),
    (re.compile(r"weekly (?P<days>[a-z]+(?:, ?[a-z]+)*)" + _AT, re.ASCII), _weekly),
    (re.compile(r"monthly (?P<day>\d{1,2})" + _AT, re.ASCII), _monthly),
)
