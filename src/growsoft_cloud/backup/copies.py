"""Copies: spreading a backup over the sites, and proving each copy by reading it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO

import msgspec

from growsoft_cloud.backup.archive import Digest, Tick, chunks
from growsoft_cloud.backup.errors import CopyCorrupt, NoGoodCopy, ObjectMissing, SiteError
from growsoft_cloud.backup.manifest import StoredObject
from growsoft_cloud.backup.pace import Pace, PacedWriter
from growsoft_cloud.backup.sites import Site
from growsoft_cloud.fleet.places import Continent


class Copy(msgspec.Struct, frozen=True):
    """One proven copy: all of the backup's objects were read back from the site at that time, and were right."""

    site: str
    continent: Continent
    verified_at: datetime


class Failure(msgspec.Struct, frozen=True):
    """Why a site has no proven copy, with what to do."""

    site: str
    reason: str


@dataclass(frozen=True, slots=True)
class Small:
    """An object that is small enough to be kept at hand: a manifest."""

    stored: StoredObject
    data: bytes


@dataclass(frozen=True, slots=True)
class Spread:
    """What came of spreading a backup: the proven copies, and why others are missing."""

    copies: tuple[Copy, ...]
    failures: tuple[Failure, ...]


# A copy counts only after it was read back: that an upload succeeded is not evidence. What a site says about an object
# counts for nothing; only the bytes that it returns, past its caches, hashed by us.
def prove(site: Site, stored: StoredObject, tick: Tick | None = None) -> None:
    """Read an object back; raises `CopyCorrupt` or `ObjectMissing` unless it is exactly what was stored."""
    with site.open(stored.name) as file:
        for _ in _proven(site, file, stored, tick):
            pass


def proven_bytes(site: Site, stored: StoredObject) -> bytes:
    """Read a small object whole, and return it only when it is exactly what was stored."""
    with site.open(stored.name) as file:
        return b"".join(_proven(site, file, stored, None))


def put(site: Site, small: Small) -> None:
    """Store a small object and prove it."""
    with site.create(small.stored.name) as writer:
        writer.write(small.data)
    prove(site, small.stored)


def transfer(source: Site, target: Site, stored: StoredObject, tick: Tick | None = None) -> None:
    """Copy an object as it is, and prove the copy.

    Raises `CopyCorrupt` of the source when it returned something else, and then leaves nothing at the target.
    """
    with source.open(stored.name) as file, target.create(stored.name) as writer:
        paced = PacedWriter(writer, Pace(target))
        for chunk in _proven(source, file, stored, tick):
            paced.write(chunk)
    prove(target, stored)


def spread(
    source: Site, targets: Sequence[Site], archive: StoredObject, manifest: Small, tick: Tick | None = None
) -> Spread:
    """Copy a backup from a site that has it to others, all at once; one that fails does not hold the others up."""

    def to(target: Site) -> Copy:
        transfer(source, target, archive, tick)
        put(target, manifest)
        return proven_now(target)

    return gathered(to, targets)


def examine(sites: Sequence[Site], objects: Sequence[StoredObject]) -> Spread:
    """Read every object of a backup back from every site, all sites at once."""

    def of(site: Site) -> Copy:
        for stored in objects:
            prove(site, stored)
        return proven_now(site)

    return gathered(of, sites)


def repair(sites: Sequence[Site], archive: StoredObject, manifest: Small) -> Spread:
    """Read all copies back, and replace what is missing or corrupt; return what is proven then.

    One good archive at any site is enough. Raises `NoGoodCopy` when there is none, and then removes nothing: what is
    left may be all that there is.
    """
    found = examine(sites, (archive,))
    good = {copy.site for copy in found.copies}
    source = next((site for site in sites if site.name in good), None)
    if source is None:
        raise NoGoodCopy(" ".join([NoGoodCopy.default_message(), *(failure.reason for failure in found.failures)]))

    def mended(site: Site) -> Copy:
        if site.name not in good:
            _replace(site, archive, lambda: transfer(source, site, archive))
        _replace(site, manifest.stored, lambda: put(site, manifest))
        return proven_now(site)

    return gathered(mended, sites)


def proven_now(site: Site) -> Copy:
    """Note that a site's copy was proven just now."""
    return Copy(site.name, site.data_centre.continent, datetime.now(UTC))


def _replace(site: Site, stored: StoredObject, place: Callable[[], None]) -> None:
    """Put an object anew where it is missing or wrong; its name keeps meaning the same bytes."""
    try:
        prove(site, stored)
    except (ObjectMissing, CopyCorrupt):
        site.delete(stored.name)
        place()


def _proven(site: Site, file: BinaryIO, stored: StoredObject, tick: Tick | None) -> Iterator[bytes]:
    """Yield an object's bytes, and end well only when they were exactly what was stored."""
    digest, pace = Digest(), Pace(site)
    pieces = chunks(file)
    while True:
        with pace.waiting():
            chunk = next(pieces, b"")
        if not chunk:
            break
        pace.done += len(chunk)
        digest.update(chunk)
        if digest.value().bytes > stored.bytes:
            break  # a site could go on for ever
        if tick is not None:
            tick(len(chunk))
        yield chunk
    found = digest.value()
    if (found.bytes, found.sha256) != (stored.bytes, stored.sha256):
        raise CopyCorrupt(
            site.name,
            f"{stored.name} came back as {found.bytes} bytes with another hash than the {stored.bytes} bytes stored; "
            "repair the backup from another copy.",
        )


def gathered(work: Callable[[Site], Copy], sites: Sequence[Site]) -> Spread:
    """Do some work at every site at once, and gather what came of it in the order of the sites.

    A site whose work fails is among the failures; it does not hold the others up.
    """
    if not sites:
        return Spread((), ())
    with ThreadPoolExecutor(max_workers=len(sites), thread_name_prefix="backup-site") as pool:
        outcomes = list(pool.map(partial(_outcome, work), sites))
    return Spread(
        tuple(outcome for outcome in outcomes if isinstance(outcome, Copy)),
        tuple(outcome for outcome in outcomes if isinstance(outcome, Failure)),
    )


def _outcome(work: Callable[[Site], Copy], site: Site) -> Copy | Failure:
    """Turn an error of any site into a reason."""
    try:
        return work(site)
    except SiteError as error:
        return Failure(site.name, error.message)
