"""Clocks: where the moments of backups contradict their numbers, somebody's clock was wrong, and nobody knows whose.

Numbers grow with each backup, moments should. What is said here of backups that are kept stays true when others are
deleted, as long as `with_contradicted` adds to them what they contradict.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final

# What a backup is taken for. Anything else is a reason of its own ("manual", "before an upgrade").
DAILY: Final = "daily"
MIDDAY: Final = "midday"


@dataclass(frozen=True, slots=True)
class Dated:
    """A backup as far as retention looks at it: `number` grows with each backup, `proven` means at every site."""

    number: int
    taken_at: datetime
    purpose: str = DAILY
    proven: bool = True

    @property
    def day(self) -> date:
        """The calendar day in UTC."""
        return self.taken_at.astimezone(UTC).date()


def by_moment(backups: Iterable[Dated]) -> list[Dated]:
    """Sort by when they were taken; by number where that is the same."""
    return sorted(backups, key=lambda backup: (backup.taken_at, backup.number))


def agree(backups: Iterable[Dated]) -> bool:
    """Say whether every later backup has a later moment, or the same."""
    return all(before.taken_at <= after.taken_at for before, after in pairwise(sorted(backups, key=_number)))


def if_earlier_are_right(backups: Iterable[Dated]) -> list[Dated]:
    """Return those that contradict none before them, by moment: a clock that was set back was wrong."""
    return by_moment(backup for backup, latest in _behind(backups) if latest is backup)


def if_later_are_right(backups: Iterable[Dated]) -> list[Dated]:
    """Return those that contradict none after them, by moment: a clock that ran ahead was wrong."""
    return by_moment(backup for backup, earliest in _before(backups) if earliest is backup)


# Without what told that a clock was wrong, nobody could tell the next time.
def with_contradicted(kept: Collection[int], *readings: Sequence[Dated]) -> set[int]:
    """Return numbers that are kept, and of each what it contradicts, in each set of backups that is looked at."""
    pairs = [
        (one.number, other.number) for reading in readings for one, other in (*_behind(reading), *_before(reading))
    ]
    found = set(kept)
    while more := {other for one, other in pairs if one in found} - found:
        found |= more
    return found


def newest_set_back(backups: Iterable[Dated], newest: int) -> set[int]:
    """Return the numbers of those of the newest daily ones, by number, that contradict one before them."""
    daily = [(backup, latest) for backup, latest in _behind(backups) if backup.purpose == DAILY]
    return {backup.number for backup, latest in daily[-newest:] if latest is not backup}


def before_pauses(backups: Sequence[Dated], days: int, pause: timedelta) -> Iterator[list[Dated]]:
    """Yield what there was before each long pause between the newest of so many days that have a backup."""
    newest = sorted({backup.day for backup in backups})[-days:]
    for before, after in pairwise(newest):
        if after - before > pause:
            yield [backup for backup in backups if backup.day <= before]


def _behind(backups: Iterable[Dated]) -> Iterator[tuple[Dated, Dated]]:
    """Yield each by its number, and the latest of it and those before it: itself where it contradicts none."""
    latest: Dated | None = None
    for backup in sorted(backups, key=_number):
        other = latest
        if latest is None or backup.taken_at > latest.taken_at:
            latest = backup
        yield backup, other if other is not None and backup.taken_at < other.taken_at else backup


def _before(backups: Iterable[Dated]) -> Iterator[tuple[Dated, Dated]]:
    """Yield each by its number, last first, and the earliest of it and those after it, likewise."""
    earliest: Dated | None = None
    for backup in sorted(backups, key=_number, reverse=True):
        other = earliest
        if earliest is None or backup.taken_at < earliest.taken_at:
            earliest = backup
        yield backup, other if other is not None and backup.taken_at > other.taken_at else backup


def _number(backup: Dated) -> int:
    return backup.number
