"""Reading: searches, values on demand for whole sets, and plain rows straight from the driver's tuples."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

from growsoft.errors import AccessError, MissingError, UserError
from growsoft.orm.domain import EVERYTHING, Condition, DomainError
from growsoft.orm.fields import AnyField, Computed, Many2many, Many2one, One2many, Relation
from growsoft.postgres.sql import Sql, ident, join, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo

PREFETCH_MAX: Final = 1000


class ChangedMeanwhile(UserError):
    """Somebody changed this record while you worked on it; reload it and apply your change again."""


class Prefetch(Protocol):
    """The records that will probably be read next, together with one of them."""

    def ids(self) -> Iterable[int]:
        """Give them."""
        ...


class Among:
    """The records of one set."""

    __slots__ = ("_among",)

    def __init__(self, ids: tuple[int, ...]) -> None:
        """Take the set."""
        self._among = ids

    def ids(self) -> Iterable[int]:
        """Give the set."""
        return self._among


class Beyond:
    """The records that one set links to by a field; worked out only when something must be fetched."""

    __slots__ = ("_field", "_records")

    def __init__(self, records: Model, field: AnyField) -> None:
        """Take the set and the field."""
        self._records = records
        self._field = field

    def ids(self) -> Iterable[int]:
        """Give those that are known by now."""
        name = self._field.name
        rows = self._records.env.cache.records[self._records._name]
        for record_id in self._records._prefetch.ids():
            found = rows.get(record_id, {}).get(name)
            if isinstance(found, tuple):
                yield from found
            elif found:
                yield found


def value(record: Model, name: str) -> Any:  # noqa: ANN401
    """Give what the column of a field holds, fetched for the record's neighbours too."""
    env, record_id = record.env, record._ids[0]
    if name == "id":
        return record_id
    model = record._name
    todo = env.cache.todo
    if todo and record_id in todo.get((model, name), ()):
        from growsoft.orm.writer import recompute

        recompute(env, model, name, (record_id,))
    rows = env.cache.records[model]
    row = rows.get(record_id)
    if row is not None and name in row:
        return row[name]
    _fetch(record, env.registry.models[model], name)
    return rows[record_id][name]


def _fetch(record: Model, info: ModelInfo, name: str) -> None:
    env, record_id = record.env, record._ids[0]
    rows = env.cache.records[info.name]
    field = info.fields[name]
    wanted = [record_id]
    for other in record._prefetch.ids():
        if len(wanted) >= PREFETCH_MAX:
            break
        if other != record_id and name not in rows.get(other, ()):
            wanted.append(other)
    match field:
        case One2many():
            _fetch_lines(env, info, field, wanted)
        case Many2many():
            _fetch_links(env, info, field, wanted)
        case Computed() if not field.stored and field.compute is not None:
            rows.setdefault(record_id, {})[name] = field.to_raw(field.compute(record))
        case _:
            _fetch_columns(env, info, name, wanted)
    if name not in rows.get(record_id, ()):
        raise MissingError


def _fetch_columns(env: Env, info: ModelInfo, name: str, ids: list[int]) -> None:
    readable = env.readable(info)
    if name not in readable:
        raise AccessError(f"You may not read {info.fields[name].label} of {info.description}.")
    names = tuple(column for column in info.columns if column in readable)
    rows = env.cache.records[info.name]
    alone = len(ids) == 1
    query = _select_columns(info.table, names, alone=alone).rebind((ids[0],) if alone else (ids,))
    for record_id, *values in env.execute(query).rows:
        # What is in the cache may be newer than what is in the table: it waits to be written.
        known = rows.get(record_id)
        fresh = dict(zip(names, values, strict=True))
        rows[record_id] = fresh if known is None else fresh | known


@lru_cache(maxsize=2000)
def _select_columns(table: str, names: tuple[str, ...], *, alone: bool) -> Sql:
    where = sql("id = {id}::bigint", id=0) if alone else sql("id = ANY ({ids}::bigint[])", ids=None)
    columns = join(", ", [ident("id"), *(ident(name) for name in names)])
    return sql("SELECT {columns} FROM {t} WHERE {where}", columns=columns, t=ident(table), where=where)


def _fetch_lines(env: Env, info: ModelInfo, field: One2many[Any], ids: list[int]) -> None:
    from growsoft.orm.writer import write_dirty

    write_dirty(env)
    comodel = env.registry.models[field.comodel]
    found = env.execute(
        sql(
            "SELECT {inverse}, id FROM {t} WHERE {inverse} = ANY ({ids}::bigint[]) ORDER BY {order}",
            inverse=ident(field.inverse), t=ident(comodel.table), ids=ids, order=order_by(env, comodel, ""),
        )
    )  # fmt: skip
    _store_lists(env, info, field.name, ids, found.rows)


def _fetch_links(env: Env, info: ModelInfo, field: Many2many[Any], ids: list[int]) -> None:
    comodel = env.registry.models[field.comodel]
    found = env.execute(
        sql(
            "SELECT r.source_id, r.target_id FROM {rel} r JOIN {t} ON {t}.id = r.target_id"
            " WHERE r.source_id = ANY ({ids}::bigint[]) ORDER BY {order}",
            rel=ident(field.relation(info.table)), t=ident(comodel.table), ids=ids, order=order_by(env, comodel, ""),
        )
    )  # fmt: skip
    _store_lists(env, info, field.name, ids, found.rows)


def _store_lists(env: Env, info: ModelInfo, name: str, ids: list[int], pairs: Iterable[tuple[int, int]]) -> None:
    lists: defaultdict[int, list[int]] = defaultdict(list)
    for owner, linked in pairs:
        lists[owner].append(linked)
    rows = env.cache.records[info.name]
    for record_id in ids:
        rows.setdefault(record_id, {})[name] = tuple(lists[record_id])


def gathered(records: object, name: str) -> object:
    """Give one field of each record of a set: a list of values, or the linked records without doubles."""
    from growsoft.orm.model import Model

    if not isinstance(records, Model):
        raise TypeError("a path leads through links only")
    field = records._info.fields.get(name)
    if isinstance(field, Relation):
        linked = [getattr(record, name) for record in records]
        ids = tuple(dict.fromkeys(i for one in linked for i in one._ids))
        return records.env[field.comodel].browse(ids)
    return [getattr(record, name) for record in records]


# -- searches ----------------------------------------------------------------------------------------------------------


def search(env: Env, info: ModelInfo, domain: Condition, offset: int, limit: int | None, order: str) -> tuple[int, ...]:
    """Give the ids of the records that meet a condition."""
    env.work.flush()
    query = sql(
        "SELECT {t}.id FROM {t} {rest}", t=ident(info.table), rest=_tail(env, info, domain, offset, limit, order)
    )
    return tuple(map(itemgetter(0), env.execute(query).rows))


def count(env: Env, info: ModelInfo, domain: Condition, limit: int | None) -> int:
    """Count them."""
    env.work.flush()
    where = env.compiler().where(info, domain)
    if limit is None:
        query = sql("SELECT count(*) FROM {t} WHERE {where}", t=ident(info.table), where=where)
    else:
        query = sql(
            "SELECT count(*) FROM (SELECT FROM {t} WHERE {where} LIMIT {limit}::bigint) counted",
            t=ident(info.table), where=where, limit=limit,
        )  # fmt: skip
    return int(env.execute(query).scalar())


def existing(env: Env, info: ModelInfo, ids: tuple[int, ...]) -> tuple[int, ...]:
    """Give those ids that exist and may be seen, in the given order."""
    if not ids:
        return ()
    found = set(
        env.execute(
            sql("SELECT id FROM {t} WHERE id = ANY ({ids}::bigint[])", t=ident(info.table), ids=list(ids))
        ).column()
    )
    return tuple(i for i in ids if i in found)


def search_read(
    env: Env, info: ModelInfo, domain: Condition, names: Sequence[str], offset: int, limit: int | None, order: str
) -> list[dict[str, Any]]:
    """Give rows as they go to the wire, in one query; x2many fields cost one more each."""
    env.work.flush()
    plan = _plan(env, info, names)
    return plan.rows(env, info, env.execute(plan.select(_tail(env, info, domain, offset, limit, order))).rows)


def read(env: Env, info: ModelInfo, names: Sequence[str], ids: tuple[int, ...]) -> list[dict[str, Any]]:
    """Give rows of known records, in the order of the ids."""
    if not ids:
        return []
    env.work.flush()
    plan = _plan(env, info, names)
    query = plan.by_id.rebind(ids) if len(ids) == 1 else plan.by_ids.rebind((list(ids),))
    found = {row["id"]: row for row in plan.rows(env, info, env.execute(query).rows)}
    return [found[i] for i in dict.fromkeys(ids) if i in found]


def _tail(env: Env, info: ModelInfo, domain: Condition, offset: int, limit: int | None, order: str) -> Sql:
    where = env.compiler().where(info, domain)
    pieces = [sql("WHERE {where}", where=where)] if domain != EVERYTHING else []
    pieces.append(sql("ORDER BY {order}", order=order_by(env, info, order)))
    if limit is not None:
        pieces.append(sql("LIMIT {limit}::bigint", limit=_natural(limit)))
    if offset:
        pieces.append(sql("OFFSET {offset}::bigint", offset=_natural(offset)))
    return join(" ", pieces)


def _natural(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**31:
        raise DomainError("A limit or an offset is a whole number, zero or more.")
    return number


def order_by(env: Env, info: ModelInfo, order: str) -> Sql:
    """Compile an order such as ``date_order desc, id``; text is sorted without regard to case."""
    return _order_by(env.registry, info.name, order or info.order)


_orders: dict[tuple[int, str, str], Sql] = {}


def _order_by(registry: Any, model: str, order: str) -> Sql:  # noqa: ANN401
    key = (id(registry), model, order)
    found = _orders.get(key)
    if found is None:
        info: ModelInfo = registry.models[model]
        terms = [term for part in order.split(",") for term in _order_term(registry, info, part)]
        if not any(part.split()[:1] == ["id"] for part in order.split(",")):
            terms.append(sql("{t}.id", t=ident(info.table)))
        found = join(", ", terms)
        if len(_orders) < 5000:
            _orders[key] = found
    return found


def _order_term(registry: Any, info: ModelInfo, part: str) -> list[Sql]:  # noqa: ANN401
    name, *direction = part.split()[:3] or [""]
    field = info.field(name)
    words = " ".join(direction).lower()
    if words not in ("", "asc", "desc") or not field.stored:
        raise DomainError(f"Cannot sort by {part.strip()[:60]!r}: write a stored field, then asc or desc.")
    down = sql(" DESC") if words == "desc" else sql("")
    column = sql("{t}.{c}", t=ident(info.table), c=ident(name))
    if isinstance(field, Many2one):
        comodel: ModelInfo = registry.models[field.comodel]
        named = sql(
            "(SELECT lower(o.{name}::text) FROM {t} o WHERE o.id = {column})",
            name=ident(comodel.rec_name), t=ident(comodel.table), column=column,
        )  # fmt: skip
        return [sql("{named}{down}", named=named, down=down)]
    if field.kind in ("char", "text"):
        return [sql("lower({c}){down}", c=column, down=down), sql("{c}{down}", c=column, down=down)]
    return [sql("{c}{down}", c=column, down=down)]


# -- plain rows --------------------------------------------------------------------------------------------------------


class Plan:
    """How the rows of a model are selected and turned into what goes to the wire; worked out once per set of fields."""

    def __init__(self, registry: Any, info: ModelInfo, names: tuple[str, ...], nameable: frozenset[str]) -> None:  # noqa: ANN401
        """``nameable`` are the models whose names the user may read."""
        table = ident(info.table)
        columns = [sql("{t}.id", t=table)]
        joins: list[Sql] = []
        self._links: list[tuple[str, int, bool]] = []
        self._plain: list[tuple[str, int]] = []
        self.lists = [name for name in names if isinstance(info.fields[name], One2many | Many2many)]
        self.computed = [name for name in names if not info.fields[name].stored and name not in self.lists]
        for name in names:
            field = info.fields[name]
            if not field.stored or name == "id":
                continue
            position = len(columns)
            columns.append(sql("{t}.{c}", t=table, c=ident(name)))
            if isinstance(field, Many2one):
                named = field.comodel in nameable
                self._links.append((name, position, named))
                if named:
                    comodel = registry.models[field.comodel]
                    alias = ident(f"j{position}")
                    columns.append(sql("{a}.{c}", a=alias, c=ident(comodel.rec_name)))
                    joins.append(
                        sql(
                            "LEFT JOIN {co} {a} ON {a}.id = {t}.{c}",
                            co=ident(comodel.table),
                            a=alias,
                            t=table,
                            c=ident(name),
                        )
                    )
            else:
                self._plain.append((name, position))
        self._head = sql(
            "SELECT {columns} FROM {t} {joins}", columns=join(", ", columns), t=table, joins=join(" ", joins)
        )
        # One id has a statement of its own: PostgreSQL plans an array anew each time, a single value only once.
        self.by_id = self.select(sql("WHERE {t}.id = {id}::bigint", t=table, id=0))
        self.by_ids = self.select(sql("WHERE {t}.id = ANY ({ids}::bigint[])", t=table, ids=None))
        self._names = ("id", *(name for name, _ in self._plain))
        self._positions: Callable[[tuple[Any, ...]], Any] = itemgetter(0, *(position for _, position in self._plain))

    def select(self, tail: Sql) -> Sql:
        """Give the statement with a WHERE, an ORDER and so on behind it."""
        return sql("{head} {tail}", head=self._head, tail=tail)

    def rows(self, env: Env, info: ModelInfo, tuples: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
        """Turn tuples into dictionaries."""
        names, pick, links = self._names, self._positions, self._links
        if len(names) == 1:
            result: list[dict[str, Any]] = [{"id": row[0]} for row in tuples]
        elif not links and len(names) == (len(tuples[0]) if tuples else 0):
            result = [dict(zip(names, row, strict=True)) for row in tuples]
        else:
            result = [dict(zip(names, pick(row), strict=True)) for row in tuples]
        for name, position, named in links:
            for out, row in zip(result, tuples, strict=True):
                target = row[position]
                out[name] = None if target is None else (target, row[position + 1] or "" if named else "")
        self._add_lists(env, info, result)
        return result

    def _add_lists(self, env: Env, info: ModelInfo, result: list[dict[str, Any]]) -> None:
        if not (self.lists or self.computed):
            return
        records = env[info.name].browse([row["id"] for row in result])
        for out, record in zip(result, records, strict=True):
            for name in self.lists:
                out[name] = list(getattr(record, name).ids)
            for name in self.computed:
                out[name] = record._value(name)


_plans: dict[tuple[int, str, tuple[str, ...], str], Plan] = {}


def _plan(env: Env, info: ModelInfo, names: Sequence[str]) -> Plan:
    readable = env.readable(info)
    if names:
        wanted = tuple(names)
        for name in wanted:
            field = info.field(name)
            if field.stored and name not in readable and name != "id":
                raise AccessError(f"You may not read {field.label} of {info.description}.")
    else:
        wanted = tuple(name for name, field in info.fields.items() if name in readable or not field.stored)
    key = (id(env.registry), info.name, wanted, env.context.profile)
    found = _plans.get(key)
    if found is None:
        nameable = frozenset(
            field.comodel
            for name in wanted
            if isinstance(field := info.fields[name], Many2one)
            and env.registry.models[field.comodel].rec_name in env.readable(env.registry.models[field.comodel])
        )
        found = Plan(env.registry, info, wanted, nameable)
        if len(_plans) < 5000:
            _plans[key] = found
    return found


def ensure_version(env: Env, info: ModelInfo, record_id: int, version: int) -> None:
    """Lock one record and compare its version."""
    env.work.flush()
    query = sql(
        "SELECT version, write_uid, write_date FROM {t} WHERE id = {id}::bigint", t=ident(info.table), id=record_id
    )
    rows = env.execute(query).rows
    if not rows:
        raise MissingError
    if rows[0][0] != version:
        raise ChangedMeanwhile(
            f"User {rows[0][1]} changed this record at {rows[0][2]:%Y-%m-%d %H:%M} UTC;"
            " reload it and apply your change again."
        )


def lock(env: Env, info: ModelInfo, ids: tuple[int, ...]) -> None:
    """Lock records in the order of their ids, so that two who lock the same ones cannot wait for each other."""
    env.work.flush()
    query = sql(
        "SELECT id FROM {t} WHERE id = ANY ({ids}::bigint[]) ORDER BY id FOR UPDATE", t=ident(info.table), ids=list(ids)
    )
    if len(env.execute(query).rows) < len(set(ids)):
        raise MissingError
