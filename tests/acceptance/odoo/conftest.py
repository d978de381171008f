"""Somebody who may do everything in the demo database."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.instance import Home

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
def account(running_instance: Home) -> Account:
    """An administrator of the demo database."""
    running_instance.ok(
        "user", "add", "demo", "api", "--group", "admin", "--group", "sale.manager", "--password", PASSWORD
    )
    users = running_instance.json("user", "list", "demo")
    return Account(running_instance, "api", next(user["id"] for user in users if user["login"] == "api"))
