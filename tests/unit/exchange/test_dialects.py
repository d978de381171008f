"""Dialects: files as other programs write them, in other encodings, with other separators, numbers and days."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from growsoft.exchange.dialect import ENCODINGS, Dialect, NoDialect
from growsoft.exchange.opening import open_table
from growsoft.exchange.report import FileRefused
from growsoft.orm import cells
from growsoft.orm.cells import NotReadable
from growsoft.orm.notation import Notation
from tests.support.workbooks import workbook

COMMA = Notation(",")


def table(file: bytes, dialect: Dialect | None = None) -> list[list[str]]:
    opened = open_table(io.BytesIO(file), dialect or Dialect())
    return [list(opened.header), *(row.cells for row in opened.rows())]


@pytest.mark.parametrize(
    "text",
    [
        "name;city\nM\u00fcller;K\u00f6ln, Rhein\n",
        "name\tcity\nM\u00fcller\tK\u00f6ln, Rhein\n",
        "name|city\nM\u00fcller|K\u00f6ln, Rhein\n",
        'name,city\nM\u00fcller,"K\u00f6ln, Rhein"\n',
        'name;"city"\nM\u00fcller;"K\u00f6ln, Rhein"\n',
        "sep=;\nname;city\nM\u00fcller;K\u00f6ln, Rhein\n",
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_header_says_what_parts_the_cells(text: str, mark: bytes) -> None:
    assert table(mark + text.encode()) == [["name", "city"], ["M\u00fcller", "K\u00f6ln, Rhein"]]


def test_signs_within_quotation_marks_part_nothing() -> None:
    assert table(b'"a;b;c",d\n1,2\n') == [["a;b;c", "d"], ["1", "2"]]


def test_whoever_knows_better_says_what_parts_the_cells() -> None:
    assert table(b"a;b,c;d\n1;2,3;4\n", Dialect(separator="comma")) == [["a;b", "c;d"], ["1;2", "3;4"]]


def test_lines_are_counted_with_the_one_that_names_the_separator() -> None:
    opened = open_table(io.BytesIO(b"sep=;\na;b\n1;2\n"))
    assert [row.line for row in opened.rows()] == [3]


@pytest.mark.parametrize("encoding", sorted(set(ENCODINGS) - {"windows-1250", "windows-1251"}))
def test_files_in_other_encodings_are_read_as_what_they_are(encoding: str) -> None:
    text = 'name,note\r\nM\u00fcller,"two\r\nlines"\r\nAm\u00e9lie,\r\n'
    rows = [["name", "note"], ["M\u00fcller", "two\r\nlines"], ["Am\u00e9lie", ""]]
    assert table(text.encode(ENCODINGS[encoding]), Dialect(encoding=encoding)) == rows


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_mark_says_the_encoding(encoding: str) -> None:
    text = "name\tcity\nM\u00fcller\tK\u00f6ln\n"
    assert (
        table((text if encoding in ("utf-16", "utf-32") else "\ufeff" + text).encode(encoding))[1][0] == "M\u00fcller"
    )


@pytest.mark.parametrize(
    ("file", "dialect"),
    [
        (b"name\n\x81\n", Dialect(encoding="windows-1252")),
        ("\ufeffname\nx\n".encode("utf-16-le") + b"x", Dialect()),
        ("\ufeffname\n".encode("utf-16-le") + b"\x00\xd8\x00\x00", Dialect()),
    ],
)
def test_a_file_that_is_not_in_its_encoding_is_refused(file: bytes, dialect: Dialect) -> None:
    with pytest.raises(FileRefused, match=r"not in (WINDOWS-1252|UTF-16); choose another"):
        table(file, dialect)


def test_there_are_no_other_encodings_and_separators() -> None:
    for encoding in ("utf-7", "rot13", "idna"):
        with pytest.raises(NoDialect, match="there is: "):
            Dialect(encoding=encoding)
    with pytest.raises(NoDialect, match="there is: "):
        Dialect(separator="x")


@pytest.mark.parametrize(
    ("text", "notation", "value"),
    [
        ("1.234,5", COMMA, "1234.5"),
        ("1 234 567,5", COMMA, "1234567.5"),
        ("1\u202f234,5", COMMA, "1234.5"),
        ("-,5", COMMA, "-0.5"),
        ("1.234", COMMA, "1234"),
        ("12", COMMA, "12"),
        ("1'234'567,5", COMMA, "1234567.5"),
        ("12.5", Notation(), "12.5"),
    ],
)
def test_numbers_are_read_as_they_are_written(text: str, notation: Notation, value: str) -> None:
    assert cells.number(text, notation) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "notation"),
    [
        ("1,5", Notation()),
        ("1,234", Notation()),
        ("12.5", COMMA),
        ("1.23", COMMA),
        ("1,2,3", COMMA),
        ("1.2345,6", COMMA),
    ],
)
def test_numbers_that_could_be_two_are_not_guessed(text: str, notation: Notation) -> None:
    with pytest.raises(NotReadable):
        cells.number(text, notation)


@pytest.mark.parametrize(
    ("text", "dates", "value"),
    [
        ("31.12.2026", "", date(2026, 12, 31)),
        ("1.2.2026", "", date(2026, 2, 1)),
        ("31/12/2026", "dmy", date(2026, 12, 31)),
        ("3-4-2026", "dmy", date(2026, 4, 3)),
        ("3/4/2026", "mdy", date(2026, 3, 4)),
        ("1.2.2026", "mdy", date(2026, 2, 1)),
        ("2026-12-31", "mdy", date(2026, 12, 31)),
    ],
)
def test_days_are_read_as_they_are_written(text: str, dates: str, value: date) -> None:
    assert cells.day(text, Notation(dates=dates)) == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("3/4/2026", ""),
        ("31/12/2026", "mdy"),
        ("32.1.2026", ""),
        ("31.12.26", ""),
        ("1/2.2026", "dmy"),
        ("0.1.2026", ""),
    ],
)
def test_days_that_could_be_two_or_none_are_not_guessed(text: str, dates: str) -> None:
    with pytest.raises(NotReadable):
        cells.day(text, Notation(dates=dates))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "dates", "hour"),
    [("31.12.2026 18:30", "", 18), ("12/31/2026 6:30 PM", "mdy", 18), ("12/31/2026, 12:30:05 am", "mdy", 0),
     ("31/12/2026 7:30", "dmy", 7)],
)  # fmt: skip
def test_moments_are_read_as_they_are_written(text: str, dates: str, hour: int) -> None:
    found = cells.moment(text, UTC, Notation(dates=dates))  # type: ignore[arg-type]
    assert (found.date(), found.hour, found.minute) == (date(2026, 12, 31), hour, 30)


def test_an_hour_that_no_half_day_has_is_refused() -> None:
    with pytest.raises(NotReadable, match="1 to 12"):
        cells.moment("12/31/2026 13:30 PM", UTC, Notation(dates="mdy"))


def test_numbers_of_a_sheet_are_what_they_are_whatever_sign_texts_have() -> None:
    file = workbook({"One": [["price", "day"], [1.234, datetime(2026, 3, 4)], ["1.234,5", "4.3.2026"]]})  # noqa: DTZ001
    rows = table(file, Dialect(notation=COMMA))[1:]
    assert [cells.number(row[0], COMMA) for row in rows] == [Decimal("1.234"), Decimal("1234.5")]
    assert {cells.day(row[1], COMMA) for row in rows} == {date(2026, 3, 4)}
