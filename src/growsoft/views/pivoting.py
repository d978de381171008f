"""Pivoting: sums of what a list finds in a table, a row for each value of one key and a column for each of another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from growsoft.views.charting import MOST_CELLS, SEVERAL, TOO_MANY, Data, measure_of, money_of, said, value_of

if TYPE_CHECKING:
    from growsoft.views.lister import Lister

MOST_COLUMNS: Final = 40
MOST_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class PivotRow:
    """One row: its name, its figures, and what they add up to."""

    name: str
    cells: tuple[str, ...]
    total: str


@dataclass(frozen=True, slots=True)
class PivotTable:
    """The table: what it is about, the names of its columns, its rows, and the sums below."""

    key: str
    across: str
    measure: str
    columns: tuple[str, ...]
    rows: tuple[PivotRow, ...]
    totals: tuple[str, ...]
    total: str
    problem: str = ""


def pivot_of(lister: Lister) -> PivotTable:
    """Return the pivot of what a list finds."""
    pivot = lister.views.pivot
    keys = lister.query.groups[:1] or tuple(key for key in (pivot.rows if pivot else ())[:1] if lister.may_group(key))
    across = lister.query.across or (pivot.column if pivot and lister.may_group(pivot.column) else "")
    measure = measure_of(lister, pivot.measures[0] if pivot and pivot.measures else "")
    words = lister.measure_words(measure)
    if not keys:
        return PivotTable("", "", words, (), (), (), "", TOO_MANY)
    names = (measure,) if measure else ()
    totals = lister.summing.totals(lister.condition, names)
    said_of = lister.key_words(keys[0]), lister.key_words(across) if across else ""
    if measure and len(totals.sums[measure]) > 1:
        return PivotTable(*said_of, words, (), (), (), "", SEVERAL)
    columns = _columns(lister, across)
    cells = _cells(lister, keys[0], across, measure)
    rows = tuple(dict.fromkeys(row for row, _column in cells))
    if len(cells) > MOST_CELLS or len(columns) > MOST_COLUMNS or len(rows) > MOST_ROWS:
        return PivotTable(*said_of, words, (), (), (), "", TOO_MANY)
    money = totals.sums.get(measure, ())
    data = Data((), (), (), money_of(money))

    def text(value: Decimal | None) -> str:
        return "" if value is None else said(lister, data, value)

    def added(places: Iterable[tuple[str, str]]) -> Decimal:
        return sum((cells.get(place, Decimal(0)) for place in places), Decimal(0))

    return PivotTable(
        *said_of, words, columns,
        tuple(
            PivotRow(row, tuple(text(cells.get((row, column))) for column in columns),
                     text(added((row, column) for column in columns)))
            for row in rows
        ),
        tuple(text(added((row, column) for row in rows)) for column in columns),
        text(sum(cells.values(), Decimal(0))),
    )  # fmt: skip


def _columns(lister: Lister, across: str) -> tuple[str, ...]:
    """Return the names of the columns in their order; one without a name when there is no second key."""
    if not across:
        return ("",)
    return tuple(bucket.label for bucket in lister.summing.buckets(lister.condition, across, limit=MOST_COLUMNS + 1))


def _cells(lister: Lister, key: str, across: str, measure: str) -> dict[tuple[str, str], Decimal]:
    """Return the figures by the names of their row and column."""
    names = (measure,) if measure else ()
    if not across or across == key:
        found = lister.summing.buckets(lister.condition, key, names, limit=MOST_ROWS + 1)
        return {(one.label, one.label if across else ""): value_of(one, measure) for one in found}
    cells: dict[tuple[str, str], Decimal] = {}
    for row, column in lister.summing.pairs(lister.condition, (key, across), names, limit=MOST_CELLS + 1):
        place = row.label, column.label
        cells[place] = cells.get(place, Decimal(0)) + value_of(row, measure)
    return cells
