"""Monitor: how the backups of each database are, judged from facts by a pure function: every alarm can be tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Final, NamedTuple
from uuid import UUID

from growsoft_cloud.backup.retention import Keeping, expected
from growsoft_cloud.fleet.policy import PROMISED_DATA_CENTRES, Retention

# Claims BK-6 and DR-1: a backup is late before the promise of 24 hours is broken, and an alarm when it is.
WARN_AFTER: Final = timedelta(hours=20)
ALARM_AFTER: Final = timedelta(hours=24)
PROVED_WITHIN: Final = timedelta(days=31)

# A new database has a day until its first backup is restored on trial.
GRACE: Final = timedelta(days=2)

# A backup of less than half of what the ones before took, or more than three times of it, deserves a look.
SHRUNK, GROWN = 0.5, 3.0
SMALLEST_JUMP: Final = 100_000


class Level(StrEnum):
    """How bad something is."""

    ALARM = "alarm"
    WARNING = "warning"


class Trouble(NamedTuple):
    """Something that is wrong: `kind` names it for as long as it lasts, `text` tells people what and what to do."""

    level: Level
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A backup as the monitor sees it; `sites` are those with a proven copy."""

    id: str
    taken_at: datetime
    purpose: str
    bytes: int
    sites: frozenset[str]
    complete: bool
    kept_as: str = ""
    proved_at: datetime | None = None
    proof_trouble: str = ""
    proof_seconds: float = 0.0
    missing_files: int = 0


@dataclass(frozen=True, slots=True)
class Watched:
    """A database with its backups, newest first; `since` is when it came to be."""

    uuid: UUID
    name: str
    since: datetime
    retention: Retention
    backups: Sequence[Seen]
    failure: str = ""
    # The backups whose key is not there or does not open.
    unreadable: tuple[str, ...] = ()

    @property
    def newest(self) -> Seen | None:
        """The newest backup that keeps the promise."""
        return next((seen for seen in self.backups if seen.complete), None)

    @property
    def proved(self) -> Seen | None:
        """The backup that was restored on trial last."""
        tried = [seen for seen in self.backups if seen.proved_at is not None]
        return max(tried, key=lambda seen: seen.proved_at or seen.taken_at, default=None)


def troubles(database: Watched, sites: Sequence[str], now: datetime) -> list[Trouble]:
    """Return all that is wrong with the backups of a database."""
    found = (
        *_age(database, now), *_copies(database, sites, now), *_size(database), *_reach(database, now),
        *_proof(database, now), *_keys(database),
    )  # fmt: skip
    if database.failure:
        found = (*found, Trouble(Level.WARNING, "failed", f"The last attempt failed: {database.failure}"))
    return sorted(found, key=lambda trouble: trouble.level)


def growth(database: Watched) -> float | None:
    """Return how much larger the newest backup is than those before it, in percent."""
    sizes = [seen.bytes for seen in database.backups[:8]]
    usual = median(sizes[1:]) if len(sizes) > 1 else 0
    return None if not usual else (sizes[0] / usual - 1) * 100


def _age(database: Watched, now: datetime) -> Iterator[Trouble]:
    newest = database.newest
    age = now - (database.since if newest is None else newest.taken_at)
    what = "There is no backup yet" if newest is None else f"The newest backup, {newest.id},"
    say = f"growsoft backup now {database.name}"
    if newest is not None and newest.taken_at > now + timedelta(hours=1):
        yield Trouble(Level.ALARM, "clock", f"{newest.id} is from the future; set the clock, then type: {say}")
    odd = [seen.id for seen in database.backups if seen.kept_as == Keeping.ODD]
    if odd:
        yield Trouble(
            Level.WARNING, "odd",
            f"The moments of {', '.join(odd[:5])} do not fit the others: a clock was wrong, or no backup was made for a"
            " month. Look at the clock of the cluster within a week; until then nothing older is deleted.",
        )  # fmt: skip
    if age >= ALARM_AFTER:
        yield Trouble(Level.ALARM, "late", f"{what} and {_hours(age)} have passed: it is late. Type: {say}")
    elif age >= WARN_AFTER:
        yield Trouble(
            Level.WARNING, "late", f"{what} and {_hours(age)} have passed: the next should be there. Type: {say}"
        )


def _copies(database: Watched, sites: Sequence[str], now: datetime) -> Iterator[Trouble]:
    if not database.backups:
        return
    last = database.backups[0]
    if not last.complete and len(last.sites) < PROMISED_DATA_CENTRES:
        yield Trouble(
            Level.ALARM,
            "copies",
            f"{last.id} has {len(last.sites)} proven copies. Type: growsoft backup verify {last.id}",
        )
    if last.missing_files:
        yield Trouble(
            Level.ALARM,
            "files",
            f"{last.missing_files} files of {database.name} are missing from its storage and from {last.id}; restore "
            "an older backup beside it and take them from there.",
        )
    for site in sites:
        taken = next((seen.taken_at for seen in database.backups if site in seen.sites), None)
        if taken is None or now - taken >= ALARM_AFTER:
            since = "none" if taken is None else f"none of the last {_hours(now - taken)}"
            yield Trouble(Level.WARNING, f"site {site}", f"Of its backups {site} has {since}; look after that site.")
    incomplete = [seen.id for seen in database.backups[1:] if not seen.complete]
    if incomplete:
        yield Trouble(Level.WARNING, "old copies", f"{', '.join(incomplete)} lack copies; they are being made again.")


def _size(database: Watched) -> Iterator[Trouble]:
    change = growth(database)
    if change is None:
        return
    newest, usual = database.backups[0].bytes, median([seen.bytes for seen in database.backups[1:8]])
    if abs(newest - usual) < SMALLEST_JUMP:
        return
    if newest < usual * SHRUNK:
        yield Trouble(
            Level.ALARM, "shrunk", f"{database.backups[0].id} is {-change:.0f} % smaller than usual; look why."
        )
    elif newest > usual * GROWN:
        yield Trouble(
            Level.WARNING, "grown", f"{database.backups[0].id} is {change:.0f} % larger than usual; look why."
        )


def _reach(database: Watched, now: datetime) -> Iterator[Trouble]:
    """Compare what is kept with what would be, had every day since the beginning had its backup."""
    promised = expected(database.retention, database.since.date(), now.date())
    kept = [seen for seen in database.backups if seen.complete and seen.kept_as != Keeping.MIDDAY]
    if not kept:
        return
    # One day's grace: today's may not have been due yet.
    least = sum(promised.values()) - promised[Keeping.REACH] - 1
    if len(kept) < least:
        yield Trouble(Level.ALARM, "count", f"There are {len(kept)} backups, and at least {least} are promised.")
    wanted = min(now - database.since - timedelta(days=1), timedelta(database.retention.days))
    reaching = now - kept[-1].taken_at
    if reaching < wanted:
        yield Trouble(
            Level.ALARM, "reach", f"The oldest backup is {reaching.days} days old, {wanted.days} are promised."
        )


def _proof(database: Watched, now: datetime) -> Iterator[Trouble]:
    proved = database.proved
    if proved is not None and proved.proof_trouble:
        yield Trouble(Level.ALARM, "proof", f"{proved.id} could not be restored on trial: {proved.proof_trouble}")
        return
    moment = None if proved is None else proved.proved_at
    if moment is None and database.backups and now - database.since > PROVED_WITHIN:
        yield Trouble(Level.ALARM, "proof", "None of its backups was ever restored on trial.")
    elif moment is None and database.backups and now - database.since > GRACE:
        yield Trouble(Level.WARNING, "proof", "None of its backups was restored on trial yet.")
    elif moment is not None and now - moment > PROVED_WITHIN:
        yield Trouble(Level.ALARM, "proof", f"No backup was restored on trial since {moment:%Y-%m-%d}.")


def _keys(database: Watched) -> Iterator[Trouble]:
    if database.unreadable:
        yield Trouble(
            Level.ALARM,
            "keys",
            f"The key of {', '.join(database.unreadable[:5])} is lost, nobody can open them."
            f" Look for it in an older backup of control, and type: growsoft backup now {database.name}",
        )


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:.0f} h"
