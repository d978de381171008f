"""Business data of a house that trades in instruments, with every sign that makes CSV hard; made anew for each test."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

Row = Mapping[str, str]
Rows = Sequence[Row]

# By hand: quotation marks, commas, line breaks, formulas, emoji, right to left, blanks that matter, other alphabets.
_NAMES = (
    "Müller & Söhne GmbH",
    'Geigenbau "Zum Bären"',
    "Åström, Özgür & Cía., S.A.",
    "'; DROP TABLE res_partner; --",
    "=1+1",
    "株式会社 山田楽器",
    "شركة العود",
    "Łódź Instrumenty 🎻",
    "<b>Fett</b>",
    "100 % Holz\\Metall",
)
# Country as people write it, its alpha-2 code, and the state, if people name one.
_PLACES = (
    ("Deutschland", "DE", "Bayern"),
    ("Germany", "DE", "Nordrhein-Westfalen"),
    ("JPN", "JP", "Kyōto"),
    ("US", "US", "WA"),
    ("Czech Republic", "CZ", ""),
    ("UK", "GB", ""),
    ("Brazil", "BR", "São Paulo"),
    ("USA", "US", "OR"),
)


@dataclass(frozen=True)
class Trade:
    """The files of the house, as rows of text."""

    customers: Rows
    groups: Rows
    articles: Rows
    orders: Rows
    lines: Rows

    def write(self, folder: Path) -> None:
        """Write each as a CSV file that a spreadsheet would write."""
        for name, rows in vars(self).items():
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)

    def amount(self, order: str) -> Decimal:
        """What an order comes to: each line rounded half up to cents."""
        return sum((_rounded(line) for line in self.lines if line["Auftrag"] == order), Decimal(0))


def trade(seed: int, customers: int = 120, orders: int = 40) -> Trade:
    """Make the business of one house."""
    chance = random.Random(seed)  # noqa: S311 - it makes rows, no secrets
    buyers = [_customer(number, chance) for number in range(1, customers + 1)]
    groups = [{"Gruppe": f"G{n}", "Titel": title} for n, title in enumerate(("Streicher", "Bläser, Blech", "Zubehör"))]
    articles = [_article(number, chance) for number in range(1, 31)]
    sold = [_order(number, chance.choice(buyers), chance) for number in range(1, orders + 1)]
    lines = [line for order in sold for line in _lines(order, articles, chance)]
    return Trade(buyers, groups, articles, sold, lines)


def _customer(number: int, chance: random.Random) -> Row:
    country, _code, state = _PLACES[number % len(_PLACES)] if number % 8 else ("Germany", "DE", "")
    named = _NAMES[number - 1] if number <= len(_NAMES) else f"Käufer {number}"
    return {
        "Nr": f"K{number:04}",
        "Firma": named,
        "Straße": f"Haus {number}\nHinterhof, links" if number % 5 == 0 else f"Straße {number}",
        "Ort": "Garmisch-Partenkirchen" if number % 3 else "København",
        "Land": "Germany" if country == "Deutschland" else country,
        "Staat": state,
        "PLZ": f"{number:05}",
        "Mail": f"käufer{number}@example.com" if number % 4 else "",
        "Notiz": 'Sagt: "nur per Fax",\nund zwar vor 9 Uhr' if chance.random() < 0.2 else "",
    }


def _article(number: int, chance: random.Random) -> Row:
    return {
        "Artikel": f"A-{number}",
        "Name": f"Saite Nr. {number}, Ø {number / 10} mm",
        "Gruppe": f"G{number % 3}",
        "Preis": f"{chance.randrange(1, 500_000) / 100:.2f}",
    }


def _order(number: int, buyer: Row, chance: random.Random) -> Row:
    day = f"2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
    return {"Auftrag": f"2026/{number:04}", "Kunde": buyer["Nr"], "Tag": day, "Text": "Bitte klingeln\nzweimal lang"}


def _lines(order: Row, articles: Rows, chance: random.Random) -> list[Row]:
    return [
        {
            "Auftrag": order["Auftrag"],
            "Artikel": article["Artikel"],
            "Menge": str(chance.randrange(1, 40)),
            "Preis": article["Preis"],
            "Rabatt": chance.choice(("0", "0.05", "0.125", "0.15")),
        }
        for article in chance.sample(articles, chance.randrange(1, 5))
    ]


def _rounded(line: Row) -> Decimal:
    exact = Decimal(line["Menge"]) * Decimal(line["Preis"]) * (1 - Decimal(line["Rabatt"]))
    return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


def code_of(country: str) -> str:
    """The alpha-2 code of a country as the files write it."""
    return next(code for written, code, _state in _PLACES if written == country)
