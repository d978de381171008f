"""Screens: an administrator adds, moves, hides and relabels fields on the list and the form of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from growsoft.errors import MissingError
from growsoft.views.fields import TECHNICAL, FieldView, ModelView
from growsoft.views.laying import MODEL, Change, placed, put, take_back
from growsoft.views.paths import list_path
from growsoft.views.values import Form, Group, Views
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Response
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit

KINDS: Final = ("list", "form")


@dataclass(frozen=True, slots=True)
class Shown:
    """A field on a screen, and behind which one it moves up or down."""

    field: FieldView
    up: tuple[str, str]
    down: tuple[str, str]


@SIGNED_IN_ROUTES.get("/app/{model:model}/screen")
def show(visit: SignedInVisit, model: str) -> Response:
    """Show what is on the list and the form, and what was changed there."""
    view = _changeable(visit, model)
    views = visit.catalogue.views(view)
    screens = [(kind, _shown(view, _rows(views, kind)), _others(view, _names(views, kind))) for kind in KINDS]
    context = {
        "path": list_path(model), "title": visit.catalogue.title(view), "here": model, "screens": screens,
        "fields": [field for field in view.fields.values() if field.name not in TECHNICAL],
        "changes": visit.overlay.of(model), "broken": visit.broken(view), "model": view,
    }  # fmt: skip
    return visit.page("screen.html", context)


@SIGNED_IN_ROUTES.post("/app/{model:model}/screen")
def change(visit: SignedInVisit, model: str) -> Response:
    """Write one change down."""
    view = _changeable(visit, model)
    kind, what = visit.form.text("type"), visit.form.text("change")
    field, _at, anchor = visit.form.text("field").partition("@")
    known = field in view.fields and (not anchor or anchor in view.fields)
    if kind not in KINDS or what not in {"add", "move", "hide", "relabel"} or not known:
        raise PageNotFound
    label = " ".join(visit.form.text("label").split())[:200]
    if what == "hide" and _names(visit.catalogue.views(view), kind) == (field,):
        return visit.go(f"{list_path(model)}/screen")
    if what == "add":
        anchor = next(reversed(_names(visit.catalogue.views(view), kind)), "")
    put(visit.env, Change(0, model, kind, what, field, anchor, label))
    return visit.go(f"{list_path(model)}/screen")


@SIGNED_IN_ROUTES.post("/app/{model:model}/screen/reset")
def reset(visit: SignedInVisit, model: str) -> Response:
    """Take one change back, or all."""
    _changeable(visit, model)
    text = visit.form.text("id")
    take_back(visit.env, model, int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0)
    return visit.go(f"{list_path(model)}/screen")


def _changeable(visit: SignedInVisit, model: str) -> ModelView:
    """Return a model, for those who may change its screens."""
    if not may_change(visit):
        raise PageNotFound
    return visit.records.model(model)


def may_change(visit: SignedInVisit) -> bool:
    """Say whether whoever visits may change screens."""
    try:
        return visit.records.model(MODEL).may("create")
    except MissingError:
        return False


def _names(views: Views, kind: str) -> tuple[str, ...]:
    return views.list.columns if kind == "list" else placed(views.form)


def _rows(views: Views, kind: str) -> tuple[tuple[str, ...], ...]:
    """Return the fields of a screen by their groups."""
    return (views.list.columns,) if kind == "list" else _groups(views.form)


def _groups(form: Form) -> tuple[tuple[str, ...], ...]:
    return tuple(part.fields for part in form.parts if isinstance(part, Group))


def _shown(view: ModelView, groups: tuple[tuple[str, ...], ...]) -> list[Shown]:
    """Return the fields of a screen with where each goes: what moves, and behind what it then stands."""
    flat = [(name, place) for place, names in enumerate(groups) for name in names if name in view.fields]
    found: list[Shown] = []
    for at, (name, place) in enumerate(flat):
        above = flat[at - 1] if at else None
        below = flat[at + 1] if at + 1 < len(flat) else None
        up = ("", "") if above is None else (above[0], name) if above[1] == place else (name, above[0])
        down = ("", "") if below is None else (name, below[0])
        found.append(Shown(view.fields[name], up, down))
    return found


def _others(view: ModelView, names: tuple[str, ...]) -> list[FieldView]:
    """Return the fields that can be put on a screen."""
    return [field for field in view.fields.values() if field.name not in names and field.kind != "one2many"]
