"""The directory: from the host a browser names to the database it is served from."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from growsoft.apps.instance.models import State
from growsoft.orm import load, open_env
from growsoft.orm.filekeys import with_files
from growsoft.orm.registry import installed_apps
from growsoft.postgres.check import refuse_unprotected
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context, LoginDoor, group_role, profile_name
from growsoft.postgres.database import Database
from growsoft.postgres.keeper import KeeperPort, StillWorking
from growsoft.postgres.pool import Pools
from growsoft.security.keyring import WorkerKeys
from growsoft.web.ports import Site

# A database that was dropped, renamed or is being upgraded is not served any more after this time, in seconds.
REMEMBER: Final = 2.0
# Who says that a database is being upgraded has asked the keeper to do so by then; later only the keeper is believed.
SETTLING: Final = 10.0

DIRECTORY_PROFILE: Final = profile_name([group_role("instance.directory")])


@dataclass(frozen=True, slots=True)
class Located:
    """What the directory says of a database."""

    name: str
    uuid: UUID
    pg_name: str
    key_id: int
    apps: tuple[str, ...]
    # A copy for tests: every page says so.
    staging: bool = False


class Directory:
    """Looks databases up in the control database, checks their walls once, and remembers both for a moment.

    Thread-safe. A database whose protection is not what its apps declare is refused (``DatabaseUnprotected``).
    """

    def __init__(
        self, control: Located, server: Endpoint, keys: WorkerKeys, keeper: KeeperPort, pools: Pools, files: Path
    ) -> None:
        """``server`` says where the cluster is; name, user and password are those of each database.

        ``files`` is the folder of all their files.
        """
        self._server = server
        self._keys = keys
        self._keeper = keeper
        self._pools = pools
        self._files = files
        self._control = control
        self._lock = threading.Lock()
        self._found: dict[str, tuple[float, Site | None]] = {}
        self._checked: dict[tuple[str, int, tuple[str, ...]], Site] = {}

    def control(self) -> Site:
        """Give the control database."""
        return self._served(self._control)

    def find(self, host: str) -> Site | None:
        """Give the database of a host name without port: ``localhost`` is the control database."""
        name = host.lower().removesuffix(".")
        if name in ("localhost", "127.0.0.1", "::1", "[::1]"):
            return self.control()
        label, _, rest = name.partition(".")
        return self.by_name(label) if rest == "localhost" else None

    def by_name(self, name: str) -> Site | None:
        """Give an active database by its name."""
        now = time.monotonic()
        with self._lock:
            known = self._found.get(name)
        if known is not None and now - known[0] < REMEMBER:
            return known[1]
        found = self._look_up(name)
        site = None if found is None else self._site(found)
        with self._lock:
            if len(self._found) > 10_000:
                self._found.clear()
            self._found[name] = (now, site)
        return site

    def _site(self, row: dict[str, Any]) -> Site:
        """Serve a database; one whose apps are being changed only when the keeper says that this is over."""
        if row["state"] == State.ACTIVE.value:
            return self._served(located(row))
        if datetime.now(UTC) - row["write_date"] < timedelta(seconds=SETTLING):
            raise StillWorking("This database is being upgraded; try again in a moment.")
        return self._served(located(row), changing=True)

    def _look_up(self, name: str) -> dict[str, Any] | None:
        control = self.control()
        door = control.database.signed(Context(user=0, profile=DIRECTORY_PROFILE))
        with open_env(control.database, control.registry, door, mode="read") as env:
            rows = env["instance.database"].search_read(
                [["name", "=", name], ["state", "in", ["active", "upgrading"]]],
                ["name", "uuid", "pg_name", "key_id", "apps", "state", "write_date", "staging"],
                limit=1,
            )
        return rows[0] if rows else None

    def _served(self, where: Located, *, changing: bool = False) -> Site:
        key = (where.pg_name, where.key_id, where.apps)
        with self._lock:
            known = None if changing else self._checked.get(key)
        if known is not None:
            return known if known.name == where.name else replace(known, name=where.name)
        database = database_of(where, self._server, self._keys, self._pools, self._files)
        applied = self._keeper.apply_declarations(where.pg_name)
        _refuse(database, applied.fingerprint)
        # What the database says of itself; the registry may not have been told yet.
        site = Site(where.name, database, load(applied.apps or where.apps), where.staging)
        with self._lock:
            for old in [old for old in self._checked if old[0] == where.pg_name]:
                del self._checked[old]
            if not changing:
                self._checked[key] = site
        return site


def control_apps() -> tuple[str, ...]:
    """Give the apps of a control database: the registry, and whatever builds upon it."""
    return tuple(
        sorted(name for name, app in installed_apps().items() if name == "instance" or "instance" in app.depends)
    )


def customer_apps() -> tuple[str, ...]:
    """Give the apps of a customer's database: all that are installed, the control database's own excepted."""
    return tuple(sorted(set(installed_apps()) - set(control_apps())))


def located(row: dict[str, object]) -> Located:
    """Read a row of the directory."""
    return Located(
        str(row["name"]),
        UUID(str(row["uuid"])),
        str(row["pg_name"]),
        int(str(row["key_id"])),
        tuple(str(row["apps"]).split(",")),
        bool(row.get("staging", False)),
    )


def database_of(where: Located, server: Endpoint, keys: WorkerKeys, pools: Pools, files: Path) -> Database:
    """Work out how to get into a database: its login's password and its signing key follow from its uuid."""
    password = keys.login_password(where.uuid, where.key_id)
    endpoint = replace(server, dbname=where.pg_name, user=where.pg_name, password=password)
    database = Database(endpoint, where.uuid, where.key_id, keys.signing_key(where.uuid, where.key_id), pools)
    return with_files(database, files, keys)


def _refuse(database: Database, expected: str) -> None:
    with database.transaction(LoginDoor(), "read") as transaction:
        refuse_unprotected(transaction, expected)
