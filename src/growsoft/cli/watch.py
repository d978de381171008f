"""Watch: one unit and the thread that keeps it running, with a limit to its patience."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from growsoft.errors import GrowsoftError

Say = Callable[[str], None]


class GaveUp(GrowsoftError):
    """A process ended again and again; its log says why."""


class Unit(Protocol):
    """Something that runs: a server, the keeper, a worker."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def start(self, stopping: threading.Event) -> int | None:
        """Start it, wait until it is ready, and return its process id, if one stays; `stopping` ends the waiting."""
        ...

    def ended(self, timeout: float) -> bool:
        """Wait for its end, but not longer; returns whether it has ended."""
        ...

    def tend(self) -> None:
        """Look after it while it runs, about twice a second."""
        ...

    def stop(self) -> None:
        """Stop it and wait for its end; also while it starts, also when it does not run."""
        ...

    def tail(self) -> str:
        """Return the end of its log."""
        ...


@dataclass(frozen=True, slots=True)
class Restarts:
    """When to start again what has ended: at once, then with growing delays, and at some point no more.

    `delays` are seconds; one end more than there are delays, all of them within `window` seconds, is one too many.
    """

    delays: tuple[float, ...] = (0, 0.5, 1, 2, 5)
    window: float = 60

    def delay(self, ends: Sequence[float], now: float) -> float | None:
        """Return how long to wait, given the times of all ends so far; None is the moment to give up."""
        recent = sum(1 for end in ends if now - end < self.window)
        return self.delays[recent - 1] if recent <= len(self.delays) else None


@dataclass(eq=False)
class Watch:
    """A unit with the thread that keeps it running.

    What is essential takes everything down with it in the end; anything else is tried again for ever.
    """

    unit: Unit
    essential: bool
    say: Say
    changed: Callable[[], None]
    gave_up: Callable[[str], None]
    restarts: Restarts = field(default_factory=Restarts)
    pid: int | None = field(default=None, init=False)
    condition: str = field(default="waiting", init=False)
    ends: list[float] = field(default_factory=list[float], init=False)
    ready: threading.Event = field(default_factory=threading.Event, init=False)
    stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        """Prepare the thread; it must not keep a process alive that has nothing else to do."""
        self._thread = threading.Thread(target=self._run, name=self.unit.name, daemon=True)

    def start(self) -> None:
        """Begin to run the unit."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let it not be started again."""
        self.stopping.set()

    def stop(self, timeout: float | None = None) -> bool:
        """Stop the unit and its thread; returns whether the thread has ended."""
        self.stopping.set()
        if not self._thread.is_alive():
            return True
        try:
            self.unit.stop()
        except GrowsoftError as error:
            self.say(f"{self.unit.name}: {error}")
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """Start the unit, again and again, until it is not wanted any more."""
        while not self.stopping.is_set():
            trouble = self._once()
            if self.stopping.is_set():
                break
            self.ends.append(time.monotonic())
            delay = self._delay()
            if delay is None:
                self._become("gave up")
                self.gave_up(f"{self.unit.name}: {trouble}")
                return
            self.say(f"{self.unit.name}: {trouble}")
            self.stopping.wait(delay)
        self.unit.stop()
        self._become("stopped")

    def _delay(self) -> float | None:
        """Return how long to wait before the next start; None for what is essential and never ran, or not for long."""
        delay = self.restarts.delay(self.ends, self.ends[-1])
        if not self.essential:
            return self.restarts.window / 2 if delay is None else delay
        return delay if self.ready.is_set() else None

    def _once(self) -> str:
        """Run the unit to its end and return why it ended."""
        self._become("starting")
        try:
            self._become("running", self.unit.start(self.stopping))
            self.ready.set()
            while not self.unit.ended(0.5):
                self.unit.tend()
        except Exception as error:  # noqa: BLE001 - whatever a unit meets, the others must go on
            self._become("failed")
            return str(error) or type(error).__name__
        self._become("ended")
        return f"it ended. The end of its log:\n{self.unit.tail()}"

    def _become(self, condition: str, pid: int | None = None) -> None:
        """Note what became of the unit."""
        self.condition, self.pid = condition, pid
        self.changed()
