"""Workbooks for tests: proper ones as XlsxWriter makes them, and ones put together by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

import xlsxwriter  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

NAMES = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
BOOK = (
    f'<workbook {NAMES} xmlns:r="{_RELATION}"><sheets><sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/></Types>'
)


START = (
    f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)


def leads(target: str = "worksheets/sheet1.xml") -> str:
    """Give the relations of the workbook: where its sheet is."""
    shared = f'<Relationship Id="rId2" Type="{_RELATION}/sharedStrings" Target="sharedStrings.xml"/>'
    sheet = f'<Relationship Id="rId1" Type="{_RELATION}/worksheet" Target="{target}"/>'
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{sheet}{shared}</Relationships>'


def sheet(rows: str) -> str:
    """Give the XML of a sheet with these rows."""
    return f"<worksheet {NAMES}><sheetData>{rows}</sheetData></worksheet>"


def shared(*texts: str) -> str:
    """Give the XML of shared texts."""
    return f"<sst {NAMES}>" + "".join(f"<si><t>{text}</t></si>" for text in texts) + "</sst>"


SMALL = sheet(
    '<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row>'
    '<row r="2"><c r="A2" t="inlineStr"><is><t>Ann</t></is></c></row>'
)


def by_hand(parts: Mapping[str, str | bytes], *, packed: bool = True) -> bytes:
    """Put a workbook together: ``parts`` come to those that every one has, or in their place."""
    whole: dict[str, str | bytes] = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": START,
        "xl/workbook.xml": BOOK,
        "xl/_rels/workbook.xml.rels": leads(),
        "xl/sharedStrings.xml": shared(),
        "xl/worksheets/sheet1.xml": SMALL,
        **parts,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in whole.items():
            archive.writestr(name, content)
    return out.getvalue()


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """Write a workbook as spreadsheets do: texts, numbers, yes and no, days and moments."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"})
    for name, rows in sheets.items():
        made = book.add_worksheet(name)  # pyright: ignore[reportUnknownMemberType]
        for place, row in enumerate(rows):
            made.write_row(place, 0, row)  # pyright: ignore[reportUnknownMemberType]
    book.close()
    return out.getvalue()
