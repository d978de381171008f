"""Computed fields: a method whose value is kept in a column, or read like one."""

from __future__ import annotations

import typing
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal as Number
from typing import TYPE_CHECKING, Any, Final, TypeVar

from growsoft.orm.fields.base import Field
from growsoft.orm.fields.scalar import Boolean, Char, Date, Datetime, Decimal, Integer, Monetary, Text

if TYPE_CHECKING:
    from growsoft.orm.domain import Condition, Operator
    from growsoft.orm.model import Model
    from growsoft.postgres.schema import ColumnType

V = TypeVar("V")
M = TypeVar("M", bound="Model")

# What a method returns decides the column; text, not types, because annotations may be postponed.
_SHAPES: Final[dict[str, Callable[[], Field[Any]]]] = {
    "str": Char,
    "int": Integer,
    "Decimal": lambda: Decimal(digits=None),
    "bool": Boolean,
    "date": Date,
    "date | None": Date,
    "datetime": Datetime,
    "datetime | None": Datetime,
}
_NAMES: Final = {str: "str", int: "int", Number: "Decimal", bool: "bool", date: "date", datetime: "datetime"}


class Computed(Field[V]):
    """A field whose value a method works out from others.

    Stored ones are worked out again, once and for all records together, when something they depend on changes. With
    ``readonly=False`` people may overwrite a stored value, which stays until then. ``inverse`` names the method that
    brings a written value to where it comes from, ``search`` the one that says by which other fields one that is not
    stored is found. ``recursive`` fields depend on themselves along a hierarchy.
    """

    kind = "computed"

    def __init__(  # noqa: PLR0913  the keywords of api.computed
        self,
        method: Callable[[Any], V],
        depends: tuple[str, ...],
        *,
        store: bool,
        currency: str,
        string: str,
        groups: str | tuple[str, ...],
        unique: bool | str = False,
        readonly: bool = True,
        recursive: bool = False,
        multiline: bool = False,
    ) -> None:
        """``depends`` are paths such as ``order_line.price_subtotal``; see ``api.computed``."""
        words = (method.__doc__ or "").strip()
        super().__init__(string, readonly=readonly, groups=groups, help=words, copy=False, unique=unique)
        self.compute = method
        self.depends = depends
        self.store = store
        self.recursive = recursive
        self.inverse_name = ""
        self.search_name = ""
        self.currency = currency
        self.shape = Text() if multiline else self._shape(method, currency)
        self.kind = self.shape.kind  # type: ignore[misc]  # an instance's kind is that of the value it keeps
        self.column: ColumnType | None = self.shape.column if store else None  # type: ignore[misc]

    def __set_name__(self, owner: type[Model], name: str) -> None:
        """Name the shape too: its errors speak of this field."""
        super().__set_name__(owner, name)
        self.shape.name = name
        self.shape.string = self.string

    def inverse(self, method: Callable[[M, V], None]) -> Callable[[M, V], None]:
        """Make a method bring a written value of one record to where it comes from, with the rights of its writer."""
        self.inverse_name = method.__name__
        return method

    def search(self, method: Callable[[M, Operator, object], Condition]) -> Callable[[M, Operator, object], Condition]:
        """Make a method say which condition on other fields finds what a comparison of this one asks for.

        It gets one of ``= in < <= > >= like ilike =like =ilike``, never their opposites, and the value as the field
        holds it (None for unset, a list for ``in``).
        """
        self.search_name = method.__name__
        return method

    @property
    def writes_through(self) -> bool:
        """Whether there is a method that brings a written value to where it comes from."""
        return bool(self.inverse_name)

    @property
    def unset(self) -> object:
        """Unset is what it is for the type of the value."""
        return self.shape.unset

    def to_raw(self, value: object) -> object:
        """Take what the method returned."""
        return self.shape.to_raw(value)

    def to_operand(self, value: object) -> object:
        """Take what a field of this type is compared with."""
        return self.shape.to_operand(value)

    @staticmethod
    def _shape(method: Callable[[Any], V], currency: str) -> Field[Any]:
        if currency:
            return Monetary(currency=currency)
        declared = method.__annotations__.get("return")
        name = declared if isinstance(declared, str) else _NAMES.get(typing.cast("type", declared), str(declared))
        shape = _SHAPES.get(name)
        if shape is None:
            raise TypeError(f"{method.__qualname__} must return one of {', '.join(_SHAPES)}, not {name}")
        return shape()
