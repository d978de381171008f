"""The pytest plugin for application developers: a real PostgreSQL, a database with the apps, and nothing left behind.

Switch it on in ``pyproject.toml``::

    [tool.pytest.ini_options]
    addopts = ["-p", "growsoft.testing.fixtures"]
    growsoft_apps = ["library"]

One cluster and one template database serve the whole session. A test that asks for ``env`` works in a transaction that
is undone at its end; one that needs commits asks for ``clone``.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress

import pytest

from growsoft.orm import Env, Locale, Registry, load
from growsoft.orm.clock import going_by
from growsoft.orm.env import env_in
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE
from growsoft.postgres.querylog import QueryLog, log_queries
from growsoft.testing import queries
from growsoft.testing.clock import Clock
from growsoft.testing.clone import Clone
from growsoft.testing.cluster import Cluster, ephemeral_cluster
from growsoft.testing.databases import database_from, filled_template
from growsoft.testing.people import AsUser, MakeUser, People
from growsoft.testing.queries import CountQueries

APPS = "growsoft_apps"
DEMO = "growsoft_demo"


class _Undone(Exception):
    """A test has ended; what it did is undone."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the apps of the tests' database from the configuration."""
    parser.addini(APPS, "The apps that the database of the tests has; those they depend on come along.", type="args")
    parser.addini(DEMO, "Whether it has the demo records of its apps.", type="bool", default=False)


@pytest.fixture(scope="session")
def growsoft_apps(pytestconfig: pytest.Config) -> tuple[str, ...]:
    """The apps of the tests' database, from ``growsoft_apps`` of the configuration."""
    found = tuple(str(name) for name in pytestconfig.getini(APPS))
    if not found:
        raise pytest.UsageError(f'Say which apps are tested: {APPS} = ["your_app"] below [tool.pytest.ini_options].')
    return found


@pytest.fixture(scope="session")
def growsoft_demo(pytestconfig: pytest.Config) -> bool:
    """Whether the tests' database has demo records, from ``growsoft_demo`` of the configuration."""
    return bool(pytestconfig.getini(DEMO))


@pytest.fixture(scope="session")
def cluster() -> Generator[Cluster]:
    """One throw-away PostgreSQL for the whole session. Do not stop it: other tests use it, too."""
    with ephemeral_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def server(cluster: Cluster) -> Endpoint:
    """The superuser of the session's cluster, connected to no database of a customer."""
    host = str(cluster.socket_dir)
    return Endpoint(host, cluster.port, MAINTENANCE_DATABASE, cluster.superuser, password=cluster.password)


@pytest.fixture(scope="session")
def registry(growsoft_apps: tuple[str, ...]) -> Registry:
    """What the tested apps declare, with all they depend on."""
    return load(growsoft_apps)


@pytest.fixture(scope="session")
def template(server: Endpoint, registry: Registry, growsoft_demo: bool) -> Generator[str]:
    """The name of the database from which all others are copied."""
    with filled_template(server, registry, demo=growsoft_demo) as name:
        yield name


@pytest.fixture(scope="session")
def shared_database(server: Endpoint, template: str) -> Generator[Database]:
    """The database of all tests that undo what they did."""
    pools = Pools(4)
    with database_from(server, template, pools) as database:
        yield database
    pools.close()


@pytest.fixture
def env(shared_database: Database, registry: Registry) -> Generator[Env]:
    """An elevated environment: it sees and may do everything. What happens in it is undone at the end of the test."""
    door = shared_database.elevated("a test prepares or looks at its records", caller=__name__)
    # READ COMMITTED: the profiles of users that the test makes are committed by the superuser meanwhile.
    with suppress(_Undone), shared_database.transaction(door, "counting") as transaction:
        made = env_in(transaction, shared_database, registry, door, Locale())
        try:
            yield made
        finally:
            made.work.end()
        raise _Undone


@pytest.fixture
def people(env: Env, server: Endpoint) -> People:
    """The users of the test; ``user`` and ``as_user`` are its methods."""
    return People(env, server)


@pytest.fixture
def user(people: People) -> MakeUser:
    """What makes users of some groups; the first argument is the login."""
    return people.user


@pytest.fixture
def as_user(people: People) -> AsUser:
    """Act as a user, by record or login, under every rule: ``as_user(ann)[Book].search([])``."""
    return people.acting


@pytest.fixture
def clone(server: Endpoint, template: str, registry: Registry) -> Generator[Clone]:
    """A database for this test alone, in which transactions are committed."""
    pools = Pools(4)
    with database_from(server, template, pools) as database:
        yield Clone(database, server, registry)
    pools.close()


@pytest.fixture
def clock() -> Generator[Clock]:
    """Stop the clock by which ``env.now()`` goes; ``clock.set(...)`` and ``clock.advance(days=1)`` move it."""
    made = Clock()
    with going_by(made):
        yield made


@pytest.fixture
def count_queries() -> CountQueries:
    """What fails when a block runs more statements than its argument says."""
    return queries.count_queries


@pytest.fixture
def query_log() -> Generator[QueryLog]:
    """Log the statements of the test; a ``RepeatedStatement`` warns when one runs again and again from one line."""
    with log_queries() as log:
        yield log
