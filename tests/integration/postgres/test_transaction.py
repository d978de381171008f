"""Transactions: all or nothing, savepoints, retries that end, and errors in our words."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from growsoft.errors import AccessError, ValidationError
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.context import Context, LoginDoor
from growsoft.postgres.refusals import Conflict, ConstraintViolated, ContextRefused, DatabaseError, ProfileMissing
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.transaction import RETRY_ATTEMPTS, Transaction, retrying
from tests.support.notes import ANN, BOB, EVE, KIM, Notes

RENAME = sql("UPDATE note SET name = {name} WHERE id = {id}", name="", id=0)
NAME = sql("SELECT name FROM note WHERE id = {id}", id=0)


def _name(notes: Notes, note: int, who: Context = KIM) -> str:
    with notes.database.transaction(notes.door(who)) as tx:
        return tx.execute(NAME.rebind((note,))).scalar(str)


def _fail_after(notes: Notes, *queries: Sql) -> None:
    with notes.database.transaction(notes.door(ANN)) as tx:
        for query in queries:
            tx.execute(query)
        raise LookupError("the code above gave up")


def test_a_block_that_ends_is_committed_and_one_that_raises_is_not(notes: Notes) -> None:
    with notes.database.transaction(notes.door(ANN)) as tx:
        tx.execute(RENAME.rebind(("kept", 1)))
    with pytest.raises(LookupError):
        _fail_after(notes, RENAME.rebind(("lost", 1)))
    assert _name(notes, 1) == "kept"


def test_what_waits_for_the_commit_runs_only_after_it(notes: Notes) -> None:
    ran: list[str] = []
    with notes.database.transaction(notes.door(ANN)) as tx:
        tx.execute(RENAME.rebind(("kept", 1)))
        tx.on_commit.append(lambda: ran.append(_name(notes, 1)))
        assert ran == []
    assert ran == ["kept"]

    def failing() -> None:
        with notes.database.transaction(notes.door(ANN)) as tx:
            tx.on_commit.append(lambda: ran.append("never"))
            raise LookupError

    with pytest.raises(LookupError):
        failing()
    assert ran == ["kept"]


def _pass_over_an_error(notes: Notes) -> None:
    with notes.database.transaction(notes.door(ANN)) as tx:
        tx.execute(RENAME.rebind(("lost", 1)))
        with pytest.raises(ValidationError):
            tx.execute(sql("SELECT 'x'::bigint"))


def test_an_error_that_was_passed_over_never_looks_like_success(notes: Notes) -> None:
    with pytest.raises(DatabaseError, match="nothing was saved"):
        _pass_over_an_error(notes)
    assert _name(notes, 1) == "ann one"


def _undo(tx: Transaction) -> None:
    with tx.savepoint():
        tx.execute(RENAME.rebind(("undone", 1)))
        raise LookupError


def test_a_savepoint_undoes_what_failed_and_lets_go_on(notes: Notes) -> None:
    with notes.database.transaction(notes.door(ANN)) as tx:
        with tx.savepoint():
            tx.execute(RENAME.rebind(("outer", 1)))
            with pytest.raises(ConstraintViolated), tx.savepoint():
                tx.execute(RENAME.rebind(("x" * 300, 2)))
            with tx.savepoint():
                tx.execute(RENAME.rebind(("inner", 2)))
        with pytest.raises(LookupError):
            _undo(tx)
    assert (_name(notes, 1), _name(notes, 2)) == ("outer", "inner")


def test_reading_writes_nothing(notes: Notes) -> None:
    with pytest.raises(DatabaseError), notes.database.transaction(notes.door(ANN), "read") as tx:
        tx.execute(RENAME.rebind(("x", 1)))


def test_rows_are_streamed_in_batches(notes: Notes) -> None:
    with notes.database.transaction(notes.door(ANN)) as tx:
        batches = list(tx.stream(sql("SELECT generate_series(1, {n}::int)", n=25), size=10))
    assert [len(batch) for batch in batches] == [10, 10, 5]


def test_results_say_what_they_are(shared_notes: Notes) -> None:
    with shared_notes.database.transaction(shared_notes.door(ANN)) as tx:
        assert tx.execute(sql("SELECT id, name FROM note ORDER BY id")).all() == [(1, "ann one"), (2, "ann two")]
        assert tx.execute(sql("SELECT 1 WHERE false")).all() == []
        assert tx.execute(sql("SELECT id FROM note")).rowcount == 2
        with pytest.raises(LookupError, match="got 2"):
            tx.execute(sql("SELECT id FROM note")).one()
        with pytest.raises(LookupError, match="got 0"):
            tx.execute(sql("SELECT 1 WHERE false")).scalar()
        with pytest.raises(TypeError, match="expected int"):
            tx.execute(sql("SELECT 'x'")).scalar(int)
        with pytest.raises(TypeError, match="NoneType"):
            tx.execute(sql("SELECT NULL::int")).column(int)


@pytest.mark.parametrize("text", ["SELECT 1", b"SELECT 1", None, 1, sql])
def test_only_the_composer_s_statements_run(shared_notes: Notes, text: object) -> None:
    query = cast("Any", text)  # the type checkers refuse it; here is what happens where nobody checks
    with shared_notes.database.transaction(shared_notes.door(ANN)) as tx:
        with pytest.raises(TypeError, match="expected Sql"):
            tx.execute(query)
        with pytest.raises(TypeError, match="expected Sql"):
            next(tx.stream(query))


REFUSED: dict[str, tuple[type[Exception], str, Sql]] = {
    "unique": (ConstraintViolated, "note_name", sql("INSERT INTO note (name, user_id, company_id)"
                                                    " VALUES ('ann two', 11, 1)")),
    "foreign key": (ConstraintViolated, "note_user_id_fkey", sql("UPDATE note SET user_id = 999 WHERE id = 1")),
    "check": (ConstraintViolated, "note_name_short", sql("UPDATE note SET name = repeat('secret', 99) WHERE id = 1")),
    "not null": (ConstraintViolated, "name", sql("UPDATE note SET name = NULL WHERE id = 1")),
    "a value of another type": (ValidationError, "", sql("SELECT {value}::date", value="secret")),
    "a number too large": (ValidationError, "", sql("SELECT 1 / 0")),
    "somebody else's": (AccessError, "", sql("UPDATE note SET user_id = 12 WHERE id = 1")),
    "a column": (AccessError, "", sql("SELECT salary FROM note")),
    "a table": (AccessError, "", sql("SELECT login FROM res_users")),
    "no such table": (DatabaseError, "", sql("SELECT secret FROM nowhere")),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_is_said_in_our_words_and_without_values(shared_notes: Notes, what: str) -> None:
    kind, constraint, query = REFUSED[what]

    def refused() -> None:
        # A boss may give notes away, so that the foreign key itself is asked.
        who = KIM if what == "foreign key" else ANN
        with shared_notes.database.transaction(shared_notes.door(who)) as tx:
            tx.execute(query)

    with pytest.raises(kind) as caught:
        refused()
    assert getattr(caught.value, "constraint", "") == constraint
    assert "ann two" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_context_that_is_not_believed_is_refused(shared_notes: Notes) -> None:
    forged = shared_notes.database.signed(ANN)
    stranger = type(forged)(ANN, 1, b"another key of thirty-two bytes!")
    with pytest.raises(ContextRefused), shared_notes.database.transaction(stranger):
        pass


@pytest.mark.parametrize("profile", ["p_nobody_has_this", "gs_owner", "g_notes_boss", "growsoft"])
def test_a_profile_that_the_login_does_not_have_is_missing(shared_notes: Notes, profile: str) -> None:
    with pytest.raises(ProfileMissing), shared_notes.database.transaction(shared_notes.door(Context(11, profile))):
        pass


def _raise_twice(notes: Notes, meet: threading.Barrier) -> Callable[[], None]:
    first = True

    def attempt() -> None:
        nonlocal first
        with notes.database.transaction(notes.door(KIM)) as tx:
            version = tx.execute(sql("SELECT version FROM note WHERE id = 1")).scalar(int)
            if first:
                first = False
                meet.wait(5)
            tx.execute(sql("UPDATE note SET version = {v} WHERE id = 1", v=version + 1))

    return attempt


def test_who_loses_against_another_runs_again_and_nothing_is_lost(notes: Notes) -> None:
    meet = threading.Barrier(4)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(retrying, [_raise_twice(notes, meet) for _ in range(4)]))
    with notes.database.transaction(notes.door(KIM)) as tx:
        assert tx.execute(sql("SELECT version FROM note WHERE id = 1")).scalar(int) == 5


def test_without_a_retry_the_loser_is_told(notes: Notes) -> None:
    meet = threading.Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        done = [threads.submit(_raise_twice(notes, meet)) for _ in range(2)]
        errors = [future.exception(10) for future in done]
    assert sorted(type(error).__name__ for error in errors) == ["Conflict", "NoneType"]


def test_a_deadlock_is_resolved_by_running_again(notes: Notes) -> None:
    meet, conflicts = threading.Barrier(2), list[str]()

    def crossing(first: int, second: int) -> Callable[[], None]:
        attempts = 0

        def attempt() -> None:
            nonlocal attempts
            attempts += 1
            with notes.database.transaction(notes.door(KIM), "counting") as tx:
                tx.execute(sql("UPDATE note SET version = version + 1 WHERE id = {id}", id=first))
                if attempts == 1:
                    meet.wait(5)
                try:
                    tx.execute(sql("UPDATE note SET version = version + 1 WHERE id = {id}", id=second))
                except Conflict:
                    conflicts.append("deadlock")
                    raise

        return attempt

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(retrying, [crossing(1, 2), crossing(2, 1)]))
    assert conflicts, "the two must have met"
    with notes.database.transaction(notes.door(KIM)) as tx:
        assert tx.execute(sql("SELECT version FROM note WHERE id IN (1, 2)")).column(int) == [3, 3]


def test_retries_end() -> None:
    tried: list[int] = []

    def hopeless() -> None:
        tried.append(1)
        raise Conflict

    with pytest.raises(Conflict, match="try again"):
        retrying(hopeless)
    assert len(tried) == RETRY_ATTEMPTS
    with pytest.raises(Conflict):
        retrying(hopeless, attempts=1)
    assert len(tried) == RETRY_ATTEMPTS + 1


def test_only_conflicts_are_tried_again() -> None:
    tried: list[int] = []

    def wrong() -> None:
        tried.append(1)
        raise ValidationError

    with pytest.raises(ValidationError):
        retrying(wrong)
    assert tried == [1]


def _twice(tx: Transaction) -> None:
    for _ in range(3):  # prepared at the second use
        tx.execute(sql("SELECT name FROM note WHERE id = {id}", id=1))


def test_prepared_statements_that_were_taken_away_cost_one_request(notes: Notes) -> None:
    with notes.database.transaction(notes.door(ANN)) as tx:
        _twice(tx)
        tx.execute(sql("DEALLOCATE ALL"))

    def next_one() -> None:
        with notes.database.transaction(notes.door(BOB)) as tx:
            _twice(tx)

    with notes.database.transaction(notes.door(EVE)) as tx:
        tx.execute(sql("SELECT 1"))
    assert [_outcome(next_one) for _ in range(3)] == ["DatabaseUnavailable", "done", "done"]


def _outcome(work: Callable[[], None]) -> str:
    try:
        work()
    except DatabaseUnavailable as error:
        return type(error).__name__
    return "done"


def test_the_bare_login_sees_nothing(shared_notes: Notes) -> None:
    with shared_notes.database.transaction(LoginDoor()) as tx:
        assert tx.context is None
        with pytest.raises(AccessError), tx.savepoint():
            tx.execute(sql("SELECT id FROM note"))
        # "No link" and "no staff member" must not be what somebody gets who has left his context.
        query = sql("SELECT gs.user_id(), gs.elevated(), gs.ctx(1), gs.record(), gs.actor(), gs.companies()")
        assert tx.execute(query).one() == (None, False, "", None, None, [])
