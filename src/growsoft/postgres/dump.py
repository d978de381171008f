"""Dump and restore: one whole database out of a cluster as a stream, and into a new database of the same or another."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import IO, Final, Literal

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from growsoft.errors import GrowsoftError
from growsoft.postgres.binaries import Binaries, find
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.filerefs import referred_files
from growsoft.postgres.provision import MAINTENANCE_DATABASE, close_database, drop_database
from growsoft.postgres.role_facts import RoleFacts, read_roles, restore_roles
from growsoft.postgres.sql import ident, literal, sql
from growsoft.postgres.superuser import Superuser, superuser

# Keys never leave in a dump, and what signs somebody in never comes back from one. `personalise` makes them anew.
NEVER_DUMPED: Final = (
    "gs_priv.signing_key",
    "gs_priv.session",
    "gs_priv.session_seen",
    "gs_priv.link",
    "gs_priv.throttle",
    "gs_priv.known_device",
)

# Of the private side only these are the customer's to take away: who changed what.
HISTORY: Final = ("gs_priv.audit", "gs_priv.seal")

# A restore is one database's worth of locks in one transaction: with 2,500 tables --single-transaction ran out of them.
# Since a failed restore drops its new database, smaller transactions lose nothing (they imply --exit-on-error).
OBJECTS_PER_TRANSACTION: Final = 1000

LOCK_WAIT_SECONDS: Final = 60

_UNFINISHED: Final = "growsoft: this database is being restored and is not complete"


class DumpFailed(GrowsoftError):
    """The database could not be dumped; the reason of PostgreSQL follows."""


class RestoreFailed(GrowsoftError):
    """The dump could not be restored, and nothing of it was left; the reason of PostgreSQL follows."""


class DatabaseExists(GrowsoftError):
    """There already is a database of this name; a backup is only ever restored into a new one."""


@dataclass(frozen=True, slots=True)
class DumpFacts:
    """What is true of a dump, all of it read in the dump's own snapshot.

    `rows` has every table of which rows were dumped, as `schema.table`; sizes are bytes; `server_version` is the
    server's number (170010). `files` are the addresses of all files that rows refer to, 32 bytes each, in order.
    """

    snapshot_at: datetime
    server_version: int
    encoding: str
    locale_provider: str
    locale: str
    database_bytes: int
    extensions: dict[str, str]
    rows: dict[str, int]
    roles: RoleFacts
    files: bytes = b""


def dump_database(
    endpoint: Endpoint,
    fd: int,
    *,
    binaries: Binaries | None = None,
    without_rows: Sequence[str] = NEVER_DUMPED,
    compress: Literal["none", "gzip"] = "none",
) -> DumpFacts:
    """Write one database to a descriptor, as `pg_dump` makes it in its custom form, by default without compression.

    `endpoint` is the superuser's in that database. The descriptor stays open; it may be a pipe. The rows are counted
    while the dump runs, in the same snapshot. Raises `DumpFailed`.
    """
    programs = binaries or find()
    with superuser(endpoint) as connection, _snapshot(connection) as (snapshot, moment):
        with _running(
            _dump_command(programs, endpoint, snapshot, without_rows, compress), endpoint, stdout=fd
        ) as dumping:
            facts = _facts(connection, moment, without_rows)
        if dumping.failed:
            raise DumpFailed(f"{endpoint.dbname} could not be dumped: {dumping.said}")
    return facts


def restore_database(
    endpoint: Endpoint, name: str, fd: int, *, roles: RoleFacts, binaries: Binaries | None = None
) -> dict[str, int]:
    """Make a new database from a dump that is read from a descriptor; return the rows of every table in it.

    `endpoint` is the superuser's, in any database of the cluster. Nobody can connect to the new database until it is
    opened, and until `finish_restore` it is marked as incomplete. Raises `DatabaseExists` and `RestoreFailed`; after
    any failure there is no database of this name.
    """
    programs = binaries or find()
    with superuser(endpoint, MAINTENANCE_DATABASE) as cluster:
        restore_roles(cluster, roles)
        _create(cluster, name)
        try:
            _fill(programs, replace(endpoint, dbname=name), fd)
            with superuser(endpoint, name) as connection:
                connection.run(sql("ANALYZE"))
                return count_rows(connection)
        except BaseException:
            drop_database(cluster, name)
            raise


def finish_restore(endpoint: Endpoint, name: str) -> None:
    """Say that a restored database was proven complete; before that a restart of the keeper drops it."""
    with superuser(endpoint, MAINTENANCE_DATABASE) as cluster:
        cluster.run(sql("COMMENT ON DATABASE {name} IS NULL", name=ident(name)))


def mark_unfinished(cluster: Superuser, name: str) -> None:
    """Say that a new database is not complete: a restart of the keeper drops it."""
    cluster.run(sql("COMMENT ON DATABASE {name} IS {mark}", name=ident(name), mark=literal(_UNFINISHED)))


def drop_unfinished(endpoint: Endpoint) -> list[str]:
    """Drop what restores left that died with their process; return the names."""
    with superuser(endpoint, MAINTENANCE_DATABASE) as cluster:
        found = cluster.run(
            sql(
                "SELECT datname FROM pg_catalog.pg_database WHERE"
                " pg_catalog.shobj_description(oid, 'pg_database') = {mark}",
                mark=_UNFINISHED,
            )
        )
        names = [str(name) for name in found.column()]
        for name in names:
            drop_database(cluster, name)
    return names


def private_tables(connection: Superuser) -> tuple[str, ...]:
    """Name the tables of the private side that must not leave with a customer: all but the history and its seals."""
    tables = connection.run(_PRIVATE).column()
    return tuple(name for name in tables if name not in HISTORY)


def count_rows(connection: Superuser, without: Sequence[str] = ()) -> dict[str, int]:
    """Count the rows of every table whose rows a dump holds, as `schema.table`."""
    tables = connection.run(_TABLES).all()
    return {
        f"{schema}.{table}": _count(connection, schema, table)
        for schema, table in tables
        if f"{schema}.{table}" not in without
    }


def _count(connection: Superuser, schema: str, table: str) -> int:
    # A table that is not ours may have any name, which only the driver's composer can quote; ONLY: children are counted
    # by themselves.
    query = SQL("SELECT count(*) FROM ONLY {}.{}").format(Identifier(schema), Identifier(table))
    (rows,) = connection.raw.execute(query).fetchone() or (0,)
    return int(rows)


# Rows of an extension's own tables come with the extension; unlogged ones are not dumped.
_TABLES = sql(
    "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass"
    " AND d.objid = c.oid AND d.deptype = 'e') ORDER BY 1, 2"
)

_PRIVATE = sql(
    "SELECT 'gs_priv.' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
    " ON n.oid = c.relnamespace WHERE n.nspname = 'gs_priv' AND c.relkind IN ('r', 'p', 'S', 'm') ORDER BY 1"
)

_DATABASE = sql(
    "SELECT pg_catalog.pg_encoding_to_char(encoding),"
    " CASE datlocprovider WHEN 'b' THEN 'builtin' WHEN 'i' THEN 'icu' ELSE 'libc' END,"
    " coalesce(datlocale, datcollate), pg_catalog.pg_database_size(oid)"
    " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
)


def _facts(connection: Superuser, moment: datetime, without: Sequence[str]) -> DumpFacts:
    """Read what is true of the database in the snapshot."""
    encoding, provider, locale, size = connection.run(_DATABASE).one()
    extensions = connection.run(sql("SELECT extname, extversion FROM pg_catalog.pg_extension ORDER BY 1")).all()
    return DumpFacts(
        snapshot_at=moment,
        server_version=connection.raw.info.server_version,
        encoding=encoding,
        locale_provider=provider,
        locale=locale,
        database_bytes=size,
        extensions=dict(extensions),
        rows=count_rows(connection, without),
        roles=read_roles(connection),
        files=referred_files(connection),
    )


@contextmanager
def _snapshot(connection: Superuser) -> Generator[tuple[str, datetime]]:
    """Hold one moment of the database open; gives its name for other connections, and when it was."""
    connection.raw.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.raw.read_only = True
    with connection.atomic():
        # The time at which the statement began: never later than the snapshot that it takes.
        name, moment = connection.run(sql("SELECT pg_catalog.pg_export_snapshot(), statement_timestamp()")).one()
        connection.run(
            sql("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0;"
                " SET LOCAL idle_in_transaction_session_timeout = 0")
        )  # fmt: skip
        yield str(name), moment.astimezone(UTC)


def _dump_command(
    programs: Binaries, endpoint: Endpoint, snapshot: str, without: Sequence[str], compress: str
) -> list[str]:
    return [
        programs.tool("pg_dump"),
        "--format=custom",
        f"--compress={compress}",
        "--no-password",
        "--no-tablespaces",
        "--no-subscriptions",
        "--no-unlogged-table-data",
        f"--lock-wait-timeout={LOCK_WAIT_SECONDS}s",
        f"--snapshot={snapshot}",
        *(f"--exclude-table-data={table}" for table in without),
        f"--dbname={_address(endpoint)}",
    ]


def _fill(programs: Binaries, endpoint: Endpoint, fd: int) -> None:
    """Let pg_restore read a dump into an empty database."""
    command = [
        programs.tool("pg_restore"),
        "--exit-on-error",
        f"--transaction-size={OBJECTS_PER_TRANSACTION}",
        "--no-password",
        f"--dbname={_address(endpoint)}",
    ]
    with _running(command, endpoint, stdin=fd) as restoring:
        pass
    if restoring.failed:
        raise RestoreFailed(f"The dump could not be restored, nothing of it was left: {restoring.said}")


def _create(cluster: Superuser, name: str) -> None:
    """Make an empty database that nobody else can enter, marked as incomplete."""
    found = cluster.run(sql("SELECT FROM pg_catalog.pg_database WHERE datname = {name}", name=name))
    if found.rowcount:
        raise DatabaseExists(f"There already is a database {name}; restore into a name that is free.")
    cluster.run(
        sql(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
            " LOCALE 'C' STRATEGY wal_log ALLOW_CONNECTIONS false",
            name=ident(name),
        )
    )
    try:
        close_database(cluster, name)
        mark_unfinished(cluster, name)
        cluster.run(sql("ALTER DATABASE {name} ALLOW_CONNECTIONS true", name=ident(name)))
    except BaseException:
        drop_database(cluster, name)
        raise


@dataclass(slots=True)
class _Program:
    """A program of PostgreSQL at work, and what it complained about."""

    process: subprocess.Popen[bytes]
    complaints: IO[bytes]
    failed: bool = False
    said: str = ""

    def finish(self) -> None:
        """Wait for its end and read its complaints."""
        self.failed = self.process.wait() != 0
        self.complaints.seek(0)
        lines = self.complaints.read().decode("utf-8", "replace").strip().splitlines()
        self.said = " ".join(lines[-4:]) or f"it ended with {self.process.returncode}"


@contextmanager
def _running(
    command: list[str], endpoint: Endpoint, *, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> Generator[_Program]:
    """Run a program beside the block and wait for both; when the block fails, the program is ended too."""
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=complaints, cwd="/", env=_environment(endpoint)
        )
        program = _Program(process, complaints)
        try:
            yield program
            program.finish()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _environment(endpoint: Endpoint) -> dict[str, str]:
    """Return the environment of a program; other users cannot read it, as they could a command line."""
    return {
        "PATH": os.defpath,
        "LC_ALL": "C",
        "PGPASSWORD": endpoint.password,
        "PGAPPNAME": "growsoft backup",
        "PGOPTIONS": "-c synchronous_commit=off",
    }


def _address(endpoint: Endpoint) -> str:
    """Return where a database is, without the password."""
    return make_conninfo(host=endpoint.host, port=endpoint.port, dbname=endpoint.dbname, user=endpoint.user)
