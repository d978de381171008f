"""Pruning: what retention lets go is taken from the list first, then from every site, and can break off anywhere.

A backup that is to go is marked in the registry before anything of it is deleted, and forgotten only when every site
has deleted it. At a site its manifest goes before its archive. So nothing half deleted is ever listed, neither by the
registry nor by a site that tells what it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from growsoft_cloud.backup.clocks import Dated
from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.backup.errors import BackupError, SiteError
from growsoft_cloud.backup.files import prefix_of
from growsoft_cloud.backup.guard import Work
from growsoft_cloud.backup.records import BackupRecord
from growsoft_cloud.backup.retention import Keeping, keep
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Kind, Site
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
        done = _deleted(service, database, {})
        # Its key may be destroyed already, so that no list can be read: all that is named after it goes.
        left = [failure for site in service.policy.sites if (failure := _emptied(site, database)) is not None]
        return Pruned(done.deleted, done.kept, (*done.waiting, *left))


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
    expired = service.catalogue.expired(database)
    files = _unneeded(service, database, expired)
    for record in expired:
        names = (record.manifest_object.name, record.manifest.archive.name, *files.pop(record.manifest.id, ()))
        names = (*names, *(stored.name for stored in record.manifest.objects[1:]))
        failures = [failure for site in service.policy.sites if (failure := _gone(site, names)) is not None]
        waiting += failures
        if not failures:
            service.catalogue.forget(record)
            deleted.append(record.id)
    return Pruned(tuple(deleted), kept, tuple(waiting))


def _unneeded(service: BackupService, database: UUID, expired: Sequence[BackupRecord]) -> dict[UUID, list[str]]:
    """Return the names of files that no kept backup refers to, by the backup (uuid) with which they go.

    Where one list cannot be read nothing goes; mending looks at what is left.
    """
    with_files = [record for record in expired if record.manifest.files is not None]
    found: dict[UUID, list[str]] = {}
    if not with_files:
        return found
    with suppress(BackupError):
        needed = needed_files(service, database)
        for record in with_files:
            names = [stored.name for stored in service.index_of(record.manifest).objects if stored.name not in needed]
            needed.update(names)  # each goes once
            found[record.manifest.id] = names
    return found


def needed_files(service: BackupService, database: UUID) -> set[str]:
    """Return the names of all files that kept backups of a database refer to; raises `BackupError`."""
    return {
        stored.name
        for record in service.catalogue.list(database)
        for stored in service.index_of(record.manifest).objects
    }


def _gone(site: Site, names: Sequence[str]) -> Failure | None:
    """Delete a backup at a site, its manifest first: without it nobody takes an archive for a backup."""
    try:
        for name in names:
            site.delete(name)
    except SiteError as error:
        return Failure(site.name, error.message)
    return None


def _emptied(site: Site, database: UUID) -> Failure | None:
    """Delete all files of a customer at a site."""
    try:
        names = [name for name in site.list(Kind.FILE) if name.startswith(prefix_of(database))]
    except SiteError as error:
        return Failure(site.name, error.message)
    return _gone(site, names)
