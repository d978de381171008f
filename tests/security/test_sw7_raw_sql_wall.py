"""SW-7: SQL injected into the application's connection sees and changes what the signed user may, and nothing else.

Every attack is tried by the application's login on a bare connection, without a context and inside of a user's; first
against a table without the signed policy, where it must succeed.
"""

from dataclasses import replace

import pytest

from growsoft.postgres.database import ELEVATED_PROFILE
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.attacker import Attacker
from tests.support.notes import ANN, EVE, KIM, Notes

A, K = ANN.profile, KIM.profile

# How to become the boss, in words of SQL.
BECOME = {
    "set role": "SET ROLE {kim}",
    "set local role": "SET LOCAL ROLE {kim}",
    "set session role": "SET SESSION ROLE '{kim}'",
    "set config": "SELECT set_config('role', '{kim}', false)",
    "set config local": "SELECT set_config('role', '{kim}', true)",
    "reset, then set": "RESET ROLE; SET ROLE {kim}",
    "in a savepoint": "SAVEPOINT x; SET LOCAL ROLE {kim}; RELEASE x",
    "authorisation": "RESET SESSION AUTHORIZATION; SET ROLE {kim}",
}


def _spell(text: str, table: str = "note") -> str:
    return text.replace("{ann}", A).replace("{kim}", K).replace("{table}", table)


@pytest.mark.parametrize("become", BECOME)
def test_becoming_the_boss_shows_nothing(holed_notes: Notes, become: str) -> None:
    with Attacker(holed_notes) as login:
        login.enter(ANN)
        login.attempt(_spell(BECOME[become]))
        assert login.sees("unsigned") == {1, 2, 3, 4}, "the planted hole is found"
        assert login.sees("note") == set()
        assert login.attempt("SELECT count(*), max(salary) FROM note").rows == [(0, None)]
        assert login.attempt("UPDATE note SET name = 'mine' RETURNING id").rows == []
        assert login.attempt("DELETE FROM note RETURNING id").rows == []


def test_becoming_the_boss_without_a_context_shows_nothing(holed_notes: Notes) -> None:
    with Attacker(holed_notes) as login:
        login.attempt(_spell("SET ROLE {kim}"))
        assert login.sees("unsigned") == {1, 2, 3, 4}, "the planted hole is found"
        assert login.sees("note") == set()


# A plan made as the boss, run as oneself: who runs it is not enough to know.
MIXED = {
    "a cursor": (
        "SET LOCAL ROLE {kim}; DECLARE c CURSOR FOR SELECT id FROM {table}; SET LOCAL ROLE {ann}",
        "FETCH ALL FROM c",
    ),
    "inside of the statement": (
        "SET LOCAL ROLE {kim}",
        "SELECT id FROM (SELECT set_config('role', '{ann}', true) OFFSET 0) x, {table}",
    ),
    "in a common table": (
        "SET LOCAL ROLE {kim}",
        "WITH x AS MATERIALIZED (SELECT set_config('role', '{ann}', true)) SELECT id FROM x, {table}",
    ),
    "while updating": (
        "SET LOCAL ROLE {kim}",
        "UPDATE {table} SET name = name FROM (SELECT set_config('role', '{ann}', true) OFFSET 0) x RETURNING id",
    ),
    "while deleting": (
        "SET LOCAL ROLE {kim}",
        "DELETE FROM {table} USING (SELECT set_config('role', '{ann}', true) OFFSET 0) x WHERE id > 0 RETURNING id",
    ),
    "while merging": (
        "SET LOCAL ROLE {kim}",
        (
            "MERGE INTO {table} USING (SELECT set_config('role', '{ann}', true) OFFSET 0) x ON true"
            " WHEN MATCHED THEN UPDATE SET name = name RETURNING id"
        ),
    ),
    "in text that becomes a query": (
        "SET LOCAL ROLE {kim}",
        (
            "SELECT unnest(xpath('//id/text()', query_to_xml('SELECT id FROM (SELECT"
            " set_config(''role'', ''{ann}'', true) OFFSET 0) x, {table}', true, false, '')))::text::int"
        ),
    ),
    "in a cursor of a query": (
        "SET LOCAL ROLE {kim}; DECLARE c CURSOR FOR SELECT id FROM {table}; SET LOCAL ROLE {ann}",
        "SELECT unnest(xpath('//id/text()', cursor_to_xml('c', 99, true, false, '')))::text::int",
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", MIXED)
def test_a_plan_of_the_boss_does_not_run_for_another(holed_notes: Notes, attack: str) -> None:
    prepare, run = MIXED[attack]
    found: dict[str, set[int]] = {}
    for table in ("unbound", "note"):
        with Attacker(holed_notes) as login:
            login.enter(ANN)
            for statement in _spell(prepare, table).split("; "):
                assert not login.attempt(statement).refused
            found[table] = {row[0] for row in login.attempt(_spell(run, table)).rows}
    assert found["unbound"] == {1, 2, 3, 4}, "the planted hole is found"
    assert found["note"] == set()


def test_inserting_by_a_plan_of_the_boss_is_refused(holed_notes: Notes) -> None:
    insert = (
        "WITH x AS MATERIALIZED (SELECT set_config('role', '{ann}', true))"
        " INSERT INTO {table} (name, user_id, company_id) SELECT 'forged', 12, 1 FROM x RETURNING name"
    )
    with Attacker(holed_notes) as login:
        for table, sqlstate in (("unbound", ""), ("note", "42501")):
            login.enter(ANN)
            login.attempt(_spell("SET LOCAL ROLE {kim}"))
            assert login.attempt(_spell(insert, table)).sqlstate == sqlstate
            login.rollback()


def test_a_prepared_plan_is_made_anew_for_another_role(holed_notes: Notes) -> None:
    with Attacker(holed_notes) as login:
        login.enter(ANN)
        login.attempt(_spell("SET LOCAL ROLE {kim}"))
        login.attempt("PREPARE p AS SELECT id FROM note")
        for mode in ("force_generic_plan", "force_custom_plan", "auto"):
            login.attempt(f"SET LOCAL plan_cache_mode = {mode}")
            login.attempt(_spell("SET LOCAL ROLE {kim}"))
            assert login.attempt("EXECUTE p").rows == []
            login.attempt(_spell("SET LOCAL ROLE {ann}"))
            assert login.attempt("EXECUTE p").rows == [(1,), (2,)]


def test_no_role_of_the_cluster_helps(holed_notes: Notes) -> None:
    with superuser(holed_notes.owner) as connection:
        roles = set(connection.run(sql("SELECT rolname::text FROM pg_roles")).column(str))
        own = connection.run(
            sql("SELECT r.rolname::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid"
                " WHERE m.member = (SELECT oid FROM pg_roles WHERE rolname = {n})", n=holed_notes.database.name)
        ).column(str)  # fmt: skip
    assert {A, K, ELEVATED_PROFILE} <= set(own)
    assert {"growsoft", "gs_owner", "gs_definer", "gs_elevated", "g_notes_boss", "pg_read_all_data"} <= roles
    with Attacker(holed_notes) as login:
        for role in sorted(roles):
            login.enter(ANN)
            outcome = login.attempt(f'SET LOCAL ROLE "{role}"')
            assert outcome.refused == (role not in {*own, holed_notes.database.name}), role
            if not outcome.refused:
                assert login.sees() == ({1, 2} if role == A else set()), role
            login.rollback()
            assert login.attempt(f'SET SESSION AUTHORIZATION "{role}"').refused == (role != holed_notes.database.name)
            login.attempt("RESET SESSION AUTHORIZATION")


@pytest.mark.parametrize("who", [ANN, EVE], ids=["ann", "eve"])
def test_inside_of_a_context_it_is_that_user_s_rows(shared_notes: Notes, who: object) -> None:
    mine = {1, 2} if who is ANN else {4}
    with Attacker(shared_notes) as login:
        login.enter(ANN if who is ANN else EVE)
        assert login.sees() == mine
        for query in (
            "SELECT id FROM ONLY note", "TABLE note", "SELECT * FROM note TABLESAMPLE SYSTEM (100)",
            "SELECT id FROM note WHERE true OR id > 0", "SELECT id FROM note UNION SELECT id FROM note",
            "SELECT note.id FROM tag, note", "SELECT (SELECT id FROM note WHERE id = 3)",
            "SELECT id FROM note FOR UPDATE", "WITH n AS (SELECT id FROM note) SELECT id FROM n",
            "SELECT id FROM note ORDER BY (SELECT 1)", "SELECT (n).id FROM (SELECT note AS n FROM note) x",
        ):  # fmt: skip
            login.attempt("SAVEPOINT x")
            ids = {row[0] for row in login.attempt(query).rows} - {None}
            login.attempt("ROLLBACK TO x")
            assert ids <= mine, query


def test_more_of_the_same_plan_in_parallel_workers_shows_the_same(shared_notes: Notes) -> None:
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        for setting in (
            "debug_parallel_query = on", "parallel_setup_cost = 0", "parallel_tuple_cost = 0",
            "min_parallel_table_scan_size = 0", "max_parallel_workers_per_gather = 2",
        ):  # fmt: skip
            assert not login.attempt(f"SET LOCAL {setting}").refused
        plan = "\n".join(row[0] for row in login.attempt("EXPLAIN SELECT id FROM note").rows)
        assert "Gather" in plan, "the workers must take part"
        assert login.sees() == {1, 2}
        login.attempt(_spell("SET LOCAL ROLE {kim}"))
        assert login.sees() == set()
        assert login.attempt(_spell(MIXED["inside of the statement"][1])).rows == []


def test_row_security_cannot_be_switched_off(holed_notes: Notes) -> None:
    with Attacker(holed_notes) as login:
        login.enter(ANN)
        assert not login.attempt("SET LOCAL row_security = off").refused
        assert login.attempt("SELECT id FROM note").sqlstate == "42501"


def test_leaving_the_context_inside_of_a_statement_opens_no_link(holed_notes: Notes) -> None:
    # For the first row PostgreSQL works out the signature and the companies, and need not look at the link. Then the
    # context is left, and for the second row it looks at the link.
    attack = (
        "SELECT t.id FROM (SELECT v FROM (VALUES (4::bigint, false), (3, true)) y(v, leave)"
        " WHERE NOT leave OR gs.leave()::text = '' OFFSET 0) x, {table} t WHERE t.id = x.v"
    )
    found: dict[str, set[int]] = {}
    for table in ("unlinked", "note"):
        with Attacker(holed_notes) as login:
            login.enter(replace(KIM, companies=(1,), record=f"{table} 1"))
            assert login.sees(table) == {1}
            for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
                login.attempt(f"SET LOCAL enable_{way} = off")
            found[table] = {row[0] for row in login.attempt(_spell(attack, table)).rows}
    assert found == {"unlinked": {3}, "note": set()}


def test_a_cursor_shows_nothing_after_its_context_was_reset(shared_notes: Notes) -> None:
    for reset in ("RESET ALL", "SELECT gs.leave()"):
        with Attacker(shared_notes) as login:
            login.enter(replace(KIM, record="note 1"))
            login.attempt("DECLARE c CURSOR FOR SELECT id FROM note")
            assert not login.attempt(reset).refused
            assert login.attempt("FETCH ALL FROM c").rows == []


def test_the_restricted_column_stays_closed(shared_notes: Notes) -> None:
    with Attacker(shared_notes) as login:
        for query in (
            "SELECT salary FROM note", "SELECT * FROM note", "SELECT note FROM note",
            "SELECT row_to_json(n) FROM note n", "SELECT id FROM note WHERE salary > 100",
            "SELECT id FROM note ORDER BY salary", "SELECT count(salary) FROM note",
            "UPDATE note SET salary = 1", "UPDATE note SET name = salary::text",
            "UPDATE note SET name = name RETURNING salary",
            "INSERT INTO note (salary, user_id, company_id) VALUES (1, 11, 1)",
            "SELECT id FROM note JOIN (VALUES (100)) v(s) ON s = salary", "SELECT ctid FROM note",
            "SELECT xmin FROM note", "SELECT tableoid FROM note", "DELETE FROM note WHERE salary = 100",
            "SELECT max(note.*::text) FROM note", "COPY note (salary) TO STDOUT", "SELECT to_jsonb(note) FROM note",
            "MERGE INTO note USING (VALUES (1)) v(i) ON id = i WHEN MATCHED AND salary = 100 THEN DELETE",
            "SELECT hashtext(note::text) FROM note", "SELECT count(note) FROM note",
            "SELECT count(*) FROM note GROUP BY salary",
            "SELECT rank() OVER (ORDER BY salary) FROM note", "SELECT id FROM note WHERE note IS NOT NULL",
        ):  # fmt: skip
            login.enter(ANN)
            assert login.attempt(query).sqlstate == "42501", query
            login.rollback()
        login.enter(KIM)
        assert login.attempt("SELECT max(salary) FROM note").rows == [(300,)]
