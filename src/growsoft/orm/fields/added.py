"""Choices that an app adds to a selection of another one's model."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from growsoft.orm.fields.scalar import Selection

if TYPE_CHECKING:
    from growsoft.orm.model import Model

EV = TypeVar("EV")


class AddedChoices(Selection[EV]):
    """More choices of a selection, and the selection itself with all of them; see ``Selection.adding``."""

    def __init__(self, field: Selection[Any], more: type[Enum], after: Enum | None) -> None:
        """Take the field that is extended; its model's own declaration stays as it is."""
        super(Selection, self).__init__(field.string, help=field.help)
        self.more = more
        self.after = after
        self.choices = field.choices.with_more(more, after)
        self._field = field

    def __set_name__(self, owner: type[Model], name: str) -> None:
        """Keep the name of the field: that is what is read, written and searched."""
        super().__set_name__(owner, self._field.name)

    def to_python(self, raw: Any, records: Model) -> EV:  # noqa: ANN401
        """Give the member, which may be one that yet another app has added."""
        value: EV = records.env.registry[records._name].fields[self.name].to_python(raw, records)
        return value


def is_added(value: object) -> TypeGuard[AddedChoices[Any]]:
    """Whether something that stands in a class body adds choices to a selection."""
    return isinstance(value, AddedChoices)
