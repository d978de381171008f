"""The acceptor: takes connections off a socket, counts them by address, and tells TLS from plain HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import sys
from collections.abc import Callable

from growsoft.web.limits import Connections, Limits

# RFC 8446, section 5.1: a TLS connection opens with a record of type handshake.
HANDSHAKE = b"\x16"
OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
TLS_CLOSING_SECONDS = 2.0

ProtocolFactory = Callable[[Callable[[], None]], asyncio.Protocol]


class Acceptor:
    """Serves one listening socket: HTTPS for those who speak TLS, a redirect for those who do not.

    One port does both, because the first byte of a client says which of the two it speaks.
    """

    def __init__(
        self,
        listener: socket.socket,
        *,
        tls: ssl.SSLContext | None,
        https: ProtocolFactory,
        plain: ProtocolFactory,
        connections: Connections,
        limits: Limits,
    ) -> None:
        """Accept from a listener; without a TLS context everything gets the plain protocol."""
        self._listener = listener
        self._tls = tls
        self._https = https
        self._plain = plain
        self._connections = connections
        self._limits = limits
        self._opening: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Accept until cancelled."""
        self._listener.setblocking(False)
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
                address: str = connection.getpeername()[0]
            except OSError as error:
                await self._after(error)
                continue
            self._open_soon(connection, address)

    async def _after(self, error: OSError) -> None:
        """Go on after a connection that broke before it was taken; wait when there is no room for another."""
        if error.errno in OUT_OF_DESCRIPTORS:
            await asyncio.sleep(0.1)

    def _open_soon(self, connection: socket.socket, address: str) -> None:
        """Open a connection beside the others, unless its client has too many already."""
        if not self._connections.admit(address):
            connection.close()
            return
        task = asyncio.get_running_loop().create_task(self._open(connection, address))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket, address: str) -> None:
        """Look at the first byte and hand the connection to the protocol that its client speaks."""
        over = _once(lambda: self._connections.release(address))
        connection.setblocking(False)
        try:
            async with asyncio.timeout(self._limits.header_seconds):
                first = await first_byte(connection)
            await self._hand_over(connection, first, over)
        except (OSError, TimeoutError):
            # A failed handshake (ssl.SSLError is an OSError) is the client's affair: scanners make hundreds.
            connection.close()
            over()
        except BaseException:
            connection.close()
            over()
            raise

    async def _hand_over(self, connection: socket.socket, first: bytes, over: Callable[[], None]) -> None:
        """Start TLS or the plain protocol."""
        loop = asyncio.get_running_loop()
        if not first:
            raise ConnectionAbortedError
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "linux":
            # tcp(7): the kernel cuts off a peer that takes nothing of what was written for this long.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._limits.write_seconds * 1000))
        if self._tls is None or first != HANDSHAKE:
            await loop.connect_accepted_socket(lambda: self._plain(over), connection)
            return
        await loop.connect_accepted_socket(
            lambda: self._https(over),
            connection,
            ssl=self._tls,
            ssl_handshake_timeout=self._limits.header_seconds,
            ssl_shutdown_timeout=TLS_CLOSING_SECONDS,
        )

    async def close(self) -> None:
        """Give up the connections that are not open yet."""
        for task in tuple(self._opening):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._opening, return_exceptions=True)


async def first_byte(connection: socket.socket) -> bytes:
    """Return the first byte a client sent, left in the socket for whoever reads it next; empty at its end."""
    while True:
        try:
            return connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            await _readable(connection)


async def _readable(connection: socket.socket) -> None:
    """Wait until there is something to read."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection.fileno(), _resolve, ready)
    try:
        await ready
    finally:
        loop.remove_reader(connection.fileno())


def _resolve(ready: asyncio.Future[None]) -> None:
    """Wake the waiter, once."""
    if not ready.done():
        ready.set_result(None)


def _once(action: Callable[[], None]) -> Callable[[], None]:
    """Return an action that acts only the first time it is called."""
    pending = [action]

    def act() -> None:
        if pending:
            pending.pop()()

    return act
