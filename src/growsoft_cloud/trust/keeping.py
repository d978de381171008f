"""Keeping (BK-1, BK-6, DR-1): what is there, and what watches it, held against the promise for its age."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from growsoft.cli.world import InstanceWorld
from growsoft.trust.states import Finding, State, judged
from growsoft.trust.world import CannotCheck, World
from growsoft_cloud.backup.clocks import Dated
from growsoft_cloud.backup.errors import SiteError
from growsoft_cloud.backup.retention import keep
from growsoft_cloud.backup.sites import Kind, Site
from growsoft_cloud.fleet import Retention, models
from growsoft_cloud.operations.channels import channels_of
from growsoft_cloud.operations.fleet import InstanceFleet, open_fleet
from growsoft_cloud.operations.monitor import ALARM_AFTER, Level, Seen, Watched, troubles
from growsoft_cloud.operations.watching import Picture, look
from growsoft_cloud.pitr.instance import status_of

# The monitor looks every two minutes; one that has not for so long is not at work.
WATCHED_WITHIN: Final = timedelta(minutes=10)
START_IT: Final = "Start it: growsoft up"


def promised_backups_are_there(world: World) -> Finding:
    """BK-1: count what every database has by class, against the age of the database; each object is at each site."""
    with _fleet(world) as fleet:
        picture = look(fleet, datetime.now(UTC))
        problems = [
            f"database {one.uuid}: {text}" for one, text in _broken(picture, frozenset(("count", "reach", "late")))
        ]
        problems += _missing_objects(fleet)
        played = any(site.simulated for site in fleet.service.policy.sites)
    kept = [len(database.backups) for database, _found in picture.databases]
    oldest = max((picture.at - one.backups[-1].taken_at for one, _ in picture.databases if one.backups), default=None)
    evidence = (
        f"{len(kept)} databases have {sum(kept)} full backups, as many of each class as their ages allow, each listed"
        f" by every site; the oldest is {0 if oldest is None else oldest.days} days old."
        f"{' The sites are folders of this machine.' if played else ''}"
    )
    todo = "See which: growsoft backup list, and log/operations.log in the home; then: growsoft backup now DB"
    return judged(problems, todo, Finding(State.SIMULATED if played else State.MET, evidence))


def backups_are_watched(world: World) -> Finding:
    """BK-6: plant a missed, a shrunken and a corrupt backup before the monitor, then look at real ones."""
    with _fleet(world) as fleet:
        problems = list(_blind_spots())
        now = datetime.now(UTC)
        with fleet.instance.env(fleet.instance.facts.control, "claim BK-6: is the monitor at work") as env:
            watched = {row.database_uuid: row.checked_at for row in env[models.Watch].search([])}
            channels = channels_of(env, fleet.instance.keyring)
        subscribers = fleet.subscribers()
        for subscriber in subscribers:
            moment = watched.get(str(subscriber.uuid))
            if now - subscriber.since > WATCHED_WITHIN and (moment is None or now - moment > WATCHED_WITHIN):
                problems.append(f"nobody looked at the backups of database {subscriber.uuid} for {WATCHED_WITHIN}")
        alarms = [alarm for alarm in look(fleet, now).alarms() if alarm.level is Level.ALARM]
    told = f"{len(channels)} ways to tell people" if channels else "nobody's address to tell it yet"
    evidence = (
        f"A missed, a shrunken and a corrupt backup that were planted before the monitor each raised an alarm; it"
        f" looked at {len(subscribers)} databases within {WATCHED_WITHIN.seconds // 60} minutes, sees {len(alarms)}"
        f" alarms now, and has {told}."
    )
    todo = "Let the operations worker run: growsoft up; its log is log/operations.log in the home"
    return judged(problems, todo, Finding(State.MET, evidence))


def copies_are_young(world: World) -> Finding:
    """DR-1: the newest proven copy of every database is younger than 24 hours, counted from its snapshot."""
    with _fleet(world) as fleet:
        now = datetime.now(UTC)
        picture = look(fleet, now)
        played = any(site.simulated for site in fleet.service.policy.sites)
        archive = status_of(fleet.instance)
    seconds = None if archive is None or archive.is_silent(now) else archive.rpo(now)
    problems: list[str] = []
    ages: list[timedelta] = []
    for database, _found in picture.databases:
        newest = database.newest
        if newest is None and now - database.since < ALARM_AFTER:
            continue  # all that could be lost is younger than the promise
        if newest is None or now - newest.taken_at >= ALARM_AFTER:
            problems.append(f"database {database.uuid} has no proven copy of the last 24 hours")
        else:
            ages.append(now - newest.taken_at)
    oldest = max(ages, default=timedelta(0)).total_seconds() / 3600
    evidence = (
        f"The newest copies of {len(ages)} databases, the control database included, were taken at most {oldest:.1f}"
        f" hours ago and proven at every site."
        f"{'' if seconds is None else f' WAL beyond them is archived there up to {seconds:.0f} seconds ago.'}"
        f"{' The sites are folders of this machine.' if played else ''}"
    )
    todo = "Back it up now: growsoft backup now DB; then see why it was late: log/operations.log in the home"
    return judged(problems, todo, Finding(State.SIMULATED if played else State.MET, evidence))


@contextmanager
def _fleet(world: World) -> Generator[InstanceFleet]:
    if not isinstance(world, InstanceWorld):
        raise CannotCheck("There is no instance whose backups could be looked at.", "Check it on the instance itself.")
    with open_fleet(world.instance) as fleet:
        yield fleet


def _broken(picture: Picture, kinds: frozenset[str]) -> Iterator[tuple[Watched, str]]:
    for database, found in picture.databases:
        for trouble in found:
            if trouble.kind in kinds and trouble.level is Level.ALARM:
                yield database, trouble.text


def _missing_objects(fleet: InstanceFleet) -> Iterator[str]:
    """Find backups that a site does not list. Listing is no evidence of a good copy, but its lack is one of none."""
    records = fleet.service.list()
    for site in fleet.service.policy.sites:
        try:
            there = _names(site)
        except SiteError as error:
            yield error.message
            continue
        gone = [one.id for one in records if one.complete and one.manifest.archive.name not in there]
        if gone:
            yield f"{site.name} does not list {', '.join(gone[:5])}"


def _names(site: Site) -> set[str]:
    return set(site.list(Kind.ARCHIVE))


def _blind_spots() -> Iterator[str]:
    """Show the monitor what it must see; silence proves nothing before it has been heard to speak."""
    now = datetime.now(UTC)
    sites = ("a", "b", "c")
    dated = [Dated(day, now - timedelta(days=200 - day, hours=-6)) for day in range(200)]
    kept = keep(Retention(), dated, now)
    good = [
        Seen(
            f"b-{one.number}",
            one.taken_at,
            "daily",
            10_000_000,
            frozenset(sites),
            complete=True,
            proved_at=one.taken_at,
        )
        for one in reversed(dated)
        if one.number in kept
    ]
    healthy = Watched(UUID(int=0), "planted", now - timedelta(days=200), Retention(), good)
    planted = {
        "nothing wrong": (healthy, now, ""),
        "a missed backup": (healthy, now + timedelta(hours=12), "late"),
        "a shrunken backup": (replace(healthy, backups=[replace(good[0], bytes=1_000_000), *good[1:]]), now, "shrunk"),
        "a corrupt backup": (
            replace(healthy, backups=[replace(good[0], sites=frozenset("a"), complete=False), *good[1:]]),
            now,
            "copies",
        ),
    }  # fmt: skip
    for what, (database, moment, kind) in planted.items():
        alarms = {one.kind for one in troubles(database, sites, moment) if one.level is Level.ALARM}
        if kind not in alarms if kind else alarms:
            yield f"the monitor says {', '.join(sorted(alarms)) or 'nothing'} of {what}"
