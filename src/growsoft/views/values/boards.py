"""Boards and charts: the records of a list as cards in columns, as bars, as a table of sums, as days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from growsoft.views.values.named import FieldName, ModelName, field_name, field_names, model_name

ChartKind = Literal["bar", "line", "pie"]


@dataclass(frozen=True, slots=True, init=False)
class Kanban:
    """Records as cards, in a column for each value of a field; moving a card changes the field."""

    model: str
    by: str
    fields: tuple[str, ...]
    total: str

    def __init__(self, model: ModelName, by: FieldName, *fields: FieldName, total: FieldName = "") -> None:
        """`Kanban(Order, Order.state, Order.partner_id, total=Order.amount_total)`; the total is said per column."""
        object.__setattr__(self, "model", model_name(model))
        object.__setattr__(self, "by", field_name(by))
        object.__setattr__(self, "fields", field_names(fields))
        object.__setattr__(self, "total", field_name(total))


@dataclass(frozen=True, slots=True, init=False)
class Chart:
    """Groups of records as bars, a line or a pie: one or two keys, and what is added up, else the records counted."""

    model: str
    by: tuple[str, ...]
    measure: str
    kind: ChartKind

    def __init__(self, model: ModelName, *by: FieldName, measure: FieldName = "", kind: ChartKind = "bar") -> None:
        """`Chart(Order, key_of(Order.date_order, "month"), measure=Order.amount_total)`."""
        if not 1 <= len(by) <= 2:
            raise ValueError(f"The chart of {model_name(model)} has one key, or two.")
        object.__setattr__(self, "model", model_name(model))
        object.__setattr__(self, "by", field_names(by))
        object.__setattr__(self, "measure", field_name(measure))
        object.__setattr__(self, "kind", kind)


@dataclass(frozen=True, slots=True, init=False)
class Pivot:
    """Sums in a table: a row for each value of the first keys, a column for each value of another."""

    model: str
    rows: tuple[str, ...]
    column: str
    measures: tuple[str, ...]

    def __init__(
        self, model: ModelName, *rows: FieldName, column: FieldName = "", measures: tuple[FieldName, ...] = ()
    ) -> None:
        """`Pivot(Order, "user_id", column="date_order:quarter", measures=(Order.amount_total,))`."""
        object.__setattr__(self, "model", model_name(model))
        object.__setattr__(self, "rows", field_names(rows))
        object.__setattr__(self, "column", field_name(column))
        object.__setattr__(self, "measures", field_names(measures))


@dataclass(frozen=True, slots=True, init=False)
class Calendar:
    """Records on their days."""

    model: str
    date: str
    fields: tuple[str, ...]

    def __init__(self, model: ModelName, date: FieldName, *fields: FieldName) -> None:
        """`Calendar(Order, Order.commitment_date, Order.partner_id)`."""
        object.__setattr__(self, "model", model_name(model))
        object.__setattr__(self, "date", field_name(date))
        object.__setattr__(self, "fields", field_names(fields))
