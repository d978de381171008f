"""What a field may not be at the same time, refused with its name when a registry is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import ConfigError
from growsoft.orm.fields import AnyField, Computed, Many2one, Selection

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo, Registry


_ALIKE: Final = {"text": "char", "monetary": "decimal"}


def check_kind(registry: Registry, info: ModelInfo, field: AnyField) -> None:
    """Raise ``ConfigError`` for a field that cannot be what it says."""
    if field.unique_per and (not field.unique or not isinstance(info.fields.get(field.unique_per), Many2one)):
        raise ConfigError(f"{info.name}.{field.name}: unique_per needs unique, and names a link to one record.")
    if field.company_dependent:
        problem = _company_problem(field)
        if problem:
            raise ConfigError(f"{info.name}.{field.name}: a value of each company {problem}.")
    problem = _computed_problem(field) if isinstance(field, Computed) else ""
    if field.related:
        problem = _related_problem(registry, info, field)
    if problem:
        raise ConfigError(f"{info.name}.{field.name} {problem}.")


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
        if name not in info.columns or info.fields[name].column != "text":
            raise ConfigError(
                f"{info.name} is searched by {name}, which is no stored text of it; fix _rec_names_search."
            )


def _computed_problem(field: Computed[Any]) -> str:
    if not field.stored and not field.readonly:
        return "is not stored, so what people write would be lost: store it, or give it an inverse"
    if field.recursive and not field.stored:
        return "depends on itself along a hierarchy: store it, so that it is not worked out over and over"
    if field.search_name and field.stored:
        return "is stored and found by its column: leave its search method out"
    return ""


def _related_problem(registry: Registry, info: ModelInfo, field: AnyField) -> str:
    *links, last = field.related
    here = info
    groups = set[str]()
    for name in links:
        link = here.fields.get(name)
        if not isinstance(link, Many2one):
            return f"shows {'.'.join(field.related)}, but {name} is no link to one record"
        groups |= set(link.groups)
        here = registry.models[link.comodel]
    target = here.fields.get(last)
    if not links or target is None:
        return f"shows {'.'.join(field.related)}, which leads to no field of another record"
    if _shape(target) != _shape(field):
        return f"is a {field.kind} field and cannot show {here.name}.{last}"
    if field.default is not None or field.required:
        return "shows a value from elsewhere: it has no default of its own and is not required"
    if field.stored and (groups | set(target.groups)) - set(field.groups):
        return f"would store for everybody what only some may read of {here.name}.{last}; give it the same groups"
    return ""


def _shape(field: AnyField) -> tuple[object, ...]:
    """Give what two fields must have in common for one to show the other."""
    choices = tuple(field.choices) if isinstance(field, Selection) else None
    return _ALIKE.get(field.kind, field.kind), choices, field.comodel if isinstance(field, Many2one) else ""


def check_hierarchy(info: ModelInfo) -> None:
    """Refuse a hierarchy without a link to the record above. Raises ``ConfigError``."""
    if not info.parent_name:
        return
    link = info.fields.get(info.parent_name)
    if not isinstance(link, Many2one) or not link.stored or link.company_dependent or link.comodel != info.name:
        raise ConfigError(f"{info.name}._parent_name: {info.parent_name} is no stored link to {info.name} itself.")
