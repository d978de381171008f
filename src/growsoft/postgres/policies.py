"""From declarations to policies and grants: what stands between a login and the rows (data layer, section 3)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal

from growsoft.postgres.audit import Audit, audit_functions
from growsoft.postgres.database import ELEVATED_GROUP
from growsoft.postgres.schema import Table
from growsoft.postgres.sql import Sql, ident, idents, join, literal, sql

Command = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]
COMMANDS: Final[tuple[Command, ...]] = ("SELECT", "INSERT", "UPDATE", "DELETE")

SIGNED_POLICY: Final = "gs_signed"
LINK_POLICY: Final = "gs_link"
AUTHOR_POLICY: Final = "gs_author"

TRUE: Final = sql("true")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy for one command: with a ``role`` it is permissive and widens, without it is restrictive and narrows."""

    table: str
    name: str
    command: Command
    condition: Sql
    role: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a group's role may do with a table; reading and writing always by columns, so that new ones start closed."""

    table: str
    role: str
    select: tuple[str, ...] = ()
    insert: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: bool = False


@dataclass(frozen=True, slots=True)
class Declarations:
    """Everything a set of apps declares about one database. ``apps`` maps the name of each app to its version."""

    apps: Mapping[str, str]
    tables: tuple[Table, ...]
    policies: tuple[Policy, ...]
    grants: tuple[Grant, ...]
    roles: tuple[str, ...] = field(default=())
    audits: tuple[Audit, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would be a hole: a grant or a policy for a table or a role that is not declared."""
        tables = {table.name for table in self.tables}
        roles = {*self.roles, ELEVATED_GROUP}
        items: tuple[Policy | Grant, ...] = (*self.policies, *self.grants)
        for item in items:
            if item.table not in tables or (item.role and item.role not in roles):
                raise ValueError(f"{item!r} names a table or a role that is not declared")

    def digest(self) -> str:
        """Give the SHA-256 of all statements these declarations stand for."""
        walls = [*table_walls(self.tables), *policy_statements(self.policies), *grant_statements(self.grants)]
        statements = [*walls, *audit_functions(self.audits)]
        text = "\n".join([repr(sorted(self.apps.items())), repr(self.tables), *(item.text for item in statements)])
        return sha256(text.encode()).hexdigest()


def table_walls(tables: Iterable[Table]) -> Iterable[Sql]:
    """Close each table: row security on, also for its owner; no row without a signed context, or beyond its limits.

    A link sees one record, a key the tables of its scope.

    The signed role must be the one whose policies the plan has and the one that runs it: a plan made as a manager and
    run as oneself (a cursor, a set_config() inside of the statement) passes the second check alone.

    The sub-selects make the planner compute the answer once, and this very form keeps its estimates right: it takes
    IS NOT NULL for nearly always true, and the obvious ``(SELECT ...) = current_user`` for one row in 200.
    """
    for table in tables:
        name = ident(table.name)
        yield sql("ALTER TABLE {t} ENABLE ROW LEVEL SECURITY", t=name)
        yield sql("ALTER TABLE {t} FORCE ROW LEVEL SECURITY", t=name)
        yield sql(
            "CREATE POLICY {policy} ON {t} AS RESTRICTIVE FOR ALL TO PUBLIC"
            " USING ((SELECT nullif(gs.signed(gs.planned_as()), false)) IS NOT NULL)",
            policy=ident(SIGNED_POLICY), t=name,
        )  # fmt: skip
        yield sql(
            "CREATE POLICY {policy} ON {t} AS RESTRICTIVE FOR ALL TO PUBLIC"
            " USING ((SELECT nullif(gs.unlimited(), false)) IS NOT NULL OR gs.within({own}, {row}))",
            policy=ident(LINK_POLICY), t=name, own=literal(table.name),
            row=sql("id") if table.identity else sql("NULL::bigint"),
        )  # fmt: skip
        if any(column.name == "write_uid" for column in table.columns):
            # Nobody signs a change with another's name.
            yield sql(
                "CREATE POLICY {policy} ON {t} AS RESTRICTIVE FOR UPDATE TO PUBLIC"
                " USING (true) WITH CHECK (write_uid = (SELECT gs.user_id()))",
                policy=ident(AUTHOR_POLICY), t=name,
            )  # fmt: skip


def policy_statements(policies: Iterable[Policy]) -> Iterable[Sql]:
    """Write the policies of rules."""
    for policy in policies:
        clause = {
            "SELECT": sql("USING ({c})", c=policy.condition),
            "DELETE": sql("USING ({c})", c=policy.condition),
            "INSERT": sql("WITH CHECK ({c})", c=policy.condition),
            "UPDATE": sql("USING ({c}) WITH CHECK ({c})", c=policy.condition),
        }[policy.command]
        yield sql(
            "CREATE POLICY {name} ON {table} AS {kind} FOR {command} TO {role} {clause}",
            name=ident(policy.name), table=ident(policy.table), command=_COMMANDS[policy.command], clause=clause,
            kind=sql("PERMISSIVE") if policy.role else sql("RESTRICTIVE"),
            role=ident(policy.role) if policy.role else sql("PUBLIC"),
        )  # fmt: skip


def grant_statements(grants: Iterable[Grant]) -> Iterable[Sql]:
    """Write the grants, by columns: a table grant followed by a column revoke is a silent no-op in PostgreSQL."""
    for grant in grants:
        verbs = [
            sql("{verb} ({columns})", verb=verb, columns=idents(columns))
            for verb, columns in (
                (sql("SELECT"), grant.select),
                (sql("INSERT"), grant.insert),
                (sql("UPDATE"), grant.update),
            )
            if columns
        ]
        if grant.delete:
            verbs.append(sql("DELETE"))
        if verbs:
            yield sql(
                "GRANT {verbs} ON {table} TO {role}",
                verbs=join(", ", verbs), table=ident(grant.table), role=ident(grant.role),
            )  # fmt: skip


_COMMANDS: Final[dict[Command, Sql]] = {
    "SELECT": sql("SELECT"),
    "INSERT": sql("INSERT"),
    "UPDATE": sql("UPDATE"),
    "DELETE": sql("DELETE"),
}
