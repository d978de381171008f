"""The shelf: the backups of one instance as they lie at the sites, found, read and opened, and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from growsoft.security.envelope import KeyUnusable, WrappedKey
from growsoft.security.filefolder import FileFolder
from growsoft.security.keyring import Keyring
from growsoft_cloud.backup.cluster import Cluster
from growsoft_cloud.backup.copies import Copy, Failure, Small, Spread, prove, proven_bytes
from growsoft_cloud.backup.errors import NoGoodCopy, SiteError
from growsoft_cloud.backup.files import STORAGE, FileIndex, open_index
from growsoft_cloud.backup.guard import Guard
from growsoft_cloud.backup.manifest import Manifest, StoredObject
from growsoft_cloud.backup.records import BackupRecord, Catalogue, CustomerKeys, Proof
from growsoft_cloud.backup.sites import Site
from growsoft_cloud.fleet.policy import BackupPolicy, PolicyError


@dataclass(frozen=True, slots=True)
class Shelf:
    """What there is. `keyring` seals; `retired` ones still prove older manifests.

    `files` has a folder for each database that keeps files; without it what a restore brings is only looked at.
    """

    instance: UUID
    keyring: Keyring
    policy: BackupPolicy[Site]
    cluster: Cluster
    catalogue: Catalogue
    customer_keys: CustomerKeys
    guard: Guard
    retired: tuple[Keyring, ...] = ()
    files: Path | None = None

    @property
    def keyrings(self) -> tuple[Keyring, ...]:
        """Every keyring whose manifests are believed."""
        return (self.keyring, *self.retired)

    def list(self, database: UUID | None = None) -> list[BackupRecord]:
        """Return the backups of a database or of all, newest first."""
        return self.catalogue.list(database)

    def find(self, backup: str) -> BackupRecord:
        """Return a backup by its short id or its uuid; raises `BackupNotFound`."""
        return self.catalogue.find(backup)

    def manifest_of(self, record: BackupRecord) -> tuple[Small, tuple[Failure, ...]]:
        """Return the manifest from the first site that has it whole, and what failed before; its seal is not checked.

        Raises `NoGoodCopy`.
        """
        failures: list[Failure] = []
        for site in self.policy.sites:
            try:
                data = proven_bytes(site, record.manifest_object)
            except SiteError as error:
                failures.append(Failure(site.name, error.message))
            else:
                return Small(record.manifest_object, data), tuple(failures)
        raise NoGoodCopy(with_reasons(NoGoodCopy.default_message(), failures))

    def archive_of(self, record: BackupRecord, prefer: str = "") -> tuple[Site, tuple[Failure, ...]]:
        """Return a site whose archive was read back just now and was right, and what failed before.

        Raises `NoGoodCopy`.
        """
        failures: list[Failure] = []
        for site in sorted(self.policy.sites, key=lambda site: site.name != prefer):
            try:
                prove(site, record.manifest.archive)
            except SiteError as error:
                failures.append(Failure(site.name, error.message))
            else:
                return site, tuple(failures)
        raise NoGoodCopy(with_reasons(NoGoodCopy.default_message(), failures))

    def data_key(self, manifest: Manifest) -> bytes:
        """Open a backup's key by the customer's, which the control database knows; its own comes along.

        Raises `KeyUnusable`.
        """
        wrapped = WrappedKey.from_text(manifest.keys.data_key)
        if manifest.keys.customer_key:
            customer_key = WrappedKey.from_text(manifest.keys.customer_key)
        else:
            customer_key = self.customer_keys.find(manifest.database.uuid, manifest.keys.customer_key_id)
        for keyring in self.keyrings[:-1]:
            with suppress(KeyUnusable):
                return keyring.unwrap(wrapped, customer_key)
        return self.keyrings[-1].unwrap(wrapped, customer_key)

    def index_of(self, manifest: Manifest) -> FileIndex:
        """Return the list of a backup's files, from the first site that has it whole. Raises `BackupError`."""
        if manifest.files is None:
            return FileIndex()
        reasons: list[Failure] = []
        for site in self.policy.sites:
            try:
                data = proven_bytes(site, manifest.files.stored)
                return open_index(data, self.data_key(manifest), manifest.id)
            except SiteError as error:
                reasons.append(Failure(site.name, error.message))
            except KeyUnusable as error:
                raise NoGoodCopy(f"The files of {manifest.short_id} cannot be told any more: {error}") from error
        raise NoGoodCopy(with_reasons(NoGoodCopy.default_message(), reasons))

    def folder_of(self, postgres_name: str) -> FileFolder | None:
        """Return the files of a database; None where there are none to be had."""
        return None if self.files is None else FileFolder(self.files / postgres_name)

    def record(
        self, manifest: Manifest, manifest_object: StoredObject, outcome: Spread, proof: Proof | None = None
    ) -> BackupRecord:
        """Remember a backup with its proven copies."""
        record = BackupRecord(
            manifest=manifest,
            manifest_object=manifest_object,
            copies=outcome.copies,
            failures=(*outcome.failures, *_of_missing(manifest)),
            complete=self._keeps_promise(outcome.copies) and not manifest.missing_files,
            proof=proof,
        )
        self.catalogue.record(record)
        return record

    def _keeps_promise(self, copies: Sequence[Copy]) -> bool:
        """Say whether copies alone would make a policy: the rule stands in one place."""
        proven = {copy.site for copy in copies}
        sites = tuple(site for site in self.policy.sites if site.name in proven)
        try:
            BackupPolicy(self.policy.retention, sites, self.policy.production)
        except PolicyError:
            return False
        return True


def _of_missing(manifest: Manifest) -> tuple[Failure, ...]:
    """Say loudly that records referred to files which were not in the storage any more."""
    if not manifest.missing_files:
        return ()
    return (
        Failure(
            STORAGE,
            f"{manifest.missing_files} files of {manifest.database.name} were missing from its storage when it was "
            "backed up; restore an older backup beside it and take them from there.",
        ),
    )


def with_reasons(message: str, failures: Sequence[Failure]) -> str:
    """Return a message with the reason of each site."""
    return " ".join([message, *(failure.reason for failure in failures)])
