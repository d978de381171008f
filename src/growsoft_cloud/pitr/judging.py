"""Judging: what is wrong with the archive of a cluster, told from its status by a pure function."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from growsoft_cloud.operations.monitor import Level, Trouble
from growsoft_cloud.pitr.status import Status

# The archive is seconds behind; minutes mean that something is in its way.
WARN_AFTER: Final = timedelta(minutes=2)
ALARM_AFTER: Final = timedelta(minutes=15)

# How much of what the primary keeps for the archive may be used up.
WARN_FILLED: Final = 0.25
ALARM_FILLED: Final = 0.5

# A gap is over when no moment of the window lies in it any more.
TOLD_FOR: Final = timedelta(days=8)

_LOOK: Final = "See log/operations.log in the home, and: growsoft cloud rpo"


def archive_troubles(status: Status | None, since: datetime, now: datetime) -> list[Trouble]:
    """Return all that is wrong; `since` is when the cluster came to be."""
    return sorted(_found(status, since, now), key=lambda trouble: trouble.level)


def covers(status: Status | None, base_at: datetime | None, now: datetime) -> bool:
    """Say whether the archive holds all that came after the newest base backup, up to seconds ago."""
    if status is None or base_at is None or status.is_silent(now):
        return False
    seconds = status.rpo(now)
    whole = not status.gaps or status.gaps[-1].before < base_at
    return whole and seconds is not None and seconds < WARN_AFTER.total_seconds()


def _found(status: Status | None, since: datetime, now: datetime) -> Iterator[Trouble]:
    covered = None if status is None else status.covered
    age = now - (covered or since)
    if age >= WARN_AFTER:
        level = Level.ALARM if age >= ALARM_AFTER else Level.WARNING
        why = "" if status is None or not status.trouble else f" {status.trouble}"
        what = "No WAL is archived yet" if covered is None else f"The WAL archive ends at {covered:%Y-%m-%d %H:%M:%SZ}"
        yield Trouble(level, "rpo", f"{what}: {_span(age)} of work would be lost with this machine.{why} {_LOOK}")
    if status is None:
        return
    filled = status.behind / status.limit
    if filled >= WARN_FILLED:
        level = Level.ALARM if filled >= ALARM_FILLED else Level.WARNING
        text = f"The primary keeps {status.behind} bytes for the WAL archive and gives it up at {status.limit}."
        yield Trouble(level, "backlog", f"{text} Look after the sites: growsoft cloud site list")
    for gap in status.gaps:
        if now - gap.before < TOLD_FOR:
            span = f"{gap.after:%Y-%m-%d %H:%M:%SZ} and {gap.before:%Y-%m-%d %H:%M:%SZ}"
            text = f"WAL is lost to the archive: nothing can be restored to a moment between {span}."
            yield Trouble(Level.ALARM, f"gap {gap.after.isoformat()}", text)
    for name, reason in sorted(status.sites.items()):
        yield Trouble(Level.WARNING, f"site {name}", f"The WAL archive could not write to {name}: {reason}")


def _span(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    return f"{seconds} s" if seconds < 600 else f"{seconds // 60} min"
