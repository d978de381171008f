"""Named objects: small things that must survive beside the backups on every site, such as the seals of an audit log.

A seal is found by whom it is about and its number in a row. It is written once and never changed: asked to keep other
bytes under a number that is taken, a site refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from growsoft_cloud.backup.copies import Copy, Failure, Small, Spread, gathered, proven_now, put
from growsoft_cloud.backup.errors import BackupError, CopyCorrupt, NameTaken, ObjectMissing, SiteError
from growsoft_cloud.backup.manifest import StoredObject
from growsoft_cloud.backup.sites import Kind, Site, checked

# They are read whole.
LARGEST: Final = 1024 * 1024
MOST: Final = 10**12 - 1


def seal_name(about: UUID, number: int) -> str:
    """Return the name of a seal: of a database (or whatever has a uuid), and its number from 0."""
    if not 0 <= number <= MOST:
        raise ValueError(f"A seal is numbered from 0 to {MOST}, not {number}.")
    return f"{Kind.SEAL.value}/{about.hex}-{number:012d}"


def keep_everywhere(sites: Sequence[Site], name: str, data: bytes) -> Spread:
    """Write an object of at most 1 MiB to every site and read it back; doing it again is no error.

    A site that has other bytes under this name is among the failures, and keeps what it has.
    """
    if len(data) > LARGEST:
        raise ValueError(f"A named object has at most {LARGEST} bytes, not {len(data)}.")
    small = Small(StoredObject(checked(name, Kind.SEAL), len(data), sha256(data).hexdigest()), data)

    def at(site: Site) -> Copy:
        try:
            put(site, small)
        except NameTaken:
            _refuse_other(site, small)
        return proven_now(site)

    return gathered(at, sites)


@dataclass(frozen=True, slots=True)
class Found:
    """What the sites say of one name: what each holds (they should be alike), and why others hold nothing."""

    by_site: Mapping[str, bytes]
    failures: tuple[Failure, ...]

    def agreed(self) -> bytes | None:
        """Return the bytes, when at least one site has them and no two differ."""
        found = set(self.by_site.values())
        return found.pop() if len(found) == 1 else None


def read_everywhere(sites: Sequence[Site], name: str) -> Found:
    """Read an object from every site. What a site returns is not believed: compare the sites, and check the content."""
    by_site: dict[str, bytes] = {}
    failures: list[Failure] = []
    for site in sites:
        try:
            by_site[site.name] = _read(site, name)
        except SiteError as error:
            failures.append(Failure(site.name, error.message))
    return Found(by_site, tuple(failures))


def numbers(site: Site, about: UUID) -> list[int]:
    """Return the numbers of all seals that a site says it has of somebody, in order."""
    found: list[int] = []
    for name in site.list(Kind.SEAL):
        try:
            subject, _, number = checked(name, Kind.SEAL).partition("/")[2].partition("-")
        except BackupError:
            continue  # somebody else's file
        if subject == about.hex:
            found.append(int(number))
    return sorted(found)


def _read(site: Site, name: str) -> bytes:
    with site.open(checked(name, Kind.SEAL)) as file:
        data = b""
        while piece := file.read(LARGEST):
            data += piece
            if len(data) > LARGEST:
                raise CopyCorrupt(site.name, f"{name} is too large to be a seal; look after the site.")
    return data


def _refuse_other(site: Site, small: Small) -> None:
    """Accept an object that is there already only when it is the very same."""
    try:
        found = _read(site, small.stored.name)
    except ObjectMissing as error:
        raise SiteError(site.name, f"{small.stored.name} is being written by somebody else; try again.") from error
    if found != small.data:
        raise CopyCorrupt(site.name, f"{small.stored.name} is there with other bytes; it was left as it is.")
