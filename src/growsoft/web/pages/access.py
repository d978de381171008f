"""Who may do what, and why: for administrators, who decide about it."""

from __future__ import annotations

from growsoft.errors import ValidationError
from growsoft.orm.access import VERBS
from growsoft.views.access import (
    VERB_WORDS,
    Asked,
    explained,
    groups,
    logins,
    matrix,
    may_ask,
    models,
    rule_lines,
)
from growsoft.views.paths import ACCESS, MATRIX
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Response
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit


@SIGNED_IN_ROUTES.get(ACCESS)
def ask(visit: SignedInVisit) -> Response:
    """Show the question, with what the page before knew of it."""
    query = visit.request.query
    known = {name: query.get(name, "")[:200] for name in ("login", "model", "record") if query.get(name)}
    return _page(visit, Asked(**known), {"found": None, "problem": ""})


@SIGNED_IN_ROUTES.post(ACCESS)
def answer(visit: SignedInVisit) -> Response:
    """Answer it. PostgreSQL is asked in the other one's name, which is audited: so this is no mere look."""
    names = ("login", "verb", "model", "record", "field")
    asked = Asked(**{name: visit.form.get(name, "").strip()[:200] for name in names})
    _refuse_others(visit)
    try:
        with visit.env.savepoint():
            found = explained(visit.env, asked)
    except ValidationError as error:
        return _page(visit, asked, {"found": None, "problem": error.words}, status=422)
    return _page(visit, asked, {"found": found, "problem": "", "rules": rule_lines(found, visit.manner)})


@SIGNED_IN_ROUTES.get(MATRIX)
def show_matrix(visit: SignedInVisit) -> Response:
    """Show which group may do what with which model."""
    _refuse_others(visit)
    group, model = (visit.request.query.get(name, "") for name in ("group", "model"))
    context = {
        "groups": groups(visit.env, visit.manner),
        "models": models(visit.env, visit.manner),
        "chosen": {"group": group, "model": model},
        "matrix": matrix(visit.env, visit.manner, group, model),
    }
    return visit.page("access_matrix.html", {**_frame(), **context})


def _page(visit: SignedInVisit, asked: Asked, context: dict[str, object], *, status: int = 200) -> Response:
    _refuse_others(visit)
    offered = {"logins": logins(visit.env), "models": models(visit.env, visit.manner)}
    return visit.page("access.html", {**_frame(), "asked": asked, **offered, **context}, status=status)


def _frame() -> dict[str, object]:
    return {"verbs": [(verb, VERB_WORDS[verb]) for verb in VERBS], "access_path": ACCESS, "matrix_path": MATRIX}


def _refuse_others(visit: SignedInVisit) -> None:
    """Say of whom it is not for what is said of any address that is not there."""
    if not may_ask(visit.env):
        raise PageNotFound
