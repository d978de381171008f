"""Bulk: what is done with many rows of a list: asked once more with their number, then done and told."""

from __future__ import annotations

from dataclasses import replace

from growsoft.errors import MissingError, UserError
from growsoft.views.bulk import Bulk, chosen, offers, settable
from growsoft.views.lister import Lister
from growsoft.views.listing import Offer
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Response
from growsoft.web.pages.lists import lister_of, pairs_in
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit

MOST_IDS = 5000


@SIGNED_IN_ROUTES.post("/app/{model:model}/bulk", looks=True)
def ask(visit: SignedInVisit, model: str) -> Response:
    """Ask before something is done with many records, and say with how many."""
    lister = lister_of(visit, model, pairs_in(visit.form.text("asked")))
    return _question(visit, lister, _offer(lister, visit.form.text("action")))


@SIGNED_IN_ROUTES.post("/app/{model:model}/bulk/do")
def do(visit: SignedInVisit, model: str) -> Response:
    """Do it and tell the result; when the number of records is another one by now, ask again."""
    lister = lister_of(visit, model, pairs_in(visit.form.text("asked")))
    offer, bulk = _offer(lister, visit.form.text("action")), Bulk(lister)
    condition = chosen(lister, _ids(visit), every=_every(visit))
    if _every(visit) and visit.form.text("count") != str(visit.records.count(lister.model, condition)):
        return _question(visit, lister, offer)
    try:
        outcome = bulk.perform(condition, bulk.deed(offer.name, visit.form), undoable=offer.name == "archive")
    except MissingError:
        raise
    except UserError as error:
        return _question(visit, lister, offer, problem=error.words)
    back = lister.query.address(lister.path)
    return visit.page("bulk_done.html", {**_frame(visit, lister), "outcome": outcome, "offer": offer, "back": back})


def _question(visit: SignedInVisit, lister: Lister, offer: Offer, *, problem: str = "") -> Response:
    """Return the page that asks; one without any record chosen says so."""
    ids, every, bulk = _ids(visit), _every(visit), Bulk(lister)
    count = visit.records.count(lister.model, chosen(lister, ids, every=every)) if ids or every else 0
    entry = bulk.entry(visit.form) if offer.name == "set" else None
    context = {
        **_frame(visit, lister), "offer": offer, "count": count, "ids": ids, "every": every, "entry": entry,
        "fields": settable(lister.model) if offer.name == "set" and entry is None else (),
        "asked": lister.query.kept.pairs(), "back": lister.query.address(lister.path), "problem": problem,
    }  # fmt: skip
    return visit.page("bulk.html", context, status=422 if problem else 200)


def _frame(visit: SignedInVisit, lister: Lister) -> dict[str, object]:
    title = visit.catalogue.title(lister.model)
    return {"path": lister.path, "title": title, "here": lister.model.name, "model": lister.model}


def _offer(lister: Lister, name: str) -> Offer:
    found = next((offer for offer in offers(lister.model, lister.views) if offer.name == name), None)
    if found is None:
        raise PageNotFound
    return replace(found, title=lister.manner.say(found.title))


def _every(visit: SignedInVisit) -> bool:
    return visit.form.text("every") == "1"


def _ids(visit: SignedInVisit) -> tuple[int, ...]:
    """Return the chosen rows, each by its id."""
    texts = [text for value in visit.form.every("row") for text in value.split(",")]
    known = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19)
    return tuple(dict.fromkeys(known))[:MOST_IDS]
