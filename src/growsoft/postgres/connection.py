"""One connection to one database as its login: the driver's settings, errors in our words, and the check-in reset."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Final, Self

import psycopg
from psycopg._preparing import Prepare, PrepareManager
from psycopg.adapt import PyFormat
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.types.array import BaseListDumper, ListDumper
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper

from growsoft.errors import GrowsoftError
from growsoft.postgres.sql import Sql, plain

# Statements kept prepared on a connection; a list page uses about a dozen per model and profile.
PREPARED_MAX: Final = 150
# Prepare on the second use: the first may be the only one.
PREPARE_THRESHOLD: Final = 1

# A login may change its own defaults for ever (ALTER ROLE ... SET), and so may SQL injected into it. What a connection
# asks for when it starts stands above them.
_PINNED: Final = " ".join(
    f"-c {setting}"
    for setting in (
        "role=none", "search_path=public", "row_security=on", "client_encoding=UTF8", "timezone=UTC", "datestyle=ISO",
        "intervalstyle=postgres", "bytea_output=hex", "standard_conforming_strings=on", "array_nulls=on",
        "transform_null_equals=off", "default_transaction_read_only=off", "exit_on_error=off", "lock_timeout=0",
        "statement_timeout=60s", "transaction_timeout=300s", "idle_in_transaction_session_timeout=60s",
        "idle_session_timeout=0", "local_preload_libraries=",
    )
)  # fmt: skip

_AS_LOGINS: Final = (
    "SET search_path = public; SET timezone = 'UTC'; SET datestyle = ISO; SET intervalstyle = postgres;"
    " SET row_security = on; SET client_encoding = 'UTF8'"
)

# One simple message. It keeps the driver's prepared statements, which DISCARD ALL would drop (2.6 times slower next
# request); gs.clean() tells whether injected SQL prepared any of its own.
_CHECK_IN: Final = (
    "RESET SESSION AUTHORIZATION; SET ROLE NONE; CLOSE ALL; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all();"
    " DISCARD TEMP; DISCARD SEQUENCES; SELECT gs.clean()"
)


class DatabaseUnavailable(GrowsoftError):
    """The database does not answer right now; try again in a moment."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a database is and how to get in. ``host`` is a socket folder or a loopback address."""

    host: str
    port: int
    dbname: str
    user: str
    password: str = field(repr=False)

    def dsn(self) -> str:
        """Write it as a connection string for ``psql`` and every driver, the password included."""
        return make_conninfo(host=self.host, port=self.port, dbname=self.dbname, user=self.user, password=self.password)


class Statements(PrepareManager):
    """The driver's memory of prepared statements, with two changes that row security allows and safety asks for."""

    prepared_max = PREPARED_MAX
    prepare_threshold = PREPARE_THRESHOLD

    def __init__(self) -> None:
        """Start the numbering at random: injected SQL must not be able to name the next statement beforehand."""
        super().__init__()
        self._prepared_idx = secrets.randbits(62)

    def _should_discard(self, prep: Prepare, results: Sequence[PGresult], *_args: object, **_named: object) -> bool:
        # The driver forgets everything at each ROLLBACK in case objects were made anew; a login cannot run DDL.
        del prep, results
        return False


class _WholeNumbers(BaseListDumper):
    """A list of whole numbers as ``bigint[]``: lists of ids are long, and this writes all of one at once."""

    oid = 1016  # bigint[]; object identifiers of built-in types never change

    def get_key(self, obj: list[Any], format: PyFormat) -> Any:  # noqa: A002, ANN401  the driver's signature
        """Name its kind, which no list of the driver's own has."""
        del obj, format
        return _WholeNumbers

    def upgrade(self, obj: list[Any], format: PyFormat) -> Self:  # noqa: A002  the driver's signature
        """It is as good as it gets."""
        del obj, format
        return self

    def dump(self, obj: list[int | None]) -> bytes:
        """Write it as PostgreSQL reads arrays; Python's own text of a list differs in brackets and NULL only."""
        return b"{%b}" % str(obj)[1:-1].replace("None", "NULL").encode()


class _Lists(ListDumper):
    """Lists as the driver writes them, but for lists of whole numbers, which it would write one by one."""

    def get_key(self, obj: list[Any], format: PyFormat) -> Any:  # noqa: A002, ANN401  the driver's signature
        """Tell lists of whole numbers, the most frequent ones, from others."""
        return _WholeNumbers if _are_whole(obj) else super().get_key(obj, format)

    def upgrade(self, obj: list[Any], format: PyFormat) -> BaseListDumper:  # noqa: A002  the driver's signature
        """Give the dumper of a list of its kind."""
        return _WholeNumbers(list, self._tx) if _are_whole(obj) else super().upgrade(obj, format)


def _are_whole(values: list[object]) -> bool:
    kinds = set(map(type, values))
    return int in kinds and kinds <= {int, NoneType}  # no subclass: a truth value is none


class Connection:
    """A login's connection in autocommit; transactions are opened by ``Transaction`` alone."""

    __slots__ = ("dbname", "last_profile", "login", "pid", "raw")

    def __init__(self, endpoint: Endpoint, *, connect_timeout: int = 5) -> None:
        """Connect; raises ``DatabaseUnavailable``."""
        try:
            self.raw: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(
                host=endpoint.host,
                port=endpoint.port,
                dbname=endpoint.dbname,
                user=endpoint.user,
                password=endpoint.password,
                autocommit=True,
                connect_timeout=connect_timeout,
                application_name="growsoft",
                options=_PINNED,
            )
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable from error
        # The driver has no public place for it; both limits and the names are its own.
        self.raw._prepared = Statements()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        self._take(endpoint.user, endpoint.dbname)

    @classmethod
    def of_superuser(cls, raw: psycopg.Connection[tuple[Any, ...]]) -> "Connection":
        """Let the keeper's own connection speak as a login's does: the same types and times, nothing kept prepared."""
        connection = object.__new__(cls)
        connection.raw = raw
        # DDL runs in between, after which a prepared statement may not fit any more.
        raw.prepare_threshold = None
        raw.execute(_AS_LOGINS, prepare=False)
        connection._take(raw.info.user, raw.info.dbname)
        return connection

    def _take(self, login: str, dbname: str) -> None:
        # One integer type on the wire: otherwise 7 and 70,000 would be two statements to prepare.
        self.raw.adapters.register_dumper(int, Int8BinaryDumper)
        self.raw.adapters.register_dumper(int, Int8Dumper)
        self.raw.adapters.register_dumper(list, _Lists)
        self.pid = self.raw.info.backend_pid
        self.login = login
        self.dbname = dbname
        self.last_profile = ""

    def script(self, query: Sql) -> None:
        """Send statements without bound values in one message."""
        self.raw.execute(plain(query).encode(), prepare=False)

    def reset(self) -> bool:
        """Make the connection fit for somebody else; False when it must be closed instead."""
        if self.raw.closed:
            return False
        try:
            cursor = self.raw.cursor()
            if self.raw.info.transaction_status is not TransactionStatus.IDLE:
                cursor.execute("ROLLBACK", prepare=False)
            cursor.execute(_CHECK_IN, prepare=False)
            while cursor.nextset():
                pass
            return cursor.fetchone() == (True,)
        except psycopg.Error:
            return False

    def close(self) -> None:
        """Close; a connection that is broken is closed already."""
        self.raw.close()
