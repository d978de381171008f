"""What other floors raise, in the words of the web."""

from __future__ import annotations

from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.keeper import KeeperError
from growsoft.postgres.transaction import Conflict, SessionEnded
from growsoft.security import passwords
from growsoft.web.errors import Busy, Refusal, SignInNeeded


class Contended(Refusal):
    """Someone else changed the same data at the same moment; try again."""

    status = 409
    title = "Changed by somebody else"


def as_refusal(error: Exception) -> Exception:
    """Return what other floors raise in the words of the web."""
    match error:
        case SessionEnded():
            return SignInNeeded()
        case DatabaseUnavailable() | KeeperError() | passwords.Busy():
            return Busy(error.message, headers=(("retry-after", "5"),))
        case Conflict():
            return Contended(error.message)
        case _:
            return error
