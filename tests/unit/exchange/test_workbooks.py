"""Workbooks are tables: cells come as the text that a CSV file would have, lines as people count rows."""

from __future__ import annotations

import io
from datetime import date, datetime

import pytest

from growsoft.exchange.dialect import Dialect
from growsoft.exchange.opening import open_table
from growsoft.exchange.report import FileRefused
from growsoft.exchange.table import TableRow
from tests.support.workbooks import by_hand, sheet, workbook

ROWS: list[list[object]] = [["name", "price"], ["Ann", 1.5], [], ["Bob", 2]]


def _rows(file: bytes, sheet_name: str = "") -> tuple[tuple[str, ...], list[TableRow]]:
    table = open_table(io.BytesIO(file), Dialect(sheet_name))
    return table.header, list(table.rows())


def test_the_first_sheet_is_read_with_the_numbers_of_its_rows() -> None:
    header, rows = _rows(workbook({"One": ROWS, "Two": [["other"]]}))
    assert header == ("name", "price")
    assert rows == [TableRow(2, ["Ann", "1.5"]), TableRow(4, ["Bob", "2"])]


def test_a_sheet_is_chosen_by_its_name() -> None:
    assert _rows(workbook({"One": ROWS, "Two": [["other"], ["x"]]}), "Two") == (("other",), [TableRow(2, ["x"])])
    with pytest.raises(FileRefused, match=r"has no sheet 'Three'; it has: One, Two"):
        _rows(workbook({"One": ROWS, "Two": []}), "Three")


def test_a_table_that_begins_further_down_keeps_its_row_numbers() -> None:
    header, rows = _rows(workbook({"One": [[], [], ["name"], ["Ann"]]}))
    assert (header, rows) == (("name",), [TableRow(4, ["Ann"])])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.1, "1.1"),
        (0.1 + 0.2, "0.3"),
        (1e15, "1000000000000000.0"),
        (1e300, "1e+300"),
        (-3, "-3"),
        (True, "1"),
        (False, "0"),
        ("0049", "0049"),
        ("  two  ", "  two  "),
        (date(2026, 12, 31), "2026-12-31"),
        (datetime(2026, 12, 31, 18, 30), "2026-12-31 18:30:00"),  # noqa: DTZ001  sheets have no zones
    ],
)
def test_a_cell_is_the_text_that_a_csv_file_would_have(value: object, text: str) -> None:
    _header, rows = _rows(workbook({"One": [["kind", "cell"], ["x", value]]}))
    assert rows[0].cells == ["x", text]


def test_the_result_of_a_formula_is_taken_not_the_formula() -> None:
    cells = '<row r="1"><c r="A1" t="str"><v>name</v></c></row><row r="2"><c r="A2"><f>1+1</f><v>2</v></c></row>'
    assert _rows(by_hand({"xl/worksheets/sheet1.xml": sheet(cells)}))[1] == [TableRow(2, ["2"])]


def test_an_empty_sheet_and_double_columns_are_refused() -> None:
    with pytest.raises(FileRefused, match="The sheet is empty"):
        _rows(workbook({"One": []}))
    with pytest.raises(FileRefused, match="The column name is there more than once"):
        _rows(workbook({"One": [["name", "name"], ["a", "b"]]}))


def test_what_a_file_is_its_first_bytes_say() -> None:
    assert _rows(b"name\nAnn\n") == (("name",), [TableRow(2, ["Ann"])])
    assert _rows(b"a\n") == (("a",), [])
    with pytest.raises(FileRefused, match="old or protected kind"):
        _rows(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))
