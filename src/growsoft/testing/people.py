"""People in tests: users of some groups, and acting as one of them under the rules that PostgreSQL keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from growsoft.apps.base.data import group_ids
from growsoft.apps.base.models import Company, Users
from growsoft.errors import ConfigError
from growsoft.orm import Env, Registry
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context, group_role
from growsoft.postgres.provision import ensure_profile
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser

AsUser = Callable[[Users | str], Env]

_ACCOUNT: Final = sql("SELECT profile, companies FROM gs.account({user}::bigint)", user=0)


class MakeUser(Protocol):
    """What the fixture ``user`` is."""

    def __call__(self, login: str = "", *, groups: Sequence[str] = (), companies: Sequence[int] = ()) -> Users:
        """Make a user of some groups (``app.group``), in all companies unless some are named by their ids."""
        ...


class People:
    """The users of one test. They are gone with the test, as everything that it did in ``env``."""

    def __init__(self, env: Env, server: Endpoint) -> None:
        """Take the test's elevated environment, and the superuser of its server, who grants profiles."""
        self._env = env
        self._server = server
        self._acting: dict[int, Env] = {}

    def user(self, login: str = "", *, groups: Sequence[str] = (), companies: Sequence[int] = ()) -> Users:
        """Make a user of some groups (``app.group``), in all companies unless some are named by their ids."""
        made = new_user(self._env, login, groups, companies)
        self._env.flush()
        let_profile_in(self._server, self._env, groups)
        return made

    def acting(self, who: Users | str) -> Env:
        """Give the environment of a user, or of a login, in the transaction of the test."""
        user = self._env[Users].search([["login", "=", who]]) if isinstance(who, str) else who
        if not user:
            raise LookupError(f"There is no user {who!r}; make one with user({who!r}, groups=[...]).")
        self._env.flush()
        found = self._acting.get(user.id)
        context = account_of(self._env, user.id)
        if found is None or found.context != context:  # his groups may have changed meanwhile
            door = self._env.database.signed(context)
            env = self._env
            found = Env(env.work, env.database, env.registry, door, door.context, env.locale)
            self._acting[user.id] = found
        return found


def new_user(env: Env, login: str, groups: Sequence[str], companies: Sequence[int]) -> Users:
    """Make a user's record; without a login he gets the next free one."""
    name = login or f"user{env[Users].search_count() + 1}"
    _refuse_unknown(env.registry, groups)
    return env[Users].create(
        {
            "name": name.capitalize(),
            "login": name,
            "groups_id": [(6, 0, group_ids(env, groups))],
            "company_ids": [(6, 0, list(companies) or list(env[Company].search([]).ids))],
        }
    )


def account_of(env: Env, user: int) -> Context:
    """Give the context in which a user enters, as the database knows him."""
    profile, companies = env.execute(_ACCOUNT.rebind((user,))).one()
    return Context(user, profile, tuple(companies))


def let_profile_in(server: Endpoint, env: Env, groups: Iterable[str]) -> None:
    """Let the database's login take the profile of some groups, as the keeper does when somebody gets them."""
    implied = frozenset[str]().union(*(env.registry.implied(group) for group in groups))
    if implied:
        with superuser(replace(server, dbname=env.database.name)) as connection:
            ensure_profile(connection, env.database.name, map(group_role, implied))


def _refuse_unknown(registry: Registry, groups: Sequence[str]) -> None:
    unknown = sorted(set(groups) - set(registry.groups))
    if unknown:
        raise ConfigError(f"There is no group {', '.join(unknown)}; there are: {', '.join(sorted(registry.groups))}.")
