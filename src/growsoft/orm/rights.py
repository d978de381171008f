"""What a set of groups may do with the columns of each table, as the declarations grant it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from growsoft.orm.fields import AnyField, Many2many, One2many, Relation
from growsoft.postgres.context import group_role
from growsoft.postgres.database import ELEVATED_GROUP
from growsoft.postgres.policies import Grant

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry


class _Columns(NamedTuple):
    select: frozenset[str] = frozenset()
    insert: frozenset[str] = frozenset()
    update: frozenset[str] = frozenset()


_NOTHING: Final = _Columns()


@dataclass(frozen=True)
class Rights:
    """What a set of roles may do: the union of their grants."""

    roles: frozenset[str]
    grants: tuple[Grant, ...]

    def readable(self, info: ModelInfo) -> frozenset[str]:
        """The columns that may be read."""
        return self._tables.get(info.table, _NOTHING).select

    def insertable(self, info: ModelInfo) -> frozenset[str]:
        """The columns that may be given to a new record."""
        return self._tables.get(info.table, _NOTHING).insert

    def updatable(self, info: ModelInfo) -> frozenset[str]:
        """The columns that may be changed."""
        return self._tables.get(info.table, _NOTHING).update

    def readable_columns(self, info: ModelInfo) -> tuple[str, ...]:
        """The columns that may be read, the id excepted, in the order of their declaration."""
        found = self._ordered.get(info.table)
        if found is None:
            readable = self.readable(info)
            found = self._ordered[info.table] = tuple(name for name in info.columns if name in readable)
        return found

    def deletable(self, info: ModelInfo) -> bool:
        """Whether records may be deleted."""
        return self.unlinkable(info.table)

    def unlinkable(self, table: str) -> bool:
        """Whether rows of a table, such as that of links, may be found and deleted."""
        found = bool(self._tables.get(table, _NOTHING).select)
        return found and any(grant.delete for grant in self.grants if grant.table == table)

    def sees(self, registry: Registry, info: ModelInfo, field: AnyField) -> bool:
        """Whether a field may be read at all, whatever it is made of.

        Columns and links are held by PostgreSQL, too. What no column holds (lines, unstored computed fields) is made of
        columns that are; their ``groups`` are kept here alone.
        """
        match field:
            case Many2many():
                return bool(self._tables.get(field.relation(info.table), _NOTHING).select)
            case One2many():
                return self._within(field) and field.inverse in self.readable(registry.models[field.comodel])
            case _:
                if field.stored:
                    return field.name in self.readable(info)
                return self._within(field) and self._sees_all(registry, info, field.related)

    def _sees_all(self, registry: Registry, info: ModelInfo, path: Iterable[str]) -> bool:
        for name in path:
            field = info.fields[name]
            if not self.sees(registry, info, field):
                return False
            info = registry.models[field.comodel] if isinstance(field, Relation) else info
        return True

    def _within(self, field: AnyField) -> bool:
        if not field.groups or ELEVATED_GROUP in self.roles:
            return True
        return any(group_role(group) in self.roles for group in field.groups)

    @cached_property
    def _ordered(self) -> dict[str, tuple[str, ...]]:
        return {}

    @cached_property
    def _tables(self) -> dict[str, _Columns]:
        found: dict[str, _Columns] = {}
        for grant in self.grants:
            have = found.get(grant.table, _NOTHING)
            found[grant.table] = _Columns(
                have.select | set(grant.select), have.insert | set(grant.insert), have.update | set(grant.update)
            )
        return found


def rights(registry: Registry, roles: Iterable[str]) -> Rights:
    """Give what a set of roles may do."""
    wanted = frozenset(roles)
    return Rights(wanted, tuple(grant for grant in registry.declarations.grants if grant.role in wanted))
