"""One transaction under one signed context, with savepoints, elevation and bounded retries."""

import random
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from itertools import count
from typing import Any, Final, Literal, TypeAlias, TypeVar, overload

import psycopg
from psycopg import errors as pg

from growsoft.errors import AccessError, ValidationError
from growsoft.postgres.connection import Connection, DatabaseUnavailable
from growsoft.postgres.context import Context, Door, parse_context
from growsoft.postgres.querylog import current
from growsoft.postgres.refusals import (
    CompanyRefused,
    Conflict,
    ConstraintViolated,
    ContextRefused,
    DatabaseError,
    ProfileMissing,
    SessionEnded,
    translated,
)
from growsoft.postgres.sql import Sql, checked

# With what a transaction may raise, so that callers need one import.
__all__ = [
    "CompanyRefused",
    "Conflict",
    "ConstraintViolated",
    "ContextRefused",
    "DatabaseError",
    "Mode",
    "ProfileMissing",
    "Result",
    "SessionEnded",
    "Transaction",
    "retrying",
    "translated",
]

T = TypeVar("T")

ServerCursor: TypeAlias = "psycopg.ServerCursor[tuple[Any, ...]]"
Mode = Literal["write", "read", "counting"]

# REPEATABLE READ: a request sees one moment; who writes over another's change is told to run again. Counters of the
# throttle must see each other's last commit instead.
_BEGIN: Final[dict[Mode, str]] = {
    "write": "BEGIN ISOLATION LEVEL REPEATABLE READ",
    "read": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "counting": "BEGIN ISOLATION LEVEL READ COMMITTED",
}
RETRY_ATTEMPTS: Final = 6


class Result:
    """The rows of one statement, fetched as tuples."""

    __slots__ = ("rowcount", "rows")

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int) -> None:
        """Take rows and the number of rows the statement touched."""
        self.rows = rows
        self.rowcount = rowcount

    def all(self) -> list[tuple[Any, ...]]:
        """Give all rows."""
        return self.rows

    def one(self) -> tuple[Any, ...]:
        """Give the only row; anything else is a programming error."""
        if len(self.rows) != 1:
            raise LookupError(f"expected one row, got {len(self.rows)}")
        return self.rows[0]

    @overload
    def scalar(self) -> Any: ...  # noqa: ANN401  the column decides the type; scalar(int) is the typed way
    @overload
    def scalar(self, kind: type[T]) -> T: ...
    def scalar(self, kind: type[Any] = object) -> Any:
        """Give the only value of the only row; with a ``kind`` anything else, NULL too, is a ``TypeError``."""
        return _of(kind, self.one()[0])

    @overload
    def column(self) -> list[Any]: ...
    @overload
    def column(self, kind: type[T]) -> list[T]: ...
    def column(self, kind: type[Any] = object) -> list[Any]:
        """Give the first value of each row, each of a ``kind``."""
        return [_of(kind, row[0]) for row in self.rows]


def _of(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, PostgreSQL gave {type(value).__name__}")
    return value


class Transaction:
    """An open transaction; made by ``Database.transaction``, never directly."""

    __slots__ = (
        "_connection", "_cursor", "_depth", "_door", "_number", "_tag", "context", "on_commit", "overlay", "readonly",
    )  # fmt: skip

    def __init__(self, connection: Connection, door: Door, mode: Mode) -> None:
        """Begin and enter: context and role are set together, before anything else can run."""
        self._set_up(connection, mode)
        self._wait(connection.dbname)
        self._run(_BEGIN[mode], None)
        self._door = door
        self._enter(door)

    @classmethod
    def within_superuser(cls, connection: Connection, door: Door) -> "Transaction":
        """Go on in the transaction that a superuser's connection has begun: whoever began it also ends it."""
        transaction = object.__new__(cls)
        transaction._set_up(connection, "write")
        transaction._enter(door)
        return transaction

    def _set_up(self, connection: Connection, mode: Mode) -> None:
        self._connection = connection
        self._cursor = connection.raw.cursor()
        self._depth = 0
        self._number = next(_numbers)
        self._tag = ""
        self.context: Context | None = None
        self.overlay = ""  # the hash of what an administrator has added to this database (overlay.sql)
        self.readonly = mode == "read"
        self.on_commit: list[Callable[[], None]] = []

    def _wait(self, dbname: str) -> None:
        # What the last attempt lacked is waited for before this one looks at anything; the check-in lets it go.
        awaited = _awaited.get()
        if awaited is not None and awaited[0] == dbname:
            _awaited.set(None)  # the first transaction of the attempt; another one would wait for this one
            self._run("SELECT pg_advisory_lock(%s::bigint)", (awaited[1],))

    def execute(self, query: Sql) -> Result:
        """Run one statement and fetch its rows.

        Raises ``TypeError`` for anything but an ``Sql``, and our own errors for what PostgreSQL refuses.
        """
        log = current.get()
        if log is None:
            return self._execute(query)
        statement, began = log.begin(checked(query).text, self._number), time.perf_counter()
        try:
            return self._execute(query)
        finally:
            log.end(statement, began)

    def _execute(self, query: Sql) -> Result:
        # The profile is part of the text, because a plan that is shared by two roles is planned anew at each switch.
        cursor = self._sent(_message(checked(query).text, self._tag), query.params, None)
        # The driver's `description` would build an object for each column of each statement.
        has_rows = cursor.pgresult is not None and cursor.pgresult.status == _HAS_ROWS
        return Result(cursor.fetchall() if has_rows else [], cursor.rowcount)

    def run(self, query: Sql) -> Result:
        """Run one statement: the name under which the start-up check knows a superuser's connection as well."""
        return self.execute(query)

    def stream(self, query: Sql, size: int = 2000) -> Generator[list[tuple[Any, ...]]]:
        """Run one query through a cursor on the server; give its rows in batches, in bounded memory.

        Its batches come while the same one acts who asked for it, otherwise ``ContextRefused``: PostgreSQL may work out
        a rule as late as at the last row, and then for whoever acts at that moment.
        """
        text, door = checked(query).text, self._door
        if (log := current.get()) is not None:
            log.begin(text, self._number)
        # Nobody can guess the name: what runs later, under less rights, must not fetch from a cursor left open.
        with self._connection.raw.cursor(f"stream_{secrets.token_hex(8)}") as cursor:
            try:
                cursor.execute(text.encode(), query.params)
                while rows := self._fetched(cursor, size, door):
                    yield rows
            except psycopg.Error as error:
                raise translated(error) from error

    def _fetched(self, cursor: ServerCursor, size: int, door: Door) -> list[tuple[Any, ...]]:
        if self._door is not door:
            raise ContextRefused("Rows are read by the one who asked for them; read them all before another acts.")
        return cursor.fetchmany(size)

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo what happens inside when it fails, and go on. The context reverts with it."""
        name = f"s{self._depth}"
        state = (self.context, self._tag, self._door)
        self._depth += 1
        self._run(f"SAVEPOINT {name}", None)
        try:
            yield
        except BaseException:
            self._depth -= 1
            self._undo(name)
            self.context, self._tag, self._door = state
            raise
        self._depth -= 1
        self._run(f"RELEASE SAVEPOINT {name}", None)

    @contextmanager
    def within(self, door: Door) -> Generator[Context]:
        """Act under another context (sudo) and come back to this one.

        When coming back fails nothing else may run: the transaction is given up and the connection closed. A savepoint
        would not do: releasing it keeps the elevation.
        """
        before = self._door
        try:
            self._enter(door)
            yield self._entered()
        finally:
            self._re_enter(before)

    def switch(self, door: Door) -> None:
        """Act under another context from here on. When that fails nothing else may run: the connection is closed."""
        self._re_enter(door)

    def commit(self) -> None:
        """Make it last; then run what waited for it.

        PostgreSQL answers the COMMIT of a failed transaction with a silent ROLLBACK: that must not look like success.
        """
        if self._run("COMMIT", None).statusmessage != "COMMIT":
            raise DatabaseError("25P02", "an error was passed over without a savepoint, so nothing was saved")
        for action in self.on_commit:
            action()

    def rollback(self) -> None:
        """Undo everything; a broken connection has done so already."""
        try:
            self._connection.raw.execute(b"ROLLBACK", prepare=False)
        except psycopg.Error:
            self._connection.close()

    def _entered(self) -> Context:
        if self.context is None:
            raise ContextRefused("This transaction has no user: it may call the functions of a sign-in only.")
        return self.context

    def _enter(self, door: Door) -> None:
        entry = door.entry(self._connection)
        if entry is not None:
            profile, text, self.overlay = self._entry_row(entry)
            self.context = parse_context(profile, text)
            self._tag = f" /*{profile}*/"
            self._connection.last_profile = profile
        elif self.context is not None:
            self._run(_LEAVE, None)
            self.context = None
            self._tag = ""
        self._door = door

    def _entry_row(self, entry: Sql) -> tuple[str, str, str]:
        try:
            return self._run(entry.text, entry.params).fetchone() or ("", "", "")
        except (AccessError, ValidationError) as error:
            # Only SET ROLE fails like this: the login does not have the profile, or nobody has.
            raise ProfileMissing from error

    def _re_enter(self, door: Door) -> None:
        if self._connection.raw.info.transaction_status is psycopg.pq.TransactionStatus.INERROR:
            # The error that is on its way up ends the transaction, or the savepoint that holds the context of before;
            # until then PostgreSQL itself refuses every statement.
            return
        try:
            self._enter(door)
        except BaseException:
            self._connection.close()
            raise

    def _undo(self, name: str) -> None:
        if self._connection.raw.closed:
            return
        self._run(f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}", None)

    def _run(self, text: str, params: Sequence[object] | None) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._sent(text.encode(), params, None if params is not None else False)

    def _sent(
        self,
        message: bytes,
        params: Sequence[object] | None,
        prepare: bool | None,
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        try:
            return self._cursor.execute(message, params, prepare=prepare)
        except psycopg.Error as error:
            if isinstance(error, pg.InvalidSqlStatementName) or "cached plan must not change" in str(error):
                # What the driver remembers as prepared is gone (DEALLOCATE) or no longer fits: fit for nobody.
                self._connection.close()
                raise DatabaseUnavailable from error
            raise translated(error) from error


@lru_cache(maxsize=1000)
def _message(text: str, tag: str) -> bytes:
    """Give the bytes of a statement: the same object each time, whose hash the driver need not work out again."""
    return (text + tag).encode()


def retrying(work: Callable[[], T], *, attempts: int = RETRY_ATTEMPTS) -> T:
    """Run a whole unit of work; run it again when it lost against another (PostgreSQL documentation, 13.5).

    ``work`` opens its own transaction, so that each attempt signs anew and sees the present. Waits grow from 10 ms,
    with jitter; after the last attempt the ``Conflict`` goes up. Who lost a named lock stands in line for it instead.
    """
    for attempt in range(attempts):
        try:
            return work()
        except Conflict as error:
            if attempt == attempts - 1:
                raise
            lacked = error.wait_for
            if lacked is None:
                time.sleep(random.uniform(0.5, 1.0) * 0.01 * 2**attempt)  # noqa: S311  jitter, no secret
        finally:
            _awaited.set(None)
        _awaited.set(lacked)
    raise AssertionError("unreachable: the last attempt returns or raises")


# The lock, of a database, for which the next transaction of this thread waits before it begins.
_awaited: ContextVar[tuple[str, int] | None] = ContextVar("growsoft_awaited", default=None)


_HAS_ROWS: Final = int(psycopg.pq.ExecStatus.TUPLES_OK)

# By the number of a transaction the query log tells them apart.
_numbers: Final = count(1)

_LEAVE: Final = "SELECT set_config('role', 'none', true), gs.leave()"
