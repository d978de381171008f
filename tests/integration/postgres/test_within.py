"""Acting within another context (sudo): who acts is always who should, whatever happens inside."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from growsoft.errors import AccessError, ValidationError
from growsoft.postgres.context import Context, Door, LoginDoor
from growsoft.postgres.refusals import ContextRefused, ProfileMissing, SessionEnded
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.superuser import superuser
from growsoft.postgres.transaction import Transaction
from tests.support.notes import ANN, BOB, KIM, Notes
from tests.support.visitors import Visitor, create_link

IDS = sql("SELECT id FROM note ORDER BY id")
WHO = sql("SELECT gs.user_id(), gs.elevated(), current_user::text")
PID = sql("SELECT pg_backend_pid()")


@contextmanager
def _ann(notes: Notes) -> Generator[Transaction]:
    with notes.database.transaction(notes.door(ANN)) as tx:
        yield tx
        # The last word of every scenario: it is Ann again, for PostgreSQL and for Python.
        assert tx.execute(IDS).column(int) == [1, 2]
        assert tx.execute(WHO).one() == (11, False, ANN.profile)
        assert tx.context == ANN


def _sudo(notes: Notes) -> Door:
    return notes.database.elevated("a test looks at everything", user=11, caller="tests")


def _fail_within(notes: Notes, tx: Transaction, *, in_sql: bool) -> None:
    with tx.within(_sudo(notes)):
        assert tx.execute(WHO).one()[:2] == (11, True)
        if in_sql:
            tx.execute(sql("SELECT 'x'::bigint"))
        raise LookupError("the elevated code gave up")


def test_the_context_of_before_comes_back(notes: Notes) -> None:
    with _ann(notes) as tx, tx.within(_sudo(notes)) as context:
        assert context.elevated
        assert tx.execute(IDS).column(int) == [1, 2, 3, 4]


def test_it_comes_back_through_several_levels(notes: Notes) -> None:
    with _ann(notes) as tx:
        with tx.within(_sudo(notes)):
            with tx.within(notes.door(BOB)):
                assert tx.execute(IDS).column(int) == [3]
            assert tx.execute(IDS).column(int) == [1, 2, 3, 4]
        assert tx.execute(IDS).column(int) == [1, 2]


def test_an_error_of_python_inside_changes_nothing_about_it(notes: Notes) -> None:
    with _ann(notes) as tx, pytest.raises(LookupError):
        _fail_within(notes, tx, in_sql=False)


def test_an_error_of_sql_inside_needs_the_savepoint_around_it(notes: Notes) -> None:
    with _ann(notes) as tx, pytest.raises(ValidationError), tx.savepoint():
        _fail_within(notes, tx, in_sql=True)


def test_after_an_error_of_sql_without_a_savepoint_nothing_runs_at_all(notes: Notes) -> None:
    def scenario() -> None:
        with notes.database.transaction(notes.door(ANN)) as tx:
            with pytest.raises(ValidationError):
                _fail_within(notes, tx, in_sql=True)
            tx.execute(IDS)

    with pytest.raises(Exception, match="25P02"):
        scenario()


def _lose(tx: Transaction) -> None:
    with tx.savepoint():
        tx.execute(sql("UPDATE note SET salary = 0"))
        tx.execute(sql("SELECT 'x'::bigint"))


def test_a_savepoint_inside_undoes_its_part_and_keeps_the_elevation_for_the_rest(notes: Notes) -> None:
    with _ann(notes) as tx, tx.within(_sudo(notes)):
        with pytest.raises(ValidationError):
            _lose(tx)
        assert tx.execute(sql("SELECT min(salary) FROM note")).scalar() == 100


def test_a_savepoint_around_it_gives_the_context_back_when_it_is_released(notes: Notes) -> None:
    with _ann(notes) as tx:
        with tx.savepoint():
            with tx.within(_sudo(notes)):
                tx.execute(sql("UPDATE note SET version = 7 WHERE id = 3"))
            assert tx.execute(IDS).column(int) == [1, 2]
        assert tx.execute(IDS).column(int) == [1, 2]
    with notes.database.transaction(notes.door(KIM)) as tx:
        assert tx.execute(sql("SELECT version FROM note WHERE id = 3")).scalar(int) == 7


def test_leaving_by_a_rolled_back_savepoint_leaves_the_elevation_too(notes: Notes) -> None:
    with _ann(notes) as tx, pytest.raises(LookupError), tx.savepoint():
        _fail_within(notes, tx, in_sql=False)


def test_when_coming_back_fails_nothing_else_runs(notes: Notes) -> None:
    session = Visitor(notes.database).open_link(create_link(notes.database, 11))
    assert session is not None
    pids: list[int] = []

    def scenario() -> None:
        with notes.database.transaction(session) as tx:
            pids.append(tx.execute(PID).scalar(int))
            with tx.within(_sudo(notes)):
                tx.execute(sql("UPDATE note SET name = 'by the ended session' WHERE id = 1"))
                tx.execute(sql("SELECT gs.end_sessions(11)"))

    with pytest.raises(SessionEnded):
        scenario()
    assert notes.database.pools.sizes == (0, 0)
    with notes.database.transaction(notes.door(ANN)) as tx:
        assert tx.execute(PID).scalar(int) not in pids
        assert tx.execute(sql("SELECT name FROM note WHERE id = 1")).scalar(str) == "ann one"


def test_a_bare_login_is_a_bare_login_again(notes: Notes) -> None:
    with notes.database.transaction(LoginDoor()) as tx:
        with tx.within(_sudo(notes)):
            assert tx.execute(IDS).column(int) == [1, 2, 3, 4]
        assert tx.context is None
        assert tx.execute(WHO).one() == (None, False, notes.database.name)
        with pytest.raises(AccessError), tx.savepoint():
            tx.execute(IDS)
        with pytest.raises(AccessError), tx.savepoint():
            tx.execute(sql("SELECT gs.create_link(11, {hash}::bytea, 600)", hash=b"x" * 32))


def test_nobody_acts_within_nobody(notes: Notes) -> None:
    with _ann(notes) as tx, pytest.raises(ContextRefused), tx.within(LoginDoor()):
        pytest.fail("the bare login is nobody to act as")


@pytest.mark.parametrize("profile", ["p_of_nobody", "gs_owner"])
def test_a_door_that_does_not_open_changes_nothing(notes: Notes, profile: str) -> None:
    stranger = notes.door(Context(11, profile))
    with _ann(notes) as tx, pytest.raises(ProfileMissing), tx.savepoint(), tx.within(stranger):
        pytest.fail("there is no such profile")


def test_switching_stays_and_switching_back_comes_back(notes: Notes) -> None:
    with _ann(notes) as tx:
        tx.switch(_sudo(notes))
        assert tx.execute(IDS).column(int) == [1, 2, 3, 4]
        tx.switch(notes.door(ANN))


def test_a_stream_ends_when_somebody_else_acts(notes: Notes) -> None:
    # PostgreSQL may ask whether the reader is elevated as late as at a row that needs it.
    with _ann(notes) as tx:
        batches = tx.stream(sql("SELECT id FROM note ORDER BY id"), size=1)
        assert next(batches) == [(1,)]
        with tx.within(_sudo(notes)), pytest.raises(ContextRefused, match="Rows are read by"):
            next(batches)
        again = tx.stream(sql("SELECT id FROM note ORDER BY id"), size=1)
        assert next(again) == [(1,)]
        with tx.savepoint(), tx.within(_sudo(notes)):
            pass
        assert list(again) == [[(2,)]], "back again, it goes on"


def test_elevation_is_audited_with_reason_and_place(notes: Notes) -> None:
    with _ann(notes) as tx, tx.within(_sudo(notes)):
        pass
    with superuser(notes.owner) as connection:
        audited = connection.run(sql("SELECT kind, user_id, reason, caller FROM gs_priv.audit")).all()
    assert audited == [("sudo", 11, "a test looks at everything", "tests")]


@pytest.mark.parametrize("trick", [sql("SELECT 1"), sql("RESET ALL")], ids=["plain", "context reset"])
def test_sql_prepared_under_less_rights_is_not_taken_into_an_elevation(notes: Notes, trick: Sql) -> None:
    def scenario() -> None:
        with notes.database.transaction(notes.door(ANN)) as tx:
            tx.execute(sql("PREPARE waiting AS SELECT count(*) FROM note"))
            tx.execute(trick)
            with tx.within(_sudo(notes)):
                pytest.fail("prepared text could run in the elevated context")

    with pytest.raises(ContextRefused):
        scenario()


def test_a_read_cannot_be_elevated_because_it_could_not_be_audited(notes: Notes) -> None:
    def scenario() -> None:
        with notes.database.transaction(notes.door(ANN), "read") as tx, tx.within(_sudo(notes)):
            pytest.fail("nobody would know of it")

    with pytest.raises(Exception, match="25006"):
        scenario()
