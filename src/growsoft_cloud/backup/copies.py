"""Copies: spreading a backup over the sites, and proving each copy by reading it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
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
        for _ in proven_pieces(site, file, stored, tick):
            pass


def proven_bytes(site: Site, stored: StoredObject) -> bytes:
    """Read a small object whole, and return it only when it is exactly what was stored."""
    with site.open(stored.name) as file:
        return b"".join(proven_pieces(site, file, stored, None))


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
        for chunk in proven_pieces(source, file, stored, tick):
            paced.write(chunk)
    prove(target, stored)


@dataclass(frozen=True, slots=True)
class More:
    """What belongs to a backup beside archive and manifest: its list of files, and the files, which others may share.

    `proven` says since when each site is known to have some of them, and which (names).
    """

    own: Sequence[StoredObject] = ()
    shared: Sequence[StoredObject] = ()
    proven: Mapping[str, tuple[datetime, frozenset[str]]] = field(
        default_factory=dict[str, tuple[datetime, frozenset[str]]]
    )

    def known_at(self, site: Site) -> frozenset[str]:
        """Return the names of what a site need not be sent."""
        return self.proven[site.name][1] if site.name in self.proven else frozenset()

    def copy_at(self, site: Site) -> Copy:
        """Note a copy that was proven just now, but for what was taken over: then it is as old as that proof."""
        copy = proven_now(site)
        known = self.known_at(site)
        if any(stored.name in known for stored in self.shared):
            return msgspec.structs.replace(copy, verified_at=min(copy.verified_at, self.proven[site.name][0]))
        return copy


def spread(
    source: Site,
    targets: Sequence[Site],
    archive: StoredObject,
    manifest: Small,
    tick: Tick | None = None,
    more: More | None = None,
) -> Spread:
    """Copy a backup from a site that has it to others, all at once; one that fails does not hold the others up."""
    beside = more or More()

    def to(target: Site) -> Copy:
        for stored in (archive, *beside.own):
            transfer(source, target, stored, tick)
        known = beside.known_at(target)
        for stored in beside.shared:
            if stored.name not in known:
                made_good(target, stored, partial(transfer, source, target, stored))
        put(target, manifest)
        return beside.copy_at(target)

    return gathered(to, targets)


def examine(sites: Sequence[Site], objects: Sequence[StoredObject]) -> Spread:
    """Read every object of a backup back from every site, all sites at once."""

    def of(site: Site) -> Copy:
        for stored in objects:
            prove(site, stored)
        return proven_now(site)

    return gathered(of, sites)


def repair(
    sites: Sequence[Site],
    archive: StoredObject,
    manifest: Small,
    more: Sequence[StoredObject] = (),
    proven: dict[str, set[str]] | None = None,
) -> Spread:
    """Read all copies back, and replace what is missing or corrupt; return what is proven then.

    One good copy of each object at any site is enough. Raises `NoGoodCopy` when there is none of the archive, and then
    removes nothing: what is left may be all that there is. Of `more`, what `proven` has for a site is not read again;
    what is proven is added there.
    """
    found = examine(sites, (archive,))
    good = {copy.site for copy in found.copies}
    source = next((site for site in sites if site.name in good), None)
    if source is None:
        raise NoGoodCopy(" ".join([NoGoodCopy.default_message(), *(failure.reason for failure in found.failures)]))
    known = {} if proven is None else proven
    for site in sites:
        known.setdefault(site.name, set())
    gathered(lambda site: _look(site, more, known[site.name]), sites)

    def mended(site: Site) -> Copy:
        if site.name not in good:
            made_good(site, archive, partial(transfer, source, site, archive))
        for stored in more:
            if stored.name not in known[site.name]:
                made_good(site, stored, partial(_from_any, sites, site, stored))
                known[site.name].add(stored.name)
        made_good(site, manifest.stored, partial(put, site, manifest))
        return proven_now(site)

    return gathered(mended, sites)


def _look(site: Site, objects: Sequence[StoredObject], known: set[str]) -> Copy:
    """Read objects back from a site, and add to `known` what is right."""
    for stored in objects:
        if stored.name not in known:
            with suppress(ObjectMissing, CopyCorrupt):
                prove(site, stored)
                known.add(stored.name)
    return proven_now(site)


def _from_any(sites: Sequence[Site], target: Site, stored: StoredObject) -> None:
    """Copy an object to a site from whichever other one has it whole."""
    for source in sites:
        if source is not target:
            with suppress(SiteError):
                prove(source, stored)
                transfer(source, target, stored)
                return
    raise CopyCorrupt(target.name, f"{stored.name} is whole at no site; restore an older backup for this file.")


def proven_now(site: Site) -> Copy:
    """Note that a site's copy was proven just now."""
    return Copy(site.name, site.data_centre.continent, datetime.now(UTC))


def made_good(site: Site, stored: StoredObject, place: Callable[[], None]) -> None:
    """Put an object where it is missing or wrong; its name keeps meaning the same bytes."""
    try:
        prove(site, stored)
    except ObjectMissing:
        place()
    except CopyCorrupt:
        site.delete(stored.name)
        place()


def proven_pieces(site: Site, file: BinaryIO, stored: StoredObject, tick: Tick | None) -> Iterator[bytes]:
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
