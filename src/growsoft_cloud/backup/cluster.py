"""Clusters: the PostgreSQL that backups come from and go to, as far as a backup needs it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from growsoft.postgres.binaries import Binaries
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.dump import DumpFacts, dump_database, finish_restore, restore_database
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database
from growsoft.postgres.role_facts import RoleFacts
from growsoft.postgres.superuser import superuser


class Cluster(Protocol):
    """What a backup asks of a cluster. Names are PostgreSQL's own (opaque), never those that people type."""

    def dump(self, database: str, fd: int, /) -> DumpFacts:
        """Write a database to a descriptor; see `growsoft.postgres.dump.dump_database`."""
        ...

    def restore(self, database: str, fd: int, roles: RoleFacts, /) -> dict[str, int]:
        """Make a new database from a descriptor and return its row counts, or leave nothing."""
        ...

    def finish(self, database: str, /) -> None:
        """Say that a restored database was proven complete."""
        ...

    def drop(self, database: str, /) -> None:
        """Drop a database that `restore` made."""
        ...

    def server_version(self) -> int:
        """Return the server's version number, such as 170010."""
        ...

    def free_space(self) -> int | None:
        """Return how many bytes the cluster's disk can still take, or None where nobody knows."""
        ...


@dataclass(frozen=True, slots=True)
class LocalCluster:
    """A cluster of this machine, by its superuser: what the keeper uses, and the command line that becomes it."""

    endpoint: Endpoint
    binaries: Binaries
    data: Path | None = None

    def dump(self, database: str, fd: int, /) -> DumpFacts:
        """Write a database to a descriptor."""
        return dump_database(self._in(database), fd, binaries=self.binaries)

    def restore(self, database: str, fd: int, roles: RoleFacts, /) -> dict[str, int]:
        """Make a new database from a descriptor."""
        return restore_database(self.endpoint, database, fd, roles=roles, binaries=self.binaries)

    def finish(self, database: str, /) -> None:
        """Take the mark of an incomplete database away."""
        finish_restore(self.endpoint, database)

    def drop(self, database: str, /) -> None:
        """Drop a database with its login."""
        with superuser(self.endpoint, MAINTENANCE_DATABASE) as connection:
            drop_database(connection, database)

    def server_version(self) -> int:
        """Ask the server itself: it may be another build than the programs."""
        with superuser(self.endpoint, MAINTENANCE_DATABASE) as connection:
            return connection.raw.info.server_version

    def free_space(self) -> int | None:
        """Return what the disk below the data can take."""
        if self.data is None:
            return None
        found = os.statvfs(self.data)
        return found.f_bavail * found.f_frsize

    def _in(self, database: str) -> Endpoint:
        at = self.endpoint
        return Endpoint(at.host, at.port, database, at.user, at.password)
