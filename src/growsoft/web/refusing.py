"""What other floors raise, in the words of the web."""

from __future__ import annotations

from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.keeper import KeeperError
from growsoft.postgres.transaction import Conflict, SessionEnded
from growsoft.security import passwords
from growsoft.web.errors import Busy, Refusal, SignInNeeded
from growsoft.words import _


class Contended(Refusal):
    """Someone else changed the same data at the same moment; try again."""

    status = 409
    title = _("Changed by somebody else")


def as_refusal(error: Exception) -> Exception:
    """Return what other floors raise in the words of the web."""
    match error:
        case SessionEnded():
            return SignInNeeded()
        case DatabaseUnavailable() | KeeperError() | passwords.Busy():
            return Busy(error.words, headers=(("retry-after", "5"),))
        case Conflict():
            return Contended(error.words)
        case _:
            return error
