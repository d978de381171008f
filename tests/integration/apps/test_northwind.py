"""Northwind: every record is there once, every total is right to the cent, and loading it again changes nothing."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources

from growsoft.apps.contacts.models import Partner
from growsoft.apps.products.models import Category, Product
from growsoft.apps.sale.demo import load_northwind
from growsoft.apps.sale.models import Order, OrderLine, OrderState
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.shop import Shop

COUNTS = {
    "customers": 91,
    "customer persons": 91,
    "suppliers": 29,
    "supplier persons": 29,
    "shippers": 6,
    "employees": 9,
    "categories": 8,
    "products": 77,
    "salespeople": 9,
    "orders": 830,
    "lines": 2155,
}


def _rows(file: str) -> Iterator[dict[str, str]]:
    text = resources.files("growsoft.apps.sale.demo").joinpath("northwind", file).read_text("utf-8")
    yield from csv.DictReader(text.splitlines(keepends=True))


def test_every_record_is_there_once(northwind: Shop) -> None:
    with northwind.elevated() as env:
        assert env[Partner].search_count([["customer_rank", ">", 0]]) == 91
        assert env[Partner].search_count([["supplier_rank", ">", 0]]) == 29
        assert env[Partner].search_count([["is_company", "=", True]]) == 91 + 29 + 6
        assert env[Partner].search_count([["user_id", "!=", None]]) == 0
        assert env["res.users"].search_count([["groups_id.key", "=", "sale.salesperson"]]) == 9
        assert env[Category].search_count() == 8
        assert env[Product].search_count() == 77
        assert env[Product].search_count([["sale_ok", "=", False]]) == 10
        assert env[Order].search_count([["state", "=", "sale"]]) == 830
        assert env[OrderLine].search_count() == 2155
        references = env[Partner].search([["ref", "!=", ""]]).mapped(Partner.ref)
        assert len(references) == len(set(references)) == env[Partner].search_count()


def test_every_total_is_the_sum_of_lines_rounded_half_up(northwind: Shop) -> None:
    cent = Decimal("0.01")
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    exact: defaultdict[str, Decimal] = defaultdict(Decimal)
    uneven = 0
    for row in _rows("order_details.csv"):
        amount = Decimal(row["quantity"]) * Decimal(row["unit_price"]) * (1 - Decimal(row["discount"]))
        totals[row["order_id"]] += amount.quantize(cent, ROUND_HALF_UP)
        exact[row["order_id"]] += amount
        uneven += amount != amount.quantize(cent, ROUND_HALF_UP)
    decided = [order for order, total in totals.items() if total != exact[order].quantize(cent, ROUND_HALF_UP)]
    assert (uneven, len(decided)) == (81, 7)
    with northwind.elevated() as env:
        found = {order.name: order.amount_total for order in env[Order].search([])}
        lines = sum(env[OrderLine].search([]).mapped(OrderLine.price_subtotal), Decimal(0))
    assert found == totals
    assert lines == sum(totals.values()) == Decimal("1265793.29")


def test_orders_say_what_the_file_says(northwind: Shop) -> None:
    with northwind.elevated() as env:
        orders = {order.name: order for order in env[Order].search([])}
        for row in _rows("orders.csv"):
            order = orders[row["order_id"]]
            assert order.partner_id.ref == row["customer_id"]
            assert order.user_id.name == _EMPLOYEES[row["employee_id"]]
            assert order.date_order.strftime("%Y-%m-%d") == row["order_date"]
            assert (order.effective_date is None) == (row["shipped_date"] == "")
            assert order.amount_delivery == Decimal(row["freight"])
            assert order.carrier_id.ref == f"C-{row['ship_via']}"
            assert order.delivery_address.startswith(row["ship_name"].strip())
            assert order.state is OrderState.SALE


def test_contacts_say_what_the_files_say(northwind: Shop) -> None:
    with northwind.elevated() as env:
        partners = {partner.ref: partner for partner in env[Partner].search([])}
        for row in _rows("customers.csv"):
            partner, person = partners[row["customer_id"]], partners["P-" + row["customer_id"]]
            assert (partner.name, partner.street, partner.city) == (row["company_name"], row["address"], row["city"])
            assert (partner.zip, partner.phone) == (row["postal_code"], row["phone"])
            assert partner.state_id.name == row["region"]
            assert bool(partner.state_id) == bool(row["region"])
            assert person.name == row["contact_name"]
            assert person.parent_id == partner
        assert partners["AROUT"].country_id.code == "GB"
        assert partners["GREAL"].country_id.code == "US"
        assert partners["GREAL"].state_id.country_id == partners["GREAL"].country_id
        # In the file, who reports to whom stands before and after the one he reports to.
        assert partners["E-1"].parent_id.name == "Andrew Fuller"
        assert partners["E-9"].parent_id.name == "Steven Buchanan"
        assert not partners["E-2"].parent_id
        assert partners["E-1"].street == r"507 - 20th Ave. E.\nApt. 2A"


def test_products_say_what_the_file_says(northwind: Shop) -> None:
    with northwind.elevated() as env:
        products = {product.default_code: product for product in env[Product].search([])}
        for row in _rows("products.csv"):
            product = products[row["product_id"]]
            assert (product.name, product.uom_name) == (row["product_name"], row["quantity_per_unit"])
            assert product.supplier_id.ref == f"S-{row['supplier_id']}"
            assert product.categ_id.code == row["category_id"]
            assert product.list_price == Decimal(row["unit_price"])
            assert product.qty_available == Decimal(row["units_in_stock"])
            assert product.sale_ok == (row["discontinued"] == "0")
    with northwind.elevated() as env:
        assert max(env[OrderLine].search([]).mapped(OrderLine.discount)) == 25


def test_loading_it_again_changes_no_record(northwind: Shop) -> None:
    with northwind.elevated() as env:
        before = {model: _versions(northwind, model) for model in ("res.partner", "sale.order", "sale.order.line")}
        assert load_northwind(env) == COUNTS
    assert before == {model: _versions(northwind, model) for model in before}


def test_salespeople_have_no_password_and_no_way_to_administer(northwind: Shop) -> None:
    with northwind.elevated() as env:
        sellers = env["res.users"].search([["groups_id.key", "=", "sale.salesperson"]])
        groups = sellers.mapped("groups_id.key")
    with superuser(replace(northwind.server, dbname=northwind.database.name)) as connection:
        assert connection.run(sql("SELECT count(*) FROM gs_priv.credential")).scalar(int) == 0
    assert set(groups) == {"sale.salesperson"}


_EMPLOYEES = {row["employee_id"]: f"{row['first_name']} {row['last_name']}" for row in _rows("employees.csv")}


def _versions(shop: Shop, model: str) -> list[tuple[int, int]]:
    with shop.elevated() as env:
        return [(row["id"], row["version"]) for row in env[model].search_read([], ["version"], order="id")]
