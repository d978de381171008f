"""A database of papers, filled once; a test acts in it as somebody, and what it did is undone at its end."""

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
from tests.integration.orm.conftest import Trade, trade_database
from tests.integration.orm_files import papers
from tests.support.databases import database_from

USERS = {
    "wim": ("papers.writer",),
    "eva": ("papers.writer",),
    "rob": ("papers.reader",),
    "edi": ("papers.editor",),
    "sec": ("papers.secrets",),
    "joe": ("base.user",),
}


def _fill(env: Env) -> None:
    load_base(env)
    company = env[Company].search([], limit=1)
    for login, groups in USERS.items():
        env["res.users"].create(
            {"name": login.title(), "login": login, "groups_id": group_ids(env, groups), "company_ids": company}
        )


@pytest.fixture(scope="session")
def papers_registry() -> Registry:
    """Base and papers."""
    return load(["papers"], available={"base": base, "papers": papers.app})


@pytest.fixture(scope="session")
def papers_template(server: Endpoint, papers_registry: Registry) -> Generator[str]:
    """The name of a filled database of papers, to be copied."""
    bare = "papers_bare"
    pools = Pools(2)
    with new_template(server, bare, papers_registry.declarations):
        pass
    with database_from(server, bare, pools) as database:
        door = database.elevated("a test fills its template", caller=__name__)
        with open_env(database, papers_registry, door) as env:
            _fill(env)
        pools.close()
        yield database.name
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, bare)


@pytest.fixture(scope="session")
def shared(server: Endpoint, papers_template: str, papers_registry: Registry) -> Generator[Trade]:
    """A database for the whole session, for tests that leave nothing behind."""
    with trade_database(server, papers_template, papers_registry) as made:
        yield made
