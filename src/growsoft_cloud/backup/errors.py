"""Errors of backups; each says what to do next."""

from __future__ import annotations

from growsoft.errors import GrowsoftError


class BackupError(GrowsoftError):
    """This backup could not be made or used; see which sites and copies are named above."""


class SiteError(BackupError):
    """A backup site does not work; look after it, the other sites go on without it."""

    def __init__(self, site: str, message: str) -> None:
        """Name the site, so that a list of failures can be read."""
        super().__init__(f"{site}: {message}")
        self.site = site


class SiteLost(SiteError):
    """The site cannot be reached; check that its volume is mounted."""


class SiteFull(SiteError):
    """The site is full; make room there, then repair the backup."""


class SiteRefused(SiteError):
    """The site does not take our key; check or replace it."""


class SiteSlow(SiteError):
    """The site takes too long; the others go on without it."""


class ObjectMissing(SiteError):
    """The site does not have this object; repair the backup from another copy."""


class NameTaken(SiteError):
    """The site already has an object of this name; names are never used twice."""


class CopyCorrupt(SiteError):
    """What the site returned is not what was stored; repair the backup from another copy."""


class NoSiteTook(BackupError):
    """No site took the backup; there is no backup until one does."""


class NoGoodCopy(BackupError):
    """No site has a good copy of this backup; take another backup of the list."""


class ManifestError(BackupError):
    """This manifest cannot be used."""


class UnknownFormat(ManifestError):
    """This manifest has a format that this version cannot read; restore it with a newer Growsoft."""


class ManifestForged(ManifestError):
    """This manifest was not written by this instance, or was changed since; nothing of it may be used."""


class ArchiveError(BackupError):
    """This archive is damaged or belongs to another backup; take another copy."""


class BackupNotFound(BackupError):
    """There is no such backup; `growsoft backup list DB` shows those that are there."""


class CannotRestore(BackupError):
    """This cluster cannot take the backup; make room, or restore it where PostgreSQL is new enough."""


class NotTheSame(BackupError):
    """What was restored is not what was backed up; nothing of it was left, take another backup."""
