"""The catalogue: what the apps of a registry declare about their screens, found once."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

from growsoft.errors import ConfigError
from growsoft.orm.registry import App, Registry
from growsoft.views.added import ADDED, with_added_fields, with_added_search
from growsoft.views.defaults import default_views
from growsoft.views.fields import ModelView
from growsoft.views.values import Form, Group, List, Menu, Search, Views
from growsoft.words import SOURCE, Terms

Declared = Form | List | Search | Menu


@dataclass(frozen=True)
class Catalogue:
    """Forms, lists and searches by model, and the menu; what is not declared is made of the model itself."""

    forms: Mapping[str, Form] = field(default_factory=dict[str, Form])
    lists: Mapping[str, List] = field(default_factory=dict[str, List])
    searches: Mapping[str, Search] = field(default_factory=dict[str, Search])
    menus: tuple[Menu, ...] = ()

    def views(self, model: ModelView) -> Views:
        """Return the views of a model; what an administrator added to it stands last in those that an app declares."""
        made = default_views(model)
        form, search = self.forms.get(model.name), self.searches.get(model.name)
        return Views(
            form=made.form if form is None else with_added_fields(form, model),
            list=self.lists.get(model.name, made.list),
            search=made.search if search is None else with_added_search(search, model),
        )

    def title(self, model: ModelView) -> str:
        """Return what a list of the model is called: by its menu entry, else by the model."""
        return next((menu.title for menu in self.menus if menu.model == model.name), model.title)


_catalogues: WeakKeyDictionary[Registry, dict[str, Catalogue]] = WeakKeyDictionary()


def catalogue_of(registry: Registry, lang: str = SOURCE) -> Catalogue:
    """Return the catalogue of a registry in a language; registries are immutable, so it is made once for each."""
    known = _catalogues.setdefault(registry, {})
    found = known.get(lang)
    if found is None:
        made = build(registry) if lang == SOURCE else translated(catalogue_of(registry), registry.terms(lang))
        found = known[lang] = made
    return found


def translated(catalogue: Catalogue, terms: Terms) -> Catalogue:
    """Return a catalogue with its titles in a language."""
    return Catalogue(
        forms={name: _form(form, terms) for name, form in catalogue.forms.items()},
        lists=catalogue.lists,
        searches={name: _search(search, terms) for name, search in catalogue.searches.items()},
        menus=tuple(
            replace(menu, title=terms.text(menu.title), section=terms.text(menu.section)) for menu in catalogue.menus
        ),
    )


def _form(form: Form, terms: Terms) -> Form:
    parts = (Group(terms.text(p.title), *p.fields) if isinstance(p, Group) else p for p in form.parts)
    return Form(form.model, *parts, status=form.status)


def _search(search: Search, terms: Terms) -> Search:
    filters = tuple(replace(known, title=terms.text(known.title)) for known in search.filters)
    return Search(search.model, *search.fields, filters=filters)


def build(registry: Registry) -> Catalogue:
    """Read the `views` modules of all apps; an app that comes later may replace a view of an earlier one."""
    declared = [value for app in registry.apps for value in _declared(app)]
    for value in declared:
        _refuse_unknown(registry, value)
    menus = {value.model: value for value in declared if isinstance(value, Menu)}
    return Catalogue(
        forms={value.model: value for value in declared if isinstance(value, Form)},
        lists={value.model: value for value in declared if isinstance(value, List)},
        searches={value.model: value for value in declared if isinstance(value, Search)},
        menus=(*(tuple(sorted(menus.values(), key=_sequence)) or _default_menus(registry)), *_added_menus(registry)),
    )


def _sequence(menu: Menu) -> int:
    return menu.sequence


def _added_menus(registry: Registry) -> Iterator[Menu]:
    """Return an entry for each model that an administrator added."""
    for info in registry.models.values():
        if info.name not in registry.plain.models:
            yield Menu(info.description, info.name, ADDED, 60)


def _declared(app: App) -> Iterator[Declared]:
    """Return the views that an app declares in its module `views`."""
    name = f"{app.package}.views"
    if importlib.util.find_spec(app.package) is None or not _exists(name):
        return
    for value in vars(importlib.import_module(name)).values():
        if isinstance(value, Declared):
            yield value


def _exists(module: str) -> bool:
    """Say whether there is a module; a package that is a single file has none below it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _refuse_unknown(registry: Registry, value: Declared) -> None:
    """Refuse a view of what its registry does not have, before anybody opens it."""
    info = registry.models.get(value.model)
    if info is None:
        raise ConfigError(f"A view shows {value.model}, which these apps do not have.")
    unknown = [name for name in _fields(value) if name not in info.fields]
    if unknown:
        raise ConfigError(f"A view of {value.model} shows {unknown[0]}, which is none of its fields.")


def _fields(value: Declared) -> tuple[str, ...]:
    """Return the fields that a view names."""
    match value:
        case Form() | Search():
            return value.fields
        case List():
            return value.columns
        case Menu():
            return ()


def _default_menus(registry: Registry) -> tuple[Menu, ...]:
    """Return an entry for each model, when no app declares any."""
    apps = [app.name for app in registry.apps if app.menu]
    return tuple(
        Menu(info.description, info.name, info.app.capitalize())
        for info in registry.models.values()
        if info.app in apps
    )
