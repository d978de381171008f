"""Replication: what a standby asks its primary, over TLS and with a login that can read no table."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import errors, pq, sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from growsoft.postgres.parameters import REPLICATION

# A walsender whose standby vanished is noticed after wal_sender_timeout, one minute.
SLOT_PATIENCE = 75


@dataclass(frozen=True, slots=True)
class Source:
    """A primary to stream from: its address, the authority that signed its certificate, the login's password.

    `host` must be a name or an address in the certificate; `passfile` is what PostgreSQL's own programs read.
    """

    host: str
    port: int
    authority: Path
    passfile: Path
    password: str = field(repr=False)

    def stored_conninfo(self, name: str) -> str:
        """Return the connection string that a configuration may show: without the password."""
        return make_conninfo("", **self._address(name), passfile=str(self.passfile))

    def conninfo(self, name: str) -> str:
        """Return the connection string for our own connections."""
        return make_conninfo("", **self._address(name), password=self.password)

    def passfile_line(self) -> str:
        """Return what the password file holds (libpq's format), for this login and no other."""
        escaped = self.password.replace("\\", "\\\\").replace(":", "\\:")
        return f"*:*:*:{REPLICATION}:{escaped}\n"

    def _address(self, name: str) -> dict[str, str | int]:
        """Return where to connect, and that nothing but the right server over TLS 1.3 will do."""
        return {
            "host": self.host,
            "port": self.port,
            "user": REPLICATION,
            "application_name": name,
            "sslmode": "verify-full",
            "sslrootcert": str(self.authority),
            "ssl_min_protocol_version": "TLSv1.3",
            "channel_binding": "require",
            "connect_timeout": 5,
            "keepalives_idle": 10,
        }


@dataclass(frozen=True, slots=True)
class Identity:
    """Which cluster a server is: `system` is made at initdb, `timeline` counts promotions, `position` is its WAL's."""

    system: str
    timeline: int
    position: int


@contextlib.contextmanager
def ask(source: Source) -> Generator[psycopg.Connection[TupleRow]]:
    """Open a connection for replication commands; they are no transactions."""
    with psycopg.connect(source.conninfo("growsoft"), replication="true", autocommit=True) as connection:
        yield connection


def identify(connection: psycopg.Connection[TupleRow]) -> Identity:
    """Ask a primary which cluster it is (IDENTIFY_SYSTEM)."""
    row = connection.execute("IDENTIFY_SYSTEM").fetchone()
    if row is None:
        raise psycopg.OperationalError("IDENTIFY_SYSTEM gave no answer")
    return Identity(_text(row[0]), int(row[1]), read_position(_text(row[2])))


def kept_from(connection: psycopg.Connection[TupleRow], slot: str) -> int | None:
    """Return the position from which a slot keeps WAL for its standby; None when there is no such slot.

    0 means that it keeps none: it was given up because the standby was away too long.
    """
    row = connection.execute(sql.SQL("READ_REPLICATION_SLOT {}").format(sql.Identifier(slot))).fetchone()
    if row is None or row[0] is None:
        return None
    return 0 if row[1] is None else read_position(_text(row[1]))


def serves(source: Source, position: int, timeline: int) -> bool:
    """Say whether a primary has the WAL at a position before its end, by letting it send some.

    False also when the timeline is none of its past, or ended before the position. A slot alone does not tell: a
    standby that comes back writes its position into a slot that was given up.
    """
    stream = pq.PGconn.connect(f"{source.conninfo('growsoft')} replication=true".encode())
    try:
        if stream.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError(stream.get_error_message())
        command = f"START_REPLICATION PHYSICAL {write_position(position)} TIMELINE {timeline}"
        started = stream.exec_(command.encode()).status
        # At the very end of an older timeline there is nothing to send but where the next one begins.
        return started == pq.ExecStatus.TUPLES_OK or (
            started == pq.ExecStatus.COPY_BOTH and stream.get_copy_data(0)[0] > 0
        )
    finally:
        stream.finish()


def renew_slot(connection: psycopg.Connection[TupleRow], slot: str) -> None:
    """Make a slot that keeps WAL from now on, in place of an old one that nobody uses any more."""
    deadline = time.monotonic() + SLOT_PATIENCE
    while kept_from(connection, slot) is not None:
        try:
            connection.execute(sql.SQL("DROP_REPLICATION_SLOT {}").format(sql.Identifier(slot)))
        except errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    connection.execute(sql.SQL("CREATE_REPLICATION_SLOT {} PHYSICAL (RESERVE_WAL)").format(sql.Identifier(slot)))


def ensure_login(superuser_conninfo: str, password: str) -> None:
    """Make the replication login, or set its password anew; the server sees only the verifier."""
    with psycopg.connect(superuser_conninfo, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [REPLICATION]).fetchone()
        verifier = connection.pgconn.encrypt_password(password.encode(), REPLICATION.encode(), b"scram-sha-256")
        verb = sql.SQL("CREATE" if found is None else "ALTER")
        connection.execute(
            sql.SQL("{} ROLE {} LOGIN REPLICATION NOINHERIT CONNECTION LIMIT 8 PASSWORD {}").format(
                verb, sql.Identifier(REPLICATION), sql.Literal(verifier.decode())
            )
        )


def read_position(text: str) -> int:
    """Read a WAL position such as `0/3000060`."""
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def write_position(position: int) -> str:
    """Write a WAL position as PostgreSQL reads it."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _text(value: object) -> str:
    """Return an answer as text: a connection to no database has no encoding, so the driver leaves its bytes alone."""
    return value.decode() if isinstance(value, bytes) else str(value)
