"""What went wrong, in the words that clients of Odoo test for; of our own mistakes they learn nothing but that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from growsoft.errors import AccessError, MissingError, UserError, ValidationError
from growsoft.postgres.transaction import SessionEnded
from growsoft.web.calling import NoSuchMethod
from growsoft.web.doors import AccessDenied, Noted
from growsoft.web.errors import Refusal, SignInNeeded, problem_of
from growsoft.web.log import described
from growsoft.web.refusing import as_refusal

OURS: Final = "This is our mistake and it has been written down; ask with the reference number {}."


@dataclass(frozen=True, slots=True)
class Fault:
    """One error: the class by which clients know it, the sentence, the XML-RPC code and the HTTP status of JSON-2."""

    name: str
    message: str
    code: int = 1
    status: int = 500

    @property
    def data(self) -> dict[str, Any]:
        """Give it as JSON; ``debug`` is there for clients that print it, and empty."""
        return {"name": self.name, "message": self.message, "arguments": [self.message], "context": {}, "debug": ""}


def fault_of(error: Exception, noted: Noted, reference: str) -> Fault:
    """Name an error; what nobody foresaw goes into the log and shows nothing of itself."""
    known = as_refusal(error)
    if isinstance(known, SignInNeeded | SessionEnded):
        return Fault("odoo.http.SessionExpiredException", "Odoo Session Expired", 3, 401)
    if isinstance(known, Refusal):
        return Fault("odoo.exceptions.UserError", str(known), 2, known.status)
    for kind, name, code, status in _NAMES:
        if isinstance(known, kind):
            return Fault(name, str(known), code, status)
    problem = problem_of(known)
    noted.error = described(error)
    return Fault("builtins.Exception", OURS.format(reference) if problem.ours else problem.sentence)


# The first that fits.
_NAMES: Final[tuple[tuple[type[UserError], str, int, int], ...]] = (
    (AccessDenied, "odoo.exceptions.AccessDenied", 3, 401),
    (AccessError, "odoo.exceptions.AccessError", 4, 403),
    (MissingError, "odoo.exceptions.MissingError", 2, 404),
    (NoSuchMethod, "builtins.AttributeError", 1, 404),
    (ValidationError, "odoo.exceptions.ValidationError", 2, 422),
    (UserError, "odoo.exceptions.UserError", 2, 422),
)
