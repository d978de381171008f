"""Parts of views: groups of fields, tables of lines, tabs, and the actions that people may run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from growsoft.orm.domain import Condition
from growsoft.views.values.named import FieldName, field_name, field_names


@dataclass(frozen=True, slots=True, init=False)
class Group:
    """Fields under one heading; without a title the heading is left out."""

    title: str
    fields: tuple[str, ...]

    def __init__(self, title: str, *fields: FieldName) -> None:
        """`Group("Address", Partner.street, Partner.city)`."""
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "fields", field_names(fields))


@dataclass(frozen=True, slots=True, init=False)
class Lines:
    """A one2many field as a table of its records; without columns those of the other model's list."""

    field: str
    columns: tuple[str, ...]

    def __init__(self, field: FieldName, *columns: FieldName) -> None:
        """`Lines(Order.order_line, OrderLine.product_id, OrderLine.product_uom_qty)`."""
        object.__setattr__(self, "field", field_name(field))
        object.__setattr__(self, "columns", field_names(columns))


@dataclass(frozen=True, slots=True, init=False)
class Tab:
    """Parts of a form that are shown one tab at a time."""

    title: str
    parts: tuple[Group | Lines, ...]

    def __init__(self, title: str, *parts: Group | Lines) -> None:
        """`Tab("Delivery", Group("", Order.carrier_id))`."""
        if not title:
            raise ValueError("A tab has a title.")
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "parts", parts)


Part: TypeAlias = Group | Lines | Tab


@dataclass(frozen=True, slots=True, init=False)
class Action:
    """A public method that people run by its title: on a record, or on the rows that they chose in a list.

    With `when` it is offered only for records that meet a condition, with `confirm` it first asks this question.
    """

    title: str
    method: str
    when: Condition | None
    confirm: str

    def __init__(
        self, title: str, method: Callable[..., Any] | str, *, when: Condition | None = None, confirm: str = ""
    ) -> None:
        """`Action("Confirm", Order.action_confirm, when=Order.state == OrderState.DRAFT)`."""
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "method", method if isinstance(method, str) else method.__name__)
        object.__setattr__(self, "when", when)
        object.__setattr__(self, "confirm", confirm)
