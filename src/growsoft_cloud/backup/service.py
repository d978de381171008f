"""Backing up: one full, independent, encrypted backup of a database, proven at every site of its policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec import structs

from growsoft_cloud.backup.copies import repair
from growsoft_cloud.backup.guard import Work
from growsoft_cloud.backup.making import Making
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.progress import Listener
from growsoft_cloud.backup.records import BackupRecord, Proof
from growsoft_cloud.backup.shelf import Shelf

# How long one waits for somebody else who mends or deletes copies of the same database, in seconds.
PATIENCE: Final = 3600.0


@dataclass(frozen=True, slots=True)
class BackupService(Shelf):
    """Makes and keeps the backups of one instance."""

    def backup_now(
        self, subject: Subject, purpose: str = "manual", listener: Listener | None = None, *, wait: float = 300.0
    ) -> BackupRecord:
        """Back up a database and record what came of it; look at `complete` and `failures`.

        `subject` is what the control database knows of it; the versions of its apps are read from the database itself.
        One dump is written to the first site that takes it, and copied from there as it is. Raises `NoSiteTook` when
        no site did, `DumpFailed` when PostgreSQL did not give it, `AlreadyWorking` when another one was being made
        for `wait` seconds.
        """
        with self.guard.only(subject.uuid, Work.MAKING, wait=wait):
            return Making(self, subject, purpose, listener).run()

    def repair(self, backup: str, proven: dict[str, set[str]] | None = None) -> BackupRecord:
        """Read every copy back, replace what is missing or corrupt from a good one, and record the result.

        Raises `NoGoodCopy` when there is none. Files that `proven` has for a site are not read again.
        """
        database = self.catalogue.find(backup).manifest.database.uuid
        with self.guard.only(database, Work.COPIES, wait=PATIENCE):
            record = self.catalogue.find(backup)
            small, _failures = self.manifest_of(record)
            more = (*record.manifest.objects[1:], *self.index_of(record.manifest).objects)
            outcome = repair(self.policy.sites, record.manifest.archive, small, more, proven)
            return self.record(record.manifest, record.manifest_object, outcome, record.proof)

    def proved(self, backup: str, proof: Proof) -> BackupRecord:
        """Remember a trial restore of a backup."""
        database = self.catalogue.find(backup).manifest.database.uuid
        with self.guard.only(database, Work.COPIES, wait=PATIENCE):
            record = structs.replace(self.catalogue.find(backup), proof=proof)
            self.catalogue.record(record)
        return record
