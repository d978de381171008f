"""An attacker: the application login on a bare driver connection, with no code of the product between him and SQL."""

import hmac
import time
from dataclasses import astuple, dataclass, field
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus

from growsoft.postgres.context import Context
from tests.support.notes import Notes

ENTER = (
    "SELECT set_config('role', gs.enter(%s::int, %s::text, %s::bigint, %s::bigint, %s::bool, %s::bigint[], %s::text,"
    " %s::text, %s::text, %s::text, %s::bigint, %s::bytea), true)"
)


@dataclass(frozen=True)
class Outcome:
    """What became of one statement."""

    rows: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    count: int = -1
    tag: str = ""
    sqlstate: str = ""
    message: str = ""

    @property
    def refused(self) -> bool:
        """Whether PostgreSQL answered with an error."""
        return bool(self.sqlstate)


@dataclass(frozen=True)
class Entry:
    """The signed values of one entry, in the order of the arguments of `gs.enter`."""

    kid: int
    profile: str
    user: int
    actor: int
    elevated: bool
    companies: list[int]
    scope: str
    record: str
    reason: str
    caller: str
    expiry: int
    mac: bytes

    def values(self) -> tuple[Any, ...]:
        """Give the arguments."""
        return astuple(self)


def sign(
    who: Context, key: bytes, *, pid: int, login: str, dbname: str, kid: int = 1, expiry: int | None = None
) -> Entry:
    """Sign a context by the description of the format, not by the product's code."""
    until = expiry if expiry is not None else int(time.time() * 1_000_000) + 10_000_000
    texts = [
        "gs1", str(pid), login, dbname, str(kid), who.profile, str(who.user), str(who.actor), str(int(who.elevated)),
        "_".join(str(company) for company in who.companies), who.scope, who.record, who.reason, who.caller, str(until),
    ]  # fmt: skip
    message = "".join(f"{len(text.encode())}:{text}" for text in texts)
    mac = hmac.new(key, message.encode(), "sha256").digest()
    return Entry(
        kid, who.profile, who.user, who.actor, who.elevated, list(who.companies), who.scope, who.record, who.reason,
        who.caller, until, mac,
    )  # fmt: skip


class Attacker:
    """One connection of a database's login, to whichever database, with whatever the attacker asks for at its start."""

    def __init__(self, notes: Notes, **options: Any) -> None:  # noqa: ANN401  what the driver takes
        """Connect in autocommit; raises the driver's error."""
        self.notes = notes
        where = notes.database.endpoint
        settings: dict[str, Any] = {
            "host": where.host, "port": where.port, "dbname": where.dbname, "user": where.user,
            "password": where.password, "connect_timeout": 5,
        }  # fmt: skip
        self.raw: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(autocommit=True, **(settings | options))

    def __enter__(self) -> Self:
        """Be used for one attack."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self.raw.close()

    def entry(self, who: Context, *, key: bytes | None = None, expiry: int | None = None) -> Entry:
        """Sign an entry for this very connection, with the real key unless another one is given."""
        database = self.notes.database
        return sign(
            who, database.signing_key if key is None else key, pid=self.raw.info.backend_pid,
            login=self.raw.info.user, dbname=self.raw.info.dbname, expiry=expiry,
        )  # fmt: skip

    def enter(self, who: Context, *, begin: bool = True) -> None:
        """Begin a transaction as somebody, as the product does before injected SQL runs in it."""
        if begin:
            self.raw.execute("BEGIN")
        self.raw.execute(ENTER.encode(), self.entry(who).values())

    def attempt(self, query: str, *values: Any) -> Outcome:  # noqa: ANN401  bound to whatever the attack needs
        """Run anything; several statements are sent as one message."""
        try:
            cursor = self.raw.execute(query.encode(), values or None)
            while cursor.nextset():
                pass
            rows = cursor.fetchall() if cursor.description is not None else []
            return Outcome(rows, cursor.rowcount, cursor.statusmessage or "")
        except psycopg.Error as error:
            return Outcome(sqlstate=error.sqlstate or "lost", message=str(error))

    def rollback(self) -> None:
        """End the transaction, if there is one."""
        if self.raw.info.transaction_status is not TransactionStatus.IDLE:
            self.raw.execute("ROLLBACK")

    def sees(self, table: str = "note") -> set[int]:
        """Give the ids that can be read; none where reading is refused."""
        return {int(row[0]) for row in self.attempt(f"SELECT id FROM public.{table}").rows}  # noqa: S608  an attack
