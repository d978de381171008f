"""Registries: one for each set of apps, immutable and shared; models are extended in place."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Final

import pytest

from growsoft.apps.base import app as base
from growsoft.errors import AccessError, ValidationError
from growsoft.orm import Registry, load, open_env
from growsoft.orm.registry import installed_apps
from growsoft.postgres.check import problems
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, new_template
from growsoft.postgres.superuser import superuser
from tests.integration.orm import extended, trade
from tests.integration.orm.conftest import Trade
from tests.support.accounts import made_accounts
from tests.support.databases import database_from

APPS: Final = {"base": base, "trade": trade.app, "freight": extended.freight, "margin": extended.margin}


@pytest.fixture(scope="module")
def registry() -> Registry:
    """All four apps."""
    return load(["margin"], available=APPS)


@pytest.fixture(scope="module")
def world(server: Endpoint, registry: Registry) -> Generator[Trade]:
    """A database of all four apps with some people, but without users."""
    groups = {"ann": "trade.seller", "max": "margin.user", "joe": "base.user"}
    pools = Pools(3)
    with new_template(server, "extended_bare", registry.declarations):
        pass
    with database_from(server, "extended_bare", pools) as database:
        people = [(number, registry.implied(group), (1,)) for number, group in enumerate(groups.values(), 10)]
        contexts = made_accounts(server, database, people)
        with superuser(server, database.name) as owner:
            assert problems(owner) == []
        yield Trade(database, registry, server, dict(zip(groups, contexts, strict=True)))
    pools.close()
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, "extended_bare")


def test_extensions_stand_upon_each_other(world: Trade) -> None:
    with world.undone() as env:
        partner = env[trade.Partner].create({"name": "p"})
        order = env[trade.Order].create(
            {"name": "o", "partner_id": partner, "user_id": None, "line_ids": [{"price": 2}]}
        )
        extension = env[extended.FreightOrder].browse(order.id)
        assert extension.greeting() == "margin and freight of o"
        assert isinstance(extension, extended.MarginOrder)
        extension.freight = Decimal("1.50")
        assert order.total == Decimal("3.50")
        assert extension == order
        with pytest.raises(ValidationError, match="cannot be shipped"), env.savepoint():
            env[trade.Thing].create({"name": "unshippable"})
        with pytest.raises(ValidationError, match="Nothing is called like this"), env.savepoint():
            env[trade.Thing].create({"name": "forbidden"})


def test_a_registry_without_the_extension_does_not_see_it(shared: Trade, registry: Registry) -> None:
    plain = shared.registry
    assert "freight" in registry["trade.order"].fields
    assert "freight" not in plain["trade.order"].fields
    assert not hasattr(plain["trade.order"].cls, "greeting")
    assert plain["trade.order"].cls is not registry["trade.order"].cls
    assert plain["trade.order"].fields["total"] is not registry["trade.order"].fields["total"]
    with shared.undone() as env:
        order = env[trade.Order].create({"name": "o", "partner_id": env[trade.Partner].create({"name": "p"})})
        with pytest.raises(AttributeError):
            env[extended.FreightOrder].browse(order.id).greeting()
        with pytest.raises(ValidationError, match="no field 'freight'"):
            order.write({"freight": 5})


def test_a_field_of_a_group_that_implies_the_right_to_its_model(world: Trade) -> None:
    with world.undone() as env:
        partner = env[trade.Partner].create({"name": "p", "worth": 7})
        order = env[trade.Order].create({"name": "o", "partner_id": partner, "user_id": None, "margin": 5})
        env.flush()
        rich = env[extended.MarginPartner].browse(partner.id).with_env(world.as_user(env, "max"))
        assert rich.worth == 7
        rich.worth = 8
        rich.env.flush()
        assert env[extended.MarginPartner].browse(partner.id).worth == 8
        assert env[extended.MarginOrder].browse(order.id).with_env(rich.env).margin == 5
        for login in ("ann", "joe"):
            poor = rich.with_env(world.as_user(env, login))
            assert "worth" not in poor.read()[0]
            with pytest.raises(AccessError):
                assert poor.worth
            with pytest.raises(AccessError):
                poor.search([["worth", ">", 1]])


def test_registries_are_shared_by_their_set_of_apps() -> None:
    assert load(["base"]) is load(["base"])
    assert load(["sale", "base"]) is load(["sale"])
    assert load(["base"]) is not load(["sale"])
    assert set(load(["sale"]).versions) >= {"base", "contacts", "products", "sale"}
    assert {"base", "sale"} <= set(installed_apps())


def test_two_sets_of_apps_serve_at_the_same_time(world: Trade, shared: Trade) -> None:
    for place, fields_of_order in ((world, True), (shared, False), (world, True)):
        with open_env(place.database, place.registry, place.door()) as env:
            assert ("freight" in env.registry["trade.order"].fields) is fields_of_order
            env["trade.order"].search_read([], ["name"], order="name")
