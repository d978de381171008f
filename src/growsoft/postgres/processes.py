"""Processes of a PostgreSQL data folder: which are alive, proven by more than a number in a file."""

from __future__ import annotations

import os
import re
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from growsoft.postgres.users import ServiceUser, run_as

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class PidFile:
    """What `postmaster.pid` says: `status` is one of starting, stopping, ready, standby, or empty; `port` may be 0."""

    pid: int
    port: int
    status: str


@dataclass(frozen=True, slots=True)
class SocketLock:
    """What `.s.PGSQL.<port>.lock` says: the server that listens on the socket, and where its data is."""

    pid: int
    data: Path


def read_pid_file(data: Path) -> PidFile | None:
    """Read `postmaster.pid`; None when it is missing or was cut off while it was written."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not lines or not lines[0].strip().isdigit():
        return None
    port = lines[3].strip() if len(lines) > 3 else ""
    return PidFile(int(lines[0]), int(port) if port.isdigit() else 0, lines[7].strip() if len(lines) > 7 else "")


def read_socket_lock(path: Path) -> SocketLock | None:
    """Read the lock file beside a socket; None when it is missing or cut off."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(lines) < 2 or not lines[0].strip().isdigit():
        return None
    return SocketLock(int(lines[0]), Path(lines[1]))


def exists(pid: int) -> bool:
    """Say whether a number is taken by any process, even a zombie or somebody else's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def postmaster(data: Path, user: ServiceUser | None) -> int | None:
    """Return the process id of the server of a data folder, proven to be alive and at work there."""
    noted = read_pid_file(data)
    return noted.pid if noted is not None and works_in(noted.pid, data, user) else None


def works_in(pid: int, folder: Path, user: ServiceUser | None) -> bool:
    """Say whether a live process has a folder as its working directory, as every PostgreSQL process has its data.

    A number can be another process today and a zombie is nobody: only a live process has a working directory.
    """
    if not _PROC.joinpath("self", "cwd").is_symlink():
        return _command_names(pid, folder)
    return _working_directory(pid, user) == os.path.realpath(folder)


def all_in(folder: Path, user: ServiceUser | None) -> list[int]:
    """Return every live process of PostgreSQL in a folder, also those whose postmaster is dead."""
    if not _PROC.joinpath("self", "cwd").is_symlink():
        return []
    pattern = re.sub(r"([*?\[\]\\])", r"\\\1", os.path.realpath(folder))
    # As the service user: root in a container may not look at the links of another user's processes.
    found = run_as(user, ["find", "/proc", "-mindepth", "2", "-maxdepth", "2", "-name", "cwd", "-lname", pattern])
    pids = [int(Path(line).parts[2]) for line in found.stdout.splitlines() if Path(line).parts[2].isdigit()]
    return [pid for pid in pids if _name(pid) == "postgres"]


def send(pid: int, number: signal.Signals) -> bool:
    """Send a signal; returns False when the process was gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_gone(pid: int, gone: Callable[[], bool], timeout: float) -> bool:
    """Wait until a process has ended, child or not; `gone` decides, the kernel only wakes us early."""
    deadline = time.monotonic() + timeout
    while not gone():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        _sleep_until_exit(pid, min(left, 0.5))
    return True


def _sleep_until_exit(pid: int, seconds: float) -> None:
    """Sleep, but wake when a process ends."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        time.sleep(min(seconds, 0.02))
        return
    try:
        ended = select.select([descriptor], [], [], seconds)[0]
    finally:
        os.close(descriptor)
    if ended:
        time.sleep(0.002)  # a zombie that nobody has reaped stays readable: do not spin on it


def _working_directory(pid: int, user: ServiceUser | None) -> str:
    """Return a process's working directory, or an empty string when it is dead or not for us to see."""
    link = f"/proc/{pid}/cwd"
    try:
        return str(Path(link).readlink())
    except PermissionError:
        return "" if user is None else run_as(user, ["readlink", link]).stdout.rstrip("\n")
    except OSError:
        return ""


def _name(pid: int) -> str:
    """Return the short name of a process."""
    try:
        return _PROC.joinpath(str(pid), "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _command_names(pid: int, folder: Path) -> bool:
    """Say whether a process's command line names a folder: the proof where there is no /proc."""
    shown = run_as(None, ["ps", "-o", "command=", "-p", str(pid)])
    return shown.returncode == 0 and str(folder) in shown.stdout
