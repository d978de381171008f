"""Declared: what the `views` modules of a registry's apps say, each change put in place and every name checked."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from growsoft.errors import ConfigError
from growsoft.orm.registry import App, Registry
from growsoft.views.added import ADDED
from growsoft.views.checked import refuse_unknown
from growsoft.views.extending import extended_form, extended_list
from growsoft.views.values import (
    Calendar,
    Chart,
    Extension,
    Form,
    Kanban,
    List,
    Menu,
    Pivot,
    Search,
    View,
)

_VIEWS: Final = (Form, List, Search, Kanban, Chart, Pivot, Calendar)


@dataclass(frozen=True, slots=True)
class Own:
    """The views that apps declare for one model."""

    form: Form | None = None
    list: List | None = None
    search: Search | None = None
    kanban: Kanban | None = None
    chart: Chart | None = None
    pivot: Pivot | None = None
    calendar: Calendar | None = None

    def __iter__(self) -> Iterator[View]:
        """Go through those that there are."""
        values = (self.form, self.list, self.search, self.kanban, self.chart, self.pivot, self.calendar)
        return (value for value in values if value is not None)


@dataclass(frozen=True, slots=True)
class Declarations:
    """The views of models by their names, and the entries of the menu in their order."""

    views: Mapping[str, Own] = field(default_factory=dict[str, Own])
    menus: tuple[Menu, ...] = ()

    def of(self, model: str) -> Own:
        """Return what is declared for a model."""
        return self.views.get(model, _NOTHING)


_NOTHING: Final = Own()


def declarations(registry: Registry) -> Declarations:
    """Read the `views` modules of all apps, in the order of the apps.

    An app that comes later may declare a view anew, or change it in place. Raises `ConfigError` for what names a model,
    a field or a place that is not there.
    """
    views: dict[str, Own] = {}
    menus: dict[str, Menu] = {}
    seen: set[int] = set()  # what an app imported from another one is not said again
    for app in registry.apps:
        for value in (one for one in _said(app) if id(one) not in seen):
            seen.add(id(value))
            if value.model not in registry.models:
                raise ConfigError(f"A view of {app.name} shows {value.model}, which these apps do not have.")
            if isinstance(value, Menu):
                menus[value.model] = value
            else:
                views[value.model] = with_view(views.get(value.model, _NOTHING), value, app.name)
    for name, own in views.items():
        for view in own:
            refuse_unknown(registry, registry.models[name], view)
    entries = sorted(menus.values(), key=_sequence) or _default_menus(registry)
    return Declarations(views, (*entries, *_added_menus(registry)))


def with_view(own: Own, value: View | Extension, app: str) -> Own:
    """Return the views of a model with another one, or with one of them changed."""
    match value:
        case Extension():
            return _extended(own, value, app)
        case Form():
            return replace(own, form=value)
        case List():
            return replace(own, list=value)
        case Search():
            return replace(own, search=value)
        case Kanban():
            return replace(own, kanban=value)
        case Chart():
            return replace(own, chart=value)
        case Pivot():
            return replace(own, pivot=value)
        case Calendar():
            return replace(own, calendar=value)


def _extended(own: Own, change: Extension, app: str) -> Own:
    """Return the views of a model with a change in its form or its list."""
    if change.kind == "form" and own.form is not None:
        return replace(own, form=extended_form(own.form, change))
    if change.kind == "list" and own.list is not None:
        return replace(own, list=extended_list(own.list, change))
    raise ConfigError(
        f"{app} changes the {change.kind} of {change.model}, which no app before it declares: let it depend on the app"
        " that does."
    )


def _sequence(menu: Menu) -> int:
    return menu.sequence


def _said(app: App) -> Iterator[View | Extension | Menu]:
    """Return the views that an app declares in its module `views`."""
    name = f"{app.package}.views"
    if importlib.util.find_spec(app.package) is None or not _exists(name):
        return
    for value in vars(importlib.import_module(name)).values():
        if isinstance(value, (*_VIEWS, Extension, Menu)):
            yield value


def _exists(module: str) -> bool:
    """Say whether there is a module; a package that is a single file has none below it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _default_menus(registry: Registry) -> list[Menu]:
    """Return an entry for each model, when no app declares any."""
    apps = [app.name for app in registry.apps if app.menu]
    return [
        Menu(info.description, info.name, info.app.capitalize())
        for info in registry.models.values()
        if info.app in apps
    ]


def _added_menus(registry: Registry) -> Iterator[Menu]:
    """Return an entry for each model that an administrator added."""
    for info in registry.models.values():
        if info.name not in registry.plain.models:
            yield Menu(info.description, info.name, ADDED, 60)
