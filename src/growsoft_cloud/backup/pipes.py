"""Pipes: something that writes to a descriptor runs beside something that reads from it, in bounded memory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Final, Generic, TypeVar

from growsoft_cloud.backup.archive import chunks

T = TypeVar("T")

PIPE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """The end to read from, and what the writer says in the end."""

    stream: BinaryIO
    _writer: Future[T]

    def result(self) -> T:
        """Take what is left, wait for the writer, and return its result or raise its error."""
        for _ in chunks(self.stream):
            pass
        return self._writer.result()

    def stopped(self) -> BaseException | None:
        """Stop the writer, and return what had stopped it before; None when it was only us."""
        self.stream.close()
        error = self._writer.exception()
        return None if isinstance(error, BrokenPipeError) else error


@contextmanager
def written_by(write: Callable[[int], T]) -> Generator[Reading[T]]:
    """Run `write` in a thread on one end of a pipe, and give the other end; both are closed afterwards.

    When the block fails, the writer's next byte fails too, so it ends.
    """
    read_end, write_end = os.pipe()
    with suppress(OSError):  # a larger pipe only means fewer turns
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def run() -> T:
        try:
            return write(write_end)
        finally:
            os.close(write_end)

    # The reading end is closed first: only then does a writer end that nobody reads from.
    with (
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="backup-pipe") as pool,
        os.fdopen(read_end, "rb", buffering=0) as stream,
    ):
        yield Reading(stream, pool.submit(run))
