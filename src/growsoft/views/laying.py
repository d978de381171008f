"""Laying over: what an administrator changed on lists and forms of one database, put over what the apps declare.

A change that does not fit any more, since its field is gone, is left out and told: it can never keep a screen from
being shown. Names are looked up among the fields of the model and nothing else is read from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from growsoft.orm.env import Env
from growsoft.views.extending import NoAnchor, extended_form, extended_list
from growsoft.views.fields import ModelView
from growsoft.views.values import Extension, Form, Group, List, Views

MODEL: Final = "ir.ui.view"
MOST: Final = 500
_NAMES: Final = ("model", "type", "change", "field", "anchor", "label")

Kind = Literal["form", "list"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change: add, move, hide or relabel a field on the list or the form of a model."""

    id: int
    model: str
    type: str
    change: str
    field: str
    anchor: str = ""
    label: str = ""


@dataclass(frozen=True)
class Overlay:
    """All changes of a database, by model."""

    changes: Mapping[str, tuple[Change, ...]]

    def labels(self, model: str) -> Mapping[str, str]:
        """Return what fields are called here."""
        return {one.field: one.label for one in self.of(model) if one.change == "relabel" and one.label}

    def of(self, model: str) -> tuple[Change, ...]:
        """Return the changes of one model."""
        return self.changes.get(model, ())


NOTHING: Final = Overlay({})


def overlay_of(env: Env) -> Overlay:
    """Read the changes that are in use."""
    if MODEL not in env.registry.models:
        return NOTHING
    found: dict[str, list[Change]] = {}
    for row in env[MODEL].search_read([["active", "=", True]], _NAMES, limit=MOST):
        texts = {name: str(getattr(row[name], "value", row[name]) or "") for name in _NAMES}
        found.setdefault(texts["model"], []).append(Change(int(row["id"]), **texts))
    return Overlay({model: tuple(changes) for model, changes in found.items()})


def relabelled(model: ModelView, labels: Mapping[str, str]) -> ModelView:
    """Return a model whose fields are called as an administrator calls them."""
    known = {name: label for name, label in labels.items() if name in model.fields}
    if not known:
        return model
    named = {name: replace(model.fields[name], label=label) for name, label in known.items()}
    return replace(model, fields={**model.fields, **named})


def laid_over(views: Views, changes: tuple[Change, ...], known: frozenset[str]) -> tuple[Views, tuple[Change, ...]]:
    """Return views with some changes, and those changes that do not fit; `known` are the fields of the model."""
    broken: list[Change] = []
    for one in changes:
        try:
            views = _changed(views, one, known)
        except (NoAnchor, ValueError):
            broken.append(one)
    return views, tuple(broken)


def _changed(views: Views, one: Change, known: frozenset[str]) -> Views:
    """Put one change in place. Raises `NoAnchor` or `ValueError` when it does not fit."""
    if one.field not in known or one.change not in {"add", "move", "hide", "relabel"}:
        raise NoAnchor
    if one.change == "relabel":
        return views
    if one.type == "list":
        return replace(views, list=_list(views.list, one))
    return replace(views, form=_form(views.form, one))


def _list(view: List, one: Change) -> List:
    if one.change == "hide":
        return extended_list(view, Extension(view.model, "list").remove(one.field))
    columns = [name for name in view.columns if name != one.field]
    at = columns.index(one.anchor) + 1 if one.anchor in columns else 0 if not one.anchor else len(columns)
    return view.with_columns((*columns[:at], one.field, *columns[at:]))


def _form(form: Form, one: Change) -> Form:
    step = Extension(form.model, "form")
    if one.change == "hide":
        return extended_form(form, step.remove(one.field))
    if one.field in placed(form):
        form = extended_form(form, step.remove(one.field))
    names = placed(form)
    if one.anchor in names:
        return extended_form(form, step.after(one.anchor, one.field))
    if not one.anchor and names:
        return extended_form(form, step.before(names[0], one.field))
    return extended_form(form, step.at_end(one.field))


def placed(form: Form) -> tuple[str, ...]:
    """Return the fields of a form in their order, without tables of lines."""
    return tuple(name for part in form.parts if isinstance(part, Group) for name in part.fields)


# -- changing ----------------------------------------------------------------------------------------------------------


def put(env: Env, change: Change) -> None:
    """Write a change down; an earlier one of the same kind for the same field and screen goes."""
    alike = ("relabel",) if change.change == "relabel" else ("add", "move", "hide")
    place = [["model", "=", change.model], ["field", "=", change.field], ["change", "in", list(alike)]]
    if change.change != "relabel":
        place.append(["type", "=", change.type])
    env[MODEL].search(place).unlink()
    last = env[MODEL].search([["model", "=", change.model]], order="sequence desc", limit=1)
    after = int(last.read(["sequence"])[0]["sequence"]) + 1 if last else 1
    env[MODEL].create({
        "model": change.model, "type": change.type, "change": change.change, "field": change.field,
        "anchor": change.anchor, "label": change.label, "sequence": after,
    })  # fmt: skip
    env.flush()


def take_back(env: Env, model: str, change: int = 0) -> None:
    """Take one change of a model back, or all of them for 0."""
    terms: list[object] = [["model", "=", model]]
    env[MODEL].search([*terms, ["id", "=", change]] if change else terms).unlink()
    env.flush()
