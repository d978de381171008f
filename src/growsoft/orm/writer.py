"""Writing: records are made and changed in sets, kept back until something needs them, then worked out and checked."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal as Number
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import AccessError, GrowsoftError, MissingError, ValidationError
from growsoft.orm.compile import array_cast, scalar_cast
from growsoft.orm.fields import AnyField, Computed, Many2many, Many2one, Monetary, One2many
from growsoft.orm.fields.scalar import rounded
from growsoft.orm.names import name_within
from growsoft.postgres.sql import Sql, ident, join, sql
from growsoft.postgres.transaction import ConstraintViolated

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

MAX_ROUNDS: Final = 50
DEFAULT_DIGITS: Final = 2


class RecomputationEndless(GrowsoftError):
    """Computed fields keep changing each other; this is a defect of an app."""


def create(env: Env, info: ModelInfo, many: Sequence[Mapping[str, object]]) -> tuple[int, ...]:
    """Make records, all in one statement; give their ids in the order of the values."""
    if not many:
        return ()
    rows = [_new_row(env, info, values) for values in many]
    _round_money(env, info, rows)
    given = {name for values in many for name in values}
    insertable = env.registry.rights(env.context.profile, env.groups).insertable(info)
    names = tuple(name for name in info.columns if name in rows[0] and (name in insertable or name in given))
    columns = [[row[name] for row in rows] for name in names]
    try:
        result = env.execute(_insert(info, names).rebind(tuple(columns) or (len(rows),)))
    except ConstraintViolated as error:
        raise _explained(info, error) from None
    ids = tuple(result.column())
    cache = env.cache.records[info.name]
    for record_id, row in zip(ids, rows, strict=True):
        cache[record_id] = row
    env.work.written(env)
    _created(env, info, ids, names)
    for record_id, values in zip(ids, many, strict=True):
        for name in values:
            if isinstance(info.fields[name], One2many | Many2many):
                apply_commands(env, info, record_id, info.fields[name], values[name])
    return ids


def assign(env: Env, info: ModelInfo, ids: tuple[int, ...], values: Mapping[str, object]) -> None:
    """Change fields of records in the cache; the database follows at the next flush."""
    for name, value in values.items():
        field = _writable(info, name)
        if isinstance(field, One2many | Many2many):
            for record_id in ids:
                apply_commands(env, info, record_id, field, value)
        else:
            raw = field.to_raw(value)
            _require(field, raw)
            put(env, info, ids, field, dict.fromkeys(ids, raw))


def put(env: Env, info: ModelInfo, ids: Iterable[int], field: AnyField, raws: Mapping[int, object]) -> None:
    """Note new column values of one field; values that are known to be the same already are no write."""
    name = field.name
    cache = env.cache.records[info.name]
    changed = [i for i in ids if i not in cache or name not in cache[i] or cache[i][name] != raws[i]]
    if not changed:
        return
    is_link = (info.name, name) in env.registry.inverses
    if is_link:  # the record it leaves is concerned as well as the one it comes to
        mark(env, info.name, name, changed)
    dirty = env.cache.dirty[info.name]
    for record_id in changed:
        cache.setdefault(record_id, {})[name] = raws[record_id]
        dirty.setdefault(record_id, {})[name] = raws[record_id]
    for parent, lines in env.registry.inverses.get((info.name, name), ()):
        env.cache.forget_field(parent, lines)
    mark(env, info.name, name, changed)
    for method, watched in info.constraints:
        if name in watched:
            env.cache.unchecked[info.name, method].update(dict.fromkeys(changed))


def unlink(env: Env, info: ModelInfo, ids: tuple[int, ...]) -> None:
    """Delete records, with their entries in relation tables; refused while others link to them."""
    env.work.flush()
    for name in info.columns:
        if (info.name, name) in env.registry.inverses:
            mark(env, info.name, name, ids)
    for field in info.fields.values():
        if isinstance(field, Many2many):
            relation = ident(field.relation(info.table))
            env.execute(sql("DELETE FROM {t} WHERE source_id = ANY ({ids}::bigint[])", t=relation, ids=list(ids)))
    try:
        gone = env.execute(
            sql("DELETE FROM {t} WHERE id = ANY ({ids}::bigint[]) RETURNING id", t=ident(info.table), ids=list(ids))
        )
    except ConstraintViolated as error:
        raise _explained(info, error) from None
    _refuse_missing(env, info, ids, gone.column())
    env.cache.forget()
    env.cache.drop(info.name, ids)
    env.work.written(env)


# -- what depends on what was written ----------------------------------------------------------------------------------


def mark(env: Env, model: str, name: str, ids: Iterable[int]) -> None:
    """Note which stored computed fields must be worked out again because a field changed."""
    for trigger in env.registry.triggers.get((model, name), ()):
        target = env.registry.models[trigger.model]
        found = _back(env, target, trigger.path, tuple(ids))
        if found:
            env.cache.todo[trigger.model, trigger.field].update(dict.fromkeys(found))


def _back(env: Env, info: ModelInfo, path: tuple[str, ...], ids: tuple[int, ...]) -> tuple[int, ...]:
    """Give the records of ``info`` from which ``path`` leads to one of ``ids``."""
    if not path:
        return ids
    steps = [info]
    for name in path[:-1]:
        link = steps[-1].fields[name]
        steps.append(env.registry.models[link.comodel])  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]  only links stand inside a path
    for here, name in zip(reversed(steps), reversed(path), strict=True):
        link = here.fields[name]
        if isinstance(link, One2many):
            children = env[link.comodel].browse(ids)
            ids = tuple(dict.fromkeys(i for i in (child._value(link.inverse) for child in children) if i))
        else:
            write_dirty(env)
            where = env.compiler().where(here, _links_to(name, ids))
            ids = tuple(env.execute(sql("SELECT id FROM {t} WHERE {where}", t=ident(here.table), where=where)).column())
    return ids


def _links_to(name: str, ids: tuple[int, ...]) -> Any:  # noqa: ANN401
    from growsoft.orm.domain import Leaf

    return Leaf((name,), "in", ids)


def recompute(env: Env, model: str, name: str, ids: Iterable[int]) -> None:
    """Work out one stored field of some records, and note what came of it."""
    info = env.registry.models[model]
    field = info.fields[name]
    todo = env.cache.todo[model, name]
    wanted = tuple(ids)
    for record_id in wanted:
        todo.pop(record_id, None)
    if not isinstance(field, Computed) or field.compute is None:
        raise TypeError(f"{model}.{name} is not computed")
    raws = {record._ids[0]: field.to_raw(field.compute(record)) for record in env[model].browse(wanted)}
    if field.currency:
        raws = _in_currency(env, info, field.currency, raws)
    put(env, info, wanted, field, raws)


def flush(env: Env) -> None:
    """Write, work out and check until nothing is left."""
    cache = env.cache
    for _round in range(MAX_ROUNDS):
        if any(cache.dirty.values()):
            write_dirty(env)
        elif any(cache.todo.values()):
            key = next(key for key in env.registry.recompute_order if cache.todo.get(key))
            recompute(env, *key, tuple(cache.todo[key]))
        elif any(cache.unchecked.values()):
            _check(env)
        else:
            return
    raise RecomputationEndless


def _check(env: Env) -> None:
    waiting = {key: tuple(ids) for key, ids in env.cache.unchecked.items() if ids}
    env.cache.unchecked.clear()
    for (model, method), ids in waiting.items():
        getattr(env[model].browse(ids), method)()


# -- statements --------------------------------------------------------------------------------------------------------


def write_dirty(env: Env) -> None:
    """Send kept-back changes, one statement for all records of a model that changed in the same fields."""
    waiting = {model: rows for model, rows in env.cache.dirty.items() if rows}
    env.cache.dirty.clear()
    for model, rows in waiting.items():
        info = env.registry.models[model]
        _round_written_money(env, info, rows)
        same: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for record_id, values in rows.items():
            same[tuple(sorted(values))].append(record_id)
        for names, ids in same.items():
            _update(env, info, names, ids, rows)
    if waiting:
        env.work.written(env)


def _update(
    env: Env, info: ModelInfo, names: tuple[str, ...], ids: list[int], rows: Mapping[int, Mapping[str, Any]]
) -> None:
    first = rows[ids[0]]
    alike = all(rows[i] == first for i in ids)
    statement = _update_alike(info, names) if alike else _update_each(info, names)
    values = tuple(first[n] for n in names) if alike else tuple([rows[i][n] for i in ids] for n in names)
    try:
        done = env.execute(statement.rebind((*values, ids)))
    except ConstraintViolated as error:
        raise _explained(info, error) from None
    _refuse_missing(env, info, ids, done.column())
    for stamp in ("write_uid", "write_date", "version"):
        env.cache.forget_field(info.name, stamp, ids)


def _refuse_missing(env: Env, info: ModelInfo, ids: Sequence[int], done: Sequence[int]) -> None:
    # PostgreSQL says nothing when a row may not be touched; the answer must not tell whether it exists.
    if len(done) < len(set(ids)):
        left = sorted(set(ids) - set(done))
        seen = env.execute(sql("SELECT id FROM {t} WHERE id = ANY ({ids}::bigint[])", t=ident(info.table), ids=left))
        raise AccessError if seen.rows else MissingError


@lru_cache(maxsize=2000)
def _insert_for(table: str, columns: tuple[tuple[str, Sql], ...]) -> Sql:
    if not columns:
        return sql("INSERT INTO {t} SELECT FROM generate_series(1, {n}::int) RETURNING id", t=ident(table), n=0)
    names = join(", ", [ident(name) for name, _cast in columns])
    arrays = join(", ", [sql("{array}{cast}", array=None, cast=cast) for _name, cast in columns])
    return sql(
        "INSERT INTO {t} ({names}) SELECT {names} FROM unnest({arrays}) WITH ORDINALITY AS u ({names}, ordinality__)"
        " ORDER BY ordinality__ RETURNING id",
        t=ident(table), names=names, arrays=arrays,
    )  # fmt: skip


def _insert(info: ModelInfo, names: tuple[str, ...]) -> Sql:
    return _insert_for(info.table, _with_casts(info, names))


_STAMP: Final = sql("write_uid = (SELECT gs.user_id()), write_date = now(), version = {t}.version + 1", t=sql("t"))


@lru_cache(maxsize=2000)
def _update_alike_for(table: str, columns: tuple[tuple[str, Sql], ...]) -> Sql:
    sets = join(", ", [sql("{c} = {v}{cast}", c=ident(n), v=None, cast=cast) for n, cast in columns])
    return sql(
        "UPDATE {t} t SET {sets}, {stamp} WHERE id = ANY ({ids}::bigint[]) RETURNING id",
        t=ident(table), sets=sets, stamp=_STAMP, ids=None,
    )  # fmt: skip


def _update_alike(info: ModelInfo, names: tuple[str, ...]) -> Sql:
    return _update_alike_for(info.table, tuple((n, scalar_cast(info.fields[n].column or "text")) for n in names))


@lru_cache(maxsize=2000)
def _update_each_for(table: str, columns: tuple[tuple[str, Sql], ...]) -> Sql:
    sets = join(", ", [sql("{c} = u.{c}", c=ident(name)) for name, _cast in columns])
    names = join(", ", [ident(name) for name, _cast in columns])
    arrays = join(", ", [sql("{array}{cast}", array=None, cast=cast) for _name, cast in columns])
    return sql(
        "UPDATE {t} t SET {sets}, {stamp} FROM unnest({arrays}, {ids}::bigint[]) AS u ({names}, id__)"
        " WHERE t.id = u.id__ RETURNING t.id",
        t=ident(table), sets=sets, stamp=_STAMP, arrays=arrays, names=names, ids=None,
    )  # fmt: skip


def _update_each(info: ModelInfo, names: tuple[str, ...]) -> Sql:
    return _update_each_for(info.table, _with_casts(info, names))


def _with_casts(info: ModelInfo, names: tuple[str, ...]) -> tuple[tuple[str, Sql], ...]:
    return tuple((name, array_cast(info.fields[name].column or "text")) for name in names)


# -- values ------------------------------------------------------------------------------------------------------------


def _new_row(env: Env, info: ModelInfo, values: Mapping[str, object]) -> dict[str, Any]:
    for name in values:
        _writable(info, name)
    row: dict[str, Any] = {}
    for name, field in info.columns.items():
        if name in STAMPS:
            continue
        if name in values:
            row[name] = field.to_raw(values[name])
        elif field.default is not None:
            row[name] = field.to_raw(field.default(env) if callable(field.default) else field.default)
        else:
            row[name] = field.unset
        if not isinstance(field, Computed):
            _require(field, row[name])
    return row


STAMPS: Final = frozenset(("create_uid", "create_date", "write_uid", "write_date", "version"))


def _writable(info: ModelInfo, name: str) -> AnyField:
    field = info.fields.get(name)
    if field is None:
        raise ValidationError(f"{info.description} has no field {name[:60]!r}.")
    if isinstance(field, Computed) or name in STAMPS or name == "id":
        raise ValidationError(f"{field.label} is worked out by the system and cannot be written.")
    return field


def _require(field: AnyField, raw: object) -> None:
    if field.required and (raw is None or raw == "") and field.kind != "boolean":
        raise ValidationError(f"{field.label} is required.")


def _round_money(env: Env, info: ModelInfo, rows: Sequence[dict[str, Any]]) -> None:
    for field in info.columns.values():
        if isinstance(field, Monetary):
            first = field.currency.partition(".")[0]
            amounts = [row for row in rows if row[field.name]]
            digits = _digits(env, info, field.currency, (row.get(first) for row in amounts))
            for row in amounts:
                row[field.name] = rounded(row[field.name], digits.get(row.get(first), DEFAULT_DIGITS))


def _round_written_money(env: Env, info: ModelInfo, rows: Mapping[int, dict[str, Any]]) -> None:
    for field in info.columns.values():
        if isinstance(field, Monetary):
            amounts = {record_id: values[field.name] for record_id, values in rows.items() if values.get(field.name)}
            for record_id, raw in _in_currency(env, info, field.currency, amounts).items():
                rows[record_id][field.name] = env.cache.records[info.name][record_id][field.name] = raw


def _in_currency(env: Env, info: ModelInfo, path: str, amounts: Mapping[int, Any]) -> dict[int, Any]:
    """Round the amounts of records to the decimals of their currencies, which are read all at once."""
    first = path.partition(".")[0]
    links = {record._ids[0]: record._value(first) for record in env[info.name].browse(amounts)}
    digits = _digits(env, info, path, links.values())
    return {i: rounded(Number(raw), digits.get(links[i], DEFAULT_DIGITS)) for i, raw in amounts.items()}


def _digits(env: Env, info: ModelInfo, path: str, links: Iterable[int | None]) -> dict[int | None, int]:
    """Give the decimals of the currency at the end of a path of links, by the ids of its first link."""
    first, *rest = path.split(".")
    link = info.fields[first]
    if not isinstance(link, Many2one):
        return {}
    found: dict[int | None, int] = {}
    for linked in env[link.comodel].browse(dict.fromkeys(i for i in links if i)):
        currency = linked
        for name in rest:
            currency = getattr(currency, name)
        if currency:
            found[linked.id] = int(currency.decimal_places)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]  what a currency has
    return found


def _created(env: Env, info: ModelInfo, ids: tuple[int, ...], names: tuple[str, ...]) -> None:
    for name, field in info.fields.items():
        if isinstance(field, Computed) and field.stored:
            env.cache.todo[info.name, name].update(dict.fromkeys(ids))
    for name in names:
        for parent, lines in env.registry.inverses.get((info.name, name), ()):
            env.cache.forget_field(parent, lines)
        if any(trigger.path for trigger in env.registry.triggers.get((info.name, name), ())):
            mark(env, info.name, name, ids)
    for method, _watched in info.constraints:
        env.cache.unchecked[info.name, method].update(dict.fromkeys(ids))


def _explained(info: ModelInfo, error: ConstraintViolated) -> ConstraintViolated:
    """Say a broken constraint in the model's own words."""
    name = error.constraint
    for attribute, check in info.checks.items():
        if name == name_within(f"{info.table}_{attribute}_check"):
            return ConstraintViolated(check.message, name, error.kind)
    for field in info.fields.values():
        if name == name_within(f"{info.table}_{field.name}_unique"):
            words = field.unique if isinstance(field.unique, str) else f"{field.label}: this value is taken already."
            return ConstraintViolated(words, name, error.kind)
        if name in (name_within(f"{info.table}_{field.name}_fkey"), field.name):
            return ConstraintViolated(f"{field.label}: choose a record that exists.", name, error.kind)
    return error


def apply_commands(env: Env, info: ModelInfo, record_id: int, field: AnyField, value: object) -> None:
    """Change the lines or links of a record; see ``commands``."""
    from growsoft.orm.commands import apply

    apply(env, info, record_id, field, value)
