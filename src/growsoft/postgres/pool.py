"""Connections of many databases under one cap: kept per database, closed when idle or when another needs the place."""

import threading
import time
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from growsoft.errors import UserError
from growsoft.postgres.connection import Connection, Endpoint

IDLE_SECONDS: Final = 120.0
WAIT_SECONDS: Final = 5.0


class PoolExhausted(UserError):
    """Too many requests are under way; try again in a moment."""


class Pools:
    """All connections of this process. Invariant: open connections, idle and in use together, never exceed ``cap``.

    An idle backend costs 2-6 MB in PostgreSQL, so the least recently used one gives way, whichever database it
    belongs to. Thread-safe.
    """

    def __init__(self, cap: int, *, idle_seconds: float = IDLE_SECONDS, wait_seconds: float = WAIT_SECONDS) -> None:
        """``cap`` connections at most; an idle one is closed after ``idle_seconds``."""
        if cap < 1:
            raise ValueError("a pool needs room for one connection at least")
        self._cap = cap
        self._idle_seconds = idle_seconds
        self._wait_seconds = wait_seconds
        self._open = 0
        # Oldest use first; the value says since when it is idle.
        self._idle: OrderedDict[Connection, tuple[Endpoint, float]] = OrderedDict()
        self._changed = threading.Condition()

    @contextmanager
    def connection(self, endpoint: Endpoint, *, profile: str = "") -> Generator[Connection]:
        """Lend a clean connection; one that cannot be made clean again is closed.

        One that last served ``profile`` is preferred: its plans fit.
        """
        connection = self._take(endpoint, profile)
        try:
            yield connection
        finally:
            # Whatever happened in between: only a connection that proves itself clean serves somebody else.
            clean = False
            try:
                clean = connection.reset()
            finally:
                if clean:
                    self._put_back(connection, endpoint)
                else:
                    self._discard(connection)

    def forget(self, endpoint: Endpoint) -> None:
        """Close the idle connections of one database: it is dropped, or its server was restarted."""
        with self._changed:
            gone = [connection for connection, (owner, _) in self._idle.items() if owner == endpoint]
            for connection in gone:
                del self._idle[connection]
                self._open -= 1
            self._changed.notify_all()
        for connection in gone:
            connection.close()

    def close_idle(self) -> None:
        """Close what has been idle for too long; called now and then."""
        self._close_older_than(time.monotonic() - self._idle_seconds)

    def close(self) -> None:
        """Close all idle connections; those in use are closed when they come back."""
        with self._changed:
            self._cap = 0
        self._close_older_than(float("inf"))

    @property
    def sizes(self) -> tuple[int, int]:
        """How many connections are open, and how many of them are idle."""
        with self._changed:
            return self._open, len(self._idle)

    def _take(self, endpoint: Endpoint, profile: str) -> Connection:
        deadline = time.monotonic() + self._wait_seconds
        evicted: Connection | None = None
        with self._changed:
            while True:
                found = self._pick(endpoint, profile)
                if found is not None:
                    del self._idle[found]
                    return found
                if self._open < self._cap:
                    self._open += 1
                    break
                if self._idle:
                    evicted, _ = self._idle.popitem(last=False)
                    break
                if not self._changed.wait(deadline - time.monotonic()):
                    raise PoolExhausted
        if evicted is not None:
            evicted.close()
        return self._connect(endpoint)

    def _pick(self, endpoint: Endpoint, profile: str) -> Connection | None:
        candidate: Connection | None = None
        for connection in reversed(self._idle):
            if self._idle[connection][0] == endpoint:
                if connection.last_profile == profile:
                    return connection
                candidate = candidate or connection
        return candidate

    def _connect(self, endpoint: Endpoint) -> Connection:
        try:
            return Connection(endpoint)
        except BaseException:
            with self._changed:
                self._open -= 1
                self._changed.notify()
            raise

    def _put_back(self, connection: Connection, endpoint: Endpoint) -> None:
        with self._changed:
            if self._open <= self._cap:
                self._idle[connection] = (endpoint, time.monotonic())
                self._changed.notify()
                return
        self._discard(connection)

    def _discard(self, connection: Connection) -> None:
        connection.close()
        with self._changed:
            self._open -= 1
            self._changed.notify()

    def _close_older_than(self, moment: float) -> None:
        with self._changed:
            gone = [connection for connection, (_, since) in self._idle.items() if since <= moment]
            for connection in gone:
                del self._idle[connection]
                self._open -= 1
            self._changed.notify_all()
        for connection in gone:
            connection.close()
