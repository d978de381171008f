"""A database of trade, filled once; a test acts in it as somebody, and what it did is undone at its end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import pytest

from growsoft.apps.base import app as base
from growsoft.apps.base.data import group_ids
from growsoft.apps.base.data import load as load_base
from growsoft.apps.base.models import Company
from growsoft.orm import Env, Registry, load, open_env
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context, Door
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, ensure_profiles, new_template
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import superuser
from growsoft.postgres.transaction import Result, Transaction
from tests.integration.orm import trade
from tests.support.databases import database_from

USERS = {
    "ann": ("trade.seller",),
    "bob": ("trade.seller",),
    "kim": ("trade.boss",),
    "cle": ("trade.clerk",),
    "aud": ("trade.auditor",),
    "sec": ("trade.seller", "trade.secrets"),
    "joe": ("base.user",),
}


class _Undo(Exception):
    """Ends a test's transaction without an error."""


@dataclass(frozen=True)
class Trade:
    """A database of trade and the people in it."""

    database: Database
    registry: Registry
    server: Endpoint
    people: dict[str, Context]

    def door(self, login: str = "") -> Door:
        """Vouch for somebody; for nobody in particular: elevated."""
        if not login:
            return self.database.elevated("a test prepares or looks at its records", caller=__name__)
        return self.database.signed(self.people[login])

    @contextmanager
    def acting(self, login: str = "") -> Generator[Env]:
        """Act as somebody; committed at the end."""
        with open_env(self.database, self.registry, self.door(login)) as env:
            yield env

    @contextmanager
    def undone(self, login: str = "") -> Generator[Env]:
        """Act as somebody; all of it is checked and undone at the end."""
        try:
            with open_env(self.database, self.registry, self.door(login)) as env:
                yield env
                env.flush()
                raise _Undo  # noqa: TRY301  out of the transaction
        except _Undo:
            pass

    def as_user(self, env: Env, login: str) -> Env:
        """Give the environment of somebody in the same transaction: for tests alone, nobody else can."""
        door = self.door(login)
        return Env(env.work, env.database, env.registry, door, self.people[login], env.locale)


@contextmanager
def trade_database(server: Endpoint, template: str, registry: Registry) -> Generator[Trade]:
    """Copy the template and find its people."""
    pools = Pools(8)
    with database_from(server, template, pools) as database:
        with superuser(replace(server, dbname=database.name)) as owner:
            ensure_profiles(owner, database.name)
            rows = owner.run(sql("SELECT login, user_id, profile, companies FROM gs_priv.account")).all()
        people = {login: Context(user, profile, tuple(companies)) for login, user, profile, companies in rows}
        yield Trade(database, registry, server, people)
    pools.close()


def _fill(env: Env) -> None:
    load_base(env)
    north = env[Company].search([], limit=1)
    south = env[Company].create({"name": "South", "currency_id": north.currency_id})
    for login, groups in USERS.items():
        companies = south if login == "bob" else north
        env["res.users"].create(
            {"name": login.title(), "login": login, "groups_id": group_ids(env, groups), "company_ids": companies}
        )


@pytest.fixture(scope="session")
def trade_registry() -> Registry:
    """Base and trade."""
    return load(["trade"], available={"base": base, "trade": trade.app})


@pytest.fixture(scope="session")
def trade_template(server: Endpoint, trade_registry: Registry) -> Generator[str]:
    """The name of a filled database of trade, to be copied."""
    bare = "trade_bare"
    pools = Pools(2)
    with new_template(server, bare, trade_registry.declarations):
        pass
    with database_from(server, bare, pools) as database:
        door = database.elevated("a test fills its template", caller=__name__)
        with open_env(database, trade_registry, door) as env:
            _fill(env)
        pools.close()
        yield database.name
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, bare)


@pytest.fixture(scope="session")
def shared(server: Endpoint, trade_template: str, trade_registry: Registry) -> Generator[Trade]:
    """A database for the whole session, for tests that leave nothing behind."""
    with trade_database(server, trade_template, trade_registry) as made:
        yield made


@pytest.fixture
def own(server: Endpoint, trade_template: str, trade_registry: Registry) -> Generator[Trade]:
    """A database for one test that commits."""
    with trade_database(server, trade_template, trade_registry) as made:
        yield made


@pytest.fixture
def env(shared: Trade) -> Generator[Env]:
    """Elevated, undone at the end."""
    with shared.undone() as made:
        yield made


@pytest.fixture
def ann(shared: Trade) -> Generator[Env]:
    """A seller of the first company, undone at the end."""
    with shared.undone("ann") as made:
        yield made


Counted = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Collect the statements that are sent in a block."""

    @contextmanager
    def counting() -> Generator[list[str]]:
        seen: list[str] = []
        original = Transaction.execute

        def execute(transaction: Transaction, query: Sql) -> Result:
            seen.append(query.text)
            return original(transaction, query)

        with monkeypatch.context() as patched:
            patched.setattr(Transaction, "execute", execute)
            yield seen

    return counting
