"""Lists: search, groups, order and pages of any model, and saved searches."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl

from growsoft.errors import UserError, ValidationError
from growsoft.views.bulk import offers
from growsoft.views.facets import SIGNS
from growsoft.views.lister import Lister, unit_choices
from growsoft.views.listing import ListScreen, Saved
from growsoft.views.paths import list_path
from growsoft.views.saving import MODEL, forget_search, opened_first, save_search, saved_searches
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Response, redirect
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.pages.screens import may_change
from growsoft.web.visit import SignedInVisit

# What the forms that build a condition or a group send; their answer is at the address that says it shortly.
BUILDERS: Final = ("by", "key")


@SIGNED_IN_ROUTES.get("/app/{model:model}")
def show(visit: SignedInVisit, model: str) -> Response:
    """Show a list, or only its rows when they are swapped into a page that shows the rest."""
    lister = lister_of(visit, model, visit.request.query.pairs())
    if any(name in visit.request.query for name in BUILDERS):
        return redirect(lister.query.address(lister.path))
    saved = saved_of(visit, lister)
    first = opened_first(saved) if not visit.request.query_string and not visit.request.partial else None
    if first is not None:
        return redirect(first.address)
    return page_of(visit, replace(lister.screen(), saved=saved, offers=offers(lister.model, lister.views)))


def page_of(visit: SignedInVisit, screen: ListScreen) -> Response:
    """Return a list as a page, or as the part of it that is swapped."""
    context = {
        "screen": screen,
        "signs": tuple(SIGNS.items()),
        "units": unit_choices(visit.manner),
        "keeps": MODEL in visit.env.registry.models,
    }
    if visit.request.partial:
        return visit.fragment("_list.html", context)
    changes = may_change(visit)
    about = {
        "title": visit.catalogue.title(screen.model),
        "here": screen.model.name,
        "changes": changes,
        "broken": visit.broken(screen.model) if changes else (),
    }
    return visit.page("list.html", {**context, **about})


def lister_of(visit: SignedInVisit, model: str, pairs: tuple[tuple[str, str], ...]) -> Lister:
    """Return what looks up a list for whoever visits. Raises `MissingError` for a model that he may not read."""
    view = visit.records.model(model)
    views = visit.catalogue.views(view)
    return Lister(visit.env, visit.records, view, views, list_path(model), pairs, visit.manner)


def saved_of(visit: SignedInVisit, lister: Lister) -> tuple[Saved, ...]:
    """Return the saved searches of a list."""
    return saved_searches(
        visit.env, lister.model.name, lister.path, lambda text: replace(lister, pairs=pairs_in(text)).query
    )


def pairs_in(text: str) -> tuple[tuple[str, str], ...]:
    """Read what a form sends on of an address."""
    return tuple(parse_qsl(text[:8000], max_num_fields=200))


@SIGNED_IN_ROUTES.post("/app/{model:model}/searches")
def save(visit: SignedInVisit, model: str) -> Response:
    """Keep a search under a name."""
    lister = lister_of(visit, model, pairs_in(visit.form.text("asked")))
    name = " ".join(visit.form.text("name").split())[:80]
    if not name:
        return visit.go(lister.query.address(lister.path))
    shared, default = visit.form.text("shared") == "1", visit.form.text("default") == "1"
    try:
        with visit.env.savepoint():
            save_search(visit.env, model, name, lister.query, shared=shared, default=default)
    except ValidationError as error:
        screen = replace(lister.screen(), saved=saved_of(visit, lister), problem=error.words)
        response = page_of(visit, screen)
        return replace(response, status=422)
    return visit.go(lister.query.address(lister.path))


@SIGNED_IN_ROUTES.post("/app/{model:model}/searches/{record:id}/delete")
def forget(visit: SignedInVisit, model: str, record: int) -> Response:
    """Delete a saved search."""
    lister = lister_of(visit, model, ())
    try:
        with visit.env.savepoint():
            forget_search(visit.env, model, record)
    except UserError:
        raise PageNotFound from None
    return visit.go(lister.query.address(lister.path))
