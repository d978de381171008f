"""What commands do with databases: create, drop, and finish what was interrupted."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from growsoft.apps.instance.directory import Located, customer_apps
from growsoft.apps.instance.models import NAME_TAKEN, Cluster, CustomerDatabase, Plan, State, check_database_name
from growsoft.cli.errors import UsageError
from growsoft.cli.hosts import keep_host_certificate
from growsoft.cli.instance import Instance
from growsoft.cli.users import first_administrator
from growsoft.errors import GrowsoftError, ValidationError
from growsoft.orm import Env
from growsoft.postgres.keeper import new_database_name
from growsoft.security.certificates import Authority
from growsoft.security.envelope import Purpose
from growsoft.security.filefolder import FileFolder

# The database that a first start makes and fills.
DEMO: Final = "demo"
FIRST_KEY: Final = 1
MAKING: Final = "making.lock"


@dataclass(frozen=True, slots=True)
class Made:
    """A new database: where it is served and how its administrator gets in for the first time."""

    where: Located
    url: str
    admin_link: str
    seconds: float


def create_database(instance: Instance, name: str, plan: str, *, fill: Callable[[Env], object] | None = None) -> Made:
    """Create a customer's database, record it, and make its first administrator."""
    began = time.monotonic()
    check_database_name(name)
    with making(instance, fcntl.LOCK_SH):
        where = Located(name, uuid4(), new_database_name(), FIRST_KEY, customer_apps())
        record_database(instance, where, plan)
        try:
            link = _make(instance, where, fill)
            set_state(instance, where, State.ACTIVE)
        except BaseException:
            forget(instance, where)
            raise
    return Made(where, instance.url(name), link, time.monotonic() - began)


def drop_database(instance: Instance, name: str) -> None:
    """Drop database and login at once; record, key and backups stay for 92 days."""
    where = instance.find(name)
    if where == instance.facts.control:
        raise UsageError("The control database is the registry of all others; it cannot be dropped.")
    set_state(instance, where, State.DROPPED)
    with instance.keeper() as keeper:
        keeper.drop_database(where.pg_name)
    FileFolder(instance.state.files / where.pg_name).remove()
    instance.pools.forget(instance.database(where).endpoint)


def finish_interrupted(instance: Instance) -> Iterator[str]:
    """Undo creations and finish drops whose process was killed; tell what was done, as it is done."""
    with making(instance, fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
        if not alone:
            return  # somebody creates a database right now
        for name, pg_name in _in_state(instance, State.CREATING):
            _drop(instance, pg_name)
            _unlink(instance, pg_name)
            yield f"Undid the interrupted creation of {name}."
        with instance.keeper() as keeper:
            there = {database.name for database in keeper.list_cluster().databases}
        for name, pg_name in _in_state(instance, State.DROPPED):
            if pg_name in there:
                _drop(instance, pg_name)
                yield f"Finished the interrupted drop of {name}."


@contextmanager
def making(instance: Instance, kind: int) -> Generator[bool]:
    """Hold the lock of those who make databases: shared by them, alone for who clears up after them."""
    descriptor = os.open(instance.state.keeper / MAKING, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, kind)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def keep_certificate(instance: Instance, name: str) -> None:
    """Have a certificate for the host of a database."""
    keep_host_certificate(Authority.load(instance.state.ca), instance.state.tls, f"{name}.localhost")


def record_database(instance: Instance, where: Located, plan: str) -> None:
    """Write a database into the registry, with a backup key of its own that only the instance key opens."""
    key = instance.keyring.new_customer_key(where.uuid, Purpose.BACKUPS)
    with instance.env(instance.facts.control, "a database is recorded in the registry") as env:
        if env[CustomerDatabase].search_count(CustomerDatabase.name_in_use == where.name):
            raise ValidationError(NAME_TAKEN)
        env[CustomerDatabase].create(
            {
                "name": where.name,
                "uuid": str(where.uuid),
                "pg_name": where.pg_name,
                "key_id": where.key_id,
                "plan": Plan(plan),
                "cluster_id": env[Cluster].search((), limit=1),
                "apps": ",".join(where.apps),
                "backup_key": key.to_text(),
                "staging": where.staging,
            }
        )


def set_state(instance: Instance, where: Located, state: State) -> None:
    """Note where a database is in its life."""
    values: dict[str, object] = {"state": state}
    if state is State.DROPPED:
        values["dropped_at"] = datetime.now(UTC)
    with instance.env(instance.facts.control, "a database comes or goes") as env:
        _recorded(env, where.uuid).write(values)


def _make(instance: Instance, where: Located, fill: Callable[[Env], object] | None) -> str:
    # A new RSA key takes about as long as the database: they are made side by side.
    with ThreadPoolExecutor(1) as side, instance.keeper() as keeper:
        certificate = side.submit(keep_certificate, instance, where.name)
        keeper.create_database(where.pg_name, where.uuid, where.apps)
        link = first_administrator(instance, keeper, where, fill)
        certificate.result()
    return link


def forget(instance: Instance, where: Located) -> None:
    """Undo a creation that failed; what cannot be undone now is undone at the next start."""
    try:
        _drop(instance, where.pg_name)
        _unlink(instance, where.pg_name)
    except GrowsoftError:
        return


def _drop(instance: Instance, pg_name: str) -> None:
    with instance.keeper() as keeper:
        keeper.drop_database(pg_name)
    FileFolder(instance.state.files / pg_name).remove()


def _unlink(instance: Instance, pg_name: str) -> None:
    with instance.env(instance.facts.control, "a database could not be created") as env:
        env[CustomerDatabase].search(CustomerDatabase.pg_name == pg_name).unlink()


def _in_state(instance: Instance, state: State) -> list[tuple[str, str]]:
    with instance.env(instance.facts.control, "interrupted creations and drops are looked for") as env:
        return [(found.name, found.pg_name) for found in env[CustomerDatabase].search(CustomerDatabase.state == state)]


def _recorded(env: Env, uuid: UUID) -> CustomerDatabase:
    return env[CustomerDatabase].search(CustomerDatabase.uuid == str(uuid))
