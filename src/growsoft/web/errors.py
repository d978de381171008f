"""Errors of the web: each with its status, a title, and a sentence that ends with the next step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from growsoft.errors import AccessError, MissingError, UserError, ValidationError
from growsoft.words import _


class Refusal(UserError):
    """This request cannot be understood; go back, reload the page and try again."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = _("That request was not understood")

    def __init__(self, message: str = "", *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Take a sentence for this case and header fields that tell clients more."""
        super().__init__(message)
        self.headers = headers


class SignInNeeded(Refusal):
    """You are not signed in, or your session has ended; sign in and try again."""

    status = 401
    title = _("Please sign in")


class Forged(Refusal):
    """This form did not come from a page of yours, so nothing was changed; reload the page and send it again."""

    status = 403
    title = _("Nothing was changed")


class PageNotFound(Refusal):
    """There is nothing at this address; check it, or go back to the start page."""

    status = 404
    title = _("Nothing here")


class MethodNotAllowed(Refusal):
    """This address does not take that kind of request; open the page and use its buttons."""

    status = 405
    title = _("That cannot be done here")


class TooSlow(Refusal):
    """Your request took too long to arrive; check your connection and send it again."""

    status = 408
    title = _("That took too long")


class TooLarge(Refusal):
    """What you sent is larger than this page takes; send less at once."""

    status = 413
    title = _("Too much at once")


class WrongType(Refusal):
    """What you sent is not in a format that this page reads; use the form of the page."""

    status = 415
    title = _("Unknown format")


class UnknownHost(Refusal):
    """No database is served under this name; check the address, or ask whoever gave it to you."""

    status = 421
    title = _("Unknown address")


class TooManyTries(Refusal):
    """There were too many attempts; wait a little and try again."""

    status = 429
    title = _("Please wait")


class HeadTooLarge(Refusal):
    """Your browser sent more header fields than we take; delete the cookies of this site and try again."""

    status = 431
    title = _("Too many header fields")


class Busy(Refusal):
    """The server has more to do than it can; wait a few seconds and try again."""

    status = 503
    title = _("Busy")


@dataclass(frozen=True, slots=True)
class Problem:
    """What people see of an error, and what the log needs to know of it."""

    status: int
    title: str
    sentence: str
    headers: tuple[tuple[str, str], ...] = ()
    ours: bool = False


INTERNAL = Problem(
    status=500,
    title=_("Something went wrong here"),
    sentence=_(
        "This is our mistake and it has been written down; try again, and give the reference number when you ask."
    ),
    ours=True,
)


def problem_of(error: Exception) -> Problem:
    """Say what people see of an error; what we did not foresee is our mistake and shows nothing of itself."""
    match error:
        case Refusal():
            return Problem(error.status, error.title, error.words, error.headers)
        case MissingError():
            # The same words whether a record is gone or hidden: the answer must not tell which.
            return Problem(404, _("Not found"), MissingError.default_message())
        case AccessError():
            return Problem(403, _("Not allowed"), error.words)
        case ValidationError():
            return Problem(422, _("Not saved"), error.words)
        case UserError():
            return Problem(422, _("That cannot be done"), error.words)
        case _:
            return INTERNAL
