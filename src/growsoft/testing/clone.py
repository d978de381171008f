"""A database that one test has for itself, where a commit is a commit."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from growsoft.apps.base.models import Users
from growsoft.orm import Env, Registry, open_env
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.database import Database
from growsoft.postgres.provision import ensure_profiles
from growsoft.postgres.superuser import superuser
from growsoft.testing.people import account_of, new_user


@dataclass(frozen=True)
class Clone:
    """A copy of the template database, made in a tenth of a second and dropped after the test."""

    database: Database
    server: Endpoint
    registry: Registry

    @contextmanager
    def env(self) -> Generator[Env]:
        """Act elevated; committed at the end, undone when the block raises."""
        door = self.database.elevated("a test prepares or looks at its records", caller=__name__)
        with open_env(self.database, self.registry, door) as env:
            yield env

    @contextmanager
    def as_user(self, login: str) -> Generator[Env]:
        """Act as a user; committed at the end, undone when the block raises."""
        with self.env() as env:
            user = env[Users].search([["login", "=", login]])
            if not user:
                raise LookupError(f"There is no user {login!r}; make one with clone.user({login!r}, groups=[...]).")
            context = account_of(env, user.id)
        with open_env(self.database, self.registry, self.database.signed(context)) as env:
            yield env

    def user(self, login: str, *, groups: Sequence[str] = (), companies: Sequence[int] = ()) -> None:
        """Make a user of some groups (``app.group``), in all companies unless some are named by their ids."""
        with self.env() as env:
            new_user(env, login, groups, companies)
        with superuser(replace(self.server, dbname=self.database.name)) as connection:
            ensure_profiles(connection, self.database.name)
