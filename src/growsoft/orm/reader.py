"""Reading values on demand: what one record of a set needs is fetched for all of them."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

from growsoft.errors import MissingError
from growsoft.orm.compile import among, value_of
from growsoft.orm.fields import AnyField, Many2many, One2many, Relation
from growsoft.orm.orders import order_by
from growsoft.orm.recompute import awaited, settle
from growsoft.orm.statements import write_dirty, write_others
from growsoft.postgres.sql import Sql, ident, join, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo

PREFETCH_MAX: Final = 1000


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


def value(record: Model, name: str) -> Any:  # noqa: ANN401  what the driver gives
    """Give what the column of a field holds, fetched for the record's neighbours too."""
    env, record_id, model = record.env, record._ids[0], record._name
    if name == "id":
        return record_id
    if env.work.waiting:
        sources = env.registry.dependencies.sources.get((model, name))
        if sources is not None and awaited(env, sources):
            settle(env)
    rows = env.cache.records[model]
    row = rows.get(record_id)
    if row is not None and name in row:
        return row[name]
    info = env.registry.models[model]
    field = info.fields[name]
    if field.worked_out and not field.stored:
        env.refuse_unreadable(info, field)
        return _worked_out(record, field)  # each time: nothing says when it would be old
    _fetch(record, info, field)
    return rows[record_id][name]


def _worked_out(record: Model, field: AnyField) -> object:
    try:
        return field.work_out(record)
    except MissingError:
        if field.related:  # what somebody may not see is for him as if the way to it broke off
            return field.unset
        raise


def _fetch(record: Model, info: ModelInfo, field: AnyField) -> None:
    env, record_id, name = record.env, record._ids[0], field.name
    env.refuse_unreadable(info, field)
    write_others(env)
    rows = env.cache.records[info.name]
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
        case _:
            _fetch_columns(env, info, wanted)
    if name not in rows.get(record_id, ()):
        raise MissingError


def _fetch_columns(env: Env, info: ModelInfo, ids: list[int]) -> None:
    names = env.rights.readable_columns(info)
    rows = env.cache.records[info.name]
    one = len(ids) == 1
    found = env.execute(_select_columns(env, info, names, one=one).rebind((ids[0] if one else ids,))).rows
    for record_id, *values in found:
        # What is in the cache may be newer than what is in the table: it waits to be written.
        known = rows.get(record_id)
        fresh = dict(zip(names, values, strict=True))
        rows[record_id] = fresh if known is None else fresh | known
    env.cache.seen[info.name].update([row[0] for row in found])


def _select_columns(env: Env, info: ModelInfo, names: tuple[str, ...], *, one: bool) -> Sql:
    key = (info.name, names, env.lang, one)
    found = env.registry.selects.get(key)
    if found is None:
        values = (value_of(info.fields[name], ident(name), env.lang) for name in names)
        columns = join(", ", [ident("id"), *values])
        these = among(ident("id"), (0,) if one else ())
        query = sql("SELECT {columns} FROM {t} WHERE {these}", columns=columns, t=ident(info.table), these=these)
        found = env.registry.selects.put(key, query)
    return found


def _fetch_lines(env: Env, info: ModelInfo, field: One2many[Any], ids: list[int]) -> None:
    comodel = _listed(env, field)
    found = env.execute(
        sql(
            "SELECT {inverse}, id FROM {t} WHERE {these} ORDER BY {order}",
            inverse=ident(field.inverse), t=ident(comodel.table), these=among(ident(field.inverse), ids),
            order=order_by(env, comodel, ""),
        )
    )  # fmt: skip
    _store_lists(env, info, field, ids, found.rows)


def _fetch_links(env: Env, info: ModelInfo, field: Many2many[Any], ids: list[int]) -> None:
    comodel = _listed(env, field)
    found = env.execute(
        sql(
            "SELECT r__.source_id, r__.target_id FROM {rel} r__ JOIN {t} ON {t}.id = r__.target_id"
            " WHERE {these} ORDER BY {order}",
            rel=ident(field.relation(info.table)), t=ident(comodel.table), these=among(sql("r__.source_id"), ids),
            order=order_by(env, comodel, ""),
        )
    )  # fmt: skip
    _store_lists(env, info, field, ids, found.rows)


def _listed(env: Env, field: Relation[Any]) -> ModelInfo:
    # Which records are listed, and in which order, may wait to be written.
    if env.cache.dirty.get(field.comodel):
        write_dirty(env)
    return env.registry.models[field.comodel]


def _store_lists(
    env: Env, info: ModelInfo, field: Relation[Any], ids: list[int], pairs: Iterable[tuple[int, int]]
) -> None:
    lists: defaultdict[int, list[int]] = defaultdict(list)
    for owner, linked in pairs:
        lists[owner].append(linked)
    rows = env.cache.records[info.name]
    for record_id in ids:
        rows.setdefault(record_id, {})[field.name] = tuple(lists[record_id])
    env.cache.seen[field.comodel].update(*lists.values())


def gathered(records: object, name: str) -> object:
    """Give one field of each record of a set: a list of values, or the linked records without doubles."""
    from growsoft.orm.model import Model

    if not isinstance(records, Model):
        raise TypeError("a path leads through links only")
    linked = isinstance(records._info.fields.get(name), Relation)
    return getattr(records, name) if linked else [getattr(record, name) for record in records]


def linked_ids(records: Model, name: str) -> tuple[int, ...]:
    """Give the ids of all records that some link to, without doubles."""
    found: dict[int, None] = {}
    for record in records:
        linked = value(record, name)
        found.update(dict.fromkeys(linked if isinstance(linked, tuple) else (linked,) if linked else ()))  # pyright: ignore[reportUnknownArgumentType]
    return tuple(found)
