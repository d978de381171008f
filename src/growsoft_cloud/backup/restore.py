"""Restoring: a proven copy becomes a new database, and is proven again there before anybody may use it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID, uuid4

import msgspec

from growsoft.errors import GrowsoftError
from growsoft.keeper.verbs import Created
from growsoft.postgres.keeper import new_database_name
from growsoft_cloud.backup.archive import Hashed, Packed, unpack
from growsoft_cloud.backup.cluster import Cluster
from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.backup.errors import BackupError, CannotRestore, NotTheSame, UnknownFormat
from growsoft_cloud.backup.files import STORAGE, Return
from growsoft_cloud.backup.manifest import Contents, Encoding, Manifest, associated_data, open_contents, read_manifest
from growsoft_cloud.backup.pipes import written_by
from growsoft_cloud.backup.progress import Listener, Meter, Step
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Site

# What has to be done with a restored database before anybody is told of it, such as its entry in the control database.
# Its uuid, login, keys, marks and start-up check are the keeper's. An error of any of them undoes the restore.
Hook = Callable[[Created, Manifest], None]

# A database needs room for its indexes while they are built, and for the write-ahead log.
ROOM = 1.2


class Target(NamedTuple):
    """The database that is to come: PostgreSQL's name for it, and its uuid, both never used before."""

    name: str
    uuid: UUID


def new_target() -> Target:
    """Make up a new database."""
    return Target(new_database_name(), uuid4())


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that became a database, from which site, and how long it took (seconds: the measured recovery time).

    `database` is PostgreSQL's name; `rows` and `bytes` are those of the dump.
    """

    backup: str
    database: str
    uuid: UUID
    site: str
    rows: int
    bytes: int
    seconds: float
    damaged: tuple[Failure, ...] = ()


class Brought(msgspec.Struct, frozen=True):
    """Files that came back, those that are nowhere any more, and what was wrong on the way."""

    files: int
    missing: int
    failures: tuple[Failure, ...] = ()


def restore_files(service: BackupService, backup: str, postgres_name: str, *, site: str = "") -> Brought:
    """Bring the files of a backup into the storage of a database of the same customer; its rows stay as they are.

    A file is found by its content, so none is ever replaced by another one: what is there stays, or is whole again.
    """
    record = service.find(backup)
    with service.guard.reading(record.manifest.database.uuid):
        small, without = service.manifest_of(record)
        done = _bring_files(service, read_manifest(small.data, service.keyrings), postgres_name, site)
    return msgspec.structs.replace(done, failures=without + done.failures)


def restore(
    service: BackupService,
    backup: str,
    into: Target,
    hooks: Sequence[Hook] = (),
    *,
    site: str = "",
    with_files: bool = True,
    listener: Listener | None = None,
) -> Restored:
    """Restore a backup into a new database of the service's cluster, from a site or from whichever has a good copy.

    Without its files, records of the new database name files that it has not; `restore_files` brings them later.

    Copies that are found damaged on the way are repaired afterwards. Whatever goes wrong, no new database is left.
    """
    began = time.monotonic()
    with service.guard.reading(service.find(backup).manifest.database.uuid):
        done = _restored(service, backup, into, hooks, _Wish(began, site, with_files, listener))
    if done.damaged:
        with suppress(BackupError):  # the restore is done, whatever becomes of the copies
            service.repair(backup)
    return done


class _Wish(NamedTuple):
    """What somebody who waits for a restore wants: when it began, from which site, and who hears of it."""

    began: float
    site: str
    with_files: bool
    listener: Listener | None


def _restored(service: BackupService, backup: str, into: Target, hooks: Sequence[Hook], wish: _Wish) -> Restored:
    record = service.find(backup)
    small, without_manifest = service.manifest_of(record)
    manifest = read_manifest(small.data, service.keyrings)
    _refuse_unfit(service.cluster, manifest)
    source, without_archive = service.archive_of(record, wish.site)
    damaged = without_manifest + without_archive
    data_key = service.data_key(manifest)
    contents = open_contents(manifest, data_key)
    created = _filled(service.cluster, into, _Feed(source, manifest, contents, data_key, wish.listener))
    try:
        _refuse_difference(contents.rows, created.rows)
        if wish.with_files:
            damaged += _bring_files(service, manifest, into.name, source.name).failures
        for hook in hooks:
            hook(created, manifest)
    except BaseException:
        folder = service.folder_of(into.name)
        if folder is not None:
            folder.remove()
        service.cluster.drop(into.name)
        raise
    return Restored(
        backup=record.id,
        database=into.name,
        uuid=into.uuid,
        site=source.name,
        rows=sum(contents.rows.values()),
        bytes=contents.dump_bytes,
        seconds=time.monotonic() - wish.began,
        damaged=damaged,
    )


@dataclass(frozen=True, slots=True)
class _Feed:
    """What flows from a site into pg_restore."""

    source: Site
    manifest: Manifest
    contents: Contents
    data_key: bytes
    listener: Listener | None

    def write(self, fd: int) -> Packed:
        """Decrypt and decompress the archive into a descriptor."""
        meter = Meter(self.listener, Step.RESTORE, self.contents.dump_bytes)
        bound = associated_data("archive", self.manifest.id)
        with self.source.open(self.manifest.archive.name) as file, os.fdopen(fd, "wb", closefd=False) as out:
            return unpack(file, out, self.data_key, bound, meter)

    # The copy was proven a moment ago, but a site may return other bytes the second time.
    def compare(self, found: Packed) -> None:
        """Refuse a stream that was not, on both of its sides, what was backed up."""
        stored = self.manifest.archive
        plain = Hashed(self.contents.dump_bytes, self.contents.dump_sha256)
        if found != Packed(plain, Hashed(stored.bytes, stored.sha256)):
            raise NotTheSame


def _filled(cluster: Cluster, into: Target, feed: _Feed) -> Created:
    """Make the new database; one that got anything but the whole dump is dropped."""
    contents = feed.contents
    with written_by(feed.write) as dump:
        try:
            created = cluster.restore(
                into.name, into.uuid, dump.stream.fileno(), roles=contents.roles, rows=contents.rows
            )
        except GrowsoftError as error:
            # pg_restore misses the end of a stream that broke off: why it did is the better reason.
            reason = dump.stopped()
            if reason is None:
                raise
            raise reason from error
        try:
            feed.compare(dump.result())
        except BaseException:
            cluster.drop(into.name)
            raise
    return created


def _refuse_unfit(cluster: Cluster, manifest: Manifest) -> None:
    """Look at encoding, version and disk before anything is made."""
    if manifest.encoding != Encoding():
        raise UnknownFormat(
            f"{manifest.short_id} is encoded in a way that came later; restore it with a newer Growsoft."
        )
    capacity = cluster.capacity()
    dumped, here = manifest.postgres.version // 10_000, capacity.server_version // 10_000
    if here < dumped:
        raise CannotRestore(f"{manifest.short_id} is from PostgreSQL {dumped}, this is {here}; restore it on {dumped}.")
    needed, free = int(manifest.postgres.bytes * ROOM), capacity.free_bytes
    if free is not None and free < needed:
        raise CannotRestore(f"{manifest.short_id} needs {needed} bytes and {free} are free; make room for it first.")


def _refuse_difference(expected: Mapping[str, int], found: Mapping[str, int]) -> None:
    """Compare the rows of every table with those that were counted in the dump's snapshot."""
    wrong = sorted(table for table, rows in expected.items() if found.get(table) != rows)
    if wrong:
        table = wrong[0]
        raise NotTheSame(
            f"{table} has {found.get(table, 'no')} rows and had {expected[table]} when it was backed up "
            f"({len(wrong)} such tables); nothing of the restore was left, take another backup."
        )


def _bring_files(service: BackupService, manifest: Manifest, postgres_name: str, prefer: str) -> Brought:
    """Bring the files; say which copies were passed over, and what no site has any more: the rest comes back.

    On trial, where nothing is written, a file that is nowhere whole is an error.
    """
    index = service.index_of(manifest)
    sites = sorted(service.policy.sites, key=lambda site: site.name != prefer)
    coming = Return(sites, service.folder_of(postgres_name))
    lost = coming.bring(index)
    failures = [*coming.damaged.values()]
    if lost:
        text = f"{len(lost)} of {len(index.files)} files are whole at no site (the first: {lost[0]})."
        if coming.folder is None:
            raise NotTheSame(f"{text} Take another backup.")
        failures.append(Failure(STORAGE, f"{text} Restore an older backup beside it for them."))
    if index.missing:
        text = f"{len(index.missing)} files were missing already when this was backed up."
        failures.append(Failure(STORAGE, f"{text} Restore an older backup beside it for them."))
    return Brought(len(index.files) - len(lost), len(lost) + len(index.missing), tuple(failures))
