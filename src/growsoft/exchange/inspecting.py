"""Inspecting: whether a workbook can be opened in bounded memory, found out before anything of it is taken apart.

A reader of spreadsheets makes a grid out of what a file claims: a cell at the end of the sheet, a text that a million
cells share, entities within entities, parts that unpack to a thousand times their size. So all of its XML is read once
as a stream, and counted.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from typing import IO, Final
from xml.parsers import expat  # nosemgrep: growsoft-xml-parser - read in bounded parts, and every doctype is refused

from growsoft.exchange.archives import Archive, Damaged

MAX_UNPACKED: Final = 256 * 1024 * 1024  # bytes of all parts together
MAX_PARTS: Final = 2000
MAX_CELLS: Final = 4_000_000  # of the smallest rectangle that holds all cells of a sheet
MAX_TEXT: Final = 256 * 1024 * 1024  # characters of all cells together, shared texts counted for each cell
_ADDRESS: Final = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})", re.ASCII)
_INDEX: Final = re.compile(r"\s*[0-9]{1,9}\s*", re.ASCII)
_BOOK: Final = "xl/workbook.xml"
# What would make a reader take the file for a workbook of another kind.
_SHEET: Final = b"sheetData"  # the element without which nothing is read as a sheet
_OTHER_KINDS: Final = frozenset(("content.xml", "xl/workbook.bin"))


class Unfit(Exception):
    """This file cannot be opened as a workbook; the message says why, and what to do."""


def inspect(stream: IO[bytes]) -> None:
    """Read all of a workbook once. Raises ``Unfit``; leaves the stream at its beginning."""
    try:
        _inspect(Archive(stream))
    except Damaged as error:
        raise Unfit(f"The file is damaged, or no workbook ({str(error)[:100]}); save it again as .xlsx.") from None
    stream.seek(0)


def _inspect(archive: Archive) -> None:
    parts = archive.parts
    names = [part.filename.lower() for part in parts]
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise Unfit(
            f"The file unpacks to more than {MAX_UNPACKED // 1024 // 1024} MiB; save it as CSV, which may be of any"
            " length."
        )
    if len(set(names)) < len(names) or any("\\" in name or name.startswith("/") for name in names):
        raise Unfit("Two parts of the file have one name; save it again as .xlsx.")
    if _BOOK not in names or not _OTHER_KINDS.isdisjoint(names):
        raise Unfit("This is no XLSX workbook; save it as .xlsx, or as CSV.")
    # Shared texts first: sheets name them by their numbers.
    shared = _Shared()
    for part in sorted(parts, key=lambda part: "sharedstrings" not in part.filename.lower()):
        if part.filename.lower().endswith((".xml", ".rels", ".vml")):
            _Part(shared).read(archive, part)
        else:
            _refuse_sheet(archive, part)


@dataclass(slots=True)
class _Shared:
    """The lengths of the texts that cells share, and how much text all cells have so far."""

    lengths: list[int] = field(default_factory=list[int])
    table: bool = False
    text: int = 0

    def use(self, number: str) -> None:
        index = int(number) if _INDEX.fullmatch(number) else -1
        if not 0 <= index < len(self.lengths):
            raise Unfit("A cell names a text that the file does not have; save it again as .xlsx.")
        self.text += self.lengths[index]
        if self.text > MAX_TEXT:
            raise Unfit("The cells of this file share more text than can be taken in; save it as CSV.")


class _Part:
    """Reads one XML part and measures the sheet that is in it."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self._row = self._column = 0
        self._rows: tuple[int, int] | None = None
        self._columns = (0, 0)
        self._cells = 0
        self._names_shared = False
        self._said: list[str] | None = None

    def read(self, archive: Archive, part: zipfile.ZipInfo) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.XmlDeclHandler = _declared
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            for chunk in archive.chunks(part):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise Unfit(f"{part.filename[:80]} is no proper XML ({error}); save the file again as .xlsx.") from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "row":
                self._row = _number(attributes.get("r", "")) or self._row + 1
                self._column = 0
            case "c":
                self._cell(attributes)
            case "v" if self._names_shared:
                self._said = []
            case "sst":
                if self._shared.table:
                    raise Unfit("The file has two tables of shared texts; save it again as .xlsx.")
                self._shared.table = True
            case "si":
                self._shared.lengths.append(0)
            case "t" if self._shared.lengths:
                self._said = []
            case _:
                pass

    def _end(self, name: str) -> None:
        said, self._said = self._said, None
        if said is None:
            return
        match name.rpartition(":")[2]:
            case "v" if self._names_shared:
                self._shared.use("".join(said))
            case "t":
                self._shared.lengths[-1] += sum(map(len, said))
            case _:
                pass

    def _text(self, text: str) -> None:
        if self._said is not None:
            self._said.append(text)

    def _cell(self, attributes: dict[str, str]) -> None:
        row, column = self._address(attributes.get("r", ""))
        self._row, self._column, self._names_shared = row, column, attributes.get("t") == "s"
        self._cells += 1
        first, last = self._rows or (row, row)
        left, right = self._columns if self._rows else (column, column)
        self._rows, self._columns = (min(first, row), max(last, row)), (min(left, column), max(right, column))
        area = (self._rows[1] - self._rows[0] + 1) * (self._columns[1] - self._columns[0] + 1)
        if area > MAX_CELLS or self._cells > MAX_CELLS:
            raise Unfit(
                f"A sheet of this file spreads over more than {MAX_CELLS:,} cells; delete what is far outside of the"
                " table, or save it as CSV."
            )

    def _address(self, text: str) -> tuple[int, int]:
        if not text:
            return max(self._row, 1), self._column + 1
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise Unfit(f"The address {text[:20]!r} is that of no cell; save the file again as .xlsx.")
        column = 0
        for letter in found[1].upper():
            column = column * 26 + ord(letter) - ord("A") + 1
        return max(int(found[2]), 1), column


def _refuse_sheet(archive: Archive, part: zipfile.ZipInfo) -> None:
    """Look through a part that is not called XML: the workbook might call it a sheet all the same."""
    before = b""
    for chunk in archive.chunks(part):
        if _SHEET in before + chunk:
            raise Unfit(f"{part.filename[:80]} is a sheet under a wrong name; save the file again as .xlsx.")
        before = chunk[-len(_SHEET) :]


def _number(text: str) -> int:
    return int(text) if _INDEX.fullmatch(text) else 0


def _declared(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
        raise Unfit(f"A part of the file is written in {encoding[:20]}; save it again as .xlsx.")


def _refuse_doctype(*_given: object) -> None:
    raise Unfit("The file declares entities, which no workbook needs; save it again as .xlsx.")
