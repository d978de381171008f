"""The wall (SW-7): PostgreSQL itself decides who sees a row, on the application's own connection, for every table."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from growsoft.orm import Env, open_env
from growsoft.postgres.check import fingerprint, problems
from growsoft.postgres.context import LoginDoor
from growsoft.postgres.database import ELEVATED_PROFILE, Database
from growsoft.postgres.sql import Sql, ident, literal, sql
from growsoft.postgres.transaction import Transaction
from growsoft.trust.states import Finding, judged, met
from growsoft.trust.trespass import Outcome, attempt
from growsoft.trust.world import CannotCheck, Subject, World, each

MARKED_MODEL: Final = "ir.config_parameter"

# The private side, which not even elevated code reads.
_PRIVATE: Final = ("credential", "session", "signing_key", "link", "audit", "seal", "account")


def rows_are_walled(world: World) -> Finding:
    """SW-7: walls are as declared, and raw SQL sees no row without a genuine context, which sees them all."""
    tried = Counter[str]()

    def look(subject: Subject) -> Iterator[str]:
        yield from (f"{subject.told}: {problem}" for problem in as_declared(subject, world.fingerprint(subject)))
        yield from (f"{subject.told}: {problem}" for problem in attacked(subject, tried))

    found = each(world, world.subjects, look)
    return judged(
        found,
        "Take the database out of service and restore it, or bring back what was changed; see"
        " docs/explanation/the-wall.md",
        met(
            f"In {len(world.subjects)} databases policies, grants and marks are what the apps declare;"
            f" {tried['tables']} tables showed rows to a genuine context and none in {tried['attacks']} attempts by"
            f" raw SQL without one (as the bare login, in each profile's role, with forged contexts, after it was"
            f" left).{_mode(world)}"
        ),
    )


def _mode(world: World) -> str:
    running = world.running
    return "" if running.mode == "separate" else f" One-user mode: {running.why}; loopback only."


def as_declared(subject: Subject, expected: str) -> Iterator[str]:
    """Do what every start does before a database is served: look for holes, and compare with the declarations."""
    with subject.database.transaction(LoginDoor(), "read") as transaction:
        yield from problems(transaction)
        if fingerprint(transaction) != expected:
            yield "policies, grants, marks, functions or rights differ from what the apps declare"


def attacked(subject: Subject, tried: Counter[str]) -> Iterator[str]:
    """See what is there under a genuine context, then try to see it without; nothing of it is kept."""
    database = subject.database
    door = database.elevated("claim SW-7 is checked", caller=__name__)
    marker, backend, full = secrets.token_hex(16), 0, list[str]()
    with suppress(_Undone), open_env(database, subject.registry, door) as env:
        transaction = env.work.transaction
        full = _planted(env, marker)
        backend = transaction.execute(_BACKEND).scalar(int)
        yield from _private_side(transaction, tried)
        transaction.switch(LoginDoor())
        yield from _unsigned(transaction, database, full, tried)
        tried["tables"] += len(full)
        raise _Undone
    yield from _left_over(database, backend, full, tried)


def _planted(env: Env, marker: str) -> list[str]:
    """Plant a row that must be seen, and give the tables that show rows; raises where the control itself fails."""
    env[MARKED_MODEL].create({"key": f"trust.{marker}", "value": marker})
    env.flush()
    transaction = env.work.transaction
    seen = transaction.execute(sql("SELECT FROM ir_config_parameter WHERE value = {marker}", marker=marker)).rows
    tables = [str(name) for name in transaction.execute(_TABLES).column()]
    full = [table for table in tables if attempt(transaction, _peek(table)) is Outcome.SEEN]
    if len(seen) != 1 or "ir_config_parameter" not in full:
        raise CannotCheck(
            "A genuine context does not see a row that was just planted, so not seeing rows proves nothing.",
            "See whether the profile of gs_elevated still has its grants: growsoft doctor",
        )
    return full


def _unsigned(transaction: Transaction, database: Database, full: Sequence[str], tried: Counter[str]) -> Iterator[str]:
    """Try everything that raw SQL could do to see a row, without a signature for this connection."""
    for table in full:
        yield from _sees(transaction, "the bare login", tried, _peek(table), told=table)
    for profile in transaction.execute(_PROFILES).column():
        role = sql("SET LOCAL ROLE {role}", role=ident(str(profile)))
        for table in full:
            yield from _sees(transaction, "a role without a context", tried, role, _peek(table), told=table)
        yield from _sees(transaction, "a role with row security off", tried, _OFF, role, _peek(full[0]), told=full[0])
    for told, forgery in _forgeries(database):
        tried["attacks"] += 1
        if attempt(transaction, forgery) is not Outcome.REFUSED:
            yield f"{told} was taken for a context"
    for told, statement in _OUTSIDE_THE_RULES:
        tried["attacks"] += 1
        if attempt(transaction, statement) is not Outcome.REFUSED:
            yield f"the login {told}"


def _sees(transaction: Transaction, who: str, tried: Counter[str], *queries: Sql, told: str) -> Iterator[str]:
    tried["attacks"] += 1
    if attempt(transaction, *queries) is Outcome.SEEN:
        yield f"{who} sees rows of {told}"


def _private_side(transaction: Transaction, tried: Counter[str]) -> Iterator[str]:
    for table in _PRIVATE:
        tried["attacks"] += 1
        query = sql("SELECT FROM gs_priv.{table} LIMIT 1", table=ident(table))
        if attempt(transaction, query) is not Outcome.REFUSED:
            yield f"elevated code reads gs_priv.{table}"


def _forgeries(database: Database) -> Iterator[tuple[str, Sql]]:
    """Word contexts that nobody signed for this connection."""
    written = f"{ELEVATED_PROFILE},1,0,1,,,"
    yield "a parameter that was set", sql("SELECT set_config('backtrace_functions', {text}, true)", text=written)
    yield "a parameter that was SET", sql("SET LOCAL backtrace_functions = {text}", text=literal(written))
    yield "an invented session", sql("SELECT gs.enter_session({hash}::bytea)", hash=secrets.token_bytes(32))
    elsewhere = _Elsewhere(1, database.name, database.name)
    replayed = database.elevated("claim SW-7 is checked", caller=__name__).entry(elsewhere)
    yield "an entry of another connection", replayed
    yield "an entry with another signature", replayed.rebind((*replayed.params[:-1], secrets.token_bytes(32)))
    yield "an entry without a signature", replayed.rebind((*replayed.params[:-1], None))


def _left_over(database: Database, backend: int, full: Sequence[str], tried: Counter[str]) -> Iterator[str]:
    """Take the connection that was just given back: nothing of its last user may be left."""
    with database.transaction(LoginDoor(), "read", profile=ELEVATED_PROFILE) as transaction:
        if transaction.execute(_BACKEND).scalar(int) != backend:
            return  # it was closed: nothing can be left on it
        if transaction.execute(_CONTEXT).scalar(str):
            yield "a connection still has its last user's context"
        for table in full:
            yield from _sees(transaction, "the next user of a connection", tried, _peek(table), told=table)


class _Elsewhere:
    """A backend that an entry could be signed for, and is not this one."""

    def __init__(self, pid: int, login: str, dbname: str) -> None:
        self.pid, self.login, self.dbname = pid, login, dbname


class _Undone(Exception):
    """Ends a transaction without keeping anything of it."""


def _peek(table: str) -> Sql:
    return sql("SELECT FROM public.{table} LIMIT 1", table=ident(table))


_OFF: Final = sql("SET LOCAL row_security = off")
_BACKEND: Final = sql("SELECT pg_backend_pid()")
_CONTEXT: Final = sql("SELECT current_setting('backtrace_functions')")
_TABLES: Final = sql(
    "SELECT c.relname::text FROM pg_catalog.pg_class c WHERE c.relnamespace = 'public'::regnamespace"
    " AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1"
)
_PROFILES: Final = sql(
    "SELECT r.rolname::text FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.roleid"
    " WHERE m.member = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user) ORDER BY 1"
)
_OUTSIDE_THE_RULES: Final[tuple[tuple[str, Sql], ...]] = (
    ("makes tables", sql("CREATE TABLE public.trust_check (id int)")),
    ("makes temporary tables", sql("CREATE TEMPORARY TABLE trust_check (id int)")),
    ("makes functions", sql("CREATE FUNCTION public.trust_check() RETURNS int LANGUAGE sql AS 'SELECT 1'")),
    ("runs blocks of code", sql("DO 'BEGIN NULL; END'")),
    ("changes policies", sql("ALTER TABLE public.res_users NO FORCE ROW LEVEL SECURITY")),
    ("switches policies off", sql("ALTER TABLE public.res_users DISABLE ROW LEVEL SECURITY")),
    ("becomes the owner of tables", sql("SET ROLE gs_owner")),
    ("becomes the definer", sql("SET ROLE gs_definer")),
    ("becomes elevated by name", sql("SET ROLE gs_elevated")),
    ("grants itself rights", sql("GRANT SELECT ON public.res_users TO PUBLIC")),
    ("reads the verifiers", sql("SELECT FROM gs_priv.credential")),
)
