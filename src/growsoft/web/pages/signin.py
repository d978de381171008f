"""Signing in and out: by password, by one-time link, and the choice of a password."""

from __future__ import annotations

from typing import Final

import msgspec

from growsoft.web.http import JSON, Response, local_path
from growsoft.web.pages.routes import ROUTES, SIGNED_IN_ROUTES
from growsoft.web.ports import Refused, SignedIn
from growsoft.web.session import no_session_cookie, session_cookie, session_of
from growsoft.web.visit import SignedInVisit, Visit
from growsoft.words import _

LOGIN: Final = "/web/login"
HOME: Final = "/app"
PASSWORD: Final = "/web/password"  # noqa: S105 - an address
DIFFERENT: Final = _("The two new passwords are not the same. Type the new one twice.")


@ROUTES.get("/")
def root(visit: Visit) -> Response:
    """Lead to the start page, or past it to the sign-in page."""
    return visit.go(HOME)


@ROUTES.get(LOGIN)
def ask(visit: Visit) -> Response:
    """Show the sign-in page, unless somebody is signed in here already."""
    if session_of(visit.request, "browser") is not None:
        return visit.go(HOME)
    after = _next(visit.request.query.get("next", ""))
    return visit.page("signin.html", {"login": "", "next": after, "problem": "", "told": _told(visit)})


def _told(visit: Visit) -> str:
    """Say what has just happened, when something has."""
    if "out" in visit.request.query:
        return _("You are signed out.")
    return _("Your session has ended. Sign in again to go on.") if "ended" in visit.request.query else ""


@ROUTES.post(LOGIN)
def sign_in(visit: Visit) -> Response:
    """Sign in: a browser gets a session for pages, a script one for the APIs."""
    login = visit.form.get("login", "").strip()
    client = visit.client
    outcome = visit.tools.authenticator.sign_in(visit.site, login, visit.form.get("password", ""), client)
    if client.kind == "api":
        return _for_script(visit, outcome)
    after = _next(visit.form.get("next", ""))
    if isinstance(outcome, SignedIn):
        return _signed_in(visit, outcome, after)
    context = {"login": login[:200], "next": after, "problem": outcome.message, "told": ""}
    return visit.page("signin.html", context, status=_status(outcome)).with_headers(*_retry(outcome))


def _signed_in(visit: Visit, outcome: SignedIn, path: str) -> Response:
    """Give a browser its session, and end the one it had: nobody could sign that one out any more."""
    before = session_of(visit.request, "browser")
    if before is not None:
        visit.tools.authenticator.sign_out(visit.site, before.token)
    return visit.go(path).with_headers(session_cookie(outcome.token, "browser"))


def _for_script(visit: Visit, outcome: SignedIn | Refused) -> Response:
    """Answer a sign-in that no browser sent."""
    if isinstance(outcome, SignedIn):
        body = msgspec.json.encode({"user_id": outcome.user_id})
        return Response(body=body, content_type=JSON, headers=(session_cookie(outcome.token, "api"),))
    body = msgspec.json.encode({"error": visit.manner.say(outcome.message)})
    return Response(status=_status(outcome), body=body, content_type=JSON, headers=_retry(outcome))


@ROUTES.get("/web/link/{token}")
def show_link(visit: Visit, token: str) -> Response:
    """Show a one-time link; looking does not spend it: mail programs look at links too."""
    return visit.page("link.html", {"action": f"/web/link/{token}", "problem": ""})


@ROUTES.post("/web/link/{token}")
def open_link(visit: Visit, token: str) -> Response:
    """Spend a one-time link: its session chooses a password first."""
    outcome = visit.tools.authenticator.open_link(visit.site, token, visit.client)
    if isinstance(outcome, SignedIn):
        return _signed_in(visit, outcome, PASSWORD)
    context = {"action": f"/web/link/{token}", "problem": outcome.message}
    return visit.page("link.html", context, status=_status(outcome, 410)).with_headers(*_retry(outcome))


@SIGNED_IN_ROUTES.post("/web/logout")
def sign_out(visit: SignedInVisit) -> Response:
    """End the session in the database, then in the browser."""
    visit.tools.authenticator.sign_out(visit.site, visit.session.token)
    return visit.go(f"{LOGIN}?out").with_headers(no_session_cookie("browser"))


@SIGNED_IN_ROUTES.get(PASSWORD)
def ask_password(visit: SignedInVisit) -> Response:
    """Show the form for another password, or for the first one."""
    return _password_page(visit, "")


@SIGNED_IN_ROUTES.post(PASSWORD)
def set_password(visit: SignedInVisit) -> Response:
    """Set the password that was typed twice; other sessions of this person end, and this one changes its token."""
    form = visit.form
    if form.get("new", "") != form.get("again", ""):
        return _password_page(visit, DIFFERENT)
    outcome = visit.tools.authenticator.change_password(
        visit.site, visit.session.token, form.get("old", ""), form.get("new", "")
    )
    if isinstance(outcome, SignedIn):
        return visit.go(HOME).with_headers(session_cookie(outcome.token, "browser"))
    return _password_page(visit, outcome.message)


def _password_page(visit: SignedInVisit, problem: str) -> Response:
    """Return the form with what was wrong; it never shows what was typed."""
    authenticator = visit.tools.authenticator
    context = {
        "policy": authenticator.policy_sentence(visit.site),
        "first": authenticator.needs_password(visit.site, visit.session.token),
        "person": visit.person,
        "problem": problem,
    }
    return visit.page("password.html", context, status=422 if problem else 200)


def _next(path: str) -> str:
    """Return where to go after signing in: a page of this host, or the start page."""
    return path if local_path(path) and not path.startswith("/web/") else HOME


def _status(refused: Refused | SignedIn, otherwise: int = 401) -> int:
    """Return the status of a refusal."""
    return 429 if isinstance(refused, Refused) and refused.retry_after > 0 else otherwise


def _retry(refused: Refused | SignedIn) -> tuple[tuple[str, str], ...]:
    """Return when it makes sense to try again."""
    if not isinstance(refused, Refused) or refused.retry_after <= 0:
        return ()
    return (("retry-after", str(int(refused.retry_after) + 1)),)
