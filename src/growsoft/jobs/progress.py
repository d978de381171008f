"""Progress: what a running job says about itself in the middle of its transaction, and whether it shall stop."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from growsoft.errors import UserError
from growsoft.jobs.queue import queue_door
from growsoft.postgres.database import Database
from growsoft.postgres.sql import Sql, sql

# It is for people: more often tells nobody anything.
SECONDS: Final = 1.0
LONGEST: Final = 200


class JobCancelled(UserError):
    """This job was cancelled while it ran; what it had done was undone."""


class Progress:
    """Where one job tells how far it is: in transactions of their own, which others see while it runs."""

    def __init__(self, database: Database, job_id: int) -> None:
        """Tell nothing yet."""
        self._database = database
        self._job_id = job_id
        self._told = 0.0

    def tell(self, done: float, text: str) -> None:
        """Write it down, once a second at most; raises ``JobCancelled`` when somebody asked for that."""
        now = time.monotonic()
        if now - self._told < SECONDS:
            return
        self._told = now
        percent = min(max(int(done * 100), 0), 100)
        with self._database.transaction(queue_door(self._database), "counting") as transaction:
            stop = transaction.execute(_TELL.rebind((self._job_id, percent, text[:LONGEST]))).scalar(bool)
        if stop:
            raise JobCancelled


_current: ContextVar[Progress | None] = ContextVar("progress", default=None)


def progress(done: float, text: str = "") -> None:
    """Tell how far the job is that runs here: ``done`` from 0 to 1, and what it is at.

    Call it in every loop that can take long: whoever cancels the job is heard here. Does nothing outside of a job.
    """
    current = _current.get()
    if current is not None:
        current.tell(done, text)


@contextmanager
def told_by(told: Progress) -> Generator[None]:
    """Let what runs inside tell its progress."""
    token = _current.set(told)
    try:
        yield
    finally:
        _current.reset(token)


_TELL: Final[Sql] = sql(
    "INSERT INTO ir_job_progress AS p (job_id, done, text) VALUES ({job}::bigint, {done}::integer, {text}::text)"
    " ON CONFLICT (job_id) DO UPDATE SET done = excluded.done, text = excluded.text,"
    " write_uid = (SELECT gs.user_id()), write_date = now(), version = p.version + 1 RETURNING stop",
    job=0, done=0, text="",
)  # fmt: skip
