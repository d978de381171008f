"""The application: from a complete request to the answer, whatever happens on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from growsoft.orm import Env
from growsoft.postgres.context import LoginDoor, numbered
from growsoft.postgres.keeper import KeeperPort
from growsoft.postgres.sql import sql
from growsoft.postgres.transaction import CompanyRefused, Mode
from growsoft.security.tokens import new_token
from growsoft.views.manner import Manner
from growsoft.views.people import manner_of, person_of
from growsoft.web import csrf
from growsoft.web.api import NATIVE_ROUTES
from growsoft.web.api.problems import problem, worded
from growsoft.web.api.visit import ROOT, NativeVisit
from growsoft.web.companies import chosen_companies, companies_cookie
from growsoft.web.compress import compressed
from growsoft.web.doors import Api
from growsoft.web.errors import (
    Busy,
    Forged,
    PageNotFound,
    Problem,
    Refusal,
    SignInNeeded,
    TooLarge,
    UnknownHost,
    problem_of,
)
from growsoft.web.headers import HeadersPolicy
from growsoft.web.http import TEXT, Request, Response
from growsoft.web.languages import browser_manner
from growsoft.web.log import Fields, described, logger
from growsoft.web.odoo import API_ROUTES
from growsoft.web.odoo.visit import ApiVisit
from growsoft.web.pages import ROUTES, SIGNED_IN_ROUTES
from growsoft.web.pages.signin import LOGIN, PASSWORD
from growsoft.web.ports import Authenticator, Directory, Site
from growsoft.web.refusing import as_refusal
from growsoft.web.routing import Match
from growsoft.web.running import Runner
from growsoft.web.session import Session, device_cookie, device_of, no_session_cookie, session_of
from growsoft.web.static import PREFIX
from growsoft.web.visit import SignedInVisit, Visit, sign_in_path, tools

READY = "/readyz"
# What somebody who is not signed in may send: a login, a password of 1 KiB however it is encoded, a token.
STRANGERS_FORM = 64 * 1024
_HAS_PASSWORD = sql("SELECT gs.has_credential()")


@dataclass(slots=True)
class Trace:
    """What the log will say of a request: names and numbers, never values."""

    database: str = ""
    user: int = 0
    actor: int = 0
    route: str = ""
    error: str = ""
    manner: Manner | None = None


class NothingChanges(Exception):
    """An answer that reports an error: what its handler did until then is taken back."""

    def __init__(self, response: Response) -> None:
        """Carry the answer."""
        super().__init__("rolled back")
        self.response = response


class Application:
    """Answers requests for the databases of a directory."""

    def __init__(
        self,
        directory: Directory,
        authenticator: Authenticator,
        *,
        keeper: KeeperPort | None = None,
        policy: HeadersPolicy | None = None,
    ) -> None:
        """Serve what a directory finds, to those whom an authenticator lets in.

        The keeper makes the profiles of people whose groups were changed a moment ago.
        """
        self._directory = directory
        self._tools = tools(authenticator)
        self._policy = policy or HeadersPolicy()
        self._runner = Runner(keeper)
        self._api = Api(directory, authenticator, self._runner)
        self._log = logger()

    # -- for the adapter ---------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer a request; never raises."""
        begun = time.perf_counter()
        trace = Trace()
        try:
            with numbered(request.id):
                response = self._respond(request, trace)
        except Exception as error:  # noqa: BLE001 - the last place before the client: it gets a reference, the log the rest
            response = self._failed(request, error, trace)
        self._write(request, response, trace, begun)
        return response

    def takes_files(self, request: Request) -> bool:
        """Say whether a route takes files and its visitor is signed in, before any of them are read."""
        try:
            match = SIGNED_IN_ROUTES.find(request.method, request.path)
            site = self._directory.find(host_name(request.host))
            if match is None or not match.route.files or site is None:
                return False
            session = session_of(request, "browser")
            if session is not None:
                self._runner.run(site, session, lambda _env: None, "read")
        except Exception as error:
            known = as_refusal(error)
            if isinstance(known, Refusal):
                raise known from error
            self._log.error("upload", id=request.id, error=described(error))
            return False
        return session is not None

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """Word a refusal for a request that got no thread."""
        if request.path.startswith(f"{ROOT}/"):
            return worded(request, None, refusal)
        return self._problem(request, problem_of(refusal), None, browser_manner(request))

    def finish(self, request: Request, response: Response) -> tuple[Response, tuple[tuple[str, str], ...]]:
        """Compress where that is safe, and apply the headers policy."""
        finished = compressed(request, response)
        return finished, self._policy.apply(finished, host=request.host)

    def broke(self, request: Request, error: Exception) -> None:
        """Write down what went wrong after an answer had begun."""
        self._log.error("stream", id=request.id, error=described(error))

    # -- from request to answer --------------------------------------------------------------------------------------

    def _respond(self, request: Request, trace: Trace) -> Response:
        """Find out what is asked for, and of which database."""
        if request.path.startswith(PREFIX):
            trace.route = PREFIX
            return self._tools.static.answer(request)
        if request.path == READY:
            trace.route = READY
            return self._ready()
        site = self._directory.find(host_name(request.host))
        if site is None:
            return self._unknown_host(request)
        trace.database = site.name
        if request.path.startswith(f"{ROOT}/"):
            return self._for_key(request, site, trace)
        public = ROUTES.find(request.method, request.path)
        if public is not None:
            trace.route = public.route.pattern
            return self._public(request, site, public)
        api = API_ROUTES.find(request.method, request.path)
        if api is not None:
            trace.route = api.route.pattern
            return self._for_script(request, site, api, trace)
        private = SIGNED_IN_ROUTES.find(request.method, request.path)
        if private is None:
            raise PageNotFound
        trace.route = private.route.pattern
        return self._private(request, site, private, trace)

    def _public(self, request: Request, site: Site, match: Match[Visit]) -> Response:
        """Answer somebody who need not be signed in; his browser is given a secret to be known by."""
        device = device_of(request)
        visit = Visit(self._tools, request, site, device or new_token())
        if len(request.body) > STRANGERS_FORM:
            raise TooLarge
        if not request.safe and not (request.path == LOGIN and csrf.from_script(request)):
            csrf.refuse_forgery(request, given=visit.form.get(csrf.FIELD, ""), secret=device, origin=origin_of(request))
        response = match.answer(visit)
        return response if device else response.with_headers(device_cookie(visit.device))

    def _for_script(self, request: Request, site: Site, match: Match[ApiVisit], trace: Trace) -> Response:
        """Answer software that calls the external API; a browser that was led here by some page is refused."""
        if not csrf.from_script(request):
            raise Forged
        visit = ApiVisit(self._api, request, site)
        response = match.answer(visit)
        trace.user, trace.error = visit.noted.user, visit.noted.error
        return response

    def _for_key(self, request: Request, site: Site, trace: Trace) -> Response:
        """Answer software that shows a key; no cookie is looked at, so no page can borrow anybody's session for it."""
        visit = NativeVisit(self._api, request, site)
        try:
            match = NATIVE_ROUTES.find(request.method, request.path)
            if match is None:
                raise PageNotFound
            trace.route = match.route.pattern
            response = match.answer(visit)
        except Refusal as refusal:
            response = problem(visit, refusal)
        trace.user, trace.actor, trace.error = visit.noted.user, visit.noted.actor, visit.noted.error
        return response

    def _private(self, request: Request, site: Site, match: Match[SignedInVisit], trace: Trace) -> Response:
        """Answer somebody who is signed in, in one transaction of his: READ ONLY for a request that only looks."""
        session = session_of(request, "browser")
        if session is None:
            return self._sign_in_first(request, site)
        files = match.route.files
        visit = Visit(self._tools, request, site, device_of(request), brings_files=files)
        if len(request.body) > STRANGERS_FORM:
            # Reading a large form takes seconds: only for somebody who is known to be signed in.
            self._runner.run(site, session, lambda _env: Response(), "read")
        if not request.safe:
            csrf.refuse_forgery(
                request,
                given=visit.form.get(csrf.FIELD, "") or request.headers.get(csrf.HEADER, ""),
                secret=session.token,
                origin=origin_of(request),
            )

        def work(env: Env) -> Response:
            trace.user, trace.actor = env.user_id, env.actor
            person = person_of(env)
            env = env.in_locale(person.locale)
            trace.manner = manner_of(env)
            signed_in = SignedInVisit(
                self._tools, request, site, visit.device, session, env, person, brings_files=files
            )
            response = signed_in.go(PASSWORD) if self._must_choose(signed_in) else match.answer(signed_in)
            if response.status >= 400:
                raise NothingChanges(response)
            env.flush()
            return response

        try:
            return self._run_where_he_works(request, site, session, work, "read" if match.route.looks else "write")
        except NothingChanges as error:
            return error.response

    def _run_where_he_works(
        self, request: Request, site: Site, session: Session, work: Callable[[Env], Response], mode: Mode
    ) -> Response:
        """Run a handler in the companies that its user has chosen; in all of his when he works there no more."""
        chosen = chosen_companies(request)
        try:
            return self._runner.run(site, session, work, mode, chosen)
        except CompanyRefused:
            if not chosen:
                raise
            return self._runner.run(site, session, work, mode).with_headers(companies_cookie(()))

    @staticmethod
    def _must_choose(visit: SignedInVisit) -> bool:
        """Say whether somebody who came by a link has yet to choose a password, before any other page."""
        request = visit.request
        if not request.safe or request.partial or request.path == PASSWORD:
            return False
        return not visit.env.execute(_HAS_PASSWORD).scalar()

    def _sign_in_first(self, request: Request, site: Site) -> Response:
        """Lead to the sign-in page and back; what was sent with a form is lost, so that is said."""
        if not request.safe:
            return self._problem(request, problem_of(SignInNeeded()), site, browser_manner(request, site.registry))
        visit = Visit(self._tools, request, site, device_of(request))
        ended = session_of(request, "browser") is not None
        return visit.go(sign_in_path(request, ended=ended)).with_headers(no_session_cookie("browser"))

    def _ready(self) -> Response:
        """Say whether the control database answers."""
        site = self._directory.find("localhost")
        if site is None:
            raise Busy
        with site.database.transaction(LoginDoor(), "read"):
            return Response(body=b"ready\n", content_type=TEXT)

    # -- when something is wrong -------------------------------------------------------------------------------------

    def _failed(self, request: Request, error: Exception, trace: Trace) -> Response:
        """Turn an error into an answer; what we did not foresee goes to the log."""
        known = as_refusal(error)
        problem = problem_of(known)
        if problem.ours or problem.status >= 500:
            trace.error = described(error)
        try:
            site = self._directory.find(host_name(request.host)) if trace.database else None
            if isinstance(known, SignInNeeded) and site is not None:
                return self._sign_in_first(request, site)
            manner = trace.manner or browser_manner(request, None if site is None else site.registry)
            return self._problem(request, problem, site, manner)
        except Exception as second:  # noqa: BLE001 - not even the error page can be made: then plain words
            trace.error += f" || {described(second)}"
            text = f"{problem.title}. {problem.sentence} Reference number {request.id}\n"
            return Response(status=problem.status, body=text.encode(), content_type=TEXT)

    def _problem(self, request: Request, problem: Problem, site: Site | None, manner: Manner) -> Response:
        """Show a problem: as a page, or as a part of one when the client asks for parts."""
        name = "_problem.html" if request.partial else "error.html"
        context = {"problem": problem, "reference": request.id, "site": site}
        html = self._tools.templates.render(name, context, manner)
        return Response(status=problem.status, body=html.encode(), headers=problem.headers)

    def _unknown_host(self, request: Request) -> Response:
        """Say that nothing is served under a name, and what to do."""
        context = {"host": host_name(request.host)[:100], "reference": request.id, "site": None}
        html = self._tools.templates.render("unknown.html", context, browser_manner(request))
        return Response(status=UnknownHost.status, body=html.encode())

    def _write(self, request: Request, response: Response, trace: Trace, begun: float) -> None:
        """Write one line about a request."""
        line: Fields = {
            "id": request.id,
            "method": request.method,
            "route": trace.route,
            "status": response.status,
            "ms": ceil((time.perf_counter() - begun) * 10_000) / 10,
            "bytes": len(response.body),
            "database": trace.database,
            "user": trace.user,
            "actor": trace.actor,
            "client": request.client,
        }
        if trace.error:
            self._log.error("request", **line, error=trace.error)
        else:
            self._log.info("request", **line)


def host_name(host: str) -> str:
    """Return the name in a Host field without its port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def origin_of(request: Request) -> str:
    """Return the origin of our own pages as browsers write it; everything is served over HTTPS."""
    return f"https://{request.host}"
