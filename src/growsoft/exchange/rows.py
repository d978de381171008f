"""Rows: the cells of a line as values of fields, with every error of the row, and with links still as names."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from growsoft.errors import ValidationError
from growsoft.exchange.escaping import MARK, plain
from growsoft.exchange.externals import full_id
from growsoft.exchange.report import Faults
from growsoft.exchange.table import TableRow
from growsoft.exchange.targets import Plan, Target
from growsoft.orm.cells import NotReadable

MAX_LINES: Final = 10_000  # of one record


class Emptied(Enum):
    """What a cell says whose field is empty on purpose: no default is meant."""

    EMPTIED = "emptied"


EMPTIED: Final = Emptied.EMPTIED


class Texts:
    """What the cells of one row hold, by the fields they fill: for those who tell what is wrong with them."""

    __slots__ = ("_cells", "_fillings")

    def __init__(self, fillings: Mapping[str, _Filling], cells: Sequence[str]) -> None:
        """Look nothing up before it is asked for."""
        self._fillings = fillings
        self._cells = cells

    def get(self, name: str, default: str) -> str:
        """Give the text of a field."""
        filling = self._fillings.get(name)
        return default if filling is None else filling.text(self._cells)


class _Filling:
    """One field and the places of the cells that fill it. ``direct`` reads a text without any sign before it."""

    __slots__ = ("_others", "_place", "direct", "strips", "target")

    def __init__(self, target: Target, places: Sequence[int], *, strips: bool) -> None:
        self.target = target
        self.strips = strips
        self.direct = None if target.prefix else target.reader
        self._place, *self._others = places

    def text(self, cells: Sequence[str]) -> str:
        if not self._others:
            return cells[self._place]
        return _joined(self.target, [cells[place] for place in (self._place, *self._others)])


NO_TEXTS: Final = Texts({}, ())


@dataclass(slots=True)
class Row:
    """One line on its way into a record: ``values`` by field (None: the cell is empty), ``names`` of linked records.

    ``record`` is the id of the record that the row is about, 0 for a new one; ``awaits`` are names of records that
    may come from other rows of the file; ``lines`` are the rows of its own lines, by field.
    """

    line: int
    texts: Texts
    values: dict[str, object]
    names: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    record: int = 0
    broken: bool = False
    awaits: set[str] = field(default_factory=set[str])
    external: str = ""
    lines: dict[str, list[Row]] = field(default_factory=dict[str, "list[Row]"])

    @property
    def waits(self) -> bool:
        """Whether the row could go in if another one came first."""
        return bool(self.awaits) and not self.broken

    @property
    def ready(self) -> bool:
        """Whether the row can go in, or went in."""
        return not (self.awaits or self.broken)


class Reading:
    """Reads the rows of one file; what is wrong goes to ``faults``, and the row is broken.

    A row with nothing but lines belongs to the record of the row before it.
    """

    def __init__(self, plan: Plan, header: Sequence[str], fixed: Mapping[str, object], faults: Faults) -> None:
        """``fixed`` are values that hold for every row. Raises ``FileRefused`` when columns are missing."""
        self._header = header
        self._faults = faults
        positions = plan.positions(header)
        self._own = _Cells(plan, positions, fixed, faults)
        self._lines = {line.name: _Cells(line.plan, positions, {}, faults) for line in plan.lines}

    def rows(self, table: Iterable[TableRow]) -> Iterator[Row]:
        """Give the records of a table, each with its lines."""
        before: Row | None = None
        for raw in table:
            row = self._row(raw)
            if before is not None and self._lines and not row.broken and self._own.are_blank(raw.cells):
                self._join(before, row)
                continue
            if before is not None:
                yield before
            before = row
        if before is not None:
            yield before

    def _row(self, raw: TableRow) -> Row:
        row = Row(raw.line, NO_TEXTS, {})
        if raw.damage is not None:
            self._refuse_damage(row, raw)
        elif len(raw.cells) != len(self._header):
            reason = f"This row has {len(raw.cells)} cells, the header has {len(self._header)}."
            self._refuse(row, "", "", reason)
        else:
            row = self._own.row(raw)
            for name, cells in self._lines.items():
                if not cells.are_blank(raw.cells):
                    line = cells.row(raw)
                    row.lines[name] = [line]
                    row.broken = row.broken or line.broken
        return row

    def _join(self, record: Row, row: Row) -> None:
        for name, lines in row.lines.items():
            known = record.lines.setdefault(name, [])
            known.extend(lines)
            record.broken = record.broken or any(line.broken for line in lines)
            if len(known) > MAX_LINES and not record.broken:
                self._refuse(record, "", "", f"This record has more than {MAX_LINES:,} lines.")

    def _refuse_damage(self, row: Row, raw: TableRow) -> None:
        damaged = [i for i, cell in enumerate(raw.cells) if any("\udc80" <= c <= "\udcff" for c in cell)]
        column = self._header[damaged[0]] if damaged and damaged[0] < len(self._header) else ""
        reason = "" if raw.damage is None else raw.damage.reason
        self._refuse(row, column, raw.cells[damaged[0]] if damaged else "", reason)

    def _refuse(self, row: Row, column: str, value: str, reason: str) -> None:
        row.broken = True
        self._faults.add(row.line, column, value, reason)


class _Cells:
    """Reads the cells of one model, which is that of the file or that of lines in it."""

    def __init__(self, plan: Plan, positions: Mapping[str, int], fixed: Mapping[str, object], faults: Faults) -> None:
        self._fixed = fixed
        self._faults = faults
        stripped = {t.name for t in plan.targets if t.declared().unique or t.name in plan.key}
        self._fillings = {
            target.name: _Filling(target, [positions[one] for one in target.columns], strips=target.name in stripped)
            for target in plan.targets
        }
        self._external = plan.external
        self._id = positions[plan.external.columns[0]] if plan.external else -1
        self._all = [positions[column] for target in plan.targets for column in target.columns]
        self._all += [self._id] if plan.external else []

    def are_blank(self, cells: Sequence[str]) -> bool:
        """Say whether none of the cells says anything."""
        return not any(cells[position] and not cells[position].isspace() for position in self._all)

    def row(self, raw: TableRow) -> Row:
        """Read them."""
        values = dict(self._fixed)
        row = Row(raw.line, Texts(self._fillings, raw.cells), values)
        for name, filling in self._fillings.items():
            text = filling.text(raw.cells)
            if filling.strips:
                text = text.strip()
            try:
                # Most cells are of this kind; the others take the long way.
                if filling.direct is not None and text and text[0] > MARK and not text.isspace():
                    values[name] = filling.direct(text)
                else:
                    read(filling.target, text, row)
            except NotReadable as error:
                self._refuse(row, filling.target.label, filling.text(raw.cells), error.message)
        if self._external is not None:
            self._read_id(row, self._external, raw.cells[self._id].strip())
        return row

    def _read_id(self, row: Row, target: Target, text: str) -> None:
        try:
            row.external = full_id(text) if text else ""
        except ValidationError as error:
            self._refuse(row, target.label, text, error.message)

    def _refuse(self, row: Row, column: str, value: str, reason: str) -> None:
        row.broken = True
        self._faults.add(row.line, column, value, reason)


def read(target: Target, cell: str, row: Row) -> None:
    """Read one cell into a row; links are only noted. Raises ``NotReadable``."""
    if not cell or cell.isspace():
        row.values[target.name] = None
        return
    text = plain(cell)
    if cell == MARK:
        row.values[target.name] = EMPTIED
    elif target.reader is not None:
        row.values[target.name] = target.reader(target.prefix + text)
    elif "\0" in text:
        raise NotReadable("It holds a NUL character, which is no text.")
    else:
        names = [text] if target.kind == "link" else listed(text)
        row.names[target.name] = [target.prefix + name.strip() for name in names if name.strip()]


def listed(text: str) -> list[str]:
    """Part the names of a cell at its commas; one that has commas itself stands in quotation marks, doubled inside."""
    if '"' not in text:
        return text.split(",")
    line = text.replace("\r", " ").replace("\n", " ")
    return [name for names in csv.reader([line], skipinitialspace=True) for name in names]


def _joined(target: Target, cells: Sequence[str]) -> str:
    between = "\n" if target.declared().kind == "text" else " "
    return between.join(cell.strip() for cell in cells if cell and not cell.isspace())
