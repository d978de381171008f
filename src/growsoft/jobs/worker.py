"""The job worker: looks for databases with work to do, and does it with a few threads, each database its fair share."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from growsoft.errors import GrowsoftError
from growsoft.jobs.queue import LEASE, next_due, take
from growsoft.jobs.running import Runner
from growsoft.jobs.schedules import enqueue_due, ensure_schedules
from growsoft.orm import Registry
from growsoft.postgres.database import Database

Sleep = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one worker does at a time, and for whom.

    ``per_database`` and ``per_user`` keep a busy customer, or a busy user, from taking all of it; a visit of a database
    ends after ``turn`` when others wait. Whoever runs for ``grace`` longer than a job may is stuck: the process ends
    itself, the supervisor starts another, and what ran is taken again.
    """

    threads: int = 6
    per_database: int = 3
    per_user: int = 2
    poll: timedelta = timedelta(seconds=1)
    turn: timedelta = timedelta(seconds=10)
    lease: timedelta = LEASE
    grace: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        """Refuse what would let one starve all others, or nobody run."""
        if not 0 < self.per_user < self.per_database <= self.threads and self.threads > 1:
            raise ValueError("a worker needs 0 < per_user < per_database <= threads")


@dataclass(frozen=True, slots=True)
class Place:
    """A database whose jobs run here."""

    database: Database
    registry: Registry

    @property
    def uuid(self) -> UUID:
        """Which one."""
        return self.database.uuid


@dataclass(frozen=True, slots=True)
class Due:
    """A database in which there may be something to do; ``ticket`` is what its book knows it by."""

    place: Place
    ticket: object = None


class Book(Protocol):
    """Where it is written when each database has something to do next."""

    def due(self, most: int) -> Sequence[Due]:
        """Give databases that are due now, and take them out of others' hands."""
        ...

    def visited(self, due: Due, again: datetime | None) -> None:
        """Note when there is something to do next in a database that was visited."""
        ...


class Idle:
    """A book in which no database is ever due: for who goes where he wants, with `Worker.work_off`."""

    def due(self, most: int) -> Sequence[Due]:
        """Give none."""
        del most
        return ()

    def visited(self, due: Due, again: datetime | None) -> None:
        """Forget it."""
        del due, again


@dataclass
class Worker:
    """Works off the jobs of many databases until it is asked to stop.

    ``name`` is shown with the jobs it runs; ``idle`` is called between two looks (to close idle connections).
    """

    book: Book
    ensure_profile: Callable[[str], None]
    name: str = field(default_factory=lambda: f"worker {os.getpid()}")
    limits: Limits = field(default_factory=Limits)
    idle: Callable[[], object] = lambda: None
    _busy: Counter[UUID] = field(default_factory=Counter[UUID], init=False)
    _planned: set[UUID] = field(default_factory=set[UUID], init=False)
    _deadlines: dict[int, float] = field(default_factory=dict[int, float], init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _taking: dict[UUID, threading.Lock] = field(default_factory=dict[UUID, threading.Lock], init=False)

    def run(self, stopping: threading.Event) -> None:
        """Look for work about once a second; at the end what runs is finished."""
        with ThreadPoolExecutor(self.limits.threads, thread_name_prefix="jobs") as threads:
            while not stopping.is_set():
                self._look(threads, stopping)
                self._end_when_stuck()
                self.idle()
                stopping.wait(self.limits.poll.total_seconds())

    def work_off(self, place: Place) -> int:
        """Do all that is due in one database, here and now; give the number of jobs."""
        done = 0
        self._plan(place)
        while self.run_next(place):
            done += 1
        return done

    def _look(self, threads: ThreadPoolExecutor, stopping: threading.Event) -> None:
        free = self.limits.threads - self._busy.total()
        if free <= 0:
            return
        try:
            found = self.book.due(free)
        except GrowsoftError as error:
            _say(f"looking for databases with jobs: {error}")
            return
        for due in found:
            self._enter(due.place.uuid)
            threads.submit(self._visit, threads, due, stopping)

    def _visit(self, threads: ThreadPoolExecutor, due: Due, stopping: threading.Event) -> None:
        again: datetime | None = datetime.now(UTC) + timedelta(minutes=1)
        try:
            self._plan(due.place)
            ended = self._turn(threads, due.place, stopping)
            again = next_due(due.place.database) if ended else datetime.now(UTC)
        except Exception:  # noqa: BLE001  one database must not keep the others from their jobs
            _say(f"visiting {due.place.database.name}:\n{traceback.format_exc()}")
        finally:
            self._leave(due.place.uuid)
            self._note(due, again)

    def _help(self, threads: ThreadPoolExecutor, place: Place, stopping: threading.Event) -> None:
        try:
            self._turn(threads, place, stopping)
        except Exception:  # noqa: BLE001  as above
            _say(f"helping in {place.database.name}:\n{traceback.format_exc()}")
        finally:
            self._leave(place.uuid)

    def _turn(self, threads: ThreadPoolExecutor, place: Place, stopping: threading.Event) -> bool:
        """Run jobs of one database; False when the turn ended before they did."""
        until = time.monotonic() + self.limits.turn.total_seconds()
        while self.run_next(place, lambda: self._call_help(threads, place, stopping)):
            if stopping.is_set() or time.monotonic() > until:
                return False
        return True

    def run_next(self, place: Place, before: Callable[[], None] = lambda: None) -> bool:
        """Take the next job of a database, call ``before``, and run it; False when none is due."""
        with self._taking.setdefault(place.uuid, threading.Lock()):
            job = take(place.database, self.name, self.limits.per_user, self.limits.lease)
        if job is None:
            return False
        before()
        runner = Runner(place.database, place.registry, self.ensure_profile)
        longest = runner.longest(job) + self.limits.grace
        self._deadlines[threading.get_ident()] = time.monotonic() + longest.total_seconds()
        try:
            runner.run(job)
        finally:
            del self._deadlines[threading.get_ident()]
        return True

    def _call_help(self, threads: ThreadPoolExecutor, place: Place, stopping: threading.Event) -> None:
        """Let another thread look at the same database while this one runs a job of it."""
        with self._lock:
            free = self.limits.threads - self._busy.total()
            if free <= 0 or self._busy[place.uuid] >= self.limits.per_database or stopping.is_set():
                return
            self._busy[place.uuid] += 1
        threads.submit(self._help, threads, place, stopping)

    def _plan(self, place: Place) -> None:
        if place.uuid not in self._planned:
            ensure_schedules(place.database, place.registry)
            self._planned.add(place.uuid)
        enqueue_due(place.database, place.registry)

    def _note(self, due: Due, again: datetime | None) -> None:
        try:
            self.book.visited(due, again)
        except GrowsoftError as error:  # the book asks for a visit again by itself
            _say(f"noting when {due.place.database.name} is due: {error}")

    def _enter(self, uuid: UUID) -> None:
        with self._lock:
            self._busy[uuid] += 1

    def _leave(self, uuid: UUID) -> None:
        with self._lock:
            self._busy[uuid] -= 1

    def _end_when_stuck(self) -> None:
        now = time.monotonic()
        if any(deadline < now for deadline in list(self._deadlines.values())):
            _say("a job does not end; ending this worker, so that its jobs are taken again")
            os._exit(STUCK)


STUCK: Final = 3


def _say(text: str) -> None:
    sys.stderr.write(text.rstrip("\n") + "\n")
