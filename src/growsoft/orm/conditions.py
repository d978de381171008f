"""Which rows a group may read, make, change and delete: rules as SQL, the way policies say it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from growsoft.errors import ConfigError
from growsoft.orm.access import Verb
from growsoft.orm.compile import Compiler, Declared
from growsoft.orm.rules import readable_outside
from growsoft.postgres.database import ELEVATED_PROFILE
from growsoft.postgres.policies import TRUE
from growsoft.postgres.sql import Sql, ident, join, literal, sql

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry

_LINKED: Final = ident("o__")  # the record that links belong to
_FOLLOWED: Final = ident("f__")  # the record that a row names


def group_conditions(registry: Registry, info: ModelInfo, verb: Verb, alias: Sql | None = None) -> dict[str, Sql]:
    """Give what each group is shown: its rules joined by OR; with no group rules at all, everything by its Access."""
    if info.follows is not None:
        return _following(registry, info, verb, ident(info.table) if alias is None else alias)
    compiler = Compiler(registry, Declared())
    allowed = {access.group for access in info.access if verb in access.verbs}
    if not any(rule.group for rule in info.rules.values()):
        return dict.fromkeys(sorted(allowed), TRUE)
    rules: defaultdict[str, list[Sql]] = defaultdict(list)
    for rule in info.rules.values():
        if rule.group and verb in rule.verbs:
            rules[rule.group].append(compiler.where(info, rule.condition, alias))
    return {group: _any_of(conditions) for group, conditions in sorted(rules.items())}


def global_conditions(
    registry: Registry, info: ModelInfo, verb: Verb, alias: Sql | None = None
) -> Iterator[tuple[str, Sql]]:
    """Give what everybody's rows have to meet, by rule."""
    compiler = Compiler(registry, Declared())
    for name, rule in info.rules.items():
        if not rule.group and verb in rule.verbs:
            where = compiler.where(info, rule.condition, alias)
            # Elevated code has a profile of its own, so in the plans of all others nothing is left of the exception. IS
            # NULL, because the planner takes it for nearly never true; a plain truth value would count as one half.
            yield name, sql(
                "gs.planned_as() = {elevated} AND (SELECT nullif(NOT gs.elevated(), false)) IS NULL OR ({where})",
                elevated=literal(ELEVATED_PROFILE), where=where,
            )  # fmt: skip


def owner_conditions(registry: Registry, info: ModelInfo, verb: Verb, owner: Sql = _LINKED) -> dict[str, list[Sql]]:
    """Give what a record that something belongs to has to meet beyond being seen, by group."""
    grouped = group_conditions(registry, info, verb, owner)
    if verb == "read":  # the record's own policies say who sees it
        return {group: [] for group in grouped}
    narrowing = [sql("({c})", c=condition) for _name, condition in global_conditions(registry, info, verb, owner)]
    return {group: [sql("({c})", c=condition), *narrowing] for group, condition in grouped.items()}


def followed(registry: Registry) -> Iterator[ModelInfo]:
    """Give the models whose records others may belong to: all that stay, and belong to none themselves.

    By name: what is declared must not depend on which module of an app was imported first.
    """
    models = sorted(registry.models.items())
    return (info for _name, info in models if info.follows is None and not info.transient)


def _following(registry: Registry, info: ModelInfo, verb: Verb, row: Sql) -> dict[str, Sql]:
    """Give the same for rows that have the rights of the record they name.

    A group is told of the models that it has Access to and of no others: to look at a table that one may not read ends
    a query, so these policies come out of the Access of each group to each model.
    """
    follows = info.follows
    if follows is None or any(rule.group for rule in info.rules.values()):
        raise ConfigError(f"{info.name} has the rights of the records it names, so it has no rules for groups.")
    parts: defaultdict[str, list[Sql]] = defaultdict(list)
    model, record = sql("{r}.{c}", r=row, c=ident(follows.model)), sql("{r}.{c}", r=row, c=ident(follows.record))
    needed = follows.needed(verb)
    for other in followed(registry):
        for group, conditions in owner_conditions(registry, other, needed, _FOLLOWED).items():
            if readable_outside(registry, other, group, needed):
                where = join(" AND ", [sql("{f}.id = {record}", f=_FOLLOWED, record=record), *conditions])
                seen = sql("EXISTS (SELECT FROM {t} {f} WHERE {where})", t=ident(other.table), f=_FOLLOWED, where=where)
                parts[group].append(sql("{m} = {name} AND {seen}", m=model, name=literal(other.name), seen=seen))
    for access in info.access:
        if verb in access.verbs:
            own = sql("{m} = '' AND {row}.create_uid = (SELECT gs.user_id())", m=model, row=row)
            parts[access.group].append(own)
    return {group: _any_of(conditions) for group, conditions in sorted(parts.items())}


def _any_of(conditions: list[Sql]) -> Sql:
    return conditions[0] if len(conditions) == 1 else join(" OR ", [sql("({c})", c=c) for c in conditions])
