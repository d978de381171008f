"""SW-7: the functions that run with the definer's rights do only what they are for, whatever stands around them.

The attacker is given what he never has, the right to make objects, and puts his own in the way of every name.
"""

from collections.abc import Generator

import pytest

from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import superuser
from tests.support.attacker import Attacker
from tests.support.notes import ANN, KIM, Notes

SHADOWS = (
    "CREATE SCHEMA theirs; GRANT ALL ON SCHEMA theirs TO PUBLIC;"
    # Functions and operators that say yes to everything, under the names that the wall uses.
    " CREATE FUNCTION theirs.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT '{kim},14,0,1,1_2,,' $$;"
    " CREATE FUNCTION theirs.split_part(text, text, int) RETURNS text LANGUAGE sql AS $$ SELECT '1' $$;"
    " CREATE FUNCTION theirs.yes(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;"
    " CREATE FUNCTION theirs.yes(bytea, bytea) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;"
    " CREATE FUNCTION theirs.no(bytea, bytea) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;"
    " CREATE FUNCTION theirs.yes(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;"
    " CREATE FUNCTION theirs.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT ''::bytea $$;"
    " CREATE FUNCTION theirs.clock_timestamp() RETURNS timestamptz LANGUAGE sql RETURN now() - '9 y'::interval;"
    " CREATE OPERATOR theirs.= (LEFTARG = text, RIGHTARG = text, FUNCTION = theirs.yes);"
    " CREATE OPERATOR theirs.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = theirs.yes);"
    " CREATE OPERATOR theirs.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = theirs.yes);"
    " CREATE OPERATOR theirs.<> (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = theirs.no);"
    # Tables in the place of the private ones.
    " CREATE TABLE theirs.signing_key (kid int, inner_pad bytea, outer_pad bytea);"
    " CREATE TABLE theirs.account AS SELECT 14 AS user_id, 'x' AS login;"
    " GRANT ALL ON ALL TABLES IN SCHEMA theirs TO PUBLIC"
)


@pytest.fixture
def helped(notes: Notes) -> Generator[Attacker]:
    """An attacker who may make temporary objects, and whose shadows lie first in his search path."""
    name = ident(notes.database.name)
    with superuser(notes.owner) as connection:
        connection.run(sql("GRANT TEMPORARY ON DATABASE {n} TO PUBLIC; GRANT USAGE ON LANGUAGE sql TO PUBLIC", n=name))
        connection.raw.execute(SHADOWS.replace("{kim}", KIM.profile).encode())
    with Attacker(notes) as login:
        for path in ("theirs, pg_catalog, public, gs", "pg_temp, theirs, pg_catalog, public"):
            assert not login.attempt(f"SET search_path = {path}").refused
        assert login.attempt("SELECT current_setting('x')").rows == [(f"{KIM.profile},14,0,1,1_2,,",)], (
            "the hole is there"
        )
        assert login.attempt("SELECT 'a'::text = 'b'::text").rows == [(True,)], "the hole is there"
        yield login


def test_shadows_change_nothing_about_who_one_is(helped: Attacker) -> None:
    helped.enter(ANN)
    assert helped.attempt("SELECT gs.user_id(), gs.elevated(), gs.record(), gs.ctx(1), gs.actor()").rows == [
        (11, False, "", ANN.profile, 0)
    ]
    assert helped.sees() == {1, 2}
    helped.attempt(f"SET LOCAL ROLE {KIM.profile}")
    assert helped.sees() == set()


def test_shadows_open_no_door(helped: Attacker) -> None:
    helped.raw.execute("BEGIN")
    entry = helped.entry(KIM, key=b"another key")
    values = ", ".join("%s::" + kind for kind in (
        "int", "text", "bigint", "bigint", "bool", "bigint[]", "text", "text", "text", "text", "bigint", "bytea",
    ))  # fmt: skip
    assert helped.attempt(f"SELECT gs.enter({values})", *entry.values()).sqlstate == "28P01"
    helped.rollback()
    for call in (
        "SELECT gs.enter_session(''::bytea)", "SELECT gs.create_link(11, '\\x00', 600)", "SELECT gs.account(11)",
        "SELECT gs.set_credential(11, '\\x00', 600000, '\\x00', '\\x00', '\\x00', false)", "SELECT gs.end_sessions(11)",
    ):  # fmt: skip
        assert helped.attempt(call).sqlstate in {"28000", "42501"}, call
    assert helped.attempt("SELECT gs.sign_in('ann', '', '', NULL, '', 'browser', '')").rows == [(0,)]


def test_temporary_objects_are_not_the_definer_s(helped: Attacker) -> None:
    helped.enter(ANN)
    for statement in (
        "CREATE TEMP TABLE signing_key (kid int, inner_pad bytea, outer_pad bytea)",
        "CREATE TEMP TABLE session (token_hash bytea)", "CREATE TEMP TABLE account (user_id bigint, profile text)",
        "CREATE TEMP TABLE note AS SELECT 3::bigint AS id",
        "CREATE FUNCTION pg_temp.num_nulls(VARIADIC anyarray) RETURNS int LANGUAGE sql AS 'SELECT 0'",
    ):  # fmt: skip
        assert not helped.attempt(statement).refused, statement
    assert helped.attempt("SELECT gs.user_id()").rows == [(11,)]
    assert helped.attempt("SELECT gs.clean()").rows == [(False,)], "a context is entered"
    assert helped.sees() == {1, 2}


def test_a_function_of_the_attacker_s_sees_rows_after_the_rules(helped: Attacker) -> None:
    # The classic leak: a cheap function that tells what it is given.
    helped.enter(ANN)
    told = (
        "CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE sql COST 0.0000001"
        " AS $$ SELECT set_config('told.names', current_setting('told.names', true) || $1, true) IS NOT NULL $$"
    )
    helped.attempt("SET LOCAL search_path = pg_catalog, public")
    assert not helped.attempt(told).refused
    helped.attempt("SELECT set_config('told.names', '', true)")
    assert not helped.attempt("SELECT id FROM note WHERE pg_temp.tell(name)").refused
    heard = helped.attempt("SELECT current_setting('told.names')").rows[0][0]
    assert "ann" in heard
    assert "bob" not in heard
    assert "eve" not in heard
    assert helped.attempt(told.replace("COST", "LEAKPROOF COST").replace("tell", "tell2")).sqlstate == "42501"


def test_a_function_planned_as_another_is_planned_anew(helped: Attacker) -> None:
    helped.enter(ANN)
    helped.attempt("SET LOCAL search_path = pg_catalog, public")
    for body in ("AS 'SELECT count(*) FROM note'", "RETURN (SELECT count(*) FROM note)"):
        helped.attempt("SAVEPOINT x")
        helped.attempt(f"SET LOCAL ROLE {KIM.profile}")
        assert not helped.attempt(f"CREATE FUNCTION pg_temp.counted() RETURNS bigint LANGUAGE sql {body}").refused
        assert helped.attempt("SELECT pg_temp.counted()").rows == [(0,)]
        assert not helped.attempt("GRANT EXECUTE ON FUNCTION pg_temp.counted() TO PUBLIC").refused
        helped.attempt(f"SET LOCAL ROLE {ANN.profile}")
        assert helped.attempt("SELECT pg_temp.counted()").rows in ([(2,)], [])
        helped.attempt("ROLLBACK TO x")


def test_a_definer_of_the_attacker_s_is_himself_and_nobody_signed(helped: Attacker) -> None:
    # A function with the boss's rights, made by the attacker as the boss: its role is not the signed one.
    helped.enter(ANN)
    helped.attempt("SET LOCAL search_path = pg_catalog, public")
    helped.attempt(f"SET LOCAL ROLE {KIM.profile}")
    made = (
        "CREATE FUNCTION pg_temp.counted() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM note'"
    )
    assert not helped.attempt(made).refused
    helped.attempt("GRANT EXECUTE ON FUNCTION pg_temp.counted() TO PUBLIC")
    helped.attempt(f"SET LOCAL ROLE {ANN.profile}")
    assert helped.attempt("SELECT pg_temp.counted()").rows == [(0,)]
