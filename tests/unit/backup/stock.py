"""A stock of backups without a database: real archives and manifests on real folder sites."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from msgspec import structs

from growsoft.keeper.verbs import Created, Dumped
from growsoft.postgres.role_facts import RoleFacts
from growsoft.security.keyring import KeyUnusable, WrappedKey
from growsoft_cloud.backup.cluster import Capacity
from growsoft_cloud.backup.copies import Small, proven_now, put
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.guard import FileGuard
from growsoft_cloud.backup.manifest import write_manifest
from growsoft_cloud.backup.records import BackupRecord, Catalogue, SiteCatalogue
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Kind, Site
from growsoft_cloud.fleet import BackupPolicy, Retention
from tests.unit.backup.cases import KEYRING, manifest, stored
from tests.unit.backup.places import GRAVELINES, three_sites

START = datetime(2023, 1, 1, 3, tzinfo=UTC)


@dataclass(frozen=True)
class NoCluster:
    """What is tested here asks no PostgreSQL."""

    def dump(self, database: str, fd: int, /) -> Dumped:
        raise AssertionError(database, fd)

    def restore(self, name: str, uuid: UUID, fd: int, /, *, roles: RoleFacts, rows: Mapping[str, int]) -> Created:
        raise AssertionError(name, uuid, fd, roles, rows)

    def drop(self, name: str, /) -> None:
        raise AssertionError(name)

    def capacity(self) -> Capacity:
        raise AssertionError


@dataclass(frozen=True)
class NoKeys:
    """Nothing is opened here."""

    def current(self, database: UUID, /) -> WrappedKey:
        raise KeyUnusable(str(database))

    def find(self, database: UUID, key_id: int, /) -> WrappedKey:
        raise KeyUnusable(f"{database} {key_id}")


def stock(root: Path, sites: tuple[Site, ...] | None = None, catalogue: Catalogue | None = None) -> BackupService:
    """A service whose backups are put there by `lay_in`."""
    places = sites or three_sites(root)
    return BackupService(
        instance=UUID(int=3),
        keyring=KEYRING,
        policy=BackupPolicy(Retention(), places, GRAVELINES),
        cluster=NoCluster(),
        catalogue=catalogue or SiteCatalogue(places, [KEYRING]),
        customer_keys=NoKeys(),
        guard=FileGuard(root / "guard"),
    )


def lay_in(service: BackupService, day: float, *, at: tuple[Site, ...] | None = None) -> BackupRecord:
    """Put a backup of that day (from START) on sites, and record it."""
    archive, places = os.urandom(300), at or service.policy.sites
    made = structs.replace(
        manifest(archive, number=service.catalogue.next_number()), id=uuid4(), created_at=START + timedelta(day)
    )
    data = write_manifest(made, KEYRING)
    small = Small(stored(Kind.MANIFEST, data), data)
    for site in places:
        put(site, Small(made.archive, archive))
        put(site, small)
    record = BackupRecord(
        manifest=made, manifest_object=small.stored, copies=tuple(proven_now(site) for site in places),
        complete=len(places) >= 3,
    )  # fmt: skip
    service.catalogue.record(record)
    return record


def listed(site: FolderSite) -> tuple[set[str], set[str]]:
    """The archives and the manifests of a site."""
    return set(site.list(Kind.ARCHIVE)), set(site.list(Kind.MANIFEST))
