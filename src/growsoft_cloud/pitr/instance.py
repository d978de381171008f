"""The archive of an instance: its primary, its sites, and the key of its archive, which the control database keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from growsoft.apps.base.models import Setting
from growsoft.cli.instance import Instance
from growsoft.config import State
from growsoft.postgres.binaries import find, reachable
from growsoft.postgres.local import replication_source
from growsoft.postgres.parameters import SLOT_KEEPS
from growsoft.postgres.users import decide
from growsoft.postgres.walstream import identity_of
from growsoft.security.envelope import WrappedKey
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.backup.sites import Site
from growsoft_cloud.fleet.policy import BackupPolicy
from growsoft_cloud.fleet.sites import policy_of
from growsoft_cloud.pitr.archiver import Archiver
from growsoft_cloud.pitr.planning import Window, window
from growsoft_cloud.pitr.restoring import Moments
from growsoft_cloud.pitr.sealing import ArchiveKeys, new_archive_key
from growsoft_cloud.pitr.status import Status, Teller, read
from growsoft_cloud.pitr.store import PieceStore, everywhere
from growsoft_cloud.pitr.taking import BaseBackups

KEY: Final = "archive.key."


def archiver_of(instance: Instance) -> Archiver:
    """Return what archives the primary of an instance."""
    store = PieceStore(lambda: policy(instance).sites, policy(instance).production)
    teller = Teller(told_at(instance.state), SLOT_KEEPS)
    return Archiver(replication_source(instance.state), store, lambda system: keys_of(instance, system), teller)


def keys_of(instance: Instance, system: str) -> ArchiveKeys:
    """Return the keys of a cluster's archive, made when it is archived for the first time."""
    with instance.env(instance.facts.control, "the archive of a cluster is sealed under its key") as env:
        known = env[Setting].search(Setting.key == f"{KEY}{system}")
        if known:
            return ArchiveKeys(instance.keyring, WrappedKey.from_text(known.value))
        made = new_archive_key(instance.keyring, system)
        env[Setting].create({"key": f"{KEY}{system}", "value": made.to_text()})
    return ArchiveKeys(instance.keyring, made)


def policy(instance: Instance) -> BackupPolicy[Site]:
    """Return the sites of an instance."""
    with instance.env(instance.facts.control, "the sites of the archive are looked up") as env:
        return policy_of(env, instance.state, instance.keyring)


def told_at(state: State) -> Path:
    """Return where the archiver says how far it is."""
    return state.keeper / "archive.json"


def status_of(instance: Instance) -> Status | None:
    """Return how far the archive reaches; None before it ever did."""
    return read(told_at(instance.state))


def backups_of(instance: Instance) -> BaseBackups:
    """Return the base backups of the primary of an instance."""
    status = status_of(instance)
    source = replication_source(instance.state)
    system = identity_of(source)[0].system if status is None else status.system
    sites = policy(instance)
    binaries = reachable(find(), decide().database, instance.state.binaries)
    return BaseBackups(source, binaries, sites.sites, sites.production, keys_of(instance, system), system)


def moments_of(instance: Instance, service: BackupService) -> Moments:
    """Return what restores databases of an instance to moments."""
    status = status_of(instance)
    covered = None if status is None else status.covered
    return Moments(service, backups_of(instance), instance.state, decide().database, covered)


def window_of(instance: Instance) -> Window | None:
    """Return the moments that can be restored, but for gaps; None while there are none."""
    backups = backups_of(instance)
    status = status_of(instance)
    pieces = list(everywhere(backups.sites, backups.system))
    return window(backups.list(), pieces, None if status is None else status.covered)
