"""Records: what the keeper remembers in the cluster itself, so that a restart, or a standby that takes over, knows it.

They lie in schema `gs_keeper` of the maintenance database, which nobody but the superuser can enter.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from growsoft.errors import GrowsoftError
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.keeper import superuser_errors
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import Superuser, superuser

# The names under which we and the programs we start are seen by PostgreSQL.
_OUR_NAMES: Final = ("growsoft keeper", "growsoft backup")


@dataclass(frozen=True, slots=True)
class Template:
    """A finished template: the versions of the apps it holds, and the fingerprint of every database made from it."""

    name: str
    apps: dict[str, str]
    fingerprint: str


class _Sessions(threading.local):
    """What each thread has open."""

    stack: ExitStack | None = None
    connection: Superuser | None = None


class Records:
    """What is finished, and what is being made. Invariant: what has a line in `unfinished` is never handed out."""

    def __init__(self, server: Endpoint) -> None:
        """Take the superuser's way into the cluster."""
        self._server = server
        self._sessions = _Sessions()
        # What has a line, for as long as we live: `start` swept all older ones.
        self._pending: set[str] = set()

    @contextmanager
    def session(self) -> Generator[None]:
        """Keep one connection to the maintenance database for this thread while the block runs, opened on first use."""
        with ExitStack() as stack:
            self._sessions.stack, self._sessions.connection = stack, None
            try:
                yield
            finally:
                self._sessions.stack = self._sessions.connection = None

    @contextmanager
    def cluster(self) -> Generator[Superuser]:
        """Connect to the maintenance database; what goes wrong is said in our words."""
        with superuser_errors(), ExitStack() as own:
            stack = self._sessions.stack or own
            connection = self._sessions.connection
            if connection is None or connection.raw.closed:
                connection = stack.enter_context(superuser(self._server, MAINTENANCE_DATABASE))
                if stack is not own:
                    self._sessions.connection = connection
            yield connection

    def prepare(self) -> None:
        """Make the schema, end what a killed keeper left running, and keep passwords out of the server's log.

        An orphan must end first: CREATE DATABASE would finish after its half-made copy was looked for.
        """
        with self.cluster() as cluster:
            cluster.run(_PREPARE)
            cluster.run(
                sql(
                    "SELECT pg_catalog.pg_terminate_backend(pid, 10000) FROM pg_catalog.pg_stat_activity"
                    " WHERE application_name = ANY ({names}::text[]) AND usename = current_user"
                    " AND pid <> pg_catalog.pg_backend_pid()",
                    names=list(_OUR_NAMES),
                )
            )

    @contextmanager
    def unfinished(self, name: str, verb: str) -> Generator[None]:
        """Make a database of a name that is free: a line says so from before the first step until after the last.

        When the block fails, what it made is dropped. When even that fails, or the keeper dies, the line stays and
        `sweep` does it later.
        """
        self._pending.add(name)
        with self.cluster() as cluster:
            cluster.run(
                sql(
                    "INSERT INTO gs_keeper.unfinished (name, verb) VALUES ({name}, {verb}) ON CONFLICT DO NOTHING",
                    name=name, verb=verb,
                )
            )  # fmt: skip
            drop_database(cluster, name)
        try:
            yield
        except BaseException:
            self._give_up(name)
            raise
        with self.cluster() as cluster:
            cluster.run(sql("DELETE FROM gs_keeper.unfinished WHERE name = {name}", name=name))
        self._pending.discard(name)

    def is_unfinished(self, name: str) -> bool:
        """Say whether a name is being made, or could not be cleared away."""
        return name in self._pending

    def sweep(self, name: str) -> None:
        """Drop what an unfinished verb left, then its line; nothing without a line is ever dropped here."""
        with self.cluster() as cluster:
            if cluster.run(sql("SELECT FROM gs_keeper.unfinished WHERE name = {name}", name=name)).rowcount:
                drop_database(cluster, name)
                cluster.run(sql("DELETE FROM gs_keeper.unfinished WHERE name = {name}", name=name))
        self._pending.discard(name)

    def unfinished_names(self) -> list[str]:
        """Give what has a line."""
        with self.cluster() as cluster:
            return [str(name) for name in cluster.run(sql("SELECT name FROM gs_keeper.unfinished ORDER BY 1")).column()]

    def has(self, name: str) -> bool:
        """Say whether a finished database of this name is there."""
        with self.cluster() as cluster:
            return bool(cluster.run(_FINISHED.rebind((name,))).rowcount)

    def note(self, name: str, apps: Mapping[str, str], platform: str) -> None:
        """Remember what a database has, so that a list of all need not enter each."""
        with self.cluster() as cluster:
            cluster.run(
                sql(
                    "INSERT INTO gs_keeper.database (name, apps, platform) VALUES ({name}, {apps}, {platform})"
                    " ON CONFLICT (name) DO UPDATE SET apps = excluded.apps, platform = excluded.platform",
                    name=name, apps=msgspec.json.encode(dict(apps)).decode(), platform=platform,
                )
            )  # fmt: skip

    def unnote(self, name: str) -> None:
        """Forget what a database has, before that changes: what is not remembered is read from the database itself."""
        with self.cluster() as cluster:
            cluster.run(sql("DELETE FROM gs_keeper.database WHERE name = {name}", name=name))

    def noted(self) -> dict[str, tuple[dict[str, str], str]]:
        """Give what is remembered: apps with their versions, and the platform, by database."""
        with self.cluster() as cluster:
            rows = cluster.run(sql("SELECT name, apps, platform FROM gs_keeper.database")).all()
        return {name: (_APPS.decode(apps), platform) for name, apps, platform in rows}

    def templates(self) -> list[Template]:
        """Give the templates that are finished and there."""
        with self.cluster() as cluster:
            return [Template(name, _APPS.decode(apps), mark) for name, apps, mark in cluster.run(_TEMPLATES).all()]

    def template(self, name: str) -> Template | None:
        """Give a template, if it is finished and there."""
        return next((template for template in self.templates() if template.name == name), None)

    def keep(self, template: Template) -> None:
        """Note that a template is finished."""
        with self.cluster() as cluster:
            cluster.run(
                sql(
                    "INSERT INTO gs_keeper.template (name, apps, fingerprint) VALUES ({name}, {apps}, {fingerprint})"
                    " ON CONFLICT (name) DO UPDATE SET apps = excluded.apps, fingerprint = excluded.fingerprint",
                    name=template.name, apps=msgspec.json.encode(template.apps).decode(),
                    fingerprint=template.fingerprint,
                )
            )  # fmt: skip

    def fingerprint(self, name: str) -> str:
        """Give what was tried and noted under a name; empty when nothing was."""
        query = sql("SELECT fingerprint FROM gs_keeper.tried WHERE name = {name}", name=name)
        with self.cluster() as cluster:
            return next(iter(cluster.run(query).column(str)), "")

    def keep_fingerprint(self, name: str, fingerprint: str) -> None:
        """Note the outcome of a trial."""
        with self.cluster() as cluster:
            cluster.run(
                sql(
                    "INSERT INTO gs_keeper.tried VALUES ({name}, {fingerprint}) ON CONFLICT (name) DO NOTHING",
                    name=name, fingerprint=fingerprint,
                )
            )  # fmt: skip

    def drop_template(self, name: str) -> None:
        """Drop a template; its line goes first, so that nobody is promised it any more."""
        with self.cluster() as cluster:
            cluster.run(sql("DELETE FROM gs_keeper.template WHERE name = {name}", name=name))
            drop_database(cluster, name)

    def drop_leftover_roles(self) -> None:
        """Drop logins whose database is gone, and profiles that no login holds any more.

        Only before the first verb: later a profile without a holder may be one that is just being made.
        """
        with self.cluster() as cluster:
            for name in cluster.run(_LEFTOVER_ROLES).column():
                cluster.run(sql("DROP ROLE {name}", name=ident(name)))

    def _give_up(self, name: str) -> None:
        try:
            self.sweep(name)
        except GrowsoftError:
            # The error that is on its way up says more; the line stays for the next sweep.
            return


_APPS: Final = msgspec.json.Decoder(dict[str, str])

_PREPARE: Final = sql(
    "CREATE SCHEMA IF NOT EXISTS gs_keeper;"
    " CREATE TABLE IF NOT EXISTS gs_keeper.unfinished (name text PRIMARY KEY, verb text NOT NULL,"
    " since timestamptz NOT NULL DEFAULT now());"
    " CREATE TABLE IF NOT EXISTS gs_keeper.template (name text PRIMARY KEY, apps text NOT NULL,"
    " fingerprint text NOT NULL, since timestamptz NOT NULL DEFAULT now());"
    " CREATE TABLE IF NOT EXISTS gs_keeper.database (name text PRIMARY KEY, apps text NOT NULL,"
    " platform text NOT NULL);"
    " CREATE TABLE IF NOT EXISTS gs_keeper.tried (name text PRIMARY KEY, fingerprint text NOT NULL,"
    " since timestamptz NOT NULL DEFAULT now());"
    # A statement that fails is logged with its text, and CREATE ROLE holds a password.
    " ALTER ROLE CURRENT_USER SET log_min_error_statement = 'panic'"
)

_FINISHED: Final = sql(
    "SELECT FROM pg_catalog.pg_database d WHERE d.datname = {name}"
    " AND NOT EXISTS (SELECT FROM gs_keeper.unfinished u WHERE u.name = d.datname)",
    name="",
)

_TEMPLATES: Final = sql(
    "SELECT t.name, t.apps, t.fingerprint FROM gs_keeper.template t JOIN pg_catalog.pg_database d ON d.datname = t.name"
    " WHERE NOT EXISTS (SELECT FROM gs_keeper.unfinished u WHERE u.name = t.name) ORDER BY 1"
)

_LEFTOVER_ROLES: Final = sql(
    "SELECT r.rolname FROM pg_catalog.pg_roles r WHERE"
    " (r.rolname ~ '^(db_[0-9a-f]{{16}}|gs_template_[0-9a-f]{{12}})$'"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.datname = r.rolname)"
    " OR r.rolname ~ '^p_[0-9a-f]{{40}}$'"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = r.oid))"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_shdepend s"
    " WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = r.oid) ORDER BY 1"
)
