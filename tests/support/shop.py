"""A shop: a database with the built-in apps, for tests of apps and of imports."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from secrets import token_hex

from growsoft.apps.base.data import group_ids
from growsoft.exchange.importing import import_csv
from growsoft.exchange.plan import Options, make_plan
from growsoft.exchange.report import Report
from growsoft.keeper.product import fill_empty
from growsoft.orm import Env, Registry, load, open_env
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, ensure_profiles, new_template
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.databases import database_from

APPS = ("base", "contacts", "products", "sale")


@dataclass(frozen=True)
class Shop:
    """One database of a shop, as the product sees it and from the server's own side."""

    database: Database
    server: Endpoint
    registry: Registry

    @contextmanager
    def elevated(self) -> Generator[Env]:
        """Act elevated; committed at the end."""
        door = self.database.elevated("a test prepares or looks at its records", caller=__name__)
        with open_env(self.database, self.registry, door) as env:
            yield env

    @contextmanager
    def acting(self, who: Context) -> Generator[Env]:
        """Act as somebody; committed at the end."""
        with open_env(self.database, self.registry, self.database.signed(who)) as env:
            yield env

    def user(self, login: str, *groups: str, companies: Sequence[int] = ()) -> Context:
        """Make a user of some groups, in all companies unless some are named."""
        with self.elevated() as env:
            user = env["res.users"].create(
                {
                    "name": login.capitalize(),
                    "login": login,
                    "groups_id": [(6, 0, group_ids(env, groups))],
                    "company_ids": [(6, 0, list(companies) or list(env["res.company"].search([]).ids))],
                }
            )
        self.ensure_profiles()
        return self.known(user.id)

    def known(self, user: int) -> Context:
        """Give the context of a user who is there."""
        with self.elevated() as env:
            account = sql("SELECT profile, companies FROM gs.account({user}::bigint)", user=user)
            profile, companies = env.execute(account).one()
        return Context(user, profile, tuple(companies))

    def ensure_profiles(self) -> None:
        """Let the login take the profiles that people have now, as the keeper does."""
        with superuser(replace(self.server, dbname=self.database.name)) as connection:
            ensure_profiles(connection, self.database.name)

    def take(
        self, model: str, file: str | bytes, options: Options, *, partial: bool = False, dry_run: bool = False
    ) -> Report:
        """Import a file given by its text or its bytes."""
        content = file.encode() if isinstance(file, str) else file
        with self.elevated() as env:
            plan = make_plan(env.registry, env.registry[model], options)
            return import_csv(env, plan, io.BytesIO(content), partial=partial, dry_run=dry_run)

    def count(self, model: str) -> int:
        """Count all records of a model."""
        with self.elevated() as env:
            return env[model].search_count()


@contextmanager
def shop_template(server: Endpoint, fill: Callable[[Env], object]) -> Generator[str]:
    """Give the name of a database that has the apps and what ``fill`` puts there, ready to be copied."""
    registry = load(APPS)
    bare = f"shop_{token_hex(4)}"
    pools = Pools(2)
    with new_template(server, bare, registry.declarations):
        pass
    with database_from(server, bare, pools) as database:
        with open_env(database, registry, database.elevated("a test makes a shop", caller=__name__)) as env:
            fill_empty(env)
            fill(env)
        pools.close()
        yield database.name
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, bare)
