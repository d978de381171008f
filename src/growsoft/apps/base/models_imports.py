"""Imports: a file that somebody brought, what its columns mean to him, and what came of it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import IO, BinaryIO, Final, cast

from growsoft.errors import UserError
from growsoft.exchange.dialect import Dialect
from growsoft.exchange.importing import import_file
from growsoft.exchange.plan import Options
from growsoft.exchange.report import Report
from growsoft.jobs.progress import progress
from growsoft.orm import Access, Model, api, fields
from growsoft.orm.fields.json import JsonValue
from growsoft.orm.narrow import is_sequence
from growsoft.orm.notation import Dates, Notation

HOURS_KEPT: Final = 24.0
LONGEST: Final = timedelta(hours=2)
DATES: Final[Mapping[str, Dates]] = {"dmy": "dmy", "mdy": "mdy"}
MOST_KEPT: Final = 200  # errors in the report: who has more corrects these first


class Import(Model, transient=True):
    """Import: a file on its way into the records of a model. Its maker alone sees it, for a day."""

    _name = "ir.import"
    _rec_name = "name"
    _transient_max_hours = HOURS_KEPT

    name = fields.Char("File name", required=True, size=255)
    model_name = fields.Char("Model", required=True, size=64)
    content = fields.Binary("File", required=True)
    settings = fields.Json(help="What its columns mean, and how it is written.")
    report = fields.Json(help="What came of the last check or import.")

    everybody = Access("base.user")

    def dialect(self) -> Dialect:
        """How the file is written. Raises ``NoDialect``."""
        told = self.ensure_one().told()
        notation = Notation("," if told.get("decimal") == "comma" else ".", DATES.get(str(told.get("dates")), ""))
        return Dialect(
            str(told.get("sheet", "")), str(told.get("encoding", "")), str(told.get("separator", "")), notation
        )

    def told(self) -> Mapping[str, object]:
        """What was chosen."""
        settings = self.settings
        return cast("Mapping[str, object]", settings) if isinstance(settings, dict) else {}

    @api.job(attempts=1, timeout=LONGEST)
    def take(self, dry: bool) -> None:
        """Import the file, or only check it, and note what comes of it."""
        for one in self:
            one.report = one.taken(dry=dry)

    def taken(self, *, dry: bool) -> JsonValue:
        """Import the file, or only check it; give the report as it is kept."""
        told = self.ensure_one().told()
        options = Options(maps=_pairs(told.get("maps")), key=_texts(told.get("key")), dialect=self.dialect())
        content = self.content
        if content is None:
            raise UserError("The file is gone; choose it again.")
        partial = told.get("partial") is True
        with content.reading() as stream, self.env.savepoint():
            counted = _Counted(stream, content.size)
            found = import_file(
                self.env, self.model_name, cast("IO[bytes]", counted), options,
                partial=partial, dry_run=dry, progress=counted.tell_lines,
            )  # fmt: skip
        return told_report(found, dry=dry)


def told_report(report: Report, *, dry: bool) -> JsonValue:
    """Give a report as it is kept."""
    return {
        "dry": dry,
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "errors": [[one.line, one.column, one.value, one.reason] for one in report.errors[:MOST_KEPT]],
        "more": report.more_errors or len(report.errors) > MOST_KEPT,
    }


class _Counted(io.RawIOBase):
    """A file being read, which tells how much of it is behind."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = max(size, 1)
        self._taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._counted(self._stream.read(size))

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._counted(self._stream.readline(-1 if size is None else size))

    def tell_lines(self, lines: int) -> None:
        progress(min(self._taken / self._size, 1.0), f"{lines:,}")

    def _counted(self, part: bytes) -> bytes:
        self._taken += len(part)
        return part


def _pairs(value: object) -> list[tuple[str, str]]:
    return [(str(one[0]), str(one[1])) for one in _items(value) if is_sequence(one) and len(one) == 2]


def _texts(value: object) -> list[str]:
    return [str(one) for one in _items(value)]


def _items(value: object) -> Iterable[object]:
    return value if is_sequence(value) else ()
