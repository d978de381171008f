"""The server: one worker's event loop, from bound sockets to a clean exit."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import FrameType

import uvicorn
import uvloop

from growsoft.web import log
from growsoft.web.acceptor import Acceptor
from growsoft.web.asgi import Answerer, Gateway, new_reference
from growsoft.web.errors import Refusal
from growsoft.web.http import Request
from growsoft.web.limits import Connections, Limits
from growsoft.web.plain import PlainProtocol
from growsoft.web.protocol import LimitedProtocol, Terms
from growsoft.web.threads import Threads

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that is bound and listens; without a TLS context it only sends clients on to HTTPS."""

    socket: socket.socket
    tls: ssl.SSLContext | None


def run(
    answerer: Answerer,
    listeners: Sequence[Listener],
    *,
    https_port: int,
    limits: Limits | None = None,
    ready: Callable[[], None] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, let running requests end, and return the exit code 0.

    The listeners' sockets stay open: they belong to whoever bound them. `ready` is called when they are accepted from.
    The log goes to standard error as JSON lines.
    """
    log.to_stderr()
    server = Server(answerer, listeners, https_port=https_port, limits=limits or Limits(), ready=ready)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve())
    return 0


class Server(uvicorn.Server):
    """uvicorn's server on our own acceptors: its protocol and its orderly end, our limits."""

    def __init__(
        self,
        answerer: Answerer,
        listeners: Sequence[Listener],
        *,
        https_port: int,
        limits: Limits,
        ready: Callable[[], None] | None = None,
    ) -> None:
        """Prepare to serve; nothing is accepted yet."""
        self._ready = ready
        self._threads = Threads(limits)
        super().__init__(
            uvicorn.Config(
                Gateway(answerer, limits, self._threads),
                http=LimitedProtocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=limits.keep_alive_seconds,
                timeout_graceful_shutdown=limits.shutdown_seconds,
            )
        )
        self._answerer = answerer
        self._listeners = tuple(listeners)
        self._https_port = https_port
        self._limits = limits
        self._connections = Connections(limits)
        self._accepting: list[asyncio.Task[None]] = []
        self._acceptors: list[Acceptor] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept on every listener."""
        del sockets
        self.servers = []
        self._acceptors = [self._acceptor(listener) for listener in self._listeners]
        loop = asyncio.get_running_loop()
        self._accepting = [loop.create_task(acceptor.run()) for acceptor in self._acceptors]
        self.started = True
        if self._ready is not None:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, let running requests end, then stop the threads."""
        del sockets
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for acceptor in self._acceptors:
            await acceptor.close()
        await super().shutdown()
        self._threads.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take the signals that end us; unlike uvicorn we then exit with 0 and not by the signal."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Begin the orderly end; a second signal does not wait for running requests."""
        del number, frame
        self.force_exit = self.should_exit
        self.should_exit = True

    def _acceptor(self, listener: Listener) -> Acceptor:
        """Make the acceptor of one listener."""
        return Acceptor(
            listener.socket,
            tls=listener.tls,
            https=lambda over: LimitedProtocol(
                self.config, self.server_state, Terms(self._limits, self._refusal, over)
            ),
            plain=lambda over: PlainProtocol(self._https_port, self._limits, over),
            connections=self._connections,
            limits=self._limits,
        )

    def _refusal(self, refusal: Refusal) -> bytes:
        """Word a refusal for a connection whose request could not even be read."""
        request = Request(method="GET", path="", id=new_reference())
        response, fields = self._answerer.finish(request, self._answerer.refuse(request, refusal))
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in fields]
        lines += [f"content-length: {len(response.body)}", "connection: close"]
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + response.body
