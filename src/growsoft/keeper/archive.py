"""Archive: dumps into, and restores and copies from, a descriptor that the caller opened with its own rights."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID, uuid4

import msgspec

from growsoft.errors import GrowsoftError
from growsoft.keeper.databases import Databases
from growsoft.keeper.facts import platform
from growsoft.keeper.history import History
from growsoft.keeper.records import Records
from growsoft.keeper.templates import Report
from growsoft.keeper.verbs import Created, Dumped, Restore
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.dump import (
    DumpFacts,
    DumpFailed,
    RestoreFailed,
    dump_database,
    finish_restore,
    restore_database,
)
from growsoft.postgres.keeper import DatabaseTaken, RequestMalformed, new_database_name, superuser_errors
from growsoft.postgres.provision import drop_database
from growsoft.postgres.role_facts import Profile, RoleFacts, read_roles, restore_roles
from growsoft.postgres.transaction import retrying


class Archive:
    """Whole databases in and out of the cluster."""

    def __init__(self, databases: Databases, records: Records, history: History) -> None:
        """Take the databases, what is remembered of them, and what seals their histories."""
        self._history = history
        self._databases = databases
        self._records = records

    def dump(self, name: str, fd: int, report: Report) -> Dumped:
        """Write a database into a descriptor, and say what is in it."""
        _refuse_unfit(fd, writing=True)
        facts = self._databases.facts(name)
        # A private side of other scripts is dumped as it is: its upgrade needs a backup first.
        head = self._history.seal(name).head if facts.platform == platform() else None
        report("dumping")
        with superuser_errors():
            written = dump_database(replace(self._databases.server, dbname=name), fd)
        return Dumped(facts.uuid, facts.apps, written, head)

    def restore(self, verb: Restore, fd: int, report: Report) -> Created:
        """Make a new database of a dump: roles first, then rows, an identity of its own, and the start-up check."""
        _refuse_unfit(fd, writing=False)
        profiles = tuple(Profile(name, groups) for name, groups in verb.profiles.items())
        wanted = _Plan(verb.name, verb.uuid, RoleFacts(verb.roles, profiles), lambda: verb.rows)
        return self._restored(wanted, fd, report)

    def copy(self, source: str, name: str, uuid: UUID, report: Report) -> Created:
        """Copy a database as it is at one moment, while it is in use: a dump that flows into a restore."""
        with self._databases.inside(source) as connection:
            roles = read_roles(connection)
        with _Dumping(replace(self._databases.server, dbname=source)) as dumping:
            return self._restored(_Plan(name, uuid, roles, dumping.rows), dumping.reading, report)

    @contextmanager
    def scratch(self, source: str, report: Report) -> Generator[str]:
        """Copy a database for as long as the block runs; nobody but the superuser can enter the copy."""
        name = new_database_name()
        with self._databases.inside(source) as connection:
            roles = read_roles(connection)
        with self._records.unfinished(name, "rehearse"):
            try:
                with _Dumping(replace(self._databases.server, dbname=source)) as dumping:
                    self._fill(_Plan(name, uuid4(), roles, dumping.rows), dumping.reading, report)
                yield name
            finally:
                with self._records.cluster() as cluster:
                    drop_database(cluster, name)

    def _restored(self, wanted: _Plan, fd: int, report: Report) -> Created:
        if self._records.has(wanted.name):
            raise DatabaseTaken
        with self._records.unfinished(wanted.name, "restore"):
            made = self._fill(wanted, fd, report)
            self._databases.open(wanted.name)
        return made

    def _fill(self, wanted: _Plan, fd: int, report: Report) -> Created:
        """Make a proven database that nobody can enter yet."""
        name = wanted.name
        with superuser_errors():
            retrying(lambda: self._make_roles(wanted.roles))
            report("restoring")
            found = restore_database(self._databases.server, name, fd, roles=wanted.roles)
            _refuse_other_rows(wanted.rows(), found)
            report("checking")
            made = self._databases.adopt(self._databases.identity(name, wanted.uuid))
            finish_restore(self._databases.server, name)
        return msgspec.structs.replace(made, rows=found)

    def _make_roles(self, roles: RoleFacts) -> None:
        # Beforehand, because another database may need the same new roles just now, and a restore cannot be repeated.
        with self._records.cluster() as cluster:
            restore_roles(cluster, roles)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to come of a dump; `rows` gives the counts of its tables, where they are known."""

    name: str
    uuid: UUID
    roles: RoleFacts
    rows: Callable[[], Mapping[str, int] | None]


class _Dumping:
    """A dump at work in a thread of its own; `reading` is the end at which it comes out."""

    def __init__(self, source: Endpoint) -> None:
        self._source = source
        self.reading, self._writing = os.pipe()
        self._thread = threading.Thread(target=self._dump, name=f"copy of {source.dbname}")
        self._facts: DumpFacts | None = None
        self._error: GrowsoftError | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        # Without a reader the dump ends by itself.
        os.close(self.reading)
        self._thread.join()

    def rows(self) -> Mapping[str, int]:
        """Give the rows of every table, as the dump saw them; raises what made it fail."""
        self._thread.join()
        if self._facts is None:
            raise self._error or DumpFailed
        return self._facts.rows

    def _dump(self) -> None:
        try:
            with superuser_errors():
                self._facts = dump_database(self._source, self._writing)
        except GrowsoftError as error:
            self._error = error
        finally:
            os.close(self._writing)


def _refuse_other_rows(expected: Mapping[str, int] | None, found: Mapping[str, int]) -> None:
    """Compare with what the dump counted; tables whose rows are never dumped must be empty."""
    if expected is None:
        return
    differing = sorted(table for table in {*expected, *found} if expected.get(table, 0) != found.get(table, 0))
    if differing:
        raise RestoreFailed(f"Rows are missing or too many in {', '.join(differing[:5])}; nothing of it was left.")


def _refuse_unfit(fd: int, *, writing: bool) -> None:
    """Refuse a descriptor that is no file, pipe or socket, or is open the wrong way."""
    mode = os.fstat(fd).st_mode
    access = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        raise RequestMalformed("The descriptor is no file, pipe or socket.")
    if access == (os.O_RDONLY if writing else os.O_WRONLY):
        raise RequestMalformed(f"The descriptor is not open for {'writing' if writing else 'reading'}.")
