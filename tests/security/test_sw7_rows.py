"""SW-7: within one's own context nobody writes for somebody else, moves rows away, or reads hidden ones by errors.

What remains, and is said so in the threat model, is tested as what remains: unique keys and foreign keys answer whether
a value exists, and so do estimates, counts of pages and time.
"""

from typing import Final

import pytest

from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.attacker import Attacker
from tests.support.notes import ANN, EVE, KIM, Notes

# Statements of Ann against rows of Bob (3) and Eve (4), of hers (1, 2), and what they may at most touch.
NOT_HERS: Final = {
    "insert for another": "INSERT INTO note (name, user_id, company_id) VALUES ('x', 12, 1)",
    "insert for nobody": "INSERT INTO note (name, company_id) VALUES ('x', 1)",
    "insert into another company": "INSERT INTO note (name, user_id, company_id) VALUES ('x', 11, 2)",
    "insert by a query": "INSERT INTO note (name, user_id, company_id) SELECT 'x', id, 1 FROM (VALUES (12)) v(id)",
    "give away": "UPDATE note SET user_id = 12 WHERE id = 1",
    "give to nobody": "UPDATE note SET user_id = NULL WHERE id = 1",
    "move to another company": "UPDATE note SET company_id = 2 WHERE id = 1",
    "give all away": "UPDATE note SET user_id = user_id + 1",
    "on conflict with a hidden row": (
        "INSERT INTO note (name, user_id, company_id) VALUES ('bob one', 11, 1)"
        " ON CONFLICT (name) WHERE name <> '' DO UPDATE SET version = 9"
    ),
    "on conflict, and take it over": (
        "INSERT INTO note (name, user_id, company_id) VALUES ('bob one', 11, 1)"
        " ON CONFLICT (name) WHERE name <> '' DO UPDATE SET user_id = 11 RETURNING id"
    ),
    "merge for another": (
        "MERGE INTO note USING (VALUES (3)) v(i) ON note.id = v.i WHEN MATCHED THEN UPDATE SET name = 'x'"
        " WHEN NOT MATCHED THEN INSERT (name, user_id, company_id) VALUES ('x', 12, 1)"
    ),
    "merge and give away": (
        "MERGE INTO note USING (VALUES (1)) v(i) ON note.id = v.i WHEN MATCHED THEN UPDATE SET user_id = 12"
    ),
    "a relation of another's note": "INSERT INTO note_tag_rel (note_id, tag_id) VALUES (3, 2)",
    "her own key": "INSERT INTO note (id, name, user_id, company_id) VALUES (999, 'x', 11, 1)",
    "a generated key": "INSERT INTO note (id, user_id, company_id) OVERRIDING SYSTEM VALUE VALUES (9, 11, 1)",
    "the key of hers": "UPDATE note SET id = 999 WHERE id = 1",
    "a reference table": "INSERT INTO tag (name) VALUES ('x')",
    "people": "UPDATE res_users SET login = 'x' WHERE id = 11",
    "her own groups": "INSERT INTO res_groups_users_rel (user_id, group_id) VALUES (11, 2)",
    "her own companies": "INSERT INTO res_company_users_rel (user_id, company_id) VALUES (11, 2)",
    "truncate": "TRUNCATE note",
}

SILENT: Final = {
    "update": "UPDATE note SET version = 9 WHERE id IN (3, 4) RETURNING id",
    "update from": "UPDATE note SET version = 9 FROM tag WHERE note.id IN (3, 4) RETURNING note.id",
    "update by unnest": (
        "UPDATE note SET version = u.v FROM unnest(ARRAY[3, 4], ARRAY[9, 9]) AS u(id, v) WHERE note.id = u.id"
        " RETURNING note.id"
    ),
    "delete": "DELETE FROM note WHERE id IN (3, 4) RETURNING id",
    "delete using": "DELETE FROM note USING tag WHERE note.id IN (3, 4) RETURNING note.id",
    "on conflict do nothing": (
        "INSERT INTO note (name, user_id, company_id) VALUES ('bob one', 11, 1) ON CONFLICT DO NOTHING RETURNING id"
    ),
    "merge": "MERGE INTO note USING (VALUES (3)) v(i) ON note.id = v.i WHEN MATCHED THEN DELETE RETURNING note.id",
    "lock": "SELECT id FROM note WHERE id IN (3, 4) FOR UPDATE",
    "relation": "DELETE FROM note_tag_rel WHERE note_id IN (3, 4) RETURNING note_id",
}


def _everything(notes: Notes) -> list[tuple[object, ...]]:
    with superuser(notes.owner) as connection:
        return connection.run(
            sql("SELECT 1, id, name, salary, user_id, company_id, version FROM note"
                " UNION ALL SELECT 2, note_id, '', tag_id, 0, 0, 0 FROM note_tag_rel ORDER BY 1, 2")
        ).all()  # fmt: skip


@pytest.mark.parametrize("what", NOT_HERS)
def test_nobody_writes_what_is_not_his(shared_notes: Notes, what: str) -> None:
    before = _everything(shared_notes)
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        outcome = login.attempt(NOT_HERS[what])
        assert outcome.sqlstate in {"42501", "428C9"}, outcome
        assert "Key (" not in outcome.message, "no value of a row in a message"
        login.attempt("COMMIT")
    assert _everything(shared_notes) == before


@pytest.mark.parametrize("what", SILENT)
def test_hidden_rows_are_as_if_they_were_not_there(shared_notes: Notes, what: str) -> None:
    before = _everything(shared_notes)
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        outcome = login.attempt(SILENT[what])
        assert not outcome.refused, outcome
        assert outcome.rows == []
        login.attempt("COMMIT")
    assert _everything(shared_notes) == before


def test_the_same_statements_work_on_one_s_own_rows(shared_notes: Notes) -> None:
    # Otherwise their silence above would prove nothing.
    for what in ("update", "update from", "update by unnest", "delete", "delete using", "merge", "lock"):
        with Attacker(shared_notes) as login:
            login.enter(ANN)
            mine = (
                SILENT[what]
                .replace("(3, 4)", "(1, 2)")
                .replace("[3, 4]", "[1, 2]")
                .replace("(VALUES (3))", "(VALUES (1))")
            )
            assert login.attempt(mine).rows != []


# Operators and functions whose errors could tell something about a row before its policy was asked.
RAISING: Final = {
    "division": "SELECT id FROM note WHERE 1 / (id - 3) >= 0 OR id > 0",
    "cast": "SELECT id FROM note WHERE CASE WHEN id = 3 THEN name::int > 0 ELSE true END",
    "cast to our pattern": (
        r"SELECT id FROM note WHERE 'x' OPERATOR(gs.~~*?) (CASE WHEN id = 3 THEN '\' ELSE 'x' END)::gs.pattern"
    ),
    "a column as our pattern": (
        r"SELECT id FROM note WHERE 'x' OPERATOR(gs.~~?) (name || repeat('\', (id = 3)::int))::gs.pattern"
    ),
    "a pattern that ends badly": r"SELECT id FROM note WHERE name LIKE 'bob\' OR id > 0",
    "a pattern that ends badly, any case": r"SELECT id FROM note WHERE name ILIKE 'BOB\' OR id > 0",
    "a regular expression": "SELECT id FROM note WHERE name ~ CASE WHEN id = 3 THEN '(' ELSE '.' END",
    "a root": "SELECT id FROM note WHERE sqrt(CASE WHEN id = 3 THEN -1 ELSE 1 END) >= 0",
    "in the order": "SELECT id FROM note ORDER BY 1 / (id - 3)",
    "in a join": "SELECT note.id FROM note JOIN tag ON 1 / (note.id - 3) IS NOT NULL",
    "in a sub-query": "SELECT id FROM note WHERE (SELECT 1 / (id - 3)) IS NOT NULL",
    "json": "SELECT id FROM note WHERE CASE WHEN id = 3 THEN (name::json IS NOT NULL) ELSE true END",
    "a domain": "SELECT id FROM note WHERE repeat(name, CASE WHEN id = 3 THEN 200 ELSE 1 END)::gs.pattern IS NOT NULL",
    "in an update": "UPDATE note SET name = name WHERE 1 / (id - 3) IS NOT NULL RETURNING id",
    "in a delete": "DELETE FROM note WHERE 1 / (id - 3) IS NULL RETURNING id",
    "in a merge": "MERGE INTO note USING tag ON 1 / (note.id - 3) = 9 WHEN MATCHED THEN DELETE RETURNING note.id",
}


@pytest.mark.parametrize("what", RAISING)
def test_an_error_never_tells_of_a_hidden_row(shared_notes: Notes, what: str) -> None:
    query = RAISING[what]
    with Attacker(shared_notes) as login:
        login.enter(KIM)
        assert login.attempt(query).refused, "whoever may see the row gets the error"
        login.rollback()
        for who, mine in ((ANN, {1, 2}), (EVE, {4})):
            login.enter(who)
            outcome = login.attempt(query)
            assert not outcome.refused, outcome
            assert {row[0] for row in outcome.rows} <= mine
            login.rollback()


OURS: Final = {
    "any case": "SELECT id FROM note WHERE name OPERATOR(gs.~~*?) %s::gs.pattern",
    "this case": "SELECT id FROM note WHERE name OPERATOR(gs.~~?) %s::gs.pattern",
}


@pytest.mark.parametrize("how", OURS)
def test_our_pattern_operators_fail_in_the_type_and_never_in_a_row(shared_notes: Notes, how: str) -> None:
    with Attacker(shared_notes) as login:
        for pattern in ("\\", "a\\", "%\\", "\\\\\\", "x" * 513, "%" * 513):
            outcomes: set[str] = set()
            for who in (ANN, EVE, KIM):
                login.enter(who)
                outcomes.add(login.attempt(OURS[how], pattern).sqlstate)
                login.rollback()
            assert outcomes == {"23514"}, "the same for everybody"
        for pattern in ("\\\\", "%\\\\", "%" * 500, "_" * 512, "", "%one", "\\%", "é%", "%\\_%"):
            login.enter(ANN)
            outcome = login.attempt(OURS[how], pattern)
            assert not outcome.refused, (pattern, outcome)
            assert {row[0] for row in outcome.rows} <= {1, 2}
            login.rollback()


def test_the_text_operator_itself_is_not_pushed_below_the_rules(shared_notes: Notes) -> None:
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        for setting in ("enable_seqscan = off", "enable_indexscan = off"):
            login.attempt(f"SET LOCAL {setting}")
        ours = login.attempt("EXPLAIN SELECT id FROM note WHERE name OPERATOR(gs.~~*?) 'bob%'").rows
        theirs = login.attempt("EXPLAIN SELECT id FROM note WHERE name ILIKE 'bob%'").rows
        assert "note_name_search" not in str(theirs)
        assert str(ours) != str(theirs)


def test_what_remains_a_sub_select_that_raises_tells_of_one_value(shared_notes: Notes) -> None:
    # Threat model: a leakproof comparison may run before the rules, and its result decides whether the error comes.
    guess = "SELECT id FROM note WHERE name = %s::text AND version < (SELECT g FROM generate_series(1, 2) g)"
    with Attacker(shared_notes) as login:
        for name, sqlstate in (("bob one", "21000"), ("nobody", "")):
            login.enter(ANN)
            for way in ("seqscan", "bitmapscan"):
                login.attempt(f"SET LOCAL enable_{way} = off")
            assert login.attempt(guess, name).sqlstate == sqlstate
            login.rollback()


def test_what_remains_a_key_tells_that_a_value_exists(shared_notes: Notes) -> None:
    # Threat model: unique keys are scoped by company and foreign keys are checked for being readable by the ORM above.
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        taken = login.attempt("INSERT INTO note (name, user_id, company_id) VALUES ('bob one', 11, 1)")
        assert taken.sqlstate == "23505"
        login.rollback()
        login.enter(KIM)
        assert login.attempt("UPDATE note SET user_id = 13 WHERE id = 1").sqlstate == ""
        assert login.attempt("UPDATE note SET user_id = 77 WHERE id = 1").sqlstate == "23503"


def test_what_remains_a_plan_tells_how_many_there_are(shared_notes: Notes) -> None:
    with superuser(shared_notes.owner) as connection:
        connection.run(sql("ANALYZE note"))
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        assert login.attempt("SELECT reltuples FROM pg_class WHERE relname = 'note'").rows == [(4.0,)]
        plan = str(login.attempt("EXPLAIN (ANALYZE, TIMING off, SUMMARY off) SELECT id FROM note").rows)
        assert "Rows Removed by Filter: 2" in plan
        assert "bob" not in plan
