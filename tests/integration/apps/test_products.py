"""Products: exact prices and quantities, a cost that only few see, and categories inside of categories."""

from __future__ import annotations

from decimal import Decimal

import pytest

from growsoft.apps.products.models import Category, Product
from growsoft.errors import AccessError, ValidationError
from tests.support.shop import Shop


def test_prices_and_quantities_are_exact(shop: Shop) -> None:
    with shop.elevated() as env:
        product = env[Product].create({"name": "Tea", "list_price": "0.1", "qty_available": "1.0005"})
        env.flush()
        env.cache.forget()
        assert product.list_price == Decimal("0.1")
        assert product.qty_available == Decimal("1.001")
        assert product.sale_ok


@pytest.mark.parametrize("price", ["1e29", "123456789012345678901234567890.1234567"])
def test_a_price_may_have_more_digits_than_python_reckons_with(shop: Shop, price: str) -> None:
    with shop.elevated() as env:
        product = env[Product].create({"name": "Moon", "list_price": price})
        env.flush()
        env.cache.forget()
        assert abs(product.list_price - Decimal(price)) < Decimal("0.000001")


def test_a_price_is_never_negative(shop: Shop) -> None:
    with shop.elevated() as env, pytest.raises(ValidationError, match="zero or more"), env.savepoint():
        env[Product].create({"name": "Tea", "list_price": -1})


def test_a_category_cannot_be_part_of_itself(shop: Shop) -> None:
    with shop.elevated() as env:
        food = env[Category].create({"name": "Food"})
        fish = env[Category].create({"name": "Fish", "parent_id": food})
        assert food.child_id == fish
        with pytest.raises(ValidationError, match="cannot be below itself"), env.savepoint():
            food.parent_id = fish


def test_what_a_product_costs_is_for_those_who_buy(shop: Shop) -> None:
    with shop.elevated() as env:
        env[Product].create({"name": "Tea", "list_price": 3, "standard_price": 1})
    with shop.acting(shop.user("seller", "sale.salesperson")) as env:
        tea = env[Product].search([])
        assert "standard_price" not in tea.read()[0]
        with pytest.raises(AccessError, match="Cost"), env.savepoint():
            tea.mapped(Product.standard_price)
    with shop.acting(shop.user("buyer", "products.manager")) as env:
        assert env[Product].search([]).standard_price == 1


def test_everybody_may_look_at_products_and_few_may_change_them(shop: Shop) -> None:
    with shop.acting(shop.user("user", "base.user")) as env:
        assert env[Product].search_count() == 0
        with pytest.raises(AccessError), env.savepoint():
            env[Product].create({"name": "Tea"})
