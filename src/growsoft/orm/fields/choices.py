"""The choices of a selection: the members of an enum, and those that extending apps add to them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any


class Choices:
    """Members of one or several enums whose values are text, in the order in which people see them."""

    def __init__(self, members: tuple[Enum, ...]) -> None:
        """Take the members; two of one value could not be told apart in the column."""
        self._by_value = {member.value: member for member in members}
        if len(self._by_value) < len(members):
            raise ValueError(f"the values {', '.join(str(member.value) for member in members)} are not all different")

    def __iter__(self) -> Iterator[Enum]:
        """Give the members."""
        return iter(self._by_value.values())

    def __len__(self) -> int:
        """How many."""
        return len(self._by_value)

    def __contains__(self, value: object) -> bool:
        """Whether something is a member itself, not only a value of one."""
        return isinstance(value, Enum) and self._by_value.get(value.value) is value

    def __call__(self, value: object) -> Any:  # noqa: ANN401  the field's type says which enum it is
        """Give the member of a value; raises ``ValueError`` for none, as an enum does."""
        if not isinstance(value, str) or value not in self._by_value:
            raise ValueError(f"{value!r} is none of the choices")
        return self._by_value[value]

    def with_more(self, more: type[Enum], after: Enum | None) -> Choices:
        """Give these with more members: behind one of them, or at the end. Members that are there already stay."""
        known = list(self)
        place = known.index(after) + 1 if after in self and after is not None else len(known)
        new = [member for member in more if member not in self]
        return Choices((*known[:place], *new, *known[place:]))
