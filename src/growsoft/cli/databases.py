"""What commands do with databases and users: create, drop, sign-in links."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from growsoft.apps.base.data import group_ids
from growsoft.apps.instance.directory import Located, customer_apps
from growsoft.apps.instance.models import check_database_name
from growsoft.auth.passwords import create_link, set_password
from growsoft.cli.errors import NotFound
from growsoft.cli.hosts import keep_host_certificate
from growsoft.cli.instance import Instance
from growsoft.errors import ConfigError, ValidationError
from growsoft.keeper.port import Port
from growsoft.orm import Env
from growsoft.postgres.keeper import new_database_name
from growsoft.security.certificates import Authority
from growsoft.security.envelope import Purpose

ADMIN_LOGIN: Final = "admin"
FIRST_KEY: Final = 1


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
    where = Located(name, uuid4(), new_database_name(), FIRST_KEY, customer_apps())
    record_database(instance, where, plan)
    try:
        # A new RSA key takes about as long as the database: they are made side by side.
        with ThreadPoolExecutor(1) as side, instance.keeper() as keeper:
            certificate = side.submit(keep_certificate, instance, name)
            keeper.create_database(where.pg_name, where.uuid, where.apps)
            link = first_administrator(instance, keeper, where, fill)
            certificate.result()
    except BaseException:
        forget_database(instance, where)
        raise
    set_state(instance, where, "active")
    return Made(where, instance.url(name), link, time.monotonic() - began)


def keep_certificate(instance: Instance, name: str) -> None:
    """Have a certificate for the host of a database."""
    keep_host_certificate(Authority.load(instance.state.ca), instance.state.tls, f"{name}.localhost")


def record_database(instance: Instance, where: Located, plan: str) -> None:
    """Write a database into the registry, with a backup key of its own that only the instance key opens."""
    key = instance.keyring.new_customer_key(where.uuid, Purpose.BACKUPS)
    with instance.env(instance.facts.control, "a database is recorded in the registry") as env:
        env["instance.database"].create(
            {
                "name": where.name,
                "uuid": str(where.uuid),
                "pg_name": where.pg_name,
                "key_id": where.key_id,
                "plan": plan,
                "cluster_id": env["instance.cluster"].search([], limit=1),
                "apps": ",".join(where.apps),
                "backup_key": key.to_text(),
            }
        )


def forget_database(instance: Instance, where: Located) -> None:
    """Undo a creation that failed."""
    with instance.keeper() as keeper:
        keeper.drop_database(where.pg_name)
    with instance.env(instance.facts.control, "a database could not be created") as env:
        env["instance.database"].search([["uuid", "=", str(where.uuid)]]).unlink()


def set_state(instance: Instance, where: Located, state: str) -> None:
    """Note where a database is in its life."""
    values: dict[str, object] = {"state": state}
    if state == "dropped":
        values["dropped_at"] = datetime.now(UTC)
    with instance.env(instance.facts.control, "a database comes or goes") as env:
        env["instance.database"].search([["uuid", "=", str(where.uuid)]]).write(values)


def drop_database(instance: Instance, name: str) -> None:
    """Drop database and login at once; record, key and backups stay for 92 days."""
    where = instance.find(name)
    if where == instance.facts.control:
        raise ConfigError("The control database is the registry of all others; it cannot be dropped.")
    set_state(instance, where, "dropped")
    with instance.keeper() as keeper:
        keeper.drop_database(where.pg_name)
    instance.pools.forget(instance.database(where).endpoint)


def first_administrator(
    instance: Instance, keeper: Port, where: Located, fill: Callable[[Env], object] | None = None
) -> str:
    """Make the first administrator of a new database; give a one-time link to sign in with."""
    with instance.env(where, "a new database gets its administrator and its first records") as env:
        user = add_user(env, ADMIN_LOGIN, "Administrator", ["base.admin"])
        if fill is not None:
            fill(env)
        token = create_link(env, user)
    keeper.ensure_profile(where.pg_name)
    return link_address(instance, where.name, token)


def add_user(env: Env, login: str, name: str, groups: Iterable[str]) -> int:
    """Add a user with some groups, in every company there is."""
    wanted = list(groups)
    unknown = set(wanted) - set(env.registry.groups)
    if unknown:
        known = ", ".join(sorted(env.registry.groups))
        raise NotFound(f"There is no group {', '.join(sorted(unknown))}; there are: {known}.")
    if env["res.users"].search_count([["login", "=", login]]):
        raise ValidationError(f"There is a user {login} already; choose another login.")
    companies = env["res.company"].search([])
    user = env["res.users"].create(
        {
            "name": name,
            "login": login,
            "email": login if "@" in login else "",
            "groups_id": [(6, 0, group_ids(env, wanted))],
            "company_id": companies[:1],
            "company_ids": companies,
        }
    )
    env.flush()
    return user.id


def add_user_to(
    instance: Instance, name: str, login: str, groups: list[str], password: str | None
) -> dict[str, object]:
    """Add a user to a database; without a password there is a one-time link in the answer."""
    where = instance.find(name)
    with instance.env(where, "an administrator adds a user on the command line") as env:
        user = add_user(env, login, login.partition("@")[0], groups)
        token = ""
        if password is None:
            token = create_link(env, user)
        else:
            set_password(env, user, password)
    with instance.keeper() as keeper:
        keeper.ensure_profile(where.pg_name)
    answer: dict[str, object] = {"id": user, "login": login, "groups": groups, "url": instance.url(name)}
    return answer | ({"link": link_address(instance, name, token)} if token else {})


def link_for(instance: Instance, name: str, login: str) -> str:
    """Make a new one-time link for a user."""
    where = instance.find(name)
    with instance.env(where, "an administrator makes a one-time sign-in link") as env:
        users = env["res.users"].search([["login", "=", login]])
        if not users:
            raise NotFound(
                f"There is no user {login} in {name}; `growsoft user list {name}` shows those that are there."
            )
        token = create_link(env, users.id)
    return link_address(instance, name, token)


def link_address(instance: Instance, name: str, token: str) -> str:
    """Write the address of a one-time link."""
    return f"{instance.url(name)}/web/link/{token}"
