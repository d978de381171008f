"""Changing lines and links: the triples of the wire, dictionaries for new lines, or the records that shall be there."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from growsoft.errors import AccessError, ValidationError
from growsoft.orm.fields import AnyField, Many2many, One2many
from growsoft.orm.narrow import is_id, is_mapping, is_sequence
from growsoft.postgres.sql import ident, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo

Command = tuple[int, int, object]


def apply(env: Env, info: ModelInfo, record_id: int, field: AnyField, value: object) -> None:
    """Run commands on one record.

    0 create with values, 1 change a line, 2 delete it, 3 take it out, 4 put it in, 5 take all out, 6 put exactly
    these in.
    """
    target: _Lines | _Links
    match field:
        case One2many():
            target = _Lines(env, info, record_id, field)
        case Many2many():
            target = _Links(env, info, record_id, field)
        case _:
            raise TypeError(f"{field.name} holds neither lines nor links")
    for code, ids, extra in _commands(field, value):
        _run(target, code, ids, extra)
    env.cache.forget_field(info.name, field.name, (record_id,))


def _run(target: _Lines | _Links, code: int, line: int, extra: object) -> None:
    match code:
        case 0:
            target.create(_values(extra))
        case 1:
            target.member(line).write(_values(extra))
        case 2:
            member = target.member(line)
            target.remove((line,))
            member.unlink()
        case 3:
            target.remove((line,))
        case 4:
            target.add((line,))
        case 5:
            target.remove(target.present())
        case 6:
            wanted = _id_tuple(extra)
            target.remove(tuple(i for i in target.present() if i not in wanted))
            target.add(wanted)
        case _:
            raise ValidationError(f"There is no command {code}; commands are 0 to 6.")


class _Lines:
    """The records of another model that link to one record."""

    def __init__(self, env: Env, info: ModelInfo, record_id: int, field: One2many[Any]) -> None:
        self._owner = env[info.name].browse((record_id,))
        self._field = field
        self._model: Model = env[field.comodel]

    def present(self) -> tuple[int, ...]:
        return tuple(getattr(self._owner, self._field.name).ids)

    def member(self, line: int) -> Model:
        if line not in self.present():
            raise AccessError  # a line of another record, or none at all: the answer does not tell which
        return self._model.browse((line,))

    def create(self, values: Mapping[str, object]) -> None:
        self._model.create({**values, self._field.inverse: self._owner.id})
        self._forget()

    def add(self, ids: tuple[int, ...]) -> None:
        self._model.browse(ids).write({self._field.inverse: self._owner.id})
        self._forget()

    def remove(self, ids: tuple[int, ...]) -> None:
        inverse = self._model._info.fields[self._field.inverse]
        lines = self._model.browse(ids)
        if inverse.required:
            lines.unlink()
        else:
            lines.write({self._field.inverse: None})
        self._forget()

    def _forget(self) -> None:
        self._owner.env.cache.forget_field(self._owner._name, self._field.name)


class _Links:
    """The records that one record is linked with by a relation table."""

    def __init__(self, env: Env, info: ModelInfo, record_id: int, field: Many2many[Any]) -> None:
        self._env = env
        self._info = info
        self._id = record_id
        self._field = field
        self._table = ident(field.relation(info.table))

    def present(self) -> tuple[int, ...]:
        return tuple(getattr(self._env[self._info.name].browse((self._id,)), self._field.name).ids)

    def member(self, line: int) -> Model:
        if line not in self.present():
            raise AccessError
        return self._env[self._field.comodel].browse((line,))

    def create(self, values: Mapping[str, object]) -> None:
        self.add(self._env[self._field.comodel].create(values).ids)

    def add(self, ids: tuple[int, ...]) -> None:
        if not ids:
            return
        if len(self._env[self._field.comodel].browse(ids).exists()) < len(set(ids)):
            raise AccessError
        self._env.execute(
            sql(
                "INSERT INTO {t} (source_id, target_id) SELECT {id}::bigint, unnest({ids}::bigint[])"
                " ON CONFLICT DO NOTHING",
                t=self._table, id=self._id, ids=list(ids),
            )
        )  # fmt: skip
        self._changed()

    def remove(self, ids: tuple[int, ...]) -> None:
        if not ids:
            return
        self._env.execute(
            sql(
                "DELETE FROM {t} WHERE source_id = {id}::bigint AND target_id = ANY ({ids}::bigint[])",
                t=self._table, id=self._id, ids=list(ids),
            )
        )  # fmt: skip
        self._changed()

    def _changed(self) -> None:
        from growsoft.orm.writer import mark

        self._env.cache.forget_field(self._info.name, self._field.name, (self._id,))
        self._env.work.written(self._env)
        mark(self._env, self._info.name, self._field.name, (self._id,))


def _commands(field: AnyField, value: object) -> Iterable[Command]:
    from growsoft.orm.model import Model

    if value is None or value is False:
        return [(5, 0, None)]
    if isinstance(value, Model):
        field.to_raw(value)
        return [(6, 0, value.ids)]
    if not is_sequence(value):
        raise field.refuse(value, "a list of lines, ids or commands")
    return [_command(field, item) for item in value]


def _command(field: AnyField, item: object) -> Command:
    if is_mapping(item):
        return (0, 0, item)
    if is_id(item):
        return (4, item, None)
    if is_sequence(item) and 1 <= len(item) <= 3:
        code, line, extra = (*item, None, None)[:3]
        if isinstance(code, int) and not isinstance(code, bool):
            return (code, line if is_id(line) else 0, extra)
    raise field.refuse(item, "a line, an id or a command")


def _values(extra: object) -> Mapping[str, object]:
    if not is_mapping(extra):
        raise ValidationError("A line is given by a dictionary of its fields.")
    return extra


def _id_tuple(extra: object) -> tuple[int, ...]:
    if not is_sequence(extra):
        raise ValidationError("A list of ids is needed here.")
    ids = tuple(i for i in extra if is_id(i))
    if len(ids) < len(extra):
        raise ValidationError("A list of ids is needed here.")
    return ids
