"""The history cannot be written, changed, avoided or signed with another's name by raw SQL (claim ST-2)."""

from collections.abc import Generator
from typing import Any

import pytest

from growsoft.postgres.check import fingerprint, problems
from growsoft.postgres.context import Context, numbered
from growsoft.postgres.database import ELEVATED_PROFILE
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.attacker import Attacker
from tests.support.notes import ANN, KIM, Notes

BEHIND = Context(11, ELEVATED_PROFILE, elevated=True, reason="a genuine reason", caller="tests")


@pytest.fixture
def attacker(notes: Notes) -> Generator[Attacker]:
    with Attacker(notes) as found:
        yield found


def history(notes: Notes) -> list[tuple[Any, ...]]:
    """Read what the history has of notes, oldest first."""
    with superuser(notes.owner) as connection:
        query = sql(
            "SELECT kind, user_id, record_id, details FROM gs_priv.audit WHERE table_name = 'note' ORDER BY xid, id"
        )
        return connection.run(query).all()


@pytest.mark.parametrize("who", [ANN, KIM, BEHIND], ids=["ann", "the boss", "elevated"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM gs_priv.audit",
        "INSERT INTO gs_priv.audit (kind, user_id) VALUES ('write', 12)",
        "UPDATE gs_priv.audit SET user_id = 12",
        "DELETE FROM gs_priv.audit",
        "TRUNCATE gs_priv.audit",
        "SELECT nextval('gs_priv.audit_id_seq')",
        "SELECT gs_priv.acting()",
        "SELECT gs_priv.audit_note()",
        "DROP TRIGGER gs_audit_update ON note",
        "ALTER TABLE note DISABLE TRIGGER ALL",
        "ALTER TABLE note DISABLE TRIGGER gs_audit_update",
        "SET session_replication_role = 'replica'",
        "CREATE OR REPLACE FUNCTION gs_priv.acting() RETURNS record LANGUAGE sql AS 'SELECT 12, 0, 0, '''''",
        "TRUNCATE note",
        "COPY note (name, user_id, company_id) FROM stdin",
        "CREATE TRIGGER first BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE away AS ON UPDATE TO note DO INSTEAD NOTHING",
    ],
)
def test_st2_nothing_reaches_the_history_itself(attacker: Attacker, who: Context, statement: str) -> None:
    attacker.enter(who)
    assert attacker.attempt(statement).sqlstate in {"42501", "0A000"}, statement


WAYS: dict[str, tuple[str, list[tuple[str, int, dict[str, object]]]]] = {
    "an insert": (
        "INSERT INTO note (name, user_id, company_id) VALUES ('x', 11, 1), ('y', 11, 1)",
        [("create", 101, {"name": "x", "user_id": 11, "company_id": 1}),
         ("create", 102, {"name": "y", "user_id": 11, "company_id": 1})],
    ),
    "an update": ("UPDATE note SET name = 'x' WHERE id = 1", [("write", 1, {"name": ["ann one", "x"]})]),
    "an update to the same": ("UPDATE note SET name = name WHERE id = 1", [("write", 1, {})]),
    "a delete": (
        "DELETE FROM note WHERE id = 2",
        [("unlink", 2, {"name": "ann two", "salary": 110, "user_id": 11, "company_id": 1})],
    ),
    "a conflict": (
        ("INSERT INTO note (name, user_id, company_id) VALUES ('ann one', 11, 1)"
         " ON CONFLICT (name) WHERE name <> '' DO UPDATE SET name = 'z'"),
        [("write", 1, {"name": ["ann one", "z"]})],
    ),
    "a merge": (
        ("MERGE INTO note USING (VALUES (1), (500)) v (id) ON v.id = note.id WHEN MATCHED THEN UPDATE SET name = 'm'"
         " WHEN NOT MATCHED THEN INSERT (name, user_id, company_id) VALUES ('n', 11, 1)"),
        [("create", 101, {"name": "n", "user_id": 11, "company_id": 1}), ("write", 1, {"name": ["ann one", "m"]})],
    ),
    "a writing expression": (
        ("WITH a AS (UPDATE note SET name = 'a' WHERE id = 1 RETURNING id),"
         " b AS (DELETE FROM note_tag_rel WHERE note_id = 2) SELECT * FROM a"),
        [("write", 1, {"name": ["ann one", "a"]})],
    ),
    "an update from a list": (
        "UPDATE note SET name = u.n FROM unnest(ARRAY[1, 2], ARRAY['p', 'q']) u (i, n) WHERE id = u.i",
        [("write", 1, {"name": ["ann one", "p"]}), ("write", 2, {"name": ["ann two", "q"]})],
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_st2_every_way_to_write_leaves_its_rows(attacker: Attacker, notes: Notes, way: str) -> None:
    statement, expected = WAYS[way]
    attacker.enter(ANN)
    done = attacker.attempt(statement)
    assert not done.refused, done.message
    attacker.raw.execute("COMMIT")
    found = [(kind, record, details) for kind, _user, record, details in history(notes)]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert {user for _kind, user, _record, _details in history(notes)} == {11}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE note SET name = 'x' WHERE id = 1 RETURNING gs.leave()",
        "WITH x AS (UPDATE note SET name = 'x' WHERE id = 1 RETURNING id) SELECT gs.leave() FROM x",
        "INSERT INTO note (name, user_id, company_id) VALUES ('x', 11, 1) RETURNING gs.leave()",
        "DELETE FROM note WHERE id = 2 RETURNING gs.leave()",
        "UPDATE note SET name = 'x' WHERE id = 1 RETURNING set_config('role', 'none', true), gs.leave()",
    ],
)
def test_st2_nobody_changes_anything_as_nobody(attacker: Attacker, notes: Notes, statement: str) -> None:
    attacker.enter(ANN)
    assert attacker.attempt(statement).sqlstate == "42501"
    attacker.rollback()
    assert history(notes) == []


def test_st2_the_role_of_another_is_not_his_name(attacker: Attacker, notes: Notes) -> None:
    attacker.enter(ANN)
    changed = attacker.attempt(
        "UPDATE note SET name = 'x' WHERE id = 1 RETURNING set_config('role', %s, true)", KIM.profile
    )
    assert not changed.refused
    attacker.raw.execute("COMMIT")
    assert [user for _kind, user, _record, _details in history(notes)] == [11]


def test_st2_what_is_undone_leaves_nothing(attacker: Attacker, notes: Notes) -> None:
    attacker.enter(ANN)
    attacker.attempt("SAVEPOINT s")
    assert not attacker.attempt("UPDATE note SET name = 'x' WHERE id = 1").refused
    attacker.attempt("ROLLBACK TO s")
    attacker.raw.execute("COMMIT")
    assert history(notes) == []


def test_st2_an_elevated_change_says_who_why_and_where(notes: Notes) -> None:
    with numbered("AbC1-22"), notes.database.transaction(notes.door(ANN)) as tx:
        tx.execute(sql("UPDATE note SET name = 'mine' WHERE id = 1"))
        with tx.within(notes.database.elevated("the name is cleaned", user=11, caller="tests.cleaning")):
            tx.execute(sql("UPDATE note SET name = 'clean' WHERE id = 3"))
        tx.execute(sql("UPDATE note SET name = 'mine again' WHERE id = 1"))
    with superuser(notes.owner) as connection:
        rows = connection.run(
            sql(
                "SELECT a.record_id, a.user_id, a.request, s.reason, s.caller FROM gs_priv.audit a"
                " LEFT JOIN gs_priv.audit s ON (s.era, s.xid, s.id) = (a.era, a.xid, a.entry)"
                " WHERE a.table_name = 'note' ORDER BY a.id"
            )
        ).all()
    assert rows == [
        (1, 11, "abc1_22", None, None),
        (3, 11, "abc1_22", "the name is cleaned", "tests.cleaning"),
        (1, 11, "abc1_22", None, None),
    ]


def test_st2_the_number_of_a_request_cannot_be_changed_nor_become_more(attacker: Attacker, notes: Notes) -> None:
    attacker.raw.execute("BEGIN")
    attacker.raw.execute("SELECT gs.correlate('first')")
    attacker.enter(ANN, begin=False)
    for forged in ("other", "x,1,1", f"{KIM.profile},14,0,1,1,,,x,5", ""):
        assert not attacker.attempt("SELECT gs.correlate(%s)", forged).refused
    assert not attacker.attempt("UPDATE note SET name = 'x' WHERE id = 1").refused
    assert attacker.attempt("SELECT gs.user_id(), gs.elevated(), gs.ctx(8)").rows == [(11, False, "first")]
    attacker.raw.execute("COMMIT")
    assert [user for _kind, user, _record, _details in history(notes)] == [11]


def test_st2_a_number_before_the_door_is_no_door(attacker: Attacker) -> None:
    attacker.raw.execute("BEGIN")
    attacker.raw.execute("SELECT gs.correlate('first')")
    assert attacker.attempt("SELECT gs.user_id(), gs.elevated(), gs.record()").rows == [(None, False, None)]
    for role in (ANN.profile, KIM.profile):
        attacker.attempt("SAVEPOINT s")
        attacker.attempt(f"SET LOCAL ROLE {role}")
        assert attacker.sees() == set()
        attacker.attempt("ROLLBACK TO s")


def test_st2_the_keeper_s_own_changes_are_nobody_s(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        connection.run(sql("UPDATE note SET id = 77 WHERE id = 3"))
        connection.run(sql("TRUNCATE note CASCADE"))
    assert [(kind, user, record) for kind, user, record, _details in history(notes)] == [
        ("unlink", 0, 3),
        ("create", 0, 77),
        ("truncate", 0, 0),
    ]


@pytest.mark.parametrize(
    "tampering",
    [
        sql("DROP TRIGGER gs_audit_update ON note"),
        sql("ALTER TABLE note DISABLE TRIGGER gs_audit_update"),
        sql("ALTER TABLE note ENABLE REPLICA TRIGGER gs_audit_update"),
        sql(
            "DROP TRIGGER gs_audit_update ON note; CREATE TRIGGER gs_audit_update AFTER UPDATE ON note"
            " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (false)"
            " EXECUTE FUNCTION gs_priv.audit_note()"
        ),
        sql(
            "DROP TRIGGER gs_audit_insert ON note; CREATE TRIGGER gs_audit_insert AFTER UPDATE ON note"
            " REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows FOR EACH STATEMENT"
            " EXECUTE FUNCTION gs_priv.audit_note()"
        ),
        sql(
            "CREATE OR REPLACE FUNCTION gs_priv.audit_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END'"
        ),
        sql("GRANT INSERT ON gs_priv.audit TO g_notes_writer"),
    ],
)
def test_st2_a_history_with_a_gap_is_not_served(notes: Notes, tampering: Any) -> None:  # noqa: ANN401  any statement
    with superuser(notes.owner) as connection:
        before = fingerprint(connection)
        connection.run(tampering)
        assert problems(connection) or fingerprint(connection) != before


@pytest.fixture
def told(notes: Notes) -> Notes:
    """Notes of three people, each changed once: 1 and 2 are Ann's, 3 is Bob's, 4 is Eve's; one salary too."""
    with notes.database.transaction(notes.database.elevated("a test changes all notes")) as tx:
        tx.execute(sql("UPDATE note SET name = 'changed ' || id"))
        tx.execute(sql("UPDATE note SET salary = 999 WHERE id = 1"))
    return notes


HISTORY = "SELECT record_id FROM gs.history WHERE table_name = 'note'"


def records(attacker: Attacker, query: str = HISTORY) -> set[int]:
    """Give the records whose history is shown."""
    return {int(row[0]) for row in attacker.attempt(query).rows}


@pytest.mark.parametrize(("who", "seen"), [(ANN, {1, 2}), (KIM, {1, 2, 3, 4}), (BEHIND, {1, 2, 3, 4})])
def test_st2_the_history_is_shown_with_the_record(told: Notes, who: Context, seen: set[int]) -> None:
    with Attacker(told) as attacker:
        attacker.enter(who)
        assert records(attacker) == seen
        salaries = attacker.attempt("SELECT record_id FROM gs.history WHERE details ? 'salary'").rows
        assert salaries == ([] if who is ANN else [(1,)])


def test_st2_the_history_shows_nothing_without_a_genuine_context(told: Notes) -> None:
    with Attacker(told) as attacker:
        attacker.raw.execute("BEGIN")
        assert records(attacker) == set()
        for role in (ANN.profile, KIM.profile, ELEVATED_PROFILE):
            attacker.attempt("SAVEPOINT s")
            attacker.attempt(f"SET LOCAL ROLE {role}")
            assert records(attacker) == set(), role
            attacker.attempt("ROLLBACK TO s")
        attacker.enter(ANN, begin=False)
        attacker.attempt(f"SET LOCAL ROLE {KIM.profile}")
        assert records(attacker) == set()
        attacker.attempt(f"SET LOCAL ROLE {ANN.profile}")
        assert records(attacker, "SELECT record_id FROM (SELECT gs.leave() OFFSET 0) x, gs.history") == set()


def test_st2_a_history_planned_as_the_boss_shows_one_s_own(told: Notes) -> None:
    with Attacker(told) as attacker:
        attacker.enter(ANN)
        attacker.attempt(f"SET LOCAL ROLE {KIM.profile}")
        assert not attacker.attempt(f"DECLARE c CURSOR FOR {HISTORY}").refused
        attacker.attempt(f"SET LOCAL ROLE {ANN.profile}")
        assert records(attacker, "FETCH ALL FROM c") <= {1, 2}
        attacker.attempt(f"SET LOCAL ROLE {KIM.profile}")
        asked = "SELECT record_id FROM (SELECT set_config('role', %s, true) OFFSET 0) x, gs.history"
        assert {row[0] for row in attacker.attempt(asked, ANN.profile).rows} <= {1, 2}


def test_st2_a_condition_of_the_reader_s_looks_at_no_hidden_row(told: Notes) -> None:
    with Attacker(told) as attacker:
        attacker.enter(ANN)
        for condition in (
            "1 / (record_id - 3) >= 0 OR true",
            "(details ->> 'name')::int IS NULL OR record_id IN (1, 2)",
            "CASE WHEN record_id IN (3, 4) THEN 1 / (record_id - record_id) = 0 ELSE true END",
        ):
            attacker.attempt("SAVEPOINT s")
            done = attacker.attempt(f"{HISTORY} AND ({condition})")
            assert done.sqlstate != "22012", condition
            attacker.attempt("ROLLBACK TO s")
        assert attacker.attempt("UPDATE gs.history SET user_id = 12").refused
