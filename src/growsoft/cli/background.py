"""Background: one supervisor at a time, started behind the caller's back and stopped from anywhere."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from growsoft.cli.children import READY_VARIABLE
from growsoft.config import State
from growsoft.errors import GrowsoftError
from growsoft.postgres.files import append_to, log_tail


class AlreadyRunning(GrowsoftError):
    """Growsoft runs already in this home; stop it with `growsoft down`, or set GROWSOFT_HOME to another folder."""


class DidNotStart(GrowsoftError):
    """Growsoft did not start; its log says why."""


class DidNotStop(GrowsoftError):
    """Growsoft is still stopping; look again in a minute."""


@contextlib.contextmanager
def only_one(state: State) -> Generator[None]:
    """Be the one supervisor of a home; raises `AlreadyRunning`.

    The lock is the proof: the kernel frees it with the process, and only its holder writes the number into the file.
    """
    descriptor = _open(state)
    try:
        _lock_soon(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def running(state: State) -> int | None:
    """Return the process id of the supervisor of a home, proven by the lock that it holds; None when none runs."""
    if not state.supervisor_pid.exists():
        return None
    descriptor = _open(state)
    try:
        if _lock(descriptor):
            return None
        written = os.pread(descriptor, 32, 0).strip()
    finally:
        os.close(descriptor)
    return int(written) if written.isdigit() else None


def down(state: State, timeout: float = 120) -> bool:
    """Ask the supervisor of a home to stop and wait until it has; returns whether one ran."""
    pid = running(state)
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while running(state) == pid:
        if time.monotonic() > deadline:
            raise DidNotStop
        time.sleep(0.05)
    return True


def detach(argv: Sequence[str], environ: Mapping[str, str], log: Path, timeout: float = 300) -> str:
    """Start a supervisor in the background and wait until it is ready; returns what it told (see `announce`).

    Raises `DidNotStart` with the end of its log when it ended first.
    """
    position = log.stat().st_size if log.exists() else 0
    reads, writes = os.pipe()
    output = append_to(log)
    try:
        os.set_inheritable(writes, True)
        pid = os.posix_spawn(
            argv[0],
            list(argv),
            {**environ, READY_VARIABLE: str(writes)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(writes)
        os.close(output)
    told = _answer(reads, timeout)
    if told:
        return told
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    raise DidNotStart(f"{DidNotStart.default_message()} The end of {log}:\n{log_tail(log, position)}")


def announce(message: str, environ: Mapping[str, str]) -> bool:
    """Tell whoever started us in the background that we are ready; returns whether somebody waits for it."""
    told = environ.get(READY_VARIABLE, "")
    if not told.isdigit():
        return False
    with contextlib.suppress(OSError), os.fdopen(int(told), "w", encoding="utf-8") as file:
        file.write(message)
    return True


def _answer(reads: int, timeout: float) -> str:
    """Read what a starting supervisor tells; nothing when it ends or takes too long."""
    deadline = time.monotonic() + timeout
    told = b""
    try:
        while (left := deadline - time.monotonic()) > 0 and select.select([reads], [], [], left)[0]:
            part = os.read(reads, 65536)
            if not part:
                break
            told += part
    finally:
        os.close(reads)
    return told.decode()


def _open(state: State) -> int:
    """Open the file that is locked; it is never removed, or two could each lock another one."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(state.supervisor_pid, flags, 0o644)


def _lock_soon(descriptor: int) -> None:
    """Lock an open file, in spite of somebody who just looks whether it is locked."""
    for _ in range(20):
        if _lock(descriptor):
            return
        time.sleep(0.02)
    raise AlreadyRunning


def _lock(descriptor: int) -> bool:
    """Try to lock an open file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
