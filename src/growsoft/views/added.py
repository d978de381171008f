"""What an administrator added to a model, on the screens that an app declares for it."""

from __future__ import annotations

from typing import Final

from growsoft.orm.overlay import PREFIX
from growsoft.views.fields import TEXTS, FieldView, ModelView
from growsoft.views.values import Form, Group, Search

ADDED: Final = "Added here"


def with_added_fields(form: Form, model: ModelView) -> Form:
    """Return a form with the added fields as its last group; each reader has those that he may see."""
    names = [view.name for view in _added(model) if view.name not in form.fields]
    return form.with_tree((*form.tree, Group(ADDED, *names))) if names else form


def with_added_search(search: Search, model: ModelView) -> Search:
    """Return a search that looks for words in added texts, too."""
    names = [view.name for view in _added(model) if view.kind in TEXTS and view.name not in search.fields]
    if not names:
        return search
    return Search(search.model, *search.fields, *names, filters=search.filters, groups=search.groups)


def _added(model: ModelView) -> list[FieldView]:
    return [view for view in model.fields.values() if view.name.startswith(PREFIX)]
