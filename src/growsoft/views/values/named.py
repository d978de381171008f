"""Names in views: of fields and models, written as text or as the fields and the model themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from growsoft.orm import Model
from growsoft.orm.fields import AnyField

# A field itself (`Order.partner_id`) is known to exist by the type checkers; so is each step of a path of fields.
FieldName: TypeAlias = str | AnyField | tuple[AnyField, ...]
ModelName: TypeAlias = str | type[Model]


def field_name(field: FieldName) -> str:
    """Return the name of a field, or the path that leads to it: `partner_id.country_id`."""
    if isinstance(field, tuple):
        return ".".join(step.name for step in field)
    return field if isinstance(field, str) else field.name


def field_names(fields: Iterable[FieldName]) -> tuple[str, ...]:
    """Return the names of some fields; raises `ValueError` for one that stands twice."""
    names = tuple(map(field_name, fields))
    if len(set(names)) != len(names):
        raise ValueError(f"A field stands twice: {', '.join(names)}.")
    return names


def model_name(model: ModelName) -> str:
    """Return the name of a model."""
    return model if isinstance(model, str) else model._name  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  its name
