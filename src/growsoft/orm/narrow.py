"""What a value from outside is: the questions that the wire, commands and conditions ask before they believe it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeGuard, cast

MAX_ID: Final = 2**63 - 1


def is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    """Whether it is a list or a tuple."""
    return isinstance(value, list | tuple)


def is_collection(value: object) -> TypeGuard[Collection[object]]:
    """Whether it is a list, a tuple or a set."""
    return isinstance(value, list | tuple | set | frozenset)


def is_mapping(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether it is a dictionary by names."""
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in iter(value))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  nothing is known yet


def is_id(value: object) -> TypeGuard[int]:
    """Whether it can be the id of a record: a whole number of 64 bits, one or more; ``True`` is none."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_ID


def are_ids(values: tuple[object, ...]) -> TypeGuard[tuple[int, ...]]:
    """Whether all of them can be ids; plain numbers are looked at together, because sets of records are large."""
    if set(map(type, values)) == {int}:
        numbers = cast("tuple[int, ...]", values)
        return min(numbers) > 0 and max(numbers) <= MAX_ID
    return all(map(is_id, values))
