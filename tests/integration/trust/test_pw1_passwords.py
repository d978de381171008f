"""PW-1: a weak password that was planted is found, in numbers alone; the probe leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from growsoft.auth.passwords import set_password
from growsoft.errors import AccessError
from growsoft.postgres.context import LoginDoor
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import superuser
from growsoft.trust.passwords import stretched_and_salted
from growsoft.trust.states import State
from tests.integration.trust.conftest import Plant
from tests.support.shop import Shop
from tests.support.world import world_of


@pytest.fixture
def with_passwords(shop: Shop) -> Shop:
    """A shop with two people who have passwords."""
    for login in ("ada", "ben"):
        who = shop.user(login, "base.user")
        with shop.elevated() as env:
            set_password(env, who.user, f"correct horse battery staple of {who.user}")
    return shop


def test_pw1_passwords_are_salted_and_stretched(with_passwords: Shop) -> None:
    found = stretched_and_salted(world_of(with_passwords))
    assert found.state is State.MET, found
    assert "Passwords stored in 1 databases: 2, each with a salt of its own and 600,000 rounds" in found.evidence


def test_pw1_a_database_without_passwords_is_probed_all_the_same(shop: Shop) -> None:
    found = stretched_and_salted(world_of(shop))
    assert found.state is State.MET, found
    assert "No password is stored yet" in found.evidence


_WEAK: dict[str, tuple[Sql, str]] = {
    "few rounds": (
        sql(
            "ALTER TABLE gs_priv.credential DROP CONSTRAINT credential_rounds_check;"
            " UPDATE gs_priv.credential SET rounds = 1000 WHERE user_id = (SELECT max(user_id) FROM gs_priv.credential)"
        ),
        "has a password of 1,000 rounds, 220,000 are the least",
    ),
    "one salt for two": (
        sql("UPDATE gs_priv.credential SET salt = '\\x00112233445566778899aabbccddeeff'"),
        "has two passwords with one salt",
    ),
    "a short salt": (
        sql(
            "ALTER TABLE gs_priv.credential DROP CONSTRAINT credential_salt_check;"
            " UPDATE gs_priv.credential SET salt = substr(salt, 1, 4)"
        ),
        "has a salt of 4 bytes",
    ),
    "another hash": (
        sql(
            "ALTER TABLE gs_priv.credential DROP CONSTRAINT credential_verifier_check;"
            " UPDATE gs_priv.credential SET verifier = '\\x00'"
        ),
        "has a verifier that is none",
    ),
    "a low minimum": (
        sql(
            "ALTER TABLE gs_priv.setting DROP CONSTRAINT setting_minimum_rounds_check;"
            " UPDATE gs_priv.setting SET minimum_rounds = 10"
        ),
        "has a minimum of 10 rounds",
    ),
    "any password will do": (
        sql(
            "CREATE OR REPLACE FUNCTION gs.sign_in(of_login text, derived bytea, device bytea, network inet,"
            " session_hash bytea, kind text, user_agent text) RETURNS bigint LANGUAGE sql SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp AS 'SELECT 1::bigint'"
        ),
        "opened a session for a wrong password",
    ),
    "the derived key is kept as it is": (
        sql(
            "CREATE OR REPLACE FUNCTION gs.sign_in(of_login text, derived bytea, device bytea, network inet,"
            " session_hash bytea, kind text, user_agent text) RETURNS bigint LANGUAGE sql SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp"
            " AS 'SELECT count(*) FROM gs_priv.credential WHERE verifier = derived'"
        ),
        "does not compare the SHA-256 of PBKDF2-HMAC-SHA512",
    ),
}


@pytest.mark.parametrize("weakness", _WEAK)
def test_pw1_finds_a_planted_weakness(with_passwords: Shop, plant: Plant, weakness: str) -> None:
    statement, told = _WEAK[weakness]
    plant(with_passwords, statement)
    found = stretched_and_salted(world_of(with_passwords))
    assert found.state is State.NOT_MET
    assert f"database {with_passwords.database.uuid} {told}" in found.evidence


def test_pw1_throttled_sign_ins_are_no_evidence(with_passwords: Shop, plant: Plant) -> None:
    plant(
        with_passwords,
        sql("INSERT INTO gs_priv.throttle VALUES ('database', 9999, now(), now() + interval '1 h', 0)"),
    )
    found = stretched_and_salted(world_of(with_passwords))
    assert found.state is State.NOT_MET
    assert "throttling" in found.evidence


def test_pw1_keeps_nothing_of_its_probe(with_passwords: Shop) -> None:
    before = _everything(with_passwords)
    assert stretched_and_salted(world_of(with_passwords)).state is State.MET
    assert _everything(with_passwords) == before


def test_pw1_only_elevated_code_gets_the_numbers(with_passwords: Shop) -> None:
    ada = with_passwords.user("eve", "base.user")
    doors = (LoginDoor(), with_passwords.database.signed(ada))
    for door in doors:
        with pytest.raises(AccessError), with_passwords.database.transaction(door) as transaction:
            transaction.execute(sql("SELECT * FROM gs.credential_facts()"))


def _everything(shop: Shop) -> tuple[object, ...]:
    with superuser(replace(shop.server, dbname=shop.database.name)) as connection:
        return connection.run(
            sql(
                "SELECT (SELECT count(*) FROM gs_priv.account), (SELECT count(*) FROM gs_priv.credential),"
                " (SELECT count(*) FROM gs_priv.session), (SELECT count(*) FROM gs_priv.throttle),"
                " (SELECT count(*) FROM gs_priv.known_device), (SELECT count(*) FROM gs_priv.audit),"
                " (SELECT count(*) FROM res_users)"
            )
        ).one()
