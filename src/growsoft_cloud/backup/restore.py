"""Restoring: a proven copy becomes a new database, and is proven again there before anybody may use it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from growsoft.postgres.dump import RestoreFailed
from growsoft.security.keyring import KeyUnusable, WrappedKey
from growsoft_cloud.backup.archive import Hashed, Packed, unpack
from growsoft_cloud.backup.cluster import Cluster
from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.backup.errors import BackupError, CannotRestore, NotTheSame
from growsoft_cloud.backup.manifest import Contents, Manifest, associated_data, open_contents, read_manifest
from growsoft_cloud.backup.pipes import written_by
from growsoft_cloud.backup.progress import Listener, Meter, Step
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Site

# What makes a restored database somebody's own: new uuid, login and keys, marks, the start-up check. Each is called
# with PostgreSQL's name of the new database, in order; an error of any of them undoes the restore.
Hook = Callable[[str, Manifest], None]

# A database needs room for its indexes while they are built, and for the write-ahead log.
ROOM = 1.2


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that became a database, from which site, and how long it took (seconds: the measured recovery time)."""

    backup: str
    database: str
    site: str
    rows: int
    bytes: int
    seconds: float
    damaged: tuple[Failure, ...] = ()


def restore(
    service: BackupService,
    backup: str,
    into: str,
    hooks: Sequence[Hook] = (),
    *,
    site: str = "",
    listener: Listener | None = None,
) -> Restored:
    """Restore a backup into a new database of the service's cluster, from a site or from whichever has a good copy.

    `into` is PostgreSQL's name for it. Copies that are found damaged on the way are repaired afterwards. Whatever goes
    wrong, no database of this name is left.
    """
    began = time.monotonic()
    record = service.find(backup)
    source, small, damaged = service.proven(record, site)
    manifest = read_manifest(small.data, service.keyrings)
    _refuse_unfit(service.cluster, manifest)
    data_key = _data_key(service, manifest)
    contents = open_contents(manifest, data_key)
    rows = _filled(service.cluster, into, _Feed(source, manifest, contents, data_key, listener))
    try:
        _refuse_difference(contents.rows, rows)
        for hook in hooks:
            hook(into, manifest)
        service.cluster.finish(into)
    except BaseException:
        service.cluster.drop(into)
        raise
    seconds = time.monotonic() - began
    if damaged:
        with suppress(BackupError):  # the restore is done, whatever becomes of the copies
            service.repair(backup)
    return Restored(
        backup=record.id,
        database=into,
        site=source.name,
        rows=sum(contents.rows.values()),
        bytes=contents.dump_bytes,
        seconds=seconds,
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


def _filled(cluster: Cluster, into: str, feed: _Feed) -> dict[str, int]:
    """Make the new database and return its row counts; one that got anything but the whole dump is dropped."""
    with written_by(feed.write) as dump:
        try:
            rows = cluster.restore(into, dump.stream.fileno(), feed.contents.roles)
        except RestoreFailed as error:
            # pg_restore misses the end of a stream that broke off: why it did is the better reason.
            reason = dump.stopped()
            if reason is None:
                raise
            raise reason from error
        try:
            feed.compare(dump.result())
        except BaseException:
            cluster.drop(into)
            raise
    return rows


def _refuse_unfit(cluster: Cluster, manifest: Manifest) -> None:
    """Look at version and disk before anything is made."""
    dumped, here = manifest.postgres.version // 10_000, cluster.server_version() // 10_000
    if here < dumped:
        raise CannotRestore(f"{manifest.short_id} is from PostgreSQL {dumped}, this is {here}; restore it on {dumped}.")
    needed, free = int(manifest.postgres.bytes * ROOM), cluster.free_space()
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


def _data_key(service: BackupService, manifest: Manifest) -> bytes:
    """Open the archive's key by the customer's, which the control database knows; its own comes along."""
    wrapped = WrappedKey.from_text(manifest.keys.data_key)
    if manifest.keys.customer_key:
        customer_key = WrappedKey.from_text(manifest.keys.customer_key)
    else:
        customer_key = service.customer_keys.find(manifest.database.uuid, manifest.keys.customer_key_id)
    for keyring in service.keyrings[:-1]:
        with suppress(KeyUnusable):
            return keyring.unwrap(wrapped, customer_key)
    return service.keyrings[-1].unwrap(wrapped, customer_key)
