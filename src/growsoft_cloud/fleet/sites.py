"""Sites of an instance: what the control database says of them becomes places that backups are written to."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from growsoft.apps.instance.data import MAIN_CLUSTER
from growsoft.config import State
from growsoft.errors import ConfigError
from growsoft.orm import Env
from growsoft.security.keyring import Keyring
from growsoft_cloud.backup.folder import FolderSite
from growsoft_cloud.backup.s3 import S3Site, SiteKey
from growsoft_cloud.backup.sites import Site
from growsoft_cloud.fleet import models
from growsoft_cloud.fleet.policy import PROMISED_DAYS, BackupPolicy, Retention

# How long what belongs to a dropped database is kept.
AFTER_A_DROP: Final = timedelta(days=PROMISED_DAYS)


def policy_of(env: Env, state: State, keyring: Keyring) -> BackupPolicy[Site]:
    """Return the sites of this instance, with what is promised at least; raises `PolicyError` for too few of them."""
    production = env[models.Cluster].search(models.Cluster.name == MAIN_CLUSTER).data_centre_id
    if not production:
        raise ConfigError(f"The cluster {MAIN_CLUSTER} is in no data centre; give it one: growsoft cloud cluster")
    sites = tuple(site_of(site, state, keyring) for site in env[models.Site].search([]))
    return BackupPolicy(Retention(), sites, production.value())


def retention_of(env: Env, plan: str) -> Retention:
    """Return what is kept of a plan's databases: what is promised, or more."""
    found = env[models.Plan].search(models.Plan.code == plan)
    return found.retention() if found else Retention()


def site_of(row: models.Site, state: State, keyring: Keyring) -> Site:
    """Return one site; its key is opened here and nowhere else."""
    centre = row.data_centre_id.value()
    if row.kind is models.SiteKind.FOLDER:
        return FolderSite(row.name, centre, state.sites / row.name)
    key = SiteKey(row.access_key, keyring.open_secret(secret_name(row.name), row.secret))
    return S3Site(row.name, centre, row.endpoint, row.bucket, key, row.region or "us-east-1", row.prefix)


def secret_name(site: str) -> str:
    """Return the name under which a site's key is sealed: for another site it cannot be opened."""
    return f"site/{site}"


def prepare_played(env: Env, state: State) -> None:
    """Make the folders that play data centres at a first start.

    One that is missing later is a lost site, not a new one: it may be a volume that is not mounted, and what is written
    beside it would look like a copy. Each backup then says that it has none there.
    """
    rows = env[models.Site].search(models.Site.kind == models.SiteKind.FOLDER)
    sites = [FolderSite(row.name, row.data_centre_id.value(), state.sites / row.name) for row in rows]
    if not any(site.path.exists() for site in sites):
        for site in sites:
            site.prepare()
