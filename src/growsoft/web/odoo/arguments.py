"""Arguments as clients of Odoo give them: False for nothing, names alone, in a list, or in a list in a list."""

from __future__ import annotations

from growsoft.errors import ValidationError
from growsoft.orm.narrow import is_sequence


def count(value: object) -> int:
    """Take a number of records to leave out; what is none leaves out nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def limit_of(value: object) -> int | None:
    """Take the most records that are wanted; 0, as nothing, sets no limit."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value != 0 else None


def text(value: object) -> str:
    """Take text; False and None are none."""
    if value in (None, False):
        return ""
    if not isinstance(value, str):
        raise ValidationError("An order, a name and an operator are text.")
    return value


def flat_names(value: object) -> tuple[str, ...]:
    """Take names however they come: none, a list, or a list in a list."""
    if value in (None, False):
        return ()
    if isinstance(value, str):
        return (value,)
    if not is_sequence(value):
        raise ValidationError("Names of fields are given as a list.")
    if len(value) == 1 and is_sequence(value[0]):
        return flat_names(value[0])
    return tuple(str(name) for name in value)
