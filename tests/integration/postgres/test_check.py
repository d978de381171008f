"""The start-up check finds every defect that was planted, and finds nothing where nothing is wrong."""

from collections.abc import Callable
from typing import Final

import pytest

from growsoft.postgres.check import DatabaseUnprotected, fingerprint, problems, refuse_unprotected
from growsoft.postgres.database import Database
from growsoft.postgres.sql import Sql, ident, sql
from growsoft.postgres.superuser import Superuser, superuser
from growsoft.postgres.transaction import Result, Transaction
from tests.support.attacker import Attacker
from tests.support.notes import ANN, KIM, Notes

# What was done to the database, and the sentence that says so.
NAMED: Final[dict[str, tuple[str, Sql]]] = {
    "row security off": ("note has row security off", sql("ALTER TABLE note DISABLE ROW LEVEL SECURITY")),
    "force off": ("note does not force row security", sql("ALTER TABLE note NO FORCE ROW LEVEL SECURITY")),
    "signed policy dropped": ("note lacks the policy gs_signed", sql("DROP POLICY gs_signed ON note")),
    "signed policy opened": ("note lacks the policy gs_signed", sql("ALTER POLICY gs_signed ON note USING (true)")),
    "signed policy softened": (
        "note lacks the policy gs_signed",
        sql("ALTER POLICY gs_signed ON note USING"
            " ((SELECT nullif(gs.signed(gs.planned_as()), false)) IS NOT NULL"
            " OR name = 'open')"),
    ),
    "signed policy blind to who planned": (
        "note lacks the policy gs_signed",
        sql("ALTER POLICY gs_signed ON note USING ((SELECT nullif(gs.signed(current_user), false)) IS NOT NULL)"),
    ),
    "signed policy for one role": (
        "note lacks the policy gs_signed", sql("ALTER POLICY gs_signed ON note TO g_notes_writer"),
    ),
    "signed policy for checks only": (
        "note lacks the policy gs_signed", sql("ALTER POLICY gs_signed ON note WITH CHECK (true)"),
    ),
    "signed policy made permissive": (
        "note lacks the policy gs_signed",
        sql("DROP POLICY gs_signed ON note; CREATE POLICY gs_signed ON note AS PERMISSIVE FOR ALL TO PUBLIC"
            " USING ((SELECT nullif(gs.signed(gs.planned_as()), false)) IS NOT NULL)"),
    ),
    "link policy dropped": ("tag lacks the policy gs_link", sql("DROP POLICY gs_link ON tag")),
    "link policy opened": ("tag lacks the policy gs_link", sql("ALTER POLICY gs_link ON tag USING (true)")),
    "grant without a policy": (
        "res_users is granted to g_notes_writer without a policy",
        sql("GRANT SELECT (login) ON res_users TO g_notes_writer"),
    ),
    "grant to everybody": ("tag is granted to everybody", sql("GRANT SELECT ON tag TO PUBLIC")),
    "column granted to everybody": ("note is granted to everybody", sql("GRANT SELECT (salary) ON note TO PUBLIC")),
    "another owner": ("note does not belong to gs_owner", sql("ALTER TABLE note OWNER TO gs_definer")),
    "an unprotected table": ("leak has row security off", sql("CREATE TABLE leak AS SELECT * FROM note")),
    "a table in another schema": (
        "leak has row security off", sql("CREATE SCHEMA other; CREATE TABLE other.leak AS SELECT * FROM note"),
    ),
    "a view": ("leak is not a plain table", sql("CREATE VIEW leak AS SELECT * FROM note")),
    "a materialised view": (
        "leak is not a plain table", sql("CREATE MATERIALIZED VIEW leak AS SELECT * FROM note"),
    ),
    "a partition": (
        "leak_1 has row security off",
        sql("CREATE TABLE leak (id bigint) PARTITION BY RANGE (id);"
            " CREATE TABLE leak_1 PARTITION OF leak FOR VALUES FROM (1) TO (9)"),
    ),
    "a child table": ("leak has row security off", sql("CREATE TABLE leak () INHERITS (note)")),
    "a rule": ("note has a rule", sql("CREATE RULE leak AS ON INSERT TO note DO ALSO SELECT 1")),
    "a trigger switched off": (
        "res_users has a trigger that is switched off", sql("ALTER TABLE res_users DISABLE TRIGGER res_users_account"),
    ),
    "foreign keys switched off": (
        "note has a trigger that is switched off", sql("ALTER TABLE note DISABLE TRIGGER ALL"),
    ),
    "an event trigger": (
        "there is an event trigger leak",
        sql("CREATE FUNCTION gs_priv.leak() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
            " CREATE EVENT TRIGGER leak ON ddl_command_end EXECUTE FUNCTION gs_priv.leak()"),
    ),
    "a function with its owner's rights": (
        "leak() runs with the rights of its owner",
        sql("CREATE FUNCTION leak() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM note'"),
    ),
    "a definer with its caller's path": (
        "gs.clean() runs with rights of its owner and the search_path of its caller",
        sql("ALTER FUNCTION gs.clean() RESET search_path"),
    ),
    "private schema opened": (
        "the private side: gs_priv is granted to everybody", sql("GRANT USAGE ON SCHEMA gs_priv TO PUBLIC"),
    ),
    "verifiers granted": (
        "the private side: credential is granted to g_notes_writer",
        sql("GRANT SELECT ON gs_priv.credential TO g_notes_writer"),
    ),
    "one private column granted": (
        "the private side: credential is granted to g_notes_writer",
        sql("GRANT SELECT (verifier) ON gs_priv.credential TO g_notes_writer"),
    ),
}  # fmt: skip

# Seen by the fingerprint, which knows what the declarations give.
UNNAMED: Final[dict[str, Sql]] = {
    "a wider policy": sql("CREATE POLICY wide ON note FOR SELECT TO g_notes_writer USING (true)"),
    "a policy changed": sql("ALTER POLICY writer_select ON note USING (true)"),
    "a global rule dropped": sql("DROP POLICY company_select ON note"),
    "a restricted column granted": sql("GRANT SELECT (salary) ON note TO g_notes_writer"),
    "a table grant beside the columns": sql("GRANT SELECT ON note TO g_notes_writer"),
    "a verb granted": sql("GRANT UPDATE (id) ON note TO g_notes_writer"),
    "truncate granted": sql("GRANT TRUNCATE ON note TO g_notes_boss"),
    "a grant that may be passed on": sql("GRANT SELECT (name) ON note TO g_notes_boss WITH GRANT OPTION"),
    "a function's body changed": sql(
        "CREATE OR REPLACE FUNCTION gs.elevated() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE RETURN true"
    ),
    "a private function's body changed": sql(
        "CREATE OR REPLACE FUNCTION gs_priv.profile_name(roles text[]) RETURNS text LANGUAGE sql IMMUTABLE"
        " SET search_path = pg_catalog, pg_temp AS 'SELECT ''p_'''"
    ),
    "a function made immutable": sql("ALTER FUNCTION gs.ctx(integer) IMMUTABLE"),
    "a signature that is worked out when a statement is planned": sql("ALTER FUNCTION gs.signed(text) IMMUTABLE"),
    "the planner's witness made stable": sql("ALTER FUNCTION gs.planned_as() STABLE"),
    "a function's owner changed": sql("ALTER FUNCTION gs.enter_session(bytea, bigint[]) OWNER TO gs_owner"),
    "a private function given away": sql("GRANT EXECUTE ON FUNCTION gs_priv.profile_name(text[]) TO g_notes_writer"),
    "a private function given to everybody": sql("GRANT EXECUTE ON FUNCTION gs_priv.change_alone() TO PUBLIC"),
    "a server function given away": sql("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO g_notes_writer"),
    "a closed function opened": sql("GRANT EXECUTE ON FUNCTION lo_get(oid) TO PUBLIC"),
    "a server table given away": sql("GRANT SELECT ON pg_authid TO g_notes_writer"),
    "a server column given away": sql("GRANT SELECT (rolpassword) ON pg_authid TO PUBLIC"),
    "prepared statements opened": sql("GRANT SELECT ON pg_prepared_statements TO PUBLIC"),
    "textlike made leakproof": sql("ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF"),
    "a mark lost": sql("ALTER FUNCTION pg_catalog.numeric_eq(numeric, numeric) NOT LEAKPROOF"),
    "a server function made a definer": sql("ALTER FUNCTION pg_catalog.query_to_xml(text, boolean, boolean, text)"
                                            " SECURITY DEFINER"),
    "the pattern unchecked": sql("ALTER DOMAIN gs.pattern DROP CONSTRAINT pattern_check"),
    "the index class taught another operator": sql(
        "ALTER OPERATOR FAMILY gs.trgm_safe USING gin ADD OPERATOR 1 gs.% (text, text)"
    ),
    "a cast": sql("CREATE CAST (text AS bytea) WITHOUT FUNCTION AS IMPLICIT"),
    "tables may be made": sql("GRANT CREATE ON SCHEMA public TO g_notes_writer"),
    "functions may be made": sql("GRANT USAGE ON LANGUAGE sql TO PUBLIC"),
    "new functions for everybody": sql(
        "ALTER DEFAULT PRIVILEGES FOR ROLE gs_definer GRANT EXECUTE ON FUNCTIONS TO PUBLIC"
    ),
    "new tables for everybody": sql("ALTER DEFAULT PRIVILEGES FOR ROLE gs_owner GRANT SELECT ON TABLES TO PUBLIC"),
    "a trigger dropped": sql("DROP TRIGGER res_groups_users_rel_account ON res_groups_users_rel"),
    "a trigger added": sql(
        "CREATE TRIGGER again AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION gs_priv.mirror_group('name')"
    ),
    "an extension": sql("CREATE EXTENSION pgcrypto"),
}  # fmt: skip


@pytest.fixture
def healthy(notes: Notes) -> tuple[Notes, str]:
    """A database without a problem, and its fingerprint."""
    with superuser(notes.owner) as connection:
        assert problems(connection) == []
        return notes, fingerprint(connection)


@pytest.mark.parametrize("name", NAMED)
def test_a_planted_defect_is_named(shared_notes: Notes, name: str) -> None:
    sentence, defect = NAMED[name]
    with superuser(shared_notes.owner) as connection, _undone(connection):
        before = fingerprint(connection)
        connection.run(defect)
        found = problems(connection)
        assert [one for one in found if sentence in one], found
        assert fingerprint(connection) != before or "trigger" in sentence
        with pytest.raises(DatabaseUnprotected, match="not served"):
            refuse_unprotected(connection, before)


@pytest.mark.parametrize("name", UNNAMED)
def test_a_planted_difference_changes_the_fingerprint(shared_notes: Notes, name: str) -> None:
    with superuser(shared_notes.owner) as connection, _undone(connection):
        before = fingerprint(connection)
        refuse_unprotected(connection, before)
        connection.run(UNNAMED[name])
        assert fingerprint(connection) != before
        with pytest.raises(DatabaseUnprotected):
            refuse_unprotected(connection, before)


class _undone:  # noqa: N801  reads as a word
    def __init__(self, connection: Superuser) -> None:
        self.connection = connection

    def __enter__(self) -> None:
        self.connection.raw.execute("BEGIN")

    def __exit__(self, *error: object) -> None:
        self.connection.raw.execute("ROLLBACK")


def _roles(name: str) -> dict[str, tuple[str, Sql]]:
    login, ann, kim = ident(name), ident(ANN.profile), ident(KIM.profile)
    return {
        "connect for another": (
            "this database grants CONNECT to g_notes_boss",
            sql("GRANT CONNECT ON DATABASE {d} TO g_notes_boss", d=login),
        ),
        "connect for everybody": (
            "this database grants CONNECT to everybody", sql("GRANT CONNECT ON DATABASE {n} TO PUBLIC", n=login),
        ),
        "temporary tables": (
            f"this database grants TEMPORARY to {name}", sql("GRANT TEMPORARY ON DATABASE {n} TO {n}", n=login),
        ),
        "a way to another database": (
            "the login of this database may reach postgres", sql("GRANT CONNECT ON DATABASE postgres TO {n}", n=login),
        ),
        "the context parameter": (
            "the parameter backtrace_functions may be set by",
            sql("GRANT SET ON PARAMETER backtrace_functions TO {n}", n=login),
        ),
        "another parameter": (
            "the parameter session_replication_role may be set by everybody",
            sql("GRANT SET ON PARAMETER session_replication_role TO PUBLIC"),
        ),
        "a profile with a foreign group": (
            f"{ANN.profile} is not the profile of its groups", sql("GRANT g_notes_boss TO {p}", p=ann),
        ),
        "a profile without its group": (
            f"{ANN.profile} is not the profile of its groups", sql("REVOKE g_notes_writer FROM {p}", p=ann),
        ),
        "a profile that is inherited": (
            f"{ANN.profile} is not the profile of its groups",
            sql("GRANT {p} TO {n} WITH INHERIT TRUE", p=ann, n=login),
        ),
        "a group one can act as": (
            f"{KIM.profile} may act as g_notes_boss itself", sql("GRANT g_notes_boss TO {p} WITH SET TRUE", p=kim),
        ),
        "a group granted to the login": ("is not the profile of its groups", sql("GRANT g_notes_boss TO {n}", n=login)),
        "the owner granted to the login": ("is not the profile of its groups", sql("GRANT gs_owner TO {n}", n=login)),
        "a server role granted to the login": (
            "pg_read_all_data is not the profile of its groups", sql("GRANT pg_read_all_data TO {n}", n=login),
        ),
        "a group inside a group": (
            "g_notes_writer is a member of g_notes_boss", sql("GRANT g_notes_boss TO g_notes_writer"),
        ),
        "a server role inside a group": (
            "g_notes_writer is a member of pg_read_all_data", sql("GRANT pg_read_all_data TO g_notes_writer"),
        ),
        "the definer may read everything": (
            "gs_definer is a member of pg_read_all_data", sql("GRANT pg_read_all_data TO gs_definer"),
        ),
        "somebody is the definer": (
            "g_notes_boss is a member of gs_definer", sql("GRANT gs_definer TO g_notes_boss"),
        ),
        "a login without row security": (f"{name} has more than", sql("ALTER ROLE {n} BYPASSRLS", n=login)),
        "a group without row security": ("g_notes_writer has more than", sql("ALTER ROLE g_notes_writer BYPASSRLS")),
        "an owner that signs in": ("gs_owner has more than", sql("ALTER ROLE gs_owner LOGIN")),
        "a profile that makes roles": (f"{ANN.profile} has more than", sql("ALTER ROLE {p} CREATEROLE", p=ann)),
        "a setting of the login": (
            f"the settings of {name} were changed", sql("ALTER ROLE {n} SET search_path = 'gs', 'public'", n=login),
        ),
        "a setting of the login here": (
            f"the settings of {name} were changed",
            sql("ALTER ROLE {n} IN DATABASE {n} SET row_security = off", n=login),
        ),
        "a setting of the database": (
            "the settings of this database were changed", sql("ALTER DATABASE {n} SET search_path = 'gs'", n=login),
        ),
        "a setting of all roles": (
            "the settings of this database were changed", sql("ALTER ROLE ALL SET row_security = off"),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", _roles("x"))
def test_a_right_too_many_is_named(shared_notes: Notes, name: str) -> None:
    sentence, defect = _roles(shared_notes.database.name)[name]
    with superuser(shared_notes.owner) as connection, _undone(connection):
        assert problems(connection) == []
        connection.run(defect)
        found = problems(connection)
        assert [one for one in found if sentence in one], found


class _Asked:
    """A transaction of the login, as the check takes it."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def run(self, query: Sql) -> Result:
        return self._transaction.execute(query)


def test_the_login_sees_the_same_as_the_superuser(healthy: tuple[Notes, str]) -> None:
    notes, expected = healthy
    with notes.database.transaction(notes.door(ANN)) as tx:
        refuse_unprotected(_Asked(tx), expected)
    with superuser(notes.owner) as connection:
        connection.run(sql("DROP POLICY gs_signed ON note"))
    with pytest.raises(DatabaseUnprotected), notes.database.transaction(notes.door(ANN)) as tx:
        refuse_unprotected(_Asked(tx), expected)


def test_every_database_of_the_same_apps_has_one_fingerprint(
    healthy: tuple[Notes, str], notes_template: str, fresh_database: Callable[[str], Database]
) -> None:
    notes, expected = healthy
    twin = Notes(fresh_database(notes_template), notes.server)
    with superuser(twin.owner) as connection:
        assert fingerprint(connection) == expected


def test_nothing_that_a_login_may_do_keeps_its_database_or_another_from_being_served(
    healthy: tuple[Notes, str], shared_notes: Notes
) -> None:
    # Each of these is allowed by PostgreSQL and lasts; a check that refused them would be a way to shut a customer out.
    notes, expected = healthy
    with Attacker(notes) as login:
        login.enter(ANN)
        for attack in (
            "ALTER ROLE CURRENT_USER SET work_mem = '64kB'",
            "ALTER ROLE CURRENT_USER PASSWORD 'x'",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        ):
            assert not login.attempt(attack).refused, attack
        assert login.attempt("COMMIT").tag == "COMMIT"
        assert not login.attempt("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC").refused
    for database in (notes, shared_notes):
        with superuser(database.owner) as connection:
            assert problems(connection) == []
            assert fingerprint(connection) == expected
    with superuser(notes.server) as connection:
        connection.run(sql("ALTER ROLE {p} RESET ALL", p=ident(ANN.profile)))
