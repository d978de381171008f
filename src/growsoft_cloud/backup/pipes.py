"""Pipes: something that writes to a descriptor runs beside something that reads from it, in bounded memory."""

from __future__ import annotations

import fcntl
import io
import os
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Final, Generic, TypeVar, cast

from growsoft_cloud.backup.archive import chunks

T = TypeVar("T")

PIPE_BYTES: Final = 1024 * 1024

# A program that writes some kilobytes at a time would wake its reader for each: on two cores the two were then in each
# other's way, and an archive took 1.40 times as long as its dump instead of 1.12. So a pipe that is not half full is
# left to fill for a moment (seconds).
MUCH: Final = PIPE_BYTES // 2
MOMENT: Final = 0.001


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
        _Patient(read_end) as stream,
    ):
        yield Reading(cast("BinaryIO", stream), pool.submit(run))


class _Patient(io.FileIO):
    """Reads from a pipe, always as much as was asked for, but at the end."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read so many bytes; fewer only when there will never be more."""
        if size is None or size < 0:
            return super().read()
        buffer = bytearray(size)
        taken = 0
        while taken < size and (more := self.readinto(memoryview(buffer)[taken:])):
            taken += more
            if taken < size and more < MUCH:
                time.sleep(MOMENT)
        return bytes(memoryview(buffer)[:taken])
