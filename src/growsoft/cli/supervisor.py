"""Supervisor: the process tree of `growsoft up`, started in order, watched, started again, stopped in reverse."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from growsoft.cli.signals import beside
from growsoft.cli.watch import GaveUp, Restarts, Say, Unit, Watch
from growsoft.config import State
from growsoft.postgres.files import write_file

# How long a start waits for a unit that is not essential before it goes on without.
PATIENCE = 20

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    """Runs the units of an instance: a stage starts when the one before is ready, and stops before it."""

    def __init__(
        self,
        state: State,
        stages: Sequence[Sequence[Unit]],
        *,
        optional: Sequence[str] = (),
        facts: Mapping[str, object] | None = None,
        say: Say = print,
        restarts: Restarts | None = None,
    ) -> None:
        """Take the units, the names of those that may be missing, and what `up.json` shall say beside them."""
        self._state = state
        self._facts = dict(facts or {})
        self._say = say
        self._wanted = threading.Event()
        self._trouble = ""
        self._is_ready = False
        self._publishing = threading.Lock()
        policy = restarts or Restarts()
        self._stages = [[self._watch(unit, policy, optional) for unit in stage] for stage in stages]

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Start everything, call `ready` when it runs, and return when it was asked to stop and has stopped.

        Raises `GaveUp` when something essential would not run; everything is stopped then as well.
        """
        with _signals(self._wanted.set):
            try:
                self._start()
                if not self._wanted.is_set():
                    self._is_ready = True
                    self._publish()
                    ready()
                while not self._wanted.wait(3600):
                    pass
            finally:
                self._stop()
        if self._trouble:
            raise GaveUp(self._trouble)

    def stop(self) -> None:
        """Ask it to stop, from another thread."""
        self._wanted.set()

    def _start(self) -> None:
        """Start stage by stage."""
        for stage in self._stages:
            for watch in stage:
                watch.start()
            for watch in stage:
                self._await(watch)
            if self._wanted.is_set():
                return

    def _await(self, watch: Watch) -> None:
        """Wait until a unit is ready, somebody wants to stop, or it is not worth waiting for."""
        began = time.monotonic()
        while not watch.ready.wait(0.05) and not self._wanted.is_set():
            if not watch.essential and time.monotonic() - began > PATIENCE:
                self._say(f"{watch.unit.name} is not ready yet; going on without it.")
                return

    def _stop(self) -> None:
        """Stop stage by stage in reverse; within a stage all are asked before any is waited for."""
        self._is_ready = False
        for stage in reversed(self._stages):
            stoppers = [threading.Thread(target=watch.stop, args=(5,)) for watch in stage]
            for watch in stage:
                watch.ask_to_stop()
            for stopper in stoppers:
                stopper.start()
            for stopper in stoppers:
                stopper.join()
        # A standby that was being copied notices the end of its primary.
        for watch in (watch for stage in self._stages for watch in stage):
            watch.stop(60)

    def _watch(self, unit: Unit, restarts: Restarts, optional: Sequence[str]) -> Watch:
        """Make the watch of a unit."""
        essential = unit.name not in optional
        return Watch(unit, essential, self._say, self._publish, self._give_up, restarts)

    def _give_up(self, trouble: str) -> None:
        """Stop everything because of one unit."""
        self._trouble = self._trouble or trouble
        self._wanted.set()

    def _publish(self) -> None:
        """Write `up.json` for everybody who wants to know what runs where."""
        with self._publishing:
            units = {watch.unit.name: watch for stage in self._stages for watch in stage}
            told = {
                **self._facts,
                "supervisor": os.getpid(),
                "ready": self._is_ready,
                "processes": {
                    name: {"pid": watch.pid, "condition": watch.condition, "restarts": len(watch.ends)}
                    for name, watch in units.items()
                },
            }
            write_file(self._state.up, json.dumps(told, indent=1) + "\n", None, 0o644)


@contextmanager
def _signals(stop: Callable[[], None]) -> Generator[None]:
    """Turn the signals that mean an end into a call; only the main thread of a process may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    before = {number: signal.signal(number, beside(stop)) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
