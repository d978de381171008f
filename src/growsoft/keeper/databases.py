"""Databases: what the keeper does with a customer's one, each step so that doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from uuid import UUID

import msgspec

from growsoft.errors import ConfigError
from growsoft.keeper.facts import Facts, platform, read_facts
from growsoft.keeper.identity import derived_identity
from growsoft.keeper.overlays import Overlays
from growsoft.keeper.records import Records, Template
from growsoft.keeper.templates import Report, Templates
from growsoft.keeper.verbs import (
    FIRST_KEY,
    ClusterListed,
    Created,
    DatabaseEntry,
    DeclarationsApplied,
    Dropped,
    Ensured,
    KeysRotated,
    TemplateEntry,
)
from growsoft.postgres.apply import apply_declarations
from growsoft.postgres.check import DatabaseUnprotected, problems, refuse_unprotected
from growsoft.postgres.connection import DatabaseUnavailable, Endpoint
from growsoft.postgres.context import padded_keys
from growsoft.postgres.keeper import (
    DatabaseMissing,
    DatabaseTaken,
    UpgradeNeeded,
    VerbRefused,
    superuser_errors,
)
from growsoft.postgres.provision import (
    Identity,
    create_database,
    create_login,
    drop_database,
    ensure_profiles,
    open_database,
    personalise,
    restore_login,
)
from growsoft.postgres.sealing import begin_era
from growsoft.postgres.sql import ident, literal, sql
from growsoft.postgres.superuser import Superuser, superuser
from growsoft.postgres.transaction import retrying
from growsoft.security.keyring import Purpose, WorkerKeys


class Databases:
    """The customers' databases of one cluster. Callers hold the locks of the names they give."""

    def __init__(
        self, server: Endpoint, keys: WorkerKeys, records: Records, templates: Templates, overlays: Overlays
    ) -> None:
        """Take the superuser's way in, the keys that identities derive from, and what is remembered."""
        self.server = server
        self._keys = keys
        self._records = records
        self._templates = templates
        self.overlays = overlays

    def create(self, name: str, uuid: UUID, apps: Sequence[str], report: Report) -> Created:
        """Make a database from its template, proven to be protected before anybody can be told of it."""
        if self._records.has(name):
            return self._same(name, uuid, self._templates.wanted(apps).apps)
        with self._templates.lent(apps, report) as template:
            report("copying the template")
            with self._records.unfinished(name, "create_database"):
                retrying(lambda: self._create(self.identity(name, uuid), template))
        return Created(name, uuid, FIRST_KEY, template.apps, template.fingerprint)

    def drop(self, name: str) -> Dropped:
        """Drop a database with its login, whoever is connected."""
        existed = self._records.has(name)
        with self._records.cluster() as cluster:
            drop_database(cluster, name)
        self._records.sweep(name)
        self._records.unnote(name)
        return Dropped(existed)

    def ensure_profile(self, name: str) -> Ensured:
        """Grant the profiles that the database's accounts use, as the database itself has them."""

        def attempt() -> int:
            with self.inside(name) as connection:
                read_facts(connection)
                return ensure_profiles(connection, name)

        return Ensured(retrying(attempt))

    def apply(self, name: str, report: Report) -> DeclarationsApplied:
        """Add what the apps declare and the database lacks; it waits for nobody who reads a table for long.

        The login gets its password and settings back first: injected SQL can spoil them, and nobody would get in again.
        """
        facts = self.facts(name)
        wanted = self._templates.wanted(tuple(facts.apps))
        if not facts.fits(wanted.apps):
            raise UpgradeNeeded
        with self._templates.lent(tuple(facts.apps), report) as template, self.inside(name) as connection:
            target = self.overlays.target(connection, wanted, template, report)

        def attempt() -> DeclarationsApplied:
            with self.inside(name) as connection:
                # A queued ALTER makes all readers queue behind it: rather give up and come again.
                connection.run(sql("SET lock_timeout = '200ms'"))
                with connection.atomic():
                    restore_login(connection, self.identity(name, facts.uuid, facts.key_id))
                    self._give_file_key(connection, facts.uuid)
                with connection.atomic():
                    applied = apply_declarations(connection, target.declarations)
                    target.finish(connection)
                refuse_unprotected(connection, target.fingerprint)
            return DeclarationsApplied(applied.changed, target.fingerprint, applied.drifts, tuple(facts.apps))

        report("applying declarations")
        return retrying(attempt)

    def rotate_keys(self, name: str, key_id: int) -> KeysRotated:
        """Bring the keys to a number: the next one is added and the one before stays, so that workers can follow."""
        with self.inside(name) as connection:
            facts = read_facts(connection)
            if key_id not in (facts.key_id, facts.key_id + 1):
                raise VerbRefused(f"The keys of {name} are at {facts.key_id}; the next one is {facts.key_id + 1}.")
            _bring_keys(connection, self.identity(name, facts.uuid, key_id))
        return KeysRotated(key_id)

    def list_cluster(self) -> ClusterListed:
        """List the customers' databases and the templates."""
        with self._records.cluster() as cluster:
            version = int(cluster.run(sql("SHOW server_version_num")).scalar())
            found = [DatabaseEntry(*row) for row in cluster.run(_DATABASES).all()]
        noted = self._records.noted()
        databases = tuple(self._judged(entry, noted.get(entry.name)) for entry in found)
        templates = self._records.templates()
        entries = tuple(TemplateEntry(template.name, template.apps, template.fingerprint) for template in templates)
        return ClusterListed(version, databases, entries)

    def is_outdated(self, facts: Facts) -> bool:
        """Say whether a database belongs to other versions of its apps, or another platform, than are installed."""
        try:
            return not facts.fits(self._templates.wanted(tuple(facts.apps)).apps)
        except ConfigError:
            return True  # one of them is not installed any more

    def identity(self, name: str, uuid: UUID, key_id: int = FIRST_KEY) -> Identity:
        """Derive an identity."""
        return derived_identity(self._keys, name, uuid, key_id)

    def facts(self, name: str) -> Facts:
        """Read what a database says about itself."""
        with self.inside(name) as connection:
            return read_facts(connection)

    def own_facts(self, connection: Superuser) -> Facts:
        """Read what the database that a connection is in says about itself."""
        return read_facts(connection)

    @contextmanager
    def inside(self, name: str) -> Generator[Superuser]:
        """Connect to a customer's database; raises `DatabaseMissing` where there is none that is finished."""
        if self._records.is_unfinished(name):
            raise DatabaseMissing
        with ExitStack() as stack:
            stack.enter_context(superuser_errors())
            try:
                connection = stack.enter_context(superuser(self.server, name))
            except DatabaseUnavailable:
                # Either the server is down, then this question raises too, or it has no such database.
                if self._records.has(name):
                    raise
                raise DatabaseMissing from None
            yield connection

    def adopt(self, identity: Identity) -> Created:
        """Make a restored database its new owner's and prove it; nobody is let in yet."""
        with superuser_errors(), superuser(self.server, identity.name) as connection:
            create_login(connection, identity)
            connection.run(_SPELL_OUT)
            personalise(connection, identity)
            facts = read_facts(connection)
            if facts.platform == platform():  # else its upgrade makes the places for these
                self._give_file_key(connection, identity.uuid)
                begin_era(connection)
            fingerprint = self._proven(connection, facts)
        return Created(identity.name, identity.uuid, identity.key_id, facts.apps, fingerprint)

    def open(self, name: str) -> None:
        """Let the login of a database in: always the very last step."""
        with self._records.cluster() as cluster:
            open_database(cluster, name)

    def _judged(self, entry: DatabaseEntry, noted: tuple[dict[str, str], str] | None) -> DatabaseEntry:
        """Say whether a database waits for its upgrade; one of which nothing is remembered is asked."""
        if entry.state != "open":
            return entry
        if noted is None:
            facts = self.facts(entry.name)
            self._records.note(entry.name, facts.apps, facts.platform)
        else:
            facts = Facts(_NOBODY, noted[0], noted[1], 0)
        return msgspec.structs.replace(entry, outdated=self.is_outdated(facts))

    def _create(self, identity: Identity, template: Template) -> None:
        with superuser_errors():
            create_database(self.server, identity, template.name)
            with superuser(self.server, identity.name) as connection:
                self._give_file_key(connection, identity.uuid)
                refuse_unprotected(connection, template.fingerprint)

    def _give_file_key(self, connection: Superuser, uuid: UUID) -> None:
        """Make the key of a customer's files where there is none; a copy and a restored backup bring their own."""
        if connection.run(sql("SELECT FROM gs_priv.file_key")).rowcount == 0:
            wrapped = self._keys.new_customer_key(uuid, Purpose.FILES)
            connection.run(
                sql("INSERT INTO gs_priv.file_key VALUES ({id}, {w}) ON CONFLICT DO NOTHING",
                    id=wrapped.key_id, w=wrapped.to_bytes())
            )  # fmt: skip

    def _proven(self, connection: Superuser, facts: Facts) -> str:
        """Check a restored database; give its fingerprint, or none where other versions of its apps are installed."""
        wanted = self._templates.wanted(tuple(facts.apps))
        if facts.fits(wanted.apps):
            with self._templates.lent(tuple(facts.apps), lambda _step: None) as template:
                expected = self.overlays.present(connection, wanted, template)
                refuse_unprotected(connection, expected)
                return expected
        # Scripts of another version make walls of another form, which their own check knew; nobody is served before
        # the upgrade, and that ends with ours.
        if facts.platform == platform() and (found := problems(connection)):
            raise DatabaseUnprotected(f"{DatabaseUnprotected.default_message()} {'; '.join(found)}")
        return ""

    def _same(self, name: str, uuid: UUID, apps: dict[str, str]) -> Created:
        """Answer for a database that is there: the same caller asking once more, or somebody else's name."""
        facts = self.facts(name)
        if facts.uuid != uuid or set(facts.apps) != set(apps):
            raise DatabaseTaken
        fingerprint = ""
        if facts.fits(apps):
            with self._templates.lent(tuple(apps), lambda _step: None) as template, self.inside(name) as connection:
                fingerprint = self.overlays.present(connection, self._templates.wanted(tuple(apps)), template)
        return Created(name, uuid, facts.key_id, facts.apps, fingerprint, new=False)


def _bring_keys(connection: Superuser, identity: Identity) -> None:
    """Set the password and add the signing key in one transaction: a login without its key could do nothing."""
    inner, outer = padded_keys(identity.signing_key)
    with connection.atomic():
        connection.run(
            sql("INSERT INTO gs_priv.signing_key VALUES ({kid}, {i}, {o}) ON CONFLICT (kid) DO NOTHING",
                kid=identity.key_id, i=inner, o=outer)
        )  # fmt: skip
        connection.run(sql("DELETE FROM gs_priv.signing_key WHERE kid < {oldest}", oldest=identity.key_id - 1))
        verifier = connection.scram(identity.name, identity.password)  # the server's log must not get the password
        connection.run(sql("ALTER ROLE {name} PASSWORD {v}", name=ident(identity.name), v=literal(verifier)))


_NOBODY = UUID(int=0)

# A dump leaves out grants that are PostgreSQL's own default; the fingerprint reads what is written, so that a function
# which everybody may call is seen as such.
_SPELL_OUT = sql(
    "DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.proacl IS NULL"
    " AND p.pronamespace IN ('gs'::regnamespace, 'gs_priv'::regnamespace)"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP"
    " EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', f); END LOOP; END $$"
)

_DATABASES = sql(
    "SELECT d.datname, pg_catalog.pg_database_size(d.oid),"
    " (SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid),"
    " CASE WHEN EXISTS (SELECT FROM gs_keeper.unfinished u WHERE u.name = d.datname) THEN 'unfinished' ELSE 'open' END"
    " FROM pg_catalog.pg_database d WHERE d.datname ~ '^db_[0-9a-f]{{16}}$' ORDER BY 1"
)
