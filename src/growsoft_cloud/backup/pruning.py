"""Pruning: what retention lets go is taken from the list first, then from every site, and can break off anywhere.

A backup that is to go is marked in the registry before anything of it is deleted, and forgotten only when every site
has deleted it. At a site its manifest goes before its archive. So nothing half deleted is ever listed, neither by the
registry nor by a site that tells what it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.backup.errors import SiteError
from growsoft_cloud.backup.guard import Work
from growsoft_cloud.backup.records import BackupRecord
from growsoft_cloud.backup.retention import Dated, Keeping, keep
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Site
from growsoft_cloud.fleet.policy import Retention

PATIENCE = 3600.0


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went (short ids), what stays (uuids) for which reason, and which sites could not delete yet."""

    deleted: tuple[str, ...]
    kept: dict[UUID, Keeping]
    waiting: tuple[Failure, ...]


def prune(service: BackupService, database: UUID, retention: Retention, now: datetime) -> Pruned:
    """Delete the backups of a database that its retention lets go."""
    with service.guard.only(database, Work.COPIES, wait=PATIENCE):
        records = service.catalogue.list(database)
        kept = classes(records, service.policy.sites, retention, now)
        for record in records:
            if record.manifest.id in kept:
                service.catalogue.keep(record, kept[record.manifest.id])
            else:
                service.catalogue.expire(record)
        return _deleted(service, database, kept)


def let_all_go(service: BackupService, database: UUID) -> Pruned:
    """Delete every backup of a database: the end of the time for which a dropped one is kept."""
    with service.guard.only(database, Work.COPIES, wait=PATIENCE):
        for record in service.catalogue.list(database):
            service.catalogue.expire(record)
        return _deleted(service, database, {})


def classes(
    records: Sequence[BackupRecord], sites: Sequence[Site], retention: Retention, now: datetime
) -> dict[UUID, Keeping]:
    """Return the uuids of the backups of one database that are kept, each with its reason."""
    # Numbers can repeat after the registry itself was restored; the order of making does not.
    ordered = sorted(records, key=lambda record: (record.manifest.number, record.manifest.created_at))
    everywhere = {site.name for site in sites}
    told = [
        Dated(number, record.manifest.created_at, record.manifest.purpose, _proven_at(record) >= everywhere)
        for number, record in enumerate(ordered)
    ]
    return {ordered[number].manifest.id: why for number, why in keep(retention, told, now).items()}


def _proven_at(record: BackupRecord) -> set[str]:
    return {copy.site for copy in record.copies}


def _deleted(service: BackupService, database: UUID, kept: dict[UUID, Keeping]) -> Pruned:
    """Delete from the sites what is marked, also what an earlier attempt left."""
    deleted: list[str] = []
    waiting: list[Failure] = []
    for record in service.catalogue.expired(database):
        failures = [failure for site in service.policy.sites if (failure := _gone(site, record)) is not None]
        waiting += failures
        if not failures:
            service.catalogue.forget(record)
            deleted.append(record.id)
    return Pruned(tuple(deleted), kept, tuple(waiting))


def _gone(site: Site, record: BackupRecord) -> Failure | None:
    """Delete a backup at a site; without its manifest nobody takes an archive for a backup."""
    try:
        site.delete(record.manifest_object.name)
        site.delete(record.manifest.archive.name)
    except SiteError as error:
        return Failure(site.name, error.message)
    return None
