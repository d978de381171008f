"""Calling public methods from outside: arguments are converted to what the method's annotations say, or refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, get_type_hints

import msgspec

from growsoft.errors import ValidationError
from growsoft.orm import Model


class NoSuchMethod(ValidationError):
    """There is no such method, or it is not for callers from outside."""


def typed(
    function: Callable[..., object], records: Model, args: Sequence[object], kwargs: Mapping[str, object]
) -> object:
    """Call a public method with arguments that fit its annotations. Raises ``ValidationError``."""
    signature = inspect.signature(function)
    try:
        bound = signature.bind(records, *args, **kwargs)
    except TypeError as error:
        raise ValidationError(f"{function.__name__}: {error}.") from None
    hints = _hints(function)
    for name in list(bound.arguments)[1:]:
        if name not in hints:
            raise NoSuchMethod(f"{function.__name__} does not say what {name} is, so it takes none from outside.")
        try:
            bound.arguments[name] = msgspec.convert(bound.arguments[name], hints[name])
        except msgspec.ValidationError as error:
            raise ValidationError(f"{function.__name__}: {name}: {error}.") from None
    return function(*bound.args, **bound.kwargs)


@cache
def _hints(function: Callable[..., object]) -> dict[str, Any]:
    return get_type_hints(function)
