"""What comes in: JSON values of fields, in the words of the data layer, which then checks each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from growsoft.errors import ValidationError
from growsoft.orm import Env, ModelInfo
from growsoft.orm.fields import AnyField, Many2one, One2many
from growsoft.orm.narrow import is_id, is_mapping, is_sequence
from growsoft.web.api.shapes import is_many

Command = tuple[int, int, object]


def values_of(env: Env, info: ModelInfo, given: Mapping[str, object], record: int = 0) -> dict[str, object]:
    """Read the values of a record; ``record`` is the one that they are for, 0 a new one.

    A link is an id, or an object with one, so that what was read can be sent back. Many links are a list of ids. Lines
    are a list of objects: those with an ``id`` are changed, those without are added, those that are missing go. Raises
    ``ValidationError``.
    """
    return {name: _value(env, info.field(name), value, info, record) for name, value in given.items()}


def _value(env: Env, field: AnyField, value: object, info: ModelInfo, record: int) -> object:
    if isinstance(field, Many2one):
        return _id(value) if is_mapping(value) else value
    if not is_many(field) or value is None:
        return value
    if not is_sequence(value):
        raise field.refuse(value, "a list")
    if isinstance(field, One2many):
        return _lines(env, env.registry[field.comodel], value, _present(env, info, field, record))
    return [(6, 0, [_id(item) for item in value])]


def _present(env: Env, info: ModelInfo, field: One2many[Any], record: int) -> Sequence[int]:
    """Give the lines that a record has, as far as whoever writes sees them."""
    return env[info.name].browse(record).read([field.name])[0][field.name] if record else ()


def _lines(env: Env, info: ModelInfo, items: Sequence[object], present: Sequence[int]) -> list[Command]:
    commands: list[Command] = []
    kept: set[int] = set()
    for item in items:
        line = {"id": item} if is_id(item) else item
        if not is_mapping(line):
            raise ValidationError("A line is an object: the names of its fields with their values.")
        if "id" not in line:
            commands.append((0, 0, values_of(env, info, line)))
            continue
        found = _id(line)
        if found not in present:
            raise ValidationError(f"There is no line {found} here; a new line has no id.")
        kept.add(found)
        if changes := values_of(env, info, {name: given for name, given in line.items() if name != "id"}, found):
            commands.append((1, found, changes))
    return [*((2, gone, None) for gone in present if gone not in kept), *commands]


def _id(value: object) -> int:
    given = value.get("id") if is_mapping(value) else value
    if not is_id(given):
        raise ValidationError("A linked record is given by its id, or by an object with its id.")
    return given
