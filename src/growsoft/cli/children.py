"""Children: the keeper and the workers as processes, each with no more than it needs."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from growsoft.errors import ConfigError, GrowsoftError
from growsoft.postgres.files import append_to, log_tail, rotate
from growsoft.postgres.users import ServiceUser

# A child writes to this descriptor when it is ready: see `tell_ready`.
READY_VARIABLE = "GROWSOFT_READY_FD"
# A worker's end of its line to the keeper.
KEEPER_VARIABLE = "GROWSOFT_KEEPER_FD"
# The keeper's ends of all lines, comma-separated.
WORKERS_VARIABLE = "GROWSOFT_KEEPER_WORKER_FDS"
# The sockets that a web worker accepts from, comma-separated.
LISTEN_VARIABLE = "GROWSOFT_LISTEN_FDS"

LARGEST_LOG = 64 * 1024 * 1024


class ChildDidNotStart(GrowsoftError):
    """A process did not become ready; its log says why."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process to run and watch; `fds` are descriptors of ours that it inherits under their numbers.

    `confined` takes every capability from it where it must run as root for want of another user.
    """

    name: str
    argv: tuple[str, ...]
    user: ServiceUser | None
    environ: Mapping[str, str]
    fds: tuple[int, ...] = ()
    confined: bool = True
    ready_within: float = 60
    stop_within: float = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A pair of sockets between a worker and the keeper.

    The supervisor keeps both ends, so that either side can be started again and find the line as it was.
    """

    worker: socket.socket
    keeper: socket.socket

    def drain(self) -> None:
        """Forget answers that were meant for a worker that is dead."""
        with contextlib.suppress(BlockingIOError):
            while self.worker.recv(65536, socket.MSG_DONTWAIT):
                pass

    def close(self) -> None:
        """Close both ends."""
        self.worker.close()
        self.keeper.close()


@dataclass(eq=False)
class ChildProcess:
    """A child that can be started, again and again."""

    child: Child
    log: Path
    line: Line | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.child.name

    def start(self, stopping: threading.Event) -> int:
        """Start it and wait until it says that it is ready; raises `ChildDidNotStart` with the end of its log."""
        position = self.log.stat().st_size if self.log.exists() else 0
        if self.line is not None:
            self.line.drain()
        with _ready_pipe() as (reads, writes):
            process = self._spawn(writes)
            os.close(writes)
            if _told(reads, process, self.child.ready_within, stopping):
                return process.pid
        self.stop()
        if stopping.is_set():
            return process.pid
        raise ChildDidNotStart(f"{self.name} did not become ready. The end of {self.log}:\n{self.tail(position)}")

    def tend(self) -> None:
        """Keep its log from filling the disk."""
        rotate(self.log, LARGEST_LOG)

    def ended(self, timeout: float) -> bool:
        """Wait until it has ended, but not longer; returns whether it has."""
        if self._process is None:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        return self._process.returncode is not None

    def stop(self) -> None:
        """Ask it to end (SIGTERM), and end it when it takes too long."""
        process = self._process
        if process is None:
            return
        process.terminate()
        if not self.ended(self.child.stop_within):
            process.kill()
            process.wait()

    def tail(self, position: int = 0) -> str:
        """Return the end of its log."""
        return log_tail(self.log, position)

    def _spawn(self, ready: int) -> subprocess.Popen[bytes]:
        """Start the process in a session of its own, so that a Ctrl-C is ours to handle."""
        log = append_to(self.log)
        user = self.child.user
        try:
            self._process = subprocess.Popen(
                reduced(self.child, _setpriv(), is_root=os.geteuid() == 0),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**self.child.environ, READY_VARIABLE: str(ready)},
                pass_fds=(*self.child.fds, ready),
                user=None if user is None else user.uid,
                group=None if user is None else user.gid,
                extra_groups=None if user is None else [],
                umask=0o077,
                start_new_session=True,
            )
        except OSError as error:
            raise ChildDidNotStart(f"{self.name} cannot be run: {error}") from error
        finally:
            os.close(log)
        return self._process


def reduced(child: Child, setpriv: str | None, *, is_root: bool) -> list[str]:
    """Return the command of a child behind `setpriv`: it gains no privileges, and ends when we are killed.

    As root without a user to become, a confined child also loses every capability, and is refused when it cannot.
    """
    confined = is_root and child.user is None and child.confined
    if setpriv is None and confined:
        raise ConfigError("setpriv is missing: as root the workers must lose their rights; install util-linux.")
    if setpriv is None:
        return list(child.argv)
    rights = ["--bounding-set=-all", "--inh-caps=-all"] if confined else []
    return [setpriv, *rights, "--no-new-privs", "--pdeathsig=TERM", "--", *child.argv]


def _setpriv() -> str | None:
    """Find the program that takes rights away."""
    return shutil.which("setpriv", path=f"{os.environ.get('PATH', os.defpath)}:/usr/bin:/bin")


def tell_ready(environ: Mapping[str, str]) -> None:
    """Tell the supervisor that this process is ready; without a supervisor there is nobody to tell."""
    told = environ.get(READY_VARIABLE, "")
    if told.isdigit():
        with contextlib.suppress(OSError), os.fdopen(int(told), "wb") as file:
            file.write(b"ready\n")


@contextlib.contextmanager
def lines(count: int) -> Generator[Sequence[Line]]:
    """Make a line for each worker."""
    with contextlib.ExitStack() as stack:
        made = [Line(*socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)) for _ in range(count)]
        for line in made:
            stack.callback(line.close)
        yield made


@contextlib.contextmanager
def _ready_pipe() -> Generator[tuple[int, int]]:
    """Make a pipe for one answer; the writing end is closed by whoever passed it on."""
    reads, writes = os.pipe()
    try:
        yield reads, writes
    finally:
        os.close(reads)


def _told(reads: int, process: subprocess.Popen[bytes], patience: float, stopping: threading.Event) -> bool:
    """Wait for a child's word; False when it ended, took too long, or is not wanted any more."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and not stopping.is_set():
        if select.select([reads], [], [], 0.1)[0]:
            # A closed pipe without a word: it ended, or does not know how to tell.
            return bool(os.read(reads, 16))
        if process.poll() is not None:
            return False
    return False
