"""The start-up check: a database whose walls are not what the registry generates is not served."""

from hashlib import sha256
from typing import Final, Protocol

from growsoft.errors import GrowsoftError
from growsoft.postgres.sql import Sql, script
from growsoft.postgres.transaction import Result


class DatabaseUnprotected(GrowsoftError):
    """This database is not served, because its protection is not complete; the log names what is missing."""


class Runs(Protocol):
    """A connection that runs a statement: the superuser's or an open transaction's."""

    def run(self, query: Sql) -> Result:
        """Run it."""
        ...


def problems(connection: Runs) -> list[str]:
    """Find what makes a database unsafe, in sentences; needs no rights beyond reading the catalogues."""
    return connection.run(_PROBLEMS).column(str)


def fingerprint(connection: Runs) -> str:
    """Give one SHA-256 of policies, grants, marks, functions, triggers and rights of a database.

    It does not depend on object ids nor on the name of the database, so every database of one set of apps has the
    same, whether it was made from the template or restored into a fresh cluster.
    """
    lines = connection.run(_FINGERPRINT).column(str)
    return sha256("\n".join(lines).encode()).hexdigest()


def refuse_unprotected(connection: Runs, expected: str) -> None:
    """Raise ``DatabaseUnprotected`` unless there are no problems and the fingerprint is the expected one."""
    found = problems(connection)
    if not found and fingerprint(connection) != expected:
        found = ["policies, grants, marks, functions or rights differ from what the installed apps declare"]
    if found:
        raise DatabaseUnprotected(f"{DatabaseUnprotected.default_message()} {'; '.join(found)}")


_PROBLEMS: Final = script("growsoft.postgres", "problems.sql")
_FINGERPRINT: Final = script("growsoft.postgres", "fingerprint.sql")
