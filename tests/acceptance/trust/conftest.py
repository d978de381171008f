"""Fixtures: databases to plant violations in, and a verdict asked of the command."""

from __future__ import annotations

import json
import os
import secrets
import signal
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from growsoft.postgres.local import superuser_endpoint
from growsoft.postgres.superuser import Superuser, superuser
from tests.support.instance import Home

Verdict = dict[str, Any]
Ask = Callable[[str], Verdict]


@dataclass(frozen=True)
class Planted:
    """A database of one test's own: whatever is planted in it goes with it."""

    home: Home
    name: str
    pg_name: str
    uuid: str

    def superuser(self) -> AbstractContextManager[Superuser]:
        """Enter it as the superuser: how a test plants what nobody else could."""
        return inside(self.home, self.pg_name)


@pytest.fixture
def ask(running_instance: Home) -> Ask:
    """Verify one claim, and see that the exit code says the same as the state."""

    def verdict(claim: str) -> Verdict:
        done = running_instance.run("trust", "verify", claim, "--json")
        found: Verdict
        (found,) = json.loads(done.out)
        assert done.code == (1 if found["state"] == "not met" else 0), done.err
        return found

    return verdict


@pytest.fixture
def nobody_backs_up(running_instance: Home) -> Generator[None]:
    """Hold the operations worker, which otherwise backs a new database up within seconds."""
    worker = running_instance.pid("operations")
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


@pytest.fixture
def planted(running_instance: Home) -> Generator[Planted]:
    """A database that is served, and dropped at the end."""
    home, name = running_instance, f"planted-{secrets.token_hex(4)}"
    home.ok("db", "create", name)
    try:
        (row,) = [row for row in home.json("db", "list") if row["name"] == name]
        yield Planted(home, name, home.json("db", "dsn", name)["dbname"], row["uuid"])
    finally:
        home.ok("db", "drop", name, "--confirm", name, "--without-backup")


def inside(home: Home, pg_name: str = "postgres") -> AbstractContextManager[Superuser]:
    """Enter a database of an instance as the superuser."""
    return superuser(superuser_endpoint(home.state), pg_name)
