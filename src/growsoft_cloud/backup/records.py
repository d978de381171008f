"""Records: what is remembered of each backup, and who remembers it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Protocol
from uuid import UUID

import msgspec

from growsoft.security.keyring import Keyring, WrappedKey
from growsoft_cloud.backup.archive import chunks
from growsoft_cloud.backup.copies import Copy, Failure
from growsoft_cloud.backup.errors import BackupError, BackupNotFound, ManifestError, SiteError
from growsoft_cloud.backup.manifest import Manifest, StoredObject, read_manifest
from growsoft_cloud.backup.sites import Kind, Site, checked

_SHORT = re.compile(r"b-0*([1-9][0-9]{0,17})\Z")

# A manifest lists files; beyond this it is none.
LARGEST_MANIFEST = 256 * 1024 * 1024


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A trial restore: when, from which site, how long it took (seconds), and what was wrong: nothing, when good."""

    at: datetime
    seconds: float
    site: str = ""
    trouble: str = ""


class BackupRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One backup: its manifest, where the manifest lies, the proven copies, and why others are missing.

    `complete` says that the proven copies kept the promise of three data centres on two continents; `proof` is the last
    trial restore.
    """

    manifest: Manifest
    manifest_object: StoredObject
    copies: tuple[Copy, ...]
    failures: tuple[Failure, ...] = ()
    complete: bool = False
    proof: Proof | None = None

    @property
    def id(self) -> str:
        """The id that people type: `b-0142`."""
        return self.manifest.short_id

    @property
    def bytes(self) -> int:
        """The length of the archive at each site."""
        return self.manifest.archive.bytes

    @property
    def sha256(self) -> str:
        """The hash of the archive as each site stores it."""
        return self.manifest.archive.sha256


class Catalogue(Protocol):
    """Remembers backups; the control database does. Every site can tell the same again."""

    def next_number(self) -> int:
        """Return a number that no backup of this instance had."""
        ...

    def record(self, backup: BackupRecord, /) -> None:
        """Remember a backup, or what is new about it."""
        ...

    def list(self, database: UUID | None = None, /) -> list[BackupRecord]:
        """Return the backups of a database or of all, newest first."""
        ...

    def find(self, backup: str, /) -> BackupRecord:
        """Return a backup by its short id (`b-0142`) or its uuid; raises `BackupNotFound`."""
        ...

    def keep(self, backup: BackupRecord, why: str, /) -> None:
        """Note as what a backup is kept."""
        ...

    def expire(self, backup: BackupRecord, /) -> None:
        """Take a backup from every list: it is going to be deleted."""
        ...

    def expired(self, database: UUID | None = None, /) -> tuple[BackupRecord, ...]:
        """Return those of a database or of all that are being deleted."""
        ...

    def forget(self, backup: BackupRecord, /) -> None:
        """Forget an expired backup: no site has anything of it any more."""
        ...


class CustomerKeys(Protocol):
    """Knows the wrapped backup keys of customers; the control database does."""

    def current(self, database: UUID, /) -> WrappedKey:
        """Return the key under which a database is backed up now."""
        ...

    def find(self, database: UUID, key_id: int, /) -> WrappedKey:
        """Return a key under which it was backed up; raises `KeyUnusable` when it was destroyed."""
        ...


@dataclass(frozen=True, slots=True)
class Scan:
    """What one site tells: its backups, and what there is no backup."""

    site: str
    backups: tuple[BackupRecord, ...]
    refused: tuple[Failure, ...]

    @property
    def manifests(self) -> list[Manifest]:
        """The manifests of its backups."""
        return [backup.manifest for backup in self.backups]


def scan(site: Site, keyrings: Sequence[Keyring]) -> Scan:
    """Read every manifest of one site. Nothing else is needed to know all databases and their backups.

    The records have no copies: a manifest says that there should be one, not that there is.
    """
    backups: list[BackupRecord] = []
    refused: list[Failure] = []
    for name in site.list(Kind.MANIFEST):
        try:
            backups.append(read_one(site, name, keyrings))
        except BackupError as error:
            refused.append(Failure(site.name, f"{name}: {error.message}"))
    return Scan(site.name, newest_first(backups), tuple(refused))


def newest_first(backups: Iterable[BackupRecord]) -> tuple[BackupRecord, ...]:
    """Sort by the moment of the snapshot, and each backup once."""
    once = {backup.manifest.id: backup for backup in backups}
    return tuple(sorted(once.values(), key=lambda backup: backup.manifest.created_at, reverse=True))


def matching(backups: Iterable[BackupRecord], wanted: str) -> BackupRecord:
    """Return the backup of a short id or a uuid; raises `BackupNotFound`."""
    short = _SHORT.match(wanted)
    for backup in backups:
        if (short and backup.manifest.number == int(short[1])) or str(backup.manifest.id) == wanted:
            return backup
    raise BackupNotFound(f"There is no backup {wanted}; `growsoft backup list` shows those that are there.")


class SiteCatalogue:
    """The catalogue when there is no control database: what the sites that are left tell together."""

    def __init__(self, sites: Sequence[Site], keyrings: Sequence[Keyring]) -> None:
        self.scans: list[Scan] = []
        self.lost: list[Failure] = []
        for site in sites:
            try:
                self.scans.append(scan(site, keyrings))
            except SiteError as error:
                self.lost.append(Failure(site.name, error.message))
        found = newest_first(backup for told in self.scans for backup in told.backups)
        self._backups = {backup.manifest.id: backup for backup in found}
        self._expired: dict[UUID, BackupRecord] = {}
        self._numbering = Lock()
        self._number = 0

    def next_number(self) -> int:
        """Return one more than the highest number on any site, and of those given out since."""
        with self._numbering:
            known = max((backup.manifest.number for backup in list(self._backups.values())), default=0)
            self._number = max(self._number, known) + 1
            return self._number

    def record(self, backup: BackupRecord, /) -> None:
        """Remember a backup; the sites remember it by themselves."""
        if backup.manifest.id not in self._expired:
            self._backups[backup.manifest.id] = backup

    def list(self, database: UUID | None = None, /) -> list[BackupRecord]:
        """Return the backups of a database or of all, newest first."""
        found = newest_first(self._backups.values())
        return [backup for backup in found if database in {None, backup.manifest.database.uuid}]

    def find(self, backup: str, /) -> BackupRecord:
        """Return a backup by its short id or its uuid."""
        return matching(self._backups.values(), backup)

    def keep(self, backup: BackupRecord, why: str, /) -> None:
        """Nothing to note: the reason can be worked out again."""

    def expire(self, backup: BackupRecord, /) -> None:
        """List a backup no more."""
        self._expired[backup.manifest.id] = self._backups.pop(backup.manifest.id, backup)

    def expired(self, database: UUID | None = None, /) -> tuple[BackupRecord, ...]:
        """Return those that are being deleted."""
        return tuple(backup for backup in self._expired.values() if database in {None, backup.manifest.database.uuid})

    def forget(self, backup: BackupRecord, /) -> None:
        """Forget an expired backup."""
        self._expired.pop(backup.manifest.id, None)


def read_one(site: Site, name: str, keyrings: Sequence[Keyring]) -> BackupRecord:
    """Read one manifest, whose name a site told; raises ``BackupError`` unless one of our keys sealed it."""
    with site.open(checked(name, Kind.MANIFEST)) as file:
        data = b""
        for chunk in chunks(file):
            data += chunk
            if len(data) > LARGEST_MANIFEST:
                raise ManifestError("This is too large to be a manifest; remove it.")
    manifest = read_manifest(data, keyrings)
    stored = StoredObject(name, len(data), hashlib.sha256(data).hexdigest())
    return BackupRecord(manifest=manifest, manifest_object=stored, copies=())
