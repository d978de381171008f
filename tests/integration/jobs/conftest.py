"""A database of errands, with ann and bob who run them."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest

from growsoft.apps.base import app as base
from growsoft.apps.base.data import load as load_base
from growsoft.jobs import Limits, Place, Worker
from growsoft.jobs.worker import Idle
from growsoft.orm import Registry, load, open_env
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, new_template
from growsoft.postgres.superuser import superuser
from tests.integration.jobs import errands
from tests.integration.jobs.house import House
from tests.support.databases import database_from
from tests.support.shop import Shop


@pytest.fixture(scope="session")
def errand_registry() -> Registry:
    """Base and errands."""
    return load(["errands"], available={"base": base, "errands": errands.app})


@pytest.fixture(scope="session")
def errand_template(server: Endpoint, errand_registry: Registry) -> Generator[str]:
    """The name of a filled database."""
    bare = "errands_bare"
    with new_template(server, bare, errand_registry.declarations):
        pass
    pools = Pools(2)
    with database_from(server, bare, pools) as database:
        with open_env(database, errand_registry, database.elevated("a test fills its template")) as env:
            load_base(env)
        pools.close()
        yield database.name
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, bare)


@pytest.fixture
def house(
    server: Endpoint, errand_template: str, errand_registry: Registry, fresh_database: Callable[[str], Database]
) -> House:
    """A database for one test."""
    shop = Shop(fresh_database(errand_template), server, errand_registry)
    shop.ensure_profiles()
    people: dict[str, Context] = {name: shop.user(name, "errands.runner") for name in ("ann", "bob")}
    place = Place(shop.database, errand_registry)
    limits = Limits(threads=3, per_database=3, per_user=2)
    worker = Worker(Idle(), lambda _name: shop.ensure_profiles(), limits=limits)
    return House(shop, people, place, worker)
