"""Escaping: cells that a spreadsheet would run as formulas are made harmless, and come back as they were.

A text that begins with a sign of formulas (OWASP, CSV injection) gets an apostrophe in front, which spreadsheets know
as the mark of text; so do the few texts that would otherwise come back as something else. The apostrophe alone says
that a field was empty on purpose: an empty cell would leave a new record the default of the field.
"""

from __future__ import annotations

from typing import Final

MARK: Final = "'"
SIGNS: Final = frozenset(
    "=+-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)


def harmless(text: str, *, emptied: bool = False) -> str:
    """Write a text into a cell; ``emptied`` is for a text that is empty although its field has a default."""
    if not text:
        return MARK if emptied else ""
    return MARK + text if text[0] in SIGNS or text.isspace() or _is_marked(text) else text


def plain(cell: str) -> str:
    """Read what ``harmless`` wrote; any other cell as it is."""
    return cell[1:] if _is_marked(cell) else cell


def _is_marked(text: str) -> bool:
    if not text.startswith(MARK):
        return False
    rest = text[1:]
    return not rest or rest[0] in SIGNS or rest.isspace() or _is_marked(rest)
