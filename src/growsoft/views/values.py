"""What an app declares about its screens: forms, lists, searches and menu entries, as values."""

from __future__ import annotations

from dataclasses import dataclass

from growsoft.orm.domain import Condition


@dataclass(frozen=True, slots=True, init=False)
class Group:
    """Fields under one heading; without a title the heading is left out."""

    title: str
    fields: tuple[str, ...]

    def __init__(self, title: str, *fields: str) -> None:
        """`Group("Address", "street", "city")`."""
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "fields", _names(fields))


@dataclass(frozen=True, slots=True, init=False)
class Lines:
    """A one2many field as a table of its records; without columns those of the other model's list."""

    field: str
    columns: tuple[str, ...]

    def __init__(self, field: str, *columns: str) -> None:
        """`Lines("order_line", "product_id", "quantity")`."""
        object.__setattr__(self, "field", field)
        object.__setattr__(self, "columns", _names(columns))


@dataclass(frozen=True, slots=True, init=False)
class Form:
    """One record of a model on a page; `status` names a selection that is shown as steps above it."""

    model: str
    parts: tuple[Group | Lines, ...]
    status: str

    def __init__(self, model: str, *parts: Group | Lines, status: str = "") -> None:
        """`Form("sale.order", Group("", "partner_id"), Lines("order_line"), status="state")`."""
        if not parts:
            raise ValueError(f"The form of {model} shows nothing.")
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "status", status)

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields of the form, each once."""
        named = [*((self.status,) if self.status else ())]
        for part in self.parts:
            named.extend(part.fields if isinstance(part, Group) else (part.field,))
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True, slots=True, init=False)
class List:
    """Records of a model in rows; the first column leads to the record."""

    model: str
    columns: tuple[str, ...]
    order: str

    def __init__(self, model: str, *columns: str, order: str = "") -> None:
        """`List("res.partner", "name", "city", order="name")`; without an order the model's own."""
        if not columns:
            raise ValueError(f"The list of {model} has no columns.")
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "columns", _names(columns))
        object.__setattr__(self, "order", order)


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition that people switch on by its title."""

    name: str
    title: str
    condition: Condition


@dataclass(frozen=True, slots=True, init=False)
class Search:
    """What the search box of a model's list offers: the fields that a word is looked for in, and ready filters."""

    model: str
    fields: tuple[str, ...]
    filters: tuple[Filter, ...]

    def __init__(self, model: str, *fields: str, filters: tuple[Filter, ...] = ()) -> None:
        """`Search("res.partner", "name", "city", filters=(Filter("customers", "Customers", ...),))`."""
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "fields", _names(fields))
        object.__setattr__(self, "filters", filters)


@dataclass(frozen=True, slots=True)
class Menu:
    """An entry of the apps menu: whose list it opens, under which title, in which app's section."""

    title: str
    model: str
    section: str
    sequence: int = 10


@dataclass(frozen=True, slots=True)
class Views:
    """The three views of one model."""

    form: Form
    list: List
    search: Search


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a name that stands twice."""
    if len(set(names)) != len(names):
        raise ValueError(f"A field stands twice: {', '.join(names)}.")
    return names
