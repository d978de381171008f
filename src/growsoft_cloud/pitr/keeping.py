"""Keeping the archive: copies that sites lack are made again, and what no moment of the window needs is removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from growsoft_cloud.backup.copies import Failure, Small, prove, put, transfer
from growsoft_cloud.backup.errors import BackupError, CopyCorrupt, SiteError
from growsoft_cloud.backup.manifest import StoredObject
from growsoft_cloud.backup.sites import Kind, Site
from growsoft_cloud.pitr.bases import Base, chain, files_name, listed, needed
from growsoft_cloud.pitr.pieces import Piece, joinable, read_all
from growsoft_cloud.pitr.store import everywhere, named, read
from growsoft_cloud.pitr.taking import BaseBackups

ON_ITS_WAY: Final = timedelta(hours=1)


@dataclass(slots=True)
class Kept:
    """What was done: names that were copied and removed (with their site), and what is in the way."""

    copied: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    failed: list[Failure] = field(default_factory=list[Failure])


def mend(backups: BaseBackups, now: datetime) -> Kept:
    """Give every site what only others have; each copy is opened before it is trusted, and read back after it.

    What is so new that it may be on its way just now is left for the next round.
    """
    done = Kept()
    for piece, there in everywhere(backups.sites, backups.system).items():
        if piece.until < now - ON_ITS_WAY:
            _copy_small(backups, piece.name, there, done)
    there_now = named(backups.sites, Kind.BASE)
    for base in listed(there_now, backups.system):
        if base.taken >= now - ON_ITS_WAY:
            continue
        files = files_name(base.system, base.id)
        for site in backups.sites:
            if site not in there_now[files]:
                _copy_files(backups, base, site, there_now[files], done)
        _copy_small(backups, base.name, there_now[base.name], done)
    return done


def prune(backups: BaseBackups, since: datetime) -> Kept:
    """Remove what is not needed to restore a moment since then.

    Only base backups that every site has displace older ones, so nothing goes before what replaces it is everywhere.
    """
    done = Kept()
    there = named(backups.sites, Kind.BASE)
    bases = listed(there, backups.system)
    proven = [base for base in bases if _is_everywhere(base, there, backups.sites)]
    kept = needed(proven, since)
    old = max((base for base in proven if base.taken <= since), key=lambda base: base.taken, default=None)
    if old is None:
        return done
    known = {base.id: base for base in bases}
    going = [base for base in bases if base not in kept and base.taken < old.taken]
    # A description goes before its files; what a kept base backup is a difference to was kept with it.
    names = [name for base in going for name in (base.name, files_name(base.system, base.id))]
    first = (chain(old, known) or [old])[-1]
    names += _left_over(backups.sites, backups.system, {base.id for base in bases}, since)
    names += [piece.name for piece in unneeded(read_all(named(backups.sites, Kind.WAL), backups.system), first)]
    _remove(backups.sites, names, done)
    return done


def join(backups: BaseBackups, now: datetime) -> Kept:
    """Make one piece of the many that a segment came in, once it is over: an idle day is some objects, not thousands.

    The whole one is at every site before the first part of it goes.
    """
    done = Kept()
    there = everywhere(backups.sites, backups.system)
    whole = [piece for piece, sites in there.items() if len(sites) == len(backups.sites)]
    for group in joinable(whole, now - ON_ITS_WAY):
        last = group[-1]
        piece = Piece(last.timeline, group[0].start, last.end, last.until, last.system)
        try:
            data = b"".join(read(backups.keys, backups.sites, part.name)[0] for part in group)
            sealed = backups.keys.seal(data, piece.name)
            small = Small(StoredObject(piece.name, len(sealed), sha256(sealed).hexdigest()), sealed)
            for site in backups.sites:
                put(site, small)
        except BackupError as error:
            done.failed.append(Failure(piece.name, error.message))
            continue
        done.copied.append(piece.name)
        _remove(backups.sites, [part.name for part in group], done)
    return done


def unneeded(pieces: Iterable[Piece], oldest: Base) -> list[Piece]:
    """Return the pieces that end before the oldest base backup begins; histories of timelines stay."""
    return [
        piece for piece in pieces
        if not piece.is_history and piece.end <= oldest.start and piece.timeline <= oldest.timeline
    ]  # fmt: skip


def _left_over(sites: Sequence[Site], system: str, known: set[str], since: datetime) -> list[str]:
    """Return files without a description that are older than every moment of the window: their writer died."""
    found: set[str] = set()
    for site in sites:
        with suppress(SiteError):
            for one in site.listed(Kind.BASE):
                prefix, _, own = one.name.rpartition("-")
                is_files = prefix == f"base/{int(system):016x}" and own not in known
                if is_files and one.written_at < since.timestamp():
                    found.add(one.name)
    return sorted(found)


def _is_everywhere(base: Base, there: dict[str, list[Site]], sites: Sequence[Site]) -> bool:
    names = (base.name, files_name(base.system, base.id))
    return all(site in there[name] for name in names for site in sites)


def _copy_small(backups: BaseBackups, name: str, there: Sequence[Site], done: Kept) -> None:
    """Copy a small object to the sites that lack it, from one whose copy opens."""
    lacking = [site for site in backups.sites if site not in there]
    if not lacking:
        return
    try:
        small = _whole(backups, name, there)
    except BackupError as error:
        done.failed.append(Failure(name, error.message))
        return
    for site in lacking:
        try:
            put(site, small)
        except SiteError as error:
            done.failed.append(Failure(site.name, error.message))
        else:
            done.copied.append(f"{site.name}: {name}")


def _whole(backups: BaseBackups, name: str, there: Sequence[Site]) -> Small:
    last: BackupError = CopyCorrupt(name, f"{name} is whole at no site.")
    for site in there:
        try:
            with site.open(name) as file:
                data = file.read()
            backups.keys.open(data, name)
        except BackupError as error:
            last = error
        else:
            return Small(StoredObject(name, len(data), sha256(data).hexdigest()), data)
    raise last


def _copy_files(backups: BaseBackups, base: Base, to: Site, there: Sequence[Site], done: Kept) -> None:
    """Copy the files of a base backup, which are too large for memory, to a site."""
    try:
        stored = backups.describe(base).files
    except BackupError as error:
        done.failed.append(Failure(base.name, error.message))
        return
    for source in there:
        try:
            prove(source, stored)
            transfer(source, to, stored)
        except SiteError as error:
            done.failed.append(Failure(to.name, error.message))
        else:
            done.copied.append(f"{to.name}: {stored.name}")
            return


def _remove(sites: Sequence[Site], names: Sequence[str], done: Kept) -> None:
    for site in sites:
        try:
            for name in names:
                site.delete(name)
        except SiteError as error:
            done.failed.append(Failure(site.name, error.message))
        else:
            done.removed += [f"{site.name}: {name}" for name in names]
