"""`python -m growsoft.cli.worker`: a web worker, started by the supervisor with its sockets and its keeper line."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Final, TypeVar

from growsoft.apps.instance.directory import Directory
from growsoft.apps.instance.dispatch import Announcer
from growsoft.auth.passwords import PasswordAuthenticator
from growsoft.cli.children import LISTEN_VARIABLE, tell_ready
from growsoft.cli.hosts import HostCertificates
from growsoft.cli.instance import read_facts, socket_endpoint
from growsoft.cli.prepare import WORKER_KEY
from growsoft.config import State, load
from growsoft.errors import ConfigError, GrowsoftError
from growsoft.keeper.client import WorkerPort
from growsoft.orm.later import announcing
from growsoft.postgres.keeper import KeeperPort, StillWorking
from growsoft.postgres.pool import Pools
from growsoft.security.files import read_private
from growsoft.security.keyring import WorkerKeys
from growsoft.security.passwords import Hasher
from growsoft.web.app import Application
from growsoft.web.limits import Limits
from growsoft.web.server import Listener, run

T = TypeVar("T")

LIMITS: Final = Limits()
# Half of the threads stay free for those who are signed in, however many strangers knock.
SIGNING_IN: Final = LIMITS.threads // 2
# Stretching a password takes half a second of one core: more at a time would only make all of them slower.
HASHERS: Final = min(max(1, (os.cpu_count() or 2) // 2), SIGNING_IN)
# A slow machine prepares the control database for so many seconds at most.
PATIENCE: Final = 60.0


def main() -> int:
    """Serve until SIGTERM; what keeps us from it goes into the log as a sentence."""
    try:
        return serve()
    except GrowsoftError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        return 1


def serve() -> int:
    """Serve until SIGTERM."""
    settings = load(os.environ)
    state = settings.state()
    keeper = WorkerPort.inherited(os.environ)
    directory = directory_of(state, keeper, Pools(settings.pool_cap))
    control = patiently(directory.control)  # walls are checked before the first request, not during it
    announcing.append(Announcer(control.database).announce)
    tls = HostCertificates(state.tls).context
    listeners = [Listener(sock, tls) for sock in _sockets()]
    tell_ready(os.environ)
    with Hasher(HASHERS, waiting=SIGNING_IN - HASHERS) as hasher:
        application = Application(directory, PasswordAuthenticator(hasher), keeper=keeper)
        return run(application, listeners, https_port=settings.port, limits=LIMITS)


def directory_of(state: State, keeper: KeeperPort, pools: Pools) -> Directory:
    """Give a worker the directory, opened with the worker's own key."""
    keys = WorkerKeys(bytes.fromhex(read_private(state.worker / WORKER_KEY).decode().strip()))
    return Directory(read_facts(state.instance).control, socket_endpoint(state), keys, keeper, pools, state.files)


def patiently(ask: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Ask for something that the keeper may still be preparing; it answers each time after two seconds at most."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except StillWorking:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _sockets() -> list[socket.socket]:
    given = os.environ.get(LISTEN_VARIABLE, "")
    if not given:
        raise ConfigError(f"{LISTEN_VARIABLE} is missing; workers are started by `growsoft up`.")
    return [socket.socket(fileno=int(text)) for text in given.split(",")]


if __name__ == "__main__":
    sys.exit(main())
