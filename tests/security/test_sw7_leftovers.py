"""SW-7: a connection that served one user leaves nothing behind for the next one, nor for elevated code.

Each thing is first left on a connection that is not checked in, where it must be found again.
"""

from collections.abc import Generator
from dataclasses import replace
from typing import Any, Final

import psycopg
import pytest

from growsoft.errors import AccessError, GrowsoftError
from growsoft.postgres.connection import Connection, DatabaseUnavailable
from growsoft.postgres.context import Door, LoginDoor
from growsoft.postgres.database import Database
from growsoft.postgres.pool import Pools
from growsoft.postgres.refusals import ContextRefused
from growsoft.postgres.sql import sql
from growsoft.postgres.transaction import Transaction
from tests.support.attacker import Attacker
from tests.support.notes import ANN, BOB, KIM, Notes

Rows = list[tuple[Any, ...]]

# What is left, how it is looked for, and what is found when it is still there.
LEFT: Final[dict[str, tuple[str, str, Rows]]] = {
    "a cursor": (
        "DECLARE kept CURSOR WITH HOLD FOR SELECT id FROM note ORDER BY id; COMMIT",
        "FETCH ALL FROM kept",
        [(1,), (2,)],
    ),
    "a prepared statement": ("PREPARE kept AS SELECT 'theirs'", "EXECUTE kept", [("theirs",)]),
    "a role": (f"SET SESSION ROLE {KIM.profile}; COMMIT", "SELECT current_user::text", [(KIM.profile,)]),
    "a setting": ("SET application_name = 'theirs'; COMMIT", "SHOW application_name", [("theirs",)]),
    "a search path": ("SET search_path = gs; COMMIT", "SHOW search_path", [("gs",)]),
    "a setting of their own": ("SET theirs.x = '1'; COMMIT", "SELECT current_setting('theirs.x', true)", [("1",)]),
    "row security off": ("SET row_security = off; COMMIT", "SHOW row_security", [("off",)]),
    "reading only": (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; COMMIT", "SHOW default_transaction_read_only", [("on",)],
    ),
    "a time-out": ("SET statement_timeout = '61s'; COMMIT", "SHOW statement_timeout", [("61s",)]),
    "another encoding": ("SET client_encoding = 'LATIN1'; COMMIT", "SHOW client_encoding", [("LATIN1",)]),
    "a lock": ("SELECT pg_advisory_lock(42); COMMIT", "SELECT pg_advisory_unlock(42)", [(True,)]),
    "an ear": ("LISTEN theirs; COMMIT", "SELECT pg_listening_channels()", [("theirs",)]),
    "a transaction": ("COMMIT; BEGIN READ ONLY", "SELECT current_setting('transaction_read_only')", [("on",)]),
}  # fmt: skip


@pytest.fixture
def database(shared_notes: Notes) -> Generator[Database]:
    """A database with one connection, which every request gets."""
    pools = Pools(1)
    yield replace(shared_notes.database, pools=pools)
    pools.close()


def _raw(tx: Transaction) -> psycopg.Connection[tuple[Any, ...]]:
    # Injected text runs on the transaction's own connection.
    connection: Connection = tx._connection  # pyright: ignore[reportPrivateUsage]
    return connection.raw


def _inject(database: Database, door: Door, statements: str) -> int:
    with database.transaction(door) as tx:
        for statement in statements.split("; "):
            _raw(tx).execute(statement.encode())
        return _raw(tx).info.backend_pid


def _probe(database: Database, door: Door, query: str) -> Rows:
    try:
        with database.transaction(door) as tx:
            cursor = _raw(tx).execute(query.encode())
            return cursor.fetchall()
    except (psycopg.Error, GrowsoftError):
        return []


@pytest.mark.parametrize("what", LEFT)
def test_what_is_left_is_found_without_a_check_in(shared_notes: Notes, what: str) -> None:
    leave, query, found = LEFT[what]
    with Attacker(shared_notes) as login:
        login.enter(ANN)
        for statement in leave.split("; "):
            assert not login.attempt(statement).refused
        if what not in ("a prepared statement", "a transaction"):
            login.rollback()
        assert login.attempt(query).rows == found


@pytest.mark.parametrize("what", LEFT)
def test_what_is_left_is_gone_for_the_next_user(database: Database, what: str) -> None:
    leave, query, found = LEFT[what]
    for door in (LoginDoor(), database.signed(BOB)):
        _inject(database, database.signed(ANN), leave)
        rows = _probe(database, door, query)
        assert rows != found
        with database.transaction(database.signed(BOB)) as tx:
            assert tx.execute(sql("SELECT id FROM note")).column(int) == [3]


def test_nobody_learns_the_last_number(notes: Notes) -> None:
    with notes.database.transaction(notes.door(ANN)) as tx:
        tx.execute(sql("INSERT INTO note (name, user_id, company_id) VALUES ('x', 11, 1)"))
        for query in (
            sql("SELECT lastval()"), sql("SELECT currval(pg_get_serial_sequence('note', 'id'))"),
            sql("SELECT last_value FROM note_id_seq"), sql("SELECT nextval('note_id_seq')"),
        ):  # fmt: skip
            with pytest.raises(AccessError), tx.savepoint():
                tx.execute(query)


def test_a_clean_connection_is_kept_with_what_the_driver_prepared(database: Database) -> None:
    pids: set[int] = set()
    for who in (ANN, BOB, ANN, BOB):
        with database.transaction(database.signed(who)) as tx:
            for _ in range(2):
                tx.execute(sql("SELECT id FROM note WHERE id = {id}", id=1))
            pids.add(_raw(tx).info.backend_pid)
    assert len(pids) == 1


@pytest.mark.parametrize(
    "leave",
    ["PREPARE kept AS SELECT 1", "COPY (SELECT 1) TO STDOUT", "SET statement_timeout = '1ms'", "SELECT 1/0"],
)
def test_what_cannot_be_cleaned_is_closed_and_the_next_request_works(database: Database, leave: str) -> None:
    with pytest.raises((psycopg.Error, GrowsoftError)):
        _inject(database, database.signed(ANN), f"{leave}; SELECT 1/0")
    with database.transaction(database.signed(BOB)) as tx:
        assert tx.execute(sql("SELECT id FROM note")).column(int) == [3]


def test_a_request_that_ended_its_own_transaction_saves_nothing_as_somebody_else(database: Database) -> None:
    # After an injected COMMIT the product's next statements run as the bare login, which may do nothing.
    def scenario() -> None:
        with database.transaction(database.signed(ANN)) as tx:
            _raw(tx).execute(b"COMMIT")
            tx.execute(sql("UPDATE note SET name = name"))

    with pytest.raises(AccessError):
        scenario()


# The driver's own prepared statements: whoever knows the name of one can put other text behind it.


def _name_of(raw: psycopg.Connection[tuple[Any, ...]], text: str) -> str:
    names: dict[tuple[bytes, Any], bytes] = raw._prepared._names  # pyright: ignore[reportPrivateUsage]
    return next(name.decode() for (query, _types), name in names.items() if text in query.decode())


def test_with_the_driver_s_own_numbering_text_is_exchanged(shared_notes: Notes) -> None:
    with Attacker(shared_notes) as login:
        login.raw.execute("SELECT 'the product''s'", prepare=True)
        login.attempt("DEALLOCATE _pg3_0")
        login.attempt("PREPARE _pg3_0 AS SELECT 'theirs'")
        assert login.raw.execute("SELECT 'the product''s'").fetchall() == [("theirs",)], "the planted hole is found"


def test_the_names_cannot_be_guessed_or_read(database: Database) -> None:
    starts: set[int] = set()
    for _ in range(3):
        with database.transaction(database.signed(ANN)) as tx:
            for _ in range(2):
                tx.execute(sql("SELECT id FROM note WHERE id = {id}", id=1))
            starts.add(int(_name_of(_raw(tx), "FROM note").removeprefix("_pg3_")))
            for query in (
                "SELECT name FROM pg_prepared_statements", "SELECT pg_prepared_statement()",
                "SELECT query FROM pg_stat_activity", "SELECT name FROM pg_cursors",
            ):  # fmt: skip
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    _raw(tx).execute(b"SAVEPOINT x").connection.execute(query.encode())
                _raw(tx).execute(b"ROLLBACK TO x")
        database.pools.forget(database.endpoint)
    assert len(starts) == 3
    assert min(starts) > 10**6


def _exchange(tx: Transaction) -> None:
    # As somebody who knows the name all the same.
    for _ in range(2):
        tx.execute(sql("SELECT id FROM note WHERE id > {id} ORDER BY id", id=0))
    name = _name_of(_raw(tx), "id > ")
    _raw(tx).execute(f'DEALLOCATE "{name}"'.encode())
    _raw(tx).execute(f'PREPARE "{name}" AS SELECT 99::bigint WHERE $1::bigint IS NOT NULL'.encode())


def test_exchanged_text_does_not_reach_the_next_user(database: Database) -> None:
    with database.transaction(database.signed(ANN)) as tx:
        _exchange(tx)
        query = sql("SELECT id FROM note WHERE id > {id} ORDER BY id", id=0)
        assert tx.execute(query).column(int) == [99], "in the same request it is there"
    with database.transaction(database.signed(BOB)) as tx:
        assert tx.execute(query).column(int) == [3]


@pytest.mark.parametrize("cover", ["SELECT 1", "RESET ALL", "COMMIT; BEGIN", "ROLLBACK; BEGIN", "SELECT gs.leave()"])
def test_exchanged_text_does_not_reach_elevated_code(database: Database, cover: str) -> None:
    def scenario() -> None:
        with database.transaction(database.signed(ANN)) as tx:
            _exchange(tx)
            for statement in cover.split("; "):
                _raw(tx).execute(statement.encode())
            with tx.within(database.elevated("a test elevates after an injection")):
                pytest.fail("the exchanged text could run elevated")

    with pytest.raises(ContextRefused):
        scenario()


def test_cursors_of_elevated_code_cannot_be_fetched_from_afterwards(database: Database) -> None:
    with database.transaction(database.signed(ANN)) as tx:
        with tx.within(database.elevated("a test streams elevated")):
            batches = tx.stream(sql("SELECT id FROM note ORDER BY id"), size=1)
            assert next(batches) == [(1,)]
        for guess in ("stream_0", f"stream_0_{id(batches)}", "stream_1", "c"):
            with pytest.raises(psycopg.errors.InvalidCursorName):
                _raw(tx).execute(b"SAVEPOINT x").connection.execute(f"FETCH ALL FROM {guess}".encode())
            _raw(tx).execute(b"ROLLBACK TO x")
        batches.close()


def test_a_lost_connection_is_no_way_around(database: Database) -> None:
    def scenario() -> None:
        with database.transaction(database.signed(ANN)) as tx:
            _raw(tx).close()
            with tx.within(database.elevated("a test elevates on nothing")):
                pytest.fail("there is no connection")

    with pytest.raises(DatabaseUnavailable):
        scenario()
    assert database.pools.sizes == (0, 0)
