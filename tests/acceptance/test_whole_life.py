"""The whole life of a customer's database: created, filled, backed up, dropped, restored, and the same again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.https import Site
from tests.support.instance import Home, eventually
from tests.support.trade import Trade, code_of, trade

PASSWORD = "vier Saiten und ein Bogen"

CUSTOMERS = (
    "res.partner", "customers.csv", "--map", "Nr=ref", "--map", "Firma=name", "--map", "Straße=street", "--map",
    "Ort=city", "--map", "Land=country_id", "--map", "Staat=state_id", "--map", "PLZ=zip", "--map", "Mail=email",
    "--map", "Notiz=comment", "--set", "customer_rank=1", "--key", "ref",
)  # fmt: skip
GROUPS = ("product.category", "groups.csv", "--map", "Gruppe=code", "--map", "Titel=name", "--key", "code")
ARTICLES = (
    "product.product", "articles.csv", "--map", "Artikel=default_code", "--map", "Name=name", "--map",
    "Gruppe=categ_id.code", "--map", "Preis=list_price", "--key", "default_code",
)  # fmt: skip
ORDERS = (
    "sale.order", "orders.csv", "--map", "Auftrag=name", "--map", "Kunde=partner_id.ref", "--map", "Tag=date_order",
    "--map", "Text=note", "--set", "state=sale", "--key", "name",
)  # fmt: skip
LINES = (
    "sale.order.line", "lines.csv", "--map", "Auftrag=order_id.name", "--map", "Artikel=product_id.default_code",
    "--map", "Menge=product_uom_qty", "--map", "Preis=price_unit", "--map", "Rabatt=discount", "--scale", "Rabatt=100",
    "--key", "order_id,product_id",
)  # fmt: skip
FILES = (CUSTOMERS, GROUPS, ARTICLES, ORDERS, LINES)

# Every row of every model, with everything a row says.
# Schedules and the list of backups go on by themselves, whoever looks.
EVERYTHING = """
moving = ("ir.job", "ir.cron", "backups.")
names = [name for name in sorted(env.registry.models) if not name.startswith(moving)]
told = {name: env[name].search_read([], [], order="id") for name in names}
print(json.dumps(told, default=str))
"""
PARTNERS = """
rows = [{
    "Nr": one.ref, "Firma": one.name, "Straße": one.street, "Ort": one.city, "Land": one.country_id.code,
    "Staat": one.state_id.code or one.state_id.name, "PLZ": one.zip, "Mail": one.email, "Notiz": one.comment,
} for one in env["res.partner"].search([["customer_rank", ">", 0]], order="ref")]
print(json.dumps(rows))
"""
TOTALS = """
print(json.dumps({one.name: str(one.amount_total) for one in env["sale.order"].search([])}))
"""


@dataclass(frozen=True)
class House:
    """A database filled with the business of one house."""

    home: Home
    name: str
    trade: Trade
    folder: Path

    def bring(self, *options: str, into: str = "") -> Any:  # noqa: ANN401 - what the command printed
        """Import one file."""
        model, file, *rest = options
        return self.home.json("import", into or self.name, model, self.folder / file, *rest)


@pytest.fixture(scope="module")
def house(running_instance: Home, tmp_path_factory: pytest.TempPathFactory) -> Generator[House]:
    """The files, and a database that holds them."""
    made = House(running_instance, "saiten", trade(seed=7), tmp_path_factory.mktemp("files"))
    made.trade.write(made.folder)
    created = running_instance.json("db", "create", made.name, "--plan", "education")
    assert set(created) == {"name", "url", "admin_link", "seconds"}
    assert created["url"] == f"https://saiten.localhost:{running_instance.port}"
    assert created["admin_link"].startswith(f"{created['url']}/web/link/")
    for file in FILES:
        told = made.bring(*file)
        assert (told["errors"], told["updated"]) == ([], 0), told["errors"][:3]
    yield made
    running_instance.run("db", "drop", made.name, "--confirm", made.name, "--without-backup")


def test_every_row_of_the_files_is_there_as_it_was_written(house: House) -> None:
    found = house.home.shell(house.name, PARTNERS)
    expected = [{**row, "Land": code_of(row["Land"])} for row in house.trade.customers]
    assert found == sorted(expected, key=lambda row: row["Nr"])


def test_an_order_comes_to_the_sum_of_its_rounded_lines(house: House) -> None:
    found = house.home.shell(house.name, TOTALS)
    assert {name: Decimal(total) for name, total in found.items()} == {
        order["Auftrag"]: house.trade.amount(order["Auftrag"]) for order in house.trade.orders
    }


def test_bringing_the_same_files_again_doubles_nothing(house: House) -> None:
    before = house.home.shell(house.name, EVERYTHING)
    for file, rows in zip(FILES, vars(house.trade).values(), strict=True):
        told = house.bring(*file)
        assert (told["created"], told["updated"], told["unchanged"]) == (0, len(rows), len(rows)), file[0]
    assert house.home.shell(house.name, EVERYTHING) == before


def test_states_were_made_once_in_their_countries(house: House) -> None:
    found: list[list[str]] = house.home.shell(
        house.name, 'print(json.dumps([[s.name, s.country_id.code] for s in env["res.country.state"].search([])]))'
    )
    named = {(row["Staat"], code_of(row["Land"])) for row in house.trade.customers if row["Staat"]}
    assert Counter((state, country) for state, country in found) == Counter(named)


def test_a_backup_outlives_its_database_and_brings_back_every_row(house: House) -> None:
    home = house.home
    home.json("user", "add", house.name, "clara", "--group", "sale.manager", "--password-stdin", stdin=PASSWORD)
    before = home.shell(house.name, EVERYTHING)
    taken = home.json("backup", "now", house.name)
    assert {copy["site"]: copy["continent"] for copy in taken["copies"]} == {
        "gravelines": "Europe", "frankfurt": "Europe", "montreal": "North America",
    }  # fmt: skip
    assert all(copy["verified_at"] for copy in taken["copies"])
    assert taken["bytes"] > 0
    assert len(taken["sha256"]) == 64

    home.ok("db", "drop", house.name, "--confirm", house.name, "--without-backup")
    assert house.name not in [row["name"] for row in home.json("db", "list")]
    eventually(lambda: Site(home, f"{house.name}.localhost").get("/web/login").status == 421)
    assert taken["id"] in [row["id"] for row in home.json("backup", "list", house.name)]
    home.json("backup", "restore", taken["id"], "--into", "saiten-neu")

    after = home.shell("saiten-neu", EVERYTHING)
    assert {model: len(rows) for model, rows in after.items()} == {model: len(rows) for model, rows in before.items()}
    assert after == before
    assert len(after["res.partner"]) >= len(house.trade.customers)
    _served(home)
    home.json("backup", "restore", taken["id"], "--into", house.name)


def _served(home: Home) -> None:
    """Somebody whose password came back with the backup signs in, and sees the rows."""
    site = Site(home, "saiten-neu.localhost")
    assert site.sign_in("clara", PASSWORD).status == 200
    assert "Müller & Söhne GmbH" in site.get(f"/app/res.partner?q={quote('Müller')}").words
    assert "2026/0001" in site.get("/app/sale.order?q=2026/0001").words
    home.ok("db", "drop", "saiten-neu", "--confirm", "saiten-neu", "--without-backup")
