"""Options: what comboboxes offer while somebody types, and records that they make of a name."""

from __future__ import annotations

from typing import Final

import msgspec

from growsoft.errors import UserError
from growsoft.web.errors import PageNotFound
from growsoft.web.http import JSON, TEXT, Response
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit

MOST_OPTIONS: Final = 8


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
