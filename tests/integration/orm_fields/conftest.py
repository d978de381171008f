"""A database of works, filled once; a test acts in it as somebody, and what it did is undone at its end."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from growsoft.apps.base import app as base
from growsoft.apps.base.data import group_ids
from growsoft.apps.base.data import load as load_base
from growsoft.apps.base.models import Company
from growsoft.orm import Env, Registry, load, open_env
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, new_template
from growsoft.postgres.superuser import superuser
from tests.integration.orm.conftest import Trade, counted, trade_database
from tests.integration.orm_fields import works
from tests.support.databases import database_from

__all__ = ["counted"]

USERS = {
    "ann": ("works.worker",),
    "bob": ("works.worker",),
    "sec": ("works.secrets",),
    "joe": ("base.user",),
}


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
def works_registry() -> Registry:
    """Base and works."""
    return load(["works"], available={"base": base, "works": works.app})


@pytest.fixture(scope="session")
def works_template(server: Endpoint, works_registry: Registry) -> Generator[str]:
    """The name of a filled database of works, to be copied."""
    bare = "works_bare"
    pools = Pools(2)
    with new_template(server, bare, works_registry.declarations):
        pass
    with database_from(server, bare, pools) as database:
        door = database.elevated("a test fills its template", caller=__name__)
        with open_env(database, works_registry, door) as env:
            _fill(env)
        pools.close()
        yield database.name
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, bare)


@pytest.fixture(scope="session")
def shared(server: Endpoint, works_template: str, works_registry: Registry) -> Generator[Trade]:
    """A database for the whole session, for tests that leave nothing behind."""
    with trade_database(server, works_template, works_registry) as made:
        yield made


@pytest.fixture
def env(shared: Trade) -> Generator[Env]:
    """Elevated, undone at the end."""
    with shared.undone() as made:
        yield made


@pytest.fixture
def ann(shared: Trade) -> Generator[Env]:
    """A worker of the first company, undone at the end."""
    with shared.undone("ann") as made:
        yield made


@pytest.fixture
def own(server: Endpoint, works_template: str, works_registry: Registry) -> Generator[Trade]:
    """A database for one test that commits."""
    with trade_database(server, works_template, works_registry) as made:
        yield made
