"""Default views: what a model shows when its app declares nothing."""

from __future__ import annotations

from typing import Final

from growsoft.views.fields import TECHNICAL, TEXTS, FieldView, ModelView
from growsoft.views.values import Chart, Form, Group, Kanban, Lines, List, Pivot, Search, Views

MOST_COLUMNS: Final = 7
MOST_SEARCHED: Final = 4


def default_views(model: ModelView) -> Views:
    """Return a form with everything, a list of the first columns, and a search in the first texts."""
    own = [view for view in model.fields.values() if view.name not in TECHNICAL]
    return Views(
        form=default_form(model, own),
        list=default_list(model, own),
        search=Search(model.name, *searched(model, own)),
        kanban=default_kanban(model, own),
        chart=next((Chart(model.name, key) for key in keys(own)), None),
        pivot=next((Pivot(model.name, key) for key in keys(own)), None),
    )


def default_kanban(model: ModelView, own: list[FieldView]) -> Kanban | None:
    """Return a board by the first choice that people make on a form, none where there is no such."""
    state = next((view for view in own if view.kind == "selection" and view.stored and not view.readonly), None)
    if state is None:
        return None
    links = [view.name for view in own if view.kind in {"many2one", "date", "datetime", "monetary"}]
    return Kanban(model.name, state.name, *links[:3])


def keys(own: list[FieldView]) -> list[str]:
    """Return what records can be grouped by: choices and links before dates by their months."""
    chosen = [view.name for view in own if view.kind in {"selection", "many2one"} and view.stored]
    return chosen + [f"{view.name}:month" for view in own if view.kind in {"date", "datetime"} and view.stored]


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
