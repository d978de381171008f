"""Sheets: what is written is read back, also through a pipe, and what was not finished is a workbook to nobody."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from typing import IO, cast

import pytest

from growsoft.exchange import sheets
from growsoft.exchange.opening import open_table
from growsoft.exchange.report import FileRefused
from growsoft.exchange.sheets import Sheet, Unfit


class Pipe(io.RawIOBase):
    """Takes bytes one after the other, and cannot go back."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        part = bytes(memoryview(data))  # type: ignore[arg-type]
        self.taken += part
        return len(part)


def rows_of(file: bytes) -> list[list[str]]:
    opened = open_table(io.BytesIO(file))
    return [list(opened.header), *(row.cells for row in opened.rows())]


def test_every_kind_of_cell_comes_back_through_a_pipe() -> None:
    pipe = Pipe()
    sheet = Sheet(cast("IO[bytes]", pipe))
    sheet.write(["a", "b", "c", "d", "e", "f"])
    sheet.write([True, 0, Decimal("-12.500"), date(2026, 2, 28), datetime(2026, 2, 28, 23, 59, 59), "<&>\x00\r_x0041_"])  # noqa: DTZ001
    sheet.write([None, 3, None, None, None, " \n"])
    sheet.close()
    assert rows_of(bytes(pipe.taken))[1:] == [
        ["1", "0", "-12.5", "2026-02-28", "2026-02-28 23:59:59", "<&>\x00\r_x0041_"],
        ["", "3", "", "", "", " \n"],
    ]
    assert zipfile.ZipFile(io.BytesIO(bytes(pipe.taken))).testzip() is None


def test_columns_beyond_z_have_names_of_several_letters() -> None:
    out = io.BytesIO()
    sheet = Sheet(out)
    header = [f"c{n}" for n in range(703)]
    sheet.write(header)
    sheet.write([None] * 702 + ["here"])
    sheet.close()
    assert rows_of(out.getvalue())[1][-1] == "here"
    with zipfile.ZipFile(out) as book:
        assert b'r="AAA2"' in book.read("xl/worksheets/sheet1.xml")


def test_what_was_abandoned_is_a_workbook_to_nobody() -> None:
    out = io.BytesIO()
    sheet = Sheet(out)
    sheet.write(["secret"])
    sheet.abandon()
    assert not zipfile.is_zipfile(out)
    with pytest.raises(FileRefused):
        open_table(io.BytesIO(out.getvalue()))


def test_a_sheet_that_would_grow_beyond_what_readers_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_SIZE", 100_000)
    sheet = Sheet(io.BytesIO())
    for _ in range(2):
        sheet.write(["x" * 32_000])
    with pytest.raises(Unfit, match="cannot hold so much"):
        sheet.write(["x" * 32_000] * 3)
    sheet.abandon()


def test_a_column_too_many_is_refused() -> None:
    sheet = Sheet(io.BytesIO())
    with pytest.raises(Unfit, match="16,384 columns"):
        sheet.write(["x"] * 16_385)
    sheet.abandon()
