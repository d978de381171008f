"""Plain rows: from the driver's tuples straight to what goes to the wire, no record objects between."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from growsoft.orm.domain import Condition, DomainError
from growsoft.orm.fields import Many2many, Many2one, One2many
from growsoft.orm.search import tail
from growsoft.postgres.sql import Sql, ident, join, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo, Registry

Row = dict[str, Any]


def search_read(
    env: Env, info: ModelInfo, domain: Condition, names: Sequence[str], offset: int, limit: int | None, order: str
) -> list[Row]:
    """Give rows as they go to the wire, in one query; each field of many links costs one more."""
    plan = _plan(env, info, names)
    env.work.prepare(env, plan.names)
    return plan.rows(env, env.execute(plan.select(tail(env, info, domain, offset, limit, order))).rows)


def read(env: Env, info: ModelInfo, names: Sequence[str], ids: tuple[int, ...]) -> list[Row]:
    """Give rows of known records, in the order of the ids."""
    if not ids:
        return []
    plan = _plan(env, info, names)
    env.work.prepare(env, plan.names)
    where = sql("WHERE {t}.id = ANY ({ids}::bigint[])", t=ident(info.table), ids=list(ids))
    found = {row["id"]: row for row in plan.rows(env, env.execute(plan.select(where)).rows)}
    return [found[i] for i in dict.fromkeys(ids) if i in found]


class Plan:
    """How the rows of a model are selected and turned into what goes to the wire; worked out once per set of fields."""

    def __init__(self, registry: Registry, info: ModelInfo, names: tuple[str, ...], nameable: frozenset[str]) -> None:
        """``nameable`` are the models whose names the user may read."""
        self.names = names
        self._model = info.name
        self._links: list[tuple[str, int, bool]] = []
        self._plain: list[tuple[str, int]] = []
        self._lists = [name for name in names if isinstance(info.fields[name], One2many | Many2many)]
        self._computed = [name for name in names if not info.fields[name].stored and name not in self._lists]
        table = ident(info.table)
        columns = [sql("{t}.id", t=table)]
        joins: list[Sql] = []
        for name in names:
            field = info.fields[name]
            if not field.stored or name == "id":
                continue
            position = len(columns)
            columns.append(sql("{t}.{c}", t=table, c=ident(name)))
            if not isinstance(field, Many2one):
                self._plain.append((name, position))
                continue
            self._links.append((name, position, field.comodel in nameable))
            if field.comodel in nameable:
                comodel = registry.models[field.comodel]
                parts = {"a": ident(f"j{position}__"), "t": table, "co": ident(comodel.table)}
                columns.append(sql("{a}.{c}", a=parts["a"], c=ident(comodel.rec_name)))
                joins.append(sql("LEFT JOIN {co} {a} ON {a}.id = {t}.{c}", c=ident(name), **parts))
        columns_and_joins = {"columns": join(", ", columns), "joins": join(" ", joins)}
        self._head = sql("SELECT {columns} FROM {t} {joins}", t=table, **columns_and_joins)
        self._keys = ("id", *(name for name, _ in self._plain))
        self._straight = len(self._keys) == len(columns)
        self._pick: Callable[[tuple[Any, ...]], Any] = itemgetter(0, *(position for _, position in self._plain))

    def select(self, rest: Sql) -> Sql:
        """Give the statement with a WHERE, an ORDER and so on behind it."""
        return sql("{head} {rest}", head=self._head, rest=rest)

    def rows(self, env: Env, tuples: list[tuple[Any, ...]]) -> list[Row]:
        """Turn tuples into dictionaries."""
        keys, pick = self._keys, self._pick
        if self._straight:
            result: list[Row] = [dict(zip(keys, row, strict=True)) for row in tuples]
        elif len(keys) == 1:
            result = [{"id": row[0]} for row in tuples]
        else:
            result = [dict(zip(keys, pick(row), strict=True)) for row in tuples]
        for name, position, named in self._links:
            for out, row in zip(result, tuples, strict=True):
                target = row[position]
                out[name] = None if target is None else (target, _text(row[position + 1]) if named else "")
        if self._lists or self._computed:
            self._add_unstored(env, result)
        return result

    def _add_unstored(self, env: Env, result: list[Row]) -> None:
        records = env[self._model].browse([row["id"] for row in result])
        for out, record in zip(result, records, strict=True):
            for name in self._lists:
                out[name] = list(record._value(name))
            for name in self._computed:
                out[name] = record._value(name)


def _text(name: object) -> str:
    return name if isinstance(name, str) else "" if name is None else str(name)


def _plan(env: Env, info: ModelInfo, names: Sequence[str]) -> Plan:
    wanted = _wanted(env, info, names)
    key = (info.name, wanted, env.context.profile)
    found = env.registry.plans.get(key)
    if found is None:
        comodels = {field.comodel for name in wanted if isinstance(field := info.fields[name], Many2one)}
        models = [env.registry.models[name] for name in comodels]
        nameable = frozenset(model.name for model in models if env.sees(model, model.fields[model.rec_name]))
        found = env.registry.plans.put(key, Plan(env.registry, info, wanted, nameable))
    return found


def _wanted(env: Env, info: ModelInfo, names: Sequence[str]) -> tuple[str, ...]:
    env.refuse_unreadable(info, info.fields["id"])
    if not names:
        return tuple(name for name, field in info.fields.items() if env.sees(info, field))
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise DomainError("The fields to read are given as a list of names.")
    wanted = tuple(dict.fromkeys(names))
    for name in wanted:
        env.refuse_unreadable(info, info.field(name))
    return wanted
