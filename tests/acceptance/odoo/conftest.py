"""Somebody who may do everything in the demo database."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pytest

from tests.support.instance import Home, new_instance

PASSWORD = "a password for a client 1"


@dataclass(frozen=True)
class Account:
    """An account of the demo database."""

    home: Home
    login: str
    uid: int

    @property
    def url(self) -> str:
        return f"https://localhost:{self.home.port}"


@pytest.fixture(scope="session")
def instance_of_clients() -> Generator[Home]:
    """An instance of their own: they make orders, and other tests count those of Northwind."""
    with new_instance() as home:
        yield home


@pytest.fixture(scope="session")
def account(instance_of_clients: Home) -> Account:
    """An administrator of the demo database."""
    instance_of_clients.ok(
        "user", "add", "demo", "api", "--group", "admin", "--group", "sale.manager", "--password", PASSWORD
    )
    users = instance_of_clients.json("user", "list", "demo")
    return Account(instance_of_clients, "api", next(user["id"] for user in users if user["login"] == "api"))
