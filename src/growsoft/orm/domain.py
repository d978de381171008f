"""Conditions: one small tree for search, rules, checks and screens, and its form on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeGuard

from growsoft.errors import ValidationError
from growsoft.orm.narrow import is_collection, is_sequence

if TYPE_CHECKING:
    from growsoft.orm.fields.base import AnyField

Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "in", "not in", "like", "not like", "ilike", "not ilike", "=like", "=ilike",
    "any", "not any",
]  # fmt: skip
OPERATORS: Final = frozenset[str](
    ("=", "!=", "<", "<=", ">", ">=", "in", "not in", "like", "not like", "ilike", "not ilike", "=like", "=ilike",
     "any", "not any")
)  # fmt: skip
# Bounds for what comes from outside: enough for every screen, too little to exhaust the planner or the stack.
MAX_TERMS: Final = 500
MAX_DEPTH: Final = 20


class DomainError(ValidationError):
    """This search condition is not understood; check its fields, operators and values."""


@dataclass(frozen=True, slots=True)
class ContextValue:
    """A value that only the context knows: the signed-in user, or the companies he works in."""

    name: Literal["user", "companies"]


class Condition:
    """A condition on the records of one model. Combine with ``&``, ``|`` and ``~``."""

    __slots__ = ()

    def __and__(self, other: Condition) -> Condition:
        """Both."""
        return Every((*_parts(self, Every), *_parts(other, Every)))

    def __or__(self, other: Condition) -> Condition:
        """At least one."""
        return Some((*_parts(self, Some), *_parts(other, Some)))

    def __invert__(self) -> Condition:
        """Not this."""
        return Negation(self)

    def __bool__(self) -> NoReturn:
        """Refuse: ``and``, ``or``, ``not`` and ``if`` would silently drop half of a condition."""
        raise TypeError("a condition has no truth value; combine conditions with &, | and ~")


@dataclass(frozen=True, slots=True)
class Leaf(Condition):
    """One comparison. ``path`` holds field names, or the fields themselves while their class is still being made."""

    path: tuple[str | AnyField, ...]
    operator: Operator
    value: object

    @property
    def names(self) -> tuple[str, ...]:
        """The path as names."""
        return tuple(step if isinstance(step, str) else step.name for step in self.path)


@dataclass(frozen=True, slots=True)
class Every(Condition):
    """All of the parts; of none: everything."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some(Condition):
    """One of the parts; of none: nothing."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation(Condition):
    """The records for which the part does not hold."""

    part: Condition


EVERYTHING: Final = Every(())
NOTHING: Final = Some(())


def from_wire(terms: object, *, depth: int = 0) -> Condition:
    """Read a domain list: ``["|", ["name", "ilike", "x"], ["ref", "=", "y"]]``.

    Prefix operators ``&``, ``|``, ``!``; terms that stand side by side are joined by ``&``. Whether fields exist is
    checked when the condition is compiled for its model. Raises ``DomainError``.
    """
    if not is_sequence(terms) or depth > MAX_DEPTH:
        raise DomainError("A search condition is a list of [field, operator, value] and of &, | and !.")
    if len(terms) > MAX_TERMS:
        raise DomainError(f"A search condition has {MAX_TERMS} terms at most.")
    stack: list[Condition] = []
    for term in reversed(terms):
        stack.append(_combined(term, stack) if isinstance(term, str) else _leaf(term, depth))
    stack.reverse()
    return stack[0] if len(stack) == 1 else Every(tuple(stack))


def to_wire(condition: Condition) -> list[object]:
    """Write a condition as a domain list; the counterpart of ``from_wire``."""
    match condition:
        case Leaf():
            value = to_wire(condition.value) if isinstance(condition.value, Condition) else _plain(condition.value)
            return [[".".join(condition.names), condition.operator, value]]
        case Every(parts):
            return _prefixed("&", parts) if parts else [["id", "!=", None]]
        case Some(parts):
            return _prefixed("|", parts) if parts else [["id", "=", None]]
        case Negation(part):
            return ["!", *_prefixed("&", (part,))]
        case _:
            raise TypeError(f"no condition: {condition!r}")


def _parts(condition: Condition, kind: type[Every | Some]) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, kind) else (condition,)


def _combined(symbol: str, stack: list[Condition]) -> Condition:
    try:
        match symbol:
            case "&":
                return stack.pop() & stack.pop()
            case "|":
                return stack.pop() | stack.pop()
            case "!":
                return ~stack.pop()
            case _:
                raise DomainError(f"{symbol[:20]!r} is none of &, | and !.")
    except IndexError:
        raise DomainError(f"{symbol} needs terms after it.") from None


def _leaf(term: object, depth: int) -> Leaf:
    if not is_sequence(term) or len(term) != 3:
        raise DomainError("A term is [field, operator, value].")
    path, operator, value = term
    if not isinstance(path, str) or not path or len(path) > 200:
        raise DomainError("The first part of a term is the name of a field.")
    if not _is_operator(operator):
        raise DomainError(f"{str(operator)[:20]!r} is no operator; use one of {' '.join(sorted(OPERATORS))}.")
    if operator in ("any", "not any"):
        value = from_wire(value, depth=depth + 1)
    elif is_sequence(value) and len(value) > 10_000:
        raise DomainError("A list of values has 10,000 entries at most.")
    return Leaf(tuple(path.split(".")), operator, value)


def _is_operator(value: object) -> TypeGuard[Operator]:
    return isinstance(value, str) and value in OPERATORS


def _prefixed(symbol: str, parts: Sequence[Condition]) -> list[object]:
    flat: list[object] = [symbol] * (len(parts) - 1)
    for part in parts:
        flat.extend(to_wire(part))
    return flat


def _plain(value: object) -> object:
    if is_collection(value):
        return [_plain(item) for item in value]
    ids: object = getattr(value, "ids", None)  # records: this module is below them and knows them by this alone
    return value if ids is None else _plain(ids)
