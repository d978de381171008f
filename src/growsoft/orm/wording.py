"""Conditions in words: what a rule asks of a record, for people who administrate and not for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final

from growsoft.orm.domain import Condition, ContextValue, Every, Leaf, Negation, Some
from growsoft.orm.fields import Relation
from growsoft.orm.narrow import is_collection
from growsoft.words import Words, _

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry

_WORDS: Final[Mapping[str, Words]] = {
    "=": _("{subject} is {value}"),
    "!=": _("{subject} is not {value}"),
    "<": _("{subject} is below {value}"),
    "<=": _("{subject} is at most {value}"),
    ">": _("{subject} is above {value}"),
    ">=": _("{subject} is at least {value}"),
    "in": _("{subject} is one of {value}"),
    "not in": _("{subject} is none of {value}"),
    "like": _("{subject} contains {value}"),
    "not like": _("{subject} does not contain {value}"),
    "ilike": _("{subject} contains {value}"),
    "not ilike": _("{subject} does not contain {value}"),
    "=like": _("{subject} looks like {value}"),
    "=ilike": _("{subject} looks like {value}"),
    "any": _("{subject} has one of which {value}"),
    "not any": _("{subject} has none of which {value}"),
    "child_of": _("{subject} is at or below {value}"),
    "parent_of": _("{subject} is at or above {value}"),
    "@@": _("{subject} speaks of {value}"),
}


def in_words(registry: Registry, info: ModelInfo, condition: Condition) -> Words:
    """Say a condition: ``Salesperson is the user and (Company is unset or Company is one of his companies)``."""
    match condition:
        case Every(()):
            return _("always")
        case Some(()):
            return _("never")
        case Every(parts) | Some(parts):
            return _joined([_inner(registry, info, part) for part in parts], every=isinstance(condition, Every))
        case Negation(part):
            return _("not {condition}", condition=_inner(registry, info, part))
        case Leaf():
            return _leaf(registry, info, condition)
        case _other:
            raise TypeError(f"no condition: {condition!r}")


def _joined(parts: Sequence[Words], *, every: bool) -> Words:
    found = parts[0]
    for part in parts[1:]:
        found = _("{one} and {other}", one=found, other=part) if every else _("{one} or {other}", one=found, other=part)
    return found


def _inner(registry: Registry, info: ModelInfo, part: Condition) -> Words:
    text = in_words(registry, info, part)
    return _within(text) if isinstance(part, Every | Some) and len(part.parts) > 1 else text


def _within(text: Words) -> Words:
    return Words("({text})", {"text": text})


def _leaf(registry: Registry, info: ModelInfo, leaf: Leaf) -> Words:
    subject: str = ""
    here: ModelInfo | None = info
    for name in leaf.names:
        field = None if here is None else here.fields.get(name)
        label = name if field is None else field.label
        subject = _("{field} of {thing}", field=label, thing=subject) if subject else label
        here = registry.models.get(field.comodel) if isinstance(field, Relation) else None
    if isinstance(leaf.value, Condition) and here is not None:
        value: str = _within(in_words(registry, here, leaf.value))
    else:
        value = _value(leaf.value)
    return Words(_WORDS[leaf.operator], {"subject": subject, "value": value})


def _value(value: object) -> str:
    match value:
        case ContextValue("user"):
            return _("the user")
        case ContextValue():
            return _("his companies")
        case None:
            return _("unset")
        case bool():
            return _("yes") if value else _("no")
        case Enum():
            return str(value.value)
        case str():
            return f'"{value}"'
        case _other if is_collection(value):
            return ", ".join(_value(one) for one in value)
        case _other:
            return str(value)
