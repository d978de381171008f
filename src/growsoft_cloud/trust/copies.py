"""Copies (BK-2): the newest backup of every database is read back now, at every site, and counted by data centre."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from growsoft.cli.world import InstanceWorld
from growsoft.trust.states import Finding, State, judged
from growsoft.trust.world import CannotCheck, Entry, World, each
from growsoft_cloud.backup.copies import examine
from growsoft_cloud.backup.errors import BackupError
from growsoft_cloud.backup.records import BackupRecord
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.desk import desk_of
from growsoft_cloud.fleet import BackupPolicy, PolicyError


@dataclass(slots=True)
class _Counted:
    """What was read back."""

    databases: int = 0
    copies: int = 0
    bytes: int = 0
    centres: set[str] = field(default_factory=set[str])
    continents: set[str] = field(default_factory=set[str])


def copies_are_spread(world: World) -> Finding:
    """BK-2: read every copy of the newest backup of each active database, and hold the sites against the promise."""
    if not isinstance(world, InstanceWorld):
        raise CannotCheck("There is no instance whose backups could be read.", "Check it on the instance itself.")
    counted = _Counted()
    entries = [entry for entry in world.entries if entry.state == "active"]
    with world.instance.keeper() as keeper, desk_of(world.instance, keeper) as desk:
        service = desk.service
        problems = each(world, entries, lambda entry: _of(service, entry, counted))
    is_played = any(site.simulated for site in service.policy.sites)
    evidence = (
        f"{counted.copies} copies of the newest backups of {counted.databases} databases were read back now and are"
        f" what was stored ({counted.bytes:,} bytes), in {len(counted.centres)} data centres on"
        f" {len(counted.continents)} continents, {len(counted.centres - {service.policy.production.name})} of them"
        f" outside production.{' The data centres are folders of this machine.' if is_played else ''}"
    )
    return judged(
        problems,
        "Take or repair the backups: growsoft backup now DB, growsoft backup verify ID",
        Finding(State.SIMULATED if is_played else State.MET, evidence),
    )


def _of(service: BackupService, entry: Entry, counted: _Counted) -> Iterator[str]:
    newest = next(iter(service.list(entry.uuid)), None)
    if newest is None:
        yield f"database {entry.uuid} has no backup"
        return
    yield from _read_back(service, newest, entry.uuid, counted)


# A copy counts only after it was read back just now: what the catalogue remembers of it is no evidence.
def _read_back(service: BackupService, record: BackupRecord, uuid: UUID, counted: _Counted) -> Iterator[str]:
    try:
        service.manifest_of(record)
    except BackupError as error:
        yield f"{record.id} of database {uuid}: {error.message}"
        return
    found = examine(service.policy.sites, (*record.manifest.objects, record.manifest_object))
    good = {copy.site for copy in found.copies}
    sites = tuple(site for site in service.policy.sites if site.name in good)
    try:
        BackupPolicy(service.policy.retention, sites, service.policy.production)
    except PolicyError:
        reasons = " ".join(failure.reason for failure in found.failures)
        yield f"{record.id} of database {uuid} has {len(good)} good copies: {reasons}"
    counted.databases += 1
    counted.copies += len(good)
    counted.bytes += len(good) * (record.bytes + record.manifest_object.bytes)
    counted.centres |= {site.data_centre.name for site in sites}
    counted.continents |= {site.data_centre.continent.value for site in sites}
