"""Restoring a database to a moment: out of a throw-away cluster, by a dump, into a new one beside the live one."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from growsoft.config import State
from growsoft.errors import GrowsoftError
from growsoft.keeper.verbs import Created
from growsoft.postgres.binaries import find, reachable
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.dump import NEVER_DUMPED, count_rows, dump_database
from growsoft.postgres.filerefs import referred_files
from growsoft.postgres.files import make_folder
from growsoft.postgres.role_facts import RoleFacts, read_roles
from growsoft.postgres.server import Server
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from growsoft.postgres.users import ServiceUser
from growsoft.postgres.walstream import History
from growsoft_cloud.backup.copies import Failure
from growsoft_cloud.backup.errors import BackupError, CannotRestore
from growsoft_cloud.backup.files import STORAGE, FileEntry, FileIndex, Return
from growsoft_cloud.backup.guard import AlreadyWorking, lock
from growsoft_cloud.backup.manifest import Subject
from growsoft_cloud.backup.pipes import written_by
from growsoft_cloud.backup.restore import Target
from growsoft_cloud.backup.service import BackupService
from growsoft_cloud.operations.scratch import socket_folder
from growsoft_cloud.pitr.planning import Plan, plan
from growsoft_cloud.pitr.rebuilding import PORT, Rebuilding, forks_of, histories_of, started
from growsoft_cloud.pitr.store import everywhere
from growsoft_cloud.pitr.taking import BaseBackups

SCRATCH: Final = "moment"
SOCKETS: Final = "moment-"
_ADDRESS: Final = 32

# How long a restore waits for another one, or for the worker to have made copies whole, in seconds.
PATIENCE: Final = 600.0

Say = Callable[[str], None]
Enter = Callable[[Created], None]


class NotThere(BackupError):
    """This database was not there at that moment; choose a later one."""


class RestoredMoment(msgspec.Struct, frozen=True, kw_only=True):
    """A database as it was at `moment`; `database` is PostgreSQL's name. Seconds of each step are measured."""

    moment: datetime
    database: str
    uuid: UUID
    rows: int
    files: int
    base_backups: int
    pieces: int
    seconds: float
    steps: dict[str, float]
    damaged: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """Which database is wanted, as it was when, and as what it comes; `enter` gives it its name."""

    subject: Subject
    moment: datetime
    into: Target
    enter: Enter
    say: Say


@dataclass(frozen=True, slots=True)
class Moments:
    """Restores databases of a cluster to moments. Until `covered` its archiver knows that nothing is missing."""

    service: BackupService
    backups: BaseBackups
    state: State
    user: ServiceUser | None
    covered: datetime | None

    def restore(self, wish: Wish) -> RestoredMoment:
        """Restore into a new database; whatever goes wrong, none is left, and nothing in the scratch place.

        Raises `NoBase`, `OutsideWindow`, `WalMissing`, `NotThere`, `CannotRestore`, and what a restore raises.
        """
        began = time.monotonic()
        clock = _Clock(wish.say)
        damaged: list[Failure] = []
        with self._place() as place, socket_folder(self.state, self.user, SOCKETS) as sockets:
            wanted, histories = self._planned(wish.moment)
            work = Rebuilding(
                self.backups.sites, self.backups.keys, self.backups.binaries, self.user, place, clock, damaged
            )
            work.refuse_too_large(wanted)
            data = work.bring(wanted, [history for history in histories if history.timeline == wanted.timeline])
            clock("replaying WAL up to the moment")
            with started(data, sockets, self.backups.binaries, self.user, wanted) as endpoint:
                clock("restoring the database")
                rows, files = self._taken(endpoint, wish, damaged)
        clock("")
        return RestoredMoment(
            moment=wish.moment, database=wish.into.name, uuid=wish.into.uuid, rows=rows, files=files,
            base_backups=len(wanted.bases), pieces=len(wanted.pieces), seconds=time.monotonic() - began,
            steps=clock.steps, damaged=tuple(damaged),
        )  # fmt: skip

    def _planned(self, moment: datetime) -> tuple[Plan, list[History]]:
        """Plan while nobody else changes the archive."""
        pieces = list(everywhere(self.backups.sites, self.backups.system))
        histories = histories_of(self.backups.keys, self.backups.sites, pieces)
        wanted = plan(moment, self.backups.list(), pieces, forks_of(histories), self.covered)
        refuse_version(self.backups, wanted)
        return wanted, histories

    def _taken(self, endpoint: Endpoint, wish: Wish, damaged: list[Failure]) -> tuple[int, int]:
        """Take one database out of the cluster as it was then; return its rows and files."""
        inside = replace(endpoint, dbname=wish.subject.postgres_name)
        with superuser(endpoint) as cluster:
            there = cluster.run(sql("SELECT FROM pg_database WHERE datname = {name}", name=inside.dbname)).rowcount
        if not there:
            raise NotThere(
                f"{wish.subject.name} was not there at {wish.moment:%Y-%m-%d %H:%M:%SZ}; choose a later one."
            )
        with superuser(inside) as connection:
            roles, rows = read_roles(connection), count_rows(connection, NEVER_DUMPED)
            addresses = referred_files(connection)
        created = self._restored(inside, wish.into, roles, rows)
        try:
            lost = self._files(wish.subject, wish.into, addresses, damaged)
            wish.enter(created)
        except BaseException:
            folder = self.service.folder_of(wish.into.name)
            if folder is not None:
                folder.remove()
            self.service.cluster.drop(wish.into.name)
            raise
        return sum(rows.values()), len(addresses) // _ADDRESS - lost

    def _restored(self, inside: Endpoint, into: Target, roles: RoleFacts, rows: dict[str, int]) -> Created:
        """Let a dump flow into the live cluster; both ends are proven there like any restore."""

        def dump(fd: int) -> None:
            dump_database(inside, fd, binaries=self.backups.binaries)

        with written_by(dump) as reading:
            try:
                created = self.service.cluster.restore(
                    into.name, into.uuid, reading.stream.fileno(), roles=roles, rows=rows
                )
            except GrowsoftError as error:
                reason = reading.stopped()
                if reason is None:
                    raise
                raise reason from error
            try:
                reading.result()
            except BaseException:
                self.service.cluster.drop(into.name)
                raise
        return created

    def _files(self, subject: Subject, into: Target, addresses: bytes, damaged: list[Failure]) -> int:
        """Bring the files that rows refer to: from the storage, where they still are, else from backups."""
        target = self.service.folder_of(into.name)
        source = self.service.folder_of(subject.postgres_name)
        if target is None or not addresses:
            return 0
        missing: list[str] = []
        for address in _each(addresses):
            try:
                opened = None if source is None else source.open(address)
            except FileNotFoundError:
                opened = None
            if opened is None:
                missing.append(address)
                continue
            with opened as file, target.writing(address) as copy:
                shutil.copyfileobj(file, copy, 1024 * 1024)
        with self.service.guard.reading(subject.uuid):
            index, nowhere = self._of_backups(subject, missing)
            lost = nowhere + len(Return(self.backups.sites, target).bring(index))
        target.settle()
        if lost:
            text = f"{lost} files of that moment are neither in the storage nor whole in any backup."
            damaged.append(Failure(STORAGE, f"{text} Their records are there, their content is not."))
        return lost

    def _of_backups(self, subject: Subject, missing: Sequence[str]) -> tuple[FileIndex, int]:
        """Find files in the backups of a database, the newest first; return how many are in none."""
        wanted, found = set(missing), list[FileEntry]()
        for record in self.service.list(subject.uuid) if wanted else ():
            with suppress(BackupError):
                for entry in self.service.index_of(record.manifest).files:
                    if entry.address in wanted:
                        wanted.discard(entry.address)
                        found.append(entry)
        return FileIndex(tuple(found)), len(wanted)

    @contextmanager
    def _place(self) -> Generator[Path]:
        """Give an empty closed folder; there is one at a time, and what an earlier one left goes first."""
        with alone(self.state, PATIENCE):
            _clear(self.state, self.user)
            place = self.state.scratch / SCRATCH
            make_folder(place, self.user)
            try:
                yield place
            finally:
                _clear(self.state, self.user)


def clean(state: State, user: ServiceUser | None) -> bool:
    """Remove what a restore left whose process was killed; returns whether there was anything."""
    place = state.scratch / SCRATCH
    if not place.exists() and not any(state.run.glob(f"{SOCKETS}*")):
        return False
    try:
        with alone(state):
            _clear(state, user)
    except AlreadyWorking:
        return False
    return True


def refuse_version(backups: BaseBackups, wanted: Plan) -> None:
    """Refuse base backups of another major version: their files mean nothing to this one."""
    made = backups.describe(wanted.bases[0]).server_version // 10_000
    here = backups.binaries.version // 10_000
    if made != here:
        raise CannotRestore(f"This moment is of PostgreSQL {made}, and here is {here}; restore it where {made} runs.")


def _clear(state: State, user: ServiceUser | None) -> None:
    place = state.scratch / SCRATCH
    with suppress(GrowsoftError, OSError):
        binaries = reachable(find(), user, state.binaries)
        Server(binaries, place / "data", state.run, PORT, user, place / "log").kill()
    shutil.rmtree(place, ignore_errors=True)
    for left in state.run.glob(f"{SOCKETS}*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def alone(state: State, wait: float = 0.0) -> Generator[None]:
    """Be the only one who restores a moment or changes the archive; the kernel gives the lock back in any case.

    Raises `AlreadyWorking` when somebody else was it for `wait` seconds.
    """
    folder = state.keeper / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / "moment", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        lock(descriptor, fcntl.LOCK_EX, time.monotonic() + wait)
        yield
    finally:
        os.close(descriptor)


def _each(packed: bytes) -> Iterator[str]:
    for start in range(0, len(packed), _ADDRESS):
        yield packed[start : start + _ADDRESS].hex()


class _Clock:
    """Says each step, and measures the one before."""

    def __init__(self, say: Say) -> None:
        self.steps: dict[str, float] = {}
        self._say = say
        self._step = ""
        self._began = time.monotonic()

    def __call__(self, step: str) -> None:
        """Begin a step; an empty one is the end."""
        now = time.monotonic()
        if self._step:
            self.steps[self._step] = round(now - self._began, 2)
        self._step, self._began = step, now
        if step:
            self._say(step)
