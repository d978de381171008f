"""Inheritance: in place by several apps, by mixins, as a copy of one's own, and for a moment."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Generator, Mapping
from decimal import Decimal
from enum import Enum
from types import ModuleType
from typing import Final

import pytest

from growsoft.apps.base import app as base
from growsoft.errors import AccessError, ConfigError, MissingError, UserError, ValidationError
from growsoft.orm import App, Env, Model, Registry, fields, load
from growsoft.orm.fields.stamps import STAMPS
from growsoft.orm.model import ModelType
from growsoft.orm.sweep import sweep
from growsoft.postgres.check import problems
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database, new_template
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from growsoft.postgres.transaction import ConstraintViolated
from tests.integration.orm import inherited, trade
from tests.integration.orm.conftest import Trade
from tests.integration.orm.inherited import (
    Carried,
    Carrier,
    Cleared,
    ClearedThing,
    Parcel,
    ShippedThing,
    TracedTag,
    Wizard,
)
from tests.integration.orm.trade import Partner, Size, Tag, Thing
from tests.support.accounts import made_accounts
from tests.support.databases import database_from

APPS: Final = {"base": base, "trade": trade.app, "shipping": inherited.shipping, "customs": inherited.customs}


@pytest.fixture(scope="module")
def registry() -> Registry:
    """All four apps."""
    return load(["customs"], available=APPS)


@pytest.fixture(scope="module")
def world(server: Endpoint, registry: Registry) -> Generator[Trade]:
    """A database of all four apps with some people, but without users."""
    groups = {"ann": "trade.seller", "kim": "trade.boss", "pat": "shipping.packer", "joe": "base.user"}
    pools = Pools(3)
    with new_template(server, "inherited_bare", registry.declarations):
        pass
    with database_from(server, "inherited_bare", pools) as database:
        people = [(number, registry.implied(group), (1,)) for number, group in enumerate(groups.values(), 10)]
        contexts = made_accounts(server, database, people)
        with superuser(server, database.name) as owner:
            assert problems(owner) == []
        yield Trade(database, registry, server, dict(zip(groups, contexts, strict=True)))
    pools.close()
    with superuser(server, MAINTENANCE_DATABASE) as connection:
        drop_database(connection, "inherited_bare")


@pytest.fixture
def env(world: Trade) -> Generator[Env]:
    """Elevated, undone at the end."""
    with world.undone() as made:
        yield made


# -- in place ----------------------------------------------------------------------------------------------------------


def test_a_field_that_is_declared_again_keeps_what_is_not_said_again(env: Env) -> None:
    name = env.registry["trade.thing"].fields["name"]
    assert isinstance(name, fields.Char)
    assert (name.label, name.required, name.help, name.size) == ("Title", True, "As it stands in the papers", 20)
    with pytest.raises(ValidationError, match=r"Title: .* is not at most 20 characters long"):
        env[Thing].create({"name": "x" * 21})
    with pytest.raises(ValidationError, match="Title is required"):
        env[Thing].create({"name": ""})
    assert env[Thing].create({"name": "t"}).number == 7
    assert Thing.number.default is None
    assert env.registry["trade.thing"].fields["number"].index is True


def test_groups_of_an_overridden_field_hold_in_postgresql(world: Trade) -> None:
    with world.undone() as env:
        thing = env[Thing].create({"name": "t", "exact": 42})
        env.flush()
        for login, readable in (("kim", True), ("ann", False)):
            theirs = world.as_user(env, login)
            assert ("exact" in theirs.readable(env.registry["trade.thing"])) is readable
        with pytest.raises(AccessError), env.savepoint():
            world.as_user(env, "ann").execute(sql("SELECT exact FROM trade_thing"))
        boss = world.as_user(env, "kim").execute(sql("SELECT exact FROM trade_thing WHERE id = {id}", id=thing.id))
        assert boss.scalar() == 42


def test_choices_that_extending_apps_add(world: Trade) -> None:
    with world.undone() as env:
        thing = env[ShippedThing].create({"name": "t", "state": "container", "size": Carried.PALLET})
        env.flush()
        env.cache.forget()
        assert env[ClearedThing].browse(thing.id).cleared_state is Cleared.CONTAINER
        assert thing.carried_size is Carried.PALLET
        thing.carried_state = Carried.PALLET
        assert env[Thing].search(ShippedThing.carried_state == Carried.PALLET) == thing
        assert thing.read(["state"])[0]["state"] == "pallet"
        choices = env.registry["trade.thing"].fields["state"]
        assert isinstance(choices, fields.Selection)
        assert list(choices.choices) == [Size.SMALL, Carried.PALLET, Size.LARGE, Cleared.CONTAINER]
        assert list(Thing.state.choices) == [Size.SMALL, Size.LARGE]
        with pytest.raises(ValidationError, match="is not one of small, pallet, large, container"):
            thing.write({"state": "giant"})
        with pytest.raises(ConstraintViolated), env.savepoint():
            env.execute(sql("UPDATE trade_thing SET state = 'giant' WHERE id = {id}", id=thing.id))


def test_checks_rules_access_and_constraints_of_an_extension(world: Trade) -> None:
    with world.undone() as env:
        whole, broken = env[Thing].create([{"name": "whole"}, {"name": "broken", "fragile": True}])
        env.flush()
        packer = world.as_user(env, "pat")
        assert packer[Thing].search([]) == whole.with_env(packer)
        assert packer.execute(sql("SELECT count(*) FROM trade_thing")).scalar() == 1
        with pytest.raises(AccessError), env.savepoint():
            whole.with_env(packer).write({"number": 1})
        with pytest.raises(ConstraintViolated, match="more than a ton"), env.savepoint():
            broken.weight = Decimal(1001)
        with pytest.raises(ValidationError, match="No carrier"), env.savepoint():
            broken.number = 666


def test_the_plain_registry_knows_nothing_of_extensions(shared: Trade) -> None:
    plain = shared.registry["trade.thing"]
    assert plain.fields["name"].label == "Name"
    assert plain.fields["state"] is Thing.state
    assert not hasattr(plain.cls, "carried_state")
    assert "shipping.parcel" not in shared.registry.models


# -- mixins ------------------------------------------------------------------------------------------------------------


def test_a_mixin_brings_fields_methods_rights_and_rules(world: Trade) -> None:
    with world.undone() as env:
        packer = world.as_user(env, "pat")
        parcel = packer[Parcel].create({"name": "p", "trace": "T1", "seal": "S1"})
        env[Parcel].create({"name": "hidden", "hidden_trace": True})
        env.flush()
        assert parcel.follow() == "T1? none"
        assert packer[Parcel].search([]) == parcel
        with pytest.raises(ValidationError, match="not given"), env.savepoint():
            parcel.trace = "lost"
        tag = env[TracedTag].create({"name": "t", "trace": "T2"})
        assert tag.follow() == "T2? none"
        assert env.registry["trade.tag"].public["follow"] == "write"
        assert isinstance(tag, inherited.Traced)


def test_an_abstract_model_has_neither_table_nor_records(env: Env) -> None:
    assert "shipping.traced" not in env.registry.models
    assert "shipping_traced" not in {table.name for table in env.registry.declarations.tables}
    with pytest.raises(ValidationError, match="no model"):
        env[inherited.Traced].search([])


# -- a copy ------------------------------------------------------------------------------------------------------------


def test_a_copy_has_fields_and_a_table_of_its_own(env: Env) -> None:
    former = env[inherited.FormerTag].create({"name": "old", "trace": "T3", "reason": "worn"})
    assert former.weight == 1
    assert isinstance(former, inherited.Traced)
    assert former.follow() == "T3? none"
    assert env[Tag].search([["trace", "=", "T3"]]) == env[Tag]
    assert env[Tag].browse(former.id) != former
    assert env.registry["shipping.former"].order == "name"
    assert env.registry["shipping.former"].description == "Former tag"


def test_a_copy_is_open_to_nobody_until_it_says_so_but_keeps_rules_that_narrow(world: Trade) -> None:
    with world.undone() as env:
        env[inherited.FormerTag].create({"name": "old"})
        env[inherited.FormerPartner].create([{"name": "seen"}, {"name": "unseen", "hidden": True}])
        env.flush()
        for login in ("kim", "joe"):  # they read and write tags and partners
            for table in ("shipping_former", "shipping_former_partner"):
                with pytest.raises(AccessError), env.savepoint():
                    world.as_user(env, login).execute(sql("SELECT name FROM {t}", t=ident(table)))
        packer = world.as_user(env, "pat")
        names = packer.execute(sql("SELECT name FROM shipping_former_partner")).column()
        assert names == ["seen"]
        assert "child_ids" not in env.registry["shipping.former.partner"].fields


# -- a record of another model ---------------------------------------------------------------------------------------


def test_a_record_shows_and_writes_the_fields_of_its_parent_record(env: Env) -> None:
    tag = env[Tag].create({"name": "t"})
    carrier = env[Carrier].create({"name": "C", "code": "C1", "trucks": 3})
    carrier.tag_ids = tag
    env.flush()
    env.cache.forget()
    partner = carrier.partner_id
    assert (partner.name, partner.code, partner.tag_ids) == ("C", "C1", tag)
    assert (carrier.name, carrier.code, carrier.tag_ids) == ("C", "C1", tag)
    carrier.code = "C2"
    carrier.write({"name": "D", "trucks": 4})
    assert (partner.name, partner.code, carrier.trucks) == ("D", "C2", 4)
    assert env[Carrier].search((Carrier.code == "C2") & (Carrier.trucks > 3)) == carrier
    assert carrier.read(["name", "code", "trucks"]) == [{"id": carrier.id, "name": "D", "code": "C2", "trucks": 4}]
    there = env[Partner].create({"name": "E"})
    several = env[Carrier].create([{"name": "F"}, {"partner_id": there, "code": "E1"}])
    assert [one.name for one in several] == ["F", "E"]
    assert (there.code, len(env[Partner].search([]))) == ("E1", 3)


def test_who_may_not_read_the_parent_record_reads_nothing_of_it(world: Trade) -> None:
    with world.undone() as env:
        shown, hidden = env[Carrier].create(
            [{"name": "S", "code": "S1", "credit": 5}, {"name": "H", "code": "H1", "hidden": True}]
        )
        env.flush()
        joe = world.as_user(env, "joe")
        rows = joe[Carrier].search_read([], ["code"], order="id")
        assert [row["code"] for row in rows] == ["S1", ""]
        assert joe[Carrier].search(Carrier.code == "H1") == joe[Carrier]
        assert hidden.with_env(joe).code == ""
        assert joe.execute(sql("SELECT code FROM trade_partner")).column() == ["S1"]
        with pytest.raises(AccessError):
            assert shown.with_env(joe).credit
        with pytest.raises(AccessError):
            joe[Carrier].search([["credit", ">", 1]])
        assert "credit" not in joe[Carrier].browse(shown.ids).read()[0]


def test_who_may_not_write_the_parent_record_writes_nothing_of_it(world: Trade) -> None:
    with world.undone() as env:
        carrier = env[Carrier].create({"name": "C", "code": "C1"})
        env.flush()
        packer = world.as_user(env, "pat")
        with pytest.raises(AccessError), env.savepoint():
            packer[Carrier].create({"name": "mine"})
        with pytest.raises(AccessError), env.savepoint():
            carrier.with_env(packer).write({"code": "X"})
        carrier.with_env(packer).write({"trucks": 9})
        packer.flush()
        assert (carrier.code, packer[Carrier].browse(carrier.ids).trucks) == ("C1", 9)


def test_the_table_has_nothing_of_the_parent_record_and_goes_without_it(world: Trade) -> None:
    with world.undone() as env:
        info = env.registry["shipping.carrier"]
        columns = {name for name in info.columns if name not in STAMPS}
        assert columns == {"partner_id", "name", "trucks"}
        assert set(info.rules) == set(info.checks) == set()
        carrier = env[Carrier].create({"name": "C"})
        partner = carrier.partner_id
        env.flush()
        with pytest.raises(UserError), env.savepoint():
            partner.unlink()
        carrier.unlink()
        assert partner.exists() == partner


# -- for a moment ------------------------------------------------------------------------------------------------------


def test_nobody_sees_the_wizard_of_another(world: Trade) -> None:
    with world.undone() as env:
        ann, joe = world.as_user(env, "ann"), world.as_user(env, "joe")
        wizard = ann[Wizard].create({"name": "mine", "line_ids": [{"name": "l"}]})
        ann.flush()
        assert joe[Wizard].search([]) == joe[Wizard]
        assert joe.execute(sql("SELECT count(*) FROM shipping_wizard")).scalar() == 0
        assert joe.execute(sql("SELECT count(*) FROM shipping_wizard_line")).scalar() == 0
        assert joe.execute(sql("UPDATE shipping_wizard SET name = 'x'")).rowcount == 0
        assert joe.execute(sql("DELETE FROM shipping_wizard")).rowcount == 0
        with pytest.raises((AccessError, MissingError)), env.savepoint():
            wizard.with_env(joe).write({"name": "stolen"})
        with pytest.raises(AccessError), env.savepoint():  # nor can somebody make one in another's name
            joe.execute(sql("INSERT INTO shipping_wizard (name, create_uid) VALUES ('x', {ann})", ann=ann.user_id))
        assert wizard.name == "mine"


def test_old_wizards_and_too_many_are_swept(world: Trade) -> None:
    with world.acting() as env:
        tag = env[Tag].create({"name": "swept"}).id
    with world.acting("ann") as ann:
        ann[Wizard].create([{"name": f"old {n}", "tag_ids": [tag], "line_ids": [{"name": "l"}]} for n in range(3)])
    with world.acting() as env:
        assert sweep(env) == {}
    with superuser(world.server, world.database.name) as owner:
        owner.run(sql("UPDATE shipping_wizard SET write_date = now() - interval '3 hours'"))
    with world.acting("joe") as joe:
        joe[Wizard].create([{"name": f"young {n}"} for n in range(7)])
    with world.acting() as env:
        assert sweep(env) == {"shipping.wizard": 5}  # three are old, and two of the seven too many
        assert env.execute(sql("SELECT count(*) FROM shipping_wizard_line")).scalar() == 0
        assert env[Tag].browse(tag).exists()
    with world.acting("joe") as joe:
        assert [wizard.name for wizard in joe[Wizard].search([])] == [f"young {n}" for n in range(2, 7)]


def test_what_somebody_works_on_is_not_swept(world: Trade) -> None:
    with world.acting("kim") as kim:
        wizard = kim[Wizard].create({"name": "in use"}).id
    with superuser(world.server, world.database.name) as owner:
        owner.run(sql("UPDATE shipping_wizard SET write_date = now() - interval '3 hours'"))
    with world.acting("kim") as kim:
        kim[Wizard].browse(wizard).lock()
        with world.acting() as env:
            sweep(env)
        assert kim[Wizard].browse(wizard).name == "in use"
    with world.acting() as env:
        assert sweep(env) == {"shipping.wizard": 1}


# -- what does not fit -------------------------------------------------------------------------------------------------


class Odd(Enum):
    """A choice that nobody has added."""

    ODD = "odd"


def app_of(*classes: Callable[[str], object]) -> App:
    """Make an app of classes that are made for a module of its own."""
    module = ModuleType(f"made_up_{next(_numbers)}")
    sys.modules[module.__name__] = module
    for make in classes:
        make(module.__name__)
    return App("made", "1.0", module.__name__, depends=("trade",))


def model(
    name: str, *bases: type[Model], members: Mapping[str, object] | None = None, **options: bool | str
) -> Callable[[str], object]:
    """Make a class as its source would."""
    named = {} if options.get("extend") else {"_name": name}
    body = {**named, **({"name": fields.Char()} if not bases else {}), **(members or {})}
    return lambda module: ModelType("Made", bases or (Model,), {**body, "__module__": module}, **options)


def extension(of: type[Model], **members: object) -> Callable[[str], object]:
    """Make an extension as its source would."""
    return model("", of, members=members, extend=True)


def delegating(link: object) -> Callable[[str], object]:
    """Make a class that delegates to tags as its source would."""
    return model("made.delegating", Tag, members={"link_id": link}, delegate="link_id")


_numbers: Final = itertools.count()

MISFITS: Final = (
    ("holds char and cannot become integer", extension(Tag, name=fields.Integer())),
    ("links to trade.partner and cannot link to", extension(trade.Order, partner_id=fields.Many2one(Tag))),
    ("no choices to which", extension(Thing, state=fields.Char(), odd=Thing.state.adding(Odd))),
    ("the choice odd is added by", extension(Thing, state=fields.Selection(Odd))),
    ("is abstract, so it cannot be built upon trade.tag", model("made.abstract", Tag, abstract=True)),
    ("line_ids: trade.line.order_id is no link back", model("made.order", trade.Order)),
    ("whose app is not among those", model("made.parcel", Parcel)),
    ("defines trade.tag once more", model("trade.tag", Tag)),
    ("no required link to one record", delegating(fields.Many2one(Tag))),
    ("its class is built upon that model", delegating(fields.Many2one(trade.Partner, required=True))),
)


@pytest.mark.parametrize(("message", "made"), MISFITS, ids=range(len(MISFITS)))
def test_what_does_not_fit_is_refused_with_its_name(message: str, made: Callable[[str], object]) -> None:
    with pytest.raises(ConfigError, match=message):
        load(["made"], available={"base": base, "trade": trade.app, "made": app_of(made)})


@pytest.mark.parametrize(
    ("message", "options"),
    [("is transient", {}), ("say ondelete='cascade'", {"transient": True})],
)
def test_nothing_may_hold_what_is_to_be_swept(message: str, options: dict[str, bool]) -> None:
    to_wizard: fields.Many2one[Model] = fields.Many2one("made.wizard")
    app = app_of(
        model("made.wizard", transient=True),
        model("made.holder", members={"name": fields.Char(), "wizard_id": to_wizard}, **options),
    )
    with pytest.raises(ConfigError, match=message):
        load(["made"], available={"base": base, "trade": trade.app, "made": app})


def test_a_class_is_one_thing() -> None:
    with pytest.raises(TypeError, match="one of these"):
        model("made.both", abstract=True, transient=True)(__name__)
    with pytest.raises(TypeError, match="one of these"):
        model("made.both", Tag, extend=True, transient=True)(__name__)
