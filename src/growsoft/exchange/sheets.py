"""Sheets: an XLSX workbook of one sheet (ECMA-376), written row by row into a stream that need not be seekable.

Nothing is kept back and nothing lies in a temporary file, where somebody's records would be readable to others.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
MAX_TEXT: Final = 32_767  # UTF-16 units of a cell
MAX_SIZE: Final = 2**31 - 1  # bytes of the sheet's XML: more needs extensions of ZIP that not every reader has
FIRST_DAY: Final = date(1900, 3, 1)  # before it sheets count a day that never was
_DAY_ZERO: Final = date(1899, 12, 30)
_MOMENT_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001  the clock on a wall
_SECONDS: Final = 86_400
_LEVEL: Final = 4  # of deflate: half the time of the usual 6, a tenth more bytes
_KEPT: Final = 64 * 1024  # characters that are packed at once

_NAMES: Final = "http://schemas.openxmlformats.org"
_MAIN: Final = f"{_NAMES}/spreadsheetml/2006/main"
_LINKS: Final = f"{_NAMES}/officeDocument/2006/relationships"
_PACKAGE: Final = f"{_NAMES}/package/2006"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PARTS: Final = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}">'
    '<sheets><sheet name="Data" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_LINKS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_LINKS}/styles" Target="styles.xml"/></Relationships>',
    # The formats of cells, by number: 0 plain, 1 a day, 2 a moment, 3 a heading.
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}  # fmt: skip
_SHEET: Final = (
    f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)
_SHEET_END: Final = "</sheetData></worksheet>"

_MARKUP: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# What XML does not have or does not keep; and texts that readers would take for such an escape (ECMA-376, ST_Xstring).
_ESCAPED: Final = re.compile("[\x00-\x08\x0b-\x1f]|_(?=x[0-9A-Fa-f]{4}_)")
_NO_TEXT: Final = re.compile("[\ufffe\uffff]")


class Unfit(Exception):
    """A sheet has no place for this; the message says why."""


class Sheet:
    """The sheet of a new workbook: rows of texts, yes and no, numbers, days, moments of a clock, and nothing."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Write all parts but the sheet, and begin that."""
        self._outlet = _Outlet(stream)
        self._book = zipfile.ZipFile(self._outlet, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        for name, text in _PARTS.items():
            self._book.writestr(name, _HEAD + text)
        self._part = self._book.open("xl/worksheets/sheet1.xml", "w")
        self._kept: list[str] = [_HEAD, _SHEET]
        self._length = 0
        self._size = 0
        self._rows = 0
        self._letters: list[str] = []

    def write(self, cells: Iterable[object]) -> None:
        """Write a row. Raises ``Unfit``."""
        if self._rows == MAX_ROWS:
            raise Unfit(f"A sheet has at most {MAX_ROWS:,} rows.")
        self._rows += 1
        row = "".join(self._cell(place, cell) for place, cell in enumerate(cells) if cell is not None)
        self._keep(f'<row r="{self._rows}">{row}</row>')

    def close(self) -> None:
        """Write the end and the directory; the stream stays open."""
        self._keep(_SHEET_END)
        self._pack()
        self._part.close()
        self._book.close()

    def abandon(self) -> None:
        """Write nothing more: what is in the stream then has no directory, and is a workbook to no reader."""
        self._outlet.shut = True
        self._part.close()
        self._book.close()

    def _keep(self, text: str) -> None:
        self._kept.append(text)
        self._length += len(text)
        if self._length >= _KEPT:
            self._pack()

    def _pack(self) -> None:
        data = "".join(self._kept).encode()
        self._kept.clear()
        self._length = 0
        self._size += len(data)
        if self._size > MAX_SIZE:
            raise Unfit("A workbook cannot hold so much.")
        self._part.write(data)

    def _cell(self, place: int, cell: object) -> str:
        address = f"{self._letter(place)}{self._rows}"
        match cell:
            case bool():
                return f'<c r="{address}" t="b"><v>{int(cell)}</v></c>'
            case str():
                style = ' s="3"' if self._rows == 1 else ""
                return f'<c r="{address}"{style} t="inlineStr"><is><t xml:space="preserve">{_text(cell)}</t></is></c>'
            case int() | Decimal():
                return f'<c r="{address}"><v>{digits(cell)}</v></c>'
            case datetime():
                since = cell - _MOMENT_ZERO
                return f'<c r="{address}" s="2"><v>{since.days + since.seconds / _SECONDS!r}</v></c>'
            case date():
                return f'<c r="{address}" s="1"><v>{(cell - _DAY_ZERO).days}</v></c>'
            case _:
                raise TypeError(f"no cell: {cell!r}")

    def _letter(self, place: int) -> str:
        if place >= MAX_COLUMNS:
            raise Unfit(f"A sheet has at most {MAX_COLUMNS:,} columns.")
        while len(self._letters) <= place:
            self._letters.append(_letters(len(self._letters)))
        return self._letters[place]


def digits(number: int | Decimal) -> str:
    """Write a number without an exponent, and without zeros after it that say nothing."""
    text = f"{number:f}" if isinstance(number, Decimal) else str(number)
    return text.rstrip("0").rstrip(".") if "." in text else text


class _Outlet(io.RawIOBase):
    """Where the bytes go, in their order; nowhere once it is shut."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.shut = False
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        return len(memoryview(data)) if self.shut else self._stream.write(data)


def _letters(place: int) -> str:
    """Name a column: A to Z, AA to ZZ, AAA."""
    name, left = "", place + 1
    while left:
        left, letter = divmod(left - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _text(text: str) -> str:
    if len(text) > MAX_TEXT // 2 and len(text.encode("utf-16-le")) // 2 > MAX_TEXT:
        raise Unfit(f"A cell of a sheet holds at most {MAX_TEXT:,} characters.")
    if _NO_TEXT.search(text):
        raise Unfit("A text has a character that no workbook can hold.")
    return _ESCAPED.sub(_escape, text).translate(_MARKUP)


def _escape(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"
