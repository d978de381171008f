"""Tables: files as people save them, and files that something has damaged."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.exchange.report import FileRefused
from growsoft.exchange.table import MAX_CELL, MAX_LINE, Table

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=20)
HEADER = ["a", "b", "c"]


def _rows(content: bytes) -> list[tuple[int, list[str]]]:
    return [(row.line, row.cells) for row in Table(io.BytesIO(content)).rows()]


def _written(rows: Sequence[Sequence[str]], **form: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=form.get("end", "\r\n")).writerows([HEADER, *rows])
    return out.getvalue().encode()


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=10), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_a_csv_writer_wrote_is_read_back(rows: list[tuple[str, str, str]], end: str, mark: bool) -> None:
    content = (b"\xef\xbb\xbf" if mark else b"") + _written(rows, end=end)
    assert [tuple(cells) for _line, cells in _rows(content)] == rows


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=10))
def test_a_row_says_on_which_line_of_the_file_it_begins(rows: list[tuple[str, str, str]]) -> None:
    content = _written(rows, end="\n")
    lines = content.decode().split("\n")
    for line, cells in _rows(content):
        begins = next(csv.reader(io.StringIO("\n".join(lines[line - 1 :]), newline="")))
        assert begins == cells


def test_lines_are_counted_through_cells_of_several_lines_and_blank_lines() -> None:
    content = b'a,b\n1,"two\nlines\r\nand three"\n\n\n2,x\n'
    assert _rows(content) == [(2, ["1", "two\nlines\r\nand three"]), (7, ["2", "x"])]


def test_files_of_old_computers_have_carriage_returns() -> None:
    assert _rows(b"a,b\r1,2\r3,4\r") == [(2, ["1", "2"]), (3, ["3", "4"])]


def test_a_header_without_rows_is_a_table_and_its_names_lose_blanks() -> None:
    table = Table(io.BytesIO(b" a , b\n"))
    assert table.header == ("a", "b")
    assert list(table.rows()) == []


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"", 1, "The file is empty"),
        (b"\xef\xbb\xbf", 1, "The file is empty"),
        (b"\n\n\n", 1, "The file is empty"),
        ("a,b\n1,2\n".encode("utf-16-le"), 1, "NUL"),
        ("nom,café\n".encode("latin-1"), 1, "Byte 8 of line 1 is 0xE9, which is not UTF-8"),
        (b"a,b,a\n", 1, "The column a is there more than once"),
        (b'a,b\n1,"2\n3,4\n5,6\n', 2, "opens a cell here that is never closed"),
        (b'a,b\n1,2\n"3"x,4\n', 3, "goes on after its closing quotation mark"),
        (b"a,b\n1," + b"x" * (MAX_CELL + 1) + b"\n", 2, "more than 4 million characters"),
        (b"a,b\n1," + b"x" * MAX_LINE + b"\n", 2, "more than 16 million bytes"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_what_is_no_table_is_refused_with_line_and_reason(content: bytes, line: int, reason: str) -> None:
    with pytest.raises(FileRefused) as refused:
        _rows(content)
    assert refused.value.errors[0].line == line
    assert reason in refused.value.errors[0].reason


def test_every_double_column_is_named() -> None:
    with pytest.raises(FileRefused) as refused:
        Table(io.BytesIO(b"a,b,a,c,b,,,\n"))
    assert [error.column for error in refused.value.errors] == ["a", "b"]


def test_bytes_that_are_no_utf8_are_noted_with_the_row_and_reading_goes_on() -> None:
    content = b"a,b\n1,ok\n2,caf\xe9\n3,ok\n\xff\xfe,4\n"
    rows = list(Table(io.BytesIO(content)).rows())
    assert [row.damage and (row.damage.line, row.damage.position, row.damage.byte) for row in rows] == [
        None, (3, 6, 0xE9), None, (5, 1, 0xFF),
    ]  # fmt: skip


def test_a_large_file_is_read_in_little_memory() -> None:
    content = io.BytesIO(b"a,b\n" + b"some text,and some more\n" * 200_000)
    tracemalloc.start()
    rows = sum(1 for _row in Table(content).rows())
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 200_000
    assert peak < 500_000
