"""Guard: no two backups of one database at once, and no copy deleted while somebody reads it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from growsoft_cloud.backup.errors import BackupError

POLL: Final = 0.1


class AlreadyWorking(BackupError):
    """Somebody else is at the backups of this database just now; wait for the end of it and try again."""


class Work(StrEnum):
    """What there is to be alone for: making a backup, or changing the copies that there are."""

    MAKING = "making"
    COPIES = "copies"


class Guard(Protocol):
    """Keeps the work on one database's backups apart, between threads and processes."""

    def only(self, database: UUID, work: Work, /, wait: float = 0.0) -> AbstractContextManager[None]:
        """Be the only one for the block; raises `AlreadyWorking` when somebody else was it for `wait` seconds."""
        ...

    def reading(self, database: UUID, /) -> AbstractContextManager[None]:
        """Keep the copies of a database from being deleted during the block; many may."""
        ...


@dataclass(frozen=True, slots=True)
class FileGuard:
    """A ``Guard`` by file locks: the kernel gives them back whatever way their holder ends.

    Dumps go through the keeper of one machine, so whoever makes a backup is on that machine.
    """

    folder: Path

    @contextmanager
    def only(self, database: UUID, work: Work, /, wait: float = 0.0) -> Generator[None]:
        """Hold one lock alone."""
        with self._held(database, work, fcntl.LOCK_EX, wait):
            yield

    @contextmanager
    def reading(self, database: UUID, /) -> Generator[None]:
        """Hold the lock of the copies together with other readers; waits for somebody who changes them."""
        with self._held(database, Work.COPIES, fcntl.LOCK_SH, float("inf")):
            yield

    @contextmanager
    def _held(self, database: UUID, work: Work, kind: int, wait: float) -> Generator[None]:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        path = self.folder / f"{database}.{work.value}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            lock(descriptor, kind, time.monotonic() + wait)
            yield
        finally:
            os.close(descriptor)


def lock(descriptor: int, kind: int, deadline: float) -> None:
    """Take a file's lock; raises `AlreadyWorking` when somebody else has it until then (`time.monotonic`)."""
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise AlreadyWorking from None
            time.sleep(POLL)
        else:
            return
