"""Changing lines and links: the triples of the wire, dictionaries for new lines, or the records that shall be there.

0 create with values, 1 change a line, 2 delete it, 3 take it out, 4 put it in, 5 take all out, 6 put exactly these in.
"""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from growsoft.errors import AccessError, ValidationError
from growsoft.orm import statements
from growsoft.orm.fields import Many2many, One2many
from growsoft.orm.narrow import is_id, is_mapping, is_sequence
from growsoft.postgres.sql import ident, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo

ToMany = One2many[Any] | Many2many[Any]


class Command(NamedTuple):
    """One change: its code, the id of a line, and values or ids."""

    code: int
    line: int
    extra: object


def apply(env: Env, info: ModelInfo, record_id: int, field: ToMany, value: object) -> None:
    """Run commands on one record."""
    target = _Lines(env, info, record_id, field) if isinstance(field, One2many) else _Links(env, info, record_id, field)
    for command in commands_of(field, value):
        _run(target, command)
    statements.check_later(env, info, field.name, (record_id,))


def apply_new(env: Env, info: ModelInfo, field: ToMany, values: Mapping[int, object]) -> None:
    """Run commands on records that were just made: what they only create or put in is done for all of them at once."""
    lists = {record_id: list(commands_of(field, value)) for record_id, value in values.items()}
    simple = {0} if isinstance(field, One2many) else {4, 6}
    if any(command.code not in simple for commands in lists.values() for command in commands):
        for record_id, value in values.items():
            apply(env, info, record_id, field, value)
    elif isinstance(field, One2many):
        lines = [{**_values(c.extra), field.inverse: owner} for owner, commands in lists.items() for c in commands]
        env[field.comodel].create(lines)
    else:
        ids = {owner: [i for c in commands for i in _ids(c)] for owner, commands in lists.items()}
        _insert_links(env, info, field, [(owner, i) for owner, links in ids.items() for i in links], new=True)


def _run(target: _Lines | _Links, command: Command) -> None:
    line = command.line
    match command.code:
        case 0:
            target.create(_values(command.extra))
        case 1:
            target.member(line).write(_values(command.extra))
        case 2:
            target.delete(target.member(line))
        case 3:
            target.remove((line,))
        case 4:
            target.add((line,))
        case 5:
            target.remove(target.present())
        case 6:
            wanted = _ids(command)
            target.remove(tuple(i for i in target.present() if i not in wanted))
            target.add(tuple(i for i in wanted if i not in target.present()))
        case code:
            raise ValidationError(f"There is no command {code}; commands are 0 to 6.")


class _Lines:
    """The records of another model that link to one record."""

    def __init__(self, env: Env, info: ModelInfo, record_id: int, field: One2many[Any]) -> None:
        self._owner = env[info.name].browse((record_id,))
        self._field = field
        self._model: Model = env[field.comodel]

    def present(self) -> tuple[int, ...]:
        return tuple(self._owner._value(self._field.name))

    def member(self, line: int) -> Model:
        if line not in self.present():
            raise AccessError  # a line of another record, or none at all: the answer does not tell which
        return self._model.browse((line,))

    def create(self, values: Mapping[str, object]) -> None:
        self._model.create({**values, self._field.inverse: self._owner.id})

    def delete(self, line: Model) -> None:
        line.unlink()

    def add(self, ids: tuple[int, ...]) -> None:
        statements.refuse_unseen(self._owner.env, self._field, ids)
        self._model.browse(ids).write({self._field.inverse: self._owner.id})

    def remove(self, ids: tuple[int, ...]) -> None:
        lines = self._model.browse(tuple(i for i in ids if i in self.present()))
        if self._model._info.fields[self._field.inverse].required:
            lines.unlink()
        else:
            lines.write({self._field.inverse: None})


class _Links:
    """The records that one record is linked with by a relation table."""

    def __init__(self, env: Env, info: ModelInfo, record_id: int, field: Many2many[Any]) -> None:
        self._env = env
        self._info = info
        self._id = record_id
        self._field = field
        self._model: Model = env[field.comodel]

    def present(self) -> tuple[int, ...]:
        return tuple(self._env[self._info.name].browse((self._id,))._value(self._field.name))

    def member(self, line: int) -> Model:
        if line not in self.present():
            raise AccessError
        return self._model.browse((line,))

    def create(self, values: Mapping[str, object]) -> None:
        self.add(self._model.create(values).ids)

    def delete(self, linked: Model) -> None:
        self.remove(linked.ids)
        linked.unlink()

    def add(self, ids: tuple[int, ...]) -> None:
        _insert_links(self._env, self._info, self._field, [(self._id, i) for i in ids])

    def remove(self, ids: tuple[int, ...]) -> None:
        gone = [i for i in ids if i in self.present()]
        if not gone:
            return
        done = self._env.execute(
            sql(
                "DELETE FROM {t} WHERE source_id = {id}::bigint AND target_id = ANY ({ids}::bigint[])",
                t=ident(self._field.relation(self._info.table)), id=self._id, ids=gone,
            )
        )  # fmt: skip
        if done.rowcount < len(gone):
            raise AccessError
        statements.touch(self._env, self._info, (self._id,))
        _linked(self._env, self._info, self._field, (self._id,))


def _insert_links(
    env: Env, info: ModelInfo, field: Many2many[Any], pairs: list[tuple[int, int]], *, new: bool = False
) -> None:
    if not pairs:
        return
    statements.refuse_unseen(env, field, [target for _source, target in pairs])
    sources, targets = zip(*pairs, strict=True)
    came = env.execute(
        sql(
            "INSERT INTO {t} (source_id, target_id) SELECT * FROM unnest({sources}::bigint[], {targets}::bigint[])"
            " ON CONFLICT DO NOTHING RETURNING source_id",
            t=ident(field.relation(info.table)), sources=list(sources), targets=list(targets),
        )
    )  # fmt: skip
    if not new:
        statements.touch(env, info, tuple(dict.fromkeys(came.column(int))))
    _linked(env, info, field, sources)


def _linked(env: Env, info: ModelInfo, field: Many2many[Any], ids: tuple[int, ...]) -> None:
    for cache in env.work.caches.values():
        cache.forget_field(info.name, field.name, ids)
    statements.mark(env, info.name, field.name, ids)


def commands_of(field: ToMany, value: object) -> Iterable[Command]:
    """Read what is given to a field of lines or of links to many. Raises ``ValidationError``."""
    if value is None or value is False:
        return [Command(5, 0, None)]
    records = field.ids_of(value)
    if records is not None:
        return [Command(6, 0, records)]
    if not is_sequence(value):
        raise field.refuse(value, "a list of lines, ids or commands")
    return [_command(field, item) for item in value]


def _command(field: ToMany, item: object) -> Command:
    if is_mapping(item):
        return Command(0, 0, item)
    if is_id(item):
        return Command(4, item, None)
    if is_sequence(item) and 1 <= len(item) <= 3:
        code, line, extra = (*item, None, None)[:3]
        if isinstance(code, int) and not isinstance(code, bool):
            return Command(code, line if is_id(line) else 0, extra)
    raise field.refuse(item, "a line, an id or a command")


def _values(extra: object) -> Mapping[str, object]:
    if not is_mapping(extra):
        raise ValidationError("A line is given by a dictionary of its fields.")
    return extra


def _ids(command: Command) -> tuple[int, ...]:
    """Give the ids that are to be put in."""
    extra = (command.line,) if command.code == 4 else command.extra
    if not is_sequence(extra):
        raise ValidationError("A list of ids is needed here.")
    ids = tuple(i for i in extra if is_id(i))
    if len(ids) < len(extra):
        raise ValidationError("A list of ids is needed here.")
    return tuple(dict.fromkeys(ids))
