"""Several companies in one database: who sees whose records, where he works, and that their records stay apart."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from growsoft.apps.base.models import Company
from growsoft.apps.contacts.models import Partner
from growsoft.apps.products.models import Product
from growsoft.apps.sale.models import Order
from growsoft.errors import AccessError, GrowsoftError, MissingError, ValidationError
from growsoft.orm import Env, open_env
from growsoft.orm.companies import Conflict, company_conflicts
from growsoft.postgres.context import Context, SessionDoor
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.transaction import CompanyRefused, ConstraintViolated
from tests.support.shop import Shop
from tests.support.visitors import Visitor, set_password


@dataclass(frozen=True)
class House:
    """A shop of two companies: Ann works in the north, Bob in the south, Kim in both, and mainly in the south."""

    shop: Shop
    north: int
    south: int
    ann: Context
    bob: Context
    kim: Context

    @contextmanager
    def session(self, login: str, *companies: int) -> Generator[Env]:
        """Act as somebody who has signed in and works in some companies."""
        user = getattr(self, login).user
        set_password(self.shop.database, user, "a password of hers")
        door = Visitor(self.shop.database).sign_in(login, "a password of hers")
        assert door is not None
        with open_env(self.shop.database, self.shop.registry, replace(door, companies=companies)) as env:
            yield env


@pytest.fixture
def house(shop: Shop) -> House:
    """Two companies with their people."""
    with shop.elevated() as env:
        north = env[Company].search([]).id
        south = env[Company].create({"name": "South", "currency_id": env[Company].browse(north).currency_id}).id
    ann = shop.user("ann", "sale.manager", "products.manager", companies=[north])
    bob = shop.user("bob", "sale.manager", companies=[south])
    kim = shop.user("kim", "sale.manager", companies=[north, south])
    with shop.elevated() as env:
        env["res.users"].browse(kim.user).write({"company_id": south})
    return House(shop, north, south, ann, bob, shop.known(kim.user))


def order(env: Env, company: int, **values: object) -> Order:
    """Make an order in a company."""
    customer = env[Partner].create({"name": "Alfreds"})
    return env[Order].create({"partner_id": customer, "company_id": company, **values})


# -- where somebody works ----------------------------------------------------------------------------------------------


def test_the_main_company_is_the_current_one_and_all_are_active_without_a_choice(house: House) -> None:
    assert house.kim.companies == (house.south, house.north)
    with house.session("kim") as env:
        assert (env.companies, env.company_id) == ((house.south, house.north), house.south)
        made = env[Order].create({"partner_id": env[Partner].create({"name": "New"})})
        assert made.company_id.id == house.south


@pytest.mark.parametrize("chosen", [("north",), ("south",), ("north", "south"), ("south", "north")])
def test_somebody_works_in_the_companies_of_his_choice(house: House, chosen: tuple[str, ...]) -> None:
    ids = tuple(getattr(house, name) for name in chosen)
    with house.shop.elevated() as env:
        order(env, house.north)
        order(env, house.south)
    with house.session("kim", *ids) as env:
        assert env.companies == ids
        assert {found.company_id.id for found in env[Order].search([])} == set(ids)
        partner = env[Partner].create({"name": "New"})
        assert env[Order].create({"partner_id": partner}).company_id.id == ids[0]


def test_nobody_activates_a_company_that_is_not_his(house: House) -> None:
    for wanted in ((house.south,), (house.north, house.south), (house.north, 999), (house.north, house.north), (0,)):
        with pytest.raises(CompanyRefused), house.session("ann", *wanted):
            pytest.fail("she is in")
    forged = replace(house.ann, companies=(house.south,))
    with pytest.raises(CompanyRefused), house.shop.acting(forged):
        pytest.fail("a signed context is in")
    with house.session("ann") as env:
        for wanted in ((house.south,), (house.north, house.south)):
            with pytest.raises(CompanyRefused):
                env.with_companies(*wanted)
        assert env[Order].search_count() == 0  # the refusal has broken nothing


def test_somebody_changes_the_company_within_a_transaction(house: House) -> None:
    with house.session("kim", house.north) as env:
        north = order(env, house.north)
        both = env.with_company(house.south)
        assert both.companies == (house.south, house.north)
        assert north.with_env(both).company_id.id == house.north
        south = env.with_companies(house.south)
        assert not south[Order].search([])
        assert env[Order].search([]) == north
        with pytest.raises(MissingError):
            _ = south[Order].browse(north.id).name


def test_a_company_that_was_taken_away_is_gone_at_the_next_step(house: House) -> None:
    with house.session("kim", house.north) as env:
        env.execute(sql("SELECT 1"))
    with house.shop.elevated() as env:
        env["res.users"].browse(house.kim.user).write({"company_ids": [(3, house.north)]})
    with pytest.raises(CompanyRefused), house.session("kim", house.north):
        pytest.fail("she is in")
    with house.session("kim") as env:
        assert env.companies == (house.south,)


# -- foreign companies -------------------------------------------------------------------------------------------------


def test_sw7_raw_sql_reaches_no_record_of_another_company(house: House) -> None:
    with house.shop.elevated() as env:
        foreign = order(env, house.south, order_line=[{"name": "Tea", "price_unit": 5}])
        secret = env[Partner].create({"name": "Secret", "company_id": house.south})
        thing = env[Product].create({"name": "Secret", "company_id": house.south})
    with house.session("ann") as env:
        own = order(env, house.north)
        env.flush()
        assert _ids(env, "sale_order") == [own.id]
        assert _ids(env, "sale_order_line") == []
        assert secret.id not in _ids(env, "res_partner")
        assert thing.id not in _ids(env, "product_product")
        for attack in _attacks(house, foreign.id, secret.id, own.id, env.user_id):
            assert not _reached(env, attack), attack
        changes: list[Callable[[], object]] = [
            lambda: env[Order].browse(foreign.id).write({"note": "mine"}),
            lambda: env[Order].create({"partner_id": own.partner_id, "company_id": house.south}),
            lambda: env[Partner].create({"name": "Theirs", "company_id": house.south}),
            lambda: own.write({"partner_id": secret.id}),
            lambda: own.write({"company_id": house.south}),
        ]
        for change in changes:
            with pytest.raises((AccessError, MissingError)), env.savepoint():
                change()
    with house.shop.elevated() as env:
        assert env[Partner].browse(secret.id).name == "Secret"
        assert env[Order].browse(foreign.id).amount_total == 5


def _reached(env: Env, attack: Sql) -> bool:
    try:
        with env.savepoint():
            return bool(env.execute(attack).rowcount)
    except GrowsoftError:
        return False


def _ids(env: Env, table: str) -> list[int]:
    queries: dict[str, Sql] = {
        "sale_order": sql("SELECT id FROM sale_order"),
        "sale_order_line": sql("SELECT id FROM sale_order_line"),
        "res_partner": sql("SELECT id FROM res_partner"),
        "product_product": sql("SELECT id FROM product_product"),
    }
    return env.execute(queries[table]).column(int)


def _attacks(house: House, foreign: int, secret: int, own: int, user: int) -> Generator[Sql]:
    yield sql("UPDATE sale_order SET note = 'x', write_uid = {u} WHERE id = {id}", u=user, id=foreign)
    yield sql("UPDATE res_partner SET name = 'x', write_uid = {u} WHERE id = {id}", u=user, id=secret)
    yield sql("DELETE FROM sale_order_line WHERE order_id = {id}", id=foreign)
    yield sql("DELETE FROM sale_order WHERE id = {id}", id=foreign)
    yield sql("UPDATE sale_order SET company_id = {c}, write_uid = {u} WHERE id = {id}", c=house.south, u=user, id=own)
    yield sql("INSERT INTO res_partner (name, company_id) VALUES ('x', {c})", c=house.south)
    yield sql("INSERT INTO sale_order_line (order_id, name) VALUES ({id}, 'x')", id=foreign)
    yield sql("UPDATE sale_order_line SET order_id = {id}, write_uid = {u}", id=foreign, u=user)
    yield sql("SELECT gs.enter_session('\\x00'::bytea, ARRAY[{c}]::bigint[])", c=house.south)
    yield sql("UPDATE gs_priv.account SET companies = ARRAY[{c}]::bigint[]", c=house.south)
    yield sql("SELECT set_config('backtrace_functions', '', true)")
    yield sql("INSERT INTO res_users_company_ids_rel VALUES ({u}, {c})", u=user, c=house.south)
    yield sql("UPDATE res_users SET company_id = {c}, write_uid = {u} WHERE id = {u}", c=house.south, u=user)


def test_what_no_company_owns_is_shared(house: House) -> None:
    with house.session("ann") as env:
        shared = env[Partner].create({"name": "Shared"})
    with house.session("bob") as env:
        assert env[Partner].browse(shared.id).name == "Shared"
        assert order(env, house.south, partner_id=shared.id).partner_id.id == shared.id


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_reference_is_taken_only_within_a_company(house: House) -> None:
    with house.session("bob") as env:
        env[Partner].create({"name": "Theirs", "ref": "K1", "company_id": house.south})
        order(env, house.south, name="A1")
    with house.session("ann") as env:  # nothing tells her that there is one
        env[Partner].create({"name": "Ours", "ref": "K1", "company_id": house.north})
        env[Partner].create({"name": "Shared", "ref": "K1"})
        order(env, house.north, name="A1")
        for company in (house.north, None):
            with pytest.raises(ConstraintViolated, match="Another contact has this reference"), env.savepoint():
                env[Partner].create({"name": "Twice", "ref": "K1", "company_id": company})
        with pytest.raises(ConstraintViolated, match="Another order has this number"), env.savepoint():
            order(env, house.north, name="A1")


# -- links -------------------------------------------------------------------------------------------------------------


def test_a_record_is_linked_to_records_of_its_company_or_to_shared_ones(house: House) -> None:
    with house.shop.elevated() as env:
        theirs, shared = env[Partner].create([{"name": "T", "company_id": house.south}, {"name": "S"}])
        own = env[Partner].create({"name": "N", "company_id": house.north})
        assert order(env, house.north, partner_id=own).partner_id == own
        assert order(env, house.north, partner_id=shared).partner_id == shared
        with (
            pytest.raises(ValidationError, match="Customer of Sales order: choose a record of the same company"),
            env.savepoint(),
        ):
            order(env, house.north, partner_id=theirs)
        with pytest.raises(ValidationError, match="Belongs to of Contact"), env.savepoint():
            shared.parent_id = theirs
        with pytest.raises(ValidationError, match="Carrier"), env.savepoint():
            order(env, house.north).carrier_id = theirs
        assert company_conflicts(env) == []


def test_a_record_that_changes_its_company_takes_nothing_with_it(house: House) -> None:
    with house.shop.elevated() as env:
        mover = env[Partner].create({"name": "Mover"})
        bought = order(env, house.north, partner_id=mover)
        with pytest.raises(ValidationError, match="Customer"), env.savepoint():
            mover.write({"company_id": house.south})
        mover.write({"company_id": house.north})
        env.flush()
        with pytest.raises(ValidationError, match="Customer"), env.savepoint():
            bought.write({"company_id": house.south})
        assert company_conflicts(env) == []


def test_lines_belong_to_the_company_of_their_order(house: House) -> None:
    with house.shop.elevated() as env:
        theirs = env[Product].create({"name": "Theirs", "company_id": house.south})
        own = env[Product].create({"name": "Own", "company_id": house.north})
        bought = order(env, house.north, order_line=[{"product_id": own}])
        with pytest.raises(ValidationError, match="Product of Sales order line"), env.savepoint():
            bought.write({"order_line": [(0, 0, {"product_id": theirs})]})
        with pytest.raises(ValidationError, match="Product of Sales order line"), env.savepoint():
            bought.write({"company_id": house.south})
        with pytest.raises(ValidationError, match="Product of Sales order line"), env.savepoint():
            own.write({"company_id": house.south})
        bought.order_line.write({"product_id": None})
        bought.write({"company_id": house.south})
        env.flush()
        assert company_conflicts(env) == []


def test_the_check_sees_what_its_writer_does_not(house: House) -> None:
    with house.shop.elevated() as env:
        hidden = env[Partner].create({"name": "Hidden"})
        order(env, house.south, partner_id=hidden)
    with house.session("ann") as env:  # she cannot see that the south sells to it
        with pytest.raises(ValidationError, match="Customer"), env.savepoint():
            env[Partner].browse(hidden.id).write({"company_id": house.north})
        env[Partner].create({"name": "Own", "company_id": house.north})


def test_what_got_past_the_check_is_found(house: House) -> None:
    with house.shop.elevated() as env:
        theirs = env[Partner].create({"name": "T", "company_id": house.south})
        bought = order(env, house.north, order_line=[{"name": "Tea"}])
        thing = env[Product].create({"name": "T", "company_id": house.south})
        env.flush()
        env.execute(sql("UPDATE sale_order SET partner_id = {p} WHERE id = {id}", p=theirs.id, id=bought.id))
        env.execute(sql("UPDATE sale_order_line SET product_id = {p}", p=thing.id))
        assert company_conflicts(env) == [
            Conflict("sale.order", "partner_id", bought.id),
            Conflict("sale.order.line", "product_id", bought.order_line.id),
        ]
        env.execute(sql("UPDATE sale_order_line SET product_id = NULL"))
        env.execute(
            sql(
                "UPDATE sale_order SET partner_id = {p} WHERE id = {id}",
                p=env[Partner].create({"name": "S"}).id,
                id=bought.id,
            )
        )


def test_a_session_door_shows_no_secret() -> None:
    assert "secret" not in repr(SessionDoor(b"hash", (1,)))
