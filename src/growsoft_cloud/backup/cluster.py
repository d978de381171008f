"""Clusters: the PostgreSQL that backups come from and go to, as far as a backup needs it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from growsoft.keeper.port import Port
from growsoft.keeper.verbs import Created, Dumped
from growsoft.postgres.role_facts import RoleFacts


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a cluster can take: dumps of servers up to its version (170010), and this many bytes (None: unknown)."""

    server_version: int
    free_bytes: int | None


class Cluster(Protocol):
    """What a backup asks of a cluster. Names are PostgreSQL's own (opaque), never those that people type."""

    def dump(self, database: str, fd: int, /) -> Dumped:
        """Write a database to a descriptor and say what is in it."""
        ...

    def restore(self, name: str, uuid: UUID, fd: int, /, *, roles: RoleFacts, rows: Mapping[str, int]) -> Created:
        """Make a new database of the dump in a descriptor, with an identity of its own, or leave nothing."""
        ...

    def drop(self, name: str, /) -> None:
        """Drop a database that `restore` made, with its login."""
        ...

    def capacity(self) -> Capacity:
        """Return what the cluster can take now."""
        ...


@dataclass(frozen=True, slots=True)
class KeeperCluster:
    """The cluster of a keeper, be it another process or this one; `data` is where the cluster's data lies."""

    keeper: Port
    server_version: int
    data: Path

    def dump(self, database: str, fd: int, /) -> Dumped:
        """Have the keeper dump a database."""
        return self.keeper.dump(database, fd)

    def restore(self, name: str, uuid: UUID, fd: int, /, *, roles: RoleFacts, rows: Mapping[str, int]) -> Created:
        """Have the keeper restore a database; it gives it uuid, login and keys, and proves its walls."""
        return self.keeper.restore(name, uuid, fd, roles=roles, rows=rows)

    def drop(self, name: str, /) -> None:
        """Have the keeper drop a database."""
        self.keeper.drop_database(name)

    def capacity(self) -> Capacity:
        """Look at the disk below the data."""
        found = os.statvfs(self.data)
        return Capacity(self.server_version, found.f_bavail * found.f_frsize)
