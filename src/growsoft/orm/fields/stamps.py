"""The fields every record has: its id, who made and changed it and when, and its version."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from growsoft.orm.domain import Condition, Leaf
from growsoft.orm.fields.base import Field

if TYPE_CHECKING:
    from growsoft.orm.model import Model
    from growsoft.postgres.schema import ColumnType


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
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
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
        from growsoft.orm.fields.scalar import Datetime

        return Datetime.to_raw(self, value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportUnknownMemberType, reportUnknownVariableType]


class Identity(Number):
    """The id of a record; 0 on an empty recordset."""

    def __init__(self) -> None:
        """Declared once, by ``Model``."""
        super().__init__("ID")

    def to_python(self, raw: int, records: Model) -> int:
        """Give the id itself: it is known without asking."""
        del records
        return raw or 0

    @staticmethod
    def among(ids: Collection[int]) -> Condition:
        """Hold for these ids."""
        return Leaf(("id",), "in", tuple(ids))

    @property
    def unset(self) -> object:
        """No record has no id."""
        return None
