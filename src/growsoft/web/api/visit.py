"""A visit of software: a request that a personal key proves, and the work it asks for in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from growsoft.errors import ValidationError
from growsoft.orm import Env, Locale
from growsoft.orm.narrow import is_mapping
from growsoft.postgres.transaction import Mode, SessionEnded
from growsoft.web.doors import AccessDenied, Api, Caller, Noted
from growsoft.web.errors import WrongType
from growsoft.web.http import Request, Response
from growsoft.web.languages import LONGEST, best_language
from growsoft.web.ports import Client, Site
from growsoft.web.routing import Routes
from growsoft.web.session import device_id
from growsoft.web.streams import Parts

T = TypeVar("T")

ROOT: Final = "/api/1"
JSON: Final = "application/json"
_BEARER: Final = "bearer "


@dataclass(frozen=True)
class NativeVisit:
    """One request of software to one database."""

    api: Api
    request: Request
    site: Site
    noted: Noted = field(default_factory=Noted)

    def run(self, work: Callable[[Env], T], mode: Mode) -> T:
        """Do work in one transaction of the key's owner; once more when the session that his key opened has ended."""
        try:
            return self._run(work, mode)
        except SessionEnded:
            return self._run(work, mode)

    def stream(self, work: Callable[[Env], Generator[bytes]]) -> Parts:
        """Make an answer in parts, in one READ ONLY transaction of the key's owner."""
        return self.api.runner.stream(self.site, self.caller().session, lambda env: work(self._localised(env)))

    def _run(self, work: Callable[[Env], T], mode: Mode) -> T:
        caller = self.caller()

        def within(env: Env) -> T:
            self.noted.actor = env.actor
            result = work(self._localised(env))
            env.flush()
            return result

        try:
            return self.api.runner.run(self.site, caller.session, within, mode)
        except SessionEnded:
            self.api.callers.forget(caller.session)
            raise

    def _localised(self, env: Env) -> Env:
        """Speak the language that the request asks for (RFC 9110, section 12.5.4); moments are in UTC."""
        wanted = self.request.headers.get("accept-language", "")[:LONGEST]
        return env.in_locale(Locale(best_language(wanted, env.registry.languages))) if wanted else env

    def caller(self) -> Caller:
        """Prove the caller by his key. Raises ``AccessDenied``."""
        given = self.request.headers.get("authorization", "")
        if not given.lower().startswith(_BEARER):
            raise AccessDenied
        agent = self.request.headers.get("user-agent", "")[:200]
        client = Client(self.request.client, device_id(""), agent, "api")
        caller = self.api.callers.by_key(self.site, given[len(_BEARER) :].strip(), client)
        self.noted.user = caller.user_id
        return caller

    @property
    def body(self) -> object:
        """The JSON of the body. Raises ``WrongType`` and ``ValidationError``."""
        kind = self.request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if kind != JSON:
            raise WrongType("The body of a request to this API is JSON: send content-type application/json.")
        try:
            return msgspec.json.decode(self.request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ValidationError("The body is no JSON.") from None

    @property
    def object(self) -> Mapping[str, object]:
        """The JSON object of the body. Raises ``ValidationError`` for anything else."""
        body = self.body
        if not is_mapping(body):
            raise ValidationError("The body is a JSON object: the names of fields with their values.")
        return body


def answer(content: object, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return JSON."""
    return Response(status=status, body=msgspec.json.encode(content), content_type=JSON, headers=headers)


NATIVE_ROUTES: Final[Routes[NativeVisit]] = Routes()
