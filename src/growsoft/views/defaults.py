"""Default views: what a model shows when its app declares nothing."""

from __future__ import annotations

from typing import Final

from growsoft.views.fields import TECHNICAL, TEXTS, FieldView, ModelView
from growsoft.views.values import Form, Group, Lines, List, Search, Views

MOST_COLUMNS: Final = 7
MOST_SEARCHED: Final = 4


def default_views(model: ModelView) -> Views:
    """Return a form with everything, a list of the first columns, and a search in the first texts."""
    own = [view for view in model.fields.values() if view.name not in TECHNICAL]
    return Views(
        form=default_form(model, own), list=default_list(model, own), search=Search(model.name, *searched(model, own))
    )


def default_form(model: ModelView, own: list[FieldView]) -> Form:
    """Return a form: single values first, long texts after them, each table of lines for itself."""
    short = [view.name for view in _named_first(model, own) if not view.wide]
    long = [view.name for view in own if view.wide and view.kind != "one2many"]
    lines = [Lines(view.name) for view in own if view.kind == "one2many"]
    parts: list[Group | Lines] = [Group("", *names) for names in (short, long) if names]
    parts.extend(lines)
    return Form(model.name, *(parts or [Group("", "id")]))


def default_list(model: ModelView, own: list[FieldView]) -> List:
    """Return a list of the first fields that fit in a cell."""
    names = [view.name for view in _named_first(model, own) if not view.wide][:MOST_COLUMNS]
    return List(model.name, *(names or ["id"]))


def searched(model: ModelView, own: list[FieldView]) -> list[str]:
    """Return the texts that a word is looked for in."""
    return [view.name for view in _named_first(model, own) if view.kind in TEXTS and view.stored][:MOST_SEARCHED]


def _named_first(model: ModelView, own: list[FieldView]) -> list[FieldView]:
    """Put the field that names the record before all others."""
    return sorted(own, key=lambda view: view.name != model.rec_name)
