"""Conditions in memory: what a screen shows and hides, and what ``filtered`` keeps."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import MissingError
from growsoft.orm.compile import like_pattern, operand, operands
from growsoft.orm.domain import HIERARCHIES, Condition, ContextValue, DomainError, Every, Leaf, Negation, Some
from growsoft.orm.meaning import meaning
from growsoft.postgres.sql import ident, sql

if TYPE_CHECKING:
    from growsoft.orm.fields import AnyField
    from growsoft.orm.model import Model

_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


def matches(record: Model, condition: Condition) -> bool:
    """Whether one record meets a condition, as PostgreSQL would say of its row: an unset value compares to nothing."""
    match condition:
        case Every(parts):
            return all(matches(record, part) for part in parts)
        case Some(parts):
            return any(matches(record, part) for part in parts)
        case Negation(part):
            return not matches(record, part)
        case Leaf():
            simpler = meaning(record.env.registry, record._info, condition)
            return _leaf(record, condition) if simpler is condition else matches(record, simpler)
        case _:
            raise TypeError(f"no condition: {condition!r}")


def _leaf(record: Model, leaf: Leaf) -> bool:
    if leaf.operator == "@@" or leaf.operator in HIERARCHIES:
        return _as_postgres_says(record, leaf)
    field = record._info.field(leaf.names[0])
    if leaf.operator == "any":
        return _any(record, field, leaf.value)
    found = record._value(field.name)
    match leaf.operator:
        case "=" if isinstance(leaf.value, ContextValue):
            return bool(found == record.env.user_id)
        case "in" if isinstance(leaf.value, ContextValue):
            return found in record.env.companies
        case "in":
            return found in [operand(field, item) for item in operands(field, leaf.value)]
        case operator if operator in _COMPARISONS:
            return _compared(field, found, leaf)
        case operator:
            pattern = like_pattern(field, operator, leaf.value)
            return _regex(pattern, ignore_case=operator.endswith("ilike")).fullmatch(
                lowered(found) if operator.endswith("ilike") else found
            ) is not None  # fmt: skip


def _any(record: Model, field: AnyField, inner: object) -> bool:
    if not isinstance(inner, Condition):
        raise DomainError(f"{field.label}: what is asked of the linked records is no condition.")
    return any(_linked_matches(linked, inner) for linked in getattr(record, field.name))


def _linked_matches(linked: Model, inner: Condition) -> bool:
    try:
        return matches(linked, inner)
    except MissingError:  # hidden from whoever asks: for him it is not there
        return False


def _as_postgres_says(record: Model, leaf: Leaf) -> bool:
    """Ask PostgreSQL, which alone knows words, and ways through a hierarchy: those of hidden records lead on."""
    env, info = record.env, record._info
    env.work.prepare(env, leaf.names)
    where = env.compiler().where(info, Leaf(("id",), "=", record._ids[0]) & leaf)
    query = sql("SELECT FROM {t} WHERE {where}", t=ident(info.table), where=where)
    return bool(env.execute(query).rowcount)


def _compared(field: AnyField, found: object, leaf: Leaf) -> bool:
    wanted = operand(field, leaf.value)
    if wanted is None and leaf.operator != "=":
        raise DomainError(f"{field.label} {leaf.operator} needs a value.")
    if found is None or wanted is None:
        return found is wanted
    return _COMPARISONS[leaf.operator](found, wanted)


def lowered(text: str) -> str:
    """Lower each character by itself, as PostgreSQL's builtin locale does: no letter becomes two or minds its place."""
    return text.lower() if text.isascii() else "".join("i" if c == "\u0130" else c.lower() for c in text)


@lru_cache(maxsize=500)
def _regex(pattern: str, *, ignore_case: bool) -> re.Pattern[str]:
    """Write a LIKE pattern as a regular expression: ``%`` is any text, ``_`` one character, a backslash takes that."""
    pieces: list[str] = []
    characters = iter(lowered(pattern) if ignore_case else pattern)
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
    return re.compile("".join(pieces), re.DOTALL)
