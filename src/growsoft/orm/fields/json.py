"""Structured values: whatever JSON can say, kept as PostgreSQL's jsonb."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, Unpack

import msgspec

from growsoft.orm.domain import DomainError
from growsoft.orm.fields.base import Field
from growsoft.orm.fields.options import Common
from growsoft.orm.fields.scalar import checked_text
from growsoft.orm.narrow import is_mapping, is_sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.postgres.schema import ColumnType

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_BYTES: Final = 1_000_000  # of its text
MAX_LEVELS: Final = 50
LARGEST: Final = 10**15  # beyond, a float is no longer the number that was written


def json_text(value: object) -> str:
    """Write a value as JSON; numbers with decimals, days and moments as text."""
    return msgspec.json.encode(value).decode()


class Json(Field[JsonValue]):
    """A value of lists, dictionaries, text, numbers and truth; unset is ``None``.

    What is read is a copy: change it, then write it back. A search can only ask whether it is set: what is searched
    for deserves a field of its own.
    """

    column: ClassVar[ColumnType | None] = "jsonb"
    kind = "json"

    def __init__(
        self,
        string: str = "",
        *,
        required: bool = False,
        default: JsonValue | Callable[[Env], JsonValue] = None,
        **options: Unpack[Common],
    ) -> None:
        """Take what every field takes, but ``index`` and ``unique``."""
        super().__init__(string, required=required, default=default, **options)
        if self.index or self.unique:
            raise TypeError("a Json field is not searched for, so it has no index and is not unique")

    def to_python(self, raw: Any, records: Model) -> JsonValue:  # noqa: ANN401
        """Give a copy: what somebody does with it must not look like what is stored."""
        del records
        return _copy(raw)

    def to_raw(self, value: object) -> object:
        """Take what JSON can say, within the bounds of size and depth."""
        plain = self._plain(value, MAX_LEVELS)
        if plain is not None and len(msgspec.json.encode(plain)) > MAX_BYTES:
            raise self.refuse(value, f"at most {MAX_BYTES:,} bytes of JSON")
        return plain

    def to_operand(self, value: object) -> object:
        """Refuse: only whether it is set can be asked."""
        del value
        raise DomainError(f"{self.label}: a search can only ask whether it is set, by = or != and no value.")

    def _plain(self, value: object, levels: int) -> JsonValue:
        if levels == 0:
            raise self.refuse(value, f"nested {MAX_LEVELS} levels deep at most")
        match value:
            case None | bool():
                return value
            case str():
                return checked_text(self, value)
            case int() | float():
                if not math.isfinite(value) or abs(value) > LARGEST:
                    raise self.refuse(value, "a number that JSON keeps exactly; write larger ones as text")
                return value
            case _ if is_mapping(value):
                return {checked_text(self, key): self._plain(item, levels - 1) for key, item in value.items()}
            case _ if is_sequence(value):
                return [self._plain(item, levels - 1) for item in value]
            case _:
                raise self.refuse(value, "something that JSON can say: text, numbers, lists and dictionaries by text")


def _copy(value: JsonValue) -> JsonValue:
    match value:
        case dict():
            return {key: _copy(item) for key, item in value.items()}
        case list():
            return [_copy(item) for item in value]
        case _:
            return value
