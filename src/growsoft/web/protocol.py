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

# A peer that does not take the last bytes is cut off after this long.
CLOSING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What a connection is held to: the limits, how a refusal is worded, and whom to tell when it is over."""

    limits: Limits
    refuse: Callable[[Refusal], bytes]
    over: Callable[[], None]


class LimitedProtocol(HttpToolsProtocol):
    """One connection that must send its head in time and in size, and read what it asked for."""

    def __init__(self, config: Config, state: ServerState, terms: Terms) -> None:
        """Serve one connection of a server on these terms."""
        super().__init__(config, state, {})
        self._terms = terms
        self._head_bytes = 0
        self._reading_head = True
        self._answering = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock of the first head with the connection, not with its first byte."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows the argument
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks and say that the connection is over."""
        self._stop_head_timer()
        self._stop_write_timer()
        super().connection_lost(exc)
        self._terms.over()

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a head are counted and timed."""
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
        super().timeout_keep_alive_handler()
        self.loop.call_later(CLOSING_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        """Start the clock of a reader that is slower than we write."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self._terms.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that clock: the reader reads."""
        super().resume_writing()
        self._stop_write_timer()

    def _start_head_timer(self) -> None:
        """Give a head its time, once."""
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._terms.limits.header_seconds, self._head_too_slow)

    def _stop_head_timer(self) -> None:
        """Forget the clock of the head."""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        """Forget the clock of the reader."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

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
        self.transport.close()
        self.loop.call_later(CLOSING_SECONDS, self.transport.abort)
