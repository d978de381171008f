"""The fields every record has: its id, who made and changed it and when, and its version."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final, overload

from growsoft.orm.domain import Condition, ContextValue, Leaf
from growsoft.orm.fields.base import Field
from growsoft.orm.fields.scalar import moment_of
from growsoft.orm.narrow import MAX_ID

if TYPE_CHECKING:
    from growsoft.orm.model import Model
    from growsoft.postgres.schema import ColumnType


STAMPS: Final = frozenset(("create_uid", "create_date", "write_uid", "write_date", "version"))


class Number(Field[int]):
    """A whole number of 64 bits that the database sets."""

    column: ClassVar[ColumnType | None] = "bigint"
    kind = "integer"

    def __init__(self, string: str = "") -> None:
        """Read only."""
        super().__init__(string, readonly=True, copy=False)

    @property
    def unset(self) -> object:
        """Zero."""
        return 0

    def to_raw(self, value: object) -> object:
        """Take a whole number (in conditions; nobody writes it)."""
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_ID:
            raise self.refuse(value, "a whole number")
        return value


class Moment(Field[datetime]):
    """A moment that the database sets."""

    column: ClassVar[ColumnType | None] = "timestamptz"
    kind = "datetime"

    def __init__(self, string: str = "") -> None:
        """Read only."""
        super().__init__(string, readonly=True, copy=False)

    def to_raw(self, value: object) -> object:
        """Take a moment as any other field does."""
        return moment_of(self, value)


class Identity(Number):
    """The id of a record; 0 on an empty recordset."""

    def __init__(self) -> None:
        """Declared once, by ``Model``."""
        super().__init__("ID")

    def to_python(self, raw: int, records: Model) -> int:
        """Give the id itself: it is known without asking. What is only a draft yet has none, so 0."""
        del records
        return max(raw or 0, 0)

    @overload  # type: ignore[override]  # an id is compared with an id, or with the one who asks
    def __eq__(self, other: int | None) -> Condition: ...
    @overload
    def __eq__(self, other: ContextValue) -> Condition: ...
    def __eq__(self, other: object) -> Condition:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Hold for this record, or for the user who asks (``id == current.user``, in a rule about users)."""
        return Leaf((self,), "=", other)

    def in_(self, values: Collection[int] | ContextValue) -> Condition:
        """Hold for these records, or for the companies of the one who asks."""
        return Leaf((self,), "in", values if isinstance(values, ContextValue) else tuple(values))

    def child_of(self, values: int | Collection[int] | ContextValue) -> Condition:
        """Hold for these records and all below them in their hierarchy."""
        return Leaf((self,), "child_of", values)

    def parent_of(self, values: int | Collection[int] | ContextValue) -> Condition:
        """Hold for these records and all above them in their hierarchy."""
        return Leaf((self,), "parent_of", values)

    __hash__ = object.__hash__

    @staticmethod
    def among(ids: Collection[int]) -> Condition:
        """Hold for these ids."""
        return Leaf(("id",), "in", tuple(ids))

    @property
    def unset(self) -> object:
        """No record has no id."""
        return None
