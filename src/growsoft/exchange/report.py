"""What came of an import: how many records were made and changed, and what is wrong with which row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from growsoft.errors import UserError

MAX_ERRORS: Final = 1000
_SHOWN: Final = 200  # characters of a cell: enough to find it again


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one row. ``line`` is the line of the file on which the row begins, the header is line 1.

    ``column`` is empty when the row as a whole is wrong; ``value`` is what the cell holds, shortened.
    """

    line: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """Numbers of records; without ``partial`` they are zero as soon as there is an error.

    ``updated`` counts every row whose record was there already, ``unchanged`` those among them that said nothing new.
    ``errors`` are in the order of the file, ``more_errors`` says that there are too many to list.
    """

    created: int
    updated: int
    unchanged: int
    errors: tuple[RowError, ...] = ()
    more_errors: bool = False


class FileRefused(UserError):
    """The file cannot be read as a table; nothing was imported."""

    def __init__(self, errors: Iterable[RowError]) -> None:
        """Keep what is wrong, to be reported like the errors of rows."""
        self.errors = tuple(errors)
        super().__init__("\n".join(f"Line {error.line}: {error.reason}" for error in self.errors))


class Faults:
    """Collects errors; ``full`` once there are more than anybody reads."""

    def __init__(self) -> None:
        """Start without any."""
        self.more = False
        self._errors: list[RowError] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._errors)

    @property
    def full(self) -> bool:
        """Whether no more are kept."""
        return len(self._errors) >= MAX_ERRORS

    def add(self, line: int, column: str, value: str, reason: str) -> None:
        """Note one."""
        if self.full:
            self.more = True
        else:
            self._errors.append(RowError(line, column, shown(value), reason))

    def in_order(self) -> tuple[RowError, ...]:
        """Give them in the order of the file."""
        return tuple(sorted(self._errors, key=lambda error: error.line))


def shown(value: str) -> str:
    """Shorten a cell, and write bytes that are no text as what they are."""
    short = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    return short.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
