"""Records with their lines in one file: rows that say nothing but lines belong to the record before them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest

from growsoft.apps.sale.models import Order
from growsoft.exchange.plan import Options, PlanRefused
from growsoft.exchange.report import Report
from growsoft.exchange.rows import MAX_LINES
from growsoft.orm.env import Locale
from tests.acceptance.importing.conftest import bring
from tests.support.shop import Shop
from tests.support.workbooks import workbook

HEADER = ["name", "partner_id", "order_line/product_id", "order_line/product_uom_qty", "order_line/discount"]
ROWS: list[list[object]] = [
    ["X1", "Ann", "Tea", 2, 0],
    ["", "", "Coffee", 1.5, 10],
    ["", "", "Tea", 7, 0],
    ["X2", "Bob", "Coffee", 4, 0],
    ["X3", "Bob", "", "", ""],
]
ORDERS = {"X1": [("Tea", "2"), ("Coffee", "1.5"), ("Tea", "7")], "X2": [("Coffee", "4")], "X3": []}
BY_NAME = Options(key=["name"])


def text_of(rows: Sequence[Sequence[object]], header: Sequence[str] = HEADER) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue()


def orders_of(shop: Shop) -> dict[str, list[tuple[str, str]]]:
    with shop.elevated() as env:
        return {
            order.name: [
                (line.product_id.name, f"{line.product_uom_qty.normalize():f}") for line in order.order_line
            ]
            for order in env[Order].search([])
        }  # fmt: skip


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """A shop with two customers and two products."""
    with shop.elevated() as env:
        env["res.partner"].create([{"name": "Ann"}, {"name": "Bob"}])
        env["product.product"].create([{"name": "Tea", "list_price": 3}, {"name": "Coffee", "list_price": 5}])
    return shop


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_orders_come_with_their_lines_and_the_second_run_changes_nothing(stocked: Shop, kind: str) -> None:
    file = text_of(ROWS) if kind == "csv" else workbook({"Orders": [HEADER, *ROWS]})
    for expected in (Report(3, 0, 0), Report(0, 3, 3)):
        with stocked.elevated() as env:
            assert bring(env, "sale.order", file, BY_NAME) == expected
        assert orders_of(stocked) == ORDERS
    with stocked.elevated() as env:
        order = env[Order].search([["name", "=", "X1"]])
        assert order.amount_total == Decimal(2) * 3 + Decimal("1.5") * 5 * Decimal("0.9") + 7 * 3


def test_the_lines_of_a_file_are_all_that_a_record_has_afterwards(stocked: Shop) -> None:
    with stocked.elevated() as env:
        bring(env, "sale.order", text_of(ROWS), BY_NAME)
        kept = env[Order].search([["name", "=", "X1"]]).order_line.ids[0]
        changed = [["X1", "Ann", "Tea", 2, 0], ["", "", "Coffee", 9, 0]]
        assert bring(env, "sale.order", text_of(changed), BY_NAME) == Report(0, 1, 0)
        assert env[Order].search([["name", "=", "X1"]]).order_line.ids[0] == kept
    assert orders_of(stocked) == {**ORDERS, "X1": [("Tea", "2"), ("Coffee", "9")]}


def test_a_row_without_lines_leaves_those_of_its_record_alone(stocked: Shop) -> None:
    with stocked.elevated() as env:
        bring(env, "sale.order", text_of(ROWS), BY_NAME)
        assert bring(env, "sale.order", text_of([["X1", "Bob", "", "", ""]]), BY_NAME) == Report(0, 1, 0)
    assert orders_of(stocked) == ORDERS


def test_lines_are_known_by_their_external_ids(stocked: Shop) -> None:
    header = ["id", "partner_id", "order_line/id", "order_line/product_id", "order_line/product_uom_qty"]
    first = [["o1", "Ann", "l1", "Tea", 1], ["", "", "l2", "Coffee", 2]]
    second = [["o1", "Ann", "l2", "Coffee", 5], ["", "", "l3", "Tea", 3]]
    with stocked.elevated() as env:
        assert bring(env, "sale.order", text_of(first, header)) == Report(1, 0, 0)
        before = env[Order].search([]).order_line.ids
        assert bring(env, "sale.order", text_of(second, header)) == Report(0, 1, 0)
        order = env[Order].search([])
        assert [(line.product_id.name, int(line.product_uom_qty)) for line in order.order_line] == [
            ("Coffee", 5),
            ("Tea", 3),
        ]
        assert order.order_line.ids[0] == before[1]
        assert bring(env, "sale.order", text_of(second, header)) == Report(0, 1, 1)


def test_a_line_that_does_not_fit_is_told_by_its_own_row_and_the_whole_record_stays_out(stocked: Shop) -> None:
    bad = [["X1", "Ann", "Tea", 2, 0], ["", "", "Milk", 1, 0], ["", "", "Tea", "many", 0], ["X2", "Bob", "Tea", 1, 0]]
    file = text_of(bad)
    with stocked.elevated() as env:
        report = bring(env, "sale.order", file, BY_NAME)
    assert [(error.line, error.column) for error in report.errors] == [
        (3, "order_line/product_id"),
        (4, "order_line/product_uom_qty"),
    ]
    assert stocked.take("sale.order", file, _mapped(), partial=True).created == 1
    assert orders_of(stocked) == {"X2": [("Tea", "1")]}


def test_what_the_database_refuses_about_a_line_names_the_record(stocked: Shop) -> None:
    with stocked.elevated() as env:
        report = bring(env, "sale.order", text_of([["X1", "Ann", "Tea", 2, 0], ["", "", "Tea", 2, 101]]), BY_NAME)
    (error,) = report.errors
    assert (error.line, error.reason) == (2, "A discount is between 0 and 100 percent.")
    assert orders_of(stocked) == {}


def test_a_record_has_no_more_lines_than_fit_into_memory(stocked: Shop) -> None:
    rows = [["X1", "Ann", "Tea", 1, 0], *(["", "", "Tea", 1, 0] for _ in range(MAX_LINES))]
    with stocked.elevated() as env:
        report = bring(env, "sale.order", text_of(rows), BY_NAME)
    assert [error.reason for error in report.errors] == ["This record has more than 10,000 lines."]


def test_lines_before_any_record_are_refused_as_records_without_what_they_need(stocked: Shop) -> None:
    with stocked.elevated() as env:
        report = bring(env, "sale.order", text_of([["", "", "Tea", 1, 0]]))
    assert report.errors
    assert report.errors[0].line == 2


def test_moments_in_cells_are_in_the_time_zone_of_who_imports(stocked: Shop) -> None:
    moment = datetime(2026, 7, 1, 18, 30)  # noqa: DTZ001  sheets have no zones
    sheet = workbook({"Orders": [["name", "partner_id", "date_order"], ["X1", "Ann", moment]]})
    with stocked.elevated() as env:
        berlin = env.in_locale(Locale("en_US", "Europe/Berlin"))
        bring(berlin, "sale.order", sheet)
        bring(berlin, "sale.order", "name,partner_id,date_order\nX2,Ann,2026-01-01 18:30\nX3,Ann,2026-07-01 18:30Z\n")
        found = {order.name: f"{order.date_order:%H:%M}" for order in env[Order].search([])}
    assert found == {"X1": "16:30", "X2": "17:30", "X3": "18:30"}


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("order_line/order_id", "the lines of a record are its own"),
        ("order_line/nothing", "sale.order.line has no field 'nothing'"),
        ("order_line/price_subtotal", "sale.order.line keeps for itself"),
        ("order_line", "sale.order keeps for itself 'order_line'"),
        ("partner_id/child_ids/name", "leads nowhere|is neither|no field"),
    ],
)
def test_columns_that_make_no_sense_are_refused(stocked: Shop, column: str, words: str) -> None:
    with stocked.elevated() as env, pytest.raises(PlanRefused, match=words):
        bring(env, "sale.order", f"name,partner_id,{column}\nX1,Ann,1\n")


def _mapped() -> Options:
    return Options(maps=[(name, name) for name in HEADER], key=["name"])
