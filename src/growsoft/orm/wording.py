"""Conditions in words: what a rule asks of a record, for people who administrate and not for programs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final

from growsoft.orm.domain import Condition, ContextValue, Every, Leaf, Negation, Some
from growsoft.orm.fields import Relation
from growsoft.orm.narrow import is_collection

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry

_WORDS: Final[Mapping[str, str]] = {
    "=": "is", "!=": "is not", "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least",
    "in": "is one of", "not in": "is none of", "like": "contains", "not like": "does not contain",
    "ilike": "contains", "not ilike": "does not contain", "=like": "looks like", "=ilike": "looks like",
    "any": "has one of which", "not any": "has none of which", "child_of": "is at or below",
    "parent_of": "is at or above", "@@": "speaks of",
}  # fmt: skip


def in_words(registry: Registry, info: ModelInfo, condition: Condition) -> str:
    """Say a condition: ``Salesperson is the user and (Company is unset or Company is one of his companies)``."""
    match condition:
        case Every(()):
            return "always"
        case Some(()):
            return "never"
        case Every(parts) | Some(parts):
            joint = " and " if isinstance(condition, Every) else " or "
            return joint.join(_inner(registry, info, part) for part in parts)
        case Negation(part):
            return f"not {_inner(registry, info, part)}"
        case Leaf():
            return _leaf(registry, info, condition)
        case _:
            raise TypeError(f"no condition: {condition!r}")


def _inner(registry: Registry, info: ModelInfo, part: Condition) -> str:
    text = in_words(registry, info, part)
    return f"({text})" if isinstance(part, Every | Some) and len(part.parts) > 1 else text


def _leaf(registry: Registry, info: ModelInfo, leaf: Leaf) -> str:
    labels: list[str] = []
    here: ModelInfo | None = info
    for name in leaf.names:
        field = None if here is None else here.fields.get(name)
        labels.append(name if field is None else field.label)
        here = registry.models.get(field.comodel) if isinstance(field, Relation) else None
    subject, word = " of ".join(reversed(labels)), _WORDS[leaf.operator]
    if isinstance(leaf.value, Condition) and here is not None:
        return f"{subject} {word} ({in_words(registry, here, leaf.value)})"
    return f"{subject} {word} {_value(leaf.value)}"


def _value(value: object) -> str:
    match value:
        case ContextValue("user"):
            return "the user"
        case ContextValue():
            return "his companies"
        case None:
            return "unset"
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case str():
            return f'"{value}"'
        case _ if is_collection(value):
            return ", ".join(_value(one) for one in value)
        case _:
            return str(value)
