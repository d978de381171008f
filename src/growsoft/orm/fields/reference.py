"""A link to a record of one of several models."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from growsoft.orm.fields.base import Field
from growsoft.orm.fields.options import Common, Options
from growsoft.orm.narrow import is_id, is_sequence

if TYPE_CHECKING:
    from growsoft.orm.model import Model
    from growsoft.postgres.schema import ColumnType


class Reference(Field["Model | None"]):
    """A link to one record of any of the declared models, kept as text ``model,id``; unset is ``None``.

    Whoever writes it must be able to see the record. Deleting that one is refused while something refers to it; no
    foreign key can hold this, so where both happen in the same moment a reference may lead nowhere. It is given as a
    record, as ``"model,id"`` or as ``(model, id)``, and goes to the wire as text.
    """

    column: ClassVar[ColumnType | None] = "text"
    kind = "reference"

    def __init__(
        self,
        models: Sequence[type[Model] | str],
        string: str = "",
        *,
        required: bool = False,
        **options: Unpack[Common],
    ) -> None:
        """``models`` as classes, or by name where the class comes later."""
        super().__init__(string, required=required, **options)
        if not models or isinstance(models, str):
            raise TypeError("a Reference names the models it may lead to")
        self._models = tuple(models)

    @property
    def comodels(self) -> tuple[str, ...]:
        """The names of the models that it may lead to."""
        return tuple(model if isinstance(model, str) else model._name for model in self._models)

    @property
    def unset(self) -> object:
        """Unset is empty text."""
        return ""

    def to_python(self, raw: Any, records: Model) -> Model | None:  # noqa: ANN401
        """Give the record."""
        model, record_id = split(raw)
        return records.env[model].browse(record_id) if model in self.comodels else None

    def to_raw(self, value: object) -> object:
        """Take a record, the text of one or a pair."""
        if value is None or value is False or value == "":
            return ""
        model, record_id = self._pair(value)
        if model not in self.comodels:
            raise self.refuse(value, f"a record of {' or '.join(self.comodels)}")
        return f"{model},{record_id}"

    def _pair(self, value: object) -> tuple[str, int]:
        from growsoft.orm.model import Model

        if isinstance(value, Model):
            return (value._name, value.id) if len(value) == 1 else ("", 0)
        if isinstance(value, str):
            return split(value)
        if is_sequence(value) and len(value) == 2:
            model, record_id = value
            return (model, record_id) if isinstance(model, str) and is_id(record_id) else ("", 0)
        raise self.refuse(value, "a record, or the name of a model and an id like res.users,1")


class Many2oneReference(Field[int]):
    """The id of a record whose model another field of the row names (``model_field``); unset is 0.

    Nothing but this pair says where it leads. It is for models that follow the rights of what they name.
    """

    column: ClassVar[ColumnType | None] = "bigint"
    kind = "many2one_reference"

    def __init__(self, string: str = "", *, model_field: str = "res_model", **options: Unpack[Options[int]]) -> None:
        """``model_field`` names the field with the name of the model."""
        super().__init__(string, **options)
        self.model_field = model_field

    @property
    def unset(self) -> object:
        """Unset is 0, which is no record's id."""
        return 0

    def to_raw(self, value: object) -> object:
        """Take an id."""
        if value is None or value is False or value == 0:
            return 0
        if not is_id(value):
            raise self.refuse(value, "the id of a record")
        return value


def split(text: str) -> tuple[str, int]:
    """Give the model and the id of a reference; empty text and 0 for what is none."""
    model, _comma, number = text.partition(",")
    plain = number.isascii() and number.isdigit() and len(number) < 20 and not number.startswith("0")
    return (model, int(number)) if plain and is_id(int(number)) else ("", 0)
