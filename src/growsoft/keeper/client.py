"""The client: the keeper's verbs from another process, and its place for a command line that finds no keeper."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from growsoft.config import State
from growsoft.errors import ConfigError, GrowsoftError
from growsoft.keeper.conversation import NO_REQUEST
from growsoft.keeper.keeper import Keeper
from growsoft.keeper.log import VerbLog
from growsoft.keeper.port import Port, WorkerVerbs
from growsoft.keeper.product import Product
from growsoft.keeper.start import hold, open_keeper
from growsoft.keeper.verbs import Answer, Done, Failed, Progress, Request, Stop, Stopping, Verb
from growsoft.keeper.wire import Wire
from growsoft.orm.datafiles import DataRefused
from growsoft.orm.migrating import MigrationFailed
from growsoft.postgres import keeper as errors
from growsoft.postgres.check import DatabaseUnprotected
from growsoft.postgres.connection import DatabaseUnavailable
from growsoft.postgres.dump import DatabaseExists, DumpFailed, RestoreFailed
from growsoft.postgres.keeper import KeeperError, KeeperUnavailable, RequestMalformed, StillWorking
from growsoft.postgres.private import PrivateSideDiffers
from growsoft.postgres.refusals import Conflict
from growsoft.postgres.role_facts import RolesRefused

A = TypeVar("A")

# A worker's end of its pair to the keeper; the supervisor says so.
KEEPER_VARIABLE: Final = "GROWSOFT_KEEPER_FD"

# A request of a browser waits this long for the keeper, then somebody is told how far it is.
WORKER_SECONDS: Final = 2.0

# A restore counts the rows of every table in its answer, a dump names every file in 32 bytes.
_LONGEST: Final = 512 << 20

# How long a command line waits for a keeper that is just starting, or for another command line that is the keeper.
_START_SECONDS: Final = 10.0


class KeeperClient(Port):
    """The keeper by its socket, for its own user and root; a connection for each verb."""

    def __init__(
        self,
        path: Path,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
        patience: float | None = None,
    ) -> None:
        """Take the socket's path, whom to tell how far a verb is, and for how many seconds to bear a silent keeper."""
        self._path = path
        self._on_progress = on_progress
        self._patience = patience

    def ask(self, verb: Verb, expected: type[A], fd: int | None = None) -> A:
        """Have a verb done; waits for as long as it takes, or raises ``KeeperUnavailable`` when patience ends."""
        with _connected(self._path) as sock:
            wire = Wire(sock, _LONGEST)
            # Who is turned away before he could ask finds the reason there to be read.
            with suppress(OSError):
                wire.send(_ENCODER.encode(Request(0, verb)), fd)
            while True:
                message = self._next(wire)
                if not isinstance(message, Progress):
                    return _checked(message, expected)
                self._on_progress(message)

    def stop(self) -> None:
        """Let the keeper finish what it does and end."""
        self.ask(Stop(), Stopping)

    def _next(self, wire: Wire) -> Done | Failed | Progress:
        if not wire.wait(None, self._patience):
            raise KeeperUnavailable(
                f"The keeper said nothing for {self._patience:.0f} s; see keeper.log, or start again: growsoft down"
            )
        return _received(wire).message


class WorkerPort(WorkerVerbs):
    """The keeper by a worker's own end of a pair: a `KeeperPort`. Thread-safe; threads wait for each other.

    Raises `StillWorking` after two seconds; the keeper goes on, and asking again later finds it done.
    """

    def __init__(self, sock: socket.socket, seconds: float = WORKER_SECONDS) -> None:
        """Take the socket, and how long to wait for an answer."""
        self._sock = sock
        self._wire = Wire(sock, _LONGEST)
        self._seconds = seconds
        self._turn = threading.Lock()
        # At random: an answer to a worker that used this end before us must not pass for one of ours.
        self._number = secrets.randbits(61)

    @classmethod
    def inherited(cls, environ: Mapping[str, str]) -> WorkerPort:
        """Take the end that the supervisor handed down; no program that we start inherits it."""
        given = environ.get(KEEPER_VARIABLE, "")
        if not given.isdigit():
            raise ConfigError(f"{KEEPER_VARIABLE} is {given!r}; workers are started by `growsoft up`.")
        os.set_inheritable(int(given), False)
        return cls(socket.socket(fileno=int(given)))

    def ask(self, verb: Verb, expected: type[A], fd: int | None = None) -> A:
        """Have a verb done, or say after two seconds how far it is."""
        del fd
        began = time.monotonic()
        if not self._turn.acquire(timeout=self._seconds):
            raise StillWorking
        try:
            self._number += 1
            return _checked(self._answer(Request(self._number, verb), began + self._seconds), expected)
        except OSError as error:
            raise KeeperUnavailable from error
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close our end."""
        self._sock.close()

    def _answer(self, request: Request, deadline: float) -> Done | Failed:
        self._wire.send(_ENCODER.encode(request))
        last = Progress("", 0.0)
        while self._wire.wait(None, deadline - time.monotonic()):
            answer = _received(self._wire)
            if answer.number not in (request.number, NO_REQUEST):
                continue  # too late, for somebody who has stopped waiting
            if not isinstance(answer.message, Progress):
                return answer.message
            last = answer.message
        raise StillWorking(step=last.step, seconds=last.seconds)


@contextmanager
def connect(
    state: State,
    product: Callable[[], Product],
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    patience: float | None = None,
) -> Generator[Keeper | KeeperClient]:
    """Give the running keeper, or become it where none runs and PostgreSQL is up.

    `product` gives the installed apps; it is asked only by whoever becomes the keeper. A running one that is silent for
    `patience` seconds is given up.
    """
    if state.root in _ourselves:
        yield _ourselves[state.root]
        return
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(state.keeper_socket):
        with hold(state) as alone:
            if alone:
                with _become(state, product()) as keeper:
                    keeper.report = _reporting(on_progress)
                    yield keeper
                return
        if time.monotonic() > deadline:
            raise KeeperUnavailable
        time.sleep(0.1)
    yield KeeperClient(state.keeper_socket, on_progress, patience)


@contextmanager
def _become(state: State, product: Product) -> Generator[Keeper]:
    with _log(state.keeper / "keeper.log") as log:
        keeper = open_keeper(state, os.environ, product, log)
        keeper.start()
        _ourselves[state.root] = keeper
        try:
            yield keeper
        finally:
            del _ourselves[state.root]


def _reporting(on_progress: Callable[[Progress], None]) -> Callable[[str], None]:
    began = time.monotonic()
    return lambda step: on_progress(Progress(step, time.monotonic() - began))


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(str(path))
        except OSError:
            return False
        return True


@contextmanager
def _connected(path: Path) -> Generator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(str(path))
        except OSError as error:
            raise KeeperUnavailable from error
        yield sock


@contextmanager
def _log(path: Path) -> Generator[VerbLog]:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield VerbLog(fd)
    finally:
        os.close(fd)


def _received(wire: Wire) -> Answer:
    """Read a message that has begun to come; raises `KeeperUnavailable` when the keeper ended instead."""
    try:
        frame = wire.receive()
    except (OSError, RequestMalformed) as error:
        raise KeeperUnavailable from error
    if frame is None:
        raise KeeperUnavailable
    return _DECODER.decode(frame.body)


def _checked(message: Done | Failed, expected: type[A]) -> A:
    """Give an answer of the expected kind, or raise what the keeper raised."""
    if isinstance(message, Failed):
        raise _ERRORS.get(message.error, KeeperError)(message.message)
    if not isinstance(message, expected):
        raise KeeperError(f"The keeper answered {type(message).__name__}.")
    return message


# The instances whose keeper this process is just now, by their root: it must not wait for itself.
_ourselves: Final[dict[Path, Keeper]] = {}

_DECODER: Final = msgspec.msgpack.Decoder(Answer)
_ENCODER: Final = msgspec.msgpack.Encoder()

_ERRORS: Final[Mapping[str, type[GrowsoftError]]] = {
    error.__name__: error
    for error in (
        errors.AppsRefused, errors.DatabaseBusy, errors.DatabaseMissing, errors.DatabaseTaken,
        errors.KeeperUnavailable, errors.RequestMalformed, errors.StorageFull, errors.UpgradeNeeded,
        errors.VerbRefused, ConfigError, Conflict, DatabaseExists, DatabaseUnavailable, DatabaseUnprotected,
        DataRefused, DumpFailed, MigrationFailed, PrivateSideDiffers, RestoreFailed, RolesRefused,
    )
}  # fmt: skip
