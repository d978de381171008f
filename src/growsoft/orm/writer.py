"""Making, changing and deleting records: values are checked first, then all of it happens or nothing."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import AccessError, ValidationError
from growsoft.orm import commands, statements
from growsoft.orm.blocking import lines_to_delete
from growsoft.orm.companies import REVERSE
from growsoft.orm.delegation import with_parents
from growsoft.orm.fields import AnyField, Many2many, One2many
from growsoft.orm.fields.stamps import STAMPS
from growsoft.orm.inverting import write_through
from growsoft.orm.money import in_currency, round_new
from growsoft.orm.recompute import awaited, settle
from growsoft.orm.referring import refuse_referred
from growsoft.postgres.sql import ident, sql
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo

Values = Mapping[str, object]

_FOLLOWERS: Final = "what belongs to a record has its rights, and goes with it"


def create(env: Env, info: ModelInfo, many: Sequence[Values]) -> tuple[int, ...]:
    """Make records, all in one statement; give their ids in the order of the values."""
    env.refuse_in_draft()
    if not many:
        return ()
    if info.delegates:
        many = with_parents(env, info, many)
    given = dict.fromkeys(name for values in many for name in values)
    insertable = env.rights.insertable(info)
    for name in given:
        field = _writable(info, name)
        if _is_column(field) and name not in insertable:
            raise AccessError(
                _(
                    "You may not give a new record of {model} a value of {label}.",
                    model=info.description,
                    label=field.label,
                )
            )
    rows = _new_rows(env, info, many)
    round_new(env, info, rows)
    # A column that is not given here takes its default in PostgreSQL, which is the same.
    names = tuple(
        name
        for name, field in info.columns.items()
        if name in insertable and name not in STAMPS and (name in given or not _filled_in(info, field))
    )
    with env.work.whole():
        ids = statements.insert(env, info, names, rows)
        _remember(env, info, ids, rows)
        _follow_up(env, info, ids)
        given_to = {name: {i: v[name] for i, v in zip(ids, many, strict=True) if name in v} for name in given}
        for name, values in given_to.items():
            field = info.fields[name]
            if isinstance(field, One2many | Many2many):
                commands.apply_new(env, info, field, values)
        _correct(env, info, given_to)
    return ids


def assign(env: Env, info: ModelInfo, ids: tuple[int, ...], values: Values) -> None:
    """Change fields of records in the cache; the database follows before anything needs it."""
    env.refuse_in_draft()
    raws: dict[str, object] = {}
    for name, value in values.items():
        field = _writable(info, name)
        if _is_column(field):
            raws[name] = field.to_column(env, value)
            _require(field, raws[name])
            if name not in env.rights.updatable(info):
                raise AccessError(
                    _("You may not change {label} of {model}.", label=field.label, model=info.description)
                )
    with env.work.whole():
        _put(env, info, ids, raws)
        for name, value in values.items():
            field = info.fields[name]
            if isinstance(field, One2many | Many2many):
                for record_id in ids:
                    commands.apply(env, info, record_id, field, value)
        _correct(env, info, {name: dict.fromkeys(ids, value) for name, value in values.items()})


def _put(env: Env, info: ModelInfo, ids: tuple[int, ...], raws: Mapping[str, object]) -> None:
    for name, raw in raws.items():
        if not info.fields[name].worked_out:
            statements.put(env, info, info.fields[name], dict.fromkeys(ids, raw))
    for name in raws:
        for amount in env.registry.currency_links.get((info.name, name), ()):
            _round_again(env, ids, *amount)


def _round_again(env: Env, ids: tuple[int, ...], model: str, amount: AnyField, path: str) -> None:
    """Round amounts to the decimals of the currency that they have come to by a change of a link on their way to it."""
    info = env.registry.models[model]
    if not env.sees(info, amount):
        return  # what one may not read one cannot round; it is rounded when it is written
    records = env[model].search([[path, "in", list(ids)]]) if path else env[model].browse(ids)
    amounts = {record.id: value for record in records if (value := getattr(record, amount.name))}
    statements.put(env, info, amount, in_currency(env, info, amount, amounts))


def unlink(env: Env, info: ModelInfo, ids: tuple[int, ...]) -> None:
    """Delete records with their links, and the lines that say so (``ondelete="cascade"``).

    Refused while others link to them. Nothing is deleted that whoever deletes does not see, or may not delete.
    """
    env.refuse_in_draft()
    statements.write_waiting(env.work)
    with env.work.whole():
        for model, name in info.cascades:
            lines_to_delete(env, model, name, ids).unlink()
        for name in info.inverses:
            statements.leave(env, info, name, ids)
        for model, name in info.linked_by:
            _unlink_links(env, env.registry.models[model], name, "target", ids)
        for field in info.fields.values():
            if isinstance(field, Many2many):
                _unlink_links(env, info, field.name, "source", ids)
        statements.delete(env, info, ids)
        refuse_referred(env, info, ids)
        _unlink_followers(env, info, ids)
        env.work.gone(info.name, ids)


def _unlink_followers(env: Env, info: ModelInfo, ids: tuple[int, ...]) -> None:
    """Delete what belongs to records that are gone: who may delete a record may delete all that has its rights."""
    for other in env.registry.followers if info.follows is None else ():
        if (follows := other.follows) is not None:
            elevated = env._elevated_for(_FOLLOWERS, __name__)
            elevated[other.name].search([[follows.model, "=", info.name], [follows.record, "in", list(ids)]]).unlink()


def _unlink_links(env: Env, info: ModelInfo, name: str, side: str, ids: Iterable[int]) -> None:
    field = info.fields[name]
    if not isinstance(field, Many2many):
        raise TypeError(f"{info.name}.{name} has no links")
    if not env.rights.unlinkable(field.relation(info.table)):
        return  # where there are links, their foreign keys refuse what follows
    gone = env.execute(
        sql(
            "DELETE FROM {t} WHERE {side} = ANY ({ids}::bigint[]) RETURNING source_id",
            t=ident(field.relation(info.table)), side=ident(f"{side}_id"), ids=list(ids),
        )
    )  # fmt: skip
    if side == "target":
        statements.mark(env, info.name, name, gone.column())


def _correct(env: Env, info: ModelInfo, given_to: Mapping[str, Mapping[int, object]]) -> None:
    """Let stand what people gave fields that are worked out, whatever the same write changes that they come from."""
    for name, values in given_to.items():
        field = info.fields[name]
        if field.writes_through:
            for together, value in _alike(values):
                write_through(env, info, field, together, value)
        elif field.worked_out:
            env.work.done((info.name, name), values)
            if awaited(env, env.registry.dependencies.sources[info.name, name]):
                settle(env)
            statements.put(env, info, field, {record_id: field.to_raw(value) for record_id, value in values.items()})


def _alike(values: Mapping[int, object]) -> Iterator[tuple[tuple[int, ...], object]]:
    """Give the records that get the same value together."""
    if len({id(value) for value in values.values()}) == 1:
        yield tuple(values), next(iter(values.values()))
        return
    for record_id, value in values.items():
        yield (record_id,), value


def _is_column(field: AnyField) -> bool:
    """Whether a value that is written goes into the record's own row."""
    return field.stored and not field.writes_through


def _remember(env: Env, info: ModelInfo, ids: tuple[int, ...], rows: Iterable[dict[str, Any]]) -> None:
    """Keep what was just written, as far as the writer may read it, and without what is yet to be worked out."""
    readable = env.rights.readable(info)
    columns = ((name, field) for name, field in info.columns.items() if name not in STAMPS)
    hidden = [name for name, field in columns if name not in readable or field.worked_out]
    cache = env.cache.records[info.name]
    for record_id, row in zip(ids, rows, strict=True):
        for name in hidden:
            row.pop(name, None)
        cache[record_id] = row
    env.cache.seen[info.name].update(ids)


def _follow_up(env: Env, info: ModelInfo, ids: tuple[int, ...]) -> None:
    for name, field in info.fields.items():
        if field.worked_out and field.stored:
            env.work.todo[info.name, name].update(dict.fromkeys(ids))
    for name in info.inverses:
        statements.mark(env, info.name, name, ids)
    env.work.relinked(info, info.listed_by)
    for method, _watched in info.constraints:
        if method != REVERSE:  # nobody is linked to what is new
            env.cache.unchecked[info.name, method].update(dict.fromkeys(ids))


def _new_rows(env: Env, info: ModelInfo, many: Sequence[Values]) -> list[dict[str, Any]]:
    """Give the columns of new records: what is given, else the default."""
    columns = {name: field for name, field in info.columns.items() if name not in STAMPS}
    made = [field for field in columns.values() if callable(field.default) or field.storage == "jsonb"]
    fixed = {name: field.fallback for name, field in columns.items() if not callable(field.default)}
    required = [field for field in columns.values() if field.required]
    rows: list[dict[str, Any]] = []
    for values in many:
        row: dict[str, Any] = dict(fixed)
        for name, value in values.items():
            if (field := columns.get(name)) is not None and not field.writes_through:
                row[name] = field.to_column(env, value)
        for field in made:
            if field.name not in values or field.writes_through:
                row[field.name] = _default(env, field)
        for field in required:
            _require(field, row[field.name])
        rows.append(row)
    return rows


def _default(env: Env, field: AnyField) -> object:
    return field.to_raw(field.default(env)) if callable(field.default) else field.fallback


def _filled_in(info: ModelInfo, field: AnyField) -> bool:
    """Say whether PostgreSQL gives a column that nobody names the value that a new row has here, too."""
    worked_out = (
        callable(field.default)
        or field.translate
        or field.company_dependent
        or any(field is one for one in info.amounts)
    )
    return not worked_out and field.storage != "jsonb"


def _writable(info: ModelInfo, name: str) -> AnyField:
    field = info.fields.get(name)
    if field is None:
        raise ValidationError(_("{model} has no field {name}.", model=info.description, name=repr(name[:60])))
    if not field.editable or name in STAMPS or name == "id":
        raise ValidationError(_("{label} is worked out by the system and cannot be written.", label=field.label))
    return field


def _require(field: AnyField, raw: object) -> None:
    if field.required and (raw is None or raw == ""):
        raise ValidationError(_("{label} is required.", label=field.label))
