"""What is in an exported file: columns along links, languages and zones, and nothing that a spreadsheet would run."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from decimal import Decimal

import pytest

from growsoft.apps.contacts.models import Partner
from growsoft.apps.products.models import Product
from growsoft.apps.sale.models import Order
from growsoft.exchange import sheets
from growsoft.exchange.columns import ExportRefused
from growsoft.exchange.escaping import SIGNS
from growsoft.exchange.exporting import Kind
from growsoft.exchange.plan import Options
from growsoft.exchange.report import Report
from growsoft.orm.domain import DomainError
from growsoft.orm.env import Locale
from tests.acceptance.exporting.conftest import exported, table
from tests.acceptance.importing.conftest import bring
from tests.support.shop import Shop

FORMULAS = [
    "=1+1",
    "+49 30 1234",
    "-5",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "=cmd|' /C calc'!A0",
    "\N{FULLWIDTH EQUALS SIGN}1+1",
    "http://x",
]


def test_columns_lead_along_links_to_names_keys_and_numbers(northwind: Shop) -> None:
    paths = ["name", "partner_id", "partner_id.ref", "partner_id/country_id/code", "user_id/partner_id/ref", ".id",
             "partner_id/.id", "order_line/product_id/default_code", "order_line.product_uom_qty"]  # fmt: skip
    with northwind.elevated() as env:
        order = env[Order].search([["name", "=", "10248"]])
        rows = table(exported(env, "sale.order", paths, [["name", "=", "10248"]]))
        named = [order.partner_id.name, order.partner_id.ref]
        numbers = [str(order.id), str(order.partner_id.id)]
    assert rows[0] == [path.replace(".", "/") if not path.endswith(".id") else path for path in paths]
    assert rows[1][:7] == ["10248", *named, "FR", "E-5", *numbers]
    assert [row[7:] for row in rows[1:]] == [["11", "12"], ["42", "10"], ["72", "5"]]
    assert {cell for row in rows[2:] for cell in row[:7]} == {""}


def test_links_to_many_stand_in_one_cell(shop: Shop) -> None:
    with shop.elevated() as env:
        env["res.company"].create({"name": 'Brown, "Ltd."', "currency_id": env["res.currency"].search([], limit=1)})
    shop.user("ann", "sale.manager", "contacts.user")
    with shop.elevated() as env:
        file = exported(env, "res.users", ["login", "groups_id/key", "company_ids"], [["login", "=", "ann"]])
        assert table(file)[1][0] == "ann"
        assert set(table(file)[1][1].split(", ")) >= {"sale.manager", "contacts.user"}
        assert '"Brown, ""Ltd."""' in table(file)[1][2]
        assert bring(env, "res.users", file, _by("login")) == Report(0, 1, 1)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_cell_begins_with_what_a_spreadsheet_would_run(shop: Shop, kind: Kind) -> None:
    with shop.elevated() as env:
        env[Partner].create([{"name": text, "comment": text} for text in FORMULAS])
        file = exported(env, "res.partner", ["name", "comment", "customer_rank"], kind=kind)
        assert not [cell for row in table(file) for cell in row if cell[:1] in SIGNS and cell]
        assert sorted(row[0].removeprefix("'") for row in table(file)[1:]) == sorted(FORMULAS)
    if kind == "xlsx":
        with zipfile.ZipFile(io.BytesIO(file)) as parts:
            sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "<hyperlink" not in sheet


def test_numbers_are_numbers_also_below_zero(northwind: Shop) -> None:
    with northwind.elevated() as env:
        env[Product].search([], limit=1, order="id").qty_available = Decimal(-5)
        names = ["qty_available", "list_price", "sale_ok"]
        assert table(exported(env, "product.product", names))[1][0] == "-5"
        file = exported(env, "product.product", names, kind="xlsx")
        assert table(file)[1][0] == "-5"
    with zipfile.ZipFile(io.BytesIO(file)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert re.search(r'<c r="A2"[^>]*><v>-5</v></c>', sheet), sheet[:2000]
    assert 't="b"' in sheet


def test_texts_are_in_the_language_of_who_exports_and_come_back_into_it(shop: Shop) -> None:
    with shop.elevated() as env:
        german = env.in_locale(Locale("de_DE", "UTC"))
        tea = env[Product].create({"name": "Tea"})
        german[Product].browse(tea.id).name = "Tee"
        file = exported(german, "product.product", ["id", "name"])
        assert table(file)[1][1] == "Tee"
        assert bring(german, "product.product", file.replace(b"Tee", b"Schwarztee")) == Report(0, 1, 0)
        assert tea.translations("name") == {"en_US": "Tea", "de_DE": "Schwarztee"}
        assert table(exported(env, "product.product", ["name"]))[1] == ["Tea"]


def test_moments_say_their_offset_in_csv_and_show_the_clock_in_sheets(shop: Shop) -> None:
    with shop.elevated() as env:
        customer = env[Partner].create({"name": "Ann"})
        env[Order].create({"partner_id": customer, "date_order": "2026-07-01 16:30:00", "validity_date": "2026-07-02"})
        berlin = env.in_locale(Locale("en_US", "Europe/Berlin"))
        paths = ["date_order", "validity_date"]
        assert table(exported(berlin, "sale.order", paths))[1] == ["2026-07-01 18:30:00+02:00", "2026-07-02"]
        assert table(exported(env, "sale.order", paths))[1] == ["2026-07-01 16:30:00+00:00", "2026-07-02"]
        assert table(exported(berlin, "sale.order", paths, kind="xlsx"))[1] == ["2026-07-01 18:30:00", "2026-07-02"]


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["nothing"], "res.partner has no field 'nothing'"),
        (["child_ids"], "name the fields of its lines, such as child_ids/id"),
        (["child_ids/child_ids/name"], "lines have no lines themselves"),
        (["name/x"], "name is no link"),
        (["country_id/nothing"], "res.country has no field 'nothing'"),
        ([""], "is no field"),
        (["country_id/"], "is no field"),
        (["__class__"], "has no field '__class__'"),
    ],
)
def test_columns_that_are_none_are_refused(shop: Shop, paths: Sequence[str], words: str) -> None:
    with shop.elevated() as env, pytest.raises(ExportRefused, match=re.escape(words)):
        exported(env, "res.partner", paths)


def test_a_condition_that_is_none_is_refused(shop: Shop) -> None:
    with shop.elevated() as env, pytest.raises(DomainError):
        exported(env, "res.partner", ["name"], [["nothing", "=", 1]])


def test_what_no_sheet_can_hold_is_refused_and_goes_into_csv(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop.elevated() as env:
        long = env[Partner].create({"name": "Ann", "comment": "x" * (sheets.MAX_TEXT + 1)})
        with pytest.raises(ExportRefused, match=r"at most 32,767 characters\. Export to CSV"):
            exported(env, "res.partner", ["comment"], kind="xlsx")
        assert len(table(exported(env, "res.partner", ["comment"]))[1][0]) == sheets.MAX_TEXT + 1
        long.comment = "\uffff"
        with pytest.raises(ExportRefused, match=r"no workbook can hold\. Export to CSV"):
            exported(env, "res.partner", ["comment"], kind="xlsx")
        long.comment = ""
        monkeypatch.setattr(sheets, "MAX_ROWS", 1)
        with pytest.raises(ExportRefused, match="at most 1 rows"):
            exported(env, "res.partner", ["name"], kind="xlsx")


def _by(key: str) -> Options:
    return Options(key=[key])
