"""PW-1 on a running instance: stored passwords are salted and stretched, and one that is not is found."""

from __future__ import annotations

from growsoft.postgres.sql import sql
from tests.acceptance.trust.conftest import Ask, Planted


def test_pw1_a_weak_password_turns_the_claim(planted: Planted, ask: Ask) -> None:
    planted.home.ok(
        "user", "add", planted.name, "ada", "--group", "base.user", "--password-stdin", stdin="plum tractor lantern"
    )
    found = ask("PW-1")
    assert found["state"] == "met", found
    assert "each with a salt of its own and 600,000 rounds or more" in found["evidence"]
    with planted.superuser() as connection:
        connection.run(
            sql(
                "ALTER TABLE gs_priv.credential DROP CONSTRAINT credential_rounds_check;"
                " UPDATE gs_priv.credential SET rounds = 1000"
            )
        )
    weak = ask("PW-1")
    assert weak["state"] == "not met"
    assert f"database {planted.uuid} has a password of 1,000 rounds" in weak["evidence"]
