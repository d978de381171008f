"""Sales: quotations become orders, amounts are rounded as people round, and everybody sees his own."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from growsoft.apps.base.models import Company, Users
from growsoft.apps.contacts.models import Partner
from growsoft.apps.products.models import Product
from growsoft.apps.sale.models import Order, OrderLine, OrderState
from growsoft.errors import AccessError, MissingError, UserError, ValidationError
from growsoft.exchange.importing import import_csv
from growsoft.exchange.plan import Options, make_plan
from growsoft.orm import Env
from growsoft.orm.drafts import draft
from tests.support.shop import Shop


def _customer(env: Env, name: str = "Alfreds") -> Partner:
    return env[Partner].create({"name": name, "customer_rank": 1})


def _quotation(env: Env, **values: object) -> Order:
    return env[Order].create({"partner_id": _customer(env), **values})


def test_a_quotation_gets_the_next_number_and_the_currency_of_the_company(shop: Shop) -> None:
    with shop.elevated() as env:
        first, second = _quotation(env), _quotation(env)
        assert (first.name, second.name) == ("S00001", "S00002")
        assert first.state is OrderState.DRAFT
        assert first.company_id == env["res.company"].search([])
        assert first.currency_id.name == "USD"
        assert (datetime.now(UTC) - first.date_order).total_seconds() < 60


def test_a_number_that_was_given_is_kept_and_there_is_no_second_of_it(shop: Shop) -> None:
    with shop.elevated() as env:
        assert _quotation(env, name="10248").name == "10248"
        with pytest.raises(ValidationError, match="Another order has this number"), env.savepoint():
            _quotation(env, name="10248")


def test_a_line_takes_words_and_price_from_its_product_unless_they_are_given(shop: Shop) -> None:
    with shop.elevated() as env:
        chai = env[Product].create({"name": "Chai", "list_price": Decimal(18)})
        order = _quotation(env, order_line=[{"product_id": chai}, {"product_id": chai, "name": "Tea", "price_unit": 9}])
        assert order.order_line.mapped(OrderLine.name) == ["Chai", "Tea"]
        assert order.order_line.mapped(OrderLine.price_unit) == [18, 9]
        with pytest.raises(ValidationError, match="A line says what is sold"), env.savepoint():
            env[OrderLine].create({"order_id": order})


def test_what_was_offered_follows_another_product_but_no_later_price(shop: Shop) -> None:
    with shop.elevated() as env:
        chai, tofu = env[Product].create([{"name": "Chai", "list_price": 18}, {"name": "Tofu", "list_price": 23}])
        line = _quotation(env, order_line=[{"product_id": chai, "product_uom_qty": 2}]).order_line
        assert line.price_unit == 18
        chai.write({"list_price": 20})
        assert (line.price_unit, line.order_id.amount_total) == (Decimal(18), Decimal(36))
        line.write({"product_id": tofu})
        assert (line.name, line.price_unit, line.order_id.amount_total) == ("Tofu", Decimal(23), Decimal(46))
        line.write({"product_id": False})
        assert (line.name, line.price_unit) == ("Tofu", Decimal(23))


def test_choosing_a_product_on_a_form_fills_its_line_before_anything_is_saved(shop: Shop) -> None:
    with shop.elevated() as env:
        chai = env[Product].create({"name": "Chai", "list_price": 18})
        line: dict[str, object] = {"product_id": chai.id, "product_uom_qty": "3"}
        found = draft(env, "sale.order", {"order_line": [(0, 0, line)]}, changed=["order_line.0.product_id"]).values
        follows = {"name": "Chai", "price_unit": "18.000000", "price_subtotal": "54.00"}
        assert found["order_line"] == [[0, 0, follows | {"sequence": 10, "discount": "0"}]]
        assert found["amount_total"] == "54.00"
        assert not env[OrderLine].search([])


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "amount"),
    [
        ("3", "12.345", "15", "31.48"),  # 31.47975
        ("1", "0.335", "0", "0.34"),  # half a cent goes up
        ("1", "0.334999", "0", "0.33"),
        ("-1", "0.335", "0", "-0.34"),  # and away from zero
        ("40", "31.23", "2.5", "1217.97"),
        ("0", "99", "0", "0"),
        ("7", "9.99", "100", "0"),
    ],
)
def test_the_amount_of_a_line_is_rounded_half_up(
    shop: Shop, quantity: str, price: str, discount: str, amount: str
) -> None:
    line: dict[str, object] = {"name": "x", "product_uom_qty": quantity, "price_unit": price, "discount": discount}
    with shop.elevated() as env:
        order = _quotation(env, order_line=[line])
        assert order.order_line.price_subtotal == Decimal(amount)
        assert order.amount_total == Decimal(amount)


def test_a_total_is_the_sum_of_the_rounded_lines_and_freight_is_not_in_it(shop: Shop) -> None:
    lines = [{"name": "x", "price_unit": "0.335"} for _ in range(3)]
    with shop.elevated() as env:
        order = _quotation(env, order_line=lines, amount_delivery="32.385")
        assert order.amount_total == Decimal("1.02")  # not 1.01, which is 1.005 rounded
        assert order.amount_delivery == Decimal("32.39")


def test_a_total_follows_its_lines(shop: Shop) -> None:
    with shop.elevated() as env:
        order = _quotation(env, order_line=[{"name": "x", "price_unit": 10}, {"name": "y", "price_unit": 5}])
        first, second = order.order_line
        assert order.amount_total == 15
        first.product_uom_qty = Decimal(3)
        assert order.amount_total == 35
        second.unlink()
        assert order.amount_total == 30
        other = _quotation(env)
        first.order_id = other
        assert [order.amount_total, other.amount_total] == [0, 30]
    with shop.elevated() as env:
        assert env[Order].search([]).mapped(Order.amount_total) == [30, 0]


def test_amounts_have_the_decimals_of_the_currency_also_when_it_changes(shop: Shop) -> None:
    with shop.elevated() as env:
        yen, dinar = (env["res.currency"].search([["name", "=", code]]) for code in ("JPY", "BHD"))
        order = _quotation(env, currency_id=yen, order_line=[{"name": "x", "price_unit": "10.5555"}])
        assert order.amount_total == 11
        order.write({"currency_id": dinar})
        assert order.order_line.price_subtotal == Decimal("10.556")
        assert order.amount_total == Decimal("10.556")


@pytest.mark.parametrize("discount", ["-0.01", "100.01"])
def test_a_discount_is_between_0_and_100_percent(shop: Shop, discount: str) -> None:
    line = {"name": "x", "discount": discount}
    with shop.elevated() as env, pytest.raises(ValidationError, match="between 0 and 100 percent"), env.savepoint():
        _quotation(env, order_line=[line])


def test_an_order_is_confirmed_and_cancelled_but_never_revived(shop: Shop) -> None:
    with shop.elevated() as env:
        order = _quotation(env)
        states: list[OrderState] = []
        for action in (order.action_confirm, order.action_confirm, order.action_cancel, order.action_cancel):
            action()
            states.append(order.state)
        assert states == [OrderState.SALE, OrderState.SALE, OrderState.CANCEL, OrderState.CANCEL]
        with pytest.raises(UserError, match="is cancelled"):
            order.action_confirm()


def test_only_confirming_and_cancelling_can_be_called_from_outside(shop: Shop) -> None:
    assert dict(shop.registry["sale.order"].public) == {"action_confirm": "write", "action_cancel": "write"}
    assert dict(shop.registry["sale.order.line"].public) == {}


def test_a_salesperson_sees_and_changes_own_orders_only(northwind: Shop) -> None:
    with northwind.elevated() as env:
        people = {user.login: user.id for user in env[Users].search([["groups_id.key", "=", "sale.salesperson"]])}
        theirs = {name: env[Order].search_count([["user_id", "=", user]]) for name, user in people.items()}
        not_hers = env[Order].search([["user_id", "=", people["Andrew"]]], limit=1)
        foreign, line = not_hers.id, not_hers.order_line[0].id
    northwind.ensure_profiles()
    assert theirs["Nancy"] == 123
    assert sum(theirs.values()) == 830
    with northwind.acting(northwind.known(people["Nancy"])) as env:
        mine = env[Order].search([])
        assert len(mine) == 123
        assert set(mine.mapped(Order.user_id).ids) == {people["Nancy"]}
        assert env[OrderLine].search_count() == len(mine.mapped("order_line"))
        assert not env[Order].browse(foreign).exists()
        assert not env[OrderLine].browse(line).exists()
        mine[0].action_confirm()
        with pytest.raises(MissingError), env.savepoint():
            env[Order].browse(foreign).write({"note": "mine now"})
        with pytest.raises(MissingError), env.savepoint():
            env[OrderLine].browse(line).write({"discount": 100})


def test_a_salesperson_cannot_make_orders_for_others_nor_lines_in_theirs(northwind: Shop) -> None:
    nancy, boss = northwind.user("nan", "sale.salesperson"), northwind.user("boss", "sale.manager")
    with northwind.acting(boss) as env:
        theirs = env[Order].search([], limit=1)
        customer = env[Partner].search([["ref", "=", "ALFKI"]])
        assert theirs.user_id.id != nancy.user
    with northwind.acting(nancy) as env:
        own = env[Order].create({"partner_id": customer.id, "order_line": [{"name": "x", "price_unit": 3}]})
        assert own.user_id.id == nancy.user
        assert own.amount_total == 3
        for values in ({"partner_id": customer.id, "user_id": boss.user}, {"partner_id": customer.id, "user_id": None}):
            with pytest.raises(AccessError), env.savepoint():
                env[Order].create(values)
        with pytest.raises(AccessError), env.savepoint():
            own.write({"user_id": boss.user})  # written when the savepoint ends
        with pytest.raises(AccessError), env.savepoint():
            env[OrderLine].create({"order_id": theirs.id, "name": "x"})
        with pytest.raises(AccessError), env.savepoint():
            own.unlink()


def test_a_manager_sees_all_orders_of_the_companies_he_works_in(northwind: Shop) -> None:
    with northwind.elevated() as env:
        main = env[Company].search([])
        other = env[Company].create({"name": "Other", "currency_id": main.currency_id})
        _quotation(env, company_id=other, order_line=[{"name": "x"}])
        companies = (main.id, other.id)
    here = northwind.user("here", "sale.manager", companies=companies[:1])
    there = northwind.user("there", "sale.manager", companies=companies[1:])
    for who, orders, lines in ((here, 830, 2155), (there, 1, 1)):
        with northwind.acting(who) as env:
            assert (env[Order].search_count(), env[OrderLine].search_count()) == (orders, lines)


def test_a_manager_deletes_an_order_with_its_lines(northwind: Shop) -> None:
    with northwind.acting(northwind.user("boss", "sale.manager")) as env:
        orders = env[Order].search([["name", "in", ["10248", "10249"]]])
        lines = len(orders.mapped("order_line"))
        orders.unlink()
        assert (env[Order].search_count(), env[OrderLine].search_count()) == (828, 2155 - lines)


@pytest.mark.parametrize("company", ["abc", "1", True, 1.5, [1, 2]])
def test_a_company_that_is_none_is_refused_in_a_sentence(shop: Shop, company: object) -> None:
    with shop.elevated() as env, pytest.raises(ValidationError), env.savepoint():
        _quotation(env, company_id=company)


def test_an_import_by_a_salesperson_keeps_to_his_rights(northwind: Shop) -> None:
    nancy = northwind.user("nan", "sale.salesperson")
    file = b"number,customer,seller\nN1,ALFKI,nan\nN2,ALFKI,Andrew\nN3,ANTON,\n"
    maps = [("number", "name"), ("customer", "partner_id"), ("seller", "user_id")]
    with northwind.acting(nancy) as env:
        plan = make_plan(env.registry, env.registry["sale.order"], Options(maps=maps))
        report = import_csv(env, plan, io.BytesIO(file), partial=True)
        assert (report.created, [error.line for error in report.errors]) == (2, [3])
        assert env[Order].search_count() == 2


def test_who_is_in_no_group_of_sales_sees_no_orders(northwind: Shop) -> None:
    clerk = northwind.user("clerk", "contacts.user")
    with northwind.acting(clerk) as env, pytest.raises(AccessError), env.savepoint():
        env[Order].search_count()


def test_an_administrator_is_in_the_groups_of_all_apps(shop: Shop) -> None:
    with shop.acting(shop.user("ada", "base.admin")) as env:
        for group in ("base.user", "contacts.manager", "products.manager", "sale.manager", "sale.salesperson"):
            assert env.has_group(group), group


def test_a_thousand_orders_without_numbers_take_a_thousand_numbers(shop: Shop) -> None:
    seller = shop.user("sam", "sale.salesperson")
    with shop.acting(seller) as env:
        customer = _customer(env)
        orders = env[Order].create([{"partner_id": customer} for _ in range(1000)])
        assert orders.mapped(Order.name) == [f"S{number:05}" for number in range(1, 1001)]
