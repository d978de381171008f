"""Workbooks: a sheet of an XLSX file as a table, its cells as the text that a CSV file would have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import IO, Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from growsoft.exchange.inspecting import Unfit, inspect
from growsoft.exchange.report import FileRefused, RowError
from growsoft.exchange.table import TableRow, refuse_doubles

MAX_FILE: Final = 64 * 1024 * 1024  # bytes, packed


class Workbook:
    """An XLSX file that was found to be fit. Raises ``FileRefused``."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Inspect it, then open it; afterwards the stream is not needed any more."""
        try:
            inspect(stream)
            self._book = CalamineWorkbook.from_filelike(stream)
        except (Unfit, CalamineError) as error:
            raise _refused(1, str(error)) from None

    def table(self, sheet: str = "", decimal: str = ".") -> SheetTable:
        """Give a sheet by its name, or the first one; ``decimal`` is the sign that its numbers are to have."""
        names = self._book.sheet_names
        if not names or (sheet and sheet not in names):
            raise _refused(1, f"The file has no sheet {sheet!r}; it has: {', '.join(names) or 'none'}.")
        try:
            return SheetTable(self._book.get_sheet_by_name(sheet or names[0]), decimal)
        except CalamineError as error:
            raise _refused(1, f"The sheet cannot be read ({error}); save the file again as .xlsx.") from None


class SheetTable:
    """A sheet being read: its first row that is not empty names the columns."""

    def __init__(self, sheet: CalamineSheet, decimal: str = ".") -> None:
        """Read the header."""
        self._decimal = decimal
        self._rows = enumerate(sheet.iter_rows(), 1)
        head = next(self._numbered(), None)
        if head is None:
            raise _refused(1, "The sheet is empty; its first row must name the columns.")
        self.header = tuple(name.strip() for name in head.cells)
        refuse_doubles(self.header, head.line)

    def rows(self) -> Iterator[TableRow]:
        """Give the rows; those without any value are none."""
        return self._numbered()

    def _numbered(self) -> Iterator[TableRow]:
        for line, values in self._rows:
            cells = [text_of(value, self._decimal) for value in values]
            if any(cells):
                yield TableRow(line, cells)


def text_of(value: object, decimal: str = ".") -> str:
    """Write what a cell holds as a CSV file would have it; numbers with as few digits as tell them apart."""
    match value:
        case str():
            return value
        case bool():
            return "1" if value else "0"
        case float() if value.is_integer() and abs(value) < 10**15:
            return str(int(value))
        case float():
            return repr(value).replace(".", decimal)
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case None:
            return ""
        case _:
            return str(value)


def _refused(line: int, reason: str) -> FileRefused:
    return FileRefused([RowError(line, "", "", reason)])
