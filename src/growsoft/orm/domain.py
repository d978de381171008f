"""Conditions: one small tree for search, rules, checks and screens, and its form on the wire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeGuard

from growsoft.errors import ValidationError
from growsoft.orm.narrow import is_collection, is_sequence

if TYPE_CHECKING:
    from growsoft.orm.fields.base import AnyField

Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "in", "not in", "like", "not like", "ilike", "not ilike", "=like", "=ilike",
    "any", "not any", "child_of", "parent_of", "@@",
]  # fmt: skip
OPERATORS: Final = frozenset[str](
    ("=", "!=", "<", "<=", ">", ">=", "in", "not in", "like", "not like", "ilike", "not ilike", "=like", "=ilike",
     "any", "not any", "child_of", "parent_of", "@@")
)  # fmt: skip
# Each of these is the opposite of the other, unset values included: what the one leaves out the other finds.
NEGATIVES: Final[dict[str, Operator]] = {
    "!=": "=", "not in": "in", "not like": "like", "not ilike": "ilike", "not any": "any",
}  # fmt: skip
# Bounds for what comes from outside, for a whole condition with all that is nested in it: enough for every screen, too
# little to exhaust the planner or the stack.
MAX_TERMS: Final = 500
MAX_VALUES: Final = 10_000
MAX_DEPTH: Final = 20
MAX_STEPS: Final = 10


HIERARCHIES: Final = frozenset(("child_of", "parent_of"))


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


@dataclass(frozen=True, slots=True, eq=False)
class Leaf(Condition):
    """One comparison. ``path`` holds field names, or the fields themselves while their class is still being made."""

    path: tuple[str | AnyField, ...]
    operator: Operator
    value: object

    @property
    def names(self) -> tuple[str, ...]:
        """The path as names."""
        return tuple(step if isinstance(step, str) else step.name for step in self.path)

    def __eq__(self, other: object) -> bool:
        """The same comparison, however its path is written: two fields themselves compare to a condition."""
        return isinstance(other, Leaf) and (self.names, self.operator, self.value) == (
            other.names, other.operator, other.value,
        )  # fmt: skip

    def __hash__(self) -> int:
        """Agree with ``__eq__``; values may be lists."""
        return hash((self.names, self.operator))


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


def from_wire(terms: object) -> Condition:
    """Read a domain list: ``["|", ["name", "ilike", "x"], ["ref", "=", "y"]]``.

    Prefix operators ``&``, ``|``, ``!``; terms that stand side by side are joined by ``&``. Whether fields exist and
    may be read is checked when the condition is compiled for its model. Raises ``DomainError``.
    """
    return _Reader().condition(terms).condition


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


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Give the comparisons of a condition; what is inside of an ``any`` is a part of that one."""
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from leaves(part)
        case Negation(part):
            yield from leaves(part)
        case Leaf():
            yield condition
        case _:
            raise TypeError(f"no condition: {condition!r}")


def names_in(condition: Condition) -> Iterator[str]:
    """Give the names of all fields that a condition speaks of."""
    for leaf in leaves(condition):
        yield from leaf.names
        if isinstance(leaf.value, Condition):
            yield from names_in(leaf.value)


def _parts(condition: Condition, kind: type[Every | Some]) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, kind) else (condition,)


@dataclass(frozen=True, slots=True)
class _Read:
    """A condition that was read, and how deep it is nested: what walks it later calls itself so often."""

    condition: Condition
    depth: int


class _Reader:
    """Reads one domain list with all lists inside of it, and counts what it has read."""

    def __init__(self) -> None:
        self._terms = MAX_TERMS
        self._values = MAX_VALUES
        self._nested = 0

    def condition(self, terms: object) -> _Read:
        if not is_sequence(terms):
            raise DomainError("A search condition is a list of [field, operator, value] and of &, | and !.")
        self._terms -= len(terms)
        if self._terms < 0:
            raise DomainError(f"A search condition has {MAX_TERMS} terms at most.")
        stack: list[_Read] = []
        for term in reversed(terms):
            stack.append(_combined(term, stack) if isinstance(term, str) else self._leaf(term))
        stack.reverse()
        return stack[0] if len(stack) == 1 else _nested(Every(tuple(part.condition for part in stack)), stack)

    def _leaf(self, term: object) -> _Read:
        if not is_sequence(term) or len(term) != 3:
            raise DomainError("A term is [field, operator, value].")
        path, operator, value = term
        if not isinstance(path, str) or not path or len(path) > 200 or path.count(".") >= MAX_STEPS:
            raise DomainError("The first part of a term is the name of a field.")
        if not _is_operator(operator):
            raise DomainError(f"{str(operator)[:20]!r} is no operator; use one of {' '.join(sorted(OPERATORS))}.")
        names = tuple(path.split("."))
        if operator not in ("any", "not any"):
            return _Read(Leaf(names, operator, self._checked(value)), len(names))
        self._nested += 1
        if self._nested > MAX_DEPTH:
            raise DomainError(_TOO_DEEP)
        inner = self.condition(value)
        self._nested -= 1
        return _nested(Leaf(names, operator, inner.condition), [inner, _Read(EVERYTHING, len(names))])

    def _checked(self, value: object) -> object:
        if is_sequence(value):
            self._values -= len(value)
            if self._values < 0:
                raise DomainError(f"A search condition has {MAX_VALUES:,} values at most.")
        return value


_TOO_DEEP: Final = f"A search condition is nested {MAX_DEPTH} levels deep at most."


def _nested(condition: Condition, parts: Sequence[_Read]) -> _Read:
    depth = 1 + max((part.depth for part in parts), default=0)
    if depth > MAX_DEPTH:
        raise DomainError(_TOO_DEEP)
    return _Read(condition, depth)


def _combined(symbol: str, stack: list[_Read]) -> _Read:
    if symbol not in ("&", "|", "!"):
        raise DomainError(f"{symbol[:20]!r} is none of &, | and !.")
    try:
        first = stack.pop()
        if symbol == "!":
            return _nested(~first.condition, [first])
        second = stack.pop()
    except IndexError:
        raise DomainError(f"{symbol} needs terms after it.") from None
    kind = Every if symbol == "&" else Some
    condition = first.condition & second.condition if kind is Every else first.condition | second.condition
    # A row of the same operators is one level, however long it is.
    flat = [_Read(part.condition, part.depth - isinstance(part.condition, kind)) for part in (first, second)]
    return _nested(condition, flat)


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
