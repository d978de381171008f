"""What every test may ask for: a PostgreSQL of this test session, and databases that a test has for itself.

With pytest-xdist each worker is a session, so each has a server of its own and nothing is shared between them.
"""

from collections.abc import Callable, Generator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from growsoft.apps.sale.demo import load_northwind
from growsoft.orm import load
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, new_template
from growsoft.postgres.superuser import superuser
from growsoft.testing.cluster import Cluster, ephemeral_cluster
from tests.support.databases import database_from
from tests.support.notes import DECLARATIONS, Notes, fill
from tests.support.shop import APPS, Shop, shop_template

# How long an example takes says something about the machine and its load, nothing about the code.
settings.register_profile("growsoft", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("growsoft")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs PostgreSQL by what it asks for, so that nobody has to remember it."""
    for item in items:
        if isinstance(item, pytest.Function) and "cluster" in item.fixturenames:
            item.add_marker(pytest.mark.postgres)


@pytest.fixture(scope="session")
def cluster() -> Generator[Cluster]:
    """One throw-away PostgreSQL cluster for the whole session. Do not stop it: others use it too."""
    with ephemeral_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def server(cluster: Cluster) -> Endpoint:
    """The superuser of the session's cluster, connected to no database of a customer."""
    return Endpoint(
        str(cluster.socket_dir), cluster.port, MAINTENANCE_DATABASE, cluster.superuser, password=cluster.password
    )


@pytest.fixture
def pools() -> Generator[Pools]:
    """Connections of one test, all closed at its end."""
    made = Pools(20)
    yield made
    made.close()


@pytest.fixture
def fresh_database(server: Endpoint, pools: Pools) -> Generator[Callable[[str], Database]]:
    """Make databases by the name of a template: real commits, own login, own keys; dropped at the end of the test."""
    with ExitStack() as stack:
        yield lambda template: stack.enter_context(database_from(server, template, pools))


@pytest.fixture(scope="session")
def notes_template(server: Endpoint) -> Generator[str]:
    """The name of a template with the wall's own small schema (tests/support/notes.py), filled."""
    name = "notes_template"
    with new_template(server, name, DECLARATIONS), superuser(server, name) as connection:
        fill(connection)
    yield name
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, name)


@pytest.fixture(scope="session")
def shared_notes(server: Endpoint, notes_template: str) -> Generator[Notes]:
    """A database of notes for the whole session, for tests that leave nothing behind: a read, a refusal, a rollback."""
    pools = Pools(20)
    with database_from(server, notes_template, pools) as database:
        yield Notes(database, server)
    pools.close()


@pytest.fixture
def notes(server: Endpoint, notes_template: str, fresh_database: Callable[[str], Database]) -> Notes:
    """A database of notes for one test."""
    return Notes(fresh_database(notes_template), server)


@pytest.fixture(scope="session")
def empty_shop(server: Endpoint) -> Generator[str]:
    """The name of a template with the built-in apps and nothing but what they bring themselves."""
    with shop_template(server, lambda _env: None) as name:
        yield name


@pytest.fixture(scope="session")
def filled_shop(server: Endpoint) -> Generator[str]:
    """The name of a template with the built-in apps and Northwind."""
    with shop_template(server, load_northwind) as name:
        yield name


@pytest.fixture
def shop(server: Endpoint, empty_shop: str, fresh_database: Callable[[str], Database]) -> Shop:
    """A shop that has just opened: no customers, no products."""
    return Shop(fresh_database(empty_shop), server, load(APPS))


@pytest.fixture
def northwind(server: Endpoint, filled_shop: str, fresh_database: Callable[[str], Database]) -> Shop:
    """A shop with the customers, products and orders of Northwind."""
    return Shop(fresh_database(filled_shop), server, load(APPS))
