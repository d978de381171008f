"""Problem details (RFC 9457): what went wrong, as software can tell it apart and people can read it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec

from growsoft.errors import AccessError, MissingError, UserError, ValidationError
from growsoft.orm import Registry
from growsoft.orm.versions import ChangedMeanwhile
from growsoft.postgres.transaction import SessionEnded
from growsoft.web.api.visit import NativeVisit
from growsoft.web.doors import AccessDenied
from growsoft.web.errors import PageNotFound, Refusal, SignInNeeded, problem_of
from growsoft.web.http import Request, Response
from growsoft.web.languages import browser_manner
from growsoft.web.log import described
from growsoft.web.refusing import Contended, as_refusal

PROBLEM: Final = "application/problem+json"
# What each is known by; the words behind it may change, this does not.
KIND: Final = "urn:growsoft:problem:{}"
NO_KEY: Final = "This key is wrong, has expired or was dropped; send a valid one as Authorization: Bearer."
OURS: Final = "This is our mistake and it has been written down; ask with the instance given here."


class Failed(Exception):
    """One operation of several failed; says which."""

    def __init__(self, place: int, error: Exception) -> None:
        """``place`` counts from 0."""
        super().__init__(str(error))
        self.place = place
        self.error = error


def problem(visit: NativeVisit, error: Exception) -> Response:
    """Word an error; what nobody foresaw goes into the log and shows nothing of itself."""
    response = worded(visit.request, visit.site.registry, error)
    if response.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        visit.noted.error = described(error)
    return response


def worded(request: Request, registry: Registry | None, error: Exception) -> Response:
    """Word an error in the language that a request asks for."""
    more: dict[str, Any] = {}
    if isinstance(error, Failed):
        more["operation"] = error.place
        error = error.error
    known = as_refusal(error)
    status, kind = _known(known)
    headers: tuple[tuple[str, str], ...] = known.headers if isinstance(known, Refusal) else ()
    if status == HTTPStatus.UNAUTHORIZED:
        headers = (("www-authenticate", 'Bearer realm="Growsoft"'),)
    if isinstance(known, ChangedMeanwhile):
        more["fields"] = list(known.fields)
    detail = browser_manner(request, registry).say(_detail(known, status))
    body = {
        "type": KIND.format(kind), "title": HTTPStatus(status).phrase, "status": status, "detail": detail,
        "instance": f"urn:growsoft:request:{request.id}", **more,
    }  # fmt: skip
    return Response(status=status, body=msgspec.json.encode(body), content_type=PROBLEM, headers=headers)


def _detail(known: Exception, status: int) -> str:
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return OURS
    if status == HTTPStatus.UNAUTHORIZED:
        return NO_KEY if str(known) == AccessDenied.default_message() else getattr(known, "words", NO_KEY)
    return problem_of(known).sentence


def _known(error: Exception) -> tuple[int, str]:
    for kinds, status, name in _KINDS:
        if isinstance(error, kinds):
            return status, name
    if isinstance(error, Refusal):
        return error.status, HTTPStatus(error.status).phrase.lower().replace(" ", "-")
    return (422, "refused") if isinstance(error, UserError) else (500, "internal")


# The first that fits; other refusals of the web are known by their own status.
_KINDS: Final[tuple[tuple[tuple[type[Exception], ...], int, str], ...]] = (
    ((AccessDenied, SignInNeeded, SessionEnded), 401, "unauthenticated"),
    ((MissingError, PageNotFound), 404, "not-found"),
    ((AccessError,), 403, "forbidden"),
    ((ChangedMeanwhile,), 412, "changed-meanwhile"),
    ((Contended,), 409, "conflict"),
    ((ValidationError,), 422, "invalid"),
)
