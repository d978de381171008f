"""Scratch cluster: a PostgreSQL of its own in which backups are restored on trial, and which forgets everything."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import UUID

from growsoft.config import State
from growsoft.errors import GrowsoftError
from growsoft.keeper.verbs import Created, Dumped
from growsoft.postgres.binaries import Binaries, find, reachable
from growsoft.postgres.check import problems
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.dump import DumpFacts, dump_database, finish_restore, private_tables, restore_database
from growsoft.postgres.filerefs import FileReference, file_references, wrapped_file_keys
from growsoft.postgres.files import make_folder
from growsoft.postgres.parameters import SUPERUSER, ephemeral, login_rules
from growsoft.postgres.provision import MAINTENANCE_DATABASE, drop_database
from growsoft.postgres.role_facts import RoleFacts
from growsoft.postgres.server import Server
from growsoft.postgres.superuser import superuser
from growsoft.postgres.users import ServiceUser, can_read
from growsoft_cloud.backup.cluster import Capacity
from growsoft_cloud.backup.errors import BackupError, NotTheSame

PORT: Final = 5432


class Unprotected(NotTheSame):
    """What was restored lacks protection; nothing of it was left, take another backup."""


@dataclass(frozen=True, slots=True)
class ScratchCluster:
    """A ``Cluster`` for trials: a restored database is checked as at every start, and nobody may enter it."""

    endpoint: Endpoint
    binaries: Binaries
    folder: Path

    def dump(self, database: str, fd: int, /) -> Dumped:
        """Refuse: nothing lives here that is worth a backup."""
        raise BackupError(f"{database} is here on trial only ({fd}); back up the original.")

    def restore(self, name: str, uuid: UUID, fd: int, /, *, roles: RoleFacts, rows: Mapping[str, int]) -> Created:
        """Restore a dump and check walls and constraints; the caller compares the rows with `rows`."""
        del rows
        found = restore_database(self.endpoint, name, fd, roles=roles, binaries=self.binaries)
        try:
            with superuser(self.endpoint, name) as connection:
                wrong = problems(connection)
        except BaseException:
            self.drop(name)
            raise
        if wrong:
            self.drop(name)
            raise Unprotected(f"{Unprotected.default_message()} {'; '.join(wrong[:5])}")
        finish_restore(self.endpoint, name)
        return Created(name, uuid, 1, {}, "", rows=found)

    def export(self, database: str, fd: int, /) -> DumpFacts:
        """Write what was restored to a file, for stock tools, without what signs anybody in and without any key."""
        endpoint = replace(self.endpoint, dbname=database)
        with superuser(endpoint) as connection:
            private = private_tables(connection)
        return dump_database(endpoint, fd, binaries=self.binaries, without_rows=private, compress="gzip")

    def file_references(self, database: str, /) -> Generator[FileReference]:
        """Give every row that refers to a file."""
        with superuser(self.endpoint, database) as connection:
            yield from file_references(connection)

    def file_keys(self, database: str, /) -> list[bytes]:
        """Give the keys of its files, as the database keeps them: wrapped."""
        with superuser(self.endpoint, database) as connection:
            return wrapped_file_keys(connection)

    def drop(self, name: str, /) -> None:
        """Drop what was restored."""
        with superuser(self.endpoint, MAINTENANCE_DATABASE) as connection:
            drop_database(connection, name)

    def capacity(self) -> Capacity:
        """Look at the disk."""
        found = os.statvfs(self.folder)
        return Capacity(self.binaries.version, found.f_bavail * found.f_frsize)


@contextmanager
def scratch_cluster(state: State, user: ServiceUser | None, what_for: str = "cluster") -> Generator[ScratchCluster]:
    """Start a cluster in a folder of its own, and remove it afterwards. What an earlier one left goes first.

    There is one of each `what_for` at a time; the caller sees to that.
    """
    place = state.scratch / what_for
    binaries = reachable(find(), user, state.binaries)
    with suppress(GrowsoftError, OSError):  # one whose worker was killed goes on by itself
        Server(binaries, place / "data", place, PORT, user, place / "log").kill()
    shutil.rmtree(place, ignore_errors=True)
    make_folder(place, user)
    try:
        with socket_folder(state, user) as sockets:
            server = Server(binaries, place / "data", sockets, PORT, user, place / "log")
            password = secrets.token_urlsafe(24)
            server.initialise(SUPERUSER, password=password, sync=False)
            server.configure(ephemeral(), login_rules(tls=False))
            server.start(timeout=60)
            try:
                endpoint = Endpoint(str(sockets), PORT, MAINTENANCE_DATABASE, SUPERUSER, password)
                yield ScratchCluster(endpoint, binaries, place)
            finally:
                server.stop("immediate")
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def download_cluster(state: State, user: ServiceUser | None) -> Generator[ScratchCluster]:
    """Start a cluster for a download; another download waits for its end."""
    lock = state.keeper / "download.lock"
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with scratch_cluster(state, user, "download") as cluster:
            yield cluster
    finally:
        os.close(descriptor)


@contextmanager
def socket_folder(state: State, user: ServiceUser | None, prefix: str = "scratch-") -> Generator[Path]:
    """Give a folder for the socket whose path is short enough, closed to everybody but the server's user."""
    short = len(os.fsencode(state.run)) < 60 and can_read(user, state.run)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=state.run if short else None))
    try:
        make_folder(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
