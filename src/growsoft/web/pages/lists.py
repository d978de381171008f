"""Lists: search, order and pages of any model, and what comboboxes offer."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from growsoft.errors import UserError
from growsoft.views.fields import ModelView
from growsoft.views.paths import list_path
from growsoft.views.query import PAGE_SIZE, Query, condition_of, order_of, query_of
from growsoft.views.records import Page
from growsoft.views.screens import ListScreen, list_screen
from growsoft.views.values import Views
from growsoft.web.errors import PageNotFound
from growsoft.web.http import JSON, TEXT, Response
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit

MOST_OPTIONS: Final = 8
# An offset costs as much as all rows before it: whoever wants row 800,000 searches.
LAST_PAGE: Final = 10_000


@SIGNED_IN_ROUTES.get("/app/{model:model}")
def show(visit: SignedInVisit, model: str) -> Response:
    """Show a list, or only its rows when they are swapped into a page that shows the rest."""
    view = visit.records.model(model)
    views = visit.catalogue.views(view)
    screen = _screen(visit, view, views)
    if visit.request.partial:
        return visit.fragment("_list.html", {"screen": screen})
    context = {
        "screen": screen,
        "title": visit.catalogue.title(view),
        "here": model,
        "searchable": [field for field in view.fields.values() if field.searchable],
    }
    return visit.page("list.html", context)


def _screen(visit: SignedInVisit, model: ModelView, views: Views) -> ListScreen:
    """Look the rows up; a search that is not understood shows none, and says why."""
    query = query_of(model, views.search, visit.request.query.pairs())
    query = replace(query, page=min(query.page, LAST_PAGE))
    path, manner = list_path(model.name), visit.manner
    try:
        page = _page(visit, model, views, query)
    except UserError as error:
        empty = list_screen(model, path, views.list, views.search, query, Page((), 0), manner)
        return replace(empty, problem=error.words)
    return list_screen(model, path, views.list, views.search, query, page, manner)


def _page(visit: SignedInVisit, model: ModelView, views: Views, query: Query) -> Page:
    """Look up one page of a list."""
    return visit.records.page(
        model,
        views.list.columns,
        condition_of(model, views.search, query, visit.manner),
        order=order_of(query, views.list.order),
        offset=(query.page - 1) * PAGE_SIZE,
        limit=PAGE_SIZE,
    )


@SIGNED_IN_ROUTES.get("/app/{model:model}/options")
def options(visit: SignedInVisit, model: str) -> Response:
    """Offer records by a part of their name, to a combobox."""
    view = visit.records.model(model)
    owner = visit.request.query.get("field", "")
    text = visit.request.query.get(owner, "").strip()[:200] if owner else ""
    links = visit.records.named(view, text, limit=MOST_OPTIONS)
    known = any(link.name.casefold() == text.casefold() for link in links)
    creates = bool(text) and not known and visit.records.may_be_named(view)
    context = {"links": links, "text": text, "owner": owner.replace(".", "-"), "model": model, "creates": creates}
    return visit.fragment("_options.html", context)


@SIGNED_IN_ROUTES.post("/app/{model:model}/options")
def create_named(visit: SignedInVisit, model: str) -> Response:
    """Make a record of which only the name is known, for a combobox; what is against it is told as text."""
    view = visit.records.model(model)
    name = " ".join(visit.form.get("name", "").split())
    if not name or not visit.records.may_be_named(view):
        raise PageNotFound
    try:
        with visit.records.savepoint():
            made = visit.records.create(view, {view.rec_name: name})
    except UserError as error:
        return Response(status=422, body=visit.manner.say(error.words).encode(), content_type=TEXT)
    return Response(body=msgspec.json.encode({"id": made, "name": name}), content_type=JSON)
