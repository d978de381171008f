"""What an instance needs before anything runs: folders, keys, certificates, and who it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from growsoft.cli.hosts import LOOPBACK, keep_host_certificate
from growsoft.cli.instance import Facts, ensure_facts
from growsoft.config import Settings, State
from growsoft.errors import ConfigError
from growsoft.keeper.start import INSTANCE_KEY
from growsoft.postgres.binaries import find, reachable
from growsoft.postgres.local import LocalCluster, local_cluster
from growsoft.postgres.parameters import ServerTls
from growsoft.postgres.users import Separation, ServiceUser
from growsoft.security.certificates import Authority
from growsoft.security.files import Owner, create_private, write_public
from growsoft.security.keyring import Keyring, create_instance_key, load_instance_key
from growsoft.security.tls import write_openssl_config

WORKER_KEY: Final = "worker.key"
OPENSSL_CONFIG: Final = "openssl.cnf"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An instance that can be started."""

    settings: Settings
    state: State
    users: Separation
    facts: Facts
    cluster: LocalCluster


def prepare(settings: Settings, state: State, users: Separation) -> Prepared:
    """Make what is missing and keep what is there; doing it again only renews certificates that end soon.

    The folders are there (`config.folders`), and nobody else prepares them at this moment (`background.only_one`).
    """
    _refuse_exposed(settings, users)
    _ensure_keys(state, users)
    authority = _authority(state, users)
    write_openssl_config(state.root / OPENSSL_CONFIG)
    cluster_tls, _ = authority.keep(
        "localhost", ["localhost"], LOOPBACK, into=state.cluster_tls, stem="server", owner=_owner(users.database)
    )
    keep_host_certificate(authority, state.tls, "localhost", owner=_owner(users.keeper), group=_owner(users.worker))
    public = state.cluster_tls / "ca.pem"
    write_public(public, authority.certificate.read_bytes(), owner=_owner(users.database))
    tls = ServerTls(cluster_tls.certificate, cluster_tls.key, public)
    binaries = reachable(find(), users.database, state.binaries)
    cluster = local_cluster(settings, state, users, binaries, tls, state.root / OPENSSL_CONFIG)
    return Prepared(settings, state, users, ensure_facts(state.instance), cluster)


def _refuse_exposed(settings: Settings, users: Separation) -> None:
    """Refuse strangers where a hole in a web worker would open the keeper's files."""
    if users.mode == "one-user" and not settings.loopback_only:
        raise ConfigError(
            f"bind is {settings.bind} ({settings.origin('bind')}), but in one-user mode only this machine is served"
            f" ({users.why}); unset it, or start Growsoft as root from a place that other users can read."
        )


def _authority(state: State, users: Separation) -> Authority:
    if Authority.exists(state.ca):
        return Authority.load(state.ca)
    return Authority.create(state.ca, owner=_owner(users.keeper))


def _ensure_keys(state: State, users: Separation) -> None:
    path = state.keeper / INSTANCE_KEY
    if not path.exists() and "GROWSOFT_INSTANCE_KEY" not in os.environ:
        create_instance_key(path, owner=_owner(users.keeper))
    keyring = Keyring(load_instance_key(path, os.environ))
    worker = state.worker / WORKER_KEY
    if not worker.exists():
        create_private(worker, keyring.worker_root().hex().encode() + b"\n", owner=_owner(users.worker))


def _owner(user: ServiceUser | None) -> Owner | None:
    return None if user is None else Owner(user.uid, user.gid)
