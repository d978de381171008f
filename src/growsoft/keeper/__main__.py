"""`python -m growsoft.keeper`: the keeper as a process of its own, started by the supervisor."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import stat
import sys
import time
from collections.abc import Generator, Mapping
from types import FrameType
from typing import Final

from growsoft.config import load
from growsoft.errors import ConfigError, GrowsoftError
from growsoft.keeper.keeper import Keeper
from growsoft.keeper.log import VerbLog
from growsoft.keeper.product import InstalledApps, Product
from growsoft.keeper.server import KeeperServer, listening
from growsoft.keeper.start import hold, open_keeper
from growsoft.postgres.keeper import KeeperUnavailable, is_retriable
from growsoft.security.keyring import VARIABLE

# Our ends of the workers' pairs, separated by commas; the supervisor keeps both ends open as well.
WORKERS_VARIABLE: Final = "GROWSOFT_KEEPER_WORKER_FDS"
# A line into this descriptor says that we serve.
READY_VARIABLE: Final = "GROWSOFT_READY_FD"

# How long a start waits for a command line that is the keeper, and for PostgreSQL.
START_SECONDS: Final = 60.0


def main(environ: Mapping[str, str], product: Product) -> int:
    """Serve until SIGTERM; returns the exit code."""
    state = load(environ).state()
    log = VerbLog(sys.stderr.fileno())
    try:
        with hold(state, START_SECONDS) as alone, inherited(environ) as workers:
            if not alone:
                raise KeeperUnavailable("Another keeper is at work in this home; end it, or wait for its end.")
            keeper = open_keeper(state, environ, product, log)
            start(keeper, time.monotonic() + START_SECONDS)
            with listening(state.keeper_socket) as listener, keeper.rounds.running():
                server = KeeperServer(keeper, listener, workers, log)
                _end_on_signals(server)
                log.event("started")
                tell_ready(environ)
                server.serve()
    except GrowsoftError as error:
        log.event("not started", reason=str(error))
        return 1
    log.event("ended")
    return 0


def start(keeper: Keeper, deadline: float) -> None:
    """Start a keeper as soon as PostgreSQL answers; raises what is in the way when it does not in time."""
    while True:
        try:
            keeper.start()
        except GrowsoftError as error:
            if not is_retriable(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@contextlib.contextmanager
def inherited(environ: Mapping[str, str]) -> Generator[list[socket.socket]]:
    """Take the ends of the workers' pairs; no program that we start inherits them."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(_end(text)) for text in environ.get(WORKERS_VARIABLE, "").split(",") if text]


def tell_ready(environ: Mapping[str, str]) -> None:
    """Tell whoever started us that we serve."""
    told = environ.get(READY_VARIABLE, "")
    if told.isdigit():
        with contextlib.suppress(OSError), os.fdopen(int(told), "wb") as file:
            file.write(b"ready\n")


def _end_on_signals(server: KeeperServer) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _end(text: str) -> socket.socket:
    if not text.isdigit() or not stat.S_ISSOCK(os.fstat(int(text)).st_mode):
        raise ConfigError(f"{WORKERS_VARIABLE} names {text!r}, which is no socket.")
    os.set_inheritable(int(text), False)
    return socket.socket(fileno=int(text))


def _harden() -> dict[str, str]:
    """Leave no secret where others look: in a core file, a file that they can read, the environment of a child."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    environ = dict(os.environ)
    os.environ.pop(VARIABLE, None)
    return environ


if __name__ == "__main__":
    sys.exit(main(_harden(), InstalledApps()))
