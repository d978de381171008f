"""What is due: a pure function of the clock, the databases, and what was done for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from growsoft_cloud.backup.clocks import DAILY, MIDDAY

# Where nobody chose an hour, the fleet's backups are spread over these minutes from midnight (UTC).
NIGHT: Final = 6 * 60
# A backup that fails is tried again before its day is over: in the last hour all begin in its first half.
SPARE: Final = 30
LATEST: Final = 24 * 60 - SPARE
HALF_A_DAY: Final = timedelta(hours=12)
A_DAY: Final = timedelta(hours=24)

# A midday copy shortly before the daily one would be for nothing.
SOON: Final = timedelta(hours=1)

FIRST_WAIT: Final = timedelta(minutes=5)
LONGEST_WAIT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A database that is to be backed up; `quiet_hour` is 0 to 23 (UTC), or -1 for any."""

    uuid: UUID
    name: str
    cluster: str
    plan: str
    quiet_hour: int
    since: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What was done for a database: its newest daily backup and its newest of any kind, and what failed since.

    `covered` says that a WAL archive holds what came after the newest backup; `wanted_since` is a moment after which
    there must be a backup, because something came to be then that nothing else remembers.
    """

    newest_daily: datetime | None = None
    newest: datetime | None = None
    failures: int = 0
    last_failure: datetime | None = None
    covered: bool = False
    wanted_since: datetime | None = None


class Due(NamedTuple):
    """A backup that should be made now, and since when."""

    since: datetime
    subscriber: Subscriber
    purpose: str


def due(subscribers: Iterable[Subscriber], histories: Mapping[UUID, History], now: datetime) -> list[Due]:
    """Return what is due, the longest overdue first."""
    found = [
        Due(what[0], subscriber, what[1])
        for subscriber in subscribers
        if (what := _due(subscriber, histories.get(subscriber.uuid, History()), now.astimezone(UTC))) is not None
    ]
    return sorted(found, key=lambda one: (one.since, one.subscriber.uuid))


def slot(subscriber: Subscriber, day: date) -> datetime:
    """Return the moment of a database's daily backup: the same every day, and spread over the fleet."""
    drawn = int.from_bytes(hashlib.sha256(subscriber.uuid.bytes).digest()[:8], "big")
    chosen = subscriber.quiet_hour >= 0
    minutes = (subscriber.quiet_hour * 60 + drawn % 60) if chosen else drawn % NIGHT
    minutes = min(minutes, LATEST - drawn % SPARE)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minutes)


def wait_after(failures: int) -> timedelta:
    """Return how long to wait before the next attempt: 5, 10, 20, 40 minutes, then an hour."""
    return min(FIRST_WAIT * (1 << min(max(failures - 1, 0), 10)), LONGEST_WAIT)


def _due(subscriber: Subscriber, history: History, now: datetime) -> tuple[datetime, str] | None:
    """Return since when a database's backup is due, and which."""
    if history.last_failure is not None and now < history.last_failure + wait_after(history.failures):
        return None
    # Once a day by the calendar: a time of day that wanders through the day would one day leave one out.
    today = slot(subscriber, now.date())
    done = history.newest_daily is not None and history.newest_daily.astimezone(UTC).date() >= now.date()
    if history.newest is None:
        return subscriber.since, DAILY
    if not done and now >= today:
        return today, DAILY
    if not done and now >= history.newest + A_DAY:
        return history.newest + A_DAY, DAILY
    return _between(history, now, today if now < today else today + A_DAY, is_next=not done or now >= today)


def _between(history: History, now: datetime, following: datetime, *, is_next: bool) -> tuple[datetime, str] | None:
    """Return whether a copy between two daily backups is due."""
    newest = history.newest
    if newest is None:
        return None
    if history.wanted_since is not None and history.wanted_since > newest:
        return history.wanted_since, MIDDAY
    old = newest + HALF_A_DAY
    if history.covered or now < old or (is_next and following - now < SOON):
        return None
    return old, MIDDAY


def proofs_due(proved: Mapping[UUID, datetime | None], last_day: int, now: datetime) -> list[UUID]:
    """Return which databases' backups are restored on trial today: a sample, so that each has its turn in four weeks.

    `proved` has every database that has a backup, with the moment of its last proof; `last_day` counts the proofs that
    were done within the last 24 hours. Those that were never proved come first, then the oldest.
    """
    a_day = -(-len(proved) // 28)
    waiting = sorted(proved, key=lambda uuid: (proved[uuid] or datetime.min.replace(tzinfo=UTC), uuid))
    overdue = [
        uuid for uuid in waiting if (proved[uuid] or datetime.min.replace(tzinfo=UTC)) < now - timedelta(days=28)
    ]
    return overdue if len(overdue) > a_day - last_day else waiting[: max(a_day - last_day, 0)]
