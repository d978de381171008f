"""The query log: which statements ran, from which line, how long they took, and which of them ran again and again."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from types import FrameType

# As often as this the same statement may run from one line of one transaction before somebody is warned.
REPEATS: Final = 10
# Statements that a log keeps; it goes on counting after that.
KEPT: Final = 10_000
# What is between the line of an app and the statement.
_INSIDE: Final = (
    "growsoft.orm", "growsoft.postgres", "growsoft.views", "growsoft.web", "growsoft.exchange", "growsoft.keeper",
    "growsoft.testing", "contextlib",
)  # fmt: skip


class RepeatedStatement(UserWarning):
    """The same statement ran many times from one line; search or read all the records at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code: the file, the number of the line, and the function."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        """Write it as editors follow it."""
        return f"{self.file}:{self.line} ({self.function})"


@dataclass(slots=True)
class Statement:
    """A statement that ran: its text without values, who asked for it, and the seconds it took (0 until it ended)."""

    text: str
    place: Place
    transaction: int
    seconds: float = 0.0


@dataclass
class QueryLog:
    """The statements of a block, values left out; what opens and ends a transaction is not among them.

    ``statements`` are the first 10,000, ``count`` is how many there were. ``warn_after`` is how often the same
    statement may run from one line in one transaction before a ``RepeatedStatement`` warns of it, once; 0 is never.
    Each statement is written to ``out``, too, when there is one.
    """

    warn_after: int = REPEATS
    out: TextIO | None = None
    count: int = 0
    statements: list[Statement] = field(default_factory=list[Statement])
    _seen: Counter[tuple[int, str, Place]] = field(default_factory=Counter[tuple[int, str, Place]])

    @property
    def seconds(self) -> float:
        """How long the statements that were kept took together."""
        return sum(statement.seconds for statement in self.statements)

    def repeated(self, times: int = REPEATS) -> list[tuple[int, str, Place]]:
        """Give what ran more than ``times`` times from one line in one transaction: how often, text, line."""
        found = [(often, text, place) for (_transaction, text, place), often in self._seen.items() if often > times]
        return sorted(found, key=lambda one: -one[0])

    def begin(self, text: str, transaction: int) -> Statement:
        """Write down a statement that is about to run; warn when it is one too many."""
        statement = Statement(text, _caller(), transaction)
        self.count += 1
        if len(self.statements) < KEPT:
            self.statements.append(statement)
        key = (transaction, text, statement.place)
        self._seen[key] += 1
        if self.warn_after and self._seen[key] == self.warn_after + 1:
            _warn(statement, self._seen[key])
        return statement

    def end(self, statement: Statement, began: float) -> None:
        """Write down how long it took, and show it to whoever looks on."""
        statement.seconds = perf_counter() - began
        if self.out is not None:
            text = " ".join(statement.text.split())
            self.out.write(f"{statement.seconds * 1000:8.2f} ms  {statement.place}\n             {text}\n")


# The log of whoever asked for one, in this thread.
current: Final[ContextVar[QueryLog | None]] = ContextVar("growsoft_query_log", default=None)


@contextmanager
def log_queries(warn_after: int = REPEATS, out: TextIO | None = None) -> Generator[QueryLog]:
    """Log the statements of a block, of all databases and transactions of this thread; logs may be nested.

    Only the innermost one sees a statement while it runs; it hands on what it counted.
    """
    outer = current.get()
    log = QueryLog(warn_after, out)
    token = current.set(log)
    try:
        yield log
    finally:
        current.reset(token)
        if outer is not None:
            outer.count += log.count
            outer.statements.extend(log.statements[: KEPT - len(outer.statements)])


def _caller() -> Place:
    """Find the line of an app, or of whoever else is not ours, that led here."""
    frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the line is what this is about
    while _is_inside(frame) and frame.f_back is not None:
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)


def _is_inside(frame: FrameType) -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    return any(name == one or name.startswith(f"{one}.") for one in _INSIDE)


def _warn(statement: Statement, times: int) -> None:
    text = " ".join(statement.text.split())
    message = (
        f"the same statement ran {times} times from this line in one transaction;"
        f" search or read all the records at once: {text[:200]}"
    )
    place = statement.place
    warnings.warn_explicit(RepeatedStatement(message), RepeatedStatement, place.file, place.line)
