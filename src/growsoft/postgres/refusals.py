"""What PostgreSQL refuses, said in our words; values of rows never go into them."""

from typing import Final, Literal

import psycopg
from psycopg import errors as pg

from growsoft.errors import AccessError, GrowsoftError, UserError, ValidationError
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.words import _

RuleKind = Literal["unique", "foreign_key", "check", "not_null"]


class SessionEnded(UserError):
    """Your session has ended; sign in again."""


class CompanyRefused(UserError):
    """You do not work in one of these companies, or not any more; choose among your own."""


class ContextRefused(GrowsoftError):
    """The database did not believe who is asking; see the log for the reason."""


class ProfileMissing(GrowsoftError):
    """Your groups changed a moment ago and the database is not ready for them yet; try again in a moment."""

    # The keeper makes it ready: KeeperPort.ensure_profile().


class Conflict(GrowsoftError):
    """Someone else changed the same data at the same moment; it was tried several times, please try again."""

    def __init__(self, message: str = "", *, wait_for: tuple[str, int] | None = None) -> None:
        """``wait_for`` is the advisory lock, of a database, for which the next attempt waits before it begins."""
        super().__init__(message)
        self.wait_for = wait_for


class Locked(UserError):
    """Somebody else works on this right now; try again in a moment."""


class DatabaseError(GrowsoftError):
    """The database refused a statement of the product; this is a defect, please report it."""

    def __init__(self, sqlstate: str, detail: str) -> None:
        """Keep SQLSTATE and the first line for the log."""
        super().__init__(f"{type(self).default_message()} [{sqlstate}] {detail}")
        self.sqlstate = sqlstate


class TooLong(ValidationError):
    """A text is too long to be found again by it; shorten it."""

    # An entry of a btree index has 2,704 bytes at most (PostgreSQL documentation, 64.1).


class ConstraintViolated(ValidationError):
    """A rule of the database refused the values.

    ``constraint`` is the name of the rule in PostgreSQL, ``kind`` says which sort of rule it is.
    """

    def __init__(self, message: str, constraint: str, kind: RuleKind) -> None:
        """Keep the names with which the ORM finds the sentence of the model."""
        super().__init__(message)
        self.constraint = constraint
        self.kind: RuleKind = kind


def translated(error: psycopg.Error) -> GrowsoftError:
    """Say a driver's error in our words; values of rows never go into the text."""
    for kind, (rule, sentence) in _RULES.items():
        if isinstance(error, kind):
            name = error.diag.constraint_name or error.diag.column_name or ""
            return ConstraintViolated(sentence, name, rule)
    for kind, answer in _ANSWERS.items():
        if isinstance(error, kind):
            return answer()
    if isinstance(error, pg.DataError):
        return ValidationError(_("A value does not fit its field; correct it and try again."))
    return DatabaseError(error.sqlstate or "", str(error).partition("\n")[0])


_REFERENCED: Final = _("Other records refer to this one, or it refers to a missing one.")
_RULES: Final[dict[type[psycopg.Error], tuple[RuleKind, str]]] = {
    pg.UniqueViolation: ("unique", _("This value is taken already; choose another.")),
    pg.ForeignKeyViolation: ("foreign_key", _REFERENCED),
    pg.RestrictViolation: ("foreign_key", _REFERENCED),
    pg.CheckViolation: ("check", _("A value is outside of what is allowed.")),
    pg.NotNullViolation: ("not_null", _("A required value is missing.")),
}
# In this order: the first class that fits answers.
_ANSWERS: Final[dict[type[psycopg.Error], type[GrowsoftError]]] = {
    pg.SerializationFailure: Conflict,
    pg.DeadlockDetected: Conflict,
    pg.InvalidAuthorizationSpecification: SessionEnded,
    pg.InvalidRoleSpecification: CompanyRefused,
    pg.InvalidPassword: ContextRefused,
    pg.InsufficientPrivilege: AccessError,
    pg.IdleInTransactionSessionTimeout: DatabaseUnavailable,
    pg.TransactionTimeout: DatabaseUnavailable,
    pg.ProgramLimitExceeded: TooLong,
    pg.LockNotAvailable: Locked,
    psycopg.OperationalError: DatabaseUnavailable,
}
