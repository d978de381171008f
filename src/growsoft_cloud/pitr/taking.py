"""Taking base backups: the files of the cluster stream, compressed and encrypted, to a site, and then to the others."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import IO, BinaryIO, cast

import msgspec

from growsoft.postgres.basebackup import BaseBackupFailed, TarWatch, base_backup, range_of
from growsoft.postgres.binaries import Binaries
from growsoft.postgres.replication import Source
from growsoft.security.streams import new_data_key
from growsoft_cloud.backup.archive import pack
from growsoft_cloud.backup.copies import Failure, Small, prove, put, spread
from growsoft_cloud.backup.errors import NoSiteTook, SiteError
from growsoft_cloud.backup.manifest import StoredObject
from growsoft_cloud.backup.sites import Kind, Site
from growsoft_cloud.fleet.places import DataCentre
from growsoft_cloud.fleet.policy import PROMISED_OUTSIDE
from growsoft_cloud.pitr.bases import Base, Description, describe, files_name, listed, new_id
from growsoft_cloud.pitr.sealing import ArchiveKeys, bound
from growsoft_cloud.pitr.store import NotDurable, named, read


@dataclass(frozen=True, slots=True)
class BaseBackups:
    """The base backups of one cluster (`system` is PostgreSQL's identifier)."""

    source: Source
    binaries: Binaries
    sites: Sequence[Site]
    production: DataCentre
    keys: ArchiveKeys
    system: str

    def list(self) -> list[Base]:
        """Return the base backups that any site says it has, the oldest first."""
        return listed(named(self.sites, Kind.BASE), self.system)

    def describe(self, base: Base) -> Description:
        """Return the description of a base backup, from the first site that has it whole. Raises `BackupError`."""
        return describe(read(self.keys, self.sites, base.name)[0])

    def take(self, parent: Base | None = None) -> tuple[Base, tuple[Failure, ...]]:
        """Take a full base backup, or what changed since `parent`; return it, and which sites failed.

        A difference that PostgreSQL cannot tell any more is taken as a full one. Raises `NoSiteTook`, `NotDurable` when
        too few sites outside have it, and `BaseBackupFailed`.
        """
        try:
            since = None if parent is None else self.describe(parent).manifest.encode()
            return self._taken(parent, since)
        except BaseBackupFailed:
            if parent is None:
                raise
            return self._taken(None, None)

    def _taken(self, parent: Base | None, since: bytes | None) -> tuple[Base, tuple[Failure, ...]]:
        failures: list[Failure] = []
        for site in self.sites:
            try:
                base, stored, small = self._written(site, parent, since)
            except SiteError as error:
                failures.append(Failure(site.name, error.message))
                continue
            done = spread(site, [one for one in self.sites if one is not site], stored, small)
            there = {site.name, *(copy.site for copy in done.copies)}
            centres = {one.data_centre.name for one in self.sites if one.name in there} - {self.production.name}
            failures += done.failures
            if len(centres) < PROMISED_OUTSIDE:
                raise NotDurable(" ".join(["Too few sites took the base backup.", *(one.reason for one in failures)]))
            return base, tuple(failures)
        raise NoSiteTook(" ".join([NoSiteTook.default_message(), *(one.reason for one in failures)]))

    def _written(self, site: Site, parent: Base | None, since: bytes | None) -> tuple[Base, StoredObject, Small]:
        """Write a base backup to one site and prove it."""
        data_key, id_, watch = new_data_key(), new_id(), TarWatch()
        name = files_name(self.system, id_)
        with site.create(name) as writer, base_backup(self.source, self.binaries, since) as tar:
            packed = pack(cast("BinaryIO", _Watched(tar, watch)), writer, data_key, bound(name))
        stored = StoredObject(name, packed.stored.bytes, packed.stored.sha256)
        try:
            prove(site, stored)
            needs = range_of(bytes(watch.manifest))
            before = "" if parent is None else parent.id
            base = Base(self.system, id_, before, needs.timeline, needs.start, needs.end, _now())
            told = Description(stored, packed.plain.bytes, self.binaries.version, watch.manifest.decode())
            data = self.keys.seal(msgspec.json.encode(told), base.name, data_key)
            small = Small(StoredObject(base.name, len(data), sha256(data).hexdigest()), data)
            put(site, small)
        except BaseException:
            with suppress(SiteError):
                site.delete(name)
            raise
        return base, stored, small


def _now() -> datetime:
    """Return the present as a name can say it, never before it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000) + timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class _Watched:
    """Passes a stream of tar on, and reads along."""

    source: IO[bytes]
    watch: TarWatch

    def read(self, size: int = -1, /) -> bytes:
        """Read some bytes."""
        data = self.source.read(size)
        self.watch.feed(data)
        return data
