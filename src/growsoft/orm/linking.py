"""The far end of links to many: who sees a link, or makes one, sees the record that it leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from growsoft.postgres.sql import Sql, ident, sql

if TYPE_CHECKING:
    from growsoft.orm.fields import Many2many
    from growsoft.orm.registry import ModelInfo, Registry

FarEnd = Literal["hidden", "open", "ruled"]


def far_end(registry: Registry, target: ModelInfo, group: str) -> FarEnd:
    """Say what a group sees of the records that links lead to: none at all, all of them, or those that rules show.

    A policy may ask only what every member of its group may read (PostgreSQL refuses the whole query otherwise), so
    the far end counts as hidden from a group unless it, or one that it implies, may read it.
    """
    closed = registry.implied(group)
    if not any(access.group in closed and "read" in access.verbs for access in target.access):
        return "hidden"
    rules = [rule for rule in target.rules.values() if "read" in rule.verbs or rule.group]
    return "ruled" if rules else "open"


def with_far_end(registry: Registry, field: Many2many[Any], relation: str, group: str, near: Sql) -> Sql:
    """Add the far end to what a policy of links asks of the near one."""
    target = registry.models[field.comodel]
    match far_end(registry, target, group):
        case "hidden":
            return sql("false")
        case "open":
            return near
        case "ruled":
            parts = {"t": ident(target.table), "rel": ident(relation), "near": near}
            return sql("{near} AND EXISTS (SELECT FROM {t} m__ WHERE m__.id = {rel}.target_id)", **parts)
