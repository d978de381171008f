"""The time that apps go by: the machine's, or that of a test."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

_clock: Final[ContextVar[Callable[[], datetime] | None]] = ContextVar("growsoft_clock", default=None)


def now() -> datetime:
    """Give the present moment, aware and in UTC. PostgreSQL stamps records and jobs by its own clock."""
    clock = _clock.get()
    return datetime.now(UTC) if clock is None else clock().astimezone(UTC)


@contextmanager
def going_by(clock: Callable[[], datetime]) -> Generator[None]:
    """Let what runs inside, in this thread, go by another clock, which gives aware moments: for tests."""
    token = _clock.set(clock)
    try:
        yield
    finally:
        _clock.reset(token)
