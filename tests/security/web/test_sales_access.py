"""SW-7 by the browser: what a salesperson, a colleague or a contact clerk cannot see, find, count or change."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from urllib.parse import quote

import pytest

from growsoft.apps.sale.models import OrderState
from growsoft.auth.passwords import PasswordAuthenticator
from growsoft.keeper.keeper import Keeper
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from growsoft.web.ports import Site
from tests.support.served import Answer, Browser, Showcase
from tests.support.shop import Shop
from tests.support.visitors import set_password

SECRET = "Zanzibar"
OWN_ORDERS = 2


@dataclass(frozen=True)
class Sales:
    """Two salespeople with orders of their own: what Sue has is not for Sam."""

    shop: Shop
    served: Showcase
    hers: int
    her_line: int
    his: int
    his_line: int

    def browser(self, login: str) -> Browser:
        return Browser(self.served.application()).sign_in(self.served, login)

    def read(self, model: str, record: int, *fields: str) -> tuple[object, ...]:
        """Read a record with all rights; nothing when it is gone."""
        with self.shop.elevated() as env:
            rows = env[model].browse(record).read(list(fields))
            return tuple(rows[0][name] for name in fields) if rows else ()


@pytest.fixture
def sales(shop: Shop, keeper: Keeper, authenticator: PasswordAuthenticator) -> Sales:
    groups = {"sam": "sale.salesperson", "sue": "sale.salesperson", "cat": "contacts.user", "bob": "base.user"}
    users = {login: shop.user(login, group).user for login, group in groups.items()}
    users |= {"adm": shop.user("adm", "base.admin").user, "max": shop.user("max", "products.manager").user}
    for user in users.values():
        set_password(shop.database, user, "who has none is asked to choose one first")
    with shop.elevated() as env:
        customer = env["res.partner"].create({"name": "Customer"}).id
        product = env["product.product"].create({"name": "Tea", "list_price": 3, "standard_price": Decimal(2)}).id
        made: list[tuple[int, int]] = []
        for login, note in (("sue", SECRET), ("sam", "mine"), ("sam", "mine, too")):
            order = env["sale.order"].create({
                "partner_id": customer, "user_id": users[login], "note": note, "delivery_address": note,
                "amount_delivery": 7,
            })  # fmt: skip
            line = env["sale.order.line"].create({"order_id": order.id, "product_id": product, "name": note})
            made.append((order.id, line.id))
    served = Showcase(Site("show", shop.database, shop.registry), keeper, authenticator)
    return Sales(shop, served, *made[0], *made[1])


@pytest.fixture
def sam(sales: Sales) -> Browser:
    return sales.browser("sam")


def _total(answer: Answer) -> int:
    """How many rows a list says it has in all."""
    found = re.search(r"of ([\d,]+)</span>", answer.text)
    return int(found[1]) if found else 0


def _same(one: Answer, other: Answer) -> bool:
    """Say whether two answers are alike but for their reference numbers."""
    plain = [re.sub(r"[0-9a-f]{4}-[0-9a-f]{4}|\d+", "#", answer.shown()) for answer in (one, other)]
    return one.status == other.status and plain[0] == plain[1]


def test_sw7_lists_show_count_and_find_own_orders_alone(sales: Sales, sam: Browser) -> None:
    sue = sales.browser("sue")
    assert _total(sam.get("/app/sale.order")) == OWN_ORDERS
    fields = set(re.findall(r"<code>([a-z_]+):</code>", sam.get("/app/sale.order").text))
    assert {"note", "partner_id", "amount_total", "order_line"} <= fields
    for field in fields:
        for direction in ("", "-"):
            assert _total(sam.get(f"/app/sale.order?sort={direction}{field}")) == OWN_ORDERS, field
    for query in (f"q={SECRET}", f"f=note:{SECRET}", f"f=delivery_address:{SECRET}", f"f=order_line:{SECRET}"):
        assert _total(sam.get(f"/app/sale.order?{query}")) == 0, query
    assert [_total(sue.get(f"/app/sale.order?f={field}:{SECRET}")) for field in ("note", "order_line")] == [1, 1]
    assert _total(sam.get("/app/sale.order.line")) == OWN_ORDERS
    for page in (2, 3, 10_000):
        assert _total(sam.get(f"/app/sale.order?page={page}")) == 0
    number = str(sales.read("sale.order", sales.hers, "name")[0])
    for path in (f"/app/find?q={number}", f"/app/sale.order/options?field=x&x={number}", f"/app/find?q={SECRET}"):
        assert number not in sam.get(path).shown().replace(f"“{number}”", ""), path
    assert number in sue.get(f"/app/find?q={number}").shown().replace(f"“{number}”", "")


def test_sw7_the_order_of_a_colleague_is_answered_like_none_at_all(sales: Sales, sam: Browser) -> None:
    for suffix in ("", "/edit"):
        hidden, missing = (sam.get(f"/app/sale.order/{order}{suffix}") for order in (sales.hers, 999_999))
        assert hidden.status == 404
        assert _same(hidden, missing)
    for suffix, fields in (
        ("/edit", {"v.note": "x", "version": "1"}),
        ("/edit", {"add": "order_line"}),
        ("/delete", {}),
    ):
        tried: list[Answer] = []
        for order in (sales.hers, 999_999):
            sam.get("/app")
            tried.append(sam.post(f"/app/sale.order/{order}{suffix}", fields))
        assert _same(*tried), suffix
    assert sales.read("sale.order", sales.hers, "note") == (SECRET,)


def test_sw7_lines_of_a_colleague_cannot_be_changed_taken_or_added(sales: Sales, sam: Browser) -> None:
    order, before = (
        f"/app/sale.order/{sales.his}/edit",
        sales.read("sale.order.line", sales.her_line, "name", "order_id"),
    )
    line = {"l.order_line.0.record": str(sales.her_line), "l.order_line.0.v.name": "taken"}
    for attack in (line, {**line, "l.order_line.0.delete": "1"}, {**line, "l.order_line.0.version": "1"}):
        opened = sam.get(order).inputs()
        assert sam.post(order, {**opened, **attack}).status < 500
    for path in ("/app/sale.order.line/new", f"/app/sale.order.line/{sales.his_line}/edit"):
        for link in ({"pick.order_id": str(sales.hers)}, {"id.order_id": str(sales.hers), "v.order_id": "S00001"}):
            opened = sam.get(path).inputs()
            assert sam.post(path, {**opened, "v.name": "pushed", **link}).status == 422
    opened = sam.get(f"/app/sale.order.line/{sales.his_line}/edit").inputs()
    assert sam.post(f"/app/sale.order.line/{sales.her_line}/edit", opened).status == 404
    assert sam.get(f"/app/sale.order.line/{sales.her_line}/delete").status == 404
    sam.get("/app")
    assert sam.post(f"/app/sale.order.line/{sales.her_line}/delete", {}).status == 404
    assert sales.read("sale.order.line", sales.her_line, "name", "order_id") == before
    with sales.shop.elevated() as env:
        assert env["sale.order"].browse(sales.hers).read(["order_line"])[0]["order_line"] == [sales.her_line]


def test_sw7_an_order_cannot_be_pushed_to_a_colleague_or_another_company(sales: Sales, sam: Browser) -> None:
    with sales.shop.elevated() as env:
        company = env["res.company"].create(
            {"name": "Elsewhere", "currency_id": env["res.currency"].search([], limit=1)}
        )
        sue = env["res.users"].search([["login", "=", "sue"]]).id
        there = company.id
    for attack in ({"pick.user_id": str(sue)}, {"pick.company_id": str(there)}):
        for path in (f"/app/sale.order/{sales.his}/edit", "/app/sale.order/new"):
            opened = sam.get(path).inputs()
            refused = sam.post(path, {**opened, "v.partner_id": "Customer", **attack})
            assert refused.status == 403
            assert "You may not do this" in refused.shown()
    with sales.shop.elevated() as env:
        assert env["sale.order"].search_count([["user_id", "=", sue]]) == 1
        assert env["sale.order"].search_count([["company_id", "=", there]]) == 0


def test_sw7_steps_above_a_form_are_no_input(sales: Sales, sam: Browser) -> None:
    opened = sam.get(f"/app/sale.order/{sales.his}/edit").inputs()
    assert "v.state" not in opened
    assert sam.post(f"/app/sale.order/{sales.his}/edit", {**opened, "v.state": "sale", "v.note": "seen"}).status == 303
    assert sales.read("sale.order", sales.his, "state", "note") == (OrderState.DRAFT.value, "seen")
    opened = sam.get("/app/sale.order/new").inputs()
    made = sam.post("/app/sale.order/new", {**opened, "v.partner_id": "Customer", "v.state": "sale"})
    assert sales.read("sale.order", int(made.location.rsplit("/", 1)[1]), "state") == (OrderState.DRAFT.value,)


PROMOTIONS = (
    {"v.groups_id": "Administrator"}, {"id.groups_id": [str(number) for number in range(1, 30)], "v.groups_id": ""},
    {"v.active": "1", "v.login": "root", "v.groups_id": "Administrator", "v.company_ids": "My Company"},
)  # fmt: skip


@pytest.mark.parametrize("login", ["bob", "cat", "sam", "max"])
def test_sw7_nobody_promotes_himself(sales: Sales, login: str) -> None:
    browser = sales.browser(login)
    with sales.shop.elevated() as env:
        user = env["res.users"].search([["login", "=", login]]).id
        own = env["res.groups"].search([["key", "=", "base.user"]]).id
    before = sales.shop.known(user)
    for path in (
        f"/app/res.users/{user}/edit",
        "/app/res.users/new",
        f"/app/res.groups/{own}/edit",
        "/app/res.groups/new",
    ):
        for fields in (*PROMOTIONS, {"v.implied_ids": "Administrator", "v.name": "x", "v.key": "base.admin"}):
            browser.get("/app")
            assert browser.post(path, {"version": "1", "v.name": "x", **fields}).status == 404, path
    for model in ("res.company", "res.country", "res.currency", "ir.sequence", "ir.config_parameter", "res.users"):
        browser.get("/app")
        assert browser.post(f"/app/{model}/1/delete", {}).status == 404
    assert sales.shop.known(user) == before
    # The same form in the hands of an administrator does what was attempted.
    administrator = sales.browser("adm")
    opened = administrator.get(f"/app/res.users/{user}/edit").inputs()
    administrator.post(f"/app/res.users/{user}/edit", {**opened, "v.groups_id": "Administrator"})
    assert sales.shop.known(user) != before


def test_sw7_a_group_that_an_administrator_makes_is_never_one_of_an_app(sales: Sales) -> None:
    administrator = sales.browser("adm")
    opened = administrator.get("/app/res.groups/new").inputs()
    made = administrator.post("/app/res.groups/new", {**opened, "v.name": "Hosts", "v.key": "instance.operator"})
    assert made.status == 303
    assert sales.read("res.groups", int(made.location.rsplit("/", 1)[1]), "name", "key") == ("Hosts", "")


def test_sw7_a_kept_field_cannot_be_seen_searched_sorted_by_or_written(sales: Sales) -> None:
    bob, manager = sales.browser("bob"), sales.browser("max")
    for path in ("/app/product.product", "/app/product.product/1"):
        assert "standard_price" not in bob.get(path).text
        assert "Cost" not in bob.get(path).shown()
    for query in (
        "f=standard_price:>1000",
        "f=standard_price:2",
        "q=" + quote("standard_price:>1000"),
        "sort=standard_price",
    ):
        plain = bob.get("/app/product.product")
        assert query.startswith("q=") or _total(bob.get(f"/app/product.product?{query}")) == _total(plain)
    assert _total(manager.get("/app/product.product?f=standard_price:>1000")) == 0
    assert _total(manager.get("/app/product.product?f=standard_price:2")) == 1
    assert bob.get("/app/product.product/1/edit").status == 404


def test_two_who_put_each_below_the_other_at_once_make_no_circle(sales: Sales) -> None:
    with sales.shop.elevated() as env:
        one, two, three = env["res.partner"].create([{"name": name} for name in ("One", "Two", "Three")]).ids
    forms = [_moved(sales.browser("cat"), moved, below) for moved, below in ((one, two), (two, one))]
    with ThreadPoolExecutor(len(forms)) as clerks:
        posted = [clerks.submit(form) for form in forms]
        answers = sorted((one.result() for one in posted), key=lambda answer: answer.status)
    assert [answer.status for answer in answers] == [303, 422]
    assert "cannot be below itself" in answers[1].shown()
    assert _moved(sales.browser("cat"), three, one)().status == 303


def test_a_circle_that_a_superuser_forced_hangs_nobody(sales: Sales) -> None:
    with sales.shop.elevated() as env:
        one, two, three = env["res.partner"].create([{"name": name} for name in ("One", "Two", "Three")]).ids
    with superuser(replace(sales.shop.server, dbname=sales.shop.database.name)) as connection:
        connection.run(sql("ALTER TABLE res_partner DISABLE TRIGGER gs_tree_update"))
        connection.run(
            sql("UPDATE res_partner SET parent_id = {all}::bigint - id WHERE id IN ({one}::bigint, {two}::bigint)",
                all=one + two, one=one, two=two)
        )  # fmt: skip
        connection.run(sql("ALTER TABLE res_partner ENABLE TRIGGER gs_tree_update"))
    clerk = sales.browser("cat")
    assert _moved(clerk, three, one)().status == 303
    assert "Two" in clerk.get(f"/app/res.partner/{one}").shown()


def _moved(clerk: Browser, partner: int, below: int) -> Callable[[], Answer]:
    """Open a contact's form; what is given back saves it below another one."""
    path = f"/app/res.partner/{partner}/edit"
    fields = {**clerk.get(path).inputs(), "pick.parent_id": str(below)}
    return lambda: clerk.post(path, fields)
