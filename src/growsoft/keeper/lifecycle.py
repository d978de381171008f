"""Life cycle: the apps of a customer's database are installed, upgraded and uninstalled, each time all or nothing.

Invariant: until the one transaction of a change is committed the database is as it was, and afterwards it is what its
apps declare; whoever is killed in between leaves it old or new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from growsoft.keeper.archive import Archive
from growsoft.keeper.databases import Databases
from growsoft.keeper.facts import Facts, note_apps, platform
from growsoft.keeper.product import Change, Product
from growsoft.keeper.records import Records, Template
from growsoft.keeper.templates import Report, Templates, Wanted
from growsoft.keeper.verbs import AppsChanged, AppsListed, Rehearsed
from growsoft.orm.migrating import Bench
from growsoft.orm.registry import version_key
from growsoft.postgres.alter import drop_columns, drop_tables
from growsoft.postgres.apply import Applied, apply_declarations, ensure_roles, lift_audits, open_walls
from growsoft.postgres.check import refuse_unprotected
from growsoft.postgres.connection import Connection
from growsoft.postgres.context import LoginDoor
from growsoft.postgres.database import Database
from growsoft.postgres.dump import count_rows
from growsoft.postgres.keeper import AppsRefused, DatabaseBusy, UpgradeNeeded, superuser_errors
from growsoft.postgres.policies import Declarations
from growsoft.postgres.pool import Pools
from growsoft.postgres.private import Part, bring_private, fresh_private
from growsoft.postgres.provision import ensure_profiles
from growsoft.postgres.schema import Drift
from growsoft.postgres.sealing import begin_era
from growsoft.postgres.sql import plain, sql
from growsoft.postgres.superuser import Superuser, superuser
from growsoft.postgres.transaction import Conflict, Transaction, retrying

# How long a change waits for requests that are at work in the database: at most as long as one of them may take.
LOCK_SECONDS: Final = 60.0

Decide = Callable[[Facts], Change]


@dataclass(frozen=True, slots=True)
class _Work:
    """A change of one database, with what it is to become; ``name`` is the database itself or its copy."""

    name: str
    change: Change
    wanted: Wanted
    template: Template
    report: Report


class Lifecycle:
    """The apps of customers' databases. Callers hold the databases they name alone."""

    def __init__(
        self, databases: Databases, templates: Templates, product: Product, archive: Archive, records: Records
    ) -> None:
        """Take the databases, what sets of apps need, the installed apps, and what copies for a rehearsal."""
        self._databases = databases
        self._records = records
        self._templates = templates
        self._product = product
        self._archive = archive
        self._private: tuple[Part, ...] | None = None

    def describe(self, name: str) -> AppsListed:
        """Say which apps a database has, and whether they are the installed ones."""
        facts = self._databases.facts(name)
        return AppsListed(facts.apps, self._databases.is_outdated(facts), facts.demo)

    def install(self, name: str, apps: Sequence[str], report: Report, *, demo: bool) -> AppsChanged:
        """Install apps with all they depend on; with ``demo`` the database takes demo records from now on."""

        def decide(facts: Facts) -> Change:
            self._refuse_outdated(facts)
            after = self._templates.wanted((*facts.apps, *apps)).apps
            named = frozenset(after) if demo and not facts.demo else frozenset[str]()
            return Change(facts.apps, after, named, demo=demo or facts.demo)

        return self._changed(name, decide, report)

    def upgrade(self, name: str, apps: Sequence[str], report: Report) -> AppsChanged:
        """Bring a database to the installed versions of its apps, and load the files of ``apps`` once more."""
        return self._changed(name, lambda facts: self._upgrade(facts, apps), report)

    def uninstall(self, name: str, apps: Sequence[str], report: Report) -> AppsChanged:
        """Uninstall apps with all that their tables and fields hold; refused while another app depends on them."""

        def decide(facts: Facts) -> Change:
            self._refuse_outdated(facts)
            rest = tuple(app for app in facts.apps if app not in apps)
            if not rest:
                raise AppsRefused("A database keeps one app at least; drop the database instead.")
            after = self._templates.wanted(rest).apps
            if needed := sorted(set(after) & set(apps)):
                users = ", ".join(app for app in rest if set(self._templates.wanted((app,)).apps) & set(needed))
                raise AppsRefused(f"{users} depends on {', '.join(needed)}; uninstall it first.")
            return Change(facts.apps, after, demo=facts.demo)

        return self._changed(name, decide, report)

    def rehearse(self, name: str, report: Report) -> Rehearsed:
        """Upgrade a copy, check it, count its rows, and drop it; the database itself is only read."""
        before = self._upgrade(self._databases.facts(name), ())
        began = time.monotonic()
        with self._templates.lent(tuple(before.after), report) as template, self._archive.scratch(name, report) as copy:
            copied = time.monotonic()
            wanted = self._templates.wanted(tuple(before.after))
            rows = self._rows(copy)
            done = self._done(_Work(copy, before, wanted, template, report), time.monotonic())
            now = self._rows(copy)
            upgraded = time.monotonic()
        differing = sorted(table for table in {*rows, *now} if rows.get(table, 0) != now.get(table, 0))
        counts = {table: (rows.get(table, 0), now.get(table, 0)) for table in differing}
        return Rehearsed(done, counts, round(copied - began, 3), round(upgraded - copied, 3))

    def _upgrade(self, facts: Facts, apps: Sequence[str]) -> Change:
        after = self._templates.wanted(tuple(facts.apps)).apps
        if strange := sorted(set(apps) - set(facts.apps)):
            raise AppsRefused(f"This database does not have {', '.join(strange)}; install it.")
        for app, version in facts.apps.items():
            if version_key(after[app]) < version_key(version):
                raise AppsRefused(f"{app} {version} is newer than the installed {after[app]}; install the newer code.")
        return Change(facts.apps, after, frozenset(apps), demo=facts.demo)

    def _refuse_outdated(self, facts: Facts) -> None:
        if not facts.fits(self._templates.wanted(tuple(facts.apps)).apps):
            raise UpgradeNeeded("This database belongs to another version of its apps; upgrade it first.")

    def _changed(self, name: str, decide: Decide, report: Report) -> AppsChanged:
        facts = self._databases.facts(name)
        change = decide(facts)
        began = time.monotonic()
        with self._templates.lent(tuple(change.after), report) as template:
            wanted = self._templates.wanted(tuple(change.after))
            if change.before == change.after and not change.named and facts.platform == platform():
                return AppsChanged(dict(change.before), dict(change.after), template.fingerprint, changed=False)
            self._records.unnote(name)
            done = self._done(_Work(name, change, wanted, template, report), began)
        with self._databases.inside(name) as connection:
            ensure_profiles(connection, name)
        return done

    def _done(self, work: _Work, began: float) -> AppsChanged:
        notes, applied = retrying(lambda: self._attempt(work))
        return AppsChanged(
            before=dict(work.change.before),
            apps=dict(work.change.after),
            fingerprint=work.template.fingerprint,
            notes=tuple(notes),
            statements=tuple(plain(statement) for statement in applied.statements),
            seconds=round(time.monotonic() - began, 3),
        )

    def _attempt(self, work: _Work) -> tuple[list[str], Applied]:
        """Do it in one transaction; DDL, data, walls and the check of them are committed together."""
        with superuser_errors(), superuser(self._databases.server, work.name) as connection:
            ensure_roles(connection, work.wanted.declarations.roles)
            ensure_profiles(connection, work.name)
            with connection.atomic():
                work.report("waiting for requests at work")
                _lock(connection)
                result = self._within(connection, work)
                # What they have prepared does not fit any more; an idle connection that is gone is replaced unseen.
                connection.run(sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {n}",
                                   n=work.name))  # fmt: skip
        return result

    def _within(self, connection: Superuser, work: _Work) -> tuple[list[str], Applied]:
        change = work.change
        bench = self._bench(connection, work.name)
        notes = self._product.retire(change, bench)
        open_walls(connection)
        lift_audits(connection, {"before": change.before, "after": change.after})
        if self._databases.own_facts(connection).platform != platform():
            work.report("bringing the private side to its scripts")
            bring_private(connection, self._fresh())
            # It may have come from another cluster, whose transactions were numbered otherwise.
            begin_era(connection)
        target = self._databases.overlays.target(connection, work.wanted, work.template, work.report)
        declarations = target.declarations
        if change.removed:
            _drop(connection, self._templates.wanted(tuple(change.before)).declarations, declarations)
        work.report("migrating")
        self._product.before(change, bench)
        work.report("bringing tables to their declarations")
        applied = apply_declarations(connection, declarations, anew=True, judge=_refuse_drifts)
        work.report("loading records")
        notes += self._product.after(change, bench)
        notes += [f"{drift.table}: {drift.what}; what it holds is kept" for drift in applied.drifts]
        note_apps(connection, change.after, demo=change.demo)
        work.report("checking")
        target.finish(connection)
        refuse_unprotected(connection, target.fingerprint)
        return [*notes, *target.left_out], applied

    def _bench(self, connection: Superuser, name: str) -> Bench:
        facts = self._databases.own_facts(connection)
        identity = self._databases.identity(name, facts.uuid, facts.key_id)
        transaction = Transaction.within_superuser(Connection.of_superuser(connection.raw), LoginDoor())
        where = replace(self._databases.server, dbname=name)
        return Bench(transaction, Database(where, facts.uuid, facts.key_id, identity.signing_key, Pools(1)))

    def _fresh(self) -> tuple[Part, ...]:
        """Give what the scripts make; they do not change while we run."""
        if self._private is None:
            self._private = fresh_private(self._databases.server)
        return self._private

    def _rows(self, name: str) -> dict[str, int]:
        with superuser_errors(), superuser(self._databases.server, name) as connection:
            return count_rows(connection)


def _lock(connection: Superuser) -> None:
    """Lock all tables at once, before anything is changed: nobody waits half-way, and no two wait for each other.

    Each attempt is short: whoever comes while a lock is waited for queues behind it.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    connection.run(sql("SET LOCAL lock_timeout = '500ms'"))
    while True:
        with suppress(Conflict), superuser_errors(), connection.atomic():
            connection.run(_LOCK_ALL)
            connection.run(sql("SET LOCAL lock_timeout = 0"))
            return
        if time.monotonic() > deadline:
            raise DatabaseBusy
        time.sleep(0.1)


def _drop(connection: Superuser, before: Declarations, after: Declarations) -> None:
    """Drop what only the apps that go declare: first their columns elsewhere, which may refer to their tables."""
    kept = {table.name: {column.name for column in table.columns} for table in after.tables}
    for table in before.tables:
        if table.name in kept:
            drop_columns(connection, table.name, [c.name for c in table.columns if c.name not in kept[table.name]])
    drop_tables(connection, [table.name for table in before.tables if table.name not in kept])


def _refuse_drifts(drifts: Iterable[Drift]) -> None:
    blocking = [f"{drift.table}: {drift.what}" for drift in drifts if drift.needs_migration]
    if blocking:
        raise AppsRefused(f"The apps lack a migration, and nothing was changed: {'; '.join(blocking)}.")


_LOCK_ALL: Final = sql(
    "DO $$ DECLARE names text; BEGIN SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ') INTO names"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'public' AND c.relkind = 'r';"
    " IF names IS NOT NULL THEN EXECUTE 'LOCK TABLE ' || names || ' IN ACCESS EXCLUSIVE MODE'; END IF; END $$"
)
