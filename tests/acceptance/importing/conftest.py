"""Fixtures: the files of Northwind, as anybody would have them, and the options to import them with."""

from __future__ import annotations

import io
from importlib import resources

import pytest

from growsoft.exchange.importing import import_file
from growsoft.exchange.plan import Options
from growsoft.exchange.report import Report
from growsoft.orm import Env

CUSTOMERS = Options(
    maps=[
        ("customer_id", "ref"),
        ("company_name", "company_name"),
        ("contact_name", "name"),
        ("contact_title", "function"),
        ("address", "street"),
        ("city", "city"),
        ("region", "state_id"),
        ("postal_code", "zip"),
        ("country", "country_id"),
        ("phone", "phone"),
    ],
    sets=[("customer_rank", "1")],
    key=["ref"],
)


def northwind_file(name: str) -> str:
    """Give the text of a file of Northwind."""
    return resources.files("growsoft.apps.sale.demo").joinpath("northwind", name).read_text("utf-8")


@pytest.fixture
def customers() -> str:
    return northwind_file("customers.csv")


def bring(env: Env, model: str, file: str | bytes, options: Options | None = None, *, dry_run: bool = False) -> Report:
    """Import a file as whoever acts; without options its columns are named after the fields."""
    content = file.encode() if isinstance(file, str) else file
    return import_file(env, model, io.BytesIO(content), options or Options(), dry_run=dry_run)
