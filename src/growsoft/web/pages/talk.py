"""Talk over the web: notes, activities and followers of a record, and what somebody has yet to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from growsoft.errors import MissingError, UserError
from growsoft.views.fields import ModelView
from growsoft.views.paths import list_path, record_path
from growsoft.views.talk import finish, follow, kept_for, plan, read_all, say, talk_of, today, told
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Response
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.visit import SignedInVisit

NOTIFICATIONS: Final = "/app/notifications"


@SIGNED_IN_ROUTES.get("/app/{model:model}/{record:id}/talk")
def show(visit: SignedInVisit, model: str, record: int) -> Response:
    """Show what is said and planned: as the part that its page loads, or as a page."""
    return _talk(visit, visit.records.model(model), record)


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/notes")
def add_note(visit: SignedInVisit, model: str, record: int) -> Response:
    """Add a note."""
    view, body = visit.records.model(model), visit.form.get("body", "")
    return _done(visit, view, record, lambda: say(visit.env, view, record, body), typed=body)


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/activities")
def add_activity(visit: SignedInVisit, model: str, record: int) -> Response:
    """Plan an activity."""
    view = visit.records.model(model)
    return _done(visit, view, record, lambda: plan(visit.env, view, record, visit.form))


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/activities/{activity:id}")
def finish_activity(visit: SignedInVisit, model: str, record: int, activity: int) -> Response:
    """Finish an activity, or take it back."""
    view, form = visit.records.model(model), visit.form
    done = form.get("as", "done") == "done"
    return _done(
        visit, view, record, lambda: finish(visit.env, view, record, activity, form.get("feedback", ""), done=done)
    )


@SIGNED_IN_ROUTES.post("/app/{model:model}/{record:id}/follow")
def set_follow(visit: SignedInVisit, model: str, record: int) -> Response:
    """Follow a record, or no more."""
    view = visit.records.model(model)
    return _done(visit, view, record, lambda: follow(visit.env, view, record, on=visit.form.get("on") == "1"))


@SIGNED_IN_ROUTES.get(NOTIFICATIONS)
def notifications(visit: SignedInVisit) -> Response:
    """Show what somebody was told and has yet to read."""
    return visit.page("notifications.html", {"told": told(visit.env, visit.manner)})


@SIGNED_IN_ROUTES.post("/app/notifications/read")
def mark_read(visit: SignedInVisit) -> Response:
    """Note that it was read."""
    read_all(visit.env)
    return visit.go(NOTIFICATIONS)


def _done(
    visit: SignedInVisit, model: ModelView, record: int, work: Callable[[], None], *, typed: str = ""
) -> Response:
    """Do something, then show the record or its part again; what is refused is said, and what was typed stays."""
    try:
        with visit.records.savepoint():
            work()
    except MissingError:
        raise
    except UserError as error:
        return _talk(visit, model, record, problem=error.words, typed=typed)
    return _talk(visit, model, record) if visit.request.partial else visit.go(f"{record_path(model.name, record)}/talk")


def _talk(visit: SignedInVisit, model: ModelView, record: int, *, problem: str = "", typed: str = "") -> Response:
    if not kept_for(visit.env, model):
        raise PageNotFound
    context = {
        "talk": talk_of(visit.env, model, record, visit.manner), "address": record_path(model.name, record),
        "problem": problem, "typed": typed, "today": today(visit.env), "me": visit.env.user_id,
    }  # fmt: skip
    status = 422 if problem else 200
    if visit.request.partial:
        return visit.fragment("_talk.html", context, status=status)
    frame = {"path": list_path(model.name), "title": visit.catalogue.title(model), "here": model.name}
    named = visit.records.read(model, record, ())
    return visit.page("talk.html", {**frame, **context, "record": named}, status=status)
