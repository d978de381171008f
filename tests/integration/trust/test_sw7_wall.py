"""SW-7: the attack by raw SQL sees rows where a wall has fallen, and sees none where all stand."""

from __future__ import annotations

from collections import Counter

import pytest

from growsoft.postgres.sql import Sql, ident, sql
from growsoft.trust.states import State
from growsoft.trust.wall import as_declared, attacked, rows_are_walled
from growsoft.trust.world import CannotCheck, Running
from tests.integration.trust.conftest import Plant
from tests.support.shop import Shop
from tests.support.world import subject_of, walls_of, world_of


def test_sw7_rows_are_walled(northwind: Shop) -> None:
    found = rows_are_walled(world_of(northwind))
    assert found.state is State.MET, found
    assert "One-user mode" not in found.evidence


def test_sw7_sees_every_table_that_has_rows(northwind: Shop) -> None:
    tried = Counter[str]()
    assert list(attacked(subject_of(northwind), tried)) == []
    # Northwind fills more than a dozen; each is attacked at least as the login, in a role, and by the next user.
    assert tried["tables"] > 12
    assert tried["attacks"] > 3 * tried["tables"]


def test_sw7_one_user_mode_is_said(shop: Shop) -> None:
    world = world_of(shop)
    world.running = Running("one-user", "started by an ordinary user")
    assert "One-user mode: started by an ordinary user; loopback only." in rows_are_walled(world).evidence


def test_sw7_keeps_nothing_of_what_it_planted(shop: Shop) -> None:
    before = shop.count("ir.config_parameter")
    assert rows_are_walled(world_of(shop)).state is State.MET
    assert shop.count("ir.config_parameter") == before


# What the attack itself must see, whatever the catalogue would say of it.
_HOLES: dict[str, tuple[Sql, str]] = {
    "row security is off": (
        sql("ALTER TABLE sale_order DISABLE ROW LEVEL SECURITY"),
        "a role without a context sees rows of sale_order",
    ),
    "no signature is asked for": (
        sql("DROP POLICY gs_signed ON res_partner; DROP POLICY gs_link ON res_partner"),
        "a role without a context sees rows of res_partner",
    ),
    "policies let everything pass": (
        sql(
            "ALTER POLICY gs_signed ON product_product USING (true);"
            " ALTER POLICY gs_link ON product_product USING (true)"
        ),
        "a role without a context sees rows of product_product",
    ),
    "the private side is open": (
        sql("GRANT USAGE ON SCHEMA gs_priv TO PUBLIC; GRANT SELECT ON gs_priv.account TO gs_elevated"),
        "elevated code reads gs_priv.account",
    ),
    "the verifiers are open": (
        sql("GRANT USAGE ON SCHEMA gs_priv TO PUBLIC; GRANT SELECT ON gs_priv.credential TO PUBLIC"),
        "the login reads the verifiers",
    ),
    "the parameter of the context is everybody's": (
        sql("GRANT SET ON PARAMETER backtrace_functions TO PUBLIC"),
        "a parameter that was set was taken for a context",
    ),
    "tables can be made": (sql("GRANT CREATE ON SCHEMA public TO PUBLIC"), "the login makes tables"),
    "code can be run": (sql("GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC"), "the login runs blocks of code"),
    "a signature is not looked at": (
        sql(
            "CREATE OR REPLACE FUNCTION gs.enter(kid integer, profile text, user_id bigint, actor bigint,"
            " elevated boolean, companies bigint[], scope text, record text, reason text, caller text, expiry bigint,"
            " mac bytea) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"
            " BEGIN"
            " PERFORM gs_priv.set_context(profile, user_id, actor, elevated, companies, scope, record);"
            " RETURN profile; END $$"
        ),
        "an entry with another signature was taken for a context",
    ),
}


@pytest.mark.parametrize("hole", _HOLES)
def test_sw7_the_attack_finds_a_planted_hole(northwind: Shop, plant: Plant, hole: str) -> None:
    statement, told = _HOLES[hole]
    plant(northwind, statement)
    try:
        assert told in list(attacked(subject_of(northwind), Counter[str]()))
    finally:
        # The one thing here that belongs to the whole cluster.
        plant(northwind, sql("REVOKE SET ON PARAMETER backtrace_functions FROM PUBLIC"))


def test_sw7_a_grant_to_the_bare_login_is_seen(northwind: Shop, plant: Plant) -> None:
    login = ident(northwind.database.name)
    plant(northwind, sql("GRANT SELECT ON res_country TO {login}", login=login))
    plant(northwind, sql("ALTER TABLE res_country DISABLE ROW LEVEL SECURITY"))
    assert "the bare login sees rows of res_country" in list(attacked(subject_of(northwind), Counter[str]()))


def test_sw7_walls_that_differ_from_the_declarations_are_found(shop: Shop, plant: Plant) -> None:
    subject = subject_of(shop)
    before = walls_of(subject)
    assert list(as_declared(subject, before)) == []
    plant(shop, sql("CREATE POLICY more ON res_partner FOR SELECT TO gs_elevated USING (true)"))
    assert list(as_declared(subject, before)) == [
        "policies, grants, marks, functions or rights differ from what the apps declare"
    ]


def test_sw7_one_bad_database_among_good_ones_is_enough(shop: Shop, northwind: Shop, plant: Plant) -> None:
    world = world_of(shop, northwind)
    plant(northwind, sql("ALTER TABLE res_partner NO FORCE ROW LEVEL SECURITY"))
    found = rows_are_walled(world)
    assert found.state is State.NOT_MET
    assert f"database {northwind.database.uuid}: res_partner does not force row security on its owner" in found.evidence
    assert str(shop.database.uuid) not in found.evidence


def test_sw7_a_control_that_fails_proves_nothing(shop: Shop, plant: Plant) -> None:
    # Without its grants the genuine context sees no row either: then not seeing any is no evidence.
    plant(shop, sql("REVOKE SELECT ON ir_config_parameter FROM gs_elevated"))
    plant(shop, sql("REVOKE SELECT (id, key, value, create_uid, create_date, write_uid, write_date, version)"
                    " ON ir_config_parameter FROM gs_elevated"))  # fmt: skip
    found = rows_are_walled(world_of(shop))
    assert found.state is State.NOT_MET


def test_sw7_a_database_that_does_not_answer_is_not_met(shop: Shop, plant: Plant) -> None:
    world = world_of(shop)
    name = ident(shop.database.name)
    shop.database.pools.forget(shop.database.endpoint)
    plant(shop, sql("REVOKE CONNECT ON DATABASE {name} FROM {name}", name=name))
    found = rows_are_walled(world)
    assert found.state is State.NOT_MET
    assert "not all could be looked at" in found.evidence


def test_sw7_without_time_it_is_not_met(shop: Shop) -> None:
    world = world_of(shop)
    world.seconds = 0
    with pytest.raises(CannotCheck, match="Only 0 of 1"):
        rows_are_walled(world)
