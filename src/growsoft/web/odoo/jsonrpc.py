"""JSON-RPC: the services at ``/jsonrpc``, and the calls of a session below ``/web``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from werkzeug.http import dump_cookie

from growsoft.errors import ValidationError
from growsoft.orm import Env
from growsoft.orm.narrow import is_mapping, is_sequence
from growsoft.web.doors import AccessDenied, Caller
from growsoft.web.errors import SignInNeeded
from growsoft.web.http import JSON, Response
from growsoft.web.odoo.calls import Call
from growsoft.web.odoo.faults import fault_of
from growsoft.web.odoo.services import SERIES, VERSION, VERSION_INFO, serve
from growsoft.web.odoo.visit import API_ROUTES, ApiVisit
from growsoft.web.ports import SignedIn, Site
from growsoft.web.session import LONGEST_TOKEN, Session

COOKIE: Final = "session_id"
HEADER: Final = "x-openerp-session-id"
_SCRIPT: Final = "api."

Params = Mapping[str, object]


@API_ROUTES.post("/jsonrpc")
def jsonrpc(visit: ApiVisit) -> Response:
    """Answer a request of a service."""

    def work(params: Params) -> object:
        args = params.get("args", ())
        if not is_sequence(args):
            raise ValidationError("The arguments of a service are a list.")
        return serve(visit, params.get("service"), params.get("method"), args)

    return _answered(visit, work)


@API_ROUTES.post("/web/webclient/version_info")
def version_info(visit: ApiVisit) -> Response:
    """Say which version of Odoo's API is spoken."""
    return _answered(visit, lambda _params: VERSION)


@API_ROUTES.get("/web/version")
def version(visit: ApiVisit) -> Response:
    """Say it to clients of JSON-2."""
    del visit
    return Response(body=msgspec.json.encode({"version": SERIES, "version_info": VERSION_INFO}), content_type=JSON)


# -- sessions ----------------------------------------------------------------------------------------------------------


@API_ROUTES.post("/web/session/authenticate")
def authenticate(visit: ApiVisit) -> Response:
    """Open a session for a script. Its cookie is refused by pages, and by any request of a browser."""
    opened: list[str] = []

    def work(params: Params) -> object:
        site = visit.site_of(params.get("db"))
        login, password = params.get("login"), params.get("password")
        if not isinstance(login, str) or not isinstance(password, str):
            raise AccessDenied
        outcome = visit.api.authenticator.sign_in(site, login, password, visit.client)
        if not isinstance(outcome, SignedIn):
            raise AccessDenied(outcome.message if outcome.retry_after else "")
        visit.noted.user = outcome.user_id
        opened.append(f"{outcome.token}.{site.name}")
        return _facts(visit, site, Session(outcome.token, "api"))

    response = _answered(visit, work)
    return response.with_headers(_cookie(opened[0])) if opened else response


@API_ROUTES.post("/web/session/get_session_info")
def get_session_info(visit: ApiVisit) -> Response:
    """Say who is signed in."""

    def work(_params: Params) -> object:
        site, session = _presented(visit)
        return _facts(visit, site, session)

    return _answered(visit, work)


@API_ROUTES.post("/web/session/check")
def check(visit: ApiVisit) -> Response:
    """Answer nothing to a session that holds."""

    def work(_params: Params) -> object:
        site, session = _presented(visit)
        visit.api.runner.run(site, session, lambda env: env.user_id, "read")
        return None

    return _answered(visit, work)


@API_ROUTES.post("/web/session/destroy")
def destroy(visit: ApiVisit) -> Response:
    """End the session."""

    def work(_params: Params) -> object:
        site, session = _presented(visit)
        visit.api.authenticator.sign_out(site, session.token)
        return None

    return _answered(visit, work).with_headers(_cookie(""))


# -- calls -------------------------------------------------------------------------------------------------------------


@API_ROUTES.post("/web/dataset/call_kw")
def call_kw(visit: ApiVisit) -> Response:
    """Call a method of a model in a session."""
    return _answered(visit, lambda params: _call(visit, params))


@API_ROUTES.post("/web/dataset/call_kw/{path:path}")
def call_kw_at(visit: ApiVisit, path: str) -> Response:
    """Do the same; what stands in the address is for the logs of proxies."""
    del path
    return call_kw(visit)


@API_ROUTES.post("/web/dataset/call_button")
def call_button(visit: ApiVisit) -> Response:
    """Call what a button calls: an action as a dictionary, or False."""

    def work(params: Params) -> object:
        found = _call(visit, params)
        return found if is_mapping(found) else False

    return _answered(visit, work)


@API_ROUTES.post("/web/dataset/call_button/{path:path}")
def call_button_at(visit: ApiVisit, path: str) -> Response:
    """Do the same; what stands in the address is for the logs of proxies."""
    del path
    return call_button(visit)


def _call(visit: ApiVisit, params: Params) -> object:
    model, method = params.get("model"), params.get("method")
    args, kwargs = params.get("args", ()), params.get("kwargs", {})
    if not isinstance(model, str) or not isinstance(method, str) or not is_sequence(args) or not is_mapping(kwargs):
        raise ValidationError("A call names its model and method, with a list of arguments and a dictionary of others.")
    site, session = _presented(visit)
    return visit.perform(site, lambda: Caller(session, 0), Call(model, method, args, kwargs))


# -- the envelope ------------------------------------------------------------------------------------------------------


def _answered(visit: ApiVisit, work: Callable[[Params], object]) -> Response:
    """Read the envelope, do the work, and answer with its result or with what went wrong, always with status 200."""
    number: object = None
    try:
        message = _mapping(_decoded(visit.request.body), "A request of JSON-RPC")
        number = message.get("id")
        return _reply(number, result=work(_mapping(message.get("params") or {}, "What a request of JSON-RPC asks for")))
    except Exception as error:  # noqa: BLE001 - every error has its place in the envelope
        return _reply(number, error=_error(visit, error))


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body or b"{}")
    except msgspec.DecodeError as error:
        raise ValidationError("This is no JSON.") from error


def _mapping(value: object, what: str) -> Params:
    if not is_mapping(value):
        raise ValidationError(f"{what} is a dictionary.")
    return value


def _error(visit: ApiVisit, error: Exception) -> dict[str, Any]:
    fault = fault_of(error, visit.noted, visit.request.id)
    expired = fault.name == "odoo.http.SessionExpiredException"
    said = "Odoo Session Expired" if expired else "Odoo Server Error"
    return {"code": 100 if expired else 200, "message": said, "data": fault.data}


def _reply(number: object, **outcome: object) -> Response:
    return Response(body=msgspec.json.encode({"jsonrpc": "2.0", "id": number, **outcome}), content_type=JSON)


def _presented(visit: ApiVisit) -> tuple[Site, Session]:
    """Give the session that a request presents, and its database. Raises ``SignInNeeded``."""
    given = visit.request.headers.get(HEADER, "") or visit.request.cookies.get(COOKIE, "")
    prefix, dot, rest = given.partition(".")
    secret, _, db = rest.partition(".")
    token = f"{prefix}.{secret}"
    if not dot or not token.startswith(_SCRIPT) or not secret or len(token) > LONGEST_TOKEN:
        raise SignInNeeded
    return visit.site_of(db), Session(token, "api")


def _facts(visit: ApiVisit, site: Site, session: Session) -> dict[str, Any]:
    def work(env: Env) -> dict[str, Any]:
        user = (
            env["res.users"].browse(env.user_id).read(["name", "login", "company_id", "company_ids", "lang", "tz"])[0]
        )
        company: int = user["company_id"][0] if user["company_id"] else 0
        admin = env.has_group("base.admin")
        return {
            "uid": env.user_id, "is_system": admin, "is_admin": admin, "is_internal_user": env.has_group("base.user"),
            "user_context": {"lang": user["lang"], "tz": user["tz"], "uid": env.user_id}, "db": site.name,
            "server_version": SERIES, "server_version_info": VERSION_INFO, "name": user["name"],
            "username": user["login"], "partner_display_name": user["name"], "partner_id": False,
            "company_id": company or False,
            "user_companies": {
                "current_company": company or False,
                "allowed_companies": {str(i): {"id": i} for i in user["company_ids"]},
            },
        }  # fmt: skip

    return visit.api.runner.run(site, session, work, "read")


def _cookie(value: str) -> tuple[str, str]:
    """Word the cookie by which clients of Odoo know a session; without SameSite=None no other site can send it."""
    age = None if value else 0
    text = dump_cookie(COOKIE, value, max_age=age, path="/", secure=True, httponly=True, samesite="Strict")
    return ("set-cookie", text)
