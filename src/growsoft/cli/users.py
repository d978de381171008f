"""What commands do with users: add them, and make links that sign them in once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from growsoft.apps.base.data import group_ids
from growsoft.apps.base.models import Company, Users
from growsoft.apps.instance.directory import Located
from growsoft.auth.passwords import create_link, set_password
from growsoft.cli.errors import NotFound
from growsoft.cli.instance import Instance
from growsoft.errors import ValidationError
from growsoft.keeper.port import Port
from growsoft.orm import Env

ADMIN_LOGIN: Final = "admin"
ADMIN_GROUP: Final = "base.admin"

# Those that apps bring for themselves have logins with two underscores; nobody signs in as one of them.
PEOPLE: Final = ~Users.login.like("__")


@dataclass(frozen=True, slots=True)
class Added:
    """A new user; without a password of his own there is a link for the first time."""

    id: int
    login: str
    groups: Sequence[str]
    url: str
    link: str = ""


def first_administrator(
    instance: Instance, keeper: Port, where: Located, fill: Callable[[Env], object] | None = None
) -> str:
    """Make the first administrator of a new database; give a one-time link to sign in with."""
    with instance.env(where, "a new database gets its administrator and its first records") as env:
        user = add_user(env, ADMIN_LOGIN, "Administrator", [ADMIN_GROUP])
        if fill is not None:
            fill(env)
        token = create_link(env, user)
    keeper.ensure_profile(where.pg_name)
    return _link(instance, where.name, token)


def administrator_link(instance: Instance, keeper: Port, where: Located) -> str:
    """Make a fresh link for the administrator, who is added where nobody is; empty where he was renamed or locked."""
    with instance.env(where, "a start prints a one-time sign-in link") as env:
        if env[Users].search_count(PEOPLE):
            found = env[Users].search(Users.login == ADMIN_LOGIN).filtered(lambda user: user.active)
            return _link(instance, where.name, create_link(env, found.id)) if found else ""
    return first_administrator(instance, keeper, where)


def add_user(env: Env, login: str, name: str, groups: Iterable[str]) -> int:
    """Add a user with some groups, in every company there is."""
    wanted = list(groups)
    unknown = set(wanted) - set(env.registry.groups)
    if unknown:
        known = ", ".join(sorted(env.registry.groups))
        raise NotFound(f"There is no group {', '.join(sorted(unknown))}; there are: {known}.")
    if env[Users].search_count(Users.login == login):
        raise ValidationError(f"There is a user {login} already; choose another login.")
    companies = env[Company].search(())
    user = env[Users].create(
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


def add_user_to(instance: Instance, name: str, login: str, groups: Sequence[str], password: str | None) -> Added:
    """Add a user to a database; without a password there is a one-time link in the answer."""
    where = instance.find(name)
    link = ""
    with instance.env(where, "an administrator adds a user on the command line") as env:
        user = add_user(env, login, login.partition("@")[0], groups)
        if password is None:
            link = _link(instance, name, create_link(env, user))
        else:
            set_password(env, user, password)
    with instance.keeper() as keeper:
        keeper.ensure_profile(where.pg_name)
    return Added(user, login, groups, instance.url(name), link)


def link_for(instance: Instance, name: str, login: str) -> str:
    """Make a new one-time link for a user."""
    where = instance.find(name)
    with instance.env(where, "an administrator makes a one-time sign-in link") as env:
        users = env[Users].search((Users.login == login) & PEOPLE)
        if not users:
            raise NotFound(f"There is no user {login} in {name}; those that are there: growsoft user list {name}")
        return _link(instance, name, create_link(env, users.id))


def _link(instance: Instance, name: str, token: str) -> str:
    return f"{instance.url(name)}/web/link/{token}"
