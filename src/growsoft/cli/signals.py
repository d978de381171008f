"""Signals: having something done that takes locks, which a handler must never wait for."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from types import FrameType


# A handler runs between two steps of the main thread, which may hold the very lock that the call needs: that of an
# event for which it begins to wait. It would wait for itself for ever, and so would whoever asked the process to stop.
def beside(call: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
    """Make a handler of signals that has another thread do the call."""

    def handler(_number: int, _frame: FrameType | None) -> None:
        _thread.start_new_thread(call, ())  # a `threading.Thread` would take a lock to start

    return handler
