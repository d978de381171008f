"""Copying a record: what its fields say may be copied, as far as whoever copies may read and write it."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from growsoft.orm.fields import AnyField, Many2many, One2many

if TYPE_CHECKING:
    from growsoft.orm.model import Model

M = TypeVar("M", bound="Model")


def copied(record: M, values: Mapping[str, object] | None = None) -> M:
    """Make a record with the values of another; ``values`` instead of some of them.

    Lines stay with their record, links to many are taken over, unique and computed values are not, and the name says
    that it is a copy.
    """
    record.ensure_one()
    given = dict(values or {})
    for name, field in record._info.fields.items():
        if name not in given and _taken(record, field):
            given[name] = record._value(name) if not isinstance(field, Many2many) else list(record._value(name))
    named = record._info.fields[record._rec_name]
    if named.kind == "char" and record._rec_name in given and record._rec_name not in (values or {}):
        given[record._rec_name] = f"{given[record._rec_name]} (copy)"
    return record.create(given)


def _taken(record: Model, field: AnyField) -> bool:
    info, env = record._info, record.env
    if not field.copy or field.worked_out or field.unique or isinstance(field, One2many):
        return False
    if isinstance(field, Many2many):
        return env.sees(info, field)
    writable = field.name in env.rights.insertable(info) and field.name in info.columns
    return writable and env.sees(info, field)
