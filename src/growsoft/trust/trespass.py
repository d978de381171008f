"""Trespassing: what a login might try from inside its own database to get at another one, or at the server itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final

from growsoft.errors import AccessError
from growsoft.postgres.context import LoginDoor
from growsoft.postgres.parameters import REPLICATION, SUPERUSER
from growsoft.postgres.sql import Sql, ident, literal, sql
from growsoft.postgres.transaction import ContextRefused, DatabaseError, SessionEnded, Transaction
from growsoft.trust.world import Subject

# PostgreSQL's answer to a table of another database, and to an extension that is not installed.
FEATURE_NOT_SUPPORTED: Final = "0A000"

ROLES: Final = ("gs_owner", "gs_definer", "gs_elevated", SUPERUSER, REPLICATION, "pg_read_all_data", "pg_monitor")

# Nothing here would change a thing if it were let through: each runs in a savepoint that is undone, the programs and
# files are harmless ones.
_OUT: Final[tuple[tuple[str, Sql], ...]] = (
    ("dblink", sql("CREATE EXTENSION dblink")),
    ("a foreign server", sql("CREATE EXTENSION postgres_fdw")),
    ("a program", sql("COPY (SELECT 1) TO PROGRAM 'true'")),
    ("the server's files", sql("SELECT pg_catalog.pg_read_file('PG_VERSION')")),
    ("the server's folders", sql("SELECT pg_catalog.pg_ls_dir('base')")),
    ("a large object", sql("SELECT pg_catalog.lo_import('PG_VERSION')")),
    ("a C library", sql("CREATE FUNCTION pg_temp.trust() RETURNS int LANGUAGE c AS 'libc', 'getpid'")),
    ("others' statements", sql("SELECT query FROM pg_catalog.pg_stat_activity WHERE datname <> current_database()")),
    ("others' passwords", sql("SELECT rolpassword FROM pg_catalog.pg_authid")),
    ("the login rules", sql("SELECT * FROM pg_catalog.pg_hba_file_rules")),
)


class Outcome(Enum):
    """What became of an attempt inside a transaction."""

    REFUSED = "refused"
    EMPTY = "no rows"
    SEEN = "rows"


# Only a refusal counts as one: a statement that fails for another reason has tried nothing, and its error goes up.
def attempt(transaction: Transaction, *queries: Sql) -> Outcome:
    """Run statements, undo whatever they did, and tell what the last one gave."""
    rows = 0
    try:
        with transaction.savepoint():
            for query in queries:
                rows = len(transaction.execute(query).rows)
            _undo()
    except _Undone:
        pass
    except (AccessError, ContextRefused, SessionEnded):
        return Outcome.REFUSED
    except DatabaseError as error:
        if error.sqlstate != FEATURE_NOT_SUPPORTED:
            raise
        return Outcome.REFUSED
    return Outcome.SEEN if rows else Outcome.EMPTY


def trespasses(subject: Subject, neighbours: Sequence[Subject], tried: Counter[str]) -> Iterator[str]:
    """Try every way out of a database as its own login; give those that were not refused."""
    with subject.database.transaction(LoginDoor()) as transaction:
        there = frozenset(map(str, transaction.execute(_THERE).column()))
        for told, query in _ways(subject, neighbours, there):
            tried["statements"] += 1
            if attempt(transaction, query) is not Outcome.REFUSED:
                yield f"the login of {subject.told} reached {told}"
    for other in neighbours[:1]:
        tried["statements"] += 1
        if _enters_with_key_of(other, subject):
            yield f"{subject.told} believed a context that was signed with another database's key"


def _ways(subject: Subject, neighbours: Sequence[Subject], there: frozenset[str]) -> Iterator[tuple[str, Sql]]:
    yield from _OUT
    for role in (*(role for role in ROLES if role in there), *(other.database.name for other in neighbours)):
        yield f"the role {role}", sql("SET ROLE {role}", role=ident(role))
        yield f"a session of {role}", sql("SET SESSION AUTHORIZATION {role}", role=ident(role))
    own = ident(subject.database.name)
    for other in neighbours:
        name = other.database.name
        yield f"a membership in {name}", sql("GRANT {name} TO {own}", name=ident(name), own=own)
        yield f"the password of {name}", sql("ALTER ROLE {name} PASSWORD NULL", name=ident(name))
        yield f"a table of {name}", sql("SELECT FROM {name}.public.res_users", name=ident(name))
        yield f"the size of {name}", sql("SELECT pg_catalog.pg_database_size({name})", name=literal(name))


def _enters_with_key_of(other: Subject, subject: Subject) -> bool:
    """Try to enter a database with a context that another one's key signed."""
    door = other.database.elevated("claim DB-2 is checked", caller=__name__)
    try:
        with subject.database.transaction(door):
            return True
    except ContextRefused:
        return False


_THERE: Final = sql("SELECT rolname::text FROM pg_catalog.pg_roles")


def _undo() -> None:
    raise _Undone


class _Undone(Exception):
    """Ends a savepoint without keeping anything of it."""
