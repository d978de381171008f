"""Conditions that differ in their values only: compiled once, and bound anew each time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from growsoft.orm.compile import like_pattern, operand
from growsoft.orm.domain import NEGATIVES, Condition, Every, Leaf, Negation, Some, leaves
from growsoft.orm.fields import AnyField, Many2many, One2many, Relation
from growsoft.orm.narrow import is_sequence
from growsoft.postgres.sql import Sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo, Registry

_COMPARISONS: Final = frozenset(("=", "<", "<=", ">", ">="))
_PATTERNS: Final = frozenset(("like", "ilike", "=like", "=ilike"))
# What a value of these types is compared to does not change the statement; of all others each is a form of its own.
_BOUND_TYPES: Final = frozenset((int, str, Decimal, date, datetime))


@dataclass(frozen=True, slots=True)
class Form:
    """A statement for all conditions of one form; ``fields`` are what their values are compared with, in order."""

    statement: Sql
    fields: tuple[AnyField, ...]


def remembered(
    env: Env, info: ModelInfo, domain: Condition, key: Hashable, others: tuple[object, ...], compose: Callable[[], Sql]
) -> Sql:
    """Give the statement that ``compose`` makes of a condition, without composing it again for other values.

    ``key`` names what else the statement depends on; its values are those of the condition, then ``others``. Values
    are checked each time as the compiler does, and with the same errors. Whether the fields may be read is a matter of
    the profile: ``compose`` asks, and what it refuses is never remembered.
    """
    shape = _shape(domain)
    if shape is None:
        return compose()
    known = env.registry.forms
    whole = (info.name, key, shape, env.context.profile, env.lang)
    form = known.get(whole)
    if form is not None:
        values = _values(form.fields, domain)
        # What is bound was not NULL when the statement was made: comparing with nothing is another statement.
        return compose() if values is None else form.statement.rebind((*values, *others))
    statement = compose()
    fields = _fields(env.registry, info, domain)
    # Only where the values that were bound are these very ones, in this order.
    if fields is not None and _values(fields, domain) == statement.params[: len(statement.params) - len(others)]:
        known.put(whole, Form(statement, fields))
    return statement


def _shape(condition: Condition) -> Hashable | None:
    """Give a condition without its values, or None when the statement depends on more than their types."""
    match condition:
        case Leaf(_path, operator, value):
            kind = _kind(operator, value)
            return None if kind is None else (condition.names, operator, kind)
        case Negation(part):
            inner = _shape(part)
            return None if inner is None else ("!", inner)
        case Every(parts) | Some(parts):
            shapes = tuple(map(_shape, parts))
            return None if None in shapes else (type(condition), shapes)
        case _:
            return None


def _kind(operator: str, value: object) -> Hashable | None:
    positive = NEGATIVES.get(operator, operator)
    if positive in _COMPARISONS or positive in _PATTERNS:
        return type(value).__name__ if type(value) in _BOUND_TYPES else None
    if positive == "in" and is_sequence(value) and len(value) > 1:
        kinds = set(map(type, value))
        return frozenset(kinds) if kinds <= _BOUND_TYPES else None
    return None


def _is_elsewhere(registry: Registry, info: ModelInfo, leaf: Leaf) -> bool:
    """Whether a comparison stands for others that depend on its value, because a field of its path is not stored."""
    for name in leaf.names:
        field = info.field(name)
        if field.worked_out and not field.stored:
            return True
        info = registry.models[field.comodel] if isinstance(field, Relation) else info
    return False


def _fields(registry: Registry, info: ModelInfo, domain: Condition) -> tuple[AnyField, ...] | None:
    """Give what each value is compared with; None where a comparison stands for another one, of the linked record."""
    if any(_is_elsewhere(registry, info, leaf) for leaf in leaves(domain)):
        return None
    pairs = [(_last(registry, info, leaf), NEGATIVES.get(leaf.operator, leaf.operator)) for leaf in leaves(domain)]
    if any(isinstance(field, One2many | Many2many) for field, _operator in pairs):
        return None
    if any(operator in _PATTERNS and field.column != "text" for field, operator in pairs):
        return None
    return tuple(field for field, _operator in pairs)


def _last(registry: Registry, info: ModelInfo, leaf: Leaf) -> AnyField:
    *steps, name = leaf.names
    for step in steps:
        field = info.field(step)
        info = registry.models[field.comodel] if isinstance(field, Relation) else info
    return info.field(name)


def _values(fields: tuple[AnyField, ...], domain: Condition) -> tuple[object, ...] | None:
    found = tuple(_bound(field, leaf) for field, leaf in zip(fields, leaves(domain), strict=True))
    return None if any(value is None or (type(value) is list and None in value) for value in found) else found


def _bound(field: AnyField, leaf: Leaf) -> object:
    operator = NEGATIVES.get(leaf.operator, leaf.operator)
    if operator in _PATTERNS:
        return like_pattern(field, operator, leaf.value)
    if operator == "in":
        return list(_operands(field, leaf.value))
    return operand(field, leaf.value)


def _operands(field: AnyField, values: object) -> Iterator[object]:
    for value in values if is_sequence(values) else ():
        yield operand(field, value)
