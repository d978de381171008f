"""Counting statements: how often code goes to the database, in a block of a test."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from growsoft.postgres.querylog import QueryLog, log_queries


class CountQueries(Protocol):
    """What the fixture ``count_queries`` is."""

    def __call__(self, at_most: int | None = None, /) -> AbstractContextManager[QueryLog]:
        """Log the statements of a block; fail when there are more than ``at_most``."""
        ...


@contextmanager
def count_queries(at_most: int | None = None, /) -> Generator[QueryLog]:
    """Log the statements of a block; raise ``AssertionError`` with all of them when there are more than ``at_most``.

    What the ORM keeps back is written when a query needs it, or at ``env.flush()``: call that inside the block.
    """
    with log_queries() as log:
        yield log
    if at_most is not None and log.count > at_most:
        lines = "\n".join(f"  {one.place}: {' '.join(one.text.split())[:300]}" for one in log.statements)
        raise AssertionError(f"{log.count} statements ran, at most {at_most} were expected:\n{lines}")
