"""Checked: each name in a view is one of its model, and each action may be called, before anybody opens the screen."""

from __future__ import annotations

from collections.abc import Iterator

from growsoft.errors import ConfigError
from growsoft.orm.fields import AnyField, Many2one, Relation
from growsoft.orm.registry import ModelInfo, Registry
from growsoft.views.values import Action, Calendar, Chart, Form, Kanban, Lines, List, Pivot, Search, View


def refuse_unknown(registry: Registry, info: ModelInfo, view: View) -> None:
    """Refuse a view of what its model does not have. Raises `ConfigError`."""
    for path in _paths(view):
        field_at(registry, info, path)
    for action in _actions(view):
        if action.method not in info.public:
            raise ConfigError(
                f"A view of {info.name} offers {action.method}, which may not be called from outside: mark it with"
                " @api.public."
            )
    if isinstance(view, Form):
        for part in view.parts:
            if isinstance(part, Lines):
                _refuse_columns(registry, info, part)


def field_at(registry: Registry, info: ModelInfo, path: str) -> AnyField:
    """Return the field at the end of a path (`partner_id.country_id`). Raises `ConfigError`."""
    here = info
    *links, last = path.partition(":")[0].split(".")
    for name in links:
        link = here.fields.get(name)
        if not isinstance(link, Many2one):
            raise ConfigError(f"A view of {info.name} shows {path}, but {name} is no link of {here.name}.")
        here = registry.models[link.comodel]
    if last not in here.fields:
        raise ConfigError(f"A view of {info.name} shows {path}, but {here.name} has no field {last}.")
    return here.fields[last]


def _refuse_columns(registry: Registry, info: ModelInfo, part: Lines) -> None:
    field = info.fields[part.field]
    if not isinstance(field, Relation):
        raise ConfigError(f"A view of {info.name} shows lines of {part.field}, which is no link.")
    for column in part.columns:
        field_at(registry, registry.models[field.comodel], column)


def _paths(view: View) -> Iterator[str]:
    """Return the fields that a view names, each as a path."""
    match view:
        case Form():
            yield from view.fields
        case Search():
            yield from view.fields
            yield from (group.key for group in view.groups)
        case List():
            yield from (*view.columns, *view.totals)
        case Kanban():
            yield from (view.by, *view.fields, *_given(view.total))
        case Chart():
            yield from (*view.by, *_given(view.measure))
        case Pivot():
            yield from (*view.rows, *_given(view.column), *view.measures)
        case Calendar():
            yield from (view.date, *view.fields)


def _given(name: str) -> tuple[str, ...]:
    return (name,) if name else ()


def _actions(view: View) -> tuple[Action, ...]:
    return view.actions if isinstance(view, Form | List) else ()
