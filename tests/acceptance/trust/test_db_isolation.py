"""DB-1 and DB-2 on a running instance: no way from one customer to another, and a fallen wall is found at once."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from growsoft.postgres.sql import ident, sql
from tests.acceptance.trust.conftest import Ask, Planted, inside
from tests.support.instance import Home


def test_db1_every_customer_has_a_database_of_his_own(planted: Planted, ask: Ask) -> None:
    found = ask("DB-1")
    assert found["state"] == "met", found
    assert "entered by it with its own keys" in found["evidence"]
    assert planted.name not in found["evidence"]


def test_db2_every_path_to_another_database_is_refused(planted: Planted, ask: Ask) -> None:
    found = ask("DB-2")
    assert found["state"] == "met", found
    assert "all refused" in found["evidence"]
    assert planted.name not in found["evidence"]


def test_db1_finds_a_database_that_nobody_registered(running_instance: Home, ask: Ask) -> None:
    with inside(running_instance) as cluster:
        cluster.run(sql("CREATE DATABASE db_00000000deadbeef TEMPLATE template0"))
        try:
            found = ask("DB-1")
        finally:
            cluster.run(sql("DROP DATABASE db_00000000deadbeef"))
    assert found["state"] == "not met"
    assert "db_00000000deadbeef is in the cluster and not in the registry" in found["evidence"]
    assert found["todo"]


@pytest.mark.parametrize(("claim", "told"), [("DB-1", "lets in"), ("DB-2", "may connect to")])
def test_a_right_to_connect_is_found(running_instance: Home, planted: Planted, ask: Ask, claim: str, told: str) -> None:
    other = running_instance.json("db", "dsn", "demo")["dbname"]
    with planted.superuser() as connection:
        connection.run(
            sql("GRANT CONNECT ON DATABASE {own} TO {other}", own=ident(planted.pg_name), other=ident(other))
        )
    found = ask(claim)
    assert found["state"] == "not met"
    assert told in found["evidence"]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        # CONNECT is still refused, so nobody gets across: but one of the two walls has fallen.
        ("local all all trust", "was refused by a missing privilege, not refused by the login rules"),
        ("hostnossl samerole all 127.0.0.1/32 scram-sha-256", "without encryption was let in"),
    ],
)
def test_db2_finds_login_rules_that_were_opened(running_instance: Home, ask: Ask, rule: str, told: str) -> None:
    with _login_rule(running_instance, rule):
        found = ask("DB-2")
    assert found["state"] == "not met"
    assert told in found["evidence"]


@contextmanager
def _login_rule(home: Home, first: str) -> Generator[None]:
    """Put a line before all others of pg_hba.conf."""
    path = home.state.primary / "pg_hba.conf"
    before = path.read_text()
    path.write_text(f"{first}\n{before}")
    try:
        _reload(home)
        yield
    finally:
        path.write_text(before)
        _reload(home)


def _reload(home: Home) -> None:
    with inside(home) as cluster:
        cluster.run(sql("SELECT pg_reload_conf(), pg_sleep(0.3)"))
