"""What waits to be written, and the statements that write it: one for all records that changed in the same fields."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import AccessError, MissingError, UserError
from growsoft.orm.access import Unique
from growsoft.orm.blocking import blocked
from growsoft.orm.columns import translated
from growsoft.orm.compile import among, array_cast, scalar_cast
from growsoft.orm.fields import AnyField, Many2one, Reference, Relation
from growsoft.orm.fields.json import json_text
from growsoft.orm.fields.reference import split
from growsoft.orm.money import round_changed
from growsoft.orm.names import name_within
from growsoft.postgres.sql import Sql, ident, join, sql
from growsoft.postgres.transaction import ConstraintViolated, Result
from growsoft.postgres.tree import CIRCLE, DEPTH
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo
    from growsoft.orm.work import Work
    from growsoft.postgres.schema import ColumnType


@dataclass(frozen=True, slots=True)
class _Column:
    """How a value goes into a column: as it is, put into what is there, or as the text of a language."""

    name: str
    cast: Sql
    merged: bool = False
    lang: str = ""


Columns = tuple[_Column, ...]


# -- what waits --------------------------------------------------------------------------------------------------------


def put(env: Env, info: ModelInfo, field: AnyField, raws: Mapping[int, object]) -> None:
    """Note new column values of one field by record; a value that is known to be the same already is no write."""
    name = field.name
    rows = env.cache.records[info.name]
    changed = [i for i in raws if name not in (row := rows.get(i, _UNKNOWN)) or row[name] != raws[i]]
    if not changed:
        return
    if name in info.inverses:
        leave(env, info, name, changed)
    for cache in env.work.caches.values():
        if cache is not env.cache:
            cache.forget_field(info.name, name, changed)
    dirty = env.cache.dirty[info.name]
    for record_id in changed:
        rows.setdefault(record_id, {})[name] = raws[record_id]
        dirty.setdefault(record_id, {})[name] = raws[record_id]
    for parent, lines in info.listed_by.get(name, ()):
        env.cache.forget_field(parent, lines)
    mark(env, info.name, name, changed)
    check_later(env, info, name, changed)


def mark(env: Env, model: str, name: str, ids: Iterable[int]) -> None:
    """Note which stored computed fields are to be worked out again because a field changed on some records."""
    for trigger in env.registry.dependencies.triggers.get((model, name), ()):
        found = env.work.leads[trigger] if trigger.path else env.work.todo[trigger.node]
        found.update(dict.fromkeys(ids))


def leave(env: Env, info: ModelInfo, name: str, ids: Iterable[int]) -> None:
    """Note the same for the records that are about to lose lines, because a link changes or the lines go."""
    triggers = [t for t in env.registry.dependencies.triggers.get((info.name, name), ()) if t.lines]
    if triggers:
        parents = [parent for line in env[info.name].browse(ids) if (parent := line._value(name))]
        for trigger in triggers if parents else ():
            above = replace(trigger, path=trigger.path[:-1], lines=False)
            found = env.work.leads[above] if above.path else env.work.todo[above.node]
            found.update(dict.fromkeys(parents))


def check_later(env: Env, info: ModelInfo, name: str, ids: Iterable[int]) -> None:
    """Note the methods that are to check these records because a field changed."""
    for method, watched in info.constraints:
        if name in watched:
            env.cache.unchecked[info.name, method].update(dict.fromkeys(ids))


def write_waiting(work: Work) -> None:
    """Send what waits in every context, each under its own rights."""
    for env in list(work.envs.values()):
        if env.cache.dirty:
            write_dirty(env)


def write_others(env: Env) -> None:
    """Send what waits in other contexts, before one reads what they have changed."""
    if len(env.work.envs) > 1:
        for other in list(env.work.envs.values()):
            if other.cache is not env.cache and other.cache.dirty:
                write_dirty(other)


def write_dirty(env: Env) -> None:
    """Send what waits in one context."""
    waiting = dict(env.cache.dirty)
    env.cache.dirty.clear()
    for model, rows in waiting.items():
        info = env.registry.models[model]
        round_changed(env, info, rows)
        same: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for record_id, values in rows.items():
            same[tuple(sorted(values))].append(record_id)
        for names, ids in same.items():
            _update(env, info, names, ids, rows)


# -- statements --------------------------------------------------------------------------------------------------------


def insert(env: Env, info: ModelInfo, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Make rows in one statement; give their ids in the same order."""
    _refuse_unseen_links(env, info, names, rows)
    columns: tuple[object, ...] = tuple(_new(env, info.fields[name], [row[name] for row in rows]) for name in names)
    statement = _insert_for(info.table, _columns(info, names, env.lang, array_cast)).rebind(columns or (len(rows),))
    return tuple(_run(env, info, statement).column())


def touch(env: Env, info: ModelInfo, ids: tuple[int, ...]) -> None:
    """Raise the version of records whose links changed, as any other change of them does."""
    if ids:
        these = among(ident("id"), ids)
        query = sql(
            "UPDATE {t} t SET {stamp} WHERE {these} RETURNING id", t=ident(info.table), stamp=_STAMP, these=these
        )
        refuse_missing(env, info, ids, env.execute(query).column())
        env.work.wrote(env, info, ids, ())


def delete(env: Env, info: ModelInfo, ids: Sequence[int]) -> None:
    """Delete rows."""
    these = among(ident("id"), ids)
    statement = sql("DELETE FROM {t} WHERE {these} RETURNING id", t=ident(info.table), these=these)
    try:
        gone = env.work.attempt(env, statement).column()
    except ConstraintViolated as error:
        raise blocked(env, info, ids, error) from None
    refuse_missing(env, info, ids, gone)


def _update(
    env: Env, info: ModelInfo, names: tuple[str, ...], ids: list[int], rows: Mapping[int, Mapping[str, Any]]
) -> None:
    _refuse_unseen_links(env, info, names, [rows[i] for i in ids])
    first = rows[ids[0]]
    if all(rows[i] == first for i in ids):
        columns = _columns(info, names, env.lang, scalar_cast)
        one = len(ids) == 1
        values = (*(_parameter(env, info.fields[name], first[name]) for name in names), ids[0] if one else ids)
        statement = _update_alike_for(info.table, columns, one=one).rebind(values)
    else:
        lists = (_parameters(env, info.fields[name], [rows[i][name] for i in ids]) for name in names)
        statement = _update_each_for(info.table, _columns(info, names, env.lang, array_cast)).rebind((*lists, ids))
    refuse_missing(env, info, ids, _run(env, info, statement).column())
    env.work.wrote(env, info, ids, names)


def _run(env: Env, info: ModelInfo, statement: Sql) -> Result:
    try:
        return env.execute(statement)
    except ConstraintViolated as error:
        raise _explained(info, error) from None


def refuse_missing(env: Env, info: ModelInfo, ids: Sequence[int], done: Sequence[int]) -> None:
    """Raise when a statement did not reach all records: PostgreSQL says nothing of rows that may not be touched.

    The answer does not tell whether a hidden record exists. What was reached has changed by now, so the transaction
    cannot be committed any more; only a savepoint around all of it can be undone.
    """
    if len(done) < len(set(ids)):
        env.work.spoil()
        raise AccessError if env[info.name].browse(set(ids) - set(done)).exists() else MissingError


def _refuse_unseen_links(env: Env, info: ModelInfo, names: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    # A foreign key knows hidden records, too: without this an id could be tried to learn whether it exists.
    for field in (info.fields[name] for name in names):
        if isinstance(field, Reference):
            _refuse_unseen_references(env, field, {row[field.name] for row in rows} - {""})
        elif isinstance(field, Many2one) and (field.company_dependent or not env.elevated):
            ids = {row[field.name] for row in rows} - env.cache.seen[field.comodel]
            refuse_unseen(env, field, [i for i in ids if i is not None])


def _refuse_unseen_references(env: Env, field: Reference, texts: Iterable[str]) -> None:
    by_model: defaultdict[str, set[int]] = defaultdict(set)
    for model, record_id in map(split, texts):
        by_model[model].add(record_id)
    for model, ids in by_model.items():
        refuse_unseen(env, field, list(ids - env.cache.seen[model]), model)


def refuse_unseen(env: Env, field: AnyField, ids: Sequence[int], model: str = "") -> None:
    """Raise unless whoever acts may see all records that he links to."""
    comodel = field.comodel if isinstance(field, Relation) else model
    if ids and len(env[comodel].browse(ids).exists()) < len(set(ids)):
        raise AccessError(_("{label}: choose a record that exists and that you may see.", label=field.label))


_UNKNOWN: Final[Mapping[str, object]] = {}
_NO_TEXTS: Final = sql("jsonb_build_object('en_US', '')")
_STAMP: Final = sql("write_uid = (SELECT gs.user_id()), write_date = now(), version = {t}.version + 1", t=sql("t"))


@lru_cache(maxsize=2000)
def _insert_for(table: str, columns: Columns) -> Sql:
    if not columns:
        return sql("INSERT INTO {t} SELECT FROM generate_series(1, {n}::int) RETURNING id", t=ident(table), n=0)
    names = join(", ", [ident(column.name) for column in columns])
    arrays = join(", ", [sql("{array}{cast}", array=None, cast=column.cast) for column in columns])
    values = join(", ", [_written(column, ident(column.name), _NO_TEXTS) for column in columns])
    return sql(
        "INSERT INTO {t} ({names}) SELECT {values} FROM unnest({arrays}) WITH ORDINALITY AS u ({names}, ordinality__)"
        " ORDER BY ordinality__ RETURNING id",
        t=ident(table), names=names, values=values, arrays=arrays,
    )  # fmt: skip


@lru_cache(maxsize=2000)
def _update_alike_for(table: str, columns: Columns, *, one: bool) -> Sql:
    sets = join(", ", [_set(column, sql("{v}{cast}", v=None, cast=column.cast)) for column in columns])
    return sql(
        "UPDATE {t} t SET {sets}, {stamp} WHERE {these} RETURNING id",
        t=ident(table), sets=sets, stamp=_STAMP, these=among(ident("id"), (0,) if one else ()),
    )  # fmt: skip


@lru_cache(maxsize=2000)
def _update_each_for(table: str, columns: Columns) -> Sql:
    sets = join(", ", [_set(column, sql("u.{c}", c=ident(column.name))) for column in columns])
    names = join(", ", [ident(column.name) for column in columns])
    arrays = join(", ", [sql("{array}{cast}", array=None, cast=column.cast) for column in columns])
    return sql(
        "UPDATE {t} t SET {sets}, {stamp} FROM unnest({arrays}, {ids}::bigint[]) AS u ({names}, id__)"
        " WHERE t.id = u.id__ RETURNING t.id",
        t=ident(table), sets=sets, stamp=_STAMP, arrays=arrays, names=names, ids=None,
    )  # fmt: skip


def _columns(info: ModelInfo, names: Iterable[str], lang: str, cast: Callable[[ColumnType], Sql]) -> Columns:
    return tuple(_column(info.fields[name], info.column(name), lang, cast) for name in names)


def _column(field: AnyField, kind: ColumnType, lang: str, cast: Callable[[ColumnType], Sql]) -> _Column:
    if field.translate:
        return _Column(field.name, cast("text"), lang=lang)
    return _Column(field.name, cast(kind), merged=field.company_dependent)


def _set(column: _Column, value: Sql) -> Sql:
    c = ident(column.name)
    if column.merged:
        return sql("{c} = t.{c} || {v}", c=c, v=value)
    return sql("{c} = {v}", c=c, v=_written(column, value, sql("t.{c}", c=c)))


def _written(column: _Column, value: Sql, before: Sql) -> Sql:
    return translated(before, value, column.lang) if column.lang else value


def _new(env: Env, field: AnyField, raws: Sequence[object]) -> Sequence[object]:
    """Give the parameters for new rows; a company keeps no value of its own where it wants what all have."""
    if not field.company_dependent:
        return _parameters(env, field, raws)
    shared = field.fallback
    return ["{}" if raw == shared else _parameter(env, field, raw) for raw in raws]


def _parameters(env: Env, field: AnyField, raws: Sequence[object]) -> Sequence[object]:
    return [_parameter(env, field, raw) for raw in raws] if field.storage == "jsonb" else raws


def _parameter(env: Env, field: AnyField, raw: object) -> object:
    """Give the parameter for a value: JSON goes as text, the value of a company with its company."""
    if field.storage != "jsonb" or field.translate:
        return raw
    if not field.company_dependent:
        return None if raw is None else json_text(raw)
    if not env.companies:
        raise UserError(_("{label} is a value of a company: choose one to work in.", label=field.label))
    return json_text({str(env.companies[0]): raw})


def _explained(info: ModelInfo, error: ConstraintViolated) -> ConstraintViolated:
    """Say a broken constraint in the model's own words."""
    if error.constraint in (CIRCLE, DEPTH):
        label = info.fields[info.parent_name].label if info.parent_name else ""
        wrong = _("{label}: a record cannot be below itself; choose another.", label=label)
        if error.constraint == DEPTH:
            wrong = _("{label}: this is too far below the top; choose another.", label=label)
        return ConstraintViolated(wrong, error.constraint, error.kind)
    for attribute, check in info.checks.items():
        if error.constraint == name_within(f"{info.table}_{attribute}_check"):
            return ConstraintViolated(check.message, error.constraint, error.kind)
    for attribute, index in info.indexes.items():
        if isinstance(index, Unique) and error.constraint == name_within(f"{info.table}_{attribute}_key"):
            return ConstraintViolated(index.message or _taken(info, index), error.constraint, error.kind)
    for field in info.columns.values():
        sentence = _sentence(info, field, error)
        if sentence:
            return ConstraintViolated(sentence, error.constraint, error.kind)
    return error


def _taken(info: ModelInfo, index: Unique) -> str:
    labels = [info.fields[name].label for name in index.names]
    if len(labels) == 1:
        return _("There is a record with this {label} already; choose other values.", label=labels[0])
    return _(
        "There is a record with this {labels} and {last} already; choose other values.",
        labels=", ".join(labels[:-1]), last=labels[-1],
    )  # fmt: skip


def _sentence(info: ModelInfo, field: AnyField, error: ConstraintViolated) -> str:
    if error.kind == "not_null" and error.constraint == field.name:
        return _("{label} is required.", label=field.label)
    if error.constraint == name_within(f"{info.table}_{field.name}_unique"):
        return (
            field.unique
            if isinstance(field.unique, str)
            else _("{label}: this value is taken already.", label=field.label)
        )
    if error.constraint == name_within(f"{info.table}_{field.name}_fkey"):
        return _("{label}: choose a record that exists.", label=field.label)
    if error.constraint == name_within(f"{info.table}_{field.name}_choice"):
        return _("{label}: choose one of the listed values.", label=field.label)
    return ""
