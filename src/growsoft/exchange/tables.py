"""Tables being written: CSV as text that every reader knows (RFC 4180, UTF-8), and sheets of XLSX workbooks."""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from io import TextIOWrapper
from typing import IO, Final, Protocol

from growsoft.exchange.columns import Cell, ExportRefused
from growsoft.exchange.sheets import FIRST_DAY, Sheet, Unfit, digits

_DIGITS: Final = 15  # of numbers that a sheet keeps exactly
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


class Writing(Protocol):
    """A table being written."""

    def write(self, cells: Sequence[Cell]) -> None:
        """Write a row. Raises ``ExportRefused`` when it does not fit."""
        ...

    def close(self) -> None:
        """Write the rest; the stream stays open."""
        ...

    def abandon(self) -> None:
        """End it as no whole table; the stream stays open."""
        ...


class CsvTable:
    """Rows of a CSV file. Moments say their offset, so that nobody has to know the zone."""

    def __init__(self, stream: IO[bytes], zone: tzinfo) -> None:
        """Write to a stream of bytes."""
        self._text = TextIOWrapper(stream, encoding="utf-8", newline="", write_through=False)
        self._writer = csv.writer(self._text)
        self._zone = zone

    def write(self, cells: Sequence[Cell]) -> None:
        """Write a row."""
        self._writer.writerow([_text_of(cell, self._zone) for cell in cells])

    def close(self) -> None:
        """Write what is still kept."""
        self._text.detach().flush()

    def abandon(self) -> None:
        """Let the stream go."""
        self._text.detach()


class SheetTable:
    """Rows of the one sheet of a workbook. Moments are those of the wall clock in ``zone``."""

    def __init__(self, stream: IO[bytes], zone: tzinfo) -> None:
        """Write to a stream of bytes."""
        self._sheet = Sheet(stream)
        self._zone = zone

    def write(self, cells: Sequence[Cell]) -> None:
        """Write a row."""
        try:
            self._sheet.write([None if cell is None else self._kept(cell) for cell in cells])
        except Unfit as error:
            raise ExportRefused(f"{error} Export to CSV.") from None

    def close(self) -> None:
        """Put the workbook together."""
        try:
            self._sheet.close()
        except Unfit as error:
            raise ExportRefused(f"{error} Export to CSV.") from None

    def abandon(self) -> None:
        """Leave it without a directory."""
        self._sheet.abandon()

    def _kept(self, cell: Cell) -> Cell:
        """Give what a sheet keeps as it is, and all else as text."""
        match cell:
            case str() | bool():
                return cell
            case int() | Decimal() if _is_kept(cell):
                return cell
            case datetime() if (local := self._on_the_wall(cell)) is not None:
                return local
            case date() if not isinstance(cell, datetime) and cell >= FIRST_DAY:
                return cell
            case _:
                return _text_of(cell, self._zone)

    def _on_the_wall(self, moment: datetime) -> datetime | None:
        """Give what a clock shows, if a moment can be told from that alone and a sheet keeps it exactly."""
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        sure = local.replace(tzinfo=self._zone).astimezone(UTC) == moment and not local.fold
        return local if sure and not local.microsecond and local.date() >= FIRST_DAY else None


@contextmanager
def table_of(kind: str, stream: IO[bytes], zone: tzinfo) -> Generator[Writing]:
    """Give a table of a kind, ``csv`` or ``xlsx``; it is whole when the ``with`` block ends without an error."""
    table: Writing = SheetTable(stream, zone) if kind == "xlsx" else CsvTable(stream, zone)
    try:
        yield table
        table.close()
    except BaseException:
        table.abandon()
        raise


def _text_of(cell: Cell, zone: tzinfo) -> str:
    match cell:
        case None:
            return ""
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case Decimal():
            return digits(cell)
        case datetime():
            return _moment(cell, zone)
        case _:
            return str(cell)


def _moment(moment: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    offset = local.utcoffset()
    # Long ago zones were off by seconds, which few readers know.
    exact = offset is not None and offset.seconds % 60 == 0
    return (local if exact else moment.astimezone(UTC)).isoformat(" ")


def _is_kept(number: int | Decimal) -> bool:
    text = digits(number)
    return _NUMBER.fullmatch(text) is not None and len(text.strip("-").replace(".", "").strip("0")) <= _DIGITS
