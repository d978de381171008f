"""Threads: a bounded pool with a bounded queue, so that a flood waits outside and not in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from growsoft.web.errors import Busy
from growsoft.web.limits import Limits

Result = TypeVar("Result")
RETRY_AFTER = (("retry-after", "2"),)


class Threads:
    """Runs handlers beside the event loop: `threads` at once, `waiting` more in the queue, nobody else."""

    def __init__(self, limits: Limits) -> None:
        """Make the pool; its threads start when they are first needed."""
        self._room = limits.threads + limits.waiting
        self._taken = 0
        self._pool = ThreadPoolExecutor(max_workers=limits.threads, thread_name_prefix="web")

    @property
    def taken(self) -> int:
        """How many handlers run or wait."""
        return self._taken

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run work in a thread and return what it returns; raises `Busy` when the queue is full."""
        if self._taken >= self._room:
            raise Busy(headers=RETRY_AFTER)
        self._taken += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        # A client that goes away leaves its handler running: the place is free when the handler ends, not before.
        future.add_done_callback(self._leave)
        return await asyncio.shield(future)

    def _leave(self, future: asyncio.Future[Result]) -> None:
        """Free the place of a handler, and look at its error so that none is reported as never seen."""
        self._taken -= 1
        if not future.cancelled():
            future.exception()

    def close(self) -> None:
        """Let running handlers end and start no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
