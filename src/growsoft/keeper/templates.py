"""Templates: a finished database for each set of apps, made on first need, from which customers' are copied."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

import msgspec

from growsoft.errors import GrowsoftError
from growsoft.keeper.facts import checks, note_apps, platform
from growsoft.keeper.identity import passing_identity
from growsoft.keeper.locks import Locks
from growsoft.keeper.product import Product
from growsoft.keeper.records import Records, Template
from growsoft.postgres.apply import apply_declarations
from growsoft.postgres.check import refuse_unprotected
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.database import Database
from growsoft.postgres.dump import NEVER_DUMPED
from growsoft.postgres.keeper import DatabaseBusy, superuser_errors
from growsoft.postgres.policies import Declarations
from growsoft.postgres.pool import Pools
from growsoft.postgres.provision import (
    Identity,
    copy_template,
    create_login,
    drop_database,
    ensure_profiles,
    new_template,
    open_database,
    personalise,
)
from growsoft.postgres.sql import ident, sql
from growsoft.postgres.superuser import Superuser, superuser

# Whoever needs a template waits for the one who makes it.
PATIENCE: Final = 600.0

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a set of apps needs. `name` is its template's: made of everything that decides what is in it."""

    name: str
    apps: dict[str, str]
    declarations: Declarations


def template_name(versions: Mapping[str, str], declarations: Declarations) -> str:
    """Name the template of a set of apps after everything that decides what is in it."""
    parts = msgspec.json.encode([sorted(versions.items()), declarations.digest(), platform(), checks()])
    return f"gs_template_{sha256(parts).hexdigest()[:12]}"


class Templates:
    """The templates of a cluster."""

    def __init__(self, server: Endpoint, records: Records, product: Product, locks: Locks) -> None:
        """Take the superuser's way in, and what decides about templates."""
        self._server = server
        self._records = records
        self._product = product
        self._locks = locks
        self._wanted: dict[tuple[str, ...], Wanted] = {}

    def wanted(self, apps: Sequence[str]) -> Wanted:
        """Give what a set of apps needs; remembered, because the code does not change while we run."""
        key = tuple(sorted(apps))
        if key not in self._wanted:
            versions, declarations = dict(self._product.versions(key)), self._product.declarations(key)
            self._wanted[key] = Wanted(template_name(versions, declarations), versions, declarations)
        return self._wanted[key]

    @contextmanager
    def lent(self, apps: Sequence[str], report: Report) -> Generator[Template]:
        """Give the template of a set of apps, made when there is none; it stays while the block runs."""
        wanted = self.wanted(apps)
        while True:
            with self._locks.shared(wanted.name, PATIENCE):
                found = self._records.template(wanted.name)
                if found is not None:
                    yield found
                    return
            self._make(wanted, report)

    def fingerprint(self, wanted: Wanted, declarations: Declarations, report: Report) -> str:
        """Give the fingerprint of a template with more declared upon it: tried once, on a copy that goes again."""
        name = template_name(wanted.apps, declarations)
        if name == wanted.name:  # nothing of it fits, so nothing was added
            with self.lent(tuple(wanted.apps), report) as template:
                return template.fingerprint
        with self._locks.alone(name, PATIENCE):
            found = self._records.fingerprint(name)
            if not found:
                with self.lent(tuple(wanted.apps), report) as template:
                    report("proving what was added")
                    found = self._tried(name, template.name, declarations)
                self._records.keep_fingerprint(name, found)
            return found

    def sweep(self) -> None:
        """Drop templates that the installed apps would never ask for again."""
        for template in self._records.templates():
            if self._is_outdated(template):
                try:
                    with self._locks.alone(template.name, 0):
                        self._records.drop_template(template.name)
                except DatabaseBusy:
                    continue

    def _is_outdated(self, template: Template) -> bool:
        try:
            return self.wanted(tuple(template.apps)).name != template.name
        except GrowsoftError:
            return True  # one of its apps is not installed any more

    def _make(self, wanted: Wanted, report: Report) -> None:
        name = wanted.name
        with self._locks.alone(name, PATIENCE):
            if self._records.template(name) is not None:
                return
            with self._records.unfinished(name, "template"), superuser_errors():
                report("making the template")
                with new_template(self._server, name, wanted.declarations) as applied:
                    self._fill(wanted)
                    self._finish(name, applied.fingerprint)
                self._records.keep(Template(name, wanted.apps, applied.fingerprint))
        self.sweep()

    def _tried(self, name: str, template: str, declarations: Declarations) -> str:
        with self._records.unfinished(name, "template"), superuser_errors(), self._records.cluster() as cluster:
            copy_template(cluster, name, template)
            with superuser(self._server, name) as connection:
                fingerprint = apply_declarations(connection, declarations).fingerprint
                refuse_unprotected(connection, fingerprint)
            drop_database(cluster, name)
        return fingerprint

    def _fill(self, wanted: Wanted) -> None:
        """Let the apps write their records as any elevated code does: through a login and its policies."""
        name = wanted.name
        identity = passing_identity(name)
        with self._records.cluster() as cluster:
            create_login(cluster, identity)
            with superuser(self._server, name) as connection:
                note_apps(connection, wanted.apps)
                personalise(connection, identity)
            open_database(cluster, name)
        pools = Pools(2)
        try:
            self._product.fill(self._database(identity, pools), tuple(wanted.apps))
        finally:
            pools.close()

    def _finish(self, name: str, fingerprint: str) -> None:
        with self._records.cluster() as cluster:
            with superuser(self._server, name) as connection:
                ensure_profiles(connection, name)
                _forget(connection)
                connection.run(sql("VACUUM (FREEZE, ANALYZE)"))
            cluster.run(sql("REVOKE ALL ON DATABASE {name} FROM {name}", name=ident(name)))
            cluster.run(sql("DROP ROLE {name}", name=ident(name)))
            with superuser(self._server, name) as connection:
                refuse_unprotected(connection, fingerprint)
            # Nobody at all: also autovacuum must not be in it while it is copied.
            cluster.run(sql("ALTER DATABASE {name} ALLOW_CONNECTIONS false", name=ident(name)))

    def _database(self, identity: Identity, pools: Pools) -> Database:
        where = replace(self._server, dbname=identity.name, user=identity.name, password=identity.password)
        return Database(where, identity.uuid, identity.key_id, identity.signing_key, pools)


def _forget(connection: Superuser) -> None:
    """Take away what belonged to the filling: keys, sessions, links, counters and its audit."""
    with connection.atomic():
        for table in NEVER_DUMPED:
            connection.run(sql("DELETE FROM gs_priv.{table}", table=ident(table.removeprefix("gs_priv."))))
        connection.run(sql("DELETE FROM gs_priv.meta WHERE key = 'uuid';"
                           " TRUNCATE gs_priv.audit, gs_priv.seal RESTART IDENTITY"))  # fmt: skip
