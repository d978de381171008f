"""Rows: the cells of a line as values of fields, with every error of the row, and with links still as names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from growsoft.exchange.plan import Plan, Target
from growsoft.exchange.report import Faults
from growsoft.exchange.table import TableRow
from growsoft.orm.cells import NotReadable


@dataclass(slots=True)
class Row:
    """One line on its way into a record: ``values`` by field (None: the cell is empty), ``names`` of linked records.

    ``record`` is the id of the record that the row is about, 0 for a new one; ``awaits`` are names of records that
    may come from other rows of the file.
    """

    line: int
    texts: Mapping[str, str]
    values: dict[str, object]
    names: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    record: int = 0
    broken: bool = False
    awaits: set[str] = field(default_factory=set[str])

    @property
    def waits(self) -> bool:
        """Whether the row could go in if another one came first."""
        return bool(self.awaits) and not self.broken

    @property
    def ready(self) -> bool:
        """Whether the row can go in, or went in."""
        return not (self.awaits or self.broken)


class Reading:
    """Reads the rows of one file; what is wrong goes to ``faults``, and the row is broken."""

    def __init__(self, plan: Plan, header: Sequence[str], fixed: Mapping[str, object], faults: Faults) -> None:
        """``fixed`` are values that hold for every row. Raises ``FileRefused`` when columns are missing."""
        self._plan = plan
        self._header = header
        self._fixed = fixed
        self._faults = faults
        self._positions = plan.positions(header)
        self._targets = [(target, [self._positions[column] for column in target.columns]) for target in plan.targets]
        self._stripped = {t.name for t in plan.targets if t.declared().unique or t.name in plan.key}

    def row(self, raw: TableRow) -> Row:
        """Read one line."""
        row = Row(raw.line, {}, dict(self._fixed))
        if raw.damage is not None:
            self._refuse_damage(row, raw)
        elif len(raw.cells) != len(self._header):
            reason = f"This row has {len(raw.cells)} cells, the header has {len(self._header)}."
            self._refuse(row, "", "", reason)
        else:
            self._read(row, raw.cells)
        return row

    def _read(self, row: Row, cells: Sequence[str]) -> None:
        texts: dict[str, str] = {}
        for target, positions in self._targets:
            text = cells[positions[0]] if len(positions) == 1 else _joined(target, [cells[i] for i in positions])
            texts[target.name] = text
            try:
                read(target, text.strip() if target.name in self._stripped else text, row)
            except NotReadable as error:
                self._refuse(row, target.label, text, error.message)
        row.texts = texts

    def _refuse_damage(self, row: Row, raw: TableRow) -> None:
        damaged = [i for i, cell in enumerate(raw.cells) if any("\udc80" <= c <= "\udcff" for c in cell)]
        column = self._header[damaged[0]] if damaged and damaged[0] < len(self._header) else ""
        reason = "" if raw.damage is None else raw.damage.reason
        self._refuse(row, column, raw.cells[damaged[0]] if damaged else "", reason)

    def _refuse(self, row: Row, column: str, value: str, reason: str) -> None:
        row.broken = True
        self._faults.add(row.line, column, value, reason)


def read(target: Target, text: str, row: Row) -> None:
    """Read one cell into a row; links are only noted. Raises ``NotReadable``."""
    if not text or text.isspace():
        row.values[target.name] = None
    elif target.reader is not None:
        row.values[target.name] = target.reader(target.prefix + text)
    elif "\0" in text:
        raise NotReadable("It holds a NUL character, which is no text.")
    else:
        names = [text] if target.kind == "link" else text.split(",")
        row.names[target.name] = [target.prefix + name.strip() for name in names if name.strip()]


def _joined(target: Target, cells: Sequence[str]) -> str:
    between = "\n" if target.declared().kind == "text" else " "
    return between.join(cell.strip() for cell in cells if cell and not cell.isspace())
