"""The archive of an instance: its primary, its sites, and the key of its archive, which the control database keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from growsoft.apps.base.models import Setting
from growsoft.cli.instance import Instance
from growsoft.config import State
from growsoft.postgres.local import replication_source
from growsoft.postgres.parameters import SLOT_KEEPS
from growsoft.security.envelope import WrappedKey
from growsoft_cloud.backup.sites import Site
from growsoft_cloud.fleet.policy import BackupPolicy
from growsoft_cloud.fleet.sites import policy_of
from growsoft_cloud.pitr.archiver import Archiver
from growsoft_cloud.pitr.sealing import ArchiveKeys, new_archive_key
from growsoft_cloud.pitr.status import Status, Teller, read
from growsoft_cloud.pitr.store import PieceStore

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
