"""From a registry to what PostgreSQL enforces: tables, policies and grants (data layer, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import ConfigError
from growsoft.orm.access import VERBS, Unique, Verb
from growsoft.orm.audit import audits
from growsoft.orm.columns import in_language
from growsoft.orm.compile import Compiler, Declared, constant
from growsoft.orm.conditions import global_conditions, group_conditions, owner_conditions
from growsoft.orm.fields import AnyField, Many2many, Many2one, Reference, Selection
from growsoft.orm.fields.json import json_text
from growsoft.orm.fields.stamps import STAMPS
from growsoft.orm.fulltext import fulltext_columns, fulltext_indexes
from growsoft.orm.linking import with_far_end
from growsoft.orm.names import name_within
from growsoft.orm.rights import Rights, rights
from growsoft.orm.rules import check_rules
from growsoft.postgres.accounts import account_triggers
from growsoft.postgres.context import group_role
from growsoft.postgres.database import ELEVATED_GROUP
from growsoft.postgres.overlay import TRIGGERS
from growsoft.postgres.policies import TRUE, Command, Declarations, Grant, Policy
from growsoft.postgres.schema import Column, Constraint, ForeignKey, Index, Table, Trigger
from growsoft.postgres.sql import ident, join, literal, sql
from growsoft.postgres.tree import tree_triggers
from growsoft.words import SOURCE

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry

_COMMANDS: Final[dict[Verb, Command]] = {"read": "SELECT", "create": "INSERT", "write": "UPDATE", "unlink": "DELETE"}
_STAMP_DEFAULTS: Final = {
    "create_uid": sql("coalesce(gs.user_id(), 0)"),
    "write_uid": sql("coalesce(gs.user_id(), 0)"),
    "create_date": sql("now()"),
    "write_date": sql("now()"),
    "version": sql("1"),
}
_READ: Final[frozenset[Verb]] = frozenset(("read",))
_CHANGED: Final = ("write_uid", "write_date", "version")
LONGEST_TEXT: Final = 4_000_000  # bytes

__all__ = ["Rights", "declare", "group_conditions", "rights"]


def declare(registry: Registry) -> Declarations:
    """Write everything down. Raises ``ConfigError`` for a rule that would break its readers' queries."""
    check_rules(registry)
    # By name: templates are found by a digest of all this, whichever module of an app a process imported first.
    models = [info for _name, info in sorted(registry.models.items())]
    made = {info.name: tuple(_tables(registry, info)) for info in models}
    tables = [table for found in made.values() for table in found]
    tables += [table for info in registry.kept for table in _tables(registry, info)]
    audited = [audit for info in models for audit in audits(info, made[info.name])]
    triggers = account_triggers([app.accounts for app in registry.apps if app.accounts is not None])
    for audit in audited:
        triggers[audit.table] = (*triggers.get(audit.table, ()), *audit.triggers())
    policies = [policy for info in models for policy in _policies(registry, info)]
    grants = [grant for info in models for grant in _grants(registry, info)]
    return Declarations(
        apps=registry.versions,
        tables=tuple(
            table.with_triggers((*table.triggers, *triggers.get(table.name, ()), *_overlay(table.name)))
            for table in tables
        ),
        policies=(*policies, *_nothing(policies, grants)),
        grants=tuple(grants),
        roles=tuple(sorted(group_role(group) for group in _groups(registry))),
        audits=tuple(audited),
    )


def _overlay(table: str) -> tuple[Trigger, ...]:
    return (TRIGGERS[table],) if table in TRIGGERS else ()


def _groups(registry: Registry) -> set[str]:
    named = {access.group for info in registry.models.values() for access in info.access}
    named |= {rule.group for info in registry.models.values() for rule in info.rules.values() if rule.group}
    named |= {group for info in registry.models.values() for field in info.fields.values() for group in field.groups}
    unknown = named - set(registry.groups)
    if unknown:
        raise ConfigError(f"No app declares the groups {', '.join(sorted(unknown))}; add them to App(groups=...).")
    return set(registry.groups)


# -- tables ------------------------------------------------------------------------------------------------------------


def _tables(registry: Registry, info: ModelInfo) -> Iterator[Table]:
    yield Table(
        info.table,
        (*(_column(field) for field in info.columns.values()), *fulltext_columns(info)),
        constraints=tuple(_constraints(registry, info)),
        foreign_keys=tuple(_foreign_keys(registry, info)),
        indexes=(*_indexes(registry, info), *_declared_indexes(registry, info), *fulltext_indexes(info)),
        triggers=tree_triggers(info.parent_name) if info.parent_name else (),
    )
    for field in info.fields.values():
        if isinstance(field, Many2many):
            yield _relation_table(registry, info, field)


def _column(field: AnyField) -> Column:
    if field.storage is None:
        raise TypeError(f"{field.name} is no column")
    if field.company_dependent:
        return Column(field.name, field.storage, not_null=True, default=literal("{}"))
    if field.name in STAMPS:
        return Column(field.name, field.storage, not_null=True, default=_STAMP_DEFAULTS[field.name])
    # Who makes a record may not be allowed to give it this value: then PostgreSQL fills in the same default as the ORM.
    default = field.fallback
    not_null = field.required or field.unset is not None
    if field.translate:
        default = json_text({SOURCE: default})
    elif field.storage == "jsonb" and default is not None:
        default = json_text(default)
    return Column(field.name, field.storage, not_null, None if default is None else constant(default))


def _constraints(registry: Registry, info: ModelInfo) -> Iterator[Constraint]:
    compiler = Compiler(registry, Declared())
    for name, check in info.checks.items():
        yield Constraint(name_within(f"{info.table}_{name}_check"), compiler.where(info, check.condition))
    for field in info.columns.values():
        column = ident(field.name)
        if field.storage == "jsonb":
            longest = sql("octet_length({c}::text) <= {bytes}", c=column, bytes=literal(LONGEST_TEXT))
            yield Constraint(name_within(f"{info.table}_{field.name}_length"), longest)
            if field.translate:
                yield Constraint(name_within(f"{info.table}_{field.name}_texts"), sql("gs.are_texts({c})", c=column))
        elif isinstance(field, Selection):
            values = join(", ", (literal(str(member.value)) for member in field.choices))
            unset = sql("") if field.required else sql(", ''")
            expression = sql("{c} IN ({values}{unset})", c=column, values=values, unset=unset)
            yield Constraint(name_within(f"{info.table}_{field.name}_choice"), expression)
        elif field.column == "text":
            # Errors of a substring search must not depend on hidden rows: no text is too long for it.
            longest = sql("octet_length({c}) <= {bytes}", c=column, bytes=literal(LONGEST_TEXT))
            yield Constraint(name_within(f"{info.table}_{field.name}_length"), longest)


def _foreign_keys(registry: Registry, info: ModelInfo) -> Iterator[ForeignKey]:
    for field in info.columns.values():
        if isinstance(field, Many2one) and not field.company_dependent:
            target = registry.models[field.comodel].table
            yield ForeignKey(name_within(f"{info.table}_{field.name}_fkey"), field.name, target)


def _indexes(registry: Registry, info: ModelInfo) -> Iterator[Index]:
    sorted_by = info.order.split(",")[0].split()[0]
    if info.follows is not None:
        yield Index(name_within(f"{info.table}_follows"), (ident(info.follows.model), ident(info.follows.record)))
    for field in info.columns.values():
        if field.translate:
            yield from _translated_indexes(info, field, registry.languages, sorted_by=field.name == sorted_by)
        if field.storage == "jsonb":
            continue  # what else it holds is compared by no index
        column = ident(field.name)
        text = field.column == "text"
        if isinstance(field, Reference):  # asked whenever a record is deleted
            yield Index(name_within(f"{info.table}_{field.name}_refers"), (column,))
        if isinstance(field, Many2one) or (field.index is True and not text):
            yield Index(name_within(f"{info.table}_{field.name}_idx"), (column,))
        if text and (field.index or field.name == sorted_by):
            expressions = (sql("lower({c})", c=column), column)
            yield Index(name_within(f"{info.table}_{field.name}_sort"), expressions)
            yield Index(name_within(f"{info.table}_{field.name}_equal"), (column,))
        if field.index == "trigram" or (text and field.name in info.searched_by[1:]):
            yield Index(name_within(f"{info.table}_{field.name}_search"), (column,), method="trigram")
        if field.unique:
            where = sql("{c} <> ''", c=column) if text else None
            # Records without a company, say, compete among each other: what all share is one more company here.
            per = (sql("coalesce({link}, 0)", link=ident(field.unique_per)),) if field.unique_per else ()
            yield Index(name_within(f"{info.table}_{field.name}_unique"), (column, *per), unique=True, where=where)


def _translated_indexes(
    info: ModelInfo, field: AnyField, languages: Iterable[str], *, sorted_by: bool
) -> Iterator[Index]:
    """Each language has indexes of its own: what a search in it compares is an expression."""
    for lang in languages:
        name, text = f"{info.table}_{field.name}_{lang.lower()}", in_language(ident(field.name), lang)
        expression = sql("({text})", text=text)
        if field.index or sorted_by:
            yield Index(name_within(f"{name}_sort"), (sql("lower({text})", text=text), expression))
            yield Index(name_within(f"{name}_equal"), (expression,))
        if field.index == "trigram":
            yield Index(name_within(f"{name}_search"), (expression,), method="trigram")


def _declared_indexes(registry: Registry, info: ModelInfo) -> Iterator[Index]:
    compiler = Compiler(registry, Declared())
    for name, index in info.indexes.items():
        conditions = [] if index.where is None else [sql("({c})", c=compiler.where(info, index.where))]
        if isinstance(index, Unique):
            fields = [info.fields[column] for column in index.names]
            texts = [field for field in fields if field.column == "text" and not field.required]
            conditions.extend(sql("{c} <> ''", c=ident(field.name)) for field in texts)
        yield Index(
            name_within(f"{info.table}_{name}_key"),
            tuple(ident(column) for column in index.names),
            unique=isinstance(index, Unique),
            where=join(" AND ", conditions) if conditions else None,
        )


def _relation_table(registry: Registry, info: ModelInfo, field: Many2many[object]) -> Table:  # type: ignore[type-var]
    name = field.relation(info.table)
    return Table(
        name,
        (Column("source_id", "bigint", not_null=True), Column("target_id", "bigint", not_null=True)),
        identity=False,
        primary_key=("source_id", "target_id"),
        foreign_keys=(
            ForeignKey(name_within(f"{name}_source_fkey"), "source_id", info.table),
            ForeignKey(name_within(f"{name}_target_fkey"), "target_id", registry.models[field.comodel].table),
        ),
        indexes=(Index(name_within(f"{name}_target_idx"), (ident("target_id"),)),),
    )


# -- policies ----------------------------------------------------------------------------------------------------------


def _policies(registry: Registry, info: ModelInfo) -> Iterator[Policy]:
    for verb in VERBS:
        command = _COMMANDS[verb]
        yield Policy(info.table, name_within(f"{ELEVATED_GROUP}_{verb}"), command, TRUE, ELEVATED_GROUP)
        for group, condition in group_conditions(registry, info, verb).items():
            role = group_role(group)
            yield Policy(info.table, name_within(f"{role}__{verb}"), command, condition, role)
        for name, condition in global_conditions(registry, info, verb):
            yield Policy(info.table, name_within(f"rule_{name}__{verb}"), command, condition)
    for field in info.fields.values():
        if isinstance(field, Many2many):
            yield from _relation_policies(registry, info, field)


def _relation_policies(registry: Registry, info: ModelInfo, field: Many2many[Any]) -> Iterator[Policy]:
    """Links are seen with both records, and changed by those who may change the one they belong to."""
    relation = field.relation(info.table)
    verbs: tuple[tuple[Verb, Verb], ...] = (("read", "read"), ("create", "write"), ("unlink", "write"))
    for verb, needed in verbs:
        command = _COMMANDS[verb]
        yield Policy(relation, name_within(f"{ELEVATED_GROUP}_{verb}"), command, TRUE, ELEVATED_GROUP)
        for group, conditions in owner_conditions(registry, info, needed).items():
            where = join(" AND ", [sql("o__.id = {rel}.source_id", rel=ident(relation)), *conditions])
            exists = sql("EXISTS (SELECT FROM {t} o__ WHERE {where})", t=ident(info.table), where=where)
            both = with_far_end(registry, field, relation, group, exists)
            yield Policy(relation, name_within(f"{group_role(group)}__{verb}"), command, both, group_role(group))


def _nothing(policies: Iterable[Policy], grants: Iterable[Grant]) -> Iterator[Policy]:
    """Say of groups that may use columns and to whom no rule opens rows that they see none: nothing is left unsaid."""
    opened = {(policy.table, policy.role) for policy in policies}
    for table, role in sorted({(grant.table, grant.role) for grant in grants} - opened):
        yield Policy(table, name_within(f"{role}__nothing"), "SELECT", sql("false"), role)


# -- grants ------------------------------------------------------------------------------------------------------------


def _grants(registry: Registry, info: ModelInfo) -> Iterator[Grant]:
    columns = tuple(name for name in info.columns if name not in STAMPS)
    seen = ("id", *columns, *sorted(STAMPS), *info.fulltexts)
    yield Grant(info.table, ELEVATED_GROUP, seen, columns, (*columns, *_CHANGED), delete=True)
    accessing = {access.group for access in info.access}
    for group in sorted(accessing | {group for name in columns for group in info.columns[name].groups}):
        yield _grant(registry, info, group)
    for field in info.fields.values():
        if isinstance(field, Many2many):
            yield _relation_grant(field.relation(info.table), ELEVATED_GROUP, frozenset(VERBS))
            for group in sorted(field.groups or accessing):
                verbs = _verbs(registry, info, group) | _READ if field.groups else _own_verbs(info, group)
                yield _relation_grant(field.relation(info.table), group_role(group), verbs)


def _grant(registry: Registry, info: ModelInfo, group: str) -> Grant:
    """Give a group the open columns by its own Access, and the columns that are kept for it.

    Those it may read wherever it sees a row, and write where it, or a group it implies, may write.
    """
    columns = {name: field for name, field in info.columns.items() if name not in STAMPS}
    own, verbs = _own_verbs(info, group), _verbs(registry, info, group)
    kept = tuple(name for name, field in columns.items() if group in field.groups)
    opened = tuple(name for name, field in columns.items() if not field.groups)
    writable = tuple(name for name in kept if _is_written(columns[name]))
    written = tuple(name for name in opened if _is_written(columns[name]))
    return Grant(
        info.table,
        group_role(group),
        select=(*(("id", *opened, *sorted(STAMPS), *info.fulltexts) if "read" in own else ()), *kept),
        insert=(*(written if "create" in own else ()), *(writable if "create" in verbs else ())),
        update=(*((*written, *_CHANGED) if "write" in own else ()), *(writable if "write" in verbs else ())),
        delete="unlink" in own,
    )


def _is_written(field: AnyField) -> bool:
    """Whether people write the column itself; elsewhere only the system does."""
    return not (field.readonly or field.writes_through)


def _own_verbs(info: ModelInfo, group: str) -> frozenset[Verb]:
    return frozenset(verb for access in info.access if access.group == group for verb in access.verbs)


def _verbs(registry: Registry, info: ModelInfo, group: str) -> frozenset[Verb]:
    closed = registry.implied(group)
    return frozenset(verb for access in info.access if access.group in closed for verb in access.verbs)


def _relation_grant(relation: str, role: str, verbs: frozenset[Verb]) -> Grant:
    columns = ("source_id", "target_id")
    return Grant(
        relation,
        role,
        select=columns if "read" in verbs else (),
        insert=columns if "write" in verbs else (),
        delete="write" in verbs,
    )
