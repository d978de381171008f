"""The instance as the command line sees it: its keys, its control database, and the databases it knows."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Final
from uuid import UUID, uuid4

from growsoft.apps.instance.directory import Located, control_apps, database_of, located
from growsoft.apps.instance.dispatch import Announcer
from growsoft.apps.instance.models import PRESENT
from growsoft.cli import background
from growsoft.cli.errors import NotFound, NotRunning
from growsoft.cli.hosts import address
from growsoft.cli.owner import become_owner, started_state
from growsoft.config import Settings, State
from growsoft.config import load as load_settings
from growsoft.keeper.client import connect
from growsoft.keeper.port import Port
from growsoft.keeper.product import InstalledApps
from growsoft.keeper.start import INSTANCE_KEY
from growsoft.keeper.verbs import Progress
from growsoft.orm import Env, load, open_env
from growsoft.orm.later import announcing
from growsoft.postgres.connection import DatabaseUnavailable, Endpoint
from growsoft.postgres.context import numbered
from growsoft.postgres.database import Database
from growsoft.postgres.files import write_file
from growsoft.postgres.keeper import KeeperUnavailable, new_database_name
from growsoft.postgres.pool import Pools
from growsoft.security.keyring import Keyring, load_instance_key

CALLER: Final = "growsoft.cli"


@dataclass(frozen=True, slots=True)
class Facts:
    """What everybody may know of an instance: its uuid, and its control database."""

    instance: UUID
    control: Located


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance that was started once, opened by whoever may read the keeper's key."""

    settings: Settings
    state: State
    facts: Facts
    keyring: Keyring
    pools: Pools

    @property
    def server(self) -> Endpoint:
        """Where the cluster is; database, user and password are added for each database."""
        return socket_endpoint(self.state)

    def find(self, name: str) -> Located:
        """Look a database up; ``control`` is the control database itself. Raises ``NotFound``."""
        if name == "control":
            return self.facts.control
        with self.env(self.facts.control, "the command line looks a database up") as env:
            rows = env["instance.database"].search_read(
                [["name", "=", name], ["state", "in", [state.value for state in PRESENT]]],
                ["name", "uuid", "pg_name", "key_id", "apps"],
            )
        if not rows:
            raise NotFound(f"There is no database {name}; `growsoft db list` shows those that are there.")
        return located(rows[0])

    def database(self, where: Located) -> Database:
        """Give what is needed to act in a database."""
        return database_of(where, self.server, self.keyring.worker_keys(), self.pools, self.state.files)

    @contextmanager
    def env(self, where: Located, reason: str) -> Generator[Env]:
        """Act elevated in a database; committed when the block ends. The reason is audited."""
        database = self.database(where)
        with announced(self), open_env(database, load(where.apps), database.elevated(reason, caller=CALLER)) as env:
            yield env

    @contextmanager
    def keeper(
        self, on_progress: Callable[[Progress], None] = lambda _progress: None, patience: float | None = None
    ) -> Generator[Port]:
        """Reach the keeper, or become it; ``on_progress`` is told how far a verb is.

        Raises ``KeeperUnavailable`` when one that runs is silent for ``patience`` seconds.
        """
        with connect(self.state, InstalledApps, on_progress, patience) as keeper:
            yield keeper

    def url(self, name: str) -> str:
        """Give the address of a database."""
        return address(name, self.settings.port)


@contextmanager
def open_instance(settings: Settings | None = None) -> Generator[Instance]:
    """Open the instance of the environment. As root it acts as the keeper's user from here on."""
    chosen = load_settings(os.environ) if settings is None else settings
    state = started_state(chosen)
    become_owner(state.keeper)
    keyring = Keyring(load_instance_key(state.keeper / INSTANCE_KEY, os.environ))
    pools = Pools(8)
    try:
        with numbered(f"cli_{token_hex(6)}"):
            yield Instance(chosen, state, read_facts(state.instance), keyring, pools)
    except (DatabaseUnavailable, KeeperUnavailable) as error:
        if background.running(state) is None:
            raise NotRunning(
                f"Growsoft does not run in {chosen.home}; start it with `growsoft up --detach`."
            ) from error
        raise
    finally:
        pools.close()


@contextmanager
def announced(instance: Instance) -> Generator[None]:
    """Tell the job worker of the jobs that are enqueued inside."""
    announcer: list[Announcer] = []

    def announce(database: Database, eta: datetime) -> None:
        if not announcer:  # few commands enqueue anything
            announcer.append(Announcer(instance.database(instance.facts.control)))
        announcer[0].announce(database, eta)

    announcing.append(announce)
    try:
        yield
    finally:
        announcing.remove(announce)
        for one in announcer:
            one.close()


@contextmanager
def elevated_env(settings: Settings, db_name: str, reason: str) -> Generator[Env]:
    """Act elevated in a database by its name."""
    with open_instance(settings) as instance, instance.env(instance.find(db_name), reason) as env:
        yield env


def read_facts(path: Path) -> Facts:
    """Read ``instance.json``."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotRunning from error
    control = told["control"]
    return Facts(
        UUID(told["instance"]),
        Located("control", UUID(control["uuid"]), control["name"], int(control["key_id"]), control_apps()),
    )


def ensure_facts(path: Path) -> Facts:
    """Decide who this instance is, at its first start."""
    if not path.exists():
        told = {
            "instance": str(uuid4()),
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "control": {"name": new_database_name(), "uuid": str(uuid4()), "key_id": 1},
        }
        write_file(path, json.dumps(told, indent=1) + "\n", None, 0o644)
    return read_facts(path)


def socket_endpoint(state: State) -> Endpoint:
    """Give the primary's socket, without a login."""
    try:
        ports = json.loads(state.ports.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotRunning from error
    return Endpoint(str(state.run), int(ports["primary"]), "", "", "")
