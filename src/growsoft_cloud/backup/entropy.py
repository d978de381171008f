"""Against decay: copies that are missing or damaged are made again from good ones, and what no backup needs is removed.

What a site says of its objects is looked at every time, because it costs little; every copy is read again and hashed
within `reread_after`, because only that is evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from msgspec import structs

from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.backup.errors import BackupError, NoGoodCopy, SiteError
from growsoft_cloud.backup.leftovers import remove_unneeded
from growsoft_cloud.backup.manifest import StoredObject
from growsoft_cloud.backup.records import BackupRecord, read_one
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Kind, Listed, Site

REREAD_AFTER: Final = timedelta(days=7)

# An upload of another process may take hours; what nobody refers to after a day was left by one that died.
LEFT_AFTER: Final = timedelta(days=1)

Holdings = Mapping[str, Listed]


@dataclass(slots=True)
class Mended:
    """What was done: backups (ids) whose copies were made whole, those for which that failed, and what was found."""

    whole: list[str] = field(default_factory=list[str])
    failed: list[Failure] = field(default_factory=list[Failure])
    adopted: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    lost: list[Failure] = field(default_factory=list[Failure])


def mend(service: BackupService, now: datetime, reread_after: timedelta = REREAD_AFTER) -> Mended:
    """Look at all sites, take in what the registry does not know, and make every backup whole again."""
    done = Mended()
    holdings = dict(_holdings(service.policy.sites, done))
    _adopt(service, holdings, done)
    # Backups share files: what was read once in this round is proven for all of them.
    proven: dict[str, set[str]] = {}
    for record in service.catalogue.list():
        if _needs_it(service, record, holdings, now - reread_after):
            _mend(service, record, done, proven)
    if not done.lost:
        _remove_leftovers(service, holdings, now, done)
        remove_unneeded(service, holdings, now - LEFT_AFTER, done)
    return done


def _holdings(sites: Sequence[Site], done: Mended) -> Iterator[tuple[str, Holdings]]:
    for site in sites:
        try:
            kinds = (Kind.ARCHIVE, Kind.MANIFEST, Kind.FILE)
            yield site.name, {listed.name: listed for kind in kinds for listed in site.listed(kind)}
        except SiteError as error:
            done.lost.append(Failure(site.name, error.message))


def _needs_it(service: BackupService, record: BackupRecord, holdings: Mapping[str, Holdings], since: datetime) -> bool:
    """Say whether a copy was never proven, not for long, or is not even said to be there."""
    proven = {copy.site: copy.verified_at for copy in record.copies}
    sites = service.policy.sites
    if any(site.name not in proven or proven[site.name] < since for site in sites):
        return True
    try:
        wanted = (*record.manifest.objects, record.manifest_object, *service.index_of(record.manifest).objects)
    except BackupError:
        return True  # and mending says what is wrong with the list of its files
    return any(site.name in holdings and not _said_to_be_there(wanted, holdings[site.name]) for site in sites)


def _said_to_be_there(wanted: Sequence[StoredObject], holdings: Holdings) -> bool:
    return all(stored.name in holdings and holdings[stored.name].bytes == stored.bytes for stored in wanted)


def _mend(service: BackupService, record: BackupRecord, done: Mended, proven: dict[str, set[str]]) -> None:
    try:
        mended = service.repair(str(record.manifest.id), proven)  # short ids may repeat after the registry was restored
    except NoGoodCopy as error:
        # Nobody may count on it any more; should its sites come back, the next round finds its copies again.
        service.catalogue.record(structs.replace(record, copies=(), complete=False))
        done.failed.append(Failure(record.id, error.message))
        return
    except BackupError as error:
        done.failed.append(Failure(record.id, error.message))
        return
    done.failed += [Failure(record.id, failure.reason) for failure in mended.failures]
    if not mended.failures:
        done.whole.append(record.id)


def _adopt(service: BackupService, holdings: Mapping[str, Holdings], done: Mended) -> None:
    """Take manifests of ours into the registry that it does not know: it died before, or was restored from a backup."""
    known = {record.manifest_object.name for record in (*service.catalogue.list(), *service.catalogue.expired())}
    for site in service.policy.sites:
        for name in holdings.get(site.name, {}):
            if not name.startswith(f"{Kind.MANIFEST.value}/") or name in known:
                continue
            known.add(name)
            try:
                found = read_one(site, name, service.keyrings)
            except BackupError as error:
                done.failed.append(Failure(site.name, f"{name}: {error.message}"))
                continue
            service.catalogue.record(found)
            done.adopted.append(found.id)


def _remove_leftovers(service: BackupService, holdings: Mapping[str, Holdings], now: datetime, done: Mended) -> None:
    """Remove archives and lists that no backup refers to: their writer died before there was a manifest."""
    records = (*service.catalogue.list(), *service.catalogue.expired())
    known = {stored.name for record in records for stored in record.manifest.objects}
    limit = (now - LEFT_AFTER).timestamp()
    for site in service.policy.sites:
        for listed in holdings[site.name].values():
            is_archive = listed.name.startswith(f"{Kind.ARCHIVE.value}/")
            if is_archive and listed.name not in known and listed.written_at < limit:
                try:
                    site.delete(listed.name)
                except SiteError as error:
                    done.failed.append(Failure(site.name, error.message))
                else:
                    done.removed.append(f"{site.name}: {listed.name}")
