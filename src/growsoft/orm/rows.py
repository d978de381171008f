"""Plain rows: from the driver's tuples straight to what goes to the wire, no record objects between."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from growsoft.errors import AccessError, MissingError
from growsoft.orm.compile import among, value_of
from growsoft.orm.domain import Condition, DomainError
from growsoft.orm.fields import AnyField, Binary, Many2many, Many2one, One2many
from growsoft.orm.orders import linked
from growsoft.orm.paging import Page
from growsoft.orm.search import listed
from growsoft.postgres.sql import Sql, ident, join, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo, Registry

Row = dict[str, Any]
_ENCODER: Final = msgspec.json.Encoder()
_NAMELESS: Final = sql("''")


def search_read(
    env: Env, info: ModelInfo, domain: Condition, names: Sequence[str], offset: int, limit: int | None, order: str
) -> list[Row]:
    """Give rows as they go to the wire, in one query; each field of many links costs one more."""
    plan = plan_of(env, info, names)
    env.work.prepare(env, plan.names)
    return plan.rows(env, env.execute(plan.listed(env, info, domain, offset, limit, order)).rows)


def search_read_json(
    env: Env, info: ModelInfo, domain: Condition, names: Sequence[str], offset: int, limit: int | None, order: str
) -> bytes:
    """Give the same rows as a JSON array, made of the driver's tuples."""
    plan = plan_of(env, info, names)
    env.work.prepare(env, plan.names)
    return plan.json(env, env.execute(plan.listed(env, info, domain, offset, limit, order)).rows)


def read_json(env: Env, info: ModelInfo, names: Sequence[str], ids: tuple[int, ...]) -> bytes:
    """Give rows of known records as a JSON array, in the order of the ids. Raises ``MissingError``."""
    plan = plan_of(env, info, names)
    env.work.prepare(env, plan.names)
    found = {row[0]: row for row in env.execute(plan.these(ids)).rows} if ids else {}
    if len(found) < len(set(ids)):
        raise MissingError
    return plan.json(env, [found[i] for i in dict.fromkeys(ids)])


def read(env: Env, info: ModelInfo, names: Sequence[str], ids: tuple[int, ...]) -> list[Row]:
    """Give rows of known records, in the order of the ids."""
    if not ids:
        return []
    plan = plan_of(env, info, names)
    env.work.prepare(env, plan.names)
    tuples = env.execute(plan.these(ids)).rows
    rows = plan.rows(env, tuples)
    if tuple([row[0] for row in tuples]) == ids:  # as they mostly come, and always when there is one
        return rows
    found = {row["id"]: row for row in rows}
    return [found[i] for i in dict.fromkeys(ids) if i in found]


class Plan:
    """How the rows of a model are selected and turned into what goes to the wire; worked out once per set of fields."""

    def __init__(
        self, registry: Registry, info: ModelInfo, names: tuple[str, ...], nameable: frozenset[str], lang: str
    ) -> None:
        """``nameable`` are the models whose names the user may read, ``lang`` his language."""
        self.names = names
        self._lang = lang
        table = ident(info.table)
        key = sql("{t}.id", t=table)
        self._model = info.name
        self._lists = [name for name in names if isinstance(info.fields[name], One2many | Many2many)]
        self._computed = [name for name in names if not info.fields[name].stored and name not in self._lists]
        # What comes out; for links their place in it, the position of the column with the name, whether that is text.
        self._keys: list[str] = ["id"]
        self._links: list[tuple[int, int, bool]] = []
        self.unstored = bool(self._lists or self._computed)
        self._own: list[Sql] = [key]
        # Each column that is given: a column of the record, and the model whose name of it is meant, if any.
        self._given: list[tuple[int, ModelInfo | None]] = [(0, None)]
        for name in names:
            field = info.fields[name]
            if not field.stored or name == "id":
                continue
            self._given.append((len(self._own), None))
            if isinstance(field, Many2one):
                comodel = registry.models[field.comodel]
                text = comodel.name not in nameable or comodel.fields[comodel.rec_name].column == "text"
                self._links.append((len(self._keys), len(self._given), text))
                self._given.append((len(self._own), comodel))
            self._own.append(_shown(field, value_of(field, sql("{t}.{c}", t=table, c=ident(name)), lang)))
            self._keys.append(name)
        self._nameable = nameable
        self._positions = _without([position for _, position, _ in self._links], len(self._given))
        self._head = self._joined(table)
        # A class with a place for each value: JSON is written of it at half the cost of a dictionary.
        self._struct = msgspec.defstruct("Row", self._keys, gc=False)
        self._one = self.select(sql("WHERE {these}", these=among(key, (0,))))
        self._many = self.select(sql("WHERE {these}", these=among(key, ())))

    def _joined(self, table: Sql) -> Sql:
        """Give the SELECT with the linked records joined, for any number of rows."""
        columns, joins = list[Sql](), list[Sql]()
        for own, comodel in self._given:
            if comodel is None or comodel.name not in self._nameable:
                columns.append(self._own[own] if comodel is None else _NAMELESS)
                continue
            alias = ident(f"j{len(joins)}__")
            join_ = sql("LEFT JOIN {co} {a} ON {a}.id = {link}", co=ident(comodel.table), a=alias, link=self._own[own])
            joins.append(join_)
            name = sql("{a}.{c}", a=alias, c=ident(comodel.rec_name))
            columns.append(value_of(comodel.fields[comodel.rec_name], name, self._lang))
        return sql("SELECT {columns} FROM {t} {joins}", t=table, columns=join(", ", columns), joins=join(" ", joins))

    def _looked_up(self, own: Sequence[Sql]) -> list[Sql]:
        """Give the columns over rows that are known by now, each name by a look of its own."""
        return [
            own[number]
            if comodel is None
            else linked(comodel, comodel.fields[comodel.rec_name], own[number], self._lang)
            if comodel.name in self._nameable
            else _NAMELESS
            for number, comodel in self._given
        ]

    def listed(self, env: Env, info: ModelInfo, domain: Condition, offset: int, limit: int | None, order: str) -> Sql:
        """Give the statement for the rows of a list."""
        return listed(env, info, domain, offset, limit, order, ("rows", self.names), self._page)

    def _page(self, page: Page) -> Sql:
        if page.reach or (page.is_small and self._links):
            return page.looked_up(self._own, self._looked_up)
        return page.select(self._head)

    def select(self, rest: Sql) -> Sql:
        """Give the statement with a WHERE behind it."""
        return sql("{head} {rest}", head=self._head, rest=rest)

    def these(self, ids: tuple[int, ...]) -> Sql:
        """Give the statement for known records."""
        return self._one.rebind((ids[0],)) if len(ids) == 1 else self._many.rebind((list(ids),))

    def rows(self, env: Env, tuples: list[tuple[Any, ...]]) -> list[Row]:
        """Turn tuples into dictionaries: column by column and by way of the class, the fastest way in Python."""
        result: list[Row] = (
            list(map(msgspec.structs.asdict, map(self._struct, *self._columns(tuples)))) if tuples else []
        )
        if self.unstored:
            self._add_unstored(env, result)
        return result

    def json(self, env: Env, tuples: list[tuple[Any, ...]]) -> bytes:
        """Turn tuples into a JSON array of objects; decimals are text, so that nobody rounds them."""
        if self.unstored:
            return _ENCODER.encode(self.rows(env, tuples))
        return _ENCODER.encode(list(map(self._struct, *self._columns(tuples))) if tuples else [])

    def _columns(self, tuples: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        columns = list(zip(*tuples, strict=False))  # all are as long as the list of columns
        shown = [columns[position] for position in self._positions]
        for place, position, text in self._links:
            names = columns[position] if text else map(_text, columns[position])
            pairs = zip(shown[place], names, strict=False)
            shown[place] = tuple([None if link is None else (link, name or "") for link, name in pairs])
        return shown

    def _add_unstored(self, env: Env, result: list[Row]) -> None:
        records = env[self._model].browse([row["id"] for row in result])
        for out, record in zip(result, records, strict=True):
            for name in self._lists:
                out[name] = list(record._value(name))
            for name in self._computed:
                out[name] = _unstored(record, name)


def _unstored(record: Model, name: str) -> object:
    """Give a value that no column of the query held; a link with the name of its record, as others."""
    raw = record._value(name)
    field = record._info.fields[name]
    return _named_link(record.env, field.comodel, raw) if isinstance(field, Many2one) and raw else raw


def _named_link(env: Env, model: str, record_id: int) -> tuple[int, str]:
    try:
        return record_id, env[model].browse(record_id).display_name
    except (AccessError, MissingError):
        return record_id, ""


def _shown(field: AnyField, value: Sql) -> Sql:
    """Give what goes to the wire: of a file its size, and where it lies to nobody."""
    return sql("nullif(split_part({v}, ':', 2), '')::bigint", v=value) if isinstance(field, Binary) else value


def _text(name: object) -> str:
    return "" if name is None else str(name)


def _without(left_out: Sequence[int], count: int) -> list[int]:
    return [position for position in range(count) if position not in left_out]


def plan_of(env: Env, info: ModelInfo, names: Sequence[str]) -> Plan:
    """Give the plan for some fields. Raises ``DomainError`` and ``AccessError`` for fields that are not to be read."""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise DomainError("The fields to read are given as a list of names.")
    asked = tuple(dict.fromkeys(names))
    key = (info.name, asked, env.context.profile, env.lang)
    found = env.registry.plans.get(key)
    if found is None:  # what may not be read is refused before a plan is kept
        wanted = _wanted(env, info, asked)
        comodels = {field.comodel for name in wanted if isinstance(field := info.fields[name], Many2one)}
        models = [env.registry.models[name] for name in comodels]
        nameable = frozenset(model.name for model in models if env.sees(model, model.fields[model.rec_name]))
        found = env.registry.plans.put(key, Plan(env.registry, info, wanted, nameable, env.lang))
    return found


def _wanted(env: Env, info: ModelInfo, names: tuple[str, ...]) -> tuple[str, ...]:
    env.refuse_unreadable(info, info.fields["id"])
    if not names:
        return tuple(name for name, field in info.fields.items() if env.sees(info, field))
    for name in names:
        env.refuse_unreadable(info, info.field(name))
    return names
