"""What is exported comes back as it was: into an empty database equal records, into its own nothing new."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from growsoft.apps.contacts.models import Partner
from growsoft.apps.products.models import Product
from growsoft.apps.sale.models import Order
from growsoft.exchange.exporting import Kind, export_file
from growsoft.exchange.importing import import_file
from growsoft.exchange.plan import Options
from growsoft.exchange.report import Report
from growsoft.orm import Env
from growsoft.orm.env import Locale
from tests.acceptance.exporting.conftest import exported, table
from tests.acceptance.importing.conftest import bring
from tests.support.shop import Shop

KINDS: Final[tuple[Kind, ...]] = ("csv", "xlsx")
USERS: Final = ["id", "login", "name", "company_ids", "groups_id/key", "tz", "lang"]
# In an order in which what is linked comes first; the people and their contacts lead to each other.
FILES: Final[Sequence[tuple[str, Sequence[str]]]] = [
    ("res.users", USERS),
    ("res.partner", ()),
    ("res.users", ["id", "login", "partner_id/id"]),
    ("product.category", ()),
    ("product.product", ()),
    ("sale.order", [
        "id", "name", "partner_id/id", "user_id/login", "date_order", "validity_date", "commitment_date",
        "effective_date", "state", "currency_id/name", "carrier_id/id", "amount_delivery", "delivery_address", "note",
        "order_line/id", "order_line/sequence", "order_line/product_id/id", "order_line/product_uom_qty",
        "order_line/discount", "order_line/name", "order_line/price_unit",
    ]),
]  # fmt: skip
# What there is to compare: all that people entered, and what was worked out of it.
COMPARED: Final = {
    "res.partner": [
        "ref", "name", "company_name", "is_company", "parent_id/ref", "function", "phone", "street", "city",
        "state_id/name", "state_id/country_id/code", "zip", "country_id/code", "customer_rank", "supplier_rank",
        "comment", "user_id/login", "active",
    ],
    "product.category": ["name", "code", "parent_id/name", "description"],
    "product.product": [
        "default_code", "name", "categ_id/code", "supplier_id/ref", "uom_name", "list_price", "standard_price",
        "qty_available", "incoming_qty", "reordering_min_qty", "description_sale", "sale_ok", "company_id/name",
    ],
    "sale.order": [
        "name", "partner_id/ref", "user_id/partner_id/ref", "date_order", "validity_date", "commitment_date",
        "effective_date", "state", "company_id/name", "currency_id/name", "carrier_id/name", "amount_delivery",
        "delivery_address", "note", "amount_total", "order_line/product_id/default_code", "order_line/name",
        "order_line/product_uom_qty", "order_line/price_unit", "order_line/discount", "order_line/price_subtotal",
    ],
    "res.users": ["login", "name", "partner_id/ref", "groups_id/key", "company_ids/name"],
}  # fmt: skip


def everything(env: Env) -> dict[str, list[list[str]]]:
    people = [["login", "not like", "__%"]]
    return {
        model: table(exported(env, model, paths, people if model == "res.users" else ()))
        for model, paths in COMPARED.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_northwind_goes_into_an_empty_database_and_is_the_same_there(northwind: Shop, shop: Shop, kind: Kind) -> None:
    with northwind.elevated() as env:
        berlin = env.in_locale(Locale("en_US", "Europe/Berlin"))
        people = [["login", "not like", "__%"]]
        files = [(model, exported(berlin, model, paths, people if model == "res.users" else (), kind=kind))
                 for model, paths in FILES]  # fmt: skip
        before = everything(env)
    with shop.elevated() as env:
        berlin = env.in_locale(Locale("en_US", "Europe/Berlin"))
        for model, file in files:
            report = bring(berlin, model, file, Options(key=["login"]) if model == "res.users" else None)
            assert report.errors == (), model
        after = everything(env)
        # Records that wait for others of their file come after them: but for that they are in the same order.
        assert {model: sorted(rows) for model, rows in after.items()} == {
            model: sorted(rows) for model, rows in before.items()
        }
        assert after["sale.order"] == before["sale.order"]
        assert env[Order].search_count([]) == 830
    with northwind.elevated() as env:
        berlin = env.in_locale(Locale("en_US", "Europe/Berlin"))
        for model, file in files:
            report = bring(berlin, model, file, Options(key=["login"]) if model == "res.users" else None)
            assert (report.errors, report.created) == ((), 0), model
            assert report.updated == report.unchanged, model


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffe\uffff"), max_size=40
) | st.sampled_from(
    [
        "=1+1",
        "+49 30",
        "-5",
        "@x",
        "\tx",
        "\rx",
        "'=1",
        "''",
        "'",
        "' ",
        " ",
        "\n",
        "=",
        "''=1",
        "'t Hooft",
        '"',
        "a,b",
        "_x0041_",
    ]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(KINDS), rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=12))
def test_any_text_comes_back_as_it_was(shop: Shop, kind: Kind, rows: list[tuple[str, str]]) -> None:
    with shop.elevated() as env:
        env[Partner].search([]).unlink()
        made = env[Partner].create([{"name": name or "?", "comment": comment} for name, comment in rows])
        names = ["id", "name", "comment"]
        file = exported(env, "res.partner", names, kind=kind)
        assert bring(env, "res.partner", file) == Report(0, len(rows), len(rows))
        made.write({"name": "other", "comment": "other"})
        bring(env, "res.partner", file)
        assert [(one.name, one.comment) for one in made] == [(name or "?", comment) for name, comment in rows]


NUMBERS = st.decimals(-(10**12), 10**12, places=6) | st.sampled_from([Decimal("0.1"), Decimal("123456789012.123456")])
MOMENTS = st.datetimes(datetime(1800, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Africa/Monrovia", "Australia/Lord_Howe"]),
    rows=st.lists(st.tuples(MOMENTS, st.none() | st.dates(date(1, 1, 1))), min_size=1, max_size=10),
)
def test_any_moment_and_day_comes_back_as_it_was(
    northwind: Shop, kind: Kind, zone: str, rows: list[tuple[datetime, date | None]]
) -> None:
    with northwind.elevated() as env:
        there = env.in_locale(Locale("en_US", zone))
        orders = there[Order].search([], limit=len(rows), order="id")
        for order, (moment, day) in zip(orders, rows, strict=True):
            order.write({"date_order": moment, "validity_date": day})
        names = ["id", "date_order", "validity_date"]
        file = exported(there, "sale.order", names, [["id", "in", orders.ids]], kind=kind)
        assert bring(there, "sale.order", file) == Report(0, len(rows), len(rows))


@pytest.mark.parametrize("kind", KINDS)
def test_moments_around_the_change_of_clocks_come_back_as_they_were(northwind: Shop, kind: Kind) -> None:
    with northwind.elevated() as env:
        berlin = env.in_locale(Locale("en_US", "Europe/Berlin"))
        orders = berlin[Order].search([], limit=8, order="id")
        for number, order in enumerate(orders):
            order.date_order = datetime(2026, 10, 24, 23, tzinfo=UTC) + timedelta(minutes=30 * number)
        file = exported(berlin, "sale.order", ["id", "date_order"], [["id", "in", orders.ids]], kind=kind)
        assert bring(berlin, "sale.order", file) == Report(0, 8, 8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(KINDS), rows=st.lists(st.tuples(NUMBERS, NUMBERS, st.booleans()), min_size=1, max_size=10))
def test_any_number_comes_back_as_it_was(shop: Shop, kind: Kind, rows: list[tuple[Decimal, Decimal, bool]]) -> None:
    with shop.elevated() as env:
        env[Product].search([]).unlink()
        env[Product].create(
            [{"name": "x", "list_price": abs(price), "qty_available": stock.quantize(Decimal("0.001")), "sale_ok": yes}
             for price, stock, yes in rows]
        )  # fmt: skip
        file = exported(env, "product.product", ["id", "list_price", "qty_available", "sale_ok"], kind=kind)
        assert bring(env, "product.product", file) == Report(0, len(rows), len(rows))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_emptied_on_purpose_stays_empty_in_the_copy(shop: Shop, kind: Kind) -> None:
    """An empty cell alone would give the new record the default of its field."""
    with shop.elevated() as env:
        customer = env[Partner].create({"name": "Ann"})
        env[Order].create({"name": "X1", "partner_id": customer, "user_id": None})
        file = exported(env, "sale.order", ["name", "partner_id", "user_id", "order_line/name"], kind=kind)
        assert table(file)[1] == ["X1", "Ann", "'", ""]
        env[Order].search([]).unlink()
    person = shop.user("ann", "sale.manager", "contacts.manager")
    with shop.acting(person) as env:
        assert import_file(env, "sale.order", io.BytesIO(file), Options()) == Report(1, 0, 0)
        assert not env[Order].search([]).user_id


def test_an_export_of_nothing_has_a_header_that_imports_as_nothing(shop: Shop) -> None:
    with shop.elevated() as env:
        for kind in KINDS:
            file = exported(env, "sale.order", kind=kind)
            assert len(table(file)) == 1
            assert bring(env, "sale.order", file) == Report(0, 0, 0)


def test_it_says_how_much_there_is(northwind: Shop) -> None:
    with northwind.elevated() as env:
        told: list[int] = []
        out = io.BytesIO()
        done = export_file(env, "sale.order", out, ["name", "order_line/name"], progress=told.append)
        assert (done.records, done.rows) == (830, 2155)
        assert told[-1] == 830
        assert len(told) > 1
