"""Conditions in memory: what a screen shows and hides, and what ``filtered`` keeps."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import re
from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Final

from growsoft.orm.domain import Condition, ContextValue, DomainError, Every, Leaf, Negation, Some
from growsoft.orm.narrow import is_collection, is_id

if TYPE_CHECKING:
    from growsoft.orm.model import Model

_ORDERED: Final[dict[str, Callable[[Any, Any], bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def matches(record: Model, condition: Condition) -> bool:
    """Whether one record meets a condition, as PostgreSQL would say of its row (an unset value compares to nothing)."""
    match condition:
        case Every(parts):
            return all(matches(record, part) for part in parts)
        case Some(parts):
            return any(matches(record, part) for part in parts)
        case Negation(part):
            return not matches(record, part)
        case Leaf():
            return _leaf(record, condition)
        case _:
            raise TypeError(f"no condition: {condition!r}")


def _leaf(record: Model, leaf: Leaf) -> bool:
    from growsoft.orm.model import Model

    first, *rest = leaf.names
    if rest:
        return any(matches(linked, Leaf(tuple(rest), leaf.operator, leaf.value)) for linked in getattr(record, first))
    field = record._info.field(first)
    found = getattr(record, first)
    if isinstance(found, Model):
        return _linked(record, found, leaf)
    raw = field.to_raw(found)
    return _scalar(raw, leaf, lambda value: field.unset if value is None else field.to_raw(value))


def _linked(record: Model, found: Model, leaf: Leaf) -> bool:
    operator, value = leaf.operator, leaf.value
    negated = operator in ("!=", "not in", "not any", "not like", "not ilike")
    if isinstance(value, ContextValue):
        ids = {record.env.user_id} if value.name == "user" else set(record.env.companies)
        return bool(ids & set(found.ids)) is not negated
    if isinstance(value, Condition):
        return any(matches(one, value) for one in found) is not negated
    if isinstance(value, str):
        positive: Any = operator.removeprefix("not ")
        return any(matches(one, Leaf((one._rec_name,), positive, value)) for one in found) is not negated
    wanted = _ids(value)
    return (bool(wanted & set(found.ids)) if wanted else not found) is not negated


def _ids(value: object) -> set[int]:
    ids: object = getattr(value, "ids", value)
    if ids is None or ids is False:
        return set()
    return {i for i in (ids if is_collection(ids) else (ids,)) if is_id(i)}


def _scalar(raw: Any, leaf: Leaf, to_raw: Callable[[object], Any]) -> bool:  # noqa: ANN401
    operator, value = leaf.operator, leaf.value
    match operator:
        case "=":
            return bool(raw == to_raw(value))
        case "!=":
            return bool(raw != to_raw(value))
        case "in" | "not in" if is_collection(value):
            return (raw in [to_raw(item) for item in value]) is (operator == "in")
        case "<" | "<=" | ">" | ">=":
            return raw is not None and _ORDERED[operator](raw, to_raw(value))
        case _ if "like" in operator and isinstance(value, str):
            return _like(str(raw), operator, value) is not operator.startswith("not")
        case _:
            raise DomainError(f"{operator} does not work here.")


def _like(text: str, operator: str, value: str) -> bool:
    flags = re.IGNORECASE if "ilike" in operator else 0
    if not operator.startswith("="):
        return re.search(re.escape(value), text, flags) is not None
    return re.fullmatch(_pattern(value), text, flags | re.DOTALL) is not None


def _pattern(pattern: str) -> str:
    """Write a LIKE pattern as a regular expression: ``%`` is any text, ``_`` one character, a backslash takes that."""
    pieces: list[str] = []
    characters = iter(pattern)
    for character in characters:
        match character:
            case "%":
                pieces.append(".*")
            case "_":
                pieces.append(".")
            case "\\":
                pieces.append(re.escape(next(characters, "")))
            case _:
                pieces.append(re.escape(character))
    return "".join(pieces)
