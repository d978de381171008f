"""Retention: which backups of one database are kept, and why; a pure function of what there is.

The promise is 7 daily, 4 weekly and 3 monthly full backups **and** at least 92 days. The usual rules count a backup in
several classes and keep 10 to 12; fourteen exclusive ones can end after 66 days. So:

- A calendar day (UTC: all have 24 hours) has one backup, a week (ISO 8601) the first day that has one, a month the
  first such week; a week belongs to the month of its Thursday, whichever of its days has a backup. So each period is
  part of one longer period, and a class's choice never changes when something goes that no class had chosen: what a
  class will need is always still there, also after missed days, failed Sundays and gaps.
- The newest seven days are the daily ones; of what is older the newest four weeks are the weekly ones; of what is older
  still the newest three months are the monthly ones. Numbers count, not ages: when nothing new comes, nothing goes.
- The oldest monthly one goes only when the rest reaches back 92 days by itself: 14 or 15 backups, the oldest 92 to 133
  days old.
- Only a backup that is proven at every site lets an older one go. One that is not is kept where it would be kept if it
  were proven, and displaces nothing.
- A clock that was wrong shows when moments contradict numbers, which always grow. Then nobody knows which is right, so
  what each reading would keep is kept: the earlier ones were right, the later ones were, or all were. One that runs
  ahead by more than a month lets nothing go until it has made seven days' backups, as long as an alarm may take.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

from growsoft_cloud.backup.clocks import (
    DAILY,
    MIDDAY,
    Dated,
    agree,
    before_pauses,
    by_moment,
    if_earlier_are_right,
    if_later_are_right,
    newest_set_back,
    with_contradicted,
)
from growsoft_cloud.fleet.policy import Retention

K = TypeVar("K", bound=Hashable)

# The clocks of PostgreSQL and of whoever prunes may differ by this; a backup from further ahead displaces nothing.
SKEW: Final = timedelta(hours=1)

# After days without any backup, as many as these, there may have been a pause, or a clock may run ahead.
PAUSE: Final = timedelta(31)


class Keeping(StrEnum):
    """Why a backup is kept."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    REACH = "reach"  # one more month, because without it the oldest would be younger than promised
    EXTRA = "extra"  # somebody asked for it, a few days ago
    MIDDAY = "midday"  # nothing newer is there yet
    ODD = "odd"  # moments contradict numbers, lie ahead, or a month behind the next: somebody's clock may be wrong


def keep(retention: Retention, backups: Iterable[Dated], now: datetime) -> dict[int, Keeping]:
    """Return the numbers of the backups that are kept, each with its reason; all others may be deleted.

    `now` must know its time zone. Doing it again with what was kept keeps all of it, for the same reasons.
    """
    ordered = by_moment(backups)
    present = [backup for backup in ordered if backup.taken_at <= now + SKEW]
    proven = [backup for backup in present if backup.proven]
    odd = {backup.number for backup in ordered[len(present) :]} | newest_set_back(present, retention.daily)
    promised = _in_every_reading(retention, present) | _in_every_reading(retention, proven)
    kept = with_contradicted(odd | promised.keys(), present, proven)
    return dict.fromkeys(kept, Keeping.ODD) | promised


def expected(retention: Retention, first: date, today: date) -> dict[Keeping, int]:
    """Return how many backups of each class there are when none was ever missed since the first day."""
    newest = datetime(today.year, today.month, today.day, tzinfo=UTC)
    ages = range(min((today - first).days, retention.longest_days) + 1)
    found = list(keep(retention, [Dated(-age, newest - timedelta(age)) for age in ages], newest).values())
    return {kind: found.count(kind) for kind in (Keeping.DAILY, Keeping.WEEKLY, Keeping.MONTHLY, Keeping.REACH)}


def _in_every_reading(retention: Retention, backups: Sequence[Dated]) -> dict[int, Keeping]:
    """Choose among backups that count alike, oldest first, whoever's clock was right."""
    kept = _kept(retention, backups)
    if not agree(backups):
        kept |= _kept(retention, if_later_are_right(backups))
        kept |= _kept(retention, if_earlier_are_right(backups))
    return kept


def _kept(retention: Retention, backups: Sequence[Dated]) -> dict[int, Keeping]:
    """Choose among backups that count alike, oldest first."""
    if not backups:
        return {}
    newest = backups[-1]
    kept = _classes(retention, backups)
    since = newest.taken_at - timedelta(retention.extra_days)
    for backup in backups:
        if backup.purpose not in {DAILY, MIDDAY} and backup.taken_at >= since:
            kept.setdefault(backup.number, Keeping.EXTRA)
    kept.setdefault(newest.number, Keeping.MIDDAY)
    for part in before_pauses(backups, retention.daily, PAUSE):
        kept = dict.fromkeys(_kept(retention, part), Keeping.ODD) | kept
    return kept


def _classes(retention: Retention, backups: Sequence[Dated]) -> dict[int, Keeping]:
    """Divide the backups that stand for their day, week or month among the exclusive classes."""
    days = _first_of(sorted(backups, key=_rank), lambda backup: backup.day)
    weeks = _first_of(days, lambda backup: backup.day.isocalendar()[:2])
    months = _first_of(weeks, _month)
    kept: dict[int, Keeping] = {}
    for found, number, kind in (
        (days, retention.daily, Keeping.DAILY),
        (weeks, retention.weekly, Keeping.WEEKLY),
        (months, retention.monthly, Keeping.MONTHLY),
    ):
        left = [backup for backup in reversed(found) if backup.number not in kept]
        kept |= {backup.number: kind for backup in left[:number]}
    return kept | _reaching(retention, backups, months, kept)


def _reaching(
    retention: Retention, backups: Sequence[Dated], months: Sequence[Dated], kept: Mapping[int, Keeping]
) -> dict[int, Keeping]:
    """Return as many months more as the promised time needs."""
    goal = backups[-1].taken_at - timedelta(retention.days)
    oldest = min(backup.taken_at for backup in backups if backup.number in kept)
    more: dict[int, Keeping] = {}
    for month in reversed(months):
        if oldest <= goal:
            break
        if month.number not in kept:
            more[month.number] = Keeping.REACH
            oldest = month.taken_at
    return more


def _rank(backup: Dated) -> tuple[date, int, int]:
    """Sort the backups of a day: the daily one stands for it, another where that failed, the midday copy at last."""
    return backup.day, {DAILY: 0, MIDDAY: 2}.get(backup.purpose, 1), backup.number


def _month(backup: Dated) -> tuple[int, int]:
    """Return the month to which the backup's week belongs, as ISO 8601 gives a week to a year: that of its Thursday."""
    thursday = backup.day + timedelta(4 - backup.day.isoweekday())
    return thursday.year, thursday.month


def _first_of(backups: Sequence[Dated], period: Callable[[Dated], K]) -> list[Dated]:
    """Return the first backup of each period, in order."""
    firsts: dict[K, Dated] = {}
    for backup in backups:
        firsts.setdefault(period(backup), backup)
    return list(firsts.values())
