"""A throw-away PostgreSQL cluster for tests: real in everything but that it forgets."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from growsoft.postgres.binaries import find, reachable
from growsoft.postgres.files import make_folder
from growsoft.postgres.parameters import SUPERUSER, ephemeral, login_rules
from growsoft.postgres.server import Server
from growsoft.postgres.users import ServiceUser, can_read, service_users

# Removes what a run leaves behind when it is killed: then reading fails, while a run that ends well writes a line.
_GUARD = 'read -r line || { kill -QUIT "$1" 2>/dev/null; sleep 1; rm -rf -- "$2"; }'


@dataclass(frozen=True)
class Cluster:
    """A running throw-away cluster and its superuser; connect by `host=socket_dir`."""

    socket_dir: Path
    port: int
    superuser: str
    password: str = field(repr=False)
    server: Server


@contextlib.contextmanager
def ephemeral_cluster() -> Generator[Cluster]:
    """Give a fresh cluster on a Unix socket, about half a second after the call; it is gone afterwards."""
    user = server_user()
    with server_folder(user) as folder:
        server = Server(reachable(find(), user, folder), folder / "data", folder, 5432, user, folder / "log")
        password = secrets.token_urlsafe(24)
        server.initialise(SUPERUSER, password=password, sync=False)
        server.configure(ephemeral(), login_rules(tls=False))
        with guarded(server.start(timeout=60), folder):
            try:
                yield Cluster(folder, server.port, SUPERUSER, password, server)
            finally:
                server.stop("immediate")


def server_user() -> ServiceUser | None:
    """Return the user that a test's servers run as: as root the service user, else the one who runs the test."""
    return service_users().database if os.geteuid() == 0 else None


@contextlib.contextmanager
def server_folder(user: ServiceUser | None) -> Generator[Path]:
    """Give a folder that the server's user can enter and whose path is short enough for a socket."""
    folder = _short_folder(user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def guarded(pid: int, folder: Path) -> Generator[None]:
    """Let a server and its folder not outlive a test run that is killed."""
    argv = ["/bin/sh", "-c", _GUARD, "guard", str(pid), str(folder)]
    guard = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        guard.communicate(b"\n")


def _short_folder(user: ServiceUser | None) -> Path:
    """Make a folder in the first place that fits."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - mkdtemp makes a name of our own, 0700
        folder = Path(tempfile.mkdtemp(prefix="gs-", dir=parent))
        make_folder(folder, user)
        if len(os.fsencode(folder)) < 80 and can_read(user, folder):
            return folder
        folder.rmdir()
    raise NotADirectoryError("no folder for temporary files can be entered by the service user")
