"""Clean files: everything goes in, a second run changes what changed, and a dry run nothing at all."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from growsoft.apps.base.models import CountryState, Users
from growsoft.apps.contacts.models import Partner
from growsoft.apps.products.models import Category, Product
from growsoft.apps.sale.models import Order, OrderState
from growsoft.exchange.escaping import harmless
from growsoft.exchange.plan import Options, PlanRefused
from growsoft.exchange.report import Report
from tests.acceptance.importing.conftest import CUSTOMERS, northwind_file
from tests.support.shop import Shop

NAMED = [("id", "ref"), ("name", "name")]


def test_every_row_becomes_a_record_and_the_second_run_finds_them_all(shop: Shop, customers: str) -> None:
    assert shop.take("res.partner", customers, CUSTOMERS) == Report(created=91, updated=0, unchanged=0)
    assert shop.take("res.partner", customers, CUSTOMERS) == Report(created=0, updated=91, unchanged=91)
    assert shop.count("res.partner") == 91
    with shop.elevated() as env:
        assert set(env[Partner].search([]).mapped(Partner.customer_rank)) == {1}
        assert {row["version"] for row in env[Partner].search_read([], ["version"])} == {1}


def test_a_second_run_brings_what_changed(shop: Shop, customers: str) -> None:
    shop.take("res.partner", customers, CUSTOMERS)
    changed = customers.replace("London", "Leeds").replace("Maria Anders", "Mario Anders") + _row(
        "NEWCO", "New Co", "Ann New"
    )
    assert shop.take("res.partner", changed, CUSTOMERS) == Report(created=1, updated=91, unchanged=91 - 7)
    with shop.elevated() as env:
        assert env[Partner].search([["ref", "=", "ALFKI"]]).name == "Mario Anders"
        assert env[Partner].search_count([["city", "=", "London"]]) == 0


def test_without_a_key_every_row_is_new(shop: Shop) -> None:
    file = "name\nA\nA\n"
    assert shop.take("res.partner", file, Options(maps=[("name", "name")])) == Report(2, 0, 0)
    assert shop.take("res.partner", file, Options(maps=[("name", "name")])) == Report(2, 0, 0)
    assert shop.count("res.partner") == 4


def test_a_dry_run_tells_the_numbers_and_changes_nothing(shop: Shop, customers: str) -> None:
    states = shop.count("res.country.state")
    assert shop.take("res.partner", customers, CUSTOMERS, dry_run=True) == Report(91, 0, 0)
    assert (shop.count("res.partner"), shop.count("res.country.state")) == (0, states)


def test_a_header_without_rows_is_nothing_to_do(shop: Shop) -> None:
    assert shop.take("res.partner", "id,name\n", Options(maps=NAMED, key=["ref"])) == Report(0, 0, 0)


COUNTRIES = {
    "DE": "DE", "de": "DE", "DEU": "DE", "Germany": "DE", "GERMANY": "DE", "UK": "GB", "United Kingdom": "GB",
    "GB": "GB", "England": "GB", "USA": "US", "U.S.A.": "US", "United States": "US", "Czech Republic": "CZ",
    "Czechia": "CZ", "Ivory Coast": "CI", " Brazil ": "BR", "Türkiye": "TR", "Turkey": "TR", "South Korea": "KR",
    "Russia": "RU",
}  # fmt: skip


def test_a_country_is_found_by_codes_names_and_aliases(shop: Shop) -> None:
    file = "name,country\n" + "".join(f"{text},{text}\n" for text in COUNTRIES)
    shop.take("res.partner", file, Options(maps=[("name", "name"), ("country", "country_id")]))
    with shop.elevated() as env:
        assert {partner.name: partner.country_id.code for partner in env[Partner].search([])} == COUNTRIES


def test_a_state_is_looked_for_in_the_country_of_its_row_and_made_where_it_is_unknown(shop: Shop) -> None:
    options = Options(maps=[*NAMED, ("state", "state_id"), ("country", "country_id")], key=["ref"])
    file = "id,name,state,country\n1,A,WA,USA\n2,B,WA,Australia\n3,C,wa,United States\n4,D,Québec,CA\n5,E,Atlantis,\n"
    assert shop.take("res.partner", file, options) == Report(5, 0, 0)
    assert shop.take("res.partner", file, options) == Report(0, 5, 5)
    with shop.elevated() as env:
        states = {state.name + "/" + state.country_id.code: state.code for state in env[CountryState].search([])}
        assert states == {"WA/US": "WA", "WA/AU": "WA", "Québec/CA": "", "Atlantis/": ""}
        first, third = env[Partner].search([["ref", "in", ["1", "3"]]], order="ref")
        assert first.state_id == third.state_id


def test_records_of_other_files_are_told_apart_by_prefixes(shop: Shop) -> None:
    shop.take("res.partner", "id,name\n1,Customer\n", Options(maps=NAMED, prefixes=[("ref", "C-")]))
    shop.take("res.partner", "id,name\n1,Supplier\n", Options(maps=NAMED, prefixes=[("ref", "S-")]))
    products = Options(
        maps=[("id", "default_code"), ("name", "name"), ("supplier", "supplier_id")], prefixes=[("supplier_id", "S-")]
    )
    assert shop.take("product.product", "id,name,supplier\n7,Tea,1\n8,Coffee,\n", products).created == 2
    with shop.elevated() as env:
        assert env[Product].search([], order="default_code").mapped("supplier_id.name") == ["Supplier"]


def test_a_link_is_found_by_key_then_by_name_and_by_the_field_that_was_said(shop: Shop) -> None:
    with shop.elevated() as env:
        food = env[Category].create({"name": "Food", "code": "1"})
        env[Category].create({"name": "1", "code": "one"})
    for field, text in (
        ("categ_id", "1"),
        ("categ_id", "Food"),
        ("categ_id.name", "Food"),
        ("categ_id.id", str(food.id)),
    ):
        file = f"name,category\nTea,{text}\n"
        shop.take("product.product", file, Options(maps=[("name", "name"), ("category", field)]))
    with shop.elevated() as env:
        assert env[Product].search([]).mapped("categ_id.name") == ["Food"]
        assert env[Product].search_count([["categ_id", "=", food.id]]) == 4


def test_a_link_is_found_through_other_links(northwind: Shop) -> None:
    options = Options(
        maps=[("number", "name"), ("customer", "partner_id"), ("employee", "user_id.partner_id.ref")],
        prefixes=[("user_id", "E-")],
    )
    assert northwind.take("sale.order", "number,customer,employee\nX1,ALFKI,5\n", options).created == 1
    with northwind.elevated() as env:
        order = env[Order].search([["name", "=", "X1"]])
        assert (order.partner_id.name, order.user_id.name) == ("Alfreds Futterkiste", "Steven Buchanan")


def test_links_to_many_are_separated_by_commas(shop: Shop) -> None:
    options = Options(
        maps=[("login", "login"), ("login", "name"), ("groups", "groups_id")], sets=[("company_ids", "My Company")],
        key=["login"],
    )  # fmt: skip
    file = 'login,groups\nann,sale.salesperson\nbob,"sale.manager, contacts.manager"\neve,\n'
    assert shop.take("res.users", file, options) == Report(3, 0, 0)
    assert shop.take("res.users", file, options) == Report(0, 3, 3)
    assert shop.take("res.users", "login,groups\nbob,sale.manager\nann,\n", options) == Report(0, 2, 0)
    with shop.elevated() as env:
        groups = {
            user.login: user.mapped("groups_id.key")
            for user in env[Users].search([["login", "in", ["ann", "bob", "eve"]]])
        }
        assert groups == {"ann": [], "bob": ["sale.manager"], "eve": []}


def test_rows_may_refer_to_rows_below_them_in_any_depth(shop: Shop) -> None:
    depth = 60
    names = [f"{i},{i},{i + 1}" for i in range(depth)] + [f"{depth},{depth},"]
    options = Options(maps=[("id", "code"), ("name", "name"), ("above", "parent_id")], key=["code"])
    file = "id,name,above\n" + "\n".join(names) + "\n"
    assert shop.take("product.category", file, options) == Report(depth + 1, 0, 0)
    assert shop.take("product.category", file, options) == Report(0, depth + 1, depth + 1)
    with shop.elevated() as env:
        above = {category.code: category.parent_id.code for category in env[Category].search([])}
        assert above == {str(i): str(i + 1) for i in range(depth)} | {str(depth): ""}


def test_an_empty_cell_leaves_the_default_of_a_new_record_and_empties_an_old_one(shop: Shop) -> None:
    options = Options(
        maps=[*NAMED, ("city", "city"), ("rank", "customer_rank"), ("country", "country_id"), ("active", "active")],
        key=["ref"],
    )
    shop.take("res.partner", "id,name,city,rank,country,active\n1,A,Graz,2,AT,\n2,B,,,,0\n", options)
    with shop.elevated() as env:
        first, second = env[Partner].search([], order="ref")
        assert (first.active, second.active) == (True, False)
        assert (second.city, second.customer_rank, second.country_id.id) == ("", 0, 0)
    again = shop.take("res.partner", "id,name,city,rank,country,active\n1,A,,,,\n2,B,,,,\n", options)
    assert again == Report(0, 2, 1)
    with shop.elevated() as env:
        first, second = env[Partner].search([], order="ref")
        assert (first.city, first.customer_rank, first.country_id.id, first.active) == ("", 0, 0, True)
        assert second.active is False


def test_order_lines_have_no_key_of_their_own_and_are_found_by_order_and_product(northwind: Shop) -> None:
    options = Options(
        maps=[("order_id", "order_id"), ("product_id", "product_id"), ("quantity", "product_uom_qty"),
              ("unit_price", "price_unit"), ("discount", "discount")],
        scales=[("discount", "100")], key=["order_id", "product_id"],
    )  # fmt: skip
    file = northwind_file("order_details.csv")
    assert northwind.take("sale.order.line", file, options) == Report(0, 2155, 2155)
    more = file.replace("10248,11,14,12,0\n", "10248,11,14,13,0.1\n") + "10248,1,18,1,0.005\n"
    assert northwind.take("sale.order.line", more, options) == Report(1, 2155, 2154)
    with northwind.elevated() as env:
        order = env[Order].search([["name", "=", "10248"]])
        added = order.order_line.filtered(lambda line: line.product_id.default_code == "1")
        assert (added.name, added.discount, added.price_subtotal) == ("Chai", Decimal("0.5"), Decimal("17.91"))
        assert order.amount_total == Decimal("440.00") - 168 + Decimal("163.80") + Decimal("17.91")


def test_dates_choices_and_truth_are_read(shop: Shop) -> None:
    shop.take("res.partner", "id,name\n1,A\n", Options(maps=NAMED))
    options = Options(
        maps=[
            ("no", "name"),
            ("who", "partner_id"),
            ("on", "date_order"),
            ("until", "validity_date"),
            ("state", "state"),
        ]
    )
    file = "no,who,on,until,state\nN1,1,1996-07-04,1996-08-01,Sale\nN2,A,2026-11-22T10:30:00+02:00,,cancel\n"
    assert shop.take("sale.order", file, options).created == 2
    with shop.elevated() as env:
        first, second = env[Order].search([], order="name")
        assert first.date_order == datetime(1996, 7, 4, tzinfo=UTC)
        assert second.date_order == datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
        assert (first.state, second.state) == (OrderState.SALE, OrderState.CANCEL)
        assert second.validity_date is None
    turned = Options(maps=[("name", "name"), ("gone", "!sale_ok")])
    assert shop.take("product.product", "name,gone\nTea,yes\nCoffee,no\nMilk,\n", turned).created == 3
    with shop.elevated() as env:
        assert env[Product].search([["sale_ok", "=", False]]).name == "Tea"


@pytest.mark.parametrize(
    "sets", [[("country_id", "Atlantis")], [("customer_rank", "many")], [("active", "perhaps")], [("parent_id", "X")]]
)
def test_a_value_for_all_rows_that_does_not_fit_is_refused_before_the_rows(
    shop: Shop, sets: list[tuple[str, str]]
) -> None:
    with pytest.raises(PlanRefused, match="--set"):
        shop.take("res.partner", "id,name\n1,A\n", Options(maps=NAMED, sets=sets))


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELL, CELL, CELL, st.integers(0, 2**31 - 1)), min_size=1, max_size=20))
def test_whatever_text_a_file_holds_comes_back_as_it_was(shop: Shop, rows: list[tuple[str, str, str, int]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "name", "street", "notes", "rank"])
    for number, (name, street, notes, rank) in enumerate(rows):
        writer.writerow([number, harmless(name or "?"), harmless(street), harmless(notes), rank])
    options = Options(maps=[*NAMED, ("street", "street"), ("notes", "comment"), ("rank", "customer_rank")], key=["ref"])
    report = shop.take("res.partner", out.getvalue(), options)
    assert report.errors == ()
    with shop.elevated() as env:
        found = {partner.ref: partner for partner in env[Partner].search([])}
        for number, (name, street, notes, rank) in enumerate(rows):
            partner = found[str(number)]
            assert (partner.name, partner.street, partner.comment, partner.customer_rank) == (
                name or "?", street, notes, rank,
            )  # fmt: skip


def _row(*cells: str) -> str:
    return ",".join([*cells, *[""] * (11 - len(cells))]) + "\n"
