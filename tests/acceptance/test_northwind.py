"""Northwind in the demo database: exact counts, and totals by the rounding rule, worked out here from the files."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources

import pytest

from tests.support.instance import Home

COUNTS = """
partners, products, orders = env["res.partner"], env["product.product"], env["sale.order"]
print(json.dumps({
    "customers": partners.search_count([["customer_rank", ">", 0]]),
    "suppliers": partners.search_count([["supplier_rank", ">", 0]]),
    "products": products.search_count([]),
    "categories": env["product.category"].search_count([]),
    "carriers": len(set(orders.search([]).mapped("carrier_id").ids)),
    "orders": orders.search_count([]),
    "lines": env["sale.order.line"].search_count([]),
    "discounted": env["sale.order.line"].search_count([["discount", "=", 15]]),
    "total": str(sum(orders.search([]).mapped("amount_total"))),
}))
"""


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = resources.files("growsoft.apps.sale.demo").joinpath("northwind", name).read_text("utf-8")
    yield from csv.DictReader(text.splitlines(keepends=True))


def _amount(line: dict[str, str], *, to_the_cent: bool) -> Decimal:
    exact = Decimal(line["unit_price"]) * Decimal(line["quantity"]) * (1 - Decimal(line["discount"]))
    return exact.quantize(Decimal("0.01"), ROUND_HALF_UP) if to_the_cent else exact


def _totals(*, to_the_cent: bool) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for line in _rows("order_details.csv"):
        totals[line["order_id"]] += _amount(line, to_the_cent=to_the_cent)
    return totals


def test_the_counts_are_those_of_northwind(running_instance: Home) -> None:
    found = running_instance.shell("demo", COUNTS)
    discounted = sum(Decimal(line["discount"]) == Decimal("0.15") for line in _rows("order_details.csv"))
    assert found == {
        "customers": 91, "suppliers": 29, "products": 77, "categories": 8, "carriers": 3, "orders": 830, "lines": 2155,
        "discounted": discounted, "total": str(sum(_totals(to_the_cent=True).values())),
    }  # fmt: skip


def test_each_order_comes_to_the_sum_of_its_rounded_lines(running_instance: Home) -> None:
    source = 'print(json.dumps({one.name: str(one.amount_total) for one in env["sale.order"].search([])}))'
    found = {name: Decimal(total) for name, total in running_instance.shell("demo", source).items()}
    assert found == _totals(to_the_cent=True)
    # The rule is what this test holds: rounding only the sums would give other totals.
    late = {name: total.quantize(Decimal("0.01"), ROUND_HALF_UP) for name, total in _totals(to_the_cent=False).items()}
    assert len([name for name in found if found[name] != late[name]]) == 7
    assert (
        sum(_amount(line, to_the_cent=True) != _amount(line, to_the_cent=False) for line in _rows("order_details.csv"))
        == 81
    )


@pytest.mark.parametrize(
    ("ref", "name", "city"), [("ALFKI", "Alfreds Futterkiste", "Berlin"), ("S-7", "Pavlova, Ltd.", "Melbourne")]
)
def test_references_of_different_files_do_not_meet(running_instance: Home, ref: str, name: str, city: str) -> None:
    source = f'print(json.dumps([[one.name, one.city] for one in env["res.partner"].search([["ref", "=", {ref!r}]])]))'
    assert running_instance.shell("demo", source) == [[name, city]]
