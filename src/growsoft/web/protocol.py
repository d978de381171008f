"""The HTTP protocol of one connection: uvicorn's, with limits on slow and long heads and on slow readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from growsoft.web.errors import HeadTooLarge, Refusal, TooSlow
from growsoft.web.limits import Limits

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

# When a connection closes, what was written may still be on its way: a peer that takes it slower than this is cut off.
CLOSING_SECONDS = 5.0
SLOWEST_BYTES_PER_SECOND = 16 * 1024
# A client that was refused while it was still sending gets this much time, and may send this much, to read why: a
# connection that is closed over unread bytes is reset, and the answer with it.
LINGER_SECONDS = 1.0
LINGER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Terms:
    """What a connection is held to: the limits, how a refusal is worded, and whom to tell when it is over."""

    limits: Limits
    refuse: Callable[[Refusal], bytes]
    over: Callable[[], None]


class Watched(asyncio.Transport):
    """The transport that an answer is written to: what is written is counted, and closing is left to the protocol."""

    def __init__(self, transport: asyncio.Transport, count: Callable[[int], None], close: Callable[[], None]) -> None:
        """Stand before a transport."""
        super().__init__()
        self._transport = transport
        self._count = count
        self._close = close

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write as the transport does, and count."""
        self._count(len(data))
        self._transport.write(data)

    def is_closing(self) -> bool:
        """Say whether the transport closes."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Let the protocol close."""
        self._close()


class LimitedProtocol(HttpToolsProtocol):
    """One connection that must send its head in time and in size, and read what it asked for."""

    def __init__(self, config: Config, state: ServerState, terms: Terms) -> None:
        """Serve one connection of a server on these terms."""
        super().__init__(config, state, {})
        self._terms = terms
        self._head_bytes = 0
        self._reading_head = True
        self._answering = False
        self._lingering: int | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._abort_timer: asyncio.TimerHandle | None = None
        self._written = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock of the first head with the connection, not with its first byte."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows the argument
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks and say that the connection is over."""
        self._stop_head_timer()
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        super().connection_lost(exc)
        self._terms.over()

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a head are counted and timed, those after a refusal are dropped."""
        if self._lingering is not None:
            self._drop(len(data))
            return
        if self._reading_head:
            self._head_bytes += len(data)
            self._start_head_timer()
        super().data_received(data)
        if self._reading_head and self._head_bytes > self._terms.limits.header_bytes:
            self._cut(HeadTooLarge())

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._reading_head = True

    def on_headers_complete(self) -> None:
        """End a head: from here the adapter keeps the limits of the body."""
        self._reading_head = False
        self._answering = True
        self._head_bytes = 0
        self._stop_head_timer()
        super().on_headers_complete()
        self.cycle.transport = Watched(self.transport, self._count, self._close_kindly)

    def on_response_complete(self) -> None:
        """After an answer the next head may come, when the client wants."""
        self._reading_head = True
        self._answering = False
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with the same page and headers as any other refusal."""
        del msg
        self._cut(Refusal())

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also when its client does not read the end of the last answer."""
        self._close()

    def _count(self, size: int) -> None:
        """Count what was written since the connection opened."""
        self._written += size

    def _close_kindly(self) -> None:
        """Close at once, but not over the rest of a body that is still being sent."""
        if not self.cycle.more_body:
            self._close()
            return
        self._lingering = LINGER_BYTES
        self._abort_after(LINGER_SECONDS)

    def _close(self) -> None:
        """Close when everything written was taken, and do not wait for that for ever."""
        self.transport.close()
        self._abort_after(CLOSING_SECONDS + self._written / SLOWEST_BYTES_PER_SECOND)

    def _abort_after(self, seconds: float) -> None:
        """Cut the connection off later, once."""
        if self._abort_timer is None:
            self._abort_timer = self.loop.call_later(seconds, self.transport.abort)

    def _drop(self, size: int) -> None:
        """Drop what a refused client still sends, up to a point."""
        self._lingering = (self._lingering or 0) - size
        if self._lingering <= 0:
            self.transport.abort()

    def _start_head_timer(self) -> None:
        """Give a head its time, once."""
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._terms.limits.header_seconds, self._head_too_slow)

    def _stop_head_timer(self) -> None:
        """Forget the clock of the head."""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_too_slow(self) -> None:
        """Say why before closing, unless the connection was only opened and never used."""
        self._head_timer = None
        if self._head_bytes:
            self._cut(TooSlow())
        else:
            self.transport.abort()

    def _cut(self, refusal: Refusal) -> None:
        """Answer with a refusal and close the connection, unless an answer is already on its way."""
        if self.transport.is_closing():
            return
        if not self._answering:
            self.transport.write(self._terms.refuse(refusal))
        self._close()
