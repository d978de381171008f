"""The start page, and finding records by their names."""

from __future__ import annotations

from typing import Final

from growsoft.errors import MissingError
from growsoft.views.access import may_ask
from growsoft.views.fields import Link, ModelView
from growsoft.views.paths import ACCESS
from growsoft.views.talk import mine
from growsoft.web.http import Response
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit

MOST_MODELS: Final = 10
PER_MODEL: Final = 5


@SIGNED_IN_ROUTES.get("/app")
def home(visit: SignedInVisit) -> Response:
    """Show what this person can open; who has no password yet chooses one first."""
    context = {"access": ACCESS if may_ask(visit.env) else "", "planned": mine(visit.env, visit.manner)}
    return visit.page("home.html", context)


@SIGNED_IN_ROUTES.get("/app/find")
def find(visit: SignedInVisit) -> Response:
    """Look for a part of a name in everything that the menu shows."""
    text = " ".join(visit.request.query.get("q", "").split())[:200]
    found = _found(visit, text) if text else []
    if not visit.request.partial:
        return visit.page("find.html", {"find": text, "found": found})
    menus = [entry for _section, entries in visit.menu for entry in entries]
    entries = [entry for entry in menus if text and text.casefold() in entry.title.casefold()]
    return visit.fragment("_palette.html", {"find": text, "found": found, "entries": entries})


def _found(visit: SignedInVisit, text: str) -> list[tuple[ModelView, list[Link]]]:
    """Return the records of each model whose names have the text."""
    found: list[tuple[ModelView, list[Link]]] = []
    for menu in [entry for _, entries in visit.menu for entry in entries][:MOST_MODELS]:
        try:
            model = visit.records.model(menu.model)
        except MissingError:
            continue
        links = list(visit.records.named(model, text, limit=PER_MODEL)) if _named(model) else []
        if links:
            found.append((model, links))
    return found


def _named(model: ModelView) -> bool:
    """Say whether records of a model can be looked up by name."""
    return model.rec_name in model.fields and model.fields[model.rec_name].kind in {"char", "text"}
