"""The catalogue: what the apps of a registry declare about their screens, found once for each language."""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from growsoft.orm.registry import Registry
from growsoft.views.added import with_added_fields, with_added_search
from growsoft.views.declared import Declarations, declarations
from growsoft.views.defaults import default_views
from growsoft.views.fields import ModelView
from growsoft.views.laying import NOTHING, Overlay, laid_over
from growsoft.views.translating import translated
from growsoft.views.values import Menu, Views
from growsoft.words import SOURCE


@dataclass(frozen=True)
class Catalogue:
    """The views of all models, and the menu; what is not declared is made of the model itself."""

    declared: Declarations = field(default_factory=Declarations)
    overlay: Overlay = NOTHING

    @property
    def menus(self) -> tuple[Menu, ...]:
        """The entries of the menu in their order."""
        return self.declared.menus

    def views(self, model: ModelView) -> Views:
        """Return the views of a model as an administrator of this database has changed them."""
        views, changes = self._declared(model), self.overlay.of(model.name)
        return laid_over(views, changes, frozenset(model.fields))[0] if changes else views

    def _declared(self, model: ModelView) -> Views:
        """Return the views of a model; what an administrator added to it stands last in those that an app declares."""
        own, made = self.declared.of(model.name), default_views(model)
        return Views(
            form=made.form if own.form is None else with_added_fields(own.form, model),
            list=own.list or made.list,
            search=made.search if own.search is None else with_added_search(own.search, model),
            kanban=own.kanban or made.kanban,
            chart=own.chart or made.chart,
            pivot=own.pivot or made.pivot,
            calendar=own.calendar or made.calendar,
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
        found = known[lang] = (
            Catalogue(declarations(registry))
            if lang == SOURCE
            else Catalogue(translated(catalogue_of(registry).declared, registry.terms(lang)))
        )
    return found
