"""Declarations are applied all or nothing, once, and bring back what somebody took away."""

from dataclasses import replace

import pytest

from growsoft.errors import AccessError
from growsoft.postgres.apply import apply_declarations
from growsoft.postgres.check import DatabaseUnprotected, fingerprint, problems, refuse_unprotected
from growsoft.postgres.policies import COMMANDS, TRUE, Declarations, Grant, Policy
from growsoft.postgres.schema import Column, Table
from growsoft.postgres.sql import Sql, literal, sql
from growsoft.postgres.superuser import superuser
from tests.support.notes import ANN, DECLARATIONS, KIM, NOTE, NOTE_WITH_HISTORY, WRITER, Notes

GROWN_NOTE = replace(NOTE_WITH_HISTORY, columns=(*NOTE.columns, Column("diary", "text", True, literal(""))))
GROWN = replace(
    DECLARATIONS,
    apps={"notes": "1.1"},
    tables=tuple(GROWN_NOTE if table is NOTE_WITH_HISTORY else table for table in DECLARATIONS.tables),
)


def test_doing_it_again_changes_nothing(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        before = fingerprint(connection)
        applied = apply_declarations(connection, DECLARATIONS)
        assert (applied.changed, applied.drifts, applied.fingerprint) == (False, (), before)


def test_a_new_column_is_closed_until_somebody_grants_it(notes: Notes) -> None:
    with superuser(notes.owner) as connection:
        assert apply_declarations(connection, GROWN).changed
        assert problems(connection) == []
    for who in (ANN, KIM):
        with pytest.raises(AccessError), notes.database.transaction(notes.door(who)) as tx:
            tx.execute(sql("SELECT diary FROM note"))
    granted = replace(GROWN, grants=(*GROWN.grants, Grant("note", WRITER, ("diary",))))
    with superuser(notes.owner) as connection:
        apply_declarations(connection, granted)
    with notes.database.transaction(notes.door(ANN)) as tx:
        assert tx.execute(sql("SELECT diary FROM note")).column(str) == ["", ""]


def test_what_is_no_longer_declared_is_taken_away(notes: Notes) -> None:
    narrow = tuple(policy for policy in DECLARATIONS.policies if policy.role != WRITER)
    less = replace(
        DECLARATIONS, policies=narrow, grants=tuple(grant for grant in DECLARATIONS.grants if grant.role != WRITER)
    )
    with superuser(notes.owner) as connection:
        apply_declarations(connection, less)
        assert problems(connection) == []
    with pytest.raises(AccessError), notes.database.transaction(notes.door(ANN)) as tx:
        tx.execute(sql("SELECT id FROM note"))


@pytest.mark.parametrize(
    "hole",
    [
        sql("GRANT SELECT ON note TO PUBLIC"),
        sql("GRANT SELECT (salary) ON note TO PUBLIC"),
        sql("GRANT SELECT (salary) ON note TO g_notes_writer"),
        sql("CREATE POLICY everybody ON note USING (true)"),
        sql("ALTER TABLE note NO FORCE ROW LEVEL SECURITY"),
        sql("DROP POLICY gs_signed ON note"),
    ],
    ids=["table to public", "column to public", "column to a group", "a wider policy", "no force", "no signature"],
)
def test_applying_new_declarations_closes_holes(notes: Notes, hole: Sql) -> None:
    with superuser(notes.owner) as connection:
        before = fingerprint(connection)
        connection.run(hole)
        assert fingerprint(connection) != before
        apply_declarations(connection, replace(DECLARATIONS, apps={"notes": "1.0.1"}))
        assert problems(connection) == []
        assert fingerprint(connection) == before


def test_a_failure_leaves_everything_as_it_was(notes: Notes) -> None:
    broken = replace(GROWN, policies=(*GROWN.policies, Policy("note", "broken", "SELECT", sql("no_such > 1"), WRITER)))
    with superuser(notes.owner) as connection:
        before = fingerprint(connection)
        with pytest.raises(Exception, match="no_such"):
            apply_declarations(connection, broken)
        assert fingerprint(connection) == before
        refuse_unprotected(connection, before)
    with notes.database.transaction(notes.door(ANN)) as tx:
        assert tx.execute(sql("SELECT id FROM note")).column(int) == [1, 2]


def test_a_table_that_is_not_declared_any_more_is_shut_and_refused(notes: Notes) -> None:
    gone = Declarations(
        apps={"notes": "2.0"},
        tables=tuple(table for table in DECLARATIONS.tables if table.name != "tag"),
        policies=tuple(policy for policy in DECLARATIONS.policies if policy.table != "tag"),
        grants=tuple(grant for grant in DECLARATIONS.grants if grant.table != "tag"),
        roles=DECLARATIONS.roles,
    )
    with superuser(notes.owner) as connection:
        now = apply_declarations(connection, gone).fingerprint
        with pytest.raises(DatabaseUnprotected, match="tag lacks the policy gs_signed"):
            refuse_unprotected(connection, now)
    with pytest.raises(AccessError), notes.database.transaction(notes.door(ANN)) as tx:
        tx.execute(sql("SELECT id FROM tag"))


@pytest.mark.parametrize(
    "item",
    [
        Policy("nowhere", "x", "SELECT", TRUE, WRITER),
        Policy("note", "x", "SELECT", TRUE, "g_nobody"),
        Grant("note", "g_nobody", ("id",)),
        Grant("nowhere", WRITER, ("id",)),
    ],
)
def test_what_names_something_undeclared_cannot_be_declared(item: Policy | Grant) -> None:
    policies = (item,) if isinstance(item, Policy) else ()
    grants = (item,) if isinstance(item, Grant) else ()
    with pytest.raises(ValueError, match="not declared"):
        Declarations({"x": "1"}, (NOTE,), policies, grants, (WRITER,))


def test_the_digest_knows_every_part() -> None:
    others = [
        replace(DECLARATIONS, apps={"notes": "1.2"}),
        replace(DECLARATIONS, tables=(*DECLARATIONS.tables, Table("more", ()))),
        replace(DECLARATIONS, policies=DECLARATIONS.policies[1:]),
        replace(DECLARATIONS, grants=DECLARATIONS.grants[1:]),
        replace(DECLARATIONS, policies=(*DECLARATIONS.policies, *(Policy("tag", "x", c, TRUE) for c in COMMANDS))),
    ]
    assert len({DECLARATIONS.digest(), *(other.digest() for other in others)}) == len(others) + 1
