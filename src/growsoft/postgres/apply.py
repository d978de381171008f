"""Brings one database to what a set of apps declares: tables, walls, policies and grants, all or nothing."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from growsoft.postgres.audit import FUNCTION_PREFIX, TRIGGER_PREFIX, audit_functions
from growsoft.postgres.check import fingerprint
from growsoft.postgres.compare import compare
from growsoft.postgres.database import ELEVATED_GROUP
from growsoft.postgres.policies import Declarations, grant_statements, policy_statements, table_walls
from growsoft.postgres.schema import Drift
from growsoft.postgres.sql import Sql, ident, join, script, sql
from growsoft.postgres.superuser import Superuser
from growsoft.postgres.tree import tree_fillings


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of it: whether anything changed, what adding could not mend, and the walls as they now stand."""

    changed: bool
    drifts: tuple[Drift, ...]
    fingerprint: str
    statements: tuple[Sql, ...] = ()
    apps: tuple[str, ...] = ()


def prepare_cluster(connection: Superuser) -> None:
    """Make the roles of the whole cluster; can run again."""
    connection.run(script("growsoft.postgres", "cluster.sql"))


def prepare_database(connection: Superuser) -> None:
    """Make the private side of an empty database, and close what any login could use beside the tables."""
    with connection.atomic():
        for part in (
            script("growsoft.postgres", "context.sql"),
            script("growsoft.postgres", "audit.sql"),
            script("growsoft.postgres", "credentials.sql"),
            script("growsoft.postgres", "keys.sql"),
            script("growsoft.postgres", "replays.sql"),
            script("growsoft.postgres", "accounts.sql"),
            script("growsoft.postgres", "tree.sql"),
            script("growsoft.postgres", "overlay.sql"),
            script("growsoft.postgres", "search.sql"),
            script("growsoft.postgres", "languages.sql"),
            script("growsoft.postgres", "trigram.sql"),
            script("growsoft.postgres", "blobs.sql"),
            script("growsoft.postgres", "walls.sql"),
        ):
            connection.run(part)


def apply_declarations(
    connection: Superuser,
    declarations: Declarations,
    *,
    anew: bool = False,
    judge: Callable[[Iterable[Drift]], None] = lambda _drifts: None,
) -> Applied:
    """Bring a prepared database to the declarations. Doing it again changes nothing and touches no table.

    ``anew`` does it all once more, also when the same declarations were applied before. ``judge`` may refuse what only
    a migration could mend, before anything is done.
    """
    digest = declarations.digest()
    if not anew and _meta(connection, "declarations") == digest:
        return Applied(False, (), fingerprint(connection))
    ensure_roles(connection, declarations.roles)
    with connection.atomic():
        connection.run_all(audit_functions(declarations.audits))
        found = compare(connection, declarations.tables)
        judge(found.drifts)
        connection.run_all(found.statements)
        connection.run_all(_undeclared_audits(connection, declarations))
        connection.run_all(tree_fillings(declarations.tables))
        open_walls(connection)
        connection.run_all(table_walls(declarations.tables))
        connection.run_all(policy_statements(declarations.policies))
        connection.run_all(grant_statements(declarations.grants))
        set_meta(connection, "declarations", digest)
    # The triggers of the history come anew after each migration, whatever it did.
    told = tuple(statement for statement in found.statements if TRIGGER_PREFIX not in statement.text)
    return Applied(True, found.drifts, fingerprint(connection), told)


def ensure_roles(connection: Superuser, roles: Iterable[str]) -> None:
    """Make the roles of groups that the cluster lacks. No group is ever a member of another."""
    wanted = {*roles, ELEVATED_GROUP}
    found = connection.run(
        sql("SELECT rolname FROM pg_roles WHERE rolname = ANY ({names}::text[])", names=list(wanted))
    )
    for role in sorted(wanted - set(found.column())):
        connection.run(sql("CREATE ROLE {role} NOLOGIN NOINHERIT", role=ident(role)))


def set_meta(connection: Superuser, key: str, value: str) -> None:
    """Note a fact about the database in its private side."""
    connection.run(
        sql(
            "INSERT INTO gs_priv.meta VALUES ({key}, {value}) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key=key, value=value,
        )
    )  # fmt: skip


def _meta(connection: Superuser, key: str) -> str | None:
    return next(iter(connection.run(sql("SELECT value FROM gs_priv.meta WHERE key = {key}", key=key)).column()), None)


def lift_audits(connection: Superuser, what: Mapping[str, Mapping[str, str]]) -> None:
    """Take the triggers of the history off all tables, until declarations are applied, and record the reason in it.

    Inside of the transaction of a migration: they know columns that it drops or renames.
    """
    found = connection.run(
        sql(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
            " AND starts_with(tgname, {prefix})",
            prefix=TRIGGER_PREFIX,
        )
    )
    connection.run_all(sql("DROP TRIGGER {name} ON {t}", name=ident(name), t=ident(t)) for t, name in found.all())
    connection.run(
        sql(
            "INSERT INTO gs_priv.audit (kind, user_id, details) VALUES ('migration', 0, {what}::jsonb)",
            what=json.dumps(what, sort_keys=True),
        )
    )


def _undeclared_audits(connection: Superuser, declarations: Declarations) -> list[Sql]:
    """Drop the functions of tables that have no history any more; what was recorded stays."""
    found = connection.run(
        sql(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'gs_priv'::regnamespace"
            " AND prorettype = 'trigger'::regtype AND starts_with(proname, {prefix})"
            " AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgfoid = pg_proc.oid)",
            prefix=FUNCTION_PREFIX,
        )
    )
    wanted = {audit.function for audit in declarations.audits}
    return [sql("DROP FUNCTION gs_priv.{f}()", f=ident(name)) for name in found.column(str) if name not in wanted]


def open_walls(connection: Superuser) -> None:
    """Drop all policies and grants, inside of the transaction that builds them anew; nobody sees the moment between."""
    policies = connection.run(
        sql(
            "SELECT c.relname, p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
            " WHERE c.relnamespace = 'public'::regnamespace"
        )
    )
    grants = connection.run(
        sql(
            "SELECT relname, coalesce(rolname, '') FROM pg_class c CROSS JOIN LATERAL ("
            "  SELECT grantee FROM aclexplode(c.relacl)"
            "  UNION SELECT g.grantee FROM pg_attribute a, aclexplode(a.attacl) g WHERE a.attrelid = c.oid) x"
            " LEFT JOIN pg_roles r ON r.oid = x.grantee"
            " WHERE c.relnamespace = 'public'::regnamespace AND x.grantee <> c.relowner"
        )
    )
    roles: defaultdict[str, list[Sql]] = defaultdict(list)
    for table, role in grants.all():
        roles[table].append(ident(role) if role else sql("PUBLIC"))
    dropped = [sql("DROP POLICY {p} ON {t}", p=ident(policy), t=ident(table)) for table, policy in policies.all()]
    revoked = [
        sql("REVOKE ALL ON {t} FROM {roles}", t=ident(table), roles=join(", ", names)) for table, names in roles.items()
    ]
    connection.run_all(dropped + revoked)
