"""Rows: one record changed in its list, saved explicitly; without scripts its form is opened instead."""

from __future__ import annotations

from dataclasses import dataclass

from growsoft.views.bulk import offers
from growsoft.views.editing import Editor, NotSaved
from growsoft.views.fields import ModelView
from growsoft.views.listing import Offer
from growsoft.views.paths import list_path, record_path
from growsoft.views.screens import EntryScreen, Row, cells
from growsoft.views.values import Form, Group
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Response
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit


@dataclass(frozen=True, slots=True)
class RowScreen:
    """What the row of a list needs to know of it."""

    model: ModelView
    offers: tuple[Offer, ...]


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/row")
def ask(visit: SignedInVisit, model: str, record: int) -> Response:
    """Show the row of a record with inputs, or as it is when these are discarded."""
    view = visit.records.model(model)
    if not visit.request.partial:
        return visit.go(f"{record_path(model, record)}/edit")
    if visit.request.query.get("shown") == "1":
        return _shown(visit, view, record)
    return _entries(visit, view, record, _editor(visit, view).open(record))


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/row")
def save(visit: SignedInVisit, model: str, record: int) -> Response:
    """Save a row and show it, or show its inputs with what is wrong."""
    view = visit.records.model(model)
    try:
        _editor(visit, view).save(record, visit.form)
    except NotSaved as error:
        return _entries(visit, view, record, error.screen, status=409 if error.conflict else 422)
    return _shown(visit, view, record)


def _editor(visit: SignedInVisit, view: ModelView) -> Editor:
    """Return the editor of the columns of a list."""
    if not view.may("write"):
        raise PageNotFound
    form = Form(view.name, Group("", *visit.catalogue.views(view).list.columns))
    return Editor(visit.records, view, form, visit.catalogue.views, list_path(view.name), visit.manner)


def _entries(visit: SignedInVisit, view: ModelView, record: int, screen: EntryScreen, *, status: int = 200) -> Response:
    views = visit.catalogue.views(view)
    context = {
        "screen": screen, "record": record, "columns": view.known(views.list.columns),
        "entries": tuple(entry for part in screen.parts for entry in part.entries), "offers": offers(view, views),
    }  # fmt: skip
    return visit.fragment("_row_edit.html", context, status=status)


def _shown(visit: SignedInVisit, view: ModelView, record: int) -> Response:
    views = visit.catalogue.views(view)
    columns = view.known(views.list.columns)
    found = visit.records.read(view, record, [field.name for field in columns])
    line = Row(found.id, found.name, cells(columns, found, visit.manner))
    return visit.fragment("_row_alone.html", {"line": line, "screen": RowScreen(view, offers(view, views))})
