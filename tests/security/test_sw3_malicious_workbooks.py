"""Malicious workbooks are refused with a sentence, before they take memory: bombs, entities, grids without end."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent

import pytest

from growsoft.exchange.inspecting import MAX_CELLS, MAX_PARTS, MAX_UNPACKED
from growsoft.exchange.opening import open_table
from growsoft.exchange.report import FileRefused
from growsoft.exchange.workbook import MAX_FILE
from tests.support.workbooks import BOOK, NAMES, SMALL, TYPES, by_hand, leads, shared, sheet, workbook

SHEET = "xl/worksheets/sheet1.xml"
CELL = '<c r="{}" t="inlineStr"><is><t>x</t></is></c>'
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def _rows(addresses: Iterable[tuple[int, str]]) -> str:
    return "".join(f'<row r="{row}">{CELL.format(address)}</row>' for row, address in addresses)


FAR = sheet(_rows([(1, "A1"), (1048576, "XFD1048576")]))
TALL = sheet(_rows([(1, "A1"), (1, "Z1"), (1_000_000, "A1000000")]))
SHARED_BY_ALL = sheet(
    '<row r="1"><c t="s"><v>0</v></c></row>' + "<row>" + '<c t="s"><v>1</v></c>' * 3000 + "</row>",
)
BOMB = b"<worksheet>" + b" " * (MAX_UNPACKED + 1)

MALICIOUS: dict[str, tuple[bytes, str]] = {
    "bomb": (by_hand({SHEET: BOMB}), "unpacks to more than 256 MiB"),
    "bombs": (by_hand({f"xl/media/{i}.bin": bytes(1024 * 1024) for i in range(257)}), "unpacks to more than 256 MiB"),
    "parts": (by_hand({f"xl/{i}.bin": b"" for i in range(MAX_PARTS)}), "unpacks to more than 256 MiB"),
    "laughs": (by_hand({SHEET: LAUGHS + "]>" + SMALL.replace("Ann", "&i;")}), "declares entities"),
    "laughs in shared texts": (by_hand({"xl/sharedStrings.xml": LAUGHS + "]>" + shared("&i;")}), "declares entities"),
    "file of the machine": (
        by_hand({SHEET: '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + SMALL.replace("Ann", "&e;")}),
        "declares entities",
    ),
    "entity of nothing": (by_hand({SHEET: SMALL.replace("Ann", "&e;")}), "no proper XML"),
    "a cell far outside": (by_hand({SHEET: FAR}), f"spreads over more than {MAX_CELLS:,} cells"),
    "a tall sheet": (by_hand({SHEET: TALL}), f"spreads over more than {MAX_CELLS:,} cells"),
    "a cell that is none": (by_hand({SHEET: sheet(_rows([(1, "A1"), (2, "ZZZZ9")]))}), "is that of no cell"),
    "one text for all cells": (
        by_hand({SHEET: SHARED_BY_ALL, "xl/sharedStrings.xml": shared("name", "x" * 100_000)}),
        "share more text than can be taken in",
    ),
    "a text that is not there": (by_hand({SHEET: SMALL.replace('t="inlineStr"', 't="s"').replace(
        "<is><t>name</t></is>", "<v>7</v>")}), "names a text that the file does not have"),
    "sheet by another name": (
        by_hand({"xl/_rels/workbook.xml.rels": leads("worksheets/sheet1.dat"), "xl/worksheets/sheet1.dat": FAR}),
        "is a sheet under a wrong name",
    ),
    "another encoding": (
        by_hand({SHEET: ('<?xml version="1.0" encoding="UTF-16"?>' + SMALL).encode("utf-16")}), "written in UTF-16",
    ),
    "deep": (by_hand({SHEET: f"<worksheet {NAMES}>" + "<a>" * 200_000}), "no proper XML"),
    "no book": (by_hand({"xl/workbook.xml": "<x/>"})[:-40], "damaged, or no workbook"),
    "another kind": (by_hand({"content.xml": "<x/>"}), "no XLSX workbook"),
}  # fmt: skip

# What a reader of the list above may take: an import of an ordinary file takes as much.
MAX_MEMORY = 160 * 1024  # KiB
CHILD = """
    import json, sys
    from pathlib import Path

    from growsoft.exchange.opening import open_table
    from growsoft.exchange.report import FileRefused

    with open(sys.argv[1], "rb") as stream:
        try:
            rows = len(list(open_table(stream).rows()))
            said = f"{rows} rows"
        except FileRefused as refused:
            said = refused.errors[0].reason
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(json.dumps([said, int(status["VmHWM"].split()[0])]))
"""


@pytest.mark.parametrize("name", MALICIOUS)
def test_it_is_refused_with_a_sentence_and_within_bounded_memory(tmp_path: Path, name: str) -> None:
    content, words = MALICIOUS[name]
    assert len(content) < MAX_FILE
    path = tmp_path / "evil.xlsx"
    path.write_bytes(content)
    child = subprocess.run(
        [sys.executable, "-c", dedent(CHILD), str(path)], capture_output=True, check=True, timeout=120
    )
    said, memory = json.loads(child.stdout)
    assert words in said
    assert memory < MAX_MEMORY


def test_a_workbook_put_together_by_hand_can_be_read() -> None:
    """Without this the refusals above would prove nothing."""
    table = open_table(io.BytesIO(by_hand({})))
    assert (table.header, [row.cells for row in table.rows()]) == (("name",), [["Ann"]])
    both = by_hand({SHEET: SHARED_BY_ALL.replace("3000", "1"), "xl/sharedStrings.xml": shared("name", "Ann")})
    with pytest.raises(FileRefused, match="names a text"):
        open_table(io.BytesIO(by_hand({SHEET: SHARED_BY_ALL})))
    assert open_table(io.BytesIO(both)).header[0] == "name"


def test_a_part_that_is_longer_than_it_says_is_refused() -> None:
    file = by_hand({SHEET: sheet(_rows([(1, "A1"), *((i, f"A{i}") for i in range(2, 2000))]))})
    size = len(sheet(_rows([(1, "A1"), *((i, f"A{i}") for i in range(2, 2000))])))
    lying = file.replace(size.to_bytes(4, "little"), (300).to_bytes(4, "little"))
    assert lying != file
    with pytest.raises(FileRefused, match="damaged, or no workbook"):
        open_table(io.BytesIO(lying))


def test_a_part_that_goes_on_after_its_declared_end_is_refused_although_its_checksum_is_right() -> None:
    """The reader of spreadsheets would unpack all of it, whatever was inspected."""
    whole, said = sheet(_rows((i, f"A{i}") for i in range(1, 3000))), SMALL
    file = by_hand({SHEET: whole})
    lying = file
    for old, new in ((len(whole), len(said)), (zlib.crc32(whole.encode()), zlib.crc32(said.encode()))):
        assert lying.count(old.to_bytes(4, "little")) == 2  # beside the part, and in the directory
        lying = lying.replace(old.to_bytes(4, "little"), new.to_bytes(4, "little"))
    with pytest.raises(FileRefused, match="is longer than it says"):
        open_table(io.BytesIO(lying))


@pytest.mark.parametrize("after", [b"x", b"PK\x05\x06" + bytes(18)])
def test_a_file_with_anything_after_its_directory_is_refused(after: bytes) -> None:
    """Another directory there, and two readers would see two workbooks."""
    with pytest.raises(FileRefused, match="damaged, or no workbook"):
        open_table(io.BytesIO(by_hand({}) + after))
    with pytest.raises(FileRefused, match="its directory is not at its end"):
        open_table(io.BytesIO(b"PK\x03\x04" + by_hand({})))


def test_two_parts_of_one_name_are_refused() -> None:
    file = by_hand({"xl/worksheets/sheet2.xml": FAR})
    double = file.replace(b"xl/worksheets/sheet2.xml", b"xl/worksheets/SHEET1.xml")
    with pytest.raises(FileRefused, match="Two parts of the file have one name"):
        open_table(io.BytesIO(double))


def test_a_file_longer_than_any_workbook_is_not_kept() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1, /) -> bytes:
            first, self.given = self.given == 0, self.given + size
            assert self.given < 2 * MAX_FILE, "it goes on reading"
            return b"PK\x03\x04".ljust(size, b"\0") if first else bytes(size)

    with pytest.raises(FileRefused, match="at most 64 MiB"):
        open_table(Endless())  # type: ignore[arg-type]


def test_damage_anywhere_is_refused_and_never_raises_anything_else() -> None:
    """Whatever single byte is broken: either the table is read, or the file is refused."""
    file = workbook({"One": [["name", "price"], ["Ann", 1.5]]})
    for place in range(0, len(file), 37):
        broken = file[:place] + bytes([file[place] ^ 0xFF]) + file[place + 1 :]
        try:
            list(open_table(io.BytesIO(broken)).rows())
        except FileRefused as refused:
            assert refused.errors[0].reason  # noqa: PT017  it may also be read
    for end in range(4, len(file), 499):
        with pytest.raises(FileRefused):
            open_table(io.BytesIO(file[:end]))


def test_the_parts_used_above_are_those_of_a_workbook() -> None:
    assert {"One"} == {BOOK.split('name="')[1].split('"')[0]}
    assert "worksheet+xml" in TYPES
