"""Helpers: files as an export writes them, and what is in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from growsoft.exchange.exporting import Kind, export_file
from growsoft.exchange.opening import open_table
from growsoft.orm import Env
from growsoft.orm.queries import Domain


def exported(env: Env, model: str, paths: Sequence[str] = (), domain: Domain = (), *, kind: Kind = "csv") -> bytes:
    """Give the file of an export."""
    out = io.BytesIO()
    export_file(env, model, out, paths, domain, kind=kind)
    return out.getvalue()


def table(file: bytes) -> list[list[str]]:
    """Give header and rows of a file, of a workbook as its sheet shows them."""
    if file.startswith(b"PK"):
        opened = open_table(io.BytesIO(file))
        return [list(opened.header), *(row.cells for row in opened.rows())]
    return list(csv.reader(io.StringIO(file.decode(), newline="")))
