"""What a command prints: JSON when asked, a table on a terminal, tab-separated values in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from growsoft.cli.terminal import printable

GAP: Final = "  "


def print_json(value: object) -> None:
    """Print one JSON document, indented for people and stable for programs."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain), indent=2).decode() + "\n")


def _plain(value: object) -> object:
    """Write sentences that can be said in other languages as the text they are."""
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} is nothing that JSON has")


def print_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows: a JSON array, a table, or TSV without a heading."""
    if as_json:
        print_json([dict(row) for row in rows])
        return
    lines = [[cell(row.get(column)) for column in columns] for row in rows]
    if not sys.stdout.isatty():
        sys.stdout.writelines("\t".join(line) + "\n" for line in lines)
        return
    heading = [column.replace("_", " ").upper() for column in columns]
    widths = [max(len(line[i]) for line in [heading, *lines]) for i in range(len(columns))]
    for line in [heading, *lines]:
        sys.stdout.write(GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")


def cell(value: object) -> str:
    """Write a value on one line. What customers typed may not steer the operator's terminal."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%SZ}"
        case list() | tuple():
            return ",".join(map(cell, value))  # pyright: ignore[reportUnknownArgumentType] - any value can be shown
        case _:
            return printable(str(value))
