"""Opening: a file as a table of rows, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Final, Protocol, cast

from growsoft.exchange.dialect import SEPARATORS, STANDARD, UTF_8, Dialect, Recoded, encoding_said_by
from growsoft.exchange.report import FileRefused, RowError
from growsoft.exchange.table import Table, TableRow
from growsoft.exchange.workbook import MAX_FILE, Workbook

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_KEPT: Final = 1024 * 1024  # bytes of a stream that are kept in memory before they go to a temporary file


class Rows(Protocol):
    """A table being read: its columns, and rows as they are asked for. Raises ``FileRefused``."""

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns."""
        ...

    def rows(self) -> Iterator[TableRow]:
        """Give the rows; blank ones are none."""
        ...


def open_table(stream: IO[bytes], dialect: Dialect = STANDARD) -> Rows:
    """Read the header of a CSV file or of a sheet of an XLSX file (the first one). Raises ``FileRefused``.

    What the file is, its first bytes say, whatever it is called. CSV is read as a stream of any length.
    """
    first = stream.read(len(_OLE))
    if first.startswith(_ZIP):
        with _temporary() as copy:
            _copy(first, stream, copy)
            return Workbook(copy).table(dialect.sheet, dialect.notation.decimal)
    if first == _OLE:
        reason = "This is a workbook of an old or protected kind; save it as .xlsx without a password, or as CSV."
        raise FileRefused([RowError(1, "", "", reason)])
    encoding = encoding_said_by(first) or dialect.encoding or UTF_8
    lines = _Again(first, stream) if encoding == UTF_8 else Recoded(first, stream, encoding)
    return Table(lines, SEPARATORS.get(dialect.separator, ""))


def _temporary() -> IO[bytes]:
    return cast("IO[bytes]", SpooledTemporaryFile(_KEPT))


def _copy(first: bytes, stream: IO[bytes], copy: IO[bytes]) -> None:
    """Copy a file to where it can be read in any order. Raises ``FileRefused`` for a huge one."""
    copy.write(first)
    while part := stream.read(_KEPT):
        copy.write(part)
        if copy.tell() > MAX_FILE:
            reason = (
                f"A workbook has at most {MAX_FILE // 1024 // 1024} MiB; save it as CSV, which may be of any length."
            )
            raise FileRefused([RowError(1, "", "", reason)])
    copy.seek(0)


class _Again:
    """A stream whose first bytes, fewer than any line may have, were read already."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self._first = first
        self._rest = rest

    def readline(self, size: int = -1, /) -> bytes:
        if not self._first:
            return self._rest.readline(size)
        line, sign, self._first = self._first.partition(b"\n")
        return line + sign if sign else line + self._rest.readline(size - len(line) if size >= 0 else size)
