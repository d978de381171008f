"""Narrowing: what JSON gave, told apart for the type checkers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from growsoft.orm.narrow import is_sequence


def is_rows(value: object) -> TypeGuard[Sequence[Sequence[object]]]:
    """Say whether a value is a list of commands of three parts."""
    return is_sequence(value) and all(is_sequence(row) and len(row) == 3 for row in value)


def is_texts(value: object) -> TypeGuard[Mapping[str, object]]:
    """Say whether a value has values by name."""
    return isinstance(value, dict)
