"""From a registry to what PostgreSQL enforces: tables, policies and grants (data layer, section 3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from growsoft.errors import ConfigError
from growsoft.orm.access import VERBS, Rule, Verb
from growsoft.orm.compile import Compiler, Declared
from growsoft.orm.domain import Condition, Every, Leaf, Negation, Some
from growsoft.orm.fields import AnyField, Many2many, Many2one, Relation, Selection
from growsoft.orm.names import name_within
from growsoft.orm.writer import STAMPS
from growsoft.postgres.accounts import account_triggers
from growsoft.postgres.context import group_role
from growsoft.postgres.database import ELEVATED_GROUP
from growsoft.postgres.policies import TRUE, Command, Declarations, Grant, Policy
from growsoft.postgres.schema import Column, Constraint, ForeignKey, Index, Table
from growsoft.postgres.sql import Sql, ident, join, literal, sql

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


@dataclass(frozen=True)
class Rights:
    """What a set of roles may do with the columns of each table: the union of their grants."""

    grants: tuple[Grant, ...]

    def readable(self, info: ModelInfo) -> frozenset[str]:
        """The columns that may be read."""
        return self._tables.get(info.table, _NOTHING)[0]

    def insertable(self, info: ModelInfo) -> frozenset[str]:
        """The columns that may be given to a new record."""
        return self._tables.get(info.table, _NOTHING)[1]

    def updatable(self, info: ModelInfo) -> frozenset[str]:
        """The columns that may be changed."""
        return self._tables.get(info.table, _NOTHING)[2]

    def deletable(self, info: ModelInfo) -> bool:
        """Whether records may be deleted."""
        return any(grant.delete for grant in self.grants if grant.table == info.table)

    @cached_property
    def _tables(self) -> dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]]]:
        found: dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]]] = {}
        for grant in self.grants:
            select, insert, update = found.get(grant.table, _NOTHING)
            found[grant.table] = (select | set(grant.select), insert | set(grant.insert), update | set(grant.update))
        return found


_NOTHING: Final[tuple[frozenset[str], frozenset[str], frozenset[str]]] = (frozenset(), frozenset(), frozenset())


def declare(registry: Registry) -> Declarations:
    """Write everything down. Raises ``ConfigError`` for a rule that would break its readers' queries."""
    for info in registry.models.values():
        for name, rule in info.rules.items():
            _refuse_unreadable(registry, info, name, rule)
    tables = [table for info in registry.models.values() for table in _tables(registry, info)]
    triggers = account_triggers([app.accounts for app in registry.apps if app.accounts is not None])
    return Declarations(
        apps=registry.versions,
        tables=tuple(table.with_triggers(triggers.get(table.name, ())) for table in tables),
        policies=tuple(policy for info in registry.models.values() for policy in _policies(registry, info)),
        grants=tuple(grant for info in registry.models.values() for grant in _grants(registry, info)),
        roles=tuple(sorted(group_role(group) for group in _groups(registry))),
    )


def rights(registry: Registry, roles: Iterable[str]) -> Rights:
    """Give what a set of roles may do."""
    wanted = frozenset(roles)
    return Rights(tuple(grant for grant in registry.declarations.grants if grant.role in wanted))


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
        tuple(_column(field) for field in info.columns.values()),
        constraints=tuple(_constraints(registry, info)),
        foreign_keys=tuple(_foreign_keys(registry, info)),
        indexes=tuple(_indexes(info)),
    )
    for field in info.fields.values():
        if isinstance(field, Many2many):
            yield _relation_table(registry, info, field)


def _column(field: AnyField) -> Column:
    if field.column is None:
        raise TypeError(f"{field.name} is no column")
    if field.name in STAMPS:
        return Column(field.name, field.column, not_null=True, default=_STAMP_DEFAULTS[field.name])
    if field.unset is None:
        return Column(field.name, field.column, not_null=field.required)
    unset = field.unset
    if not isinstance(unset, str | int | bool) and unset != 0:
        raise TypeError(f"{field.name}: no default for {unset!r}")
    constant = literal(unset) if isinstance(unset, str | bool) else sql("0")
    return Column(field.name, field.column, not_null=True, default=constant)


def _constraints(registry: Registry, info: ModelInfo) -> Iterator[Constraint]:
    compiler = Compiler(registry, Declared())
    for name, check in info.checks.items():
        yield Constraint(name_within(f"{info.table}_{name}_check"), compiler.where(info, check.condition))
    for field in info.columns.values():
        if isinstance(field, Selection):
            values = join(", ", (literal(str(member.value)) for member in field.choices))
            unset = sql("") if field.required else sql(", ''")
            expression = sql("{c} IN ({values}{unset})", c=ident(field.name), values=values, unset=unset)
            yield Constraint(name_within(f"{info.table}_{field.name}_choice"), expression)


def _foreign_keys(registry: Registry, info: ModelInfo) -> Iterator[ForeignKey]:
    for field in info.columns.values():
        if isinstance(field, Many2one):
            target = registry.models[field.comodel].table
            yield ForeignKey(name_within(f"{info.table}_{field.name}_fkey"), field.name, target)


def _indexes(info: ModelInfo) -> Iterator[Index]:
    sorted_by = info.order.split(",")[0].split()[0]
    for field in info.columns.values():
        column = ident(field.name)
        text = field.column == "text"
        if isinstance(field, Many2one) or (field.index is True and not text):
            yield Index(name_within(f"{info.table}_{field.name}_idx"), (column,))
        if text and (field.index or field.name == sorted_by):
            expressions = (sql("lower({c})", c=column), column)
            yield Index(name_within(f"{info.table}_{field.name}_sort"), expressions)
            yield Index(name_within(f"{info.table}_{field.name}_equal"), (column,))
        if field.index == "trigram":
            yield Index(name_within(f"{info.table}_{field.name}_search"), (column,), method="trigram")
        if field.unique:
            where = sql("{c} <> ''", c=column) if text else None
            yield Index(name_within(f"{info.table}_{field.name}_unique"), (column,), unique=True, where=where)


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
        for name, condition in _global_conditions(registry, info, verb):
            yield Policy(info.table, name_within(f"rule_{name}__{verb}"), command, condition)
    for field in info.fields.values():
        if isinstance(field, Many2many):
            yield from _relation_policies(registry, info, field.relation(info.table))


def group_conditions(registry: Registry, info: ModelInfo, verb: Verb, alias: Sql | None = None) -> dict[str, Sql]:
    """Give what each group is shown: its rules joined by OR; with no group rules at all, everything by its Access."""
    compiler = Compiler(registry, Declared())
    allowed = {access.group for access in info.access if verb in access.verbs}
    if not any(rule.group for rule in info.rules.values()):
        return dict.fromkeys(sorted(allowed), TRUE)
    rules: defaultdict[str, list[Sql]] = defaultdict(list)
    for rule in info.rules.values():
        if rule.group and verb in rule.verbs:
            rules[rule.group].append(compiler.where(info, rule.condition, alias))
    return {
        group: conditions[0] if len(conditions) == 1 else join(" OR ", [sql("({c})", c=c) for c in conditions])
        for group, conditions in sorted(rules.items())
    }


def _global_conditions(
    registry: Registry, info: ModelInfo, verb: Verb, alias: Sql | None = None
) -> Iterator[tuple[str, Sql]]:
    compiler = Compiler(registry, Declared())
    for name, rule in info.rules.items():
        if not rule.group and verb in rule.verbs:
            where = compiler.where(info, rule.condition, alias)
            # IS NULL, because the planner takes it for nearly never true, as elevation is; a plain truth value counts
            # as one half, and every estimate behind a global rule would be too high.
            yield name, sql("(SELECT nullif(NOT gs.elevated(), false)) IS NULL OR ({where})", where=where)


def _relation_policies(registry: Registry, info: ModelInfo, relation: str) -> Iterator[Policy]:
    """Links are seen with the record they belong to, and changed by those who may change it."""
    owner = ident("o")
    verbs: tuple[tuple[Verb, Verb], ...] = (("read", "read"), ("create", "write"), ("unlink", "write"))
    for verb, needed in verbs:
        command = _COMMANDS[verb]
        yield Policy(relation, name_within(f"{ELEVATED_GROUP}_{verb}"), command, TRUE, ELEVATED_GROUP)
        narrowing = [condition for _name, condition in _global_conditions(registry, info, needed, owner)]
        for group, condition in group_conditions(registry, info, needed, owner).items():
            where = join(" AND ", [sql("({c})", c=c) for c in (condition, *narrowing)])
            exists = sql(
                "EXISTS (SELECT FROM {t} o WHERE o.id = {rel}.source_id AND {where})",
                t=ident(info.table), rel=ident(relation), where=where,
            )  # fmt: skip
            yield Policy(relation, name_within(f"{group_role(group)}__{verb}"), command, exists, group_role(group))


# -- grants ------------------------------------------------------------------------------------------------------------


def _grants(registry: Registry, info: ModelInfo) -> Iterator[Grant]:
    everything = (*(n for n in info.columns if n not in STAMPS),)
    stamps = tuple(sorted(STAMPS))
    changed = ("write_uid", "write_date", "version")
    yield Grant(
        info.table, ELEVATED_GROUP, ("id", *everything, *stamps), everything, (*everything, *changed), delete=True
    )
    relations = [f.relation(info.table) for f in info.fields.values() if isinstance(f, Many2many)]
    for relation in relations:
        yield _relation_grant(relation, ELEVATED_GROUP, VERBS)
    for group in sorted({access.group for access in info.access}):
        verbs: set[Verb] = {verb for access in info.access if access.group == group for verb in access.verbs}
        role = group_role(group)
        mine = tuple(n for n in everything if _open_to(registry, info.columns[n], group))
        written = tuple(n for n in mine if not _kept(info.columns[n]))
        yield Grant(
            info.table,
            role,
            select=("id", *mine, *stamps) if "read" in verbs else (),
            insert=written if "create" in verbs else (),
            update=(*written, *changed) if "write" in verbs else (),
            delete="unlink" in verbs,
        )
        for relation in relations:
            yield _relation_grant(relation, role, verbs)


def _open_to(registry: Registry, field: AnyField, group: str) -> bool:
    return not field.groups or not registry.implied(group).isdisjoint(field.groups)


def _kept(field: AnyField) -> bool:
    # A readonly field is set by elevated code alone, unless a method works it out in the name of whoever changed it.
    return field.readonly and field.compute is None


def _relation_grant(relation: str, role: str, verbs: Iterable[Verb]) -> Grant:
    columns = ("source_id", "target_id")
    return Grant(
        relation,
        role,
        select=columns if "read" in verbs else (),
        insert=columns if "write" in verbs else (),
        delete="write" in verbs,
    )


# -- rules that would break queries ------------------------------------------------------------------------------------


def _refuse_unreadable(registry: Registry, info: ModelInfo, name: str, rule: Rule) -> None:
    """A rule is evaluated with its reader's rights: it may only look at columns that every reader may read."""
    readers = {rule.group} if rule.group else {a.group for a in info.access if "read" in a.verbs}
    for other, column in _reads(registry, info, rule.condition):
        for group in readers:
            if not _may_read(registry, other, column, group):
                raise ConfigError(
                    f"{info.name}.{name} looks at {other.name}.{column}, which {group} may not read: give it Access,"
                    " or keep the deciding value on the record itself."
                )


def _may_read(registry: Registry, info: ModelInfo, column: str, group: str) -> bool:
    closed = registry.implied(group)
    field = info.fields[column]
    readable = any(access.group in closed and "read" in access.verbs for access in info.access)
    return readable and (not field.groups or not closed.isdisjoint(field.groups))


def _reads(registry: Registry, info: ModelInfo, condition: Condition) -> Iterator[tuple[ModelInfo, str]]:
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from _reads(registry, info, part)
        case Negation(part):
            yield from _reads(registry, info, part)
        case Leaf():
            yield from _leaf_reads(registry, info, condition)
        case _:
            raise TypeError(f"no condition: {condition!r}")


def _leaf_reads(registry: Registry, info: ModelInfo, leaf: Leaf) -> Iterator[tuple[ModelInfo, str]]:
    here = info
    for step in leaf.names:
        if here is not info:
            yield here, step
        field = here.field(step)
        if isinstance(field, Relation):
            here = registry.models[field.comodel]
    if isinstance(leaf.value, Condition):
        yield from _reads(registry, here, leaf.value)
        yield from ((here, step) for step in _own_columns(leaf.value))


def _own_columns(condition: Condition) -> Iterator[str]:
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from _own_columns(part)
        case Negation(part):
            yield from _own_columns(part)
        case Leaf():
            yield condition.names[0]
        case _:
            raise TypeError(f"no condition: {condition!r}")
