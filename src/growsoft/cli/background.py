"""Background: one supervisor at a time, started behind the caller's back and stopped from anywhere."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from growsoft.cli.children import READY_VARIABLE
from growsoft.config import State
from growsoft.errors import AccessError, GrowsoftError
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
    descriptor = _open(state, os.O_RDWR | os.O_CREAT)
    try:
        _let_group_look(descriptor, state.run)
        _lock_soon(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def running(state: State) -> int | None:
    """Return the process id of the supervisor of a home, proven by the lock that it holds; None when none runs.

    Raises `AccessError` for a user whose instance this is not.
    """
    try:
        descriptor = _open(state, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        # A shared lock: two who look at the same moment must not take each other for the supervisor.
        if _lock(descriptor, fcntl.LOCK_SH):
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
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError as error:
        raise AccessError(f"Process {pid} belongs to another user; act as this user, or as root.") from error
    except ProcessLookupError:
        pass
    deadline = time.monotonic() + timeout
    while running(state) == pid:
        if time.monotonic() > deadline:
            raise DidNotStop
        time.sleep(0.05)
    return True


def detach(
    argv: Sequence[str],
    environ: Mapping[str, str],
    log: Path,
    timeout: float = 300,
    say: Callable[[str], None] | None = None,
) -> str:
    """Start a supervisor in the background and wait until it is ready; returns what it told (see `announce`).

    `say` is told what goes into the log meanwhile. Raises `DidNotStart` when it ended first; with the end of its log,
    unless `say` was told.
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
    told = _answer(reads, timeout, _Following(log, position, say or _nobody))
    if told:
        return told
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if say is not None:
        raise DidNotStart(f"Growsoft did not start; the lines above say why, and all of them are in {log}.")
    raise DidNotStart(f"{DidNotStart.default_message()} The end of {log}:\n{log_tail(log, position)}")


def announce(message: str, environ: Mapping[str, str]) -> bool:
    """Tell whoever started us in the background that we are ready; returns whether somebody waits for it."""
    told = environ.get(READY_VARIABLE, "")
    if not told.isdigit():
        return False
    with contextlib.suppress(OSError), os.fdopen(int(told), "w", encoding="utf-8") as file:
        file.write(message)
    return True


@dataclass(eq=False)
class _Following:
    """Tells the lines of a log that is being written."""

    log: Path
    position: int
    say: Callable[[str], None]

    def __call__(self) -> None:
        """Tell the whole lines that came since the last time."""
        with self.log.open("rb") as file:
            file.seek(self.position)
            lines, newline, _begun = file.read().rpartition(b"\n")
        self.position += len(lines + newline)
        for line in lines.decode(errors="replace").splitlines():
            self.say(line)


def _nobody(_line: str) -> None:
    """Nobody wants to hear."""


def _answer(reads: int, timeout: float, follow: Callable[[], None]) -> str:
    """Read what a starting supervisor tells; nothing when it ends or takes too long."""
    deadline = time.monotonic() + timeout
    told = b""
    try:
        while time.monotonic() < deadline:
            follow()
            if not select.select([reads], [], [], 0.2)[0]:
                continue
            part = os.read(reads, 65536)
            if not part:
                break
            told += part
    finally:
        os.close(reads)
    follow()
    return told.decode()


def _open(state: State, flags: int) -> int:
    """Open the file that is locked; it is never removed, or two could each lock another one."""
    try:
        return os.open(state.supervisor_pid, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise AccessError(f"{state.run} is closed to you; act as the user who started Growsoft, or as root.") from error


def _let_group_look(descriptor: int, folder: Path) -> None:
    """Let the keeper's user see whether we run. Nobody else: whoever can open the file could lock it, too."""
    os.fchown(descriptor, -1, folder.stat().st_gid)
    os.fchmod(descriptor, 0o640)


def _lock_soon(descriptor: int) -> None:
    """Lock an open file, in spite of somebody who just looks whether it is locked."""
    for _ in range(20):
        if _lock(descriptor, fcntl.LOCK_EX):
            return
        time.sleep(0.02)
    raise AlreadyRunning


def _lock(descriptor: int, kind: int) -> bool:
    """Try to lock an open file."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
