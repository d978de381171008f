"""Software written for Odoo works against a running instance as it was released."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.acceptance.odoo.conftest import PASSWORD, Account

ODOORPC = """
import ssl
from http.cookiejar import CookieJar
from urllib.request import HTTPCookieProcessor, HTTPSHandler, build_opener
import odoorpc
opener = build_opener(HTTPSHandler(context=ssl.create_default_context()), HTTPCookieProcessor(CookieJar()))
odoo = odoorpc.ODOO("localhost", protocol="jsonrpc+ssl", port=PORT, opener=opener)
assert odoo.version == "19.0"
odoo.login("demo", LOGIN, PASSWORD)
partners = odoo.env["res.partner"]
found = partners.browse(partners.search([("name", "ilike", "alfreds")]))
assert [partner.country_id.name for partner in found] == ["Germany"]
made = partners.create({"name": "Made by OdooRPC", "phone": "1"})
partners.browse(made).phone = "2"
assert partners.read([made], ["phone", "email"]) == [{"id": made, "phone": "2", "email": False}]
product = odoo.env["product.product"].search([], limit=1)[0]
orders = odoo.env["sale.order"]
values = {"partner_id": made, "order_line": [(0, 0, {"product_id": product, "product_uom_qty": 3})]}
order = orders.browse(orders.create(values))
assert order.amount_total == sum(line.price_subtotal for line in order.order_line) > 0
order.action_confirm()
assert orders.read([order.id], ["state"])[0]["state"] == "sale"
try:
    partners.read([10**8], ["name"])
except odoorpc.error.RPCError as error:
    assert "does not exist any more" in str(error)
else:
    raise SystemExit("a record that is not there was read")
print("done", odoo.env.uid)
odoo.logout()
"""

# What the manual of Odoo's external API shows.
XMLRPC = """
from xmlrpc.client import Fault, ServerProxy
common, models = (ServerProxy(f"{URL}/xmlrpc/2/{name}") for name in ("common", "object"))
assert common.version()["protocol_version"] == 1
uid = common.authenticate("demo", LOGIN, PASSWORD, {})
assert common.authenticate("demo", LOGIN, "wrong", {}) is False

def call(model, method, args, named=None, password=PASSWORD):
    return models.execute_kw("demo", uid, password, model, method, args, named or {})

def fault(*args, **named):
    try:
        call(*args, **named)
    except Fault as error:
        return error.faultCode

companies = [[["customer_rank", ">", 0]]]
assert call("res.partner", "search_count", companies) >= 91
ids = call("res.partner", "search", companies, {"offset": 10, "limit": 5})
assert len(ids) == 5
rows = call("res.partner", "read", [ids], {"fields": ["name", "country_id"]})
assert all(row["country_id"][1] for row in rows)
described = call("res.partner", "fields_get", [], {"attributes": ["string", "help", "type"]})
assert described["country_id"]["type"] == "many2one"
made = call("res.partner", "create", [{"name": "New Partner"}])
assert call("res.partner", "write", [[made], {"name": "Newer partner"}]) is True
assert call("res.partner", "name_search", ["Newer"]) == [[made, "Newer partner"]]
groups = call("sale.order", "read_group", [[], ["amount_total"], ["partner_id"]], {"orderby": "amount_total desc"})
assert sum(group["partner_id_count"] for group in groups) >= 830
assert call("res.partner", "unlink", [[made]]) is True
assert call("res.partner", "search", [[["id", "=", made]]]) == []
assert fault("res.partner", "search", [[]], password="wrong") == 3
assert fault("res.partner", "_write", [[made]]) == 4
print("done", uid)
"""

ODOOLY = """
import odooly
client = odooly.Client(URL + PATH, "demo", LOGIN, PASSWORD)
partners = client.env["res.partner"]
assert partners.search_count([("customer_rank", ">", 0)]) >= 91
found = partners.search([("name", "ilike", "alfreds")])
assert found.name == ["Alfreds Futterkiste"] and found.country_id.code == ["DE"], found.read()
made = partners.create({"name": "odooly"})
made.phone = "12"
assert made.phone == "12" and made.copy().name == "odooly (copy)"
assert client.env["sale.order"].search([], limit=2).mapped("partner_id.name")
made.unlink()
print("done", client.env.uid)
"""


def test_odoorpc_signs_in_browses_and_writes(account: Account) -> None:
    _runs(account, ODOORPC)


def test_xmlrpc_client_of_python_does_what_the_manual_of_odoo_shows(account: Account) -> None:
    _runs(account, XMLRPC)


@pytest.mark.parametrize("path", ["", "/jsonrpc", "/xmlrpc"])
def test_odooly_works_over_each_of_its_protocols(account: Account, path: str) -> None:
    _runs(account, ODOOLY, path)


def _runs(account: Account, script: str, path: str = "") -> None:
    """Run a script in a process of its own, as its user would; clients keep what they know in their modules."""
    known = {"URL": account.url, "PORT": account.home.port, "LOGIN": account.login, "PASSWORD": PASSWORD, "PATH": path}
    source = "\n".join(f"{name} = {value!r}" for name, value in known.items()) + script
    environ = {**os.environ, "SSL_CERT_FILE": str(account.home.state.ca / "ca.pem")}
    done = subprocess.run(
        [sys.executable, "-c", source], env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == f"done {account.uid}", done.stderr
