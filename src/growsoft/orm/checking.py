"""What a field may not be at the same time, refused with its name when a registry is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from growsoft.errors import ConfigError
from growsoft.orm.fields import AnyField, Many2one

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo


def check_kind(info: ModelInfo, field: AnyField) -> None:
    """Raise ``ConfigError`` for a field that cannot be what it says."""
    if field.company_dependent:
        problem = _company_problem(field)
        if problem:
            raise ConfigError(f"{info.name}.{field.name}: a value of each company {problem}.")


def _company_problem(field: AnyField) -> str:
    if field.worked_out:
        return "is not worked out from others; a field that is not stored may be"
    if field.index or field.unique:
        return "is neither indexed nor unique"
    if callable(field.default) or (isinstance(field, Many2one) and field.default is not None):
        return "has a constant as its default, which is that of all companies; a link has none"
    if isinstance(field, Many2one) and field.ondelete != "restrict":
        return "is no reason to delete a record; leave ondelete out"
    return ""


def check_names(info: ModelInfo) -> None:
    """Refuse what records could not be named or found by. Raises ``ConfigError``."""
    named = info.fields.get(info.rec_name)
    if named is None or not named.stored or (named.storage == "jsonb" and not named.translate):
        raise ConfigError(f"{info.name} is named by {info.rec_name}, which is no stored field of it; set _rec_name.")
    for name in info.searched_by[1:]:
        if name not in info.columns or info.column(name) != "text":
            raise ConfigError(
                f"{info.name} is searched by {name}, which is no stored text of it; fix _rec_names_search."
            )
