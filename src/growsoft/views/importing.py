"""Importing as screens show it: the columns of a file with what stands in them, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of a file: its heading, examples of its cells, the field it fills, whether it tells records apart."""

    number: int
    heading: str
    examples: tuple[str, ...]
    path: str
    is_key: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row: its line in the file, the column and what stands there."""

    line: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a check or an import. While it runs, ``running`` says how far it is, in per cent."""

    dry: bool = True
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: tuple[Problem, ...] = ()
    more: bool = False
    running: int | None = None
    lines: str = ""
    failed: str = ""

    @property
    def changes(self) -> int:
        """How many records it touches."""
        return self.created + self.updated


class _Told(msgspec.Struct):
    """A report as it is kept."""

    dry: bool
    created: int
    updated: int
    unchanged: int
    errors: list[tuple[int, str, str, str]]
    more: bool


def outcome_of(report: object) -> Outcome | None:
    """Read a report as it is kept; nothing while there is none."""
    if report is None:
        return None
    told = msgspec.convert(report, _Told)
    problems = tuple(Problem(*one) for one in told.errors)
    return Outcome(told.dry, told.created, told.updated, told.unchanged, problems, told.more)
