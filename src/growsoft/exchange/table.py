"""CSV files as tables: a header and rows with the lines they stand on, read in bounded memory (RFC 4180, UTF-8)."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from growsoft.exchange.dialect import separator_of
from growsoft.exchange.report import FileRefused, RowError

# Bytes of one line, characters of one cell: far beyond what anybody means, little enough for every machine.
MAX_LINE: Final = 16 * 1024 * 1024
MAX_CELL: Final = 4 * 1024 * 1024
_SAID: Final = re.compile(r"sep=(.)\r?\n?")  # a first line by which some spreadsheets name the separator
_REASONS: Final = {
    "unexpected end of data": "A quotation mark opens a cell here that is never closed.",
    "field larger": f"A cell holds more than {MAX_CELL // 1024 // 1024} million characters; a quotation mark may be"
    " missing.",
    "expected after": "A quoted cell goes on after its closing quotation mark; double the marks inside of it.",
}


class Lines(Protocol):
    """A file that is read line by line."""

    def readline(self, size: int = -1, /) -> bytes:
        """Read up to the end of a line, or so many bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Damage:
    """A byte that is no UTF-8: where it is (line and byte count from one), and what it is."""

    line: int
    position: int
    byte: int

    @property
    def reason(self) -> str:
        """What to do about it."""
        where = f"Byte {self.position} of line {self.line}"
        return f"{where} is 0x{self.byte:02X}, which is not UTF-8; save the file as UTF-8."


@dataclass(frozen=True, slots=True)
class TableRow:
    """The cells of a row, the line it begins on, and what is broken in it."""

    line: int
    cells: list[str]
    damage: Damage | None = None


class Table:
    """A CSV file being read: the header at once, rows as they are asked for. Raises ``FileRefused``."""

    def __init__(self, stream: Lines, separator: str = "") -> None:
        """Read the header. Without a separator, it says by what it is parted."""
        self._lines = _Lines(stream)
        csv.field_size_limit(MAX_CELL)
        self._reader = csv.reader(self._lines, strict=True, delimiter=separator or self._lines.separator())
        head = self._next()
        if head is None:
            raise _refused(1, "The file is empty; its first line must name the columns.")
        if head.damage is not None:
            raise _refused(head.damage.line, head.damage.reason)
        self.header = tuple(name.strip() for name in head.cells)
        refuse_doubles(self.header, head.line)

    def rows(self) -> Iterator[TableRow]:
        """Give the rows; blank lines are none."""
        while (row := self._next()) is not None:
            yield row

    def _next(self) -> TableRow | None:
        while True:
            line = self._lines.following
            try:
                cells = next(self._reader)
            except StopIteration:
                return None
            except csv.Error as error:
                raise _refused(line, _reason(str(error)) + " Nothing after it was read.") from None
            if cells:
                return TableRow(line, cells, self._lines.take_damage())


def refuse_doubles(header: Sequence[str], line: int) -> None:
    """Refuse a header that names a column twice. Raises ``FileRefused``."""
    if any("\0" in name for name in header):
        raise _refused(line, "The header holds NUL characters; save the file as UTF-8 text.")
    double = [name for name, count in Counter(header).items() if name and count > 1]
    if double:
        raise FileRefused(
            RowError(line, name, name, f"The column {name} is there more than once; rename one of them.")
            for name in double
        )


class _Lines:
    """The lines of a file as text. Bytes that are no UTF-8 are kept as lone surrogates, and noted."""

    def __init__(self, stream: Lines) -> None:
        self.number = 0
        self._stream = stream
        self._damage: Damage | None = None
        self._texts = self._read()
        self._ahead: str | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        ahead, self._ahead = self._ahead, None
        return next(self._texts) if ahead is None else ahead

    @property
    def following(self) -> int:
        """The number of the line that comes next."""
        return self.number + (self._ahead is None)

    def separator(self) -> str:
        """Look at the first line for what parts its cells; a line that only says that is taken away."""
        first = next((line for line in self._texts if line.strip()), None)
        if first is not None and (said := _SAID.fullmatch(first)):
            return said[1]
        self._ahead = first
        return separator_of(first or "")

    def take_damage(self) -> Damage | None:
        """Give what was broken since the last time, and forget it."""
        damage, self._damage = self._damage, None
        return damage

    def _read(self) -> Iterator[str]:
        while raw := self._stream.readline(MAX_LINE):
            if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
                raise _refused(self.number + 1, f"This line has more than {MAX_LINE // 1024 // 1024} million bytes.")
            start = raw.removeprefix(codecs.BOM_UTF8) if self.number == 0 else raw
            # Also a carriage return by itself ends a line; most lines have none.
            for line in start.splitlines(keepends=True) if b"\r" in start else (start,):
                self.number += 1
                yield self._text(line)

    def _text(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            if self._damage is None:
                self._damage = Damage(self.number, error.start + 1, line[error.start])
            return line.decode(errors="surrogateescape")


def _reason(message: str) -> str:
    return next((words for part, words in _REASONS.items() if part in message), f"This is no CSV: {message}.")


def _refused(line: int, reason: str) -> FileRefused:
    return FileRefused([RowError(line, "", "", reason)])
