"""The local cluster: a primary and its hot standby on this machine, made of the places of an instance."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from growsoft.config import Settings, State
from growsoft.errors import ConfigError
from growsoft.postgres import processes, replication
from growsoft.postgres.binaries import Binaries
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.files import write_file
from growsoft.postgres.parameters import SUPERUSER, ServerTls, login_rules, standard, with_tls
from growsoft.postgres.replication import Source
from growsoft.postgres.server import Server, stop_in
from growsoft.postgres.standby import Standby
from growsoft.postgres.users import Separation, ServiceUser

LOOPBACK = "127.0.0.1"

# Below the range that outgoing connections are given, which could take a port while its server is down.
PORTS = range(20_000, 32_000)

# Beside the pools of the web workers: keeper, jobs, replication, an administrator, backups.
OTHER_CONNECTIONS = 60


@dataclass(frozen=True, slots=True)
class LocalCluster:
    """Both servers of an instance, and how the keeper gets in."""

    primary: Server
    standby: Standby
    superuser: Endpoint
    parameters: Mapping[str, str]

    def start_primary(self) -> int:
        """Start the primary, made at the first time, with a replication login; returns its process id."""
        if not self.primary.is_initialised():
            self.primary.initialise(password=self.superuser.password)
        self.primary.configure(self.parameters, login_rules(tls=True))
        pid = self.primary.start()
        self._admit_standby()
        return pid

    def start_standby(self) -> int:
        """Start the standby, copied from the running primary where that is needed; returns its process id."""
        return self.standby.start()

    def _admit_standby(self) -> None:
        """Make the replication login, unless it gets in already."""
        try:
            with replication.ask(self.standby.source):
                return
        except psycopg.OperationalError:
            replication.ensure_login(self.superuser.dsn(), self.standby.source.password)


def local_cluster(
    settings: Settings,
    state: State,
    users: Separation,
    binaries: Binaries,
    tls: ServerTls,
    openssl_config: Path | None = None,
) -> LocalCluster:
    """Describe the cluster of an instance; its ports and secrets are made once and kept. Nothing is started.

    `tls` must name 127.0.0.1, and its files be readable by the servers' user; `state` must have been prepared.
    """
    if "tls" not in binaries.capabilities:
        raise ConfigError(f"The PostgreSQL in {binaries.bindir} was built without TLS; a standby needs it.")
    connections = (settings.web_workers + 1) * settings.pool_cap + OTHER_CONNECTIONS
    parameters = {**standard(binaries, connections=connections), **with_tls(tls)}
    ports = _ports(state, users.database)
    primary, copy = (
        Server(binaries, data, state.run, port, users.database, state.log / f"{data.name}.log", openssl_config)
        for data, port in zip((state.primary, state.standby), ports, strict=True)
    )
    password = _secret(state.superuser_secret, users.keeper, needed_by=state.primary)
    source = Source(
        LOOPBACK,
        primary.port,
        tls.authority,
        state.cluster_tls / "standby.pgpass",
        _secret(state.replication_secret, users.keeper),
    )
    return LocalCluster(
        primary,
        Standby(copy, source, parameters, login_rules(tls=True)),
        Endpoint(str(state.run), primary.port, "postgres", SUPERUSER, password),
        parameters,
    )


def superuser_endpoint(state: State) -> Endpoint:
    """Return how the keeper gets into the primary of an instance that has been started once."""
    try:
        primary, _ = _kept_ports(state)
        password = state.superuser_secret.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise ConfigError(f"{error.filename} is missing: start Growsoft once with `growsoft up`.") from error
    except PermissionError as error:
        raise ConfigError(f"{error.filename} is the keeper's: act as its user, or as root.") from error
    return Endpoint(str(state.run), primary, "postgres", SUPERUSER, password)


def replication_source(state: State) -> Source:
    """Return how the keeper's user streams from the primary of an instance that has been started once."""
    try:
        primary, _ = _kept_ports(state)
        password = state.replication_secret.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise ConfigError(f"{error.filename} is missing: start Growsoft once with `growsoft up`.") from error
    return Source(LOOPBACK, primary, state.cluster_tls / "ca.pem", state.cluster_tls / "standby.pgpass", password)


def stop_left_over(state: State, user: ServiceUser | None) -> list[str]:
    """Stop servers that outlived their supervisor, the standby first; returns the names of those that ran."""
    return [data.name for data in (state.standby, state.primary) if _stopped(data, user)]


def _stopped(data: Path, user: ServiceUser | None) -> bool:
    """Stop the server of a data folder; returns whether one ran."""
    return stop_in(lambda: processes.postmaster(data, user), "fast", 60)


def _secret(path: Path, owner: ServiceUser | None, needed_by: Path | None = None) -> str:
    """Return a password that is kept in a file of the keeper's user, made at the first time."""
    if path.exists():
        return path.read_text(encoding="utf-8").strip()
    if needed_by is not None and needed_by.exists():
        raise ConfigError(f"{path} is missing, and the cluster in {needed_by} cannot be entered without; restore it.")
    made = secrets.token_urlsafe(32)
    write_file(path, made + "\n", owner)
    return made


def _ports(state: State, user: ServiceUser | None) -> tuple[int, int]:
    """Return the ports of primary and standby, new ones where a stranger has taken one meanwhile."""
    try:
        kept = _kept_ports(state)
    except FileNotFoundError:
        kept = (0, 0)
    primary = _port(kept[0], state.primary, user)
    standby = _port(kept[1], state.standby, user, taken=primary)
    if (primary, standby) != kept:
        write_file(state.ports, json.dumps({"primary": primary, "standby": standby}), None, 0o644)
    return primary, standby


def _kept_ports(state: State) -> tuple[int, int]:
    """Read the ports of the last start."""
    kept = json.loads(state.ports.read_text(encoding="utf-8"))
    return int(kept["primary"]), int(kept["standby"])


def _port(kept: int, data: Path, user: ServiceUser | None, taken: int = 0) -> int:
    """Return the port of a server that runs, else the one it had, else a free one."""
    noted = processes.read_pid_file(data)
    if noted is not None and processes.works_in(noted.pid, data, user):
        return noted.port
    candidates = (kept, *(secrets.choice(PORTS) for _ in range(100)))
    return next(port for port in candidates if port not in (0, taken) and _is_free(port))


def _is_free(port: int) -> bool:
    """Say whether a server could listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
