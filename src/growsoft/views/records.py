"""Records as screens ask for them: the few questions and changes that lists and forms are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from growsoft.errors import UserError
from growsoft.orm.domain import Condition
from growsoft.views.fields import Link, ModelView, Value


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its name and those of its values that were asked for and may be read."""

    id: int
    name: str
    values: Mapping[str, Value]
    version: int = 0
    changed_by: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a list, and how many there are in all."""

    records: tuple[Record, ...]
    total: int


# A value to store, by field: ids where the field is a link, commands where it holds many.
Changes = Mapping[str, object]


class Stale(UserError):
    """Somebody else changed this record after you opened it."""


class Records(Protocol):
    """The records of one database as one person may see and change them."""

    def models(self) -> Sequence[ModelView]:
        """Return the models that this person may read."""
        ...

    def model(self, name: str) -> ModelView:
        """Return a model; raises `MissingError` for one that is not there or not for this person."""
        ...

    def page(
        self, model: ModelView, fields: Sequence[str], condition: Condition, *, order: str, offset: int, limit: int
    ) -> Page:
        """Return a page of a list, the names of linked records joined in."""
        ...

    def read(self, model: ModelView, record: int, fields: Sequence[str]) -> Record:
        """Return one record; raises `MissingError` without telling whether it exists."""
        ...

    def lines(self, model: ModelView, record: int, field: str, columns: Sequence[str]) -> Sequence[Record]:
        """Return the records of a one2many field."""
        ...

    def defaults(self, model: ModelView, fields: Sequence[str]) -> Mapping[str, Value]:
        """Return what a new record begins with."""
        ...

    def named(self, model: ModelView, text: str, *, limit: int, exactly: bool = False) -> Sequence[Link]:
        """Return records whose name contains a text, or is it."""
        ...

    def create(self, model: ModelView, values: Changes) -> int:
        """Make a record and return its id."""
        ...

    def write(self, model: ModelView, record: int, values: Changes, *, version: int) -> None:
        """Change a record that still has this version; raises `Stale` when it has another."""
        ...

    def delete(self, model: ModelView, record: int) -> None:
        """Delete a record."""
        ...

    def savepoint(self) -> Savepoint:
        """Return a context whose changes are taken back when an error leaves it."""
        ...


class Savepoint(Protocol):
    """A part of a transaction that can fail by itself."""

    def __enter__(self) -> object:
        """Begin."""
        ...

    def __exit__(self, kind: object, error: object, place: object, /) -> bool | None:
        """Keep the changes, or take them back."""
        ...
