"""The keeper as the floors above see it: what may be asked of it, its errors, and the names of databases."""

import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from typing import ClassVar, Final, Protocol

import psycopg
from psycopg import errors as pg

from growsoft.errors import GrowsoftError, UserError
from growsoft.postgres.apply import Applied
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.refusals import Conflict, translated

# Opaque, because any login can list databases and roles; a name of this form is never anything but a customer's.
DATABASE_NAME: Final = r"\Adb_[0-9a-f]{16}\Z"

_DATABASE_NAME: Final = re.compile(DATABASE_NAME)


def new_database_name() -> str:
    """Make up a name for a database and its login that tells nothing of whose it is."""
    return f"db_{secrets.token_hex(8)}"


def is_database_name(name: str) -> bool:
    """Say whether a name could be a customer's database; templates and PostgreSQL's own are none."""
    return _DATABASE_NAME.match(name) is not None


class KeeperPort(Protocol):
    """What a worker may ask of the keeper. Both can be asked again at any time; raise ``KeeperError``."""

    def ensure_profile(self, database: str) -> None:
        """Let the login of a database take the profiles that its accounts use by now."""
        ...

    def apply_declarations(self, database: str) -> Applied:
        """Bring a database to what its apps declare; the answer has the fingerprint that the start-up check expects."""
        ...


class KeeperError(GrowsoftError):
    """The keeper could not do this; its log says why."""

    # Whether the same request may well succeed a moment later.
    retriable: ClassVar[bool] = False


class KeeperUnavailable(KeeperError):
    """The keeper does not answer right now; try again in a moment."""

    retriable = True


class DatabaseBusy(KeeperError):
    """Something else is being done with this database; try again in a moment."""

    retriable = True


class StillWorking(KeeperError, UserError):
    """This database is being prepared; try again in a moment."""

    retriable = True

    def __init__(self, message: str = "", *, step: str = "", seconds: float = 0.0) -> None:
        """Say at which step the keeper is, and for how many seconds it has been at work."""
        super().__init__(message)
        self.step = step
        self.seconds = seconds


class VerbRefused(KeeperError):
    """The keeper refuses this request: it is not one that this caller may make."""


class RequestMalformed(KeeperError):
    """The keeper does not understand this request; caller and keeper are of different versions, or it was damaged."""


class DatabaseMissing(KeeperError):
    """There is no database of this name in the cluster."""


class DatabaseTaken(KeeperError):
    """There is another database of this name; choose a new name."""


class UpgradeNeeded(KeeperError):
    """This database belongs to another version of its apps; its operator upgrades it with `growsoft db upgrade`."""


class AppsRefused(KeeperError):
    """The apps of this database cannot be changed like this."""


class StorageFull(KeeperError):
    """The disk of the database server is full; make room there and try again."""


@contextmanager
def superuser_errors() -> Generator[None]:
    """Say what the driver raises on a superuser's connection in our words; nothing of the statement goes with it."""
    try:
        yield
    except psycopg.Error as error:
        raise _said(error) from error


def _said(error: psycopg.Error) -> GrowsoftError:
    match error:
        # Two databases that need the same new role, or the same row of a shared catalogue, at the same moment.
        case pg.DuplicateObject() | pg.LockNotAvailable() | pg.ObjectInUse():
            return Conflict()
        case pg.UniqueViolation() if error.diag.schema_name == "pg_catalog":
            return Conflict()
        case pg.InternalError_() if "concurrently" in str(error):
            return Conflict()
        case pg.DiskFull():
            return StorageFull()
        case _:
            return translated(error)


def is_retriable(error: GrowsoftError) -> bool:
    """Say whether the same request may well succeed a moment later: the server restarts, or somebody was faster."""
    return isinstance(error, DatabaseUnavailable | Conflict) or (isinstance(error, KeeperError) and error.retriable)
