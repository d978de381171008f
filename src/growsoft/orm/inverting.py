"""Fields whose value is elsewhere: what is written goes there, and what is searched is searched there."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from growsoft.errors import UserError
from growsoft.orm.compile import like_pattern, operand, operands
from growsoft.orm.domain import Condition, ContextValue, DomainError, Leaf, leaves
from growsoft.orm.fields import AnyField, Computed
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo


def write_through(env: Env, info: ModelInfo, field: AnyField, ids: tuple[int, ...], value: object) -> None:
    """Bring a value to where that of the field comes from, with the rights of whoever writes it."""
    env.refuse_unreadable(info, field)
    raw = field.to_raw(value)
    records = env[info.name].browse(ids)
    if isinstance(field, Computed):
        for record in records:
            getattr(record, field.inverse_name)(field.to_python(raw, record))
        return
    targets: list[Model] = [_before_last(record, field) for record in records]
    if not all(targets):
        link = info.fields[field.related[0]].label
        raise UserError(
            _("{label}: this is kept at {link}, and there is none; choose one first.", label=field.label, link=link)
        )
    together = targets[0]._of(env, tuple(dict.fromkeys(target._ids[0] for target in targets)))
    together.write({field.related[-1]: raw})


def asked(empty: Model, field: Computed[Any], leaf: Leaf) -> Condition:
    """Ask the method of a model by which a field that is not stored is found. Raises ``DomainError``."""
    if isinstance(leaf.value, ContextValue | Condition):
        raise DomainError(f"{field.label} is compared with a value.")
    found: Callable[[str, object], Condition] = getattr(empty, field.search_name)
    condition = found(leaf.operator, _value(field, leaf))
    if any(inner.names[0] == field.name for inner in leaves(condition)):
        raise TypeError(f"{empty._name}.{field.search_name} finds the field by itself")
    return condition


def _value(field: Computed[Any], leaf: Leaf) -> object:
    if leaf.operator == "in":
        return [operand(field, item) for item in operands(field, leaf.value)]
    if leaf.operator.endswith("like"):
        like_pattern(field.shape, leaf.operator, leaf.value)
        return leaf.value
    return operand(field, leaf.value)


def _before_last(record: Model, field: AnyField) -> Model:
    here = record
    for name in field.related[:-1]:
        here = getattr(here, name)
    return here
