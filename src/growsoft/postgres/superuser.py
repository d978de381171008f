"""The superuser's connection: held by the keeper alone, for roles, DDL and migrations."""

import secrets
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg

from growsoft.postgres.connection import DatabaseUnavailable, Endpoint
from growsoft.postgres.sql import Sql, checked, plain
from growsoft.postgres.transaction import Result


class Superuser:
    """A connection in autocommit. Unlike a login's it runs DDL, and unlike a login's it never serves a request."""

    def __init__(self, raw: psycopg.Connection[tuple[Any, ...]]) -> None:
        """Wrap a connection."""
        self.raw = raw

    def run(self, query: Sql) -> Result:
        """Run a statement; several at once when none has bound values."""
        if checked(query).params:
            cursor = self.raw.execute(query.text.encode(), query.params)
        else:
            cursor = self.raw.execute(plain(query).encode(), prepare=False)
        return Result(cursor.fetchall() if cursor.description is not None else [], cursor.rowcount)

    def run_all(self, queries: Iterable[Sql]) -> None:
        """Run statements without bound values as one message."""
        text = ";\n".join(plain(query) for query in queries)
        if text:
            self.raw.execute(text.encode(), prepare=False)

    def stream(self, query: Sql, size: int = 2000) -> Generator[list[tuple[Any, ...]]]:
        """Run a query within a transaction and give its rows in batches, in bounded memory."""
        with self.raw.cursor(name=f"stream_{secrets.token_hex(8)}") as cursor:
            cursor.execute(checked(query).text.encode(), query.params)
            while rows := cursor.fetchmany(size):
                yield rows

    def scram(self, role: str, password: str) -> str:
        """Hash a password as PostgreSQL stores it, so that it stands in no statement, log or view of activity."""
        return self.raw.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()

    @contextmanager
    def atomic(self) -> Generator[None]:
        """All of it or nothing: DDL is transactional in PostgreSQL."""
        with self.raw.transaction():
            yield

    @contextmanager
    def undone(self) -> Generator[None]:
        """Try something: when the block ends, it is as if it had never run."""
        with self.raw.transaction(force_rollback=True):
            yield


@contextmanager
def superuser(endpoint: Endpoint, dbname: str | None = None) -> Generator[Superuser]:
    """Connect as the superuser to a database of the cluster, and close afterwards."""
    where = endpoint if dbname is None else replace(endpoint, dbname=dbname)
    try:
        raw: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(
            host=where.host,
            port=where.port,
            dbname=where.dbname,
            user=where.user,
            password=where.password,
            autocommit=True,
            connect_timeout=5,
            application_name="growsoft keeper",
        )
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable from error
    with raw:
        yield Superuser(raw)
