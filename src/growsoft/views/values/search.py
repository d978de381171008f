"""Searches: what the search box of a list offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from growsoft.orm.domain import Condition
from growsoft.views.values.named import FieldName, ModelName, field_name, field_names, model_name

Unit = Literal["", "day", "week", "month", "quarter", "year"]


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition that people switch on by its title."""

    name: str
    title: str
    condition: Condition


@dataclass(frozen=True, slots=True, init=False)
class GroupBy:
    """What people group by with one click: a field, and for a date how long its parts are."""

    title: str
    key: str

    def __init__(self, title: str, field: FieldName, unit: Unit = "") -> None:
        """`GroupBy("Month", Order.date_order, "month")`."""
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "key", key_of(field, unit))


def key_of(field: FieldName, unit: Unit = "") -> str:
    """Return what groups are made by, in the words of the data layer: `date_order:month`."""
    return f"{field_name(field)}:{unit}" if unit else field_name(field)


@dataclass(frozen=True, slots=True, init=False)
class Search:
    """What the search box of a model's list offers: fields that a word is looked for in, ready filters and groups."""

    model: str
    fields: tuple[str, ...]
    filters: tuple[Filter, ...]
    groups: tuple[GroupBy, ...]

    def __init__(
        self,
        model: ModelName,
        *fields: FieldName,
        filters: tuple[Filter, ...] = (),
        groups: tuple[GroupBy, ...] = (),
    ) -> None:
        """`Search(Partner, Partner.name, filters=(Filter("customers", "Customers", Partner.customer_rank > 0),))`."""
        object.__setattr__(self, "model", model_name(model))
        object.__setattr__(self, "fields", field_names(fields))
        object.__setattr__(self, "filters", filters)
        object.__setattr__(self, "groups", groups)
