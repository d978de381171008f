"""The server: who may ask the keeper what, one thread for each caller."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Final

from growsoft.errors import GrowsoftError
from growsoft.keeper.conversation import COMMANDS, WORKERS, Conversation, Rules, refusal
from growsoft.keeper.keeper import Keeper
from growsoft.keeper.log import Caller, VerbLog
from growsoft.keeper.wire import Wire, peer_of
from growsoft.postgres.keeper import KeeperError, KeeperUnavailable, VerbRefused

# Callers at the socket who are served beside each other; workers' own ports come on top.
MOST_CALLERS: Final = 16

# How long an end waits for verbs that are at work.
STOP_SECONDS: Final = 20.0

SWEEP_SECONDS: Final = 300.0


class KeeperServer:
    """Serves the socket, and the workers' ports. Who may speak is decided before a single byte is read."""

    def __init__(self, keeper: Keeper, listener: socket.socket, workers: Sequence[socket.socket], log: VerbLog) -> None:
        """Take a socket that listens, and the keeper's ends of the workers' pairs."""
        self._keeper = keeper
        self._listener = listener
        self._workers = workers
        self._log = log
        self._places = threading.BoundedSemaphore(MOST_CALLERS)
        self._threads: list[threading.Thread] = []
        # Closing the writing end wakes whoever waits at the reading end: all conversations at once.
        self._stopped, self._stopping = os.pipe()
        self._ending = threading.Lock()

    def serve(self) -> None:
        """Serve until `stop` is called; then let verbs at work come to their end."""
        for number, sock in enumerate(self._workers):
            peer = peer_of(sock)
            self._start(sock, Caller(f"worker {number}", peer.pid, peer.uid), WORKERS)
        swept = time.monotonic()
        while True:
            ready = self._ready()
            if self._stopped in ready:
                break
            if ready:
                self._admit()
            if time.monotonic() - swept > SWEEP_SECONDS:
                self._sweep()
                swept = time.monotonic()
        self._finish()

    def stop(self) -> None:
        """Take no more requests; can be called from a signal handler, and again."""
        if self._ending.acquire(blocking=False):
            os.close(self._stopping)

    def _ready(self) -> list[int]:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self._stopped, select.POLLIN)
        return [descriptor for descriptor, _event in poll.poll(SWEEP_SECONDS * 1000)]

    def _admit(self) -> None:
        """Let a caller in who is our own user or root, where there is a place."""
        try:
            sock, _address = self._listener.accept()
        except OSError as error:
            # Out of descriptors, or a caller who left at once.
            self._log.event("refused", reason=str(error))
            time.sleep(0.05)
            return
        peer = peer_of(sock)
        caller = Caller("socket", peer.pid, peer.uid)
        if peer.uid not in (os.geteuid(), 0):
            self._turn_away(sock, caller, VerbRefused("This socket is for the keeper's own user and root."))
        elif not self._places.acquire(blocking=False):
            self._turn_away(sock, caller, KeeperUnavailable("Too many callers; try again in a moment."))
        else:
            self._start(sock, caller, COMMANDS, self._places.release)

    def _turn_away(self, sock: socket.socket, caller: Caller, error: KeeperError) -> None:
        self._log.event("refused", caller, str(error))
        with sock, contextlib.suppress(OSError):
            Wire(sock, 0).send(refusal(error))

    def _start(
        self, sock: socket.socket, caller: Caller, rules: Rules, ended: Callable[[], None] = lambda: None
    ) -> None:
        def converse() -> None:
            with sock:
                try:
                    Conversation(sock, caller, rules, self._keeper, self._log).run(self._stopped, self.stop)
                except Exception as error:  # noqa: BLE001 - whatever one caller meets, the others go on
                    self._log.event("defect", caller, repr(error))
                finally:
                    ended()

        thread = threading.Thread(target=converse, name=caller.by, daemon=True)
        self._threads = [other for other in self._threads if other.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _sweep(self) -> None:
        with contextlib.suppress(GrowsoftError):  # the next one will do it
            self._keeper.sweep()

    def _finish(self) -> None:
        self._listener.close()
        deadline = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))
        if not any(thread.is_alive() for thread in self._threads):
            os.close(self._stopped)


@contextlib.contextmanager
def listening(path: Path) -> Generator[socket.socket]:
    """Listen on a socket that only our own user can open, and take its name away again.

    Whoever holds the keeper's lock is the only keeper: a name that is there already was left by a dead one.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            sock.bind(str(path))
        finally:
            os.umask(before)
        sock.listen(MOST_CALLERS)
        try:
            yield sock
        finally:
            path.unlink(missing_ok=True)
