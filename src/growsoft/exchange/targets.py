"""Targets: which fields a file fills, from which columns, and which of its rows are lines of the record before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from growsoft.exchange.report import FileRefused, RowError
from growsoft.orm import ModelInfo
from growsoft.orm.cells import Reader
from growsoft.orm.fields import AnyField

Kind = Literal["value", "text", "link", "links", "external"]

EXTERNAL: Final = "id"  # the column of external ids (Odoo calls it so, too)
BY_EXTERNAL: Final = "/id"  # the step of a path by which linked records are found by theirs
_COLUMNS_NAMED: Final = 40


@dataclass(frozen=True, slots=True)
class Target:
    """One field that is filled: from which columns, or with which text for all rows.

    ``path`` is how its links are found on the linked records: ``partner_id.ref`` has ``("ref",)``, ``partner_id/id``
    (external ids) has ``("/id",)``; empty: by the naming of the linked model. ``external`` is the record's own id.
    """

    info: ModelInfo
    name: str
    kind: Kind
    reader: Reader | None
    columns: tuple[str, ...] = ()
    fixed: str = ""
    prefix: str = ""
    path: tuple[str, ...] = ()

    def declared(self) -> AnyField:
        """Give the field."""
        return self.info.fields[self.name]

    @property
    def label(self) -> str:
        """What errors call the source: the columns of the file."""
        return "+".join(self.columns)


@dataclass(frozen=True, slots=True)
class Plan:
    """Columns and fields of one model, checked.

    ``key`` names the fields that identify a record, ``external`` is the column with its external id; ``lines`` are
    tables of lines of which each row of the file may have one.
    """

    info: ModelInfo
    targets: tuple[Target, ...]
    fixed: tuple[Target, ...]
    key: tuple[str, ...] = ()
    external: Target | None = None
    lines: tuple[LinePlan, ...] = ()

    def columns(self) -> Iterator[str]:
        """Give the columns that are read, those of lines too."""
        for target in (*self.targets, *((self.external,) if self.external else ())):
            yield from target.columns
        for line in self.lines:
            yield from line.plan.columns()

    def positions(self, header: Sequence[str]) -> dict[str, int]:
        """Find the columns in a header. Raises ``FileRefused`` naming those that are missing."""
        wanted = dict.fromkeys(self.columns())
        missing = [column for column in wanted if column not in header]
        if missing:
            raise FileRefused(RowError(1, column, "", _missing(column, header)) for column in missing)
        return {column: header.index(column) for column in wanted}


@dataclass(frozen=True, slots=True)
class LinePlan:
    """The lines of a record: its one2many field, the link back, and what fills the lines."""

    name: str
    inverse: str
    plan: Plan


def steps(text: str) -> list[str]:
    """Part a path: ``partner_id.ref``, or as Odoo writes it ``partner_id/ref``.

    ``partner_id/id`` is an external id, which is the step ``/id``; ``partner_id/.id`` and ``partner_id.id`` are the
    number of this database, which is the step ``id``.
    """
    path, slash, last = text.rpartition("/")
    if not slash:
        return text.split(".")
    before = path.replace("/", ".").split(".")
    return [*before, BY_EXTERNAL] if last == EXTERNAL else [*before, *last.removeprefix(".").split(".")]


def _missing(column: str, header: Sequence[str]) -> str:
    named = [name or "(no name)" for name in header[:_COLUMNS_NAMED]]
    more = f" and {len(header) - _COLUMNS_NAMED} more" if len(header) > _COLUMNS_NAMED else ""
    return f"The file has no column {column}; it has: {', '.join(named)}{more}."
