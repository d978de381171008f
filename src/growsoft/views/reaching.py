"""Reaching: the fields of a model that a reader may see, and those of records that its links lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from growsoft.errors import MissingError
from growsoft.views.facets import Reach
from growsoft.views.fields import FieldView, ModelView

MOST_LINKS: Final = 3


def reach_of(model: ModelView, model_of: Callable[[str], ModelView]) -> Reach:
    """Return what finds a field by its name, or by a path of links: `partner_id.country_id`.

    `model_of` gives a model as the same reader sees it, or raises `MissingError`: what is hidden is not found.
    """
    known: dict[str, FieldView | None] = {}

    def found(path: str) -> FieldView | None:
        if path not in known:
            known[path] = _at(model, path, model_of)
        return known[path]

    return found


def _at(model: ModelView, path: str, model_of: Callable[[str], ModelView]) -> FieldView | None:
    *links, last = path.split(".")
    here, labels = model, list[str]()
    if len(links) > MOST_LINKS:
        return None
    for name in links:
        link = here.fields.get(name)
        if link is None or link.kind != "many2one" or not link.stored:
            return None
        try:
            here = model_of(link.relation)
        except MissingError:
            return None
        labels.append(link.label)
    field = here.fields.get(last)
    if field is None or not links:
        return field
    return replace(field, name=path, label=" / ".join([*labels, field.label]))
