"""Answers in parts: longer than memory should hold, made as fast as their client reads, and no thread waits for him."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Generator
from contextvars import copy_context
from typing import TYPE_CHECKING, Final

from growsoft.web.errors import Busy
from growsoft.web.limits import Limits
from growsoft.web.threads import RETRY_AFTER, Threads

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable

# A client that takes a part slower than this is cut off: his transaction, and a connection, wait with him.
PATIENCE_SECONDS: Final = 10.0
SLOWEST_BYTES_PER_SECOND: Final = 8 * 1024
# How long a part waits for a thread when all of them are busy, before it asks again.
AGAIN_SECONDS: Final = 0.2


class Parts:
    """The parts of one answer; the first is made at once, so that what goes wrong at the beginning is still an error.

    Each part is made in whatever thread is free, but always in the same context: what the generator set in a
    ``ContextVar`` is there when it goes on.
    """

    def __init__(self, parts: Generator[bytes]) -> None:
        """Make the first part; raises what the generator raises."""
        self._parts = parts
        self._lock = threading.Lock()
        self._context = copy_context()
        self._first: bytes | None = self._next()

    def take(self) -> bytes:
        """Give the next part, never an empty one; nothing at the end. Raises what the generator raises."""
        first, self._first = self._first, None
        return self._next() if first is None else first

    def close(self) -> None:
        """End the generator where it is, after the part that is being made: its transaction ends with it."""
        with self._lock:
            self._context.run(self._parts.close)

    def _next(self) -> bytes:
        with self._lock:
            while (part := self._context.run(next, self._parts, None)) is not None:
                if part:
                    return part
        return b""


class Streams:
    """Sends answers in parts: so many at once, everybody else is asked to come again."""

    def __init__(self, limits: Limits, threads: Threads) -> None:
        """Make the parts in these threads."""
        self._free = limits.streams
        self._threads = threads

    def admit(self) -> None:
        """Take one of the places; raises ``Busy`` when there is none. Whoever has one calls ``leave``."""
        if self._free <= 0:
            raise Busy(headers=RETRY_AFTER)
        self._free -= 1

    async def send(
        self, parts: Parts, receive: ASGIReceiveCallable, send: ASGISendCallable, *, only_head: bool = False
    ) -> None:
        """Send all parts, unless the client goes away or stops reading: then he sees that the end is missing."""
        gone = asyncio.ensure_future(_gone(receive))
        try:
            while not gone.done():
                part = b"" if only_head else await self._made(parts)
                message = {"type": "http.response.body", "body": part, "more_body": bool(part)}
                await _patiently(send(message), len(part))  # type: ignore[arg-type]  # a TypedDict by its values
                if not part:
                    return
        except TimeoutError:
            return
        finally:
            gone.cancel()

    async def leave(self, parts: Parts) -> None:
        """Give a place back, and end what was made for it, whatever became of the answer."""
        self._free += 1
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, parts.close))

    async def _made(self, parts: Parts) -> bytes:
        """Have the next part made; an answer that was begun waits for a thread rather than break off."""
        while True:
            with contextlib.suppress(Busy):
                return await self._threads.run(parts.take)
            await asyncio.sleep(AGAIN_SECONDS)


async def _patiently(sending: Awaitable[None], size: int) -> None:
    """Wait until the client has taken a part; raises ``TimeoutError`` when he takes it too slowly."""
    async with asyncio.timeout(PATIENCE_SECONDS + size / SLOWEST_BYTES_PER_SECOND):
        await sending


async def _gone(receive: ASGIReceiveCallable) -> None:
    """Return when the client has closed his connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
