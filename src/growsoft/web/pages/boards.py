"""Boards: a card is moved to another column."""

from __future__ import annotations

from dataclasses import replace

from growsoft.errors import MissingError, UserError
from growsoft.views.boarding import move as moved
from growsoft.web.http import Response
from growsoft.web.pages.lists import lister_of, page_of, pairs_in
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/move")
def move(visit: SignedInVisit, model: str, record: int) -> Response:
    """Give a record the value of another column; a refusal is told above the board as it is."""
    lister = lister_of(visit, model, pairs_in(visit.form.text("asked")))
    try:
        with visit.env.savepoint():
            moved(lister, record, visit.form.text("value"))
    except MissingError:
        raise
    except UserError as error:
        return replace(page_of(visit, replace(lister.screen(), problem=error.words)), status=422)
    return visit.go(lister.query.address(lister.path))
