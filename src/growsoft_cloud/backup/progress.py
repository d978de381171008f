"""Progress: what a long backup or restore tells of itself while it works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple


class Step(StrEnum):
    """What is being done; each goes through some bytes."""

    DUMP = "dump"
    COPY = "copy"
    VERIFY = "verify"
    RESTORE = "restore"


class Progress(NamedTuple):
    """How many bytes of a step are done, and of how many, where that is known."""

    step: Step
    done: int
    total: int | None


Listener = Callable[[Progress], None]


class Meter:
    """Adds up the bytes of one step, from any thread, and tells a listener."""

    def __init__(self, listener: Listener | None, step: Step, total: int | None = None) -> None:
        self._listener = listener
        self._step = step
        self._total = total
        self._done = 0
        self._lock = threading.Lock()

    def __call__(self, done: int) -> None:
        """Count some bytes."""
        if self._listener is None:
            return
        with self._lock:
            self._done += done
            self._listener(Progress(self._step, self._done, self._total))
