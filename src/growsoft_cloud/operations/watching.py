"""Watching: the monitor's verdicts go into the registry, to people, and to Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from time import monotonic
from uuid import UUID

from growsoft.apps.instance.data import MAIN_CLUSTER
from growsoft.orm import Env
from growsoft_cloud.backup.clocks import DAILY, MIDDAY
from growsoft_cloud.backup.errors import SiteError
from growsoft_cloud.backup.keys import lost
from growsoft_cloud.backup.records import BackupRecord
from growsoft_cloud.backup.sites import Kind, Site
from growsoft_cloud.fleet import Retention, models
from growsoft_cloud.fleet.models.operations import RunState, Severity
from growsoft_cloud.fleet.models.sites import Health
from growsoft_cloud.operations.alerts import Alarm, Changes, Open, changes
from growsoft_cloud.operations.due import Subscriber
from growsoft_cloud.operations.fleet import InstanceFleet
from growsoft_cloud.operations.monitor import Level, Seen, Trouble, Watched, growth, troubles
from growsoft_cloud.pitr.instance import status_of
from growsoft_cloud.pitr.judging import archive_troubles
from growsoft_cloud.pitr.status import Status

_SEVERITY = {Level.ALARM: Severity.ALARM, Level.WARNING: Severity.WARNING}
_LEVEL = {Severity.ALARM: Level.ALARM, Severity.WARNING: Level.WARNING}


@dataclass(frozen=True, slots=True)
class SiteHealth:
    """How a site answered: what it says it holds, how long that took, or what was wrong."""

    name: str
    objects: int = 0
    bytes: int = 0
    free: int | None = None
    milliseconds: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is watched, at one moment."""

    at: datetime
    databases: tuple[tuple[Watched, tuple[Trouble, ...]], ...]
    sites: tuple[SiteHealth, ...]
    archive: tuple[Status | None, tuple[Trouble, ...]] = (None, ())

    def alarms(self) -> Iterator[Alarm]:
        """Give what people should know of."""
        for trouble in self.archive[1]:
            yield Alarm(f"archive/{trouble.kind}", trouble.level, trouble.text)
        for database, found in self.databases:
            for trouble in found:
                yield Alarm(f"{database.uuid}/{trouble.kind}", trouble.level, f"{database.name}: {trouble.text}")
        for site in self.sites:
            if site.trouble:
                yield Alarm(f"site/{site.name}", Level.ALARM, site.trouble)


def look(fleet: InstanceFleet, now: datetime) -> Picture:
    """Look at every database's backups and at every site."""
    sites = fleet.service.policy.sites
    names = [site.name for site in sites]
    by_database: dict[UUID, list[BackupRecord]] = {}
    for record in fleet.service.list():
        by_database.setdefault(record.manifest.database.uuid, []).append(record)
    failures = _failures(fleet)
    retentions: dict[str, Retention] = {}
    watched: list[tuple[Watched, tuple[Trouble, ...]]] = []
    subscribers = fleet.subscribers()
    for subscriber in subscribers:
        if subscriber.plan not in retentions:
            retentions[subscriber.plan] = fleet.retention(subscriber.plan)
        records = by_database.get(subscriber.uuid, [])
        one = watched_of(subscriber, records, retentions[subscriber.plan], failures.get(subscriber.uuid, ""))
        one = replace(one, unreadable=tuple(record.id for record in lost(fleet.service, records)))
        watched.append((one, tuple(troubles(one, names, now))))
    archive = status_of(fleet.instance)
    wrong = archive_troubles(archive, min(subscriber.since for subscriber in subscribers), now)
    return Picture(now, tuple(watched), tuple(health_of(site) for site in sites), (archive, tuple(wrong)))


def watched_of(
    subscriber: Subscriber, records: Sequence[BackupRecord], retention: Retention, failure: str = ""
) -> Watched:
    """Return what the monitor judges; `records` come newest first."""
    seen = tuple(
        Seen(
            id=record.id,
            taken_at=record.manifest.created_at,
            purpose=record.manifest.purpose,
            bytes=record.bytes,
            sites=frozenset(copy.site for copy in record.copies),
            complete=record.complete,
            missing_files=record.manifest.missing_files,
            proved_at=None if record.proof is None else record.proof.at,
            proof_trouble="" if record.proof is None else record.proof.trouble,
            proof_seconds=0.0 if record.proof is None else record.proof.seconds,
        )
        for record in records
    )
    return Watched(subscriber.uuid, subscriber.name, subscriber.since, retention, seen, failure)


def health_of(site: Site) -> SiteHealth:
    """Ask a site for what it holds."""
    began = monotonic()
    try:
        found = [listed.bytes for kind in Kind for listed in site.listed(kind)]
        free = site.free_space()
    except SiteError as error:
        return SiteHealth(site.name, trouble=error.message)
    return SiteHealth(site.name, len(found), sum(found), free, int((monotonic() - began) * 1000))


def note(fleet: InstanceFleet, picture: Picture) -> Changes:
    """Write a picture into the registry; returns what there is to tell people."""
    with fleet.instance.env(fleet.instance.facts.control, "the backup monitor notes what it sees") as env:
        for database, found in picture.databases:
            _note_database(env, database, found, picture.at)
        gone = [str(database.uuid) for database, _found in picture.databases]
        env[models.Watch].search([["database_uuid", "not in", gone]]).unlink()
        for site in picture.sites:
            _note_site(env, site, picture.at)
        _note_archive(env, picture)
        return changes(picture.alarms(), _open(env), picture.at)


def told(fleet: InstanceFleet, found: Changes, now: datetime, *, reached: bool) -> None:
    """Remember which alerts are open, and that people were told of them, if somebody was."""
    with fleet.instance.env(fleet.instance.facts.control, "the backup monitor notes what people were told") as env:
        alerts = env[models.Alert]
        for one in (*found.begun, *found.lasting):
            known = alerts.search([["key", "=", one.key], ["ended_at", "=", None]])
            values: dict[str, object] = {"severity": _SEVERITY[one.level], "message": one.text}
            if reached:
                values["told_at"] = now
            if known:
                known.write(values)
            else:
                alerts.create({**values, "key": one.key, "since": one.since})
        over = [one.key for one in found.over]
        alerts.search([["key", "in", over], ["ended_at", "=", None]]).write({"ended_at": now})


def _open(env: Env) -> list[Open]:
    rows = env[models.Alert].search([["ended_at", "=", None]])
    return [Open(row.key, _LEVEL[row.severity], row.message, row.since, row.told_at) for row in rows]


def _note_database(env: Env, database: Watched, found: Iterable[Trouble], now: datetime) -> None:
    worst = min((trouble.level for trouble in found), default=None)
    newest, proved, change = database.newest, database.proved, growth(database)
    values: dict[str, object] = {
        "database_name": database.name,
        "severity": Severity.GOOD if worst is None else _SEVERITY[worst],
        "trouble": "\n".join(trouble.text for trouble in found),
        "newest_at": None if newest is None else newest.taken_at,
        "oldest_at": database.backups[-1].taken_at if database.backups else None,
        "backups": len(database.backups),
        "copies": 0 if newest is None else len(newest.sites),
        "size": 0 if newest is None else newest.bytes,
        "growth": Decimal(0) if change is None else Decimal(str(round(change, 1))),
        "restored_at": None if proved is None else proved.proved_at,
        "restore_seconds": Decimal(0) if proved is None else Decimal(str(round(proved.proof_seconds, 1))),
        "checked_at": now,
    }
    known = env[models.Watch].search(models.Watch.database_uuid == str(database.uuid))
    if known:
        known.write(values)
    else:
        env[models.Watch].create({**values, "database_uuid": str(database.uuid)})


def _note_site(env: Env, site: SiteHealth, now: datetime) -> None:
    env[models.Site].search(models.Site.name == site.name).write(
        {
            "health": Health.FAILING if site.trouble else Health.WORKING,
            "trouble": site.trouble,
            "checked_at": now,
            "milliseconds": site.milliseconds,
            "objects": site.objects,
            "size": site.bytes,
            "free": site.free or 0,
        }
    )


def _note_archive(env: Env, picture: Picture) -> None:
    status, wrong = picture.archive
    worst = min((trouble.level for trouble in wrong), default=None)
    seconds = None if status is None else status.rpo(picture.at)
    env[models.Cluster].search(models.Cluster.name == MAIN_CLUSTER).write(
        {
            "archive_severity": Severity.GOOD if worst is None else _SEVERITY[worst],
            "archive_trouble": "\n".join(trouble.text for trouble in wrong),
            "archived_until": None if status is None else status.covered,
            "rpo_seconds": Decimal(0) if seconds is None else Decimal(str(round(seconds, 1))),
            "wal_behind": Decimal(0) if status is None else Decimal(status.behind),
            "checked_at": picture.at,
        }
    )


def _failures(fleet: InstanceFleet) -> dict[UUID, str]:
    """Return why the last attempt of a database failed, where it did."""
    with fleet.instance.env(fleet.instance.facts.control, "failed backups are looked for") as env:
        rows = env[models.Run].search_read(
            [["kind", "in", [DAILY, MIDDAY]], ["state", "in", [RunState.FAILED.value, RunState.DONE.value]]],
            ["database_uuid", "state", "message"],
            order="started_at",
        )
    last = {str(row["database_uuid"]): row for row in rows}
    return {UUID(uuid): str(row["message"]) for uuid, row in last.items() if str(row["state"]) == RunState.FAILED.value}
