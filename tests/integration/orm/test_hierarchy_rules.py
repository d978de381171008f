"""Rules along a hierarchy: whoever works in a company sees what belongs to it and to the companies below it."""

from __future__ import annotations

import sys
from collections.abc import Generator
from dataclasses import replace
from types import ModuleType

import pytest

from growsoft.apps.base import app as base
from growsoft.apps.base.data import group_ids
from growsoft.apps.base.data import load as load_base
from growsoft.apps.base.models import Company
from growsoft.orm import Access, App, Env, Model, Registry, Rule, current, fields, load, open_env
from growsoft.postgres.check import problems
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, ensure_profiles, new_template
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.databases import database_from

PACKAGE = f"{__name__}_group"
sys.modules[PACKAGE] = ModuleType(PACKAGE)
APP = App(name="holding", version="1.0", package=PACKAGE, depends=("base",))


class HoldingCompany(Company, extend=True):
    """A company may be part of another one."""

    __module__ = PACKAGE
    _parent_name = "parent_id"

    parent_id: fields.Many2one[Company] = fields.Many2one("res.company", "Part of")


class Paper(Model):
    """Paper: of a company."""

    __module__ = PACKAGE
    _name = "holding.paper"

    name = fields.Char(required=True)
    company_id = fields.Many2one(Company)

    users = Access("base.user")
    below = Rule(company_id.child_of(current.companies))


@pytest.fixture(scope="module")
def registry() -> Registry:
    """Base, and companies that are parts of others."""
    return load(["holding"], available={"base": base, "holding": APP})


@pytest.fixture(scope="module")
def holding(server: Endpoint, registry: Registry) -> Generator[tuple[Database, Context, dict[str, int]]]:
    """A holding with two companies, one of which has a branch; a user who works in that one; papers of all."""
    pools = Pools(4)
    with new_template(server, "holding_template", registry.declarations):
        pass
    with database_from(server, "holding_template", pools) as database:
        with open_env(database, registry, database.elevated("a test fills its database", caller=__name__)) as env:
            load_base(env)
            companies = _companies(env)
            mine = {"name": "Ann", "login": "ann", "groups_id": group_ids(env, ["base.user"])}
            env["res.users"].create({**mine, "company_ids": [companies["north"]]})
        with superuser(replace(server, dbname=database.name)) as owner:
            ensure_profiles(owner, database.name)
            account = sql("SELECT user_id, profile, companies FROM gs_priv.account WHERE login = 'ann'")
            user, profile, hers = owner.run(account).one()
            assert problems(owner) == []
        yield database, Context(user, profile, tuple(hers)), companies
    pools.close()
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, "holding_template")


def _companies(env: Env) -> dict[str, int]:
    top = env["res.company"].search([], limit=1)
    currency = top.read(["currency_id"])[0]["currency_id"][0]
    found = {"top": top.id}
    for name, above in (("north", "top"), ("branch", "north"), ("south", "top")):
        values = {"name": name, "currency_id": currency, "parent_id": found[above]}
        found[name] = env["res.company"].create(values).id
    env["holding.paper"].create([{"name": name, "company_id": company} for name, company in found.items()])
    return found


def test_a_rule_opens_what_is_below(holding: tuple[Database, Context, dict[str, int]], registry: Registry) -> None:
    database, ann, companies = holding
    papers = sql("SELECT name FROM holding_paper ORDER BY id")
    with open_env(database, registry, database.signed(ann)) as env:
        assert env.execute(papers).column() == ["north", "branch"]
        assert env["holding.paper"].search([]).mapped("name") == ["north", "branch"]
        assert env["holding.paper"].search_count([["company_id", "child_of", companies["top"]]]) == 2
    with open_env(database, registry, database.elevated("a test moves a company", caller=__name__)) as env:
        env["res.company"].browse(companies["branch"]).write({"parent_id": companies["south"]})
    with open_env(database, registry, database.signed(ann)) as env:
        assert env.execute(papers).column() == ["north"]
